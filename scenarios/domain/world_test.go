package domain_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/resolver"
	"mpicsim/scenarios/domain"
	"mpicsim/sim/names"
)

// now is when signatures are valid.
func now() time.Time { return time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC) }

func signing() *names.SigningSpec {
	return &names.SigningSpec{
		Seed: "domain", SingleKey: true, Inception: now().Add(-240 * time.Hour), Expiration: now().Add(240 * time.Hour),
	}
}

// world is a name space whose servers answer without any network: what a server
// has said to a question is kept.
type world struct {
	hierarchy *names.Hierarchy
	servers   map[netip.Addr]netip.AddrPort // on the loopback
	tape      map[string]*dns.Msg

	// blocked servers cannot be reached, silent ones do not answer for a name, and at
	// hijacked the attacker answers; see forge.
	blocked  map[netip.Addr]bool
	silent   map[netip.Addr]string
	hijacked netip.Addr
	// aliases says which aliases the attacker replaces by an address.
	aliases func(*dns.CNAME, *dns.Msg) bool
}

func launch(tb testing.TB, spec names.HierarchySpec) *world {
	tb.Helper()
	h, err := spec.Build()
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{hierarchy: h, servers: map[netip.Addr]netip.AddrPort{}, tape: map[string]*dns.Msg{}}
	for _, p := range h.Placements {
		for _, a := range p.Addrs {
			if w.servers[a].IsValid() {
				continue
			}
			s, err := names.Serve(tb.Context(), &net.ListenConfig{}, names.Config{
				Zones: h.ZonesAt(a), Addrs: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
			})
			if err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { _ = s.Close() })
			w.servers[a] = s.Addrs()[0]
		}
	}
	return w
}

