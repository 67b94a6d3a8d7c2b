package names

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	. "github.com/onsi/gomega"
)

// TestLookupAgainstOracle asks random small zones for every name of a small
// alphabet and compares with RFC 1034 4.3.2, RFC 4592 and RFC 6672 as written, in terms of
// sets of records: no tree, no shortcuts.
func TestLookupAgainstOracle(t *testing.T) {
	g := NewWithT(t)
	rng := rand.New(rand.NewPCG(1034, 4592))
	owners, questions := smallNames()
	outcomes := map[Outcome]int{}
	zones := 0
	for zones < 400 {
		text := randomZone(rng, owners)
		z, err := ParseZone(strings.NewReader(text), ParseOptions{Origin: "example."})
		if err != nil {
			continue // contradictory: the loader's tests say which ones
		}
		zones++
		var all []dns.RR
		for _, n := range z.nodes {
			for _, set := range n.sets {
				all = append(all, set.rrs...)
			}
		}
		for _, qname := range questions {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeCNAME, dns.TypeNS, dns.TypeDS, dns.TypeANY} {
				got := z.lookup(question{qname, qtype, false})
				outcomes[got.outcome]++
				if got, want := render(got), oracle(all, qname, qtype); got != want {
					t.Fatalf("%s %s: got\n%s\nwant\n%s\nin the zone\n%s", qname, dns.Type(qtype), got, want, text)
				}
			}
		}
	}
	for o := Answered; o <= Referral; o++ {
		g.Expect(outcomes[o]).To(BeNumerically(">", 100), "the zones are too tame to show %v: %v", o, outcomes)
	}
}

// smallNames returns the names that random zones have records for, and those
// that they are asked for.
func smallNames() (owners, questions []string) {
	labels := []string{"a", "b", "*"}
	for _, x := range labels {
		owners = append(owners, x+".example.")
		for _, y := range labels {
			owners = append(owners, x+"."+y+".example.")
		}
	}
	owners = append(owners, "a.b.a.example.", "a.*.b.example.")
	questions = append(questions, "example.")
	for _, x := range []string{"a.", "b.", "c.", "*."} {
		questions = append(questions, x+"example.")
		for _, y := range []string{"a.", "b.", "c.", "*."} {
			questions = append(questions, y+x+"example.")
			for _, z := range []string{"a.", "c.", "*."} {
				questions = append(questions, z+y+x+"example.")
			}
		}
	}
	return owners, questions
}

func randomZone(rng *rand.Rand, owners []string) string {
	var b strings.Builder
	b.WriteString(apex)
	for range 1 + rng.IntN(6) {
		owner := owners[rng.IntN(len(owners))]
		target := owners[rng.IntN(len(owners))]
		switch rng.IntN(7) {
		case 0, 1:
			fmt.Fprintf(&b, "%s IN A 192.0.2.%d\n", owner, rng.IntN(3))
		case 2:
			fmt.Fprintf(&b, "%s IN TXT %d\n", owner, rng.IntN(3))
		case 3:
			fmt.Fprintf(&b, "%s IN CNAME %s\n", owner, target)
		case 4:
			fmt.Fprintf(&b, "%s IN CNAME elsewhere.\n", owner)
		case 5:
			if rng.IntN(4) == 0 {
				target = "elsewhere."
			}
			fmt.Fprintf(&b, "%s IN DNAME %s\n", owner, target)
		case 6:
			fmt.Fprintf(&b, "%s IN NS %s\n%s IN A 192.0.2.53\n", owner, target, target)
			if rng.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN DS 1 13 2 00\n", owner)
			}
		}
	}
	return b.String()
}

