package replay

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/remote"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// controlPort is where perspectives serve the protocol of package remote.
const controlPort = 8443

// controlTimeout is how long the coordinator waits for the other end of a
// connection, in virtual time, and for the whole answer, in real time like all
// timeouts: what is late in virtual time alone still counts. It is the remote
// client's own default.
const controlTimeout = 40 * time.Second

// caIdentity is the coordinator's name in its client certificate.
const caIdentity = "spiffe://ca.example/mpic"

// office is where a coordinator stands: beside the primary, in the same AS, but
// in a prefix of its own, since a CA's systems that decide on issuance do not
// share the address that its checks come from; so a story can hijack either.
type office struct {
	name   string // of its host
	beside string
	as     topology.ASN
	place  place.Location
	prefix netip.Prefix
	addr   netip.Addr
	host   *fabric.Host
}

// control is an emulated control plane: the coordinators, their keys, and the
// perspectives' servers. Keys and certificates are new in each world and leave no
// trace in results.
type control struct {
	offices map[string]*office // by the primary's name
	order   []string

	authority   *remote.Authority
	roots       *x509.CertPool
	certificate tls.Certificate // the coordinators', as a client

	running sync.WaitGroup
	mu      sync.Mutex
	checks  map[call]*fabric.Session // that remotes have begun and nobody has asked about
	open    map[net.Conn]struct{}
	closed  bool

	listeners []net.Listener
}

// call names one control connection.
type call struct {
	perspective string
	from        netip.AddrPort // the coordinator's end
}

// openOffices gives each primary's coordinator its place, in prefixes that follow
// those of the perspectives.
func (w *World) openOffices() {
	if w.source.CA.ControlPlane != scenarios.ControlEmulated {
		return
	}
	k := &control{offices: map[string]*office{}, checks: map[call]*fabric.Session{}, open: map[net.Conn]struct{}{}}
	for _, e := range w.source.Timeline {
		if e.Check == nil {
			continue
		}
		primary := w.sets[e.Check.Name][0].Perspective
		if k.offices[primary.Name] != nil {
			continue
		}
		n := len(w.order) + len(k.order)
		k.offices[primary.Name] = &office{
			name: scenarios.Coordinator + "@" + primary.Name, beside: primary.Name,
			as: w.sites[primary.Name].attachment.ASN, place: primary.Location,
			prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0}), 24),
			addr:   netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 10}),
		}
		k.order = append(k.order, primary.Name)
	}
	w.control = k
}

// namedHosts returns the prefixes and addresses of those that a timeline names:
// hosts of the CA, and the upper name servers.
func (w *World) namedHosts(name string) (prefixes []scenarios.Owned, addrs []netip.Addr) {
	switch name {
	case scenarios.RootServer:
		return []scenarios.Owned{{Prefix: rootPrefix, AS: w.rootAS}}, []netip.Addr{rootAddress}
	case scenarios.TLDServer:
		return []scenarios.Owned{{Prefix: tldPrefix, AS: w.tldAS}}, []netip.Addr{tldAddress}
	}
	return w.hostsOfCA(name)
}

// hostsOfCA returns the prefixes and addresses of a perspective, or of the
// coordinators.
func (w *World) hostsOfCA(name string) (prefixes []scenarios.Owned, addrs []netip.Addr) {
	if st := w.sites[name]; st != nil {
		for _, p := range st.prefixes {
			prefixes = append(prefixes, scenarios.Owned{Prefix: p, AS: st.attachment.ASN})
		}
		return prefixes, st.addrs
	}
	if name != scenarios.Coordinator || w.control == nil {
		return nil, nil // validation has seen to it that there is none
	}
	for _, beside := range w.control.order {
		o := w.control.offices[beside]
		prefixes, addrs = append(prefixes, scenarios.Owned{Prefix: o.prefix, AS: o.as}), append(addrs, o.addr)
	}
	return prefixes, addrs
}

// takenHosts returns the addresses of perspectives, coordinators and upper name
// servers whose prefixes the attacker takes at some time.
func (w *World) takenHosts() []netip.Addr {
	var addrs []netip.Addr
	for _, name := range append(slices.Clone(w.order), scenarios.Coordinator, scenarios.RootServer, scenarios.TLDServer) {
		_, own := w.namedHosts(name)
		for _, a := range own {
			if w.taken(a) {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs
}

// taken says whether an address lies in a prefix that the attacker takes at some
// time.
func (w *World) taken(a netip.Addr) bool {
	return slices.ContainsFunc(w.hijacked, func(p netip.Prefix) bool { return p.Contains(a) })
}

// signingKey returns the key that a perspective signs answers with.
func (w *World) signingKey(owner, perspective string) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "mpicsim/signing-key/%s/%d/%s", owner, w.routing.Seed, perspective))
	return ed25519.NewKeyFromSeed(seed[:])
}

// newAuthority returns a CA whose certificates are valid during the whole story.
func (w *World) newAuthority(name string) (*remote.Authority, error) {
	return remote.NewAuthority(name, w.start.Add(-time.Hour), w.lastDay())
}

func (w *World) lastDay() time.Time { return lastDay(w.start) }

