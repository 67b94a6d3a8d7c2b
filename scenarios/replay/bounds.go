package replay

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
)

// nobody is who packets reach that get nowhere.
const nobody = "nobody"

// maxHops is the TTL that hosts send with: packets do not get further.
const maxHops = 64

// tableKey names the routes of one epoch under one tie-break.
type tableKey struct {
	epoch int
	tie   route.TieBreak
}

// forecast says from routes alone what checks would see under other tie-breaks.
type forecast struct {
	mu     sync.Mutex
	tables map[tableKey]*route.Table
	done   map[route.TieBreak]map[string]*route.Routes
	caa    perspectives.Verdict // what the victim's zone says, Unanswered before it is known
}

// sight is whom a perspective's packets reach: "victim", "attacker" or "nobody".
type sight struct {
	dns string // the name server that a resolver gets an answer from
	web string // the web address that it connects to, if the name server is the victim's
}

// fooled says whether the attacker gets any packet that a check by the method
// sends.
func (s sight) fooled(m perspectives.Method) bool {
	return s.dns == scenarios.SideAttacker || s.dns == scenarios.SideVictim && m == perspectives.HTTP01 && s.web == scenarios.SideAttacker
}

// verdicts returns what a perspective with this sight says. caa is what the
// victim's own zone permits; the attacker's has no CAA records.
func (s sight) verdicts(m perspectives.Method, applicant string, caa perspectives.Verdict) (dcv, permission perspectives.Verdict) {
	validates := func(side string) perspectives.Verdict {
		switch side {
		case nobody:
			return perspectives.Error
		case applicant:
			return perspectives.Pass
		}
		return perspectives.Fail
	}
	switch {
	case s.dns == nobody:
		return perspectives.Error, perspectives.Error
	case s.dns == scenarios.SideAttacker:
		return validates(scenarios.SideAttacker), perspectives.Pass
	case m == perspectives.HTTP01:
		return validates(s.web), caa
	}
	return validates(s.dns), caa
}

// bounds decides the check again from routes alone, with all ties given to the
// attacker and to the victim. Where routes change while a perspective checks,
// the worse and the better moment counts.
func (w *World) bounds(ctx context.Context, c *result.Check, runners []*runner, q policy.Quorum) error {
	method := perspectives.Method(c.Method)
	caa, err := w.honestCAA(ctx)
	if err != nil {
		return err
	}
	var fooled [2][]bool
	for n, bound := range []struct {
		tie   route.TieBreak
		worst bool
		out   *result.Bound
	}{{route.TieBreakAttacker, true, &c.Bounds.Lower}, {route.TieBreakVictim, false, &c.Bounds.Upper}} {
		answers := make([]policy.Answer, len(runners))
		fooled[n] = make([]bool, len(runners))
		for i, r := range runners {
			s, err := w.sightDuring(c.Rows[i].Started, c.Rows[i].Finished, r.station, bound.tie, bound.worst)
			if err != nil {
				return err
			}
			if fooled[n][i] = s.fooled(method); fooled[n][i] {
				bound.out.Fooled++
			}
			dcv, permission := s.verdicts(method, c.Applicant, caa)
			answers[i] = policy.Answer{Perspective: r.Describe(), DCV: dcv, CAA: permission}
		}
		d, err := policy.Decide(q, policy.SameSet(answers[0], answers[1:]...))
		if err != nil {
			return err
		}
		bound.out.Issue, bound.out.Reason = d.Issue, d.Reason
	}
	for i := range c.Rows {
		if fooled[0][i] == fooled[1][i] {
			continue
		}
		c.Rows[i].Tie = scenarios.SideAttacker
		if c.Rows[i].Reached == scenarios.SideAttacker {
			c.Rows[i].Tie = scenarios.SideVictim
		}
	}
	return nil
}

// sightDuring returns the worst or best sight of the epochs from one time to
// another.
func (w *World) sightDuring(from, to time.Duration, st *station, tie route.TieBreak, worst bool) (sight, error) {
	i, _ := w.graph.Index(st.attachment.ASN)
	var out sight
	first := w.epochAt(from)
	for n := first; n <= max(first, w.epochAt(to)); n++ {
		t, err := w.serviceRoutes(n, tie)
		if err != nil {
			return sight{}, err
		}
		s := w.look(t, i)
		if n == first || s.fooled(perspectives.Method(w.source.CA.Method)) == worst {
			out = s
		}
	}
	return out, nil
}

