package event

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Schedule is what happens, at which virtual time.
type Schedule struct {
	// Standing was announced so long before time 0 that everything has settled.
	Standing []route.Announcement
	// Changes need not be in order; those of the same time happen together, in the
	// order given, and before any message that arrives at that time.
	Changes []Change
}

// Change is what happens at one moment. What it withdraws goes before what it
// announces.
type Change struct {
	// At is not negative.
	At time.Duration
	// Withdraw ends all announcements of an AS for a prefix.
	Withdraw []Withdrawal
	// Announce begins announcements. All of one AS for one prefix in this list
	// together replace what that AS announced for it before (RFC 4271 3.1).
	Announce []route.Announcement
	// Down ends sessions, at both ends at once, and Up begins them again.
	Down, Up []Session
}

// Withdrawal names the announcements of one AS for one prefix.
type Withdrawal struct {
	Prefix netip.Prefix
	AS     topology.ASN
}

func (w Withdrawal) String() string { return fmt.Sprintf("%d=%v", w.AS, w.Prefix) }

// Session is the BGP session over a link, in either order of its ends.
type Session struct {
	A, B topology.ASN
}

func (s Session) String() string { return fmt.Sprintf("%d-%d", s.A, s.B) }

// program is a schedule compiled for a graph.
type program struct {
	prefixes []netip.Prefix // by address, then length
	parts    []part         // one for each prefix
}

// part is what concerns one prefix.
type part struct {
	prefix   netip.Prefix
	anns     []route.Announcement // all there ever are, in the order of their beginnings
	by       []int32              // graph indexes of their announcers
	standing []int32              // indexes into anns
	steps    []step               // ascending, no two at the same time
}

// step is what happens to one prefix at one moment.
type step struct {
	at         time.Duration
	end, begin []int32 // indexes into anns
	down, up   []link
}

// link is a session by graph indexes.
type link struct{ a, b int32 }

// compile checks the schedule and splits it by prefix.
func (s Schedule) compile(g *topology.Graph) (*program, error) {
	c := compiler{graph: g, at: map[netip.Prefix]int{}, now: map[Withdrawal][]int32{}, down: map[link]bool{}}
	for n, a := range s.Standing {
		if err := c.check(a); err != nil {
			return nil, fmt.Errorf("standing announcement %d (%v): %w", n+1, a, err)
		}
		p := c.part(a.Prefix)
		p.standing = append(p.standing, c.begin(p, a))
	}
	order := make([]int, len(s.Changes))
	for n := range order {
		order[n] = n
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Changes[a].At, s.Changes[b].At) })
	for _, n := range order {
		if err := c.change(&s.Changes[n]); err != nil {
			return nil, fmt.Errorf("change %d (at %v): %w", n+1, s.Changes[n].At, err)
		}
	}
	if len(c.parts) == 0 {
		return nil, errors.New("schedule announces nothing")
	}
	return c.program(), nil
}

// compiler walks through the schedule in time.
type compiler struct {
	graph *topology.Graph
	parts []*part
	at    map[netip.Prefix]int
	now   map[Withdrawal][]int32 // what each AS announces
	down  map[link]bool
	// sessions are the changes of sessions, which concern every prefix.
	sessions []step
}

func (c *compiler) part(p netip.Prefix) *part {
	n, ok := c.at[p]
	if !ok {
		n = len(c.parts)
		c.at[p] = n
		c.parts = append(c.parts, &part{prefix: p})
	}
	return c.parts[n]
}

// step returns the step of p at a time, which is that of its last step or later.
func (p *part) step(at time.Duration) *step {
	if n := len(p.steps); n > 0 && p.steps[n-1].at == at {
		return &p.steps[n-1]
	}
	p.steps = append(p.steps, step{at: at})
	return &p.steps[len(p.steps)-1]
}

func (c *compiler) begin(p *part, a route.Announcement) int32 {
	n := int32(len(p.anns))
	p.anns = append(p.anns, a)
	i, _ := c.graph.Index(a.Announcer())
	p.by = append(p.by, i)
	by := Withdrawal{a.Prefix, a.Announcer()}
	c.now[by] = append(c.now[by], n)
	return n
}

