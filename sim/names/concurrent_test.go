package names

import (
	"sync"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
)

// Answers share the zone's records; packing one reply must not change what
// another one is packed from. Worth its name under the race detector.
func TestRespondConcurrently(t *testing.T) {
	z := mustParse(t, serverText)
	r := &responder{zones: map[string]*Zone{z.apex: z}, udpSize: defaultSize}
	before := z.Text()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for owner := range z.nodes {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeANY, dns.TypeNS} {
					r.respond(new(dns.Msg).SetQuestion(owner, qtype), true)
				}
			}
		})
	}
	all.Wait()
	NewWithT(t).Expect(z.Text()).To(Equal(before))
}