// addresses returns those of all servers, ascending.
func (w *world) addresses() []netip.Addr {
	var out []netip.Addr
	for a := range w.servers {
		out = append(out, a)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// resolver returns one that validates or does not.
func (w *world) resolver(tb testing.TB, validate bool) *resolver.Resolver {
	tb.Helper()
	o := resolver.Options{Network: w, Clock: now, PlainCase: true, Limits: resolver.Limits{Timeout: time.Minute}}
	for _, ns := range w.hierarchy.RootHints {
		root := resolver.Root{Name: ns.Name}
		for _, a := range ns.Addrs {
			root.Addrs = append(root.Addrs, netip.AddrPortFrom(a, 53))
		}
		o.Roots = append(o.Roots, root)
	}
	if validate {
		o.TrustAnchors = w.hierarchy.TrustAnchor.DS
	}
	r, err := resolver.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func (w *world) survey(tb testing.TB, name string) *resolver.Survey {
	tb.Helper()
	s, err := w.resolver(tb, true).NewSurveyor(resolver.SurveyLimits{})
	if err != nil {
		tb.Fatal(err)
	}
	survey, err := s.Survey(tb.Context(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return survey
}

// DialContext implements perspectives.Network.
func (w *world) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	_, known := w.servers[at.Addr()]
	if w.blocked[at.Addr()] || !known && at.Addr() != evil() {
		return nil, errors.New("network is unreachable")
	}
	return &conn{w: w, network: network, server: at.Addr()}, nil
}

// conn is one exchange of messages.
type conn struct {
	net.Conn
	w       *world
	network string
	server  netip.Addr
	out     []byte
}

func (c *conn) Write(b []byte) (int, error) {
	wire := b
	if c.network == "tcp" {
		wire = wire[2:]
	}
	q := new(dns.Msg)
	if err := q.Unpack(wire); err != nil {
		return 0, err
	}
	if name, ok := c.w.silent[c.server]; ok && dns.CanonicalName(q.Question[0].Name) == dns.CanonicalName(name) {
		return len(b), nil
	}
	m, err := c.w.answer(c.server, q)
	if err != nil {
		return 0, err
	}
	if c.out, err = m.Pack(); err != nil {
		return 0, err
	}
	if c.network == "tcp" {
		c.out = append(binary.BigEndian.AppendUint16(nil, uint16(len(c.out))), c.out...)
	}
	return len(b), nil
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

func (*conn) Close() error                { return nil }
func (*conn) SetDeadline(time.Time) error { return nil }

// answer returns what the server at an address says.
func (w *world) answer(at netip.Addr, q *dns.Msg) (*dns.Msg, error) {
	if at == evil() || at == w.hijacked {
		return w.forge(at, q)
	}
	return w.genuine(at, q)
}

// genuine asks the true server, over TCP: truncation is no matter here.
func (w *world) genuine(at netip.Addr, q *dns.Msg) (*dns.Msg, error) {
	asked := q.Question[0]
	key := fmt.Sprint(at, asked.Name, asked.Qtype, q.IsEdns0() != nil && q.IsEdns0().Do())
	m, ok := w.tape[key]
	if !ok {
		c, err := net.Dial("tcp", w.servers[at].String())
		if err != nil {
			return nil, err
		}
		defer c.Close()
		wire, err := q.Pack()
		if err != nil {
			return nil, err
		}
		if _, err = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
			return nil, err
		}
		var size [2]byte
		if _, err = io.ReadFull(c, size[:]); err != nil {
			return nil, err
		}
		wire = make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err = io.ReadFull(c, wire); err != nil {
			return nil, err
		}
		m = new(dns.Msg)
		if err = m.Unpack(wire); err != nil {
			return nil, err
		}
		w.tape[key] = m
	}
	m = m.Copy()
	m.Id, m.Question = q.Id, slices.Clone(q.Question)
	return m, nil
}

// evil is the attacker's own address, in DNS and on the web.
func evil() netip.Addr { return netip.MustParseAddr("198.18.66.66") }

// forge is what the attacker says, in the place of a name server at a hijacked
// address or at the attacker's own: the truth, with every address of a host
// changed into the attacker's and every referral leading there. Signatures and
// proofs stay as they are: nobody can make others.
func (w *world) forge(at netip.Addr, q *dns.Msg) (*dns.Msg, error) {
	from := at
	if at == evil() { // whoever holds the zone that the question belongs to
		name := dns.CanonicalName(q.Question[0].Name)
		if q.Question[0].Qtype == dns.TypeDS {
			name = above(name)
		}
		for ; ; name = above(name) {
			if z := w.hierarchy.Zone(name); z != nil {
				from = w.serverOf(z)
				break
			}
		}
	}
	m, err := w.genuine(from, q)
	if err != nil {
		return nil, err
	}
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			rr.A = evil().AsSlice()
		case *dns.CNAME:
			if w.aliases(rr, m) && q.Question[0].Qtype == dns.TypeA {
				m.Answer = []dns.RR{&dns.A{
					Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: evil().AsSlice(),
				}}
				return m, nil
			}
		}
	}
	if m.Authoritative || len(m.Ns) == 0 {
		return m, nil
	}
	var extra []dns.RR
	if opt := m.IsEdns0(); opt != nil {
		extra = append(extra, opt)
	}
	var authority []dns.RR
	for _, rr := range m.Ns {
		if _, ok := rr.(*dns.NS); ok {
			if len(extra) < 2 {
				ns, glue := dns.Copy(rr), new(dns.A)
				ns.(*dns.NS).Ns = "evil." + rr.Header().Name
				glue.Hdr = dns.RR_Header{Name: "evil." + rr.Header().Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
				glue.A = evil().AsSlice()
				authority, extra = append(authority, ns), append(extra, glue)
			}
			continue
		}
		authority = append(authority, rr)
	}
	m.Ns, m.Extra = authority, extra
	return m, nil
}

func (w *world) serverOf(z *names.Zone) netip.Addr {
	for _, p := range w.hierarchy.Placements {
		if slices.Contains(p.Zones, z) {
			return p.Addrs[0]
		}
	}
	panic("a zone without a server")
}

func above(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	if rest == "" {
		return "."
	}
	return rest
}

// strategies is how many there are; see strategy.
const strategies = 6

// strategy says which aliases an attacker replaces: all, those without signatures,
// those of one zone.
func strategy(n int) func(*dns.CNAME, *dns.Msg) bool {
	signed := func(m *dns.Msg) bool {
		return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	}
	switch n {
	case 0:
		return func(*dns.CNAME, *dns.Msg) bool { return true }
	case 1:
		return func(_ *dns.CNAME, m *dns.Msg) bool { return !signed(m) }
	default:
		origin := "." + origins()[n-2] + "."
		return func(c *dns.CNAME, _ *dns.Msg) bool { return strings.HasSuffix(c.Hdr.Name, origin) }
	}
}

// origins are the zones of a random world.
func origins() []string { return []string{"one.test", "two.test", "three.other", "deep.one.test"} }

// fooled says whether a hijack of one address can make a resolver believe that
// name has the attacker's address, for some set of other servers that do not
// answer, or not when they are asked for that name: the definition of what counts,
// by brute force. The root and the top-level domains have one server each, which
// always answers.
func (w *world) fooled(tb testing.TB, name string, hijacked netip.Addr, validate bool) bool {
	tb.Helper()
	glued := w.glued(tb, name)
	var others []netip.Addr
	for _, a := range w.addresses() {
		if a != hijacked && a.As4()[3] >= 10 {
			others = append(others, a)
		}
	}
	w.hijacked = hijacked
	defer func() { w.hijacked, w.blocked, w.silent = netip.Addr{}, nil, nil }()
	r := w.resolver(tb, validate)
	sets := 1
	for range others {
		sets *= 3
	}
	for n := range strategies * sets {
		w.blocked, w.silent, w.aliases = map[netip.Addr]bool{}, map[netip.Addr]string{}, strategy(n%strategies)
		set := n / strategies
		for _, a := range others {
			switch set % 3 {
			case 1:
				w.blocked[a] = true
			case 2:
				w.silent[a] = name
			}
			set /= 3
		}
		a, err := r.Lookup(tb.Context(), name, dns.TypeA)
		if err != nil || lastResort(a.Trace, glued) {
			continue
		}
		for _, rr := range a.Records {
			if got, ok := rr.(*dns.A); ok && got.A.String() == evil().String() {
				return true
			}
		}
	}
	return false
}

// glued returns the name servers that come with glue wherever a check of name meets
// them, so that their own addresses are looked up only once glue has failed.
func (w *world) glued(tb testing.TB, name string) []string {
	tb.Helper()
	s := w.survey(tb, name)
	var out []string
	for _, z := range s.Zones {
		for _, server := range z.Servers {
			looked := slices.ContainsFunc(s.Names, func(n resolver.SurveyName) bool { return n.Name == server.Name })
			if !looked {
				out = append(out, server.Name)
			}
		}
	}
	return out
}

// lastResort reports whether a lookup asked for the address of a name server that
// has glue: what that depends on is left out of a domain (package comment).
func lastResort(trace []perspectives.Evidence, glued []string) bool {
	return slices.ContainsFunc(trace, func(e perspectives.Evidence) bool {
		name, qtype, _ := strings.Cut(e.Query, " ")
		return (qtype == "A" || qtype == "AAAA") && slices.Contains(glued, name+".")
	})
}

// randomWorld is a small name space with one of everything: signed and unsigned
// top-level domains and zones, name servers with glue and without (some of which
// depend on each other), aliases from zone to zone.
func randomWorld(r *rand.Rand, servers int) (spec names.HierarchySpec, domains []string) {
	address := func(n int) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})} }
	maybe := func() *names.SigningSpec {
		if r.IntN(2) == 0 {
			return nil
		}
		s := signing()
		s.Island = r.IntN(4) == 0
		return s
	}
	spec = names.HierarchySpec{
		Root: []names.NameServer{{Name: "a.root.test", Addrs: address(1)}},
		Sign: signing(),
		Registries: []names.ZoneSpec{
			{Origin: "test", NameServers: []names.NameServer{{Name: "a.nic.test", Addrs: address(2)}}, Records: "a.root IN A 192.0.2.1"},
			{Origin: "other", NameServers: []names.NameServer{{Name: "a.nic.other", Addrs: address(3)}}, Unsigned: r.IntN(2) == 0, Sign: nil},
		},
	}
	origins := origins()
	host := func(zone, n int) string { return fmt.Sprintf("ns%d.%s", n, origins[zone]) }
	for i, origin := range origins {
		z := names.ZoneSpec{Origin: origin, Sign: maybe()}
		z.NameServers = []names.NameServer{{Name: host(i, i), Addrs: address(10 + i%servers)}}
		if r.IntN(2) == 0 { // another one, in some other zone
			j := r.IntN(len(origins))
			z.NameServers = append(z.NameServers, names.NameServer{Name: host(j, j), Addrs: address(10 + j%servers)})
			if j == i {
				z.NameServers = z.NameServers[:1]
			}
		} else if j := r.IntN(i + 1); j < i { // only there
			z.NameServers = []names.NameServer{{Name: host(j, j), Addrs: address(10 + j%servers)}}
		}
		z.Records = fmt.Sprintf("@ IN A 203.0.113.%d\n", i+1)
		target := origins[r.IntN(len(origins))]
		if r.IntN(2) == 0 {
			z.Records += fmt.Sprintf("www IN CNAME %s.\n", target)
		} else {
			z.Records += fmt.Sprintf("www IN A 203.0.113.%d\n", 100+i)
		}
		if r.IntN(3) == 0 {
			z.Records += fmt.Sprintf("away IN DNAME %s.\n*.wild IN CNAME www.%s.\n", target, origin)
		} else {
			z.Records += fmt.Sprintf("www.away IN CNAME www.%s.\nx.wild IN A 203.0.113.200\n", target)
		}
		spec.Zones = append(spec.Zones, z)
		domains = append(domains, origin, "www."+origin, "www.away."+origin, "x.wild."+origin)
	}
	return spec, domains
}

// text is what of a domain tests compare, in order.
func text(d domain.Domain) []string {
	var out []string
	for _, a := range d.Addresses {
		out = append(out, fmt.Sprintf("%v %s %s of %q protected=%v", a.Address, a.Role, a.Name, a.Zone, a.Protected))
	}
	slices.Sort(out)
	return out
}
