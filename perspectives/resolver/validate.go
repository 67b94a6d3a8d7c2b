package resolver

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"
)

// maxDenials is how many NSEC and NSEC3 record sets of one message are looked at:
// a proof needs three at most, and one more for each wildcard on the way.
const maxDenials = 8

// step is one link of the chain of trust with the zone whose keys made it.
type step struct {
	zone *zone
	link Link
}

// judge validates m, the reply of a server of z to q that was classified as rep,
// and completes rep. A *bogusError makes the caller ask another server.
func (l *lookup) judge(ctx context.Context, z *zone, q query, m *dns.Msg, rep *reply, depth int) error {
	switch {
	case q.purpose == forKeys:
		return l.takeKeys(z, m)
	case q.purpose == forCut && rep.kind == referral:
		return fmt.Errorf("%w: a referral for a question that the parent must answer", ErrLame)
	case rep.kind == referral:
		return l.delegate(ctx, z, rep.delegation, m, depth)
	case q.purpose == forCut:
		return l.takeCut(ctx, z, q.question, m, rep, depth)
	case q.purpose == minimised:
		return nil // only whether there is a referral matters
	}
	z = l.anchored(z, q.question)
	if z.status != Secure {
		rep.status, rep.ede = z.status, z.ede
		rep.steps = append(rep.steps, step{zone: z})
		return nil
	}
	rep.status = Secure
	for _, set := range rep.sets {
		if err := l.judgeSet(ctx, z, set, m, rep, depth); err != nil {
			return err
		}
	}
	if rep.kind == answered && len(rep.records) == 0 {
		return l.judgeAbsence(ctx, z, q.question, m, rep, depth)
	}
	if n := len(rep.sets); rep.kind == answered && rep.sets[n-1].rrtype == dns.TypeDNAME && q.qtype == dns.TypeCNAME {
		rep.records[0].Header().Ttl = rep.sets[n-1].records[0].Header().Ttl // lowered by verify
	}
	return nil
}

// judgeSet validates one record set of a positive answer.
func (l *lookup) judgeSet(ctx context.Context, z *zone, set rrset, m *dns.Msg, rep *reply, depth int) error {
	if set.rrtype == dns.TypeRRSIG { // signatures are not signed (RFC 4035 2.2)
		rep.weaken(z, Indeterminate, nil)
		return nil
	}
	home, err := l.home(ctx, z, signersOf(set.sigs), set.owner, set.rrtype, depth)
	if err != nil {
		return err
	}
	if home.status != Secure {
		rep.weaken(home, home.status, home.ede)
		return nil
	}
	keys, err := l.keysOf(ctx, home, depth)
	if err != nil {
		return err
	}
	sig, err := l.verify(home.name, keys, set)
	if err != nil {
		return err
	}
	link := l.secureLink(home.name, set, sig)
	owner, _ := domainOf(set.owner)
	if int(sig.Labels) == owner.labelCount() {
		rep.steps = append(rep.steps, step{home, link})
		return nil
	}
	// Expanded from a wildcard: nothing closer may exist (RFC 4035 5.3.4).
	proof, err := l.denialIn(home, keys, m.Ns)
	if err != nil {
		return err
	}
	status, err := proof.noCloser(owner, int(sig.Labels))
	link.Detail = "expanded from a wildcard"
	rep.steps = append(rep.steps, step{home, link})
	return l.conclude(home, proof, set.owner, set.rrtype, status, err, rep)
}

// judgeAbsence validates that q has no records, as rep.rcode says.
func (l *lookup) judgeAbsence(ctx context.Context, z *zone, q question, m *dns.Msg, rep *reply, depth int) error {
	home, err := l.home(ctx, z, signersIn(m.Ns), q.name, q.qtype, depth)
	if err != nil {
		return err
	}
	if home.status != Secure {
		rep.weaken(home, home.status, home.ede)
		return nil
	}
	keys, err := l.keysOf(ctx, home, depth)
	if err != nil {
		return err
	}
	proof, err := l.denialIn(home, keys, m.Ns)
	if err != nil {
		return err
	}
	name, _ := domainOf(q.name)
	var status Status
	if rep.rcode == dns.RcodeNameError {
		// The response code is not signed. There are servers that say NXDOMAIN for an
		// empty non-terminal (RFC 8020 2), and prove that it exists.
		if status, err = proof.nameError(name); errors.Is(err, errUnproven) {
			if noData, errNoData := proof.noData(name, q.qtype); errNoData == nil {
				status, err, rep.rcode = noData, nil, dns.RcodeSuccess
			}
		}
	} else {
		status, err = proof.noData(name, q.qtype)
	}
	return l.conclude(home, proof, q.name, q.qtype, status, err, rep)
}

