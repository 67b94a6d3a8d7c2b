package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives/budget"
)

// trust is what a session knows about the signatures of a zone.
type trust struct {
	// status is Secure if ds holds secure entry points, even before they have
	// been used; otherwise it holds for everything in the zone and below.
	status Status
	// ds are the validated DS records or trust anchors of the zone, only those
	// whose algorithm and digest are supported.
	ds []*dns.DS
	// link is the step that led here from the parent's keys, nil without one.
	link *Link
	// ede says why status is Insecure, if there is a code for it.
	ede []EDE

	// keys are the validated keys, nil until they are needed; keysLink is the
	// step that validated them.
	keys     []key
	keysLink *Link
	// keysErr is why there are none: for the rest of the session if they are
	// bogus, for the lookup keysBy if they could not be fetched.
	keysErr error
	keysBy  *lookup

	// cuts are delegations below the zone that its servers were asked about
	// because they did not mention them, by name. A nil entry is no delegation.
	cuts map[string]*zone
}

// trusted returns the trust in the zone called name whose parent is trusted as
// given; a trust anchor of its own comes first.
func (s *Session) trusted(name string, t trust) trust {
	if ds, ok := s.r.anchors[name]; ok {
		return trust{status: Secure, ds: ds, link: &Link{
			Zone: name, Owner: name, Type: "DS", Status: Secure, Detail: "trust anchor",
		}}
	}
	return t
}

// anchored returns the deepest zone between z and the answer to q that has a trust
// anchor of its own, held by the servers of z: they may answer for it without
// mentioning it. It is z itself if there is none.
func (l *lookup) anchored(z *zone, q question) *zone {
	deepest := q.name
	if q.qtype == dns.TypeDS {
		deepest = parentOf(deepest)
	}
	if !l.r.validates() {
		return z
	}
	for _, child := range slices.Backward(between(z.name, deepest)) {
		if l.r.anchors[child] == nil {
			continue
		}
		if z.cuts[child] == nil {
			z.addCut(child, &zone{name: child, serverSet: serverSet{endpoints: z.endpoints, names: z.names}, parent: z, trust: l.s.trusted(child, trust{})})
		}
		return z.cuts[child]
	}
	return z
}

// addCut remembers what is known about child, nil if it is no delegation.
func (z *zone) addCut(child string, cut *zone) {
	if z.cuts == nil {
		z.cuts = make(map[string]*zone)
	}
	z.cuts[child] = cut
}

// keysOf returns the validated keys of a zone that is Secure.
func (l *lookup) keysOf(ctx context.Context, z *zone, depth int) ([]key, error) {
	if z.keys != nil {
		return z.keys, nil
	}
	if l.keyless(z) {
		return nil, z.keysErr
	}
	if _, err := l.askZone(ctx, z, query{question{z.name, dns.TypeDNSKEY}, forKeys}, depth); err != nil {
		z.keysErr, z.keysBy = fmt.Errorf("keys of %s: %w", z.name, err), l
		return nil, z.keysErr
	}
	return z.keys, nil
}

// keyless says whether it is known that the zone's keys cannot be had: in this
// session if they do not validate, in this lookup if no server gave them.
func (l *lookup) keyless(z *zone) bool {
	return z.keys == nil && z.keysErr != nil && (z.keysBy == l || unvalidated(z.keysErr))
}

// takeKeys validates the DNSKEY records in m against the zone's DS records
// (RFC 4035 5.2) and keeps them.
func (l *lookup) takeKeys(z *zone, m *dns.Msg) error {
	set := setAt(m.Answer, z.name, dns.TypeDNSKEY)
	fail := func(code uint16, format string, args ...any) error {
		return bogus(z.name, z.name, dns.TypeDNSKEY, code, format, args...)
	}
	if len(set.records) == 0 {
		return fail(dns.ExtendedErrorCodeDNSKEYMissing, "no DNSKEY records")
	}
	var all []key
	zoneKeys := 0
	for _, rr := range set.records {
		k, ok := rr.(*dns.DNSKEY)
		if !ok || !zoneKey(k) {
			continue
		}
		zoneKeys++
		if supportedAlgorithm(k.Algorithm) {
			all = append(all, key{rr: k, tag: k.KeyTag()})
		}
	}
	if zoneKeys == 0 {
		return fail(dns.ExtendedErrorCodeNoZoneKeyBitSet, "none of %d DNSKEY records is a zone key", len(set.records))
	}
	entry, err := l.entryKeys(z, all)
	if err != nil {
		return err
	}
	if len(entry) == 0 {
		return fail(dns.ExtendedErrorCodeDNSKEYMissing, "no key matches a DS record (%s)", tagsOf(z.ds))
	}
	sig, err := l.verify(z.name, entry, set)
	if err != nil {
		return err
	}
	link := l.secureLink(z.name, set, sig)
	z.keys, z.keysLink = all, &link
	return nil
}

