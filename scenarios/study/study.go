// Package study computes many hijacks at once, control plane only, and stores
// what came of them: every victim attacked by every attacker in each shape of
// attack, and whom each viewpoint reaches. Package scenarios has the file that
// describes a study, package result what is stored.
//
// Modelled: what package sweep models. Cloud regions are virtual ASes, attached
// as the study's egress model says; they are viewpoints and never victims or
// attackers. Not modelled: RPKI, sub-prefixes (a sub-prefix reaches every AS that
// has a route at all), packets.
//
// A study is cut into shards of some victims each. A shard is computed by one
// worker, written under a temporary name, synchronised with the disk and renamed:
// a process that is killed at any moment loses no more than the shards that were
// under way. The results depend on the study, its inputs and the program alone,
// not on the number of workers or interruptions.
//
// On two cores of an AMD EPYC that other programs kept busy at a load of 1 to 3
// (2026-11-24, Go 1.26), 1,272 victims by all 78,643 ASes of CAIDA's 2025-09-01 at
// 200 viewpoints, 100,032,624 hijacks, took 3 min 2 s aggregated, 456 MB of memory
// and 541 MB of disk (26,068,927 rows); 10,066,176 hijacks with a row each took
// 20 s, 437 MB and 148 MB, 14.7 bytes a hijack. A hijack costs 2.4 to 2.8
// microseconds of one core, of which storing it 0.3 to 0.8.
//
// A [Plan] is safe for concurrent use; one directory takes one run at a time.
package study

import (
	"context"
	"fmt"
	"slices"

	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/route"
	"mpicsim/sim/sweep"
	"mpicsim/topology"
)

// Options say what to compute.
type Options struct {
	Source *scenarios.StudySource
	// Sites, if not nil, are the viewpoints instead of the study's.
	Sites []scenarios.ResolvedSite
	// Aggregate stores distinct outcomes with how many attackers came to each,
	// instead of one row for each hijack.
	Aggregate bool
	// Workers is how many shards are computed at a time, 1 at least. Results do
	// not depend on it.
	Workers int
	// Version is the program's, for the manifest.
	Version string
}

// Plan is a study that is ready to run.
type Plan struct {
	options    Options
	graph      *topology.Graph // with virtual ASes
	engine     *sweep.Engine
	victims    members
	attackers  members
	attacks    []attack
	viewpoints []result.Viewpoint
	hosts      map[topology.ASN]bool // the viewpoints' ASes
	draft      result.Manifest       // without what only a run can tell
	shardSize  int                   // in victims
}

// members are the ASes on one side, by ascending AS number.
type members struct {
	index  []int32 // in the graph
	weight []float64
}

// attack is a shape of attack with the attackers prepared for it.
type attack struct {
	name     string
	prepared *sweep.Attackers
}