// serviceRoutes returns the routes for the victim's services in an epoch under a
// tie-break.
func (w *World) serviceRoutes(n int, tie route.TieBreak) (*route.Table, error) {
	f := &w.forecast
	f.mu.Lock()
	defer f.mu.Unlock()
	key := tableKey{n, tie}
	if t := f.tables[key]; t != nil {
		return t, nil
	}
	if f.tables == nil {
		f.tables, f.done = map[tableKey]*route.Table{}, map[route.TieBreak]map[string]*route.Routes{}
	}
	if f.done[tie] == nil {
		f.done[tie] = map[string]*route.Routes{}
	}
	e := epoch{from: w.epochs[n].from, anns: map[netip.Prefix][]route.Announcement{}}
	for p, list := range w.epochs[n].anns {
		if slices.ContainsFunc(w.serviceAddrs(), p.Contains) {
			e.anns[p] = list
		}
	}
	if err := w.propagate(&e, f.done[tie], route.Options{TieBreak: tie}); err != nil {
		return nil, err
	}
	t := new(route.Table)
	for _, p := range prefixes(e.anns) {
		t.Add(e.routes[p])
	}
	f.tables[key] = t
	return t, nil
}

// serviceAddrs are the addresses of the victim's services.
func (w *World) serviceAddrs() []netip.Addr {
	addrs := slices.Clone(w.source.Victim.Web)
	for _, ns := range w.source.Victim.NameServers {
		addrs = append(addrs, ns.Address)
	}
	return addrs
}

// look says whom the packets of a perspective in AS i (a graph index) reach.
func (w *World) look(t *route.Table, i int32) sight {
	first := func(addrs []netip.Addr) string {
		for _, a := range addrs {
			if side := w.follow(t, i, a); side != nobody {
				return side
			}
		}
		return nobody
	}
	return sight{dns: first(w.dnsInOrder()), web: first(w.webInOrder())}
}

// follow carries a packet from AS i hop by hop, as package fabric does.
func (w *World) follow(t *route.Table, i int32, to netip.Addr) string {
	for range maxHops {
		r, ok := t.Lookup(i, to)
		if !ok {
			return nobody
		}
		next, own, _ := r.NextHop(i)
		if !own {
			i = next
			continue
		}
		switch as := w.graph.ASN(i); {
		case as == w.source.Attacker.AS:
			return scenarios.SideAttacker
		case as == w.source.HostAS(to):
			return scenarios.SideVictim
		}
		return nobody
	}
	return nobody
}

// dnsInOrder returns the victim's name servers in the order in which package
// resolver asks them: those that the TLD has glue for first.
func (w *World) dnsInOrder() []netip.Addr {
	v := w.source.Victim
	tld := v.Domain[strings.LastIndexByte(v.Domain, '.'):]
	var glued, rest []netip.Addr
	for _, ns := range v.NameServers {
		if strings.HasSuffix(ns.Name, tld) {
			glued = append(glued, ns.Address)
		} else {
			rest = append(rest, ns.Address)
		}
	}
	return append(glued, rest...)
}

// webInOrder returns the addresses that package dcv connects to: the first IPv6
// address, and the first IPv4 address as the fallback.
func (w *World) webInOrder() []netip.Addr {
	var out []netip.Addr
	for _, is := range []func(netip.Addr) bool{netip.Addr.Is6, netip.Addr.Is4} {
		if n := slices.IndexFunc(w.source.Victim.Web, is); n >= 0 {
			out = append(out, w.source.Victim.Web[n])
		}
	}
	return out
}

// lookAround finds out with packets what look says from routes: it sends a
// datagram to each service that the method uses, and on to the next address of
// the service if it gets nowhere.
func (w *World) lookAround(s *fabric.Session, probe func(netip.Addr) error) error {
	services := [][]netip.Addr{w.dnsInOrder()}
	if perspectives.Method(w.source.CA.Method) == perspectives.HTTP01 {
		services = append(services, w.webInOrder())
	}
	for _, addrs := range services {
		for _, a := range addrs {
			if err := probe(a); err != nil {
				return err
			}
			flows := s.Flows()
			if flows[len(flows)-1].To != "" {
				break
			}
		}
	}
	return nil
}
