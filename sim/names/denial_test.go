package names

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestProofsAgainstOracle asks random signed zones for every name of a small
// alphabet. Each answer must be that of the unsigned zone, and a checker that
// knows nothing but the reply and the keys must follow every step of it. Without
// any one of the NSEC or NSEC3 records it must not.
func TestProofsAgainstOracle(t *testing.T) {
	owners, questions := smallNames()
	for name, nsec3 := range map[string]*NSEC3Spec{
		"NSEC": nil, "NSEC3": {}, "NSEC3, salted": {Iterations: 1, Salt: []byte{0xAB}}, "NSEC3, opt-out": {OptOut: true},
	} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(4035, 5155))
			spec := signedFor(func(s *SigningSpec) { s.Algorithm, s.NSEC3 = ED25519, nsec3 })
			keys, err := newKeyring("example.", spec, 300)
			if err != nil {
				t.Fatal(err)
			}
			steps := map[string]int{}
			for zones := 0; zones < 40; {
				text := randomZone(rng, owners)
				plain, err := ParseZone(strings.NewReader(text), ParseOptions{Origin: "example."})
				if err != nil {
					continue
				}
				zones++
				signed := mustParse(t, text)
				if err := signed.sign(keys); err != nil {
					t.Fatal(err)
				}
				c := &checker{
					keys: signed.nodes["example."].set(dns.TypeDNSKEY), nsec3: nsec3 != nil, steps: steps,
					verified: map[*dns.RRSIG]bool{},
				}
				for _, qname := range questions {
					for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeCNAME, dns.TypeNS, dns.TypeDS} {
						complain := func(format string, args ...any) {
							t.Helper()
							t.Fatalf("%s %s: %s\nin the zone\n%s", qname, dns.Type(qtype), fmt.Sprintf(format, args...), signed.Text())
						}
						want := plain.lookup(question{qname, qtype, true})
						got := signed.lookup(question{qname, qtype, false})
						if render(got) != render(want) {
							complain("without DO got\n%s\nwant\n%s", render(got), render(want))
						}
						got = signed.lookup(question{qname, qtype, true})
						if bare := withoutSecurity(got, qtype); render(bare) != render(want) {
							complain("with DO got\n%s\nwant\n%s", render(bare), render(want))
						}
						if err := c.check(qname, qtype, got); err != nil {
							complain("%v\n%s", err, render(got))
						}
						if qtype == dns.TypeDS && nsec3 != nil && nsec3.OptOut {
							continue // that there may be an unsigned delegation is proof enough (RFC 5155 8.6)
						}
						for _, less := range withoutOneProof(got) {
							if err := (&checker{c.keys, c.nsec3, map[string]int{}, c.verified}).check(qname, qtype, less); err == nil {
								complain("convincing even as\n%s\nof\n%s", render(less), render(got))
							}
						}
					}
				}
			}
			for _, step := range []string{"answer", "wildcard answer", "no data", "empty non-terminal", "wildcard no data", "name error", "secure referral", "insecure referral", "DNAME"} {
				if steps[step] < 20 {
					t.Errorf("the zones are too tame to show %q: %v", step, steps)
				}
			}
		})
	}
}

// withoutSecurity returns the answer without what the DO bit added.
func withoutSecurity(a answer, qtype uint16) answer {
	drop := func(rrs []dns.RR, types ...uint16) []dns.RR {
		return slices.DeleteFunc(slices.Clone(rrs), func(rr dns.RR) bool { return slices.Contains(types, rr.Header().Rrtype) })
	}
	a.answer = drop(a.answer, dns.TypeRRSIG)
	a.authority = drop(a.authority, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeDS)
	return a
}

// withoutOneProof returns the answer without each one of its denial records.
func withoutOneProof(a answer) []answer {
	var out []answer
	for i, rr := range a.authority {
		if rtype := rr.Header().Rrtype; rtype == dns.TypeNSEC || rtype == dns.TypeNSEC3 {
			less := a
			less.authority = slices.Delete(slices.Clone(a.authority), i, i+2) // and its one signature
			out = append(out, less)
		}
	}
	return out
}

