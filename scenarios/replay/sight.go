package replay

import (
	"net/netip"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// maxForged is how many servers of a zone package resolver lets fail validation.
const maxForged = 3

// sight is whom a perspective gets answers from: "victim", "attacker" or
// "nobody".
type sight struct {
	dns string // the name server
	web string // the web address that this one leads to, for methods that look
	// fooled says that the attacker gets a packet for one of the services, whether
	// or not his answer comes back.
	fooled bool
}

// verdicts returns what a perspective with this sight says. caa is what the
// victim's own zone permits; the attacker's has no CAA records.
func (s sight) verdicts(m perspectives.Method, applicant string, caa perspectives.Verdict) (dcv, permission perspectives.Verdict) {
	if s.dns == scenarios.SideAttacker {
		caa = perspectives.Pass
	}
	who := s.dns
	if m == perspectives.HTTP01 {
		who = s.web
	}
	switch {
	case s.dns == nobody:
		return perspectives.Error, perspectives.Error
	case who == nobody:
		return perspectives.Error, caa
	case who == applicant:
		return perspectives.Pass, caa
	}
	return perspectives.Fail, caa
}

// look says whom a perspective gets answers from. An answer counts if the way
// back leads to the perspective too.
func (w *World) look(t scene, st *station) sight {
	s := sight{dns: nobody, web: nobody}
	own := w.source.Attacker
	for _, u := range w.upper() {
		side, as := w.sideOf(t, st, u.addr, u.as)
		if side == scenarios.SideAttacker {
			s.fooled = true
		}
		if side == nobody || !w.hears(t, st, as, u.addr) {
			return s
		}
		if side == scenarios.SideAttacker { // who leads on to himself, unless validation finds him out
			if !w.source.DNS.Signed && w.hears(t, st, own.AS, own.Address) {
				s.dns, s.web = side, side
			}
			return s
		}
	}
	// doubted: what the attacker says is found to be forged, and the next server asked.
	first := func(addrs []netip.Addr, doubted bool) string {
		forged := 0
		for _, a := range addrs {
			side, as := w.follow(t, st, a)
			s.fooled = s.fooled || side == scenarios.SideAttacker
			if side == nobody || !w.hears(t, st, as, a) {
				continue
			}
			if side == scenarios.SideVictim || !doubted {
				return side
			}
			if forged++; forged == maxForged {
				return nobody
			}
		}
		return nobody
	}
	s.dns = first(w.dnsInOrder(), w.source.DNS.Signed)
	switch {
	case !w.looksAtWeb():
	case s.dns == scenarios.SideVictim:
		s.web = first(w.webInOrder(), false)
	case s.dns == scenarios.SideAttacker && w.hears(t, st, w.source.Attacker.AS, w.source.Attacker.Address):
		s.web = scenarios.SideAttacker // who names an address of his own
	}
	return s
}

// probe says whom probes reach, which nobody answers; see [World.lookAround].
func (w *World) probe(t scene, st *station) sight {
	first := func(addrs []netip.Addr) string {
		for _, a := range addrs {
			if side, _ := w.follow(t, st, a); side != nobody {
				return side
			}
		}
		return nobody
	}
	s := sight{dns: first(w.dnsInOrder()), web: nobody}
	if w.looksAtWeb() {
		s.web = first(w.webInOrder())
	}
	s.fooled = s.dns == scenarios.SideAttacker || s.web == scenarios.SideAttacker
	for _, u := range w.takenUpper() {
		side, _ := w.sideOf(t, st, u.addr, u.as)
		s.fooled = s.fooled || side == scenarios.SideAttacker
	}
	return s
}

// upper is a name server above the domain's own zones.
type upper struct {
	addr netip.Addr
	as   topology.ASN
}

// upper returns them in the order in which they are asked.
func (w *World) upper() []upper {
	return []upper{{rootAddress, w.rootAS}, {tldAddress, w.tldAS}}
}

// takenUpper returns those whose prefixes the attacker takes at some time.
func (w *World) takenUpper() []upper {
	return slices.DeleteFunc(w.upper(), func(u upper) bool { return !w.taken(u.addr) })
}

// cutOff says from routes whether the coordinator gets no answer of a remote by a
// control connection: its packets, when it calls, or the remote's, then or when
// the answer leaves, end elsewhere.
func (w *World) cutOff(c *result.Control, r *runner, tie route.TieBreak) (bool, error) {
	if w.control == nil || r.primary {
		return false, nil
	}
	o := w.control.offices[r.desk.primary]
	began, ended := r.desk.elapsed(), r.desk.elapsed()
	if c != nil {
		began, ended = c.Started, c.Started
		if c.Answered {
			ended = c.Finished
		}
	}
	there := w.controlAddress(r.Describe().Name).Addr()
	course, err := w.serviceCourse(tie)
	if err != nil {
		return false, err
	}
	first := course.at(began)
	for _, n := range []int{first, course.at(ended)} {
		t := w.scene(course, n)
		if n == first && !w.arrives(t, o.as, there, r.station.attachment.ASN, fromCA) ||
			!w.arrives(t, r.station.attachment.ASN, o.addr, o.as, fromCA) {
			return true, nil
		}
	}
	return false, nil
}

// hears says whether what a host at an address in an AS sends to a perspective
// gets there.
func (w *World) hears(t scene, st *station, from topology.ASN, at netip.Addr) bool {
	n := slices.IndexFunc(st.addrs, func(a netip.Addr) bool { return a.Is4() == at.Is4() })
	return n >= 0 && w.arrives(t, from, st.addrs[n], st.attachment.ASN, !fromCA)
}

// fromCA says of packets that the CA's perspectives or coordinators send them.
const fromCA = true

// arrives says whether packets from an AS to one of the CA's own addresses get to
// the AS where it is. If nobody takes the address they do.
func (w *World) arrives(t scene, from topology.ASN, to netip.Addr, home topology.ASN, byCA bool) bool {
	if !w.taken(to) {
		return true
	}
	i, _ := w.graph.Index(from)
	as, ok := w.lands(t, i, to, byCA)
	return ok && as == home
}

// scene is where packets go at one time.
type scene struct {
	tables
	// handled is as in moment.
	handled []netip.Prefix
}

// scene returns the n-th of a course.
func (w *World) scene(c *course, n int) scene {
	return scene{c.tables[n], w.momentAt(c.from[n]).handled}
}

// lands carries a packet from AS i hop by hop, as package fabric does, and returns
// the AS where it ends; false if there is none.
func (w *World) lands(t scene, i int32, to netip.Addr, byCA bool) (topology.ASN, bool) {
	hops, fate := t.AppendTrace(nil, i, to)
	if byCA && slices.ContainsFunc(t.handled, func(p netip.Prefix) bool { return p.Contains(to) }) {
		attacker, _ := w.graph.Index(w.source.Attacker.AS)
		if n := slices.Index(hops, attacker); n >= 0 && n < maxHops {
			return w.source.Attacker.AS, true
		}
	}
	if fate != route.Delivered || len(hops) > maxHops {
		return 0, false
	}
	return w.graph.ASN(hops[len(hops)-1]), true
}

// follow says whom a perspective's packets to an address of the victim's services
// reach, and in which AS.
func (w *World) follow(t scene, st *station, to netip.Addr) (string, topology.ASN) {
	return w.sideOf(t, st, to, w.source.HostAS(to))
}

// sideOf says the same of an address whose host is in AS home. If nobody takes the
// address packets get there.
func (w *World) sideOf(t scene, st *station, to netip.Addr, home topology.ASN) (string, topology.ASN) {
	if !w.taken(to) && w.source.HostAS(to) == 0 {
		return scenarios.SideVictim, home
	}
	i, _ := w.graph.Index(st.attachment.ASN)
	as, ok := w.lands(t, i, to, fromCA)
	switch {
	case ok && as == w.source.Attacker.AS:
		return scenarios.SideAttacker, as
	case ok && as == home:
		return scenarios.SideVictim, as
	}
	return nobody, 0
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

// looksAtWeb says whether the method does.
func (w *World) looksAtWeb() bool {
	return perspectives.Method(w.source.CA.Method) == perspectives.HTTP01
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
	var services [][]netip.Addr
	for _, u := range w.takenUpper() {
		services = append(services, []netip.Addr{u.addr})
	}
	services = append(services, w.dnsInOrder())
	if w.looksAtWeb() {
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
