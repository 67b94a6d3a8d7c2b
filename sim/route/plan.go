package route

import (
	"fmt"
	"slices"

	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Method says which engine computed routes.
type Method uint8

// The methods. Both are exact; they differ in cost.
const (
	// MethodPlain spreads routes in order of length: Gao-Rexford alone.
	MethodPlain Method = iota
	// MethodGeneral sweeps over the ASes in the order of the provider graph, which
	// any filter and any rank within a relationship allow.
	MethodGeneral
)

func (m Method) String() string {
	switch m {
	case MethodPlain:
		return "plain"
	case MethodGeneral:
		return "general"
	default:
		return fmt.Sprintf("Method(%d)", uint8(m))
	}
}

// plan is what announcements and policies come down to in one propagation. It
// stays with the Routes, which explain themselves by it.
type plan struct {
	policies *Policies  // nil for none
	terms    []compiled // of each announcement
	// active are the filters that some AS has and some route may meet, ranking the
	// ranks that some AS has and that may tell routes apart, dynamic those of active
	// that depend on the ASes that a route passes.
	active, ranking, dynamic flags
	// odd marks positions that do not send all neighbours of a kind the same; empty
	// if there are none.
	odd    []bool
	odds   []int32
	method Method
	exact  bool
}

// compiled is one announcement.
type compiled struct {
	by int32 // graph index of the announcer
	// reject holds, for what the sender is to the receiver less one, the filters that
	// reject the route wherever it has been.
	reject [3]flags
	// direct are the filters that reject it if it comes from the announcer.
	direct  flags
	otcBy   int32 // graph index of the AS that the OTC attribute names, -1 if there is none
	invalid bool  // by origin validation
	open    bool  // the path-end record decides by the announcer's neighbour
	start   pathState
}

// compile fills the plan for announcements that have been checked.
func (p *plan) compile(e *Engine, anns []Announcement, policies *Policies) {
	p.policies = policies
	p.terms = p.terms[:0]
	p.active, p.ranking, p.dynamic = 0, 0, 0
	p.method, p.exact = MethodPlain, true
	for n := range anns {
		p.terms = append(p.terms, compileOne(e, &anns[n], policies))
	}
	if policies != nil {
		p.findActive()
	}
	for n := range anns {
		if anns[n].scoped() {
			p.method = MethodGeneral
		}
	}
	if p.active|p.ranking != 0 {
		p.method = MethodGeneral
	}
	p.exact = p.boundsExact(e, anns)
	p.markOdd(e, anns)
}

func compileOne(e *Engine, a *Announcement, policies *Policies) compiled {
	by, _ := e.graph.Index(a.Announcer())
	c := compiled{by: by, otcBy: -1}
	if i, ok := e.graph.Index(a.OTC); ok && a.OTC != 0 {
		c.otcBy = i
	}
	if a.stripped() {
		c.direct = firstAS | aspa
	}
	if policies == nil {
		return c
	}
	c.invalid = policies.vrps.Validate(a.Prefix, a.Origin()) == rpki.Invalid
	always := flags(0)
	if policies.long(a.Prefix) {
		always |= tooLong
	}
	_, recorded := policies.pathEnds.Neighbors(a.Origin())
	if policies.pathEnds.Validate(a.Path) == rpki.Invalid {
		always |= pathEnd
	} else if recorded && !slices.ContainsFunc(a.Path, func(asn topology.ASN) bool { return asn != a.Origin() }) {
		c.open = true
	}
	for _, rel := range [...]topology.Relationship{topology.Customer, topology.Peer, topology.Provider} {
		f := always
		if c.invalid {
			f |= rovFrom(rel)
		}
		if a.OTC != 0 && rel != topology.Provider {
			f |= otc
		}
		if rel == topology.Customer && slices.ContainsFunc(a.Path, policies.protects) {
			f |= peerlock
		}
		c.reject[rel-topology.Customer] = f
	}
	c.start = policies.startOf(a, policies.flags[by])
	return c
}

// findActive sets active, dynamic and ranking.
func (p *plan) findActive() {
	var invalid, notInvalid, signed bool
	for n := range p.terms {
		c := &p.terms[n]
		p.active |= c.direct | c.reject[0] | c.reject[1] | c.reject[2]
		if c.open {
			p.dynamic |= pathEnd
		}
		invalid, notInvalid = invalid || c.invalid, notInvalid || !c.invalid
		signed = signed || c.start.signed
	}
	if p.policies.aspas.Len() > 0 {
		p.dynamic |= aspa
	}
	if len(p.policies.protected) > 0 {
		p.dynamic |= peerlock
	}
	if invalid && notInvalid {
		p.ranking |= preferValid
	}
	if signed {
		p.ranking |= bgpsec
	}
	p.dynamic &= p.policies.any
	p.active = p.active&p.policies.any | p.dynamic
	p.ranking &= p.policies.any
}

// deep says whether ASes need the state of their routes' paths.
func (p *plan) deep() bool { return p.dynamic != 0 || p.ranking&bgpsec != 0 }

// boundsExact says whether no pick among equally good candidates can change what
// another AS is offered but for its announcement: no filter, rank or scope tells
// the announcements apart.
func (p *plan) boundsExact(e *Engine, anns []Announcement) bool {
	if p.deep() || p.ranking != 0 {
		return false
	}
	for n := range anns {
		a := &anns[n]
		if a.NoExport || a.Forwards || len(a.Withhold) > 0 {
			return false
		}
		if p.terms[n].direct&p.active != 0 {
			return false
		}
		for rel := range p.terms[n].reject {
			if (p.terms[n].reject[rel]^p.terms[0].reject[rel])&p.active != 0 {
				return false
			}
		}
		if p.active&otc != 0 && a.OTC != anns[0].OTC {
			return false
		}
		for _, asn := range a.Path {
			if asn == a.Announcer() {
				continue
			}
			if _, ok := e.graph.Index(asn); ok {
				return false
			}
		}
	}
	return true
}

// markOdd finds the ASes whose neighbours have to be asked for one by one.
func (p *plan) markOdd(e *Engine, anns []Announcement) {
	for _, x := range p.odds {
		p.odd[x] = false
	}
	p.odds = p.odds[:0]
	mark := func(i int32) {
		p.odd = resize(p.odd, len(e.order))
		if x := e.position[i]; !p.odd[x] {
			p.odd[x] = true
			p.odds = append(p.odds, x)
		}
	}
	for n := range anns {
		a := &anns[n]
		by := p.terms[n].by
		if !a.Export.all() || a.Forwards || a.OTC != 0 && p.policies.has(by, otc) {
			mark(by)
		}
		for _, edge := range a.Withhold {
			i, _ := e.graph.Index(edge.AS)
			mark(i)
		}
	}
}

func (p *plan) isOdd(x int32) bool { return len(p.odds) > 0 && p.odd[x] }

// checkScope returns what of an announcement does not fit the topology, or the
// policies.
func (e *Engine) checkScope(a *Announcement) error {
	g := e.graph
	by, _ := g.Index(a.Announcer())
	for _, list := range [...][]topology.ASN{a.Export.To, a.Export.Except} {
		for _, asn := range list {
			if err := e.checkEdge(by, asn); err != nil {
				return fmt.Errorf("export: %w", err)
			}
		}
	}
	for _, edge := range a.Withhold {
		i, ok := g.Index(edge.AS)
		if !ok {
			return fmt.Errorf("withhold: AS %d is %w", edge.AS, ErrUnknownAS)
		}
		if err := e.checkEdge(i, edge.Neighbor); err != nil {
			return fmt.Errorf("withhold: %w", err)
		}
	}
	return nil
}

func (e *Engine) checkEdge(i int32, neighbor topology.ASN) error {
	j, ok := e.graph.Index(neighbor)
	if !ok {
		return fmt.Errorf("AS %d is %w", neighbor, ErrUnknownAS)
	}
	if _, ok := e.graph.RelationshipTo(i, j); !ok {
		return fmt.Errorf("AS %d is no neighbour of AS %d", neighbor, e.graph.ASN(i))
	}
	return nil
}
