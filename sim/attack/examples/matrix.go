package examples

import (
	"slices"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Meeting is one attack against one defence that everybody but the attacker has
// deployed, with ROA, ASPAs and path-end records of everybody, the Tier 1 ASes
// protected, and ties to the attacker.
type Meeting struct {
	// Attack names the kind and what is special about it.
	Attack string
	Kind   attack.Kind
	// Defence is the name of one of [route.Defences], empty for none.
	Defence string
	Example Example
	Result  *Result
}

// Without returns the ASes, the attacker not counted, that have no route to the
// address at all, or drop packets to it.
func (m Meeting) Without() (asns []topology.ASN) {
	g := Internet()
	for i, asn := range g.ASNs() {
		if line := m.Result.Routes[i]; line == asn.String()+": none" || line == asn.String()+": drops" {
			asns = append(asns, asn)
		}
	}
	return asns
}

// variant is an attack of the matrix.
type variant struct {
	name   string
	attack attack.Attack
}

// variants returns one of each kind at least: the first undefended example, and those
// that defences tell from it.
func variants() []variant {
	var all []variant
	examples := All()
	for _, k := range attack.Kinds() {
		first := examples[slices.IndexFunc(examples, func(x Example) bool { return x.Attack.Kind == k })].Attack
		first.RevokeROAs = k == attack.MaliciousROA
		all = append(all, variant{string(k), first})
		add := func(name string, change func(*attack.Attack)) {
			a := attack.Attack{Kind: k}
			change(&a)
			all = append(all, variant{string(k) + " " + name, a})
		}
		switch k {
		case attack.ForgedOrigin:
			add("type 2", func(a *attack.Attack) { a.Type = 2 })
		case attack.Prepended:
			add("by the victim", func(a *attack.Attack) { a.VictimPrepend = 2 })
		case attack.RouteLeak:
			add("type 5", func(a *attack.Attack) { a.Type = 5 })
			add("type 6", func(a *attack.Attack) { a.Type, a.Address = 6, Address() })
		default:
		}
	}
	return all
}

// Matrix returns every attack against no defence and then each, attack by attack,
// in the orders of [attack.Kinds] and [route.Defences].
func Matrix() ([]Meeting, error) {
	var all []Meeting
	for _, v := range variants() {
		for _, d := range append([]route.Defence{{}}, route.Defences()...) {
			m := Meeting{Attack: v.name, Kind: v.attack.Kind, Defence: d.Name, Example: everywhere(v.attack, d.Policy)}
			var err error
			if m.Result, err = m.Example.Run(); err != nil {
				return nil, err
			}
			all = append(all, m)
		}
	}
	return all, nil
}

// everywhere is an attack on an Internet that has deployed a policy.
func everywhere(a attack.Attack, p route.Policy) Example {
	x := Example{Attack: a, VRPs: tight(), Protected: tops(), Policies: everybody(p), TieBreak: route.TieBreakAttacker}
	g := Internet()
	number := func(of []int32) (asns []topology.ASN) {
		for _, i := range of {
			asns = append(asns, g.ASN(i))
		}
		return asns
	}
	for i, asn := range g.ASNs() {
		up, across, down := number(g.Providers(int32(i))), number(g.Peers(int32(i))), number(g.Customers(int32(i)))
		x.ASPAs = append(x.ASPAs, rpki.ASPA{Customer: asn, Providers: append([]topology.ASN{0}, up...)})
		x.PathEnds = append(x.PathEnds, rpki.PathEnd{Origin: asn, Neighbors: slices.Concat(up, across, down)})
	}
	return x
}
