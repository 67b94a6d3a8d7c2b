package scenarios

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// The longest prefixes that ASes accept unless a policy says accepts-long (RFC 7454
// section 6.1.3).
const (
	LongestIPv4 = attack.LongestIPv4
	LongestIPv6 = attack.LongestIPv6
)

// Longest returns the longest length of an address's family that is accepted
// everywhere.
func Longest(a netip.Addr) int {
	if a.Is6() {
		return LongestIPv6
	}
	return LongestIPv4
}

// RoutingPolicy is what some ASes do beyond Gao-Rexford. One of ases, fraction,
// largest, scores and perspectives says which; without any it is all of them. What
// several items say of an AS is joined, the later one's rov in place of the
// earlier's.
type RoutingPolicy struct {
	// ASes, optional, are named one by one.
	ASes []topology.ASN `yaml:"ases"`
	// Fraction, optional, is a share of the topology's ASes, from 0 to 1, each drawn
	// on its own with Seed, so that a larger share holds a smaller one.
	Fraction *float64 `yaml:"fraction"`
	// Seed, optional, is that of Fraction; 0 by default.
	Seed uint64 `yaml:"seed"`
	// Largest, optional, is how many of the ASes with the largest customer cones.
	Largest int `yaml:"largest"`
	// Scores, optional, is a CSV file of measured ROV scores, plain or .gz, relative
	// to this one: the ASes with a score of AtLeast, from 0 to 1, or more.
	Scores  string   `yaml:"scores"`
	AtLeast *float64 `yaml:"at-least"` // optional
	// Perspectives, optional, are the virtual ASes of cloud regions.
	Perspectives bool `yaml:"perspectives"`

	// ROV, optional, is route origin validation (RFC 6811): "on" rejects invalid
	// routes, "customers-exempt" not those from customers, "peers" only those from
	// peers, "prefer-valid" ranks them last.
	ROV route.ROV `yaml:"rov"`
	// ASPA, optional, rejects paths that provider authorizations prove to be invalid.
	ASPA bool `yaml:"aspa"`
	// OTC, optional, follows RFC 9234 against route leaks.
	OTC bool `yaml:"otc"`
	// PeerlockLite, optional, rejects from customers paths that hold a protected AS.
	PeerlockLite bool `yaml:"peerlock-lite"`
	// PathEnd, optional, rejects paths whose last hop contradicts a path-end record.
	PathEnd bool `yaml:"path-end"`
	// FirstAS, optional, rejects paths that do not begin with the neighbour.
	FirstAS bool `yaml:"first-as"`
	// BGPsec, optional, a what-if: of equally long routes signed ones are preferred.
	BGPsec bool `yaml:"bgpsec"`
	// ROVPP, optional, a what-if: ROV++ v1 lite, which also drops packets that would go
	// to who sent an invalid route.
	ROVPP bool `yaml:"rov-plus-plus"`
	// AcceptsLong, optional, accepts prefixes longer than /24 and /48.
	AcceptsLong bool `yaml:"accepts-long"`
}

// policy returns what the ASes do.
func (p RoutingPolicy) policy() route.Policy {
	return route.Policy{
		ROV: p.ROV, ASPA: p.ASPA, OTC: p.OTC, PeerlockLite: p.PeerlockLite, PathEnd: p.PathEnd, FirstAS: p.FirstAS,
		BGPsec: p.BGPsec, ROVPP: p.ROVPP, AcceptsLong: p.AcceptsLong,
	}
}

// what says in words what the ASes do.
func (p RoutingPolicy) what() string {
	var all []string
	say := func(is bool, text string) {
		if is {
			all = append(all, text)
		}
	}
	switch p.ROV {
	case route.ROVOff:
	case route.ROVOn:
		say(true, "ROV")
	default:
		say(true, "ROV ("+p.ROV.String()+")")
	}
	say(p.ASPA, "ASPA")
	say(p.OTC, "OTC")
	say(p.PeerlockLite, "peerlock-lite")
	say(p.PathEnd, "path-end validation")
	say(p.FirstAS, "first-AS check")
	say(p.BGPsec, "BGPsec")
	say(p.ROVPP, "ROV++")
	say(p.AcceptsLong, "accepts long prefixes")
	return strings.Join(all, ", ")
}