func (c *compiler) check(a route.Announcement) error {
	if err := a.Validate(); err != nil {
		return err
	}
	if _, ok := c.graph.Index(a.Announcer()); !ok {
		return fmt.Errorf("AS %d is %w", a.Announcer(), route.ErrUnknownAS)
	}
	if n, ok := c.at[a.Prefix]; ok && len(c.parts[n].anns) == route.MaxAnnouncements {
		return fmt.Errorf("more than %d announcements for %v", route.MaxAnnouncements, a.Prefix)
	}
	for _, asn := range slices.Concat(a.Export.To, a.Export.Except) {
		if _, err := c.link(Session{a.Announcer(), asn}); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	for _, e := range a.Withhold {
		if _, err := c.link(Session{e.AS, e.Neighbor}); err != nil {
			return fmt.Errorf("withhold: %w", err)
		}
	}
	return nil
}

func (c *compiler) change(ch *Change) error {
	if ch.At < 0 {
		return errors.New("time is negative: want 0 or later")
	}
	for _, w := range ch.Withdraw {
		if len(c.now[w]) == 0 {
			return fmt.Errorf("withdrawal of %v by AS %d: it announces no such prefix then", w.Prefix, w.AS)
		}
		c.end(ch.At, w)
	}
	replaced := map[Withdrawal]bool{}
	for n, a := range ch.Announce {
		if err := c.check(a); err != nil {
			return fmt.Errorf("announcement %d (%v): %w", n+1, a, err)
		}
		if by := (Withdrawal{a.Prefix, a.Announcer()}); !replaced[by] {
			replaced[by] = true
			c.end(ch.At, by)
		}
		p := c.part(a.Prefix)
		st := p.step(ch.At)
		st.begin = append(st.begin, c.begin(p, a))
	}
	return c.changeSessions(ch)
}

// end notes the end of all that an AS announces for a prefix.
func (c *compiler) end(at time.Duration, by Withdrawal) {
	if ended := c.now[by]; len(ended) > 0 {
		st := c.part(by.Prefix).step(at)
		for _, n := range ended {
			if k := slices.Index(st.begin, n); k >= 0 { // begun and ended at one moment
				st.begin = slices.Delete(st.begin, k, k+1)
				continue
			}
			st.end = append(st.end, n)
		}
		delete(c.now, by)
	}
}

func (c *compiler) changeSessions(ch *Change) error {
	if len(ch.Down)+len(ch.Up) == 0 {
		return nil
	}
	st := step{at: ch.At}
	for _, s := range ch.Down {
		l, err := c.link(s)
		if err != nil {
			return err
		}
		if c.down[l] {
			return fmt.Errorf("session %v goes down: it is down already", s)
		}
		c.down[l] = true
		st.down = append(st.down, l)
	}
	for _, s := range ch.Up {
		l, err := c.link(s)
		if err != nil {
			return err
		}
		if !c.down[l] {
			return fmt.Errorf("session %v comes up: it is up already", s)
		}
		delete(c.down, l)
		st.up = append(st.up, l)
	}
	c.sessions = append(c.sessions, st)
	return nil
}

func (c *compiler) link(s Session) (link, error) {
	a, okA := c.graph.Index(s.A)
	b, okB := c.graph.Index(s.B)
	if !okA || !okB {
		return link{}, fmt.Errorf("session %v: AS %d is %w", s, map[bool]topology.ASN{false: s.A, true: s.B}[okA], route.ErrUnknownAS)
	}
	if _, ok := c.graph.RelationshipTo(a, b); !ok {
		return link{}, fmt.Errorf("session %v: the topology has no such link", s)
	}
	return link{min(a, b), max(a, b)}, nil
}

// program sorts the parts and gives every one its share of the sessions.
func (c *compiler) program() *program {
	out := &program{}
	slices.SortFunc(c.parts, func(a, b *part) int {
		return a.prefix.Compare(b.prefix)
	})
	for _, p := range c.parts {
		p.steps = mergeSteps(p.steps, c.sessions)
		out.prefixes = append(out.prefixes, p.prefix)
		out.parts = append(out.parts, *p)
	}
	return out
}

// mergeSteps merges two ascending lists; of one time there is one step.
func mergeSteps(a, b []step) []step {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y step) int { return cmp.Compare(x.at, y.at) })
	var out []step
	for _, s := range all {
		if n := len(out); n > 0 && out[n-1].at == s.at {
			last := &out[n-1]
			last.end, last.begin = slices.Concat(last.end, s.end), slices.Concat(last.begin, s.begin)
			last.down, last.up = slices.Concat(last.down, s.down), slices.Concat(last.up, s.up)
			continue
		}
		out = append(out, s)
	}
	return out
}
