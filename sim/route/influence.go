package route

import "fmt"

// Influence says how much of the policies can make a difference to announcements
// for one prefix.
type Influence uint8

// The influences, each with what the one before it has.
const (
	// InfluenceNone: the routes are those of Gao-Rexford alone.
	InfluenceNone Influence = iota
	// InfluenceOrigin: origin validation rejects some. Whether an AS does depends on
	// the kind of neighbour and the announcement, not on the way in between.
	InfluenceOrigin
	// InfluencePath: filters that depend on more than that, or ranks, or scopes of
	// announcements.
	InfluencePath
)

func (f Influence) String() string {
	switch f {
	case InfluenceNone:
		return "none"
	case InfluenceOrigin:
		return "origin"
	case InfluencePath:
		return "path"
	default:
		return fmt.Sprintf("Influence(%d)", uint8(f))
	}
}

// Influence says how much of the policies, nil for none, matters to announcements,
// without propagating them. It is for those who have a faster way for some of it;
// errors are those of [Engine.Propagate].
func (e *Engine) Influence(anns []Announcement, policies *Policies) (Influence, error) {
	if err := e.check(anns, Options{Policies: policies}); err != nil {
		return 0, err
	}
	var p plan
	p.compile(e, anns, policies)
	const origin = rovCustomer | rovPeer | rovProvider
	switch {
	case p.method == MethodPlain:
		return InfluenceNone, nil
	case p.deep(), p.ranking != 0, p.active&^origin != 0, len(p.odds) > 0:
		return InfluencePath, nil
	}
	for n := range anns {
		if anns[n].scoped() {
			return InfluencePath, nil
		}
	}
	return InfluenceOrigin, nil
}