// checker follows a reply of the zone example. by RFC 4035 5 and RFC 5155 8. It
// shares no code with the server: names are compared label by label, hashes
// computed anew, and the closest encloser comes from the proof.
type checker struct {
	keys  []dns.RR
	nsec3 bool
	steps map[string]int // what was seen

	verified map[*dns.RRSIG]bool // shared records need it once
}

func (c *checker) check(qname string, qtype uint16, a answer) error {
	for _, section := range [][]dns.RR{a.answer, a.authority} {
		if err := c.signatures(section, a.outcome == Referral); err != nil {
			return err
		}
	}
	return c.follow(strings.ToLower(qname), qtype, a)
}

// signatures verifies all RRsets but those that are not to be signed.
func (c *checker) signatures(section []dns.RR, referral bool) error {
	redirected := false
	for i := 0; i < len(section); {
		h := section[i].Header()
		end := i + 1
		for end < len(section) && section[end].Header().Rrtype == h.Rrtype && section[end].Header().Name == h.Name {
			end++
		}
		set := section[i:end]
		i = end
		if referral && h.Rrtype == dns.TypeNS || redirected && h.Rrtype == dns.TypeCNAME {
			redirected = false
			continue
		}
		redirected = h.Rrtype == dns.TypeDNAME
		if i == len(section) {
			return fmt.Errorf("%s %s is not signed", h.Name, dns.Type(h.Rrtype))
		}
		sig, ok := section[i].(*dns.RRSIG)
		if !ok || sig.TypeCovered != h.Rrtype || sig.Hdr.Name != h.Name || sig.Hdr.Ttl != h.Ttl {
			return fmt.Errorf("%s %s is not signed", h.Name, dns.Type(h.Rrtype))
		}
		i++
		c.verified[sig] = c.verified[sig] || slices.ContainsFunc(c.keys, func(k dns.RR) bool { return sig.Verify(k.(*dns.DNSKEY), set) == nil })
		if !c.verified[sig] {
			return fmt.Errorf("%s %s: wrong signature", h.Name, dns.Type(h.Rrtype))
		}
	}
	return nil
}

// follow goes through the answer section, and on to what is denied.
func (c *checker) follow(qname string, qtype uint16, a answer) error {
	seen := map[string]bool{}
	for rest := a.answer; len(rest) > 0; {
		seen[qname] = true
		rr := rest[0]
		if d, ok := rr.(*dns.DNAME); ok && qtype != dns.TypeDNAME {
			alias := rest[2].(*dns.CNAME)
			prefix, below := strings.CutSuffix(qname, "."+d.Hdr.Name)
			if !below || strings.ToLower(alias.Hdr.Name) != qname || alias.Target != prefix+"."+d.Target || alias.Hdr.Ttl != d.Hdr.Ttl {
				return fmt.Errorf("%v does not follow from %v", alias, d)
			}
			c.steps["DNAME"]++
			qname, rest = alias.Target, rest[3:]
			continue
		}
		if rr.Header().Name != qname {
			return fmt.Errorf("%v does not answer for %s", rr, qname)
		}
		n := 0
		for ; rest[n].Header().Rrtype != dns.TypeRRSIG; n++ {
		}
		sig := rest[n]
		rest = rest[n+1:]
		parts := dns.SplitDomainName(qname)
		own := len(parts) // RFC 4034 3.1.3
		if parts[0] == "*" {
			own--
		}
		if labels := int(sig.(*dns.RRSIG).Labels); labels < own {
			c.steps["wildcard answer"]++
			if err := c.noCloser(a, qname, dns.Fqdn(strings.Join(parts[len(parts)-labels:], "."))); err != nil {
				return err
			}
		}
		alias, ok := rr.(*dns.CNAME)
		if !ok || qtype == dns.TypeCNAME {
			c.steps["answer"]++
			return nil
		}
		qname = alias.Target
	}
	switch {
	case seen[qname] || !strings.HasSuffix(qname, ".example.") && qname != "example.":
		return nil // the resolver's business
	case a.outcome == Referral:
		return c.referral(a, qname)
	case a.rcode == dns.RcodeNameError:
		c.steps["name error"]++
		return c.nameError(a, qname)
	default:
		return c.noData(a, qname, qtype)
	}
}

