package examples

import (
	"fmt"
	"strings"

	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// Result is what came of an example.
type Result struct {
	// Plan says what was announced, or why the attack cannot be launched; routes are
	// those without it then.
	Plan *attack.Plan
	// Announced and Routes are in the form of [Example], Routes with one line for each
	// AS.
	Announced, Routes []string
	// Captured holds the ASes whose packets reach the attacker, itself not among them.
	Captured []topology.ASN
}

// Run plans the attack in its setting, propagates, and looks at every AS. It
// returns an error if the example makes no sense.
func (x Example) Run() (*Result, error) {
	s := stage{x: x, graph: Internet()}
	s.in = attack.Setting{
		Engine:   route.NewEngine(s.graph),
		Standing: []route.Announcement{{Prefix: Target(), Path: []topology.ASN{Victim}}},
		Options:  route.Options{TieBreak: x.TieBreak},
	}
	vrps, err := rpki.NewVRPs(x.VRPs)
	if err != nil {
		return nil, err
	}
	if err := s.compile(vrps); err != nil {
		return nil, err
	}
	a := x.Attack
	a.Attacker, a.Victim, a.Target = Attacker, Victim, Target()
	plan, err := a.Plan(s.in)
	if err != nil {
		return nil, err
	}
	if vrps, err = plan.ApplyVRPs(vrps); err != nil {
		return nil, err
	}
	if err := s.compile(vrps); err != nil {
		return nil, err
	}
	return s.look(plan)
}

// stage is an example under way.
type stage struct {
	x     Example
	graph *topology.Graph
	in    attack.Setting
}

// compile makes the policies for what the RPKI holds.
func (s *stage) compile(vrps *rpki.VRPs) error {
	aspas, err := rpki.NewASPAs(s.x.ASPAs)
	if err != nil {
		return err
	}
	ends, err := rpki.NewPathEnds(s.x.PathEnds)
	if err != nil {
		return err
	}
	s.in.Options.Policies, err = route.NewPolicies(s.graph, route.PoliciesOptions{
		VRPs: vrps, ASPAs: aspas, PathEnds: ends, Protected: s.x.Protected, Deployments: s.x.Policies,
	})
	return err
}

// look follows the packets of every AS.
func (s *stage) look(plan *attack.Plan) (*Result, error) {
	r := &Result{Plan: plan}
	for _, a := range plan.Announcements() {
		r.Announced = append(r.Announced, strings.Replace(a.String(), "="+target, "", 1))
	}
	attacker, _ := s.graph.Index(Attacker)
	o, err := s.in.Outcome(plan.At(s.x.After, s.in.Standing), attacker, Address())
	if err != nil {
		return nil, err
	}
	for i, asn := range s.graph.ASNs() {
		line := fmt.Sprintf("%v: none", asn)
		if found, ok := o.Table.Lookup(int32(i), Address()); ok {
			line = fmt.Sprintf("%v: /%d %s", asn, found.Prefix().Bits(), route.FormatPath(found.Path(int32(i))))
		} else if _, drops := o.Table.Blackhole(int32(i), Address()); drops {
			line = fmt.Sprintf("%v: drops", asn)
		}
		if o.Captured[i] {
			line += " !"
			if asn != Attacker {
				r.Captured = append(r.Captured, asn)
			}
		}
		r.Routes = append(r.Routes, line)
	}
	return r, nil
}
