package sweep

// Outcomes says whom each viewpoint reaches, for one victim and a list of
// attackers. Create it with [Engine.NewOutcomes]; it can be used again and again.
type Outcomes struct {
	viewpoints, attackers, words int
	rows                         []uint64
	// Cut is how many attackers were run by themselves, because one announcer
	// lies on the other's way; Routed how many by package route, because their
	// paths were too long for a pass; Split how many twins were told apart.
	Cut, Routed, Split int
}

// plane is one of the bits that are kept for each viewpoint.
type plane int

const (
	reached plane = iota // the viewpoint has a route to either
	lower                // the attacker is reached if all ties fall to the attacker
	picked               // ... if ties fall as the engine's options say
	upper                // ... even if all ties fall to the victim
	planes
)

// NewOutcomes returns room for n attackers.
func (e *Engine) NewOutcomes(n int) *Outcomes {
	words := (len(e.viewpoints) + 63) / 64
	return &Outcomes{viewpoints: len(e.viewpoints), attackers: n, words: words, rows: make([]uint64, n*int(planes)*words)}
}

// Len returns the number of attackers.
func (o *Outcomes) Len() int { return o.attackers }

// Words returns how many words a set of viewpoints has.
func (o *Outcomes) Words() int { return o.words }

func (o *Outcomes) row(n int, p plane) []uint64 {
	from := (n*int(planes) + int(p)) * o.words
	return o.rows[from : from+o.words : from+o.words]
}

// Reached returns the viewpoints, bit i%64 of word i/64 for the i-th of
// [Engine.Viewpoints], that reach the victim or the n-th attacker: those that
// have a route at all. It is empty, as are the other sets, if victim and attacker
// are the same AS. The slice is good until the next sweep.
func (o *Outcomes) Reached(n int) []uint64 { return o.row(n, reached) }

// Lower returns the viewpoints that reach the n-th attacker if all ties fall to
// the attacker (route.TieBreakAttacker): resilience is at its lower bound.
func (o *Outcomes) Lower(n int) []uint64 { return o.row(n, lower) }

// Picked returns the viewpoints that reach the n-th attacker if ties fall as the
// engine's options say.
func (o *Outcomes) Picked(n int) []uint64 { return o.row(n, picked) }

// Upper returns the viewpoints that reach the n-th attacker even if all ties fall
// to the victim (route.TieBreakVictim).
func (o *Outcomes) Upper(n int) []uint64 { return o.row(n, upper) }

// collector turns what a pass found into rows.
type collector struct {
	rows []uint64 // lanes rows
}

// collect reads the outcomes of the pass's lanes.
func (c *collector) collect(p *pass, words int) {
	if n := lanes * int(planes) * words; len(c.rows) != n {
		c.rows = make([]uint64, n)
	}
	var sets [64][planes]vec
	for word := range words {
		from := word * 64
		some := p.viewpointNode[from:min(from+64, len(p.viewpointNode))]
		for n, x := range some {
			sets[n] = p.outcome(x)
		}
		for n := len(some); n < 64; n++ {
			sets[n] = [planes]vec{}
		}
		var m [64]uint64
		for lane := 0; lane < len(p.k.as); lane += 64 {
			for pl := range planes {
				for n := range sets {
					m[n] = sets[n][pl][lane>>6]
				}
				transpose(&m)
				for n, set := range m {
					c.rows[((lane+n)*int(planes)+int(pl))*words+word] = set
				}
			}
		}
	}
}

// outcome returns whom node x reaches.
func (p *pass) outcome(x int32) (s [planes]vec) {
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
	return s
}