// entryKeys returns the keys that a DS record of the zone authenticates. How many
// digests are computed is bounded.
func (l *lookup) entryKeys(z *zone, all []key) ([]key, error) {
	var entry []key
	for _, k := range all {
		if err := l.budget.Spend(budget.Work, len(z.ds)); err != nil {
			return nil, given(err)
		}
		for _, ds := range z.ds {
			if ds.KeyTag != k.tag || ds.Algorithm != k.rr.Algorithm {
				continue
			}
			if l.hashes <= 0 {
				e := bogus(z.name, z.name, dns.TypeDNSKEY, dns.ExtendedErrorCodeDNSBogus, "too many keys and DS records with the same tag")
				e.also = ErrLimit
				return nil, e
			}
			l.hashes--
			if err := l.budget.Spend(budget.Work, hashWork(int(k.rr.Hdr.Rdlength), 0, 0)); err != nil {
				return nil, given(err)
			}
			if got := k.rr.ToDS(ds.DigestType); got != nil && strings.EqualFold(got.Digest, ds.Digest) {
				entry = append(entry, k)
				break
			}
		}
	}
	return entry, nil
}

func tagsOf(set []*dns.DS) string {
	var tags []string
	for _, ds := range set[:min(len(set), maxEvidence)] {
		tags = append(tags, fmt.Sprint(ds.KeyTag))
	}
	return strings.Join(tags, ", ")
}

// delegate says what the referral d in m, by a server of z, makes of the zone that
// it leads to, and which zone it comes from: z, or one below that the server holds
// as well. What m says about DS records is validated if that zone is Secure. If m
// says nothing about them, the servers are asked once.
func (l *lookup) delegate(ctx context.Context, z *zone, d *delegation, m *dns.Msg, depth int) error {
	child := d.zone
	if _, ok := l.r.anchors[child]; ok || z.status != Secure {
		d.parent, d.trust = z, l.s.trusted(child, trust{status: z.status, ede: z.ede})
		return nil
	}
	home, err := l.home(ctx, z, signersIn(m.Ns), child, dns.TypeDS, depth)
	if err != nil {
		return err
	}
	d.parent = home
	if home.status != Secure {
		d.trust = trust{status: home.status, ede: home.ede}
		return nil
	}
	keys, err := l.keysOf(ctx, home, depth)
	if err != nil {
		return err
	}
	t, isCut, err := l.delegation(home, keys, child, said{records: m.Ns, authority: m.Ns})
	if err == nil && isCut {
		d.trust = t
		return nil
	}
	cut, err := l.cutAt(ctx, home, child, depth)
	switch {
	case err != nil:
		return err
	case cut == nil:
		return bogus(home.name, child, dns.TypeDS, dns.ExtendedErrorCodeDNSBogus, "a referral to what %s proves to be no delegation", home.name)
	}
	d.trust = cut.trust
	return nil
}

// said is what a message says about DS records: the records themselves or the
// proof that there are none, or that the name does not exist.
type said struct {
	records, authority []dns.RR
	nxdomain           bool
}

