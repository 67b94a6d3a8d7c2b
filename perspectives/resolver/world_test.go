package resolver_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/resolver"
	"mpicsim/sim/names"
)

// world is a name space on emulated name servers, with a network that leads to
// them. What a server has said to a question it is not asked again: the network
// repeats it, so that a test can make thousands of lookups.
type world struct {
	hierarchy *names.Hierarchy
	now       time.Time

	mu      sync.Mutex
	servers map[netip.Addr]netip.AddrPort // on the loopback
	tape    map[string][]byte             // replies by server and question
	asked   []string                      // "192.0.2.1 udp example.test. A"
	// spoil, if set, changes a reply; n counts replies from 0 in each lookup.
	spoil func(n int, reply []byte) []byte
	count int
}

func launch(tb testing.TB, spec names.HierarchySpec) *world {
	tb.Helper()
	h, err := spec.Build()
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{
		hierarchy: h, now: time.Date(2026, 12, 15, 0, 0, 0, 0, time.UTC),
		servers: map[netip.Addr]netip.AddrPort{}, tape: map[string][]byte{},
	}
	seen := map[netip.Addr]bool{}
	for _, p := range h.Placements {
		for _, a := range p.Addrs {
			if !seen[a] {
				seen[a] = true
				w.serve(tb, a, names.Config{Zones: h.ZonesAt(a)})
			}
		}
	}
	return w
}

func (w *world) serve(tb testing.TB, at netip.Addr, c names.Config) {
	tb.Helper()
	c.Addrs = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	s, err := names.Serve(tb.Context(), &net.ListenConfig{}, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	w.servers[at] = s.Addrs()[0]
}

func (w *world) roots() []resolver.Root {
	var roots []resolver.Root
	for _, ns := range w.hierarchy.RootHints {
		r := resolver.Root{Name: ns.Name}
		for _, a := range ns.Addrs {
			r.Addrs = append(r.Addrs, netip.AddrPortFrom(a, 53))
		}
		roots = append(roots, r)
	}
	return roots
}

func (w *world) resolver(tb testing.TB, change ...func(*resolver.Options)) *resolver.Resolver {
	tb.Helper()
	o := resolver.Options{
		Network: w, Clock: func() time.Time { return w.now }, Roots: w.roots(),
		Limits:       resolver.Limits{Timeout: 150 * time.Millisecond},
		TrustAnchors: w.hierarchy.TrustAnchor.DS,
	}
	for _, f := range change {
		f(&o)
	}
	r, err := resolver.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// queries returns what was asked since the last call.
func (w *world) queries() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked, w.count = nil, 0
	return asked
}

// DialContext implements perspectives.Network. Nobody else than the name servers
// can be reached.
func (w *world) DialContext(_ context.Context, network, address string) (net.Conn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	if _, ok := w.servers[addr.Addr()]; !ok {
		return nil, errors.New("network is unreachable")
	}
	return &tapeConn{world: w, network: network, server: addr.Addr()}, nil
}

type tapeConn struct {
	net.Conn
	world   *world
	network string
	server  netip.Addr
	out     []byte
}

func (c *tapeConn) Write(query []byte) (int, error) {
	n := len(query)
	if c.network == "tcp" {
		query = query[2:]
	}
	reply, err := c.world.reply(c.network, c.server, query)
	if err != nil {
		return 0, err
	}
	if c.network == "tcp" && reply != nil {
		reply = append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)
	}
	c.out = reply
	return n, nil
}

func (c *tapeConn) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		if c.network == "tcp" {
			return 0, io.EOF
		}
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	if c.network != "tcp" {
		c.out = nil
	}
	return n, nil
}

func (*tapeConn) Close() error                { return nil }
func (*tapeConn) SetDeadline(time.Time) error { return nil }

// reply returns what a server says to query, nil if it is silent.
func (w *world) reply(network string, server netip.Addr, query []byte) ([]byte, error) {
	q := new(dns.Msg)
	if err := q.Unpack(query); err != nil {
		return nil, err
	}
	name, qtype := dns.CanonicalName(q.Question[0].Name), dns.TypeToString[q.Question[0].Qtype]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf("%v %s %s %s", server, network, name, qtype))
	flags := q.RecursionDesired || q.AuthenticatedData
	at := fmt.Sprintf("%v %s %s %s %v %v", server, network, name, qtype, q.IsEdns0() != nil && q.IsEdns0().Do(), flags)
	wire, ok := w.tape[at]
	if !ok {
		var err error
		if wire, err = exchange(network, w.servers[server], query); err != nil {
			return nil, err
		}
		w.tape[at] = wire
	}
	if wire == nil {
		return nil, nil
	}
	// The question stands behind the header, in the case of this query.
	wire = bytes.Clone(wire)
	copy(wire, query[:2])
	if end := 12 + len(q.Question[0].Name) + 1; wire[5] == 1 && end <= len(query) && end <= len(wire) {
		copy(wire[12:end], query[12:end])
	}
	if w.spoil != nil {
		wire = w.spoil(w.count, wire)
	}
	w.count++
	return wire, nil
}

// exchange asks a server on the loopback.
func exchange(network string, server netip.AddrPort, query []byte) ([]byte, error) {
	conn, err := net.Dial(network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second)) // servers here reply; a loaded machine may be slow
	if network == "tcp" {
		query = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buf := make([]byte, 0x10002)
	if network == "tcp" {
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint16(buf))
		_, err := io.ReadFull(conn, buf[:n])
		return slices.Clone(buf[:n]), err
	}
	n, err := conn.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	return slices.Clone(buf[:n]), err
}

func addr(text string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(text)} }