// where says in words which ASes they are.
func (p RoutingPolicy) where() string {
	switch {
	case p.ASes != nil:
		return "AS " + strings.ReplaceAll(route.FormatPath(p.ASes), " ", ", ")
	case p.Fraction != nil:
		return fmt.Sprintf("a share of %v of the ASes, seed %d", *p.Fraction, p.Seed)
	case p.Largest > 0:
		return fmt.Sprintf("the %d largest by customer cone", p.Largest)
	case p.Scores != "":
		return fmt.Sprintf("a score of %v or more in %s", *p.AtLeast, filepath.Base(p.Scores))
	case p.Perspectives:
		return "cloud regions"
	}
	return "every AS"
}

// rovNames returns the names of what route origin validation can be.
func rovNames() []string {
	var names []string
	for _, v := range route.ROVs() {
		names = append(names, v.String())
	}
	return names
}

// policies checks what can be told without a topology.
func (v *validation) policies() {
	for n, p := range v.s.Routing.Policies {
		field := fmt.Sprintf("routing.policies[%d]", n)
		given := func(name string) bool { _, ok := v.s.at[join(field, name)]; return ok }
		v.check(p.policy() != route.Policy{}, field, "nothing that ASes do", "one of rov, aspa, otc, peerlock-lite, path-end, first-as, bgpsec, rov-plus-plus, accepts-long")
		var by []string
		for _, name := range []string{"ases", "fraction", "largest", "scores", "perspectives"} {
			if given(name) {
				by = append(by, name)
			}
		}
		v.check(len(by) < 2, field, strings.Join(by, " beside "), "one of ases, fraction, largest, scores, perspectives, or none for every AS")
		v.check(!given("ases") || len(p.ASes) > 0, field+".ases", "an empty list", "at least one AS")
		for k, asn := range p.ASes {
			v.check(!slices.Contains(p.ASes[:k], asn), fmt.Sprintf("%s.ases[%d]", field, k), fmt.Sprintf("AS %v a second time", asn), "each AS once")
		}
		v.check(p.Fraction == nil || *p.Fraction >= 0 && *p.Fraction <= 1, field+".fraction", fraction(p.Fraction), "a share from 0 to 1")
		v.check(!given("seed") || p.Fraction != nil, field+".seed", "a seed", "a seed only of fraction")
		v.check(!given("largest") || p.Largest > 0, field+".largest", fmt.Sprint(p.Largest), "how many ASes, 1 or more")
		v.check(!given("scores") || p.Scores != "", field+".scores", "nothing", "a file's name")
		v.check(printable(p.Scores), field+".scores", "a character that cannot be printed", "printable text")
		v.check((p.Scores != "") == (p.AtLeast != nil), field+".at-least", "one of scores and at-least", "both or neither")
		v.check(p.AtLeast == nil || *p.AtLeast >= 0 && *p.AtLeast <= 1, field+".at-least", fraction(p.AtLeast), "a score from 0 to 1")
		v.check(!given("perspectives") || p.Perspectives, field+".perspectives", "false", "true, or nothing")
	}
	for n, asn := range v.s.Routing.Protected {
		v.check(!slices.Contains(v.s.Routing.Protected[:n], asn), fmt.Sprintf("routing.protected[%d]", n), fmt.Sprintf("AS %v a second time", asn), "each AS once")
	}
}

func fraction(f *float64) string {
	if f == nil {
		return "nothing"
	}
	return fmt.Sprint(*f)
}

// Defences are what the ASes of a story or study do, and what they judge by.
type Defences struct {
	// Payloads are those of the RPKI at the start.
	Payloads *Payloads
	// Policies say for people who does what, in the order of the file.
	Policies []result.RoutingPolicy
	// Inputs are files of scores that were read.
	Inputs []result.Input

	graph   *topology.Graph
	options route.PoliciesOptions // without VRPs
}