// delegation validates what z says about DS records at child. isCut is false if
// it is proven that child is no delegation.
func (l *lookup) delegation(z *zone, keys []key, child string, m said) (t trust, isCut bool, err error) {
	set := setAt(m.records, child, dns.TypeDS)
	if len(set.records) > 0 {
		sig, err := l.verify(z.name, keys, set)
		if err != nil {
			return trust{}, false, err
		}
		link := l.secureLink(z.name, set, sig)
		return fromDS(set, link), true, nil
	}
	proof, err := l.denialIn(z, keys, m.authority)
	if err != nil {
		return trust{}, false, err
	}
	kind, err := proof.cutAt(child, m.nxdomain)
	link := Link{Zone: z.name, Owner: child, Type: "DS", Status: Insecure}
	switch {
	case errors.Is(err, errIterations) && !proof.refused():
		ede := proof.iterationsEDE()
		link.Detail, link.EDE = ede.Text, &ede
		return trust{status: Insecure, link: &link, ede: []EDE{ede}}, true, nil
	case err != nil:
		return trust{}, false, proof.bogus(z.name, child, dns.TypeDS, err)
	case kind == noCut:
		return trust{}, false, nil
	case kind == optOutSpan:
		link.Detail = "in an opt-out span"
	default:
		link.Detail = "proven to have no DS records"
	}
	return trust{status: Insecure, link: &link}, true, nil
}

// fromDS returns the trust that validated DS records give: Insecure if none of
// them has a supported algorithm and digest (RFC 4035 5.2).
func fromDS(set rrset, link Link) trust {
	t := trust{status: Secure, link: &link}
	ede := EDE{Code: dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm}
	for _, rr := range set.records {
		ds, ok := rr.(*dns.DS)
		switch {
		case !ok:
		case !supportedAlgorithm(ds.Algorithm):
			ede.Text = fmt.Sprintf("DS %d has algorithm %d", ds.KeyTag, ds.Algorithm)
		case !supportedDigest(ds.DigestType):
			ede.Code, ede.Text = dns.ExtendedErrorCodeUnsupportedDSDigestType, fmt.Sprintf("DS %d has digest type %d", ds.KeyTag, ds.DigestType)
		default:
			t.ds = append(t.ds, ds)
		}
	}
	if len(t.ds) == 0 {
		t.status, t.ede = Insecure, []EDE{ede}
		link.Status, link.Detail, link.EDE = Insecure, ede.Text, &ede
	}
	return t
}

// cutAt asks the servers of z, which is Secure, for the DS records at child, one
// label or more below. It returns the zone that starts there, served by the same
// servers, or nil if none does.
func (l *lookup) cutAt(ctx context.Context, z *zone, child string, depth int) (*zone, error) {
	if cut, ok := z.cuts[child]; ok {
		return cut, nil
	}
	rep, err := l.askZone(ctx, z, query{question{child, dns.TypeDS}, forCut}, depth)
	if err != nil {
		return nil, err
	}
	var cut *zone
	if rep.cut != nil {
		cut = &zone{name: child, serverSet: serverSet{endpoints: z.endpoints, names: z.names}, parent: z, trust: l.s.trusted(child, *rep.cut)}
	}
	z.addCut(child, cut)
	return cut, nil
}

// takeCut validates the answer to a question for DS records at q.name.
func (l *lookup) takeCut(ctx context.Context, z *zone, q question, m *dns.Msg, rep *reply, depth int) error {
	keys, err := l.keysOf(ctx, z, depth)
	if err != nil {
		return err
	}
	if rep.kind == aliased { // an alias is no delegation, if it is signed
		_, err := l.verify(z.name, keys, rep.sets[0])
		return err
	}
	t, isCut, err := l.delegation(z, keys, q.name, said{m.Answer, m.Ns, rep.rcode == dns.RcodeNameError})
	if err == nil && isCut {
		rep.cut = &t
	}
	return err
}

// descend looks for zone cuts that the servers of z, which is Secure, did not
// mention: they serve a zone below z, too. It returns the zone that holds name,
// or the first on the way there that is not Secure.
func (l *lookup) descend(ctx context.Context, z *zone, name string, depth int) (*zone, error) {
	for _, child := range between(z.name, name) {
		cut, err := l.cutAt(ctx, z, child, depth)
		switch {
		case err != nil:
			return nil, err
		case cut == nil:
			continue
		case cut.status != Secure:
			return cut, nil
		}
		z = cut
	}
	return z, nil
}
