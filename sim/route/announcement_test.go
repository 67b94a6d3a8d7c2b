package route_test

import (
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

func TestParseAnnouncement(t *testing.T) {
	for _, c := range []struct {
		in, prefix string
		path       []topology.ASN
	}{
		{"9916=203.0.113.0/24", "203.0.113.0/24", []topology.ASN{9916}},
		{"272133 9916=203.0.113.0/24", "203.0.113.0/24", []topology.ASN{272133, 9916}},
		{" AS1  as1\t2 = 2001:db8::/32 ", "2001:db8::/32", []topology.ASN{1, 1, 2}},
		{"4294967295=0.0.0.0/0", "0.0.0.0/0", []topology.ASN{4294967295}},
	} {
		g := NewWithT(t)
		a, err := route.ParseAnnouncement(c.in)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(a).To(Equal(route.Announcement{Prefix: netip.MustParsePrefix(c.prefix), Path: c.path}))
		g.Expect(a.Announcer()).To(Equal(c.path[0]))
		g.Expect(a.Origin()).To(Equal(c.path[len(c.path)-1]))
	}
}

func TestParseAnnouncementRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                      `want "AS PATH=PREFIX"`,
		"9916":                  `want "AS PATH=PREFIX"`,
		"=203.0.113.0/24":       "AS path is empty",
		"0=203.0.113.0/24":      `AS number "0"`,
		"4294967296=10.0.0.0/8": `AS number "4294967296"`,
		"1,2=203.0.113.0/24":    `AS number "1,2"`,
		"1=203.0.113.0":         `prefix "203.0.113.0": want an address and a length`,
		"1=203.0.113.0/33":      "want an address and a length",
		"1=203.0.113.9/24":      "want 203.0.113.0/24",
		"1=::ffff:10.0.0.0/120": "IPv4-mapped",
		"1=2=10.0.0.0/8":        `prefix "2=10.0.0.0/8"`,
		strings.Repeat("1 ", 256) + "=10.0.0.0/8": "want at most 255",
	} {
		g := NewWithT(t)
		_, err := route.ParseAnnouncement(in)
		g.Expect(err).To(MatchError(ContainSubstring(want)), in)
	}
}

func TestTieBreakNames(t *testing.T) {
	g := NewWithT(t)
	for _, tb := range route.TieBreaks() {
		text, err := tb.MarshalText()
		g.Expect(err).NotTo(HaveOccurred())
		var back route.TieBreak
		g.Expect(back.UnmarshalText(text)).To(Succeed())
		g.Expect(back).To(Equal(tb))
	}
	_, err := route.ParseTieBreak("lowest")
	g.Expect(err).To(MatchError(`tie-break "lowest": want lowest-neighbor, seeded, nearest, attacker, victim`))
	g.Expect(route.TieBreak(9).String()).To(Equal("TieBreak(9)"))
}

// FuzzParseAnnouncement: what is accepted is valid and survives a round trip.
func FuzzParseAnnouncement(f *testing.F) {
	for _, seed := range []string{
		"9916=203.0.113.0/24", "272133 9916=203.0.113.0/24", "AS1 1=2001:db8::/32", "", "1", "=10.0.0.0/8", "0=10.0.0.0/8",
		"1=10.0.0.1/8", "1=10.0.0.0", "1=::ffff:10.0.0.0/120", "1=2=10.0.0.0/8", "1 x=10.0.0.0/8",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := route.ParseAnnouncement(s)
		if err != nil {
			return
		}
		if err := a.Validate(); err != nil {
			t.Fatalf("%q is accepted but %v", s, err)
		}
		again, err := route.ParseAnnouncement(a.String())
		if err != nil || !again.Equal(a) {
			t.Fatalf("%q -> %q -> %v, %v", s, a, again, err)
		}
	})
}
