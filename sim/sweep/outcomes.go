package sweep

// Outcomes says whom each viewpoint reaches, for one victim and a list of
// attackers. Create it with [Engine.NewOutcomes]; it can be used again and again.
type Outcomes struct {
	viewpoints, attackers, planes, words int
	rows                                 []uint64
	// Cut is how many attackers had both sides' routes computed together because one
	// announcer lies on the other's way; Split how many lanes it took to tell twins
	// apart.
	Cut, Split int
	// Filtered is how many had both sides' routes computed together because of origin
	// validation; Routed how many were left to package route, because of other
	// policies or because their paths were too long for a pass.
	Filtered, Routed int
	// Estimated is for how many Possible and Certain are no bounds but estimates:
	// those left to package route because of policies.
	Estimated int
}

// plane is one of the bits that are kept for each viewpoint.
type plane int

const (
	reached plane = iota // the viewpoint has a route to either if ties fall as the engine's options say
	lower                // the attacker is reached if all ties fall to the attacker
	picked               // ... if ties fall as the engine's options say
	upper                // ... even if all ties fall to the victim
	// These are as reached without policies.
	reachedLower // the viewpoint has a route to either if all ties fall to the attacker
	reachedUpper // ... to the victim
	possible     // the attacker is reached under some picks
	certain      // ... under all
	allPlanes

	plainPlanes = reachedLower
)

// planes returns how many bits are kept for each viewpoint.
func (e *Engine) planes() int {
	if e.options.Policies == nil {
		return int(plainPlanes)
	}
	return int(allPlanes)
}

// NewOutcomes returns room for n attackers.
func (e *Engine) NewOutcomes(n int) *Outcomes {
	words, planes := (len(e.viewpoints)+63)/64, e.planes()
	return &Outcomes{viewpoints: len(e.viewpoints), attackers: n, planes: planes, words: words, rows: make([]uint64, n*planes*words)}
}

// Len returns the number of attackers.
func (o *Outcomes) Len() int { return o.attackers }

// Words returns how many words a set of viewpoints has.
func (o *Outcomes) Words() int { return o.words }

// all returns the n-th attacker's sets, one after the other.
func (o *Outcomes) all(n int) []uint64 {
	size := o.planes * o.words
	return o.rows[n*size : (n+1)*size]
}

func (o *Outcomes) row(n int, p plane) []uint64 {
	if int(p) >= o.planes {
		p = reached
	}
	from := (n*o.planes + int(p)) * o.words
	return o.rows[from : from+o.words : from+o.words]
}

// Reached returns the viewpoints, bit i%64 of word i/64 for the i-th of
// [Engine.Viewpoints], that reach the victim or the n-th attacker if ties fall as
// the engine's options say: those that have a route at all. It is empty, as are
// the other sets, if victim and attacker are the same AS. The slice is good until
// the next sweep.
func (o *Outcomes) Reached(n int) []uint64 { return o.row(n, reached) }

// ReachedLower is Reached if all ties fall to the attacker: where origins are
// validated, ties decide who has a route.
func (o *Outcomes) ReachedLower(n int) []uint64 { return o.row(n, reachedLower) }

// ReachedUpper is Reached if all ties fall to the victim.
func (o *Outcomes) ReachedUpper(n int) []uint64 { return o.row(n, reachedUpper) }

// Lower returns the viewpoints that reach the n-th attacker if all ties fall to
// the attacker (route.TieBreakAttacker): resilience is at its lower bound, unless
// policies treat the sides differently; see [Outcomes.Possible].
func (o *Outcomes) Lower(n int) []uint64 { return o.row(n, lower) }

// Picked returns the viewpoints that reach the n-th attacker if ties fall as the
// engine's options say.
func (o *Outcomes) Picked(n int) []uint64 { return o.row(n, picked) }

// Upper returns the viewpoints that reach the n-th attacker even if all ties fall
// to the victim (route.TieBreakVictim); see [Outcomes.Certain].
func (o *Outcomes) Upper(n int) []uint64 { return o.row(n, upper) }

// Possible returns the viewpoints that reach the n-th attacker under some picks
// among equally good routes, and perhaps more: the bound that Lower is not always.
// Without policies, and where they treat both sides alike, it is Lower. For attackers
// left to package route because of policies, which Estimated counts, it is an estimate:
// who reaches the attacker in one of the three results.
func (o *Outcomes) Possible(n int) []uint64 {
	if int(possible) >= o.planes {
		return o.Lower(n)
	}
	return o.row(n, possible)
}

// Certain returns the viewpoints that reach the n-th attacker under all picks, and
// perhaps not all of them: the bound that Upper is not always. Without policies it is
// Upper; where Possible is an estimate, it is who reaches the attacker in all three
// results.
func (o *Outcomes) Certain(n int) []uint64 {
	if int(certain) >= o.planes {
		return o.Upper(n)
	}
	return o.row(n, certain)
}

// collector turns what a pass found into rows.
type collector struct {
	rows []uint64 // lanes rows
	sets [64][allPlanes]vec
}

// collect reads the outcomes of a pass with some attackers; of returns those of a
// node, and nodes are the viewpoints'.
func (c *collector) collect(attackers int, of func(x int32, s *[allPlanes]vec), nodes []int32, o *Outcomes) {
	c.rows = grow(c.rows, lanes*o.planes*o.words)
	sets := &c.sets
	for word := range o.words {
		from := word * 64
		some := nodes[from:min(from+64, len(nodes))]
		for n, x := range some {
			of(x, &sets[n])
		}
		for n := len(some); n < 64; n++ {
			sets[n] = [allPlanes]vec{}
		}
		var m [64]uint64
		for lane := 0; lane < attackers; lane += 64 {
			for pl := range o.planes {
				for n := range sets {
					m[n] = sets[n][pl][lane>>6]
				}
				transpose(&m)
				for n, set := range m {
					c.rows[((lane+n)*o.planes+pl)*o.words+word] = set
				}
			}
		}
	}
}

// grow returns s with length n, with anything in it.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// outcome returns whom node x reaches.
func (p *pass) outcome(x int32, s *[allPlanes]vec) {
	var all ways
	n := p.off[x]
	for i := range int32(p.lengths[x].count()) {
		w := &p.routes[n+i]
		all.attacker.or(&w.attacker)
		all.victim.or(&w.victim)
		all.picked.or(&w.picked)
	}
	s[lower], s[picked] = all.attacker, all.picked
	s[upper] = all.attacker
	s[upper].minus(&all.victim)
	s[reached] = all.attacker
	s[reached].or(&all.victim)
	s[reachedLower], s[reachedUpper] = s[reached], s[reached]
	s[possible], s[certain] = s[lower], s[upper]
}