// Defences reads what policies and RPKI need. base is the topology, graph the same
// with virtual ASes, for which the policies are compiled.
func (s *Source) Defences(base, graph *topology.Graph) (*Defences, error) {
	payloads, err := s.Payloads()
	if err != nil {
		return nil, err
	}
	d := &Defences{Payloads: payloads, graph: graph, options: route.PoliciesOptions{
		ASPAs: payloads.ASPAs, PathEnds: payloads.PathEnds, Protected: s.Routing.Protected,
		LongestIPv4: LongestIPv4, LongestIPv6: LongestIPv6,
	}}
	locks := slices.ContainsFunc(s.Routing.Policies, func(p RoutingPolicy) bool { return p.PeerlockLite })
	if locks && s.Routing.Protected == nil {
		d.options.Protected = tops(base)
	}
	for n, p := range s.Routing.Policies {
		ases, err := s.deployedAt(d, p, fmt.Sprintf("routing.policies[%d]", n), base)
		if err != nil {
			return nil, err
		}
		d.options.Deployments = append(d.options.Deployments, route.Deployment{ASes: ases, Policy: p.policy()})
		held := 0
		for _, asn := range ases {
			if _, ok := graph.Index(asn); ok {
				held++
			}
		}
		d.Policies = append(d.Policies, result.RoutingPolicy{Policy: p.what(), Where: p.where(), ASes: held})
	}
	return d, nil
}

// deployedAt returns the ASes of a policy. Scores may name others than the
// topology's.
func (s *Source) deployedAt(d *Defences, p RoutingPolicy, field string, base *topology.Graph) ([]topology.ASN, error) {
	switch {
	case p.ASes != nil:
		for n, asn := range p.ASes {
			if _, ok := base.Index(asn); !ok {
				return nil, s.FieldError(fmt.Sprintf("%s.ases[%d]", field, n), fmt.Sprintf("AS %v", asn), fmt.Sprintf("an AS of the topology (%d ASes)", base.Len()))
			}
		}
		return p.ASes, nil
	case p.Fraction != nil:
		return route.DeployFraction(base, *p.Fraction, p.Seed)
	case p.Largest > 0:
		return route.DeployLargest(base, p.Largest), nil
	case p.Scores != "":
		ases, sha, err := readScores(s.path(field+".scores", p.Scores), *p.AtLeast)
		if err != nil {
			return nil, err
		}
		d.Inputs = append(d.Inputs, result.Input{Role: "scores", Name: filepath.Base(p.Scores), SHA256: sha})
		return ases, nil
	case p.Perspectives:
		return slices.DeleteFunc(slices.Clone(d.graph.ASNs()), func(asn topology.ASN) bool { _, ok := base.Index(asn); return ok }), nil
	}
	return d.graph.ASNs(), nil
}

// tops returns the ASes that have customers and no providers: those that nobody's
// customer can have as a customer.
func tops(g *topology.Graph) []topology.ASN {
	var out []topology.ASN
	for i := range int32(g.Len()) {
		if len(g.Providers(i)) == 0 && len(g.Customers(i)) > 0 {
			out = append(out, g.ASN(i))
		}
	}
	return out
}

// Compile returns the policies with what the RPKI holds at some time.
func (d *Defences) Compile(vrps *rpki.VRPs) (*route.Policies, error) {
	o := d.options
	o.VRPs = vrps
	return route.NewPolicies(d.graph, o)
}

// RPKI describes the payloads at the start for results; nil if there are none.
func (d *Defences) RPKI() *result.RPKI {
	p := d.Payloads
	r := &result.RPKI{
		VRPs: len(p.VRPs), ASPAs: p.ASPAs.Len(), PathEnds: p.PathEnds.Len(),
		File: p.File, SHA256: p.SHA256, Generated: p.Generated,
	}
	if *r == (result.RPKI{}) {
		return nil
	}
	return r
}
