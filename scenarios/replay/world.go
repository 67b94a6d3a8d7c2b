package replay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/resolver"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/sim/names"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Names of the hosts that are there in every story.
const (
	hostRoot     = scenarios.RootServer
	hostTLD      = scenarios.TLDServer
	hostVictim   = "victim-web"
	hostAttacker = "attacker"
)

// Addresses of the name servers above the victim's zone.
var (
	rootPrefix  = netip.MustParsePrefix("198.19.0.0/24") //nolint:gochecknoglobals // immutable
	rootAddress = netip.MustParseAddr("198.19.0.53")     //nolint:gochecknoglobals // immutable
	tldPrefix   = netip.MustParsePrefix("198.19.1.0/24") //nolint:gochecknoglobals // immutable
	tldAddress  = netip.MustParseAddr("198.19.1.53")     //nolint:gochecknoglobals // immutable
)

// World is the emulated Internet of one scenario, with everybody in place.
type World struct {
	source  *scenarios.Source
	options Options
	from    *Map
	graph   *topology.Graph // with virtual ASes
	egress  scenarios.Egress
	delays  fabric.Delays
	start   time.Time

	rootAS, tldAS topology.ASN
	sites         map[string]*station                 // by perspective name
	sets          map[string][]scenarios.ResolvedSite // by check name, the primary first
	order         []string                            // of sites, by first use
	fabric        *fabric.Fabric
	engine        *route.Engine
	routing       route.Options
	defences      *scenarios.Defences
	moments       []moment
	told          []result.Event
	course        *course
	roots         []resolver.Root
	anchors       []string       // trust anchors, none if zones are not signed
	hijacked      []netip.Prefix // of the whole timeline
	forecast      forecast
	control       *control // nil for an out-of-band one
	closers       []func() error
}

// station is a perspective in its place.
type station struct {
	attachment scenarios.Attachment
	prefixes   []netip.Prefix
	addrs      []netip.Addr
	host       *fabric.Host
}