func (c *checker) referral(a answer, qname string) error {
	cut := ""
	for _, rr := range a.authority {
		switch rr := rr.(type) {
		case *dns.NS:
			cut = rr.Hdr.Name
		case *dns.DS:
			if rr.Hdr.Name == cut {
				c.steps["secure referral"]++
				return nil
			}
		}
	}
	if cut != qname && !strings.HasSuffix(qname, "."+cut) {
		return fmt.Errorf("a referral to %s", cut)
	}
	c.steps["insecure referral"]++
	types, err := c.matching(a, cut)
	switch {
	case err == nil && slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeDS) && !slices.Contains(types, dns.TypeSOA):
		return nil
	case c.nsec3:
		return c.optedOut(a, cut)
	default:
		return fmt.Errorf("no proof that %s is unsigned", cut)
	}
}

// optedOut checks RFC 5155 8.9: nothing but an unsigned delegation can be there.
func (c *checker) optedOut(a answer, name string) error {
	for _, encloser := range ancestors(name) {
		if _, err := c.matching(a, encloser); err != nil {
			continue
		}
		for _, rr := range a.authority {
			if n, ok := rr.(*dns.NSEC3); ok && n.Flags&1 == 1 && covers3(n, nextCloser(name, encloser)) {
				return nil
			}
		}
		return fmt.Errorf("%s: no opt-out above %s", encloser, name)
	}
	return fmt.Errorf("no closest provable encloser of %s", name)
}

func (c *checker) noData(a answer, qname string, qtype uint16) error {
	lacks := func(types []uint16) error {
		atCut := slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA)
		if slices.Contains(types, qtype) || slices.Contains(types, dns.TypeCNAME) || atCut && qtype != dns.TypeDS {
			return fmt.Errorf("the types %v do not deny %s", types, dns.Type(qtype))
		}
		return nil
	}
	if types, err := c.matching(a, qname); err == nil {
		if len(types) == 0 {
			c.steps["empty non-terminal"]++
		} else {
			c.steps["no data"]++
		}
		return lacks(types)
	}
	if !c.nsec3 {
		for _, rr := range a.authority {
			if n, ok := rr.(*dns.NSEC); ok && covers(n, qname) && strings.HasSuffix(n.NextDomain, "."+qname) {
				c.steps["empty non-terminal"]++
				return nil
			}
		}
	}
	encloser, err := c.closestEncloser(a, qname)
	if err == nil {
		wildcard := "*." + encloser
		if types, err := c.matching(a, wildcard); err == nil {
			c.steps["wildcard no data"]++
			return lacks(types)
		}
		for _, rr := range a.authority {
			if n, ok := rr.(*dns.NSEC); ok && covers(n, wildcard) && strings.HasSuffix(n.NextDomain, "."+wildcard) {
				c.steps["wildcard no data"]++
				return nil
			}
		}
	}
	if c.nsec3 && qtype == dns.TypeDS {
		c.steps["no data"]++
		return c.optedOut(a, qname)
	}
	return errors.Join(err, errors.New("no proof of NODATA"))
}

func (c *checker) nameError(a answer, qname string) error {
	encloser, err := c.closestEncloser(a, qname)
	if err != nil {
		return err
	}
	return c.covered(a, "*."+encloser)
}

func (c *checker) noCloser(a answer, qname, encloser string) error {
	if c.nsec3 {
		return c.covered(a, nextCloser(qname, encloser))
	}
	found, err := c.closestEncloser(a, qname)
	if err == nil && found != encloser {
		err = fmt.Errorf("the wildcard at %s does not stand for %s: %s exists", encloser, qname, found)
	}
	return err
}

