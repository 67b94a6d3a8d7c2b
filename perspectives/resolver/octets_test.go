package resolver_test

import (
	"strings"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
)

// Values of CAA and URI records are octets, of which a backslash is one. The text
// form of records writes others by means of it, and a validator that takes one for
// the other verifies a signature over what was not received.
var _ = Describe("A signed CAA record", func() {
	const value = "ca.example; cansignhttpexchanges=yes; accounturi=https://ca.example/acct/1"
	var w *world
	zone := func(record string) {
		spec := guarded(signed(), signed())
		zoneOf(&spec, "victim.example").Records += "\n" + record
		w = launch(GinkgoTB(), spec)
	}
	receive := func(ctx SpecContext) (*resolver.Answer, error) {
		GinkgoHelper()
		return ask(ctx, w.resolver(GinkgoTB()), "caa.victim.example CAA")
	}

	It("cannot be given another value that is written like it", func(ctx SpecContext) {
		zone(`caa IN CAA 0 issue "` + value + `"`)
		a, err := receive(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(resolver.Secure))
		w.spoil = func(_ int, reply []byte) []byte {
			m := new(dns.Msg)
			if m.Unpack(reply) != nil || len(m.Answer) == 0 {
				return reply
			}
			for _, rr := range m.Answer {
				if r, ok := rr.(*dns.CAA); ok { // the octets \059\032, not "; ": accounturi is in another parameter's value
					r.Value = strings.Replace(r.Value, "; accounturi", `\\059\\032accounturi`, 1)
				}
			}
			wire, err := m.Pack()
			if err != nil {
				panic(err)
			}
			return wire
		}
		a, err = receive(ctx)
		Expect(err).To(MatchError(resolver.ErrBogus), "%v", a)
	})

	It("may have backslashes, quotes and what cannot be printed in its value", func(ctx SpecContext) {
		const octets = "a\\b\\059\"c\x00\xff\\"
		zone(`caa IN CAA 0 iodef "a\\\\b\\\\059\"c\000\255\\\\"`) // the zone file's escapes, and the library's
		a, err := receive(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(resolver.Secure))
		Expect(a.Records).To(ConsistOf(HaveField("Value", octets)))
		Expect(resolver.Data(a.Records[0])).To(Equal(`0 iodef "a\\b\\059\"c\000\255\\"`))
		Expect(a.Trace).To(ContainElement(HaveField("Answer", ContainElement(ContainSubstring(`CAA 0 iodef "a\\b\\059\"c\000\255\\"`)))))
	})
})