// conclude takes the result of a proof into rep.
func (l *lookup) conclude(z *zone, proof *proof, owner string, rrtype uint16, status Status, err error, rep *reply) error {
	switch {
	case errors.Is(err, errIterations) && !proof.refused():
		ede := proof.iterationsEDE()
		rep.weaken(z, Insecure, []EDE{ede})
	case err != nil:
		return proof.bogus(z.name, owner, rrtype, err)
	case status == Insecure:
		rep.weaken(z, Insecure, nil)
		rep.steps[len(rep.steps)-1].link = Link{
			Zone: z.name, Owner: owner, Type: typeName(rrtype), Status: Insecure, Detail: "in an opt-out span",
		}
	default:
		for _, link := range proof.links {
			rep.steps = append(rep.steps, step{z, link})
		}
	}
	return nil
}

// weaken notes that a part of the answer comes from z and has the status given.
func (r *reply) weaken(z *zone, s Status, ede []EDE) {
	r.status = r.status.weaker(s)
	r.ede = append(r.ede, ede...)
	r.steps = append(r.steps, step{zone: z})
}

// home returns the zone whose keys must have signed records of the type given at
// owner, which came from the servers of z with signatures by signers: z itself,
// or a zone below that the same servers hold. Without any signature the answer
// is right only if there is an insecure delegation on the way.
func (l *lookup) home(ctx context.Context, z *zone, signers []string, owner string, rrtype uint16, depth int) (*zone, error) {
	// DS records belong to the zone above.
	deepest := owner
	if rrtype == dns.TypeDS {
		deepest = parentOf(owner)
	}
	best := ""
	for _, s := range signers {
		if within(z.name, s) && within(s, deepest) && (best == "" || s == z.name) {
			best = s
		}
	}
	switch best {
	case z.name:
		return z, nil
	case "":
		home, err := l.descend(ctx, z, deepest, depth)
		if err != nil {
			return nil, fmt.Errorf("no signature, looking for the zone of %s: %w", owner, err)
		}
		return home, nil // if it is Secure, verification says what is missing
	}
	home, err := l.descend(ctx, z, best, depth)
	if err == nil && home.status == Secure && home.name != best {
		err = bogus(z.name, owner, rrtype, dns.ExtendedErrorCodeDNSBogus, "signed by %s, which is not a zone", best)
	}
	return home, err
}

// signersOf returns the names of the zones that made the signatures.
func signersOf(sigs []*dns.RRSIG) []string {
	names := make([]string, len(sigs))
	for i, sig := range sigs {
		names[i] = dns.CanonicalName(sig.SignerName)
	}
	return names
}

// signersIn returns the names of the zones that signed what an authority section
// says about DS records and about what does not exist.
func signersIn(authority []dns.RR) []string {
	var sigs []*dns.RRSIG
	for _, rr := range authority {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		switch sig.TypeCovered {
		case dns.TypeDS, dns.TypeNSEC, dns.TypeNSEC3:
			sigs = append(sigs, sig)
		}
	}
	return signersOf(sigs)
}

// proof is a denial with what is needed to report on it.
type proof struct {
	denial
	links []Link
	// failed is why the first record set that is not part of the denial was
	// left out, nil if there is none.
	failed error
}

