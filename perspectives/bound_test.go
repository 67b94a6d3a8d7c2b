package perspectives_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
)

// large returns a result in which everything that comes from strangers is as large
// as n times what text says.
func large(n int, text string) perspectives.Result {
	long := strings.Repeat(text, n)
	ev := func() (all []perspectives.Evidence) {
		for i := range 300 {
			all = append(all, perspectives.Evidence{
				Kind: "dns", Query: fmt.Sprintf("%s%d TXT", long[:min(len(long), 900)], i), Server: "192.0.2.1:53", Status: "SERVFAIL",
				Answer: []string{long, long},
			})
		}
		return all
	}
	var chain []perspectives.ChainLink
	var hops []perspectives.Hop
	for range 300 {
		chain = append(chain, perspectives.ChainLink{Zone: long, Owner: long, Type: "DS", Detail: long})
	}
	for range 12 {
		hops = append(hops, perspectives.Hop{URL: long, Location: long, Status: 302})
	}
	o := perspectives.Outcome{
		Verdict: perspectives.Error, Reason: "lookup-failed", Detail: long, Evidence: ev(), Chain: chain,
		Seen: &perspectives.Seen{
			DNS: &perspectives.SeenDNS{Name: "example.com", FoundAt: "example.com", Records: []string{long, long, long}, CNAMEs: []string{long}},
			Web: &perspectives.SeenWeb{URL: long, Page: []byte(long[:min(len(long), 4096)]), Hops: hops},
			TLS: &perspectives.SeenTLS{CommonName: long, Certificate: make([]byte, 16*n)},
		},
		LookupFailure: &perspectives.LookupFailure{
			Name: "example.com", OutsideEvidence: ev(), Chain: chain, Outside: long,
			Attempts: []perspectives.FailedLookup{{Error: long, Evidence: ev()}, {Error: long, Evidence: ev()}},
		},
	}
	r := perspectives.Result{Perspective: "test/one", DCV: o, CAA: o}
	for range 1000 {
		r.TargetAddresses = append(r.TargetAddresses, "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:443")
	}
	return r
}

// TestBoundHolds: whatever a result is made of, its JSON is then about as large as
// allowed, and it says that it was cut.
func TestBoundHolds(t *testing.T) {
	for name, text := range map[string]string{
		"letters": "x", "escapes": `\255`, "quotes": `"`, "markup": "<", "control": "\x01", "no UTF-8": "\xff", "beyond ASCII": "é",
		"separators": "\u2028",
	} {
		for _, limit := range []int{16 << 10, perspectives.MaxEvidence} {
			t.Run(fmt.Sprint(name, limit), func(t *testing.T) {
				g := NewWithT(t)
				r := large(16<<10, text)
				r.Bound(limit)
				data, err := json.Marshal(r)
				g.Expect(err).NotTo(HaveOccurred())
				// Fixed parts: the details, hops and addresses have bounds of their own.
				g.Expect(len(data)).To(BeNumerically("<", limit+limit/4+160<<10))
				g.Expect(r.CAA.EvidenceCut).To(BeTrue())
				g.Expect(r.CAA.Seen.DNS.Cut).To(BeTrue())
				g.Expect(r.CAA.Seen.TLS.Cut).To(BeTrue())
				g.Expect(r.CAA.LookupFailure.Cut).To(BeTrue())
				g.Expect(r.CAA.Verdict).To(Equal(perspectives.Error))
				g.Expect(r.CAA.Detail).To(HaveSuffix("..."))
				if utf8.ValidString(text) {
					g.Expect(utf8.ValidString(r.CAA.Detail)).To(BeTrue(), "cut between characters")
				}
				again := r
				again.Bound(limit)
				g.Expect(again).To(Equal(r), "what is bounded stays as it is")
			})
		}
	}
}

// TestBoundLeavesOrdinaryResults: what an honest check brings is not changed.
func TestBoundLeavesOrdinaryResults(t *testing.T) {
	g := NewWithT(t)
	r := large(20, "x")
	r.DCV.Evidence, r.CAA.Evidence = r.DCV.Evidence[:50], r.CAA.Evidence[:50]
	for _, o := range []*perspectives.Outcome{&r.DCV, &r.CAA} {
		o.Chain, o.LookupFailure.Chain = o.Chain[:30], o.LookupFailure.Chain[:20]
		o.LookupFailure.OutsideEvidence = o.LookupFailure.OutsideEvidence[:8]
		for i := range o.LookupFailure.Attempts {
			o.LookupFailure.Attempts[i].Evidence = o.LookupFailure.Attempts[i].Evidence[:10]
		}
	}
	r.TargetAddresses = r.TargetAddresses[:10]
	before, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
	r.Bound(0)
	after, err := json.Marshal(r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(after)).To(Equal(string(before)))
}

// TestBoundSharesNothing: a result that shares its evidence with another does not
// change the other's.
func TestBoundSharesNothing(t *testing.T) {
	g := NewWithT(t)
	r := large(16<<10, "x")
	evidence, seen := r.DCV.Evidence, r.DCV.Seen
	r.Bound(0)
	g.Expect(evidence).To(HaveLen(300))
	for _, e := range evidence {
		g.Expect(e.Cut).To(BeFalse())
		g.Expect(e.Answer).To(HaveLen(2))
	}
	g.Expect(seen.DNS.Records).To(HaveLen(3))
	g.Expect(seen.DNS.Cut).To(BeFalse())
}

// TestSizeIsThatOfJSON: what evidence is counted as is never less than its JSON, and
// no more for text that needs no escapes.
func TestSizeIsThatOfJSON(t *testing.T) {
	size := func(s string) int {
		return perspectives.Evidence{Query: "a" + s + "z"}.Size() - perspectives.Evidence{Query: "az"}.Size()
	}
	for c := range 256 {
		s := string([]byte{byte(c)})
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(text) - 2; size(s) < want || want == 1 && c != 0x7f && size(s) != 1 {
			t.Errorf("octet %#x: found %d, expected %d, as in %s", c, size(s), want, text)
		}
	}
	for _, s := range []string{"é", "€", "😀", "\u2028", "\ufffd", "\xff\xfe"} {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(text) - 2; size(s) != want {
			t.Errorf("%q: found %d, expected %d, as in %s", s, size(s), want, text)
		}
	}
}