// render writes an answer as sorted lines.
func render(a answer) string {
	var lines []string
	for section, rrs := range map[string][]dns.RR{"answer": a.answer, "authority": a.authority, "additional": a.additional} {
		for _, rr := range rrs {
			lines = append(lines, section+" "+rr.String())
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%s aa=%v\n%s", dns.RcodeToString[a.rcode], a.authoritative, strings.Join(slices.Compact(lines), "\n"))
}

// oracle answers from a bag of records.
func oracle(all []dns.RR, qname string, qtype uint16) string {
	at := func(owner string, types ...uint16) (out []dns.RR) {
		for _, rr := range all {
			if rr.Header().Name == owner && (slices.Contains(types, rr.Header().Rrtype) || slices.Contains(types, dns.TypeANY)) {
				out = append(out, rr)
			}
		}
		return out
	}
	exists := func(name string) bool { // RFC 4592 2.2.2: itself or anything below it
		return slices.ContainsFunc(all, func(rr dns.RR) bool { return dns.IsSubDomain(name, rr.Header().Name) })
	}
	addresses := func(servers []dns.RR) (out []dns.RR) {
		for _, rr := range servers {
			out = append(out, at(rr.(*dns.NS).Ns, dns.TypeA)...)
		}
		return out
	}
	var soa dns.RR
	for _, rr := range all {
		if rr.Header().Rrtype == dns.TypeSOA {
			soa = dns.Copy(rr)
			soa.Header().Ttl = 60 // MINIMUM of the test zone, below its TTL
		}
	}
	a := answer{authoritative: true}
next:
	for visited := map[string]bool{}; !visited[qname]; {
		visited[qname] = true
		parts := dns.SplitDomainName(qname)
		enclosers := []string{} // "example.", "a.example.", ... , qname
		for i := range slices.Backward(parts) {
			enclosers = append(enclosers, dns.Fqdn(strings.Join(parts[i:], ".")))
		}
		// Step 3b: the topmost cut; DS records belong to this side of it.
		// A DNAME record above stops the way down as well (RFC 6672 3.2).
		for _, e := range enclosers[1:] {
			if redirect := at(e, dns.TypeDNAME); len(redirect) > 0 && e != qname {
				d := redirect[0].(*dns.DNAME)
				target := strings.TrimSuffix(qname, e) + d.Target
				a.answer = append(a.answer, d)
				if len(target) > 254 {
					a.rcode = dns.RcodeYXDomain
					return render(a)
				}
				alias := &dns.CNAME{Hdr: d.Hdr, Target: target}
				alias.Hdr.Name, alias.Hdr.Rrtype = qname, dns.TypeCNAME
				a.answer = append(a.answer, alias)
				if qname = target; !dns.IsSubDomain("example.", qname) {
					return render(a)
				}
				continue next
			}
			if servers := at(e, dns.TypeNS); len(servers) > 0 && (e != qname || qtype != dns.TypeDS) {
				a.authoritative = len(a.answer) > 0
				a.authority, a.additional = servers, addresses(servers)
				return render(a)
			} else if len(servers) > 0 {
				break
			}
		}
		// Step 3a and 3c: the name itself, or the wildcard at the closest encloser.
		source := qname
		if !exists(qname) {
			for _, e := range enclosers {
				if exists(e) {
					source = "*." + e
				}
			}
		}
		own := func(rrs []dns.RR) (out []dns.RR) {
			for _, rr := range rrs {
				rr = dns.Copy(rr)
				rr.Header().Name = qname
				out = append(out, rr)
			}
			return out
		}
		switch {
		case !exists(source):
			a.rcode, a.authority = dns.RcodeNameError, []dns.RR{soa}
			return render(a)
		case len(at(source, qtype)) > 0:
			a.answer = append(a.answer, own(at(source, qtype))...)
			if qtype == dns.TypeNS {
				a.additional = addresses(at(source, qtype))
			}
			return render(a)
		case len(at(source, dns.TypeCNAME)) == 0:
			a.authority = []dns.RR{soa}
			return render(a)
		}
		a.answer = append(a.answer, own(at(source, dns.TypeCNAME))...)
		if qname = at(source, dns.TypeCNAME)[0].(*dns.CNAME).Target; !dns.IsSubDomain("example.", qname) {
			return render(a)
		}
	}
	return render(a)
}