// denialIn verifies the NSEC and NSEC3 records of z in authority. Those that fail
// are left out: what they were needed for is then not proven. It returns an error
// only if a limit was reached.
func (l *lookup) denialIn(z *zone, keys []key, authority []dns.RR) (*proof, error) {
	apex, _ := domainOf(z.name)
	p := &proof{denial: denial{zone: apex, nsec3: nsec3Set{zone: apex, hashes: &l.hashes, budget: l.budget}}}
	seen := make(map[question]bool)
	for _, rr := range authority {
		h := rr.Header()
		q := question{h.Name, h.Rrtype}
		if h.Rrtype != dns.TypeNSEC && h.Rrtype != dns.TypeNSEC3 || h.Class != dns.ClassINET || seen[q] || len(seen) == maxDenials {
			continue
		}
		seen[q] = true
		set := setAt(authority, q.name, q.qtype)
		sig, err := l.verify(z.name, keys, set)
		if errors.Is(err, ErrLimit) {
			return nil, err
		}
		if err == nil {
			err = p.take(set)
		}
		if err == nil {
			p.links = append(p.links, l.secureLink(z.name, set, sig))
		} else if p.failed == nil {
			p.failed = err
		}
	}
	return p, nil
}

// take adds a verified record set to the denial. There is one record at a name
// (RFC 4034 4, RFC 5155 7.1): of several none is believed.
func (p *proof) take(set rrset) error {
	if len(set.records) != 1 {
		return fmt.Errorf("%w: %d %s records at %s", errUnproven, len(set.records), typeName(set.rrtype), set.owner)
	}
	switch rr := set.records[0].(type) {
	case *dns.NSEC:
		n, ok := nsecOf(rr, p.zone)
		if !ok {
			return fmt.Errorf("%w: the NSEC record at %s points out of order or out of the zone", errUnproven, set.owner)
		}
		p.nsec = append(p.nsec, n)
	case *dns.NSEC3:
		return p.nsec3.add(rr)
	}
	return nil
}

// cutAt says what the absence of DS records at child, or of child, is proven to
// make of it.
func (p *proof) cutAt(child string, nxdomain bool) (cutKind, error) {
	name, _ := domainOf(child)
	if !nxdomain {
		return p.noDS(name)
	}
	status, err := p.nameError(name)
	switch {
	case errors.Is(err, errUnproven):
		if kind, errNoDS := p.noDS(name); errNoDS == nil {
			return kind, nil
		}
	case status == Insecure:
		return optOutSpan, err
	}
	return noCut, err
}

// refused says whether the NSEC3 records have more iterations than are accepted
// even as insecure.
func (p *proof) refused() bool { return p.nsec3.iterations > refusedIterations }

func (p *proof) iterationsEDE() EDE {
	return EDE{
		Code: dns.ExtendedErrorCodeUnsupportedNSEC3IterValue,
		Text: fmt.Sprintf("%d iterations, more than %d", p.nsec3.iterations, insecureIterations),
	}
}

// bogus returns the error for records whose absence, or expansion from a
// wildcard, was not proven because of err.
func (p *proof) bogus(zone, owner string, rrtype uint16, err error) error {
	b, ok := errors.AsType[*bogusError](p.failed)
	switch {
	case errors.Is(err, ErrLimit):
		limit := bogus(zone, owner, rrtype, dns.ExtendedErrorCodeDNSBogus, "%v", err)
		limit.also = ErrLimit
		return limit
	case errors.Is(err, errIterations):
		ede := p.iterationsEDE()
		return bogus(zone, owner, rrtype, ede.Code, "%s", ede.Text)
	case ok && b.unsupported:
		e := *b
		e.link.Owner, e.link.Type = owner, typeName(rrtype)
		return &e
	case ok: // the record that would have proven it is itself bogus
		return bogus(zone, owner, rrtype, b.link.EDE.Code, "%s %s: %s", b.link.Owner, b.link.Type, b.link.EDE.Text)
	case p.failed != nil:
		return bogus(zone, owner, rrtype, dns.ExtendedErrorCodeDNSBogus, "%v", p.failed)
	case len(p.links) == 0:
		return bogus(zone, owner, rrtype, dns.ExtendedErrorCodeNSECMissing, "no NSEC or NSEC3 records")
	}
	return bogus(zone, owner, rrtype, dns.ExtendedErrorCodeDNSBogus, "%v", err)
}
