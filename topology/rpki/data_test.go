package rpki_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/rpki"
)

// realFile returns the path of a file of real data, in $MPICSIM_DATA or
// ../shared/data beside the repository, or skips.
func realFile(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		at, err := os.Getwd()
		if err != nil {
			tb.Fatal(err)
		}
		for dir = ""; dir == ""; at = filepath.Dir(at) {
			if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
				dir = filepath.Join(at, "..", "shared", "data")
			} else if at == filepath.Dir(at) {
				tb.Fatal("no go.mod above the working directory")
			}
		}
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("SKIPPED: no real data (set MPICSIM_DATA to the directory that holds it): %v", err)
	}
	return path
}

const (
	realVRPs   = "routinator-2022-09-15.csv.gz"
	realScores = "rovista_rov_scores.csv.gz"
)

func TestTheRealVRPs(t *testing.T) {
	g := NewWithT(t)
	name := realFile(t, realVRPs)
	f, err := rpki.Open(name)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Summary()).To(Equal(name + ": 367721 VRPs: 305013 IPv4 (52078 with a max length above the prefix's), " +
		"62708 IPv6 (9706), 1168 of AS 0; 0 ASPAs"))
	set, err := rpki.NewVRPs(f.VRPs)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(set.Len()).To(Equal(len(f.VRPs)))
	g.Expect(slices.Equal(slices.Collect(set.All()), f.VRPs)).To(BeTrue(), "a set gives back what it was made of")

	// Each payload covers its own prefix, and allows it to its origin.
	for _, v := range f.VRPs {
		want := rpki.Valid
		if v.Origin == 0 {
			want = rpki.Invalid
		}
		if got := set.Validate(v.Prefix, v.Origin); got != want {
			t.Fatalf("%v is %v, want %v", v, got, want)
		}
	}
	// A sample against a scan: the prefix, one bit less and two bits more.
	for i := 0; i < len(f.VRPs); i += 12347 {
		p := f.VRPs[i].Prefix
		for _, bits := range []int{p.Bits() - 1, p.Bits(), p.Bits() + 2} {
			q, err := p.Addr().Prefix(bits)
			if err != nil {
				continue // beyond the address
			}
			want, covering := scan(f.VRPs, q, f.VRPs[i].Origin)
			g.Expect(set.Validate(q, f.VRPs[i].Origin)).To(Equal(want), "%v", q)
			g.Expect(set.Covering(q)).To(ConsistOf(covering), "%v", q)
		}
	}
	g.Expect(set.Validate(netip.MustParsePrefix("1.1.1.0/24"), 13335)).To(Equal(rpki.Valid))
	g.Expect(set.Validate(netip.MustParsePrefix("1.1.1.0/25"), 13335)).To(Equal(rpki.Invalid))
	g.Expect(set.Validate(netip.MustParsePrefix("1.1.1.0/24"), 1)).To(Equal(rpki.Invalid))
	g.Expect(set.Validate(netip.MustParsePrefix("192.0.2.0/24"), 1)).To(Equal(rpki.NotFound))

	var out bytes.Buffer
	g.Expect(rpki.WriteCSV(&out, f.VRPs)).To(Succeed())
	again, err := rpki.Read(&out, "again")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(slices.Equal(again.VRPs, f.VRPs)).To(BeTrue())
}

func TestTheRealScores(t *testing.T) {
	g := NewWithT(t)
	s, err := rpki.OpenROVScores(realFile(t, realScores))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.Len()).To(Equal(100842))
	g.Expect(s.AtLeast(1)).To(HaveLen(6950))
	g.Expect(len(s.AtLeast(0)) - len(s.AtLeast(0.000001))).To(Equal(93094))
}