// Prepare reads the study's inputs and compiles the topology.
func Prepare(ctx context.Context, o Options) (*Plan, error) {
	o.Workers = max(o.Workers, 1)
	s := o.Source
	m, err := s.Map()
	if err != nil {
		return nil, err
	}
	p := &Plan{options: o}
	p.draft = result.Manifest{
		Schema: result.StudySchema, Version: o.Version, Name: s.Name, Title: s.Title, Topology: m.Source,
		TieBreak: s.Routing.TieBreak, Seed: s.Routing.Seed, Attacks: slices.Clone(s.Attacks), Aggregate: o.Aggregate,
		Inputs: []result.Input{{Role: "study", Name: result.StudyName, SHA256: s.SHA256}},
	}
	if m.Source.Kind == "file" {
		p.draft.Inputs = append(p.draft.Inputs, result.Input{Role: "topology", Name: m.Source.Source, SHA256: m.Source.SHA256})
	}
	points, err := p.place(m)
	if err != nil {
		return nil, err
	}
	if p.victims, p.draft.Victims, err = p.choose(m, "victims", s.Victims); err != nil {
		return nil, err
	}
	if p.attackers, p.draft.Attackers, err = p.choose(m, "attackers", s.Attackers); err != nil {
		return nil, err
	}
	if p.Hijacks() == 0 {
		return nil, s.FieldError("attackers", "the only victim as the only attacker", "another AS")
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := p.compile(points); err != nil {
		return nil, err
	}
	p.shardSize = p.size()
	return p, nil
}

// place attaches the viewpoints to the topology, and returns their indexes.
func (p *Plan) place(m *scenarios.Map) ([]int32, error) {
	s := p.options.Source
	sites := p.options.Sites
	if sites == nil {
		var err error
		if sites, err = s.Sites(); err != nil {
			return nil, err
		}
	}
	for _, site := range sites {
		if _, ok := m.Graph.Index(site.AS); site.AS != 0 && !ok {
			return nil, s.FieldError(site.Field(), fmt.Sprintf("AS %v", site.AS), fmt.Sprintf("an AS of the topology (%d ASes)", m.Graph.Len()))
		}
	}
	var egress scenarios.Egress
	if slices.ContainsFunc(sites, func(r scenarios.ResolvedSite) bool { return r.AS == 0 }) {
		var err error
		if egress, err = s.ResolveEgress(m.Source.Kind); err != nil {
			return nil, err
		}
		p.draft.Egress = &result.Assumed{Model: string(egress.Model), Assumption: egress.Assumption()}
	}
	graph, attached, err := scenarios.Attach(m.Graph, sites, egress)
	if err != nil {
		return nil, s.FieldError("viewpoints", err.Error(), "viewpoints that can be attached; see egress")
	}
	p.graph = graph
	points := make([]int32, len(attached))
	p.hosts = map[topology.ASN]bool{}
	for n, a := range attached {
		points[n], _ = graph.Index(a.ASN)
		p.viewpoints = append(p.viewpoints, viewpoint(graph, points[n], a))
		p.hosts[p.viewpoints[n].ASN] = true
	}
	p.draft.Viewpoints = len(points)
	return points, nil
}

// compile builds the engine and prepares the attackers.
func (p *Plan) compile(points []int32) error {
	tie, err := route.ParseTieBreak(p.options.Source.Routing.TieBreak)
	if err != nil {
		return err
	}
	p.engine, err = sweep.New(route.NewEngine(p.graph), points, route.Options{TieBreak: tie, Seed: p.options.Source.Routing.Seed})
	if err != nil {
		return err
	}
	for _, name := range p.draft.Attacks {
		shape := sweep.Shape{Length: 1}
		if name == scenarios.ForgedOrigin {
			shape = sweep.Shape{Length: 2, ForgedOrigin: true}
		}
		prepared, err := p.engine.Attackers(p.attackers.index, shape, p.options.Workers)
		if err != nil {
			return err
		}
		p.attacks = append(p.attacks, attack{name: name, prepared: prepared})
	}
	return nil
}

// viewpoint describes what was attached, at index i of the graph.
func viewpoint(g *topology.Graph, i int32, a scenarios.Attachment) result.Viewpoint {
	from := a.Site.Perspective
	v := result.Viewpoint{Name: from.Name, ASN: topology.ASN(from.ASN), City: from.City, RIR: from.RIR, Attached: a.Model}
	if at, ok := g.Place(i); ok {
		v.Location = &at
	}
	for _, l := range a.Links {
		if l.Kind == topology.Transit {
			v.Providers = append(v.Providers, l.A)
		} else {
			v.Peers++
		}
	}
	return v
}

// Manifest returns what is known of the results before they are computed.
func (p *Plan) Manifest() result.Manifest { return p.draft }

// Viewpoints returns the viewpoints in the order of the bits of a set.
func (p *Plan) Viewpoints() []result.Viewpoint { return slices.Clone(p.viewpoints) }

// Hijacks returns how many hijacks the study is.
func (p *Plan) Hijacks() int64 { return p.hijacksOf(p.victims.index) * int64(len(p.draft.Attacks)) }

// hijacksOf returns how many pairs some victims are in: nobody is attacked by
// itself.
func (p *Plan) hijacksOf(victims []int32) int64 {
	n := int64(len(victims)) * int64(len(p.attackers.index))
	for _, v := range victims {
		if _, both := slices.BinarySearch(p.attackers.index, v); both {
			n--
		}
	}
	return n
}

// The size of a shard, in hijacks: about a 256th of the study, so that a kill
// loses little, but neither so small that a study is thousands of files nor so
// large that one is a burden.
const (
	shardParts      = 256
	minShardHijacks = 1 << 17
	maxShardHijacks = 1 << 22
)

// size returns how many victims a shard has.
func (p *Plan) size() int {
	perVictim := int64(len(p.attackers.index) * len(p.attacks))
	want := min(max(p.Hijacks()/shardParts, minShardHijacks), maxShardHijacks)
	return int(max(want/perVictim, 1))
}

// Shards returns how many shards the study has.
func (p *Plan) Shards() int { return (len(p.victims.index) + p.shardSize - 1) / p.shardSize }