// closestEncloser returns the closest encloser of a name that does not exist,
// as the reply proves it.
func (c *checker) closestEncloser(a answer, qname string) (string, error) {
	if c.nsec3 {
		for _, encloser := range ancestors(qname) {
			types, err := c.matching(a, encloser)
			if err != nil {
				continue
			}
			if slices.Contains(types, dns.TypeDNAME) || slices.Contains(types, dns.TypeNS) && !slices.Contains(types, dns.TypeSOA) {
				return "", fmt.Errorf("%s says nothing about what is below it (RFC 5155 8.3)", encloser)
			}
			return encloser, c.covered(a, nextCloser(qname, encloser))
		}
		return "", fmt.Errorf("no closest encloser of %s", qname)
	}
	for _, rr := range a.authority {
		n, ok := rr.(*dns.NSEC)
		if !ok || !covers(n, qname) {
			continue
		}
		bits := n.TypeBitMap
		stops := slices.Contains(bits, dns.TypeDNAME) || slices.Contains(bits, dns.TypeNS) && !slices.Contains(bits, dns.TypeSOA)
		if stops && strings.HasSuffix(qname, "."+n.Hdr.Name) {
			return "", fmt.Errorf("%v says nothing about %s (RFC 6840 4.1, 4.4)", n, qname)
		}
		for _, up := range ancestors(qname) {
			for _, existing := range []string{n.Hdr.Name, n.NextDomain} {
				if existing == up || strings.HasSuffix(existing, "."+up) {
					return up, nil
				}
			}
		}
	}
	return "", fmt.Errorf("nothing covers %s", qname)
}

// covered checks that a name does not exist.
func (c *checker) covered(a answer, name string) error {
	for _, rr := range a.authority {
		switch n := rr.(type) {
		case *dns.NSEC:
			if covers(n, name) && !strings.HasSuffix(n.NextDomain, "."+name) {
				return nil
			}
		case *dns.NSEC3:
			if covers3(n, name) {
				return nil
			}
		}
	}
	return fmt.Errorf("nothing covers %s", name)
}

// matching returns the types that the reply proves for a name.
func (c *checker) matching(a answer, name string) ([]uint16, error) {
	for _, rr := range a.authority {
		switch n := rr.(type) {
		case *dns.NSEC:
			if n.Hdr.Name == name {
				return n.TypeBitMap, nil
			}
		case *dns.NSEC3:
			if n.Hdr.Name == strings.ToLower(hash3(n, name))+".example." {
				return n.TypeBitMap, nil
			}
		}
	}
	return nil, fmt.Errorf("nothing matches %s", name)
}

// covers says whether a name lies between an NSEC record's ends.
func covers(n *dns.NSEC, name string) bool {
	after, before := labelwise(n.Hdr.Name, name) < 0, labelwise(name, n.NextDomain) < 0
	if labelwise(n.Hdr.Name, n.NextDomain) >= 0 { // the last one
		return after && (before || n.NextDomain == "example.")
	}
	return after && before
}

func covers3(n *dns.NSEC3, name string) bool {
	own, _, _ := strings.Cut(strings.ToUpper(n.Hdr.Name), ".")
	h := hash3(n, name)
	if own >= n.NextDomain {
		return h > own || h < n.NextDomain
	}
	return own < h && h < n.NextDomain
}

// hash3 is IH(salt, x, k) of RFC 5155 5 for names without escapes.
func hash3(n *dns.NSEC3, name string) string {
	var wire bytes.Buffer
	for _, label := range dns.SplitDomainName(name) {
		wire.WriteByte(byte(len(label)))
		wire.WriteString(strings.ToLower(label))
	}
	wire.WriteByte(0)
	salt, _ := hex.DecodeString(n.Salt)
	sum := sha1.Sum(append(wire.Bytes(), salt...))
	for range n.Iterations {
		sum = sha1.Sum(append(sum[:], salt...))
	}
	return base32.HexEncoding.EncodeToString(sum[:])
}

// labelwise compares names without escapes by RFC 4034 6.1.
func labelwise(a, b string) int {
	x, y := dns.SplitDomainName(a), dns.SplitDomainName(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.Compare(x, y)
}

// ancestors returns the names above a name up to example., the closest first.
func ancestors(name string) []string {
	var out []string
	for name != "example." {
		_, name, _ = strings.Cut(name, ".")
		out = append(out, name)
	}
	return out
}

func nextCloser(name, encloser string) string {
	for _, up := range append([]string{name}, ancestors(name)...) {
		if _, rest, _ := strings.Cut(up, "."); rest == encloser {
			return up
		}
	}
	return name
}