// Build sets up the world: topology, routes of every epoch, hosts and servers.
// Close ends it.
func Build(ctx context.Context, o Options) (_ *World, err error) {
	if o.Source == nil {
		return nil, errors.New("replay: no scenario")
	}
	load := o.Loader
	if load == nil {
		load = Load
	}
	w := &World{source: o.Source, options: o, sites: map[string]*station{}, sets: map[string][]scenarios.ResolvedSite{}, delays: fabric.DefaultDelays()}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.from, err = load(o.Source); err != nil {
		return nil, err
	}
	date, err := policy.ParseDate(o.Source.CA.Date)
	if err != nil {
		return nil, err
	}
	w.start = storyStart(date)
	tie, err := route.ParseTieBreak(o.Source.Routing.TieBreak)
	if err != nil {
		return nil, err
	}
	w.routing = route.Options{TieBreak: tie, Seed: o.Source.Routing.Seed}
	for _, step := range []func() error{w.checkParties, w.placePerspectives, w.computeRoutes, w.addHosts} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := w.startServers(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// Close stops servers and hosts.
func (w *World) Close() {
	for _, c := range w.closers {
		_ = c() // a server that failed has shown it in the checks
	}
	if w.fabric != nil {
		w.fabric.Close()
	}
}

// checkParties finds everybody's AS in the topology and chooses the default ones.
func (w *World) checkParties() error {
	s, g := w.source, w.from.Graph
	if g.Len() == 0 {
		return s.FieldError("topology", "a topology without ASes", "at least the victim's and the attacker's")
	}
	if err := s.ValidateOn(g); err != nil {
		return err
	}
	w.rootAS, w.tldAS = largest(g)
	if s.DNS.RootAS != 0 {
		w.rootAS = s.DNS.RootAS
	}
	if s.DNS.TLDAS != 0 {
		w.tldAS = s.DNS.TLDAS
	}
	return w.checkUpper()
}

// checkUpper checks that the attacker takes no upper name server's prefix from
// himself.
func (w *World) checkUpper() error {
	s := w.source
	for _, u := range []struct {
		name, field string
		as          topology.ASN
	}{{scenarios.RootServer, "dns.root-as", w.rootAS}, {scenarios.TLDServer, "dns.tld-as", w.tldAS}} {
		hijacked := slices.ContainsFunc(s.Timeline, func(e scenarios.Event) bool {
			return e.Hijack != nil && slices.Contains(e.Hijack.PrefixesOf, u.name) || e.Attack != nil && e.Attack.Of == u.name
		})
		if hijacked && u.as == s.Attacker.AS {
			return s.FieldError(u.field, fmt.Sprintf("AS %v, which is the attacker's", u.as), "another AS, because the attacker takes the prefix of "+u.name)
		}
	}
	return nil
}

// computeRoutes tells the story, and finds the routes that come of it.
func (w *World) computeRoutes() (err error) {
	w.engine = route.NewEngine(w.graph)
	if w.defences, err = w.source.Defences(w.from.Graph, w.graph); err != nil {
		return err
	}
	if err := w.tell(); err != nil {
		return err
	}
	w.course, err = w.courseOf(w.routing, nil)
	return err
}

// largest returns the ASes with the most and the second most customers; of equal
// ones the lower AS number.
func largest(g *topology.Graph) (first, second topology.ASN) {
	a, b := int32(0), int32(0)
	customers := func(i int32) int { return len(g.Customers(i)) }
	for i := int32(1); i < int32(g.Len()); i++ {
		switch {
		case customers(i) > customers(a):
			a, b = i, a
		case b == a || customers(i) > customers(b):
			b = i
		}
	}
	return g.ASN(a), g.ASN(b)
}

// placePerspectives attaches the perspectives of all checks to the topology.
func (w *World) placePerspectives() error {
	s := w.source
	egress, err := scenarios.ParseEgress(s.CA.Egress)
	if err != nil {
		return err
	}
	if egress, err = egress.On(w.from.Source.Kind); err != nil {
		return s.FieldError("ca.egress", fmt.Sprintf("%q", s.CA.Egress), err.Error())
	}
	w.egress = egress
	var all []scenarios.ResolvedSite
	for n, e := range s.Timeline {
		if e.Check == nil {
			continue
		}
		sites, err := s.Resolve(*e.Check)
		if err != nil {
			return fmt.Errorf("timeline[%d].check: %w", n, err)
		}
		w.sets[e.Check.Name] = sites
		for _, site := range sites {
			if w.sites[site.Perspective.Name] == nil {
				w.sites[site.Perspective.Name] = &station{}
				w.order = append(w.order, site.Perspective.Name)
				all = append(all, site)
			}
		}
	}
	graph, attachments, err := scenarios.Attach(w.from.Graph, all, egress)
	if err != nil {
		return s.FieldError("ca.perspectives", err.Error(), "perspectives that fit the topology; or another ca.egress")
	}
	w.graph = graph
	v6 := w.needsIPv6()
	for n, a := range attachments {
		st := w.sites[a.Site.Perspective.Name]
		st.attachment = a
		b := [4]byte{10, byte(n >> 8), byte(n), 0}
		st.prefixes = append(st.prefixes, netip.PrefixFrom(netip.AddrFrom4(b), 24))
		b[3] = 10
		st.addrs = append(st.addrs, netip.AddrFrom4(b))
		if v6 {
			b := [16]byte{0xfd, 0x10, byte(n >> 8), byte(n)}
			st.prefixes = append(st.prefixes, netip.PrefixFrom(netip.AddrFrom16(b), 48))
			b[15] = 0x10
			st.addrs = append(st.addrs, netip.AddrFrom16(b))
		}
	}
	w.openOffices()
	return nil
}

// needsIPv6 says whether anybody in the story has an IPv6 address.
func (w *World) needsIPv6() bool {
	for _, o := range w.source.Owned() {
		if o.Prefix.Addr().Is6() {
			return true
		}
	}
	return w.source.Attacker.Prefix.Addr().Is6()
}

// services returns the victim's service addresses, web first, that lie in one of
// the prefixes that the attacker takes at some time.
func (w *World) services() (web, dns []netip.Addr) {
	for _, a := range w.source.Victim.Web {
		if w.taken(a) {
			web = append(web, a)
		}
	}
	for _, ns := range w.source.Victim.NameServers {
		if w.taken(ns.Address) {
			dns = append(dns, ns.Address)
		}
	}
	return web, dns
}

// addHosts starts everybody's TCP/IP stack.
func (w *World) addHosts() error {
	f, err := fabric.New(fabric.Config{
		Graph: w.graph, Epochs: w.epochs(w.course), Start: w.start, Delays: w.delays,
		Capture: w.options.Capture != nil, Seed: w.routing.Seed,
	})
	if err != nil {
		return err
	}
	w.fabric = f
	s := w.source
	web, dns := w.services()
	configs := []fabric.HostConfig{
		{Name: hostRoot, AS: w.rootAS, Addrs: []netip.Addr{rootAddress}},
		{Name: hostTLD, AS: w.tldAS, Addrs: []netip.Addr{tldAddress}},
		{Name: hostVictim, AS: s.Victim.AS, Addrs: s.Victim.Web},
		{Name: hostAttacker, AS: s.Attacker.AS, Addrs: slices.Concat([]netip.Addr{s.Attacker.Address}, web, dns, w.takenHosts())},
	}
	for _, ns := range s.Victim.NameServers {
		configs = append(configs, fabric.HostConfig{Name: ns.Name, AS: ns.AS, Addrs: []netip.Addr{ns.Address}})
	}
	for _, c := range configs {
		if _, err := f.AddHost(c); err != nil {
			return err
		}
	}
	for _, name := range w.order {
		st := w.sites[name]
		at := st.attachment.Site.Perspective.Location
		if st.host, err = f.AddHost(fabric.HostConfig{Name: name, AS: st.attachment.ASN, Addrs: st.addrs, Place: &at}); err != nil {
			return err
		}
	}
	if w.control == nil {
		return nil
	}
	for _, beside := range w.control.order {
		o := w.control.offices[beside]
		if o.host, err = f.AddHost(fabric.HostConfig{Name: o.name, AS: o.as, Addrs: []netip.Addr{o.addr}, Place: &o.place}); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) host(name string) *fabric.Host {
	for _, h := range w.fabric.Hosts() {
		if h.Name() == name {
			return h
		}
	}
	return nil
}

// describe starts the result with what is known before any check.
func (w *World) describe() *result.Replay {
	s := w.source
	r := &result.Replay{
		Schema: result.ReplaySchema, Version: w.options.Version,
		Scenario: result.Scenario{
			Name: s.Name, Title: s.Title, Claim: s.Claim, Sources: append([]string{}, s.Sources...),
			Drawing: s.Drawing, Family: string(s.Family), Changed: w.options.Changed,
		},
		Inputs: result.Inputs{
			Topology: w.from.Source, TieBreak: w.routing.TieBreak.String(), Seed: w.routing.Seed,
			Policies: w.defences.Policies, RPKI: w.defences.RPKI(),
			Egress: egressName(w.egress), EgressAssumption: w.egressAssumption(), Delays: w.delays.String(),
			ControlPlane: s.CA.ControlPlane,
		},
		Parties: result.Parties{
			Victim: s.Victim.AS, Attacker: s.Attacker.AS, Domain: s.Victim.Domain,
			Web: text(s.Victim.Web), NameServers: []result.NameServer{}, RootAS: w.rootAS, TLDAS: w.tldAS,
		},
		Perspectives: []result.Perspective{}, Timeline: w.told, Convergence: w.describeConvergence(), Checks: []result.Check{},
		Network: result.Network{Hosts: len(w.fabric.Hosts()), Prefixes: len(w.moments[len(w.moments)-1].anns.prefixes())},
	}
	if v := s.Verdict; v != nil {
		r.Scenario.Verdict = &result.Verdict{Stopped: *v.Stopped, Under: v.Under, Checks: slices.Clone(v.Checks), Why: v.Why}
	}
	for _, ns := range s.Victim.NameServers {
		r.Parties.NameServers = append(r.Parties.NameServers, result.NameServer{
			Name: ns.Name, AS: ns.AS, Prefix: ns.Prefix.String(), Address: ns.Address.String(),
		})
	}
	for _, name := range w.order {
		a := w.sites[name].attachment
		p := a.Site.Perspective
		r.Perspectives = append(r.Perspectives, result.Perspective{
			Name: p.Name, City: p.City, RIR: p.RIR, Location: p.Location,
			AS: a.ASN, Virtual: a.Virtual, Attached: a.Model, Neighbors: a.Neighbors(), Exit: a.Exit, Prefixes: text(w.sites[name].prefixes),
		})
	}
	if w.control != nil {
		for _, beside := range w.control.order {
			o := w.control.offices[beside]
			r.Parties.Coordinators = append(r.Parties.Coordinators, result.Coordinator{
				Beside: beside, AS: o.as, Prefix: o.prefix.String(), Address: o.addr.String(),
			})
		}
	}
	return r
}

// egressAssumption says what the models assume that attached somebody.
func (w *World) egressAssumption() string {
	var said []string
	for _, name := range w.order {
		a := w.sites[name].attachment
		if model := scenarios.EgressModel(a.Model); a.Virtual && a.Model != "explicit" {
			if text := (scenarios.Egress{Model: model, Providers: w.egress.Providers, NoClouds: len(a.Inside) == 0}).Assumption(); !slices.Contains(said, text) {
				said = append(said, text)
			}
		}
	}
	if len(said) == 0 {
		return "no model: every perspective is attached as the scenario says"
	}
	return strings.Join(said, "; ")
}

func egressName(e scenarios.Egress) string {
	if e.Model == scenarios.EgressNearest {
		return fmt.Sprintf("%s:%d", e.Model, e.Providers)
	}
	return string(e.Model)
}

// text turns addresses or prefixes into strings.
func text[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for n, x := range list {
		out[n] = x.String()
	}
	return out
}

var _ names.Host = (*fabric.Host)(nil)
