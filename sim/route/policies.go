package route

import (
	"fmt"
	"net/netip"
	"slices"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// PoliciesOptions say what each AS does and what it has to judge by. The zero
// value is Gao-Rexford for everybody.
type PoliciesOptions struct {
	// VRPs are what origin validation goes by, nil for none.
	VRPs *rpki.VRPs
	// ASPAs are what ASPA goes by, nil for none.
	ASPAs *rpki.ASPAs
	// PathEnds are what path-end validation goes by, nil for none.
	PathEnds *rpki.PathEnds
	// Protected are the ASes that PeerlockLite looks for, as a rule the Tier 1
	// clique. They need not be in the topology.
	Protected []topology.ASN
	// LongestIPv4 and LongestIPv6 are the longest prefixes that an AS accepts, in
	// bits: 24 and 48 are usual (RFC 7454 section 6.1.3). 0 is no limit. ASes with
	// [Policy].AcceptsLong are exempt.
	LongestIPv4, LongestIPv6 int
	// Default is the policy of every AS that nothing below names.
	Default Policy
	// Deployments are joined, in this order, to the default, each at its own ASes.
	Deployments []Deployment
	// PerAS replaces all of the above for the ASes that it names.
	PerAS map[topology.ASN]Policy
}

// Deployment is one policy at several ASes. Numbers that the topology does not
// hold are passed over, so that lists measured at another time can be used.
type Deployment struct {
	ASes   []topology.ASN
	Policy Policy
}

// Policies holds the policy of every AS of one topology, two bytes each. It is
// immutable and safe for concurrent use. A nil Policies is Gao-Rexford for
// everybody. Create it with [NewPolicies].
type Policies struct {
	graph     *topology.Graph
	vrps      *rpki.VRPs
	aspas     *rpki.ASPAs
	pathEnds  *rpki.PathEnds
	protected []topology.ASN // ascending
	longest   [2]int         // IPv4, IPv6; 0: no limit
	flags     []flags        // by graph index
	any       flags          // of all ASes
}

// NewPolicies compiles o for g. It returns an error if PerAS names an AS that g
// does not hold, an ROV is unknown or a limit is out of range.
func NewPolicies(g *topology.Graph, o PoliciesOptions) (*Policies, error) {
	if o.LongestIPv4 < 0 || o.LongestIPv4 > 32 {
		return nil, fmt.Errorf("longest accepted IPv4 prefix /%d: want 0 (no limit) to 32", o.LongestIPv4)
	}
	if o.LongestIPv6 < 0 || o.LongestIPv6 > 128 {
		return nil, fmt.Errorf("longest accepted IPv6 prefix /%d: want 0 (no limit) to 128", o.LongestIPv6)
	}
	p := &Policies{
		graph: g, vrps: o.VRPs, aspas: o.ASPAs, pathEnds: o.PathEnds,
		protected: slices.Compact(slices.Sorted(slices.Values(o.Protected))),
		longest:   [2]int{o.LongestIPv4, o.LongestIPv6}, flags: make([]flags, g.Len()),
	}
	if err := p.fill(o); err != nil {
		return nil, err
	}
	for _, f := range p.flags {
		p.any |= f
	}
	return p, nil
}

func (p *Policies) fill(o PoliciesOptions) error {
	check := func(what string, q Policy) error {
		if int(q.ROV) >= len(rovNames) {
			return fmt.Errorf("%s: unknown origin validation %v", what, q.ROV)
		}
		return nil
	}
	if err := check("default policy", o.Default); err != nil {
		return err
	}
	everybody := o.Default.flags()
	for i := range p.flags {
		p.flags[i] = everybody
	}
	for n, d := range o.Deployments {
		if err := check(fmt.Sprintf("deployment %d", n+1), d.Policy); err != nil {
			return err
		}
		for _, asn := range d.ASes {
			if i, ok := p.graph.Index(asn); ok {
				p.flags[i] = p.flags[i].policy().Join(d.Policy).flags()
			}
		}
	}
	for asn, q := range o.PerAS {
		i, ok := p.graph.Index(asn)
		if !ok {
			return fmt.Errorf("policy of AS %d: the AS is %w", asn, ErrUnknownAS)
		}
		if err := check(fmt.Sprintf("policy of AS %d", asn), q); err != nil {
			return err
		}
		p.flags[i] = q.flags()
	}
	return nil
}

// Graph returns the topology that the policies are for.
func (p *Policies) Graph() *topology.Graph { return p.graph }

// VRPs returns what origin validation goes by, nil for none.
func (p *Policies) VRPs() *rpki.VRPs {
	if p == nil {
		return nil
	}
	return p.vrps
}

// WithVRPs returns the same policies with other VRPs, nil for none; of nil policies
// nil. It shares the rest with p.
func (p *Policies) WithVRPs(vrps *rpki.VRPs) *Policies {
	if p == nil {
		return nil
	}
	q := *p
	q.vrps = vrps
	return &q
}

// Of returns the policy of the AS with graph index i; with ROVPP, ROV is ROVOn.
func (p *Policies) Of(i int32) Policy {
	if p == nil {
		return Policy{}
	}
	return p.flags[i].policy()
}

// has says whether AS i has the flag f.
func (p *Policies) has(i int32, f flags) bool { return p != nil && p.flags[i]&f != 0 }

// Validity returns the result of origin validation by the VRPs.
func (p *Policies) Validity(prefix netip.Prefix, origin topology.ASN) rpki.Validity {
	if p == nil {
		return rpki.NotFound
	}
	return p.vrps.Validate(prefix, origin)
}

// Update is a route as it comes from a neighbour.
type Update struct {
	Prefix netip.Prefix
	// Path is the AS path as received: as a rule the neighbour first, the origin last.
	Path []topology.ASN
	// Neighbor is the AS that sends it, Relationship what it is to the AS that
	// receives it.
	Neighbor     topology.ASN
	Relationship topology.Relationship
	// OTC is the value of the Only to Customers attribute, 0 for none.
	OTC topology.ASN
}

// Reject returns why the AS with graph index i rejects a route, "" if it accepts
// it: the first of ReasonOwnASNInPath and the filters in the order of [Reasons]
// that applies. A path that holds the AS's own number is rejected by everybody,
// also under nil policies, for which g is needed.
func (p *Policies) Reject(g *topology.Graph, i int32, u *Update) Reason {
	if slices.Contains(u.Path, g.ASN(i)) {
		return ReasonOwnASNInPath
	}
	if p == nil {
		return ""
	}
	f := p.flags[i]
	switch first := len(u.Path) > 0 && u.Path[0] == u.Neighbor; {
	case f&firstAS != 0 && !first:
		return ReasonFirstAS
	case f&tooLong != 0 && p.long(u.Prefix):
		return ReasonTooLong
	case f&rovFrom(u.Relationship) != 0 && p.vrps.Validate(u.Prefix, last(u.Path)) == rpki.Invalid:
		return ReasonROVInvalid
	case f&aspa != 0 && (!first || p.aspaInvalid(u)):
		return ReasonASPAInvalid
	case f&otc != 0 && otcLeak(u):
		return ReasonOTCLeak
	case f&peerlock != 0 && u.Relationship == topology.Customer && slices.ContainsFunc(u.Path, p.protects):
		return ReasonPeerlock
	case f&pathEnd != 0 && p.pathEnds.Validate(u.Path) == rpki.Invalid:
		return ReasonPathEnd
	}
	return ""
}

func last(path []topology.ASN) topology.ASN {
	if len(path) == 0 {
		return 0
	}
	return path[len(path)-1]
}

// long says whether the prefix is longer than the limit of its family.
func (p *Policies) long(prefix netip.Prefix) bool {
	limit := p.longest[0]
	if prefix.Addr().Is6() {
		limit = p.longest[1]
	}
	return limit > 0 && prefix.Bits() > limit
}

func (p *Policies) aspaInvalid(u *Update) bool {
	if u.Relationship == topology.Provider {
		return p.aspas.VerifyDownstream(u.Path) == rpki.ASPAInvalid
	}
	return p.aspas.VerifyUpstream(u.Path) == rpki.ASPAInvalid
}

// otcLeak says whether a route is one that RFC 9234 section 5 makes ineligible.
func otcLeak(u *Update) bool {
	switch u.Relationship {
	case topology.Customer:
		return u.OTC != 0
	case topology.Peer:
		return u.OTC != 0 && u.OTC != u.Neighbor
	case topology.Own, topology.Provider:
	}
	return false
}

func (p *Policies) protects(asn topology.ASN) bool {
	_, ok := slices.BinarySearch(p.protected, asn)
	return ok
}
