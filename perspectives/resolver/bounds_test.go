package resolver_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// stopwatch measures on the operating system's clock: what a hostile zone costs
// is real time.
func stopwatch() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

var _ = Describe("A hostile signed zone ends as an error within the bounds:", func() {
	tb := GinkgoTB
	expectSoon := func(ctx SpecContext, w *world, question string, limits resolver.Limits) error {
		GinkgoHelper()
		limits.Timeout = 150 * time.Millisecond
		r := w.resolver(tb(), func(o *resolver.Options) { o.Limits = limits })
		_, _ = ask(ctx, r, question) // puts the replies on tape
		w.queries()
		took := stopwatch()
		_, err := ask(ctx, r, question)
		Expect(took()).To(BeNumerically("<", time.Second))
		Expect(len(w.queries())).To(BeNumerically("<=", 100))
		return err
	}

	It("256 keys of one tag with 150 signatures each (KeyTrap)", func(ctx SpecContext) {
		trap := func(s *names.SigningSpec) {
			s.Algorithm, s.Faults = names.ED25519, []names.Fault{{Kind: names.KeyTrap, Keys: 256, Signatures: 150}}
		}
		w := launch(tb(), guarded(signed(), signed(trap)))
		for _, question := range []string{"www.victim.example A", "nowhere.victim.example A", "x.wild.victim.example TXT", "www.victim.example CAA"} {
			err := expectSoon(ctx, w, question, resolver.Limits{})
			Expect(err).To(And(MatchError(resolver.ErrBogus), MatchError(resolver.ErrLimit)), question)
			Expect(err).To(MatchError(ContainSubstring("8 signatures tried in vain")), question)
		}
	})

	DescribeTable("no more pairs of key and signature are tried than the limits allow",
		func(ctx SpecContext, limits resolver.Limits, why string) {
			trap := func(s *names.SigningSpec) {
				s.Algorithm, s.Faults = names.ED25519, []names.Fault{{Kind: names.KeyTrap}}
			}
			w := launch(tb(), guarded(signed(), signed(trap)))
			err := expectSoon(ctx, w, "www.victim.example A", limits)
			Expect(err).To(MatchError(ContainSubstring(why)))
		},
		Entry("for a record set", resolver.Limits{SignaturesPerSet: 3}, "3 signatures tried in vain"),
		// DS, DNSKEY of the root; DS, DNSKEY of example; DNSKEY of victim.example.
		Entry("for a lookup", resolver.Limits{Signatures: 7}, "2 signatures tried in vain"),
	)

	DescribeTable("as many signatures as a lookup needs are enough",
		func(ctx SpecContext, signatures int, matchError OmegaMatcher) {
			w := launch(tb(), guarded(signed(), signed()))
			r := w.resolver(tb(), func(o *resolver.Options) { o.Limits.Signatures = signatures })
			_, err := r.Lookup(ctx, "www.victim.example", dns.TypeA)
			Expect(err).To(matchError)
		},
		Entry("one too few", 5, MatchError(resolver.ErrLimit)),
		Entry("just enough", 6, Not(HaveOccurred())),
		Entry("one to spare", 7, Not(HaveOccurred())),
	)

	It("names of a hundred labels denied by NSEC3 with as many iterations as are computed", func(ctx SpecContext) {
		w := launch(tb(), guarded(signed(), signed(nsec3(50, strings.Repeat("s", 255), false))))
		r := w.resolver(tb())
		name := strings.Repeat("a.", 110) + "victim.example A"
		_, _ = ask(ctx, r, name)
		took := stopwatch()
		a, err := ask(ctx, r, name)
		Expect(took()).To(BeNumerically("<", time.Second))
		Expect(err).NotTo(HaveOccurred())
		Expect(a.Status).To(Equal(resolver.Secure))

		err = expectSoon(ctx, w, name, resolver.Limits{Hashes: 60})
		Expect(err).To(And(MatchError(resolver.ErrLimit), MatchError(resolver.ErrBogus)))
	})

	It("a referral to 200 name servers without addresses (NXNS)", func(ctx SpecContext) {
		spec := guarded(signed(), signed())
		zoneOf(&spec, "victim.example").Records += names.FanOut("fan", "plain.example", 200)
		err := expectSoon(ctx, launch(tb(), spec), "www.fan.victim.example A", resolver.Limits{})
		Expect(err).To(HaveOccurred())
	})

	It("NXNS in chains, each name server again in a zone of such", func(ctx SpecContext) {
		spec := guarded(signed(), signed())
		victim := zoneOf(&spec, "victim.example")
		for i := range 8 {
			victim.Records += names.FanOut(fmt.Sprintf("fan%d", i), fmt.Sprintf("fan%d.victim.example", i+1), 20)
		}
		w := launch(tb(), spec)
		err := expectSoon(ctx, w, "www.fan0.victim.example A", resolver.Limits{})
		Expect(err).To(HaveOccurred())
	})

	It("aliases without end, by DNAME records that make names longer", func(ctx SpecContext) {
		spec := guarded(signed(), signed())
		zoneOf(&spec, "victim.example").Records += "grow IN DNAME x.grow\nd1 IN DNAME d2\nd2 IN DNAME d1\n"
		w := launch(tb(), spec)
		Expect(expectSoon(ctx, w, "a.grow.victim.example A", resolver.Limits{})).To(HaveOccurred())
		Expect(expectSoon(ctx, w, "a.d1.victim.example A", resolver.Limits{})).To(MatchError(resolver.ErrLoop))
	})

	It("unsigned answers for a name of a hundred labels, each of which could be a delegation", func(ctx SpecContext) {
		spec := guarded(signed(), signed(faulty(names.Fault{Kind: names.MissingSignature})))
		deep := strings.Repeat("a.", 100)
		zoneOf(&spec, "victim.example").Records += deep[:len(deep)-1] + " IN A 192.0.2.1\n"
		err := expectSoon(ctx, launch(tb(), spec), deep+"victim.example A", resolver.Limits{})
		Expect(err).To(MatchError(resolver.ErrBogus))
	})
})