// signed returns how zones are signed in these tests, changed as told.
func signed(change ...func(*names.SigningSpec)) *names.SigningSpec {
	s := &names.SigningSpec{
		Seed:       "resolver",
		Inception:  time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
		Expiration: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, f := range change {
		f(s)
	}
	return s
}

func nsec3(iterations uint16, salt string, optOut bool) func(*names.SigningSpec) {
	return func(s *names.SigningSpec) {
		s.NSEC3 = &names.NSEC3Spec{Iterations: iterations, Salt: []byte(salt), OptOut: optOut}
	}
}

func algorithm(a names.Algorithm) func(*names.SigningSpec) {
	return func(s *names.SigningSpec) {
		if s.Algorithm = a; a == names.RSASHA256 || a == names.RSASHA512 || a == names.RSASHA1 {
			s.RSABits = 1024
		}
	}
}

func faulty(faults ...names.Fault) func(*names.SigningSpec) {
	return func(s *names.SigningSpec) { s.Faults = faults }
}

// victimText has one of everything that validation has to tell apart.
const victimText = `@          IN A     192.0.2.1
@          IN CAA   0 issue "ca.example"
www        IN A     192.0.2.80
www        IN AAAA  2001:db8::80
alias      IN CNAME www
toplain    IN CNAME x.plain.example.
tonowhere  IN CNAME nowhere
tochild    IN CNAME www.child
toplainch  IN CNAME www.plainchild
tovictim2  IN CNAME www.victim2.example.
moved      IN DNAME sub
sub        IN TXT   "above"
www.sub    IN A     192.0.2.81
away       IN DNAME plain.example.
*.wild     IN TXT   "any"
a.b.*.wild IN TXT   "below a wildcard"
x.y.wild   IN A     192.0.2.7
!x.wild    IN A     192.0.2.8
*.calias   IN CNAME www
a.b.deep   IN TXT   "below empty non-terminals"
safe       IN NS    ns.safe
safe       IN DS    1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.safe    IN A     192.0.2.2
open       IN NS    ns.open
ns.open    IN A     192.0.2.6
`

const (
	rootIP   = "198.41.0.4"
	tldIP    = "192.0.2.1"
	victimIP = "192.0.2.2"
	plainIP  = "192.0.2.3"
	openIP   = "192.0.2.6"
)

// guarded returns a name space with a signed root and top-level domain, whose
// victim.example is signed as told. plain.example is not signed.
func guarded(registry, victim *names.SigningSpec) names.HierarchySpec {
	return names.HierarchySpec{
		Root:       []names.NameServer{{Name: "a.root-servers.example", Addrs: addr(rootIP)}},
		Registries: []names.ZoneSpec{{Origin: "example", NameServers: []names.NameServer{{Name: "a.nic.example", Addrs: addr(tldIP)}}, Records: "a.root-servers IN A " + rootIP}},
		Sign:       registry,
		Zones: []names.ZoneSpec{
			{Origin: "victim.example", NameServers: []names.NameServer{{Name: "ns.victim.example", Addrs: addr(victimIP)}}, Records: victimText, Sign: victim},
			{Origin: "victim2.example", NameServers: []names.NameServer{{Name: "ns.victim2.example", Addrs: addr(victimIP)}}, Records: "www IN A 192.0.2.90", Sign: registry},
			// On their parent's server, which therefore never refers to them.
			{Origin: "child.victim.example", NameServers: []names.NameServer{{Name: "ns.victim.example"}}, Records: "www IN A 192.0.2.92\nout IN CNAME www.victim.example.\n* IN TXT \"any\"", Sign: registry},
			{Origin: "plainchild.victim.example", NameServers: []names.NameServer{{Name: "ns.victim.example"}}, Records: "www IN A 192.0.2.93"},
			{Origin: "a.b.child.victim.example", NameServers: []names.NameServer{{Name: "ns.victim.example"}}, Records: "www IN A 192.0.2.94", Sign: registry},
			{Origin: "open.victim.example", NameServers: []names.NameServer{{Name: "ns.open.victim.example", Addrs: addr(openIP)}}, Records: "www IN A 192.0.2.91"},
			{Origin: "plain.example", NameServers: []names.NameServer{{Name: "ns.plain.example", Addrs: addr(plainIP)}}, Records: "@ IN A 192.0.2.4\n* IN A 192.0.2.5\n"},
		},
	}
}

// zoneOf returns the zone with the origin given, for a test to change.
func zoneOf(spec *names.HierarchySpec, origin string) *names.ZoneSpec {
	return &spec.Zones[slices.IndexFunc(spec.Zones, func(z names.ZoneSpec) bool { return z.Origin == origin })]
}

// seen is what a test compares: the status, with the extended errors if there
// are any, such as "bogus 7" or "insecure 1".
func seen(a *resolver.Answer, err error) string {
	var out []string
	edes := []resolver.EDE(nil)
	if e, ok := errors.AsType[*resolver.Error](err); ok {
		edes = e.EDE
		out = append(out, e.Status.String())
		if !errors.Is(err, resolver.ErrBogus) {
			out = append(out, "failure")
		}
	} else {
		edes = a.EDE
		out = append(out, a.Status.String())
	}
	for _, e := range edes {
		out = append(out, fmt.Sprint(e.Code))
	}
	return strings.Join(out, " ")
}

// ask looks up "NAME TYPE".
func ask(ctx context.Context, r *resolver.Resolver, question string) (*resolver.Answer, error) {
	name, qtype, _ := strings.Cut(question, " ")
	return r.Lookup(ctx, name, dns.StringToType[qtype])
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