// lastDay is when the longest story that starts at a time is surely over.
func lastDay(start time.Time) time.Time { return start.Add(scenarios.MaxTime + 24*time.Hour) }

// issue returns a certificate with its key.
func (w *World) issue(by *remote.Authority, l remote.Leaf) (tls.Certificate, error) {
	l.NotBefore, l.NotAfter = w.start.Add(-time.Hour), w.lastDay()
	pair, err := by.Issue(l)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.Certificate, pair.Key)
}

// startControl makes the keys and starts the perspectives' servers, and those
// that the attacker has in their place.
func (w *World) startControl(ctx context.Context) (err error) {
	k := w.control
	if k == nil {
		return nil
	}
	w.closers = append(w.closers, k.close)
	if k.authority, err = w.newAuthority("the CA's own"); err != nil {
		return err
	}
	k.roots = x509.NewCertPool()
	k.roots.AddCert(k.authority.Certificate)
	if k.certificate, err = w.issue(k.authority, remote.Leaf{CommonName: "coordinator", Identity: caIdentity}); err != nil {
		return err
	}
	remotes := w.remotes()
	for _, name := range remotes {
		if err := w.servePerspective(ctx, name); err != nil {
			return fmt.Errorf("perspective %q: %w", name, err)
		}
	}
	if i := w.source.Attacker.Impersonates; i != nil && !*i {
		return nil
	}
	for _, name := range remotes {
		if w.taken(w.sites[name].addrs[0]) {
			if err := w.impersonate(ctx, name); err != nil {
				return fmt.Errorf("the attacker as perspective %q: %w", name, err)
			}
		}
	}
	return nil
}

// remotes returns the names of those that are a remote in some check, in order.
func (w *World) remotes() []string {
	var out []string
	for _, name := range w.order {
		for _, set := range w.sets {
			if slices.ContainsFunc(set, func(s scenarios.ResolvedSite) bool { return !s.Primary && s.Perspective.Name == name }) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// line is a coordinator's network for one call: dials end in time, and errors do
// not name the coordinator's port, which depends on who called before.
type line struct {
	perspectives.Network
}

// DialContext implements [perspectives.Network].
func (l line) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	c, err := l.Network.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return lineConn{c}, nil
}

type lineConn struct{ net.Conn }

// Read implements [net.Conn].
func (c lineConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	return n, withoutSource(err)
}

// Write implements [net.Conn].
func (c lineConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, withoutSource(err)
}

func withoutSource(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return &net.OpError{Op: op.Op, Net: op.Net, Addr: op.Addr, Err: op.Err}
	}
	return err
}

// ask has the coordinator put the check to a remote over the emulated network.
func (r *runner) ask(ctx context.Context, c perspectives.Check) perspectives.Result {
	w, p := r.desk.world, r.Describe()
	k := w.control
	r.line = k.offices[r.desk.primary].host.NewSession(r.desk.elapsed())
	client, err := remote.New(remote.ClientConfig{
		Perspective: p, URL: "https://" + w.controlAddress(p.Name).String(),
		Roots: k.roots, Certificates: []tls.Certificate{k.certificate}, Key: publicKey(w.signingKey("ca", p.Name)),
		Clock: r.line.Now, Network: line{r.line}, Timeout: controlTimeout, MaxIdle: -1,
		Rand:     w.messageIDs("control of "+r.desk.check, p.Name),
		OnAnswer: func(_, _ []byte) { r.answered = true },
	})
	if err != nil {
		panic(fmt.Sprintf("replay: the coordinator's client of %q: %v", p.Name, err)) // our own configuration
	}
	defer client.Close()
	out := client.Run(ctx, c)
	r.hungUp = r.line.Elapsed()
	if flows := r.line.Flows(); len(flows) > 0 {
		r.session = k.take(call{p.Name, flows[0].Local})
	}
	return out
}

func publicKey(key ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := key.Public().(ed25519.PublicKey) // it is one
	return public
}

func (w *World) controlAddress(perspective string) netip.AddrPort {
	return netip.AddrPortFrom(w.sites[perspective].addrs[0], controlPort)
}

// describeCall says what came of asking a remote, nil if that was not by an
// emulated connection.
func (w *World) describeCall(r *runner, reason string) *result.Control {
	if r.line == nil {
		return nil
	}
	out := &result.Control{
		Address: w.controlAddress(r.Describe().Name).String(), Finished: r.hungUp, Path: []topology.ASN{}, Reached: nobody, Answered: r.answered,
	}
	if !r.answered {
		out.Reason = reason
	}
	for _, f := range r.line.Flows() { // one, but for a caller who was gone before
		out.Started, out.To = f.SentAt, f.To
		out.Path = append(out.Path, f.Path...)
		if f.Astray {
			out.Astray = sideOf(f.AstrayTo)
		}
	}
	switch {
	case out.To == r.Describe().Name:
		out.Reached = "remote"
	case out.To == hostAttacker:
		out.Reached = scenarios.SideAttacker
	}
	return out
}

// sideOf says who got what was not for him: nobody else than the attacker takes
// addresses.
func sideOf(host string) string {
	if host == hostAttacker {
		return scenarios.SideAttacker
	}
	return nobody
}
