package conformance

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/fabric"
	"mpicsim/sim/names"
	"mpicsim/sim/web"
)

// Timeouts of the world's perspectives, on the operating system's clock. The
// fabric answers at once, or with an ICMP error: only the server that never
// replies on purpose costs them, as often as resolver.Limits.Tries says.
const (
	lookupTimeout  = time.Second
	connectTimeout = 10 * time.Second
)

// DefaultIssuer is who a CAA check without caa_domains is for.
const DefaultIssuer = "ca.conformance.example"

// DefaultDate is the day of a world without one: the first on which the primary
// must validate DNSSEC (BR 3.2.2.8.1) and the corroborating remotes must lie in
// two RIR regions; three remotes suffice, which the requests of group B ask for.
const DefaultDate = "2026-03-15"

// Options describes a world. The zero value is usable.
type Options struct {
	// Date is the day in the world and of its quorum rule, [DefaultDate] if zero.
	Date time.Time
	// Set names primary and remotes as catalog.ParseSet reads them; empty for one
	// primary and eight remotes of AWS in all five RIR regions.
	Set string
	// Primary says who asks the primary: the service, by default, which then asks
	// the remotes only if the primary passes; or the caller, as in Open MPIC.
	Primary openmpic.Primary
	// Sunsets refuses methods and names from the day on which the Baseline
	// Requirements forbid them; see the package comment.
	Sunsets bool
	// Log gets the service's records of BR 5.4.1(2); nil for none.
	Log *slog.Logger
	// Perspective, if set, changes each perspective's configuration: the cases
	// that then fail are those that depend on it.
	Perspective func(*local.Config)
}

const defaultSet = "aws/us-east-2:aws/eu-central-1,aws/us-west-2,aws/ap-northeast-1,aws/ap-southeast-2," +
	"aws/sa-east-1,aws/af-south-1,aws/eu-north-1,aws/ap-south-1"

// World is an emulated Internet with the fixtures, and the perspectives in it.
// Its methods are safe for concurrent use.
type World struct {
	start   time.Time
	rule    policy.Quorum
	mode    openmpic.Primary
	log     *slog.Logger
	sunsets bool
	fabric  *fabric.Fabric
	runners []coordinator.Runner // the primary first
	closers []func() error

	mu         sync.Mutex
	trespasses []string
}

// Build starts the world: hosts, name servers, web servers, perspectives. Close
// ends it.
func Build(ctx context.Context, o Options) (_ *World, err error) {
	if o.Date.IsZero() {
		if o.Date, err = policy.ParseDate(DefaultDate); err != nil {
			return nil, fmt.Errorf("conformance: %w", err)
		}
	}
	if o.Set == "" {
		o.Set = defaultSet
	}
	set, err := catalog.ParseSet(o.Set)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	const noon = 12 * time.Hour
	w := &World{start: o.Date.UTC().Truncate(24 * time.Hour).Add(noon), rule: policy.QuorumAt(o.Date), mode: o.Primary, log: o.Log, sunsets: o.Sunsets}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("conformance: %w", err), w.Close())
		}
	}()
	members := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
	var hosts map[string]*fabric.Host
	if w.fabric, hosts, err = newFabric(w.start, members); err != nil {
		return nil, err
	}
	h, err := nameSpace(w.start)
	if err != nil {
		return nil, err
	}
	if err = w.startNames(ctx, hosts, h); err != nil {
		return nil, err
	}
	if err = w.startWeb(ctx, hosts); err != nil {
		return nil, err
	}
	if err = w.startResponders(ctx, hosts); err != nil {
		return nil, err
	}
	for _, p := range members {
		w.runners = append(w.runners, &runner{
			Perspective: p, host: hosts[p.Name], roots: roots(h), anchors: h.TrustAnchor.DS, change: o.Perspective,
		})
	}
	return w, nil
}

// Close stops servers and hosts.
func (w *World) Close() error {
	var errs []error
	for _, c := range w.closers {
		errs = append(errs, c())
	}
	w.closers = nil
	if w.fabric != nil {
		w.fabric.Close()
	}
	return errors.Join(errs...)
}

// Primary returns the primary perspective.
func (w *World) Primary() coordinator.Runner { return w.runners[0] }

// Remotes returns the remote perspectives. The caller must not change the slice.
func (w *World) Remotes() []coordinator.Runner { return w.runners[1:] }

// Rule returns the quorum rule of the world's day.
func (w *World) Rule() policy.Quorum { return w.rule }

// Now returns the world's time. Checks begin at it; it stands still.
func (w *World) Now() time.Time { return w.start }

// Trespasses lists who contacted a port that is no Authorized Port (BR 1.6.1),
// because a redirect told them to: "10.0.1.10:49152 asked for http://host/path".
// A service that judges redirects before it follows them leaves it empty.
func (w *World) Trespasses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.trespasses...)
}

func port(addrs []netip.Addr, port uint16) []netip.AddrPort {
	out := make([]netip.AddrPort, len(addrs))
	for n, a := range addrs {
		out[n] = netip.AddrPortFrom(a, port)
	}
	return out
}

func roots(h *names.Hierarchy) []resolver.Root {
	var out []resolver.Root
	for _, r := range h.RootHints {
		out = append(out, resolver.Root{Name: r.Name, Addrs: port(r.Addrs, 53)})
	}
	return out
}

// startNames has each address serve the zones that lead there.
func (w *World) startNames(ctx context.Context, hosts map[string]*fabric.Host, h *names.Hierarchy) error {
	for _, s := range stations() {
		for _, addr := range hosts[s.name].Addrs() {
			zones := h.ZonesAt(addr)
			if len(zones) == 0 {
				continue
			}
			server, err := names.Serve(ctx, hosts[s.name], names.Config{Addrs: port([]netip.Addr{addr}, 53), Zones: zones})
			if err != nil {
				return fmt.Errorf("name server %q: %w", s.name, err)
			}
			w.closers = append(w.closers, server.Close)
		}
	}
	return nil
}

// startWeb serves the pages at port 80, and at port 8080 to whoever should not
// have come there: with the same pages, so that only the rules keep them out.
func (w *World) startWeb(ctx context.Context, hosts map[string]*fabric.Host) error {
	for host, site := range map[string]web.Site{hostWeb: openMPICSite(), hostOurWeb: ourSite()} {
		for _, c := range []web.Config{
			{HTTP: port(hosts[host].Addrs(), 80), Site: site},
			{HTTP: port(hosts[host].Addrs(), 8080), Site: site, OnRequest: w.trespass},
		} {
			server, err := web.Serve(ctx, hosts[host], c)
			if err != nil {
				return fmt.Errorf("web server %q: %w", host, err)
			}
			w.closers = append(w.closers, server.Close)
		}
	}
	return nil
}

func (w *World) trespass(e web.RequestEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trespasses = append(w.trespasses, fmt.Sprintf("%s asked for %s://%s%s", e.Remote, e.Scheme, e.Host, e.Path))
}

// startResponders serves the tls-alpn-01 challenge, once by RFC 8737 and once
// without the protocol.
func (w *World) startResponders(ctx context.Context, hosts map[string]*fabric.Host) error {
	digest, err := challengeDigest()
	if err != nil {
		return err
	}
	for _, host := range []string{hostALPN, hostNoALPN} {
		certificate, err := web.ChallengeCertificate(web.ChallengeSpec{
			Name: host, Digest: digest, NotBefore: w.start.Add(-time.Hour), Rand: seeded("certificate", host),
		})
		if err != nil {
			return err
		}
		r, err := web.Respond(ctx, hosts[host], web.ResponderConfig{
			Addrs: port(hosts[host].Addrs(), 443), Certificates: map[string]*tls.Certificate{host: certificate},
			IgnoreALPN: host == hostNoALPN,
		})
		if err != nil {
			return fmt.Errorf("tls-alpn-01 responder %q: %w", host, err)
		}
		w.closers = append(w.closers, r.Close)
	}
	return nil
}

func seeded(what ...string) io.Reader {
	return rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "mpicsim/conformance/%q", what)))
}

// runner is a perspective on its emulated host. Every run is a session of its
// own, at the world's time.
type runner struct {
	perspectives.Perspective
	host    *fabric.Host
	roots   []resolver.Root
	anchors []string
	change  func(*local.Config) // may be nil
}

// Describe implements [coordinator.Runner].
func (r *runner) Describe() perspectives.Perspective { return r.Perspective }

// Run implements [coordinator.Runner].
func (r *runner) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	session := r.host.NewSession(0)
	config := local.Config{
		Perspective: r.Perspective, Network: session, Clock: session.Now,
		Roots: r.roots, TrustAnchors: r.anchors, Limits: resolver.Limits{Timeout: lookupTimeout},
		Timeout: connectTimeout, Rand: seeded("messages", r.Name, c.Domain, string(c.Method)),
	}
	if r.change != nil {
		r.change(&config)
	}
	p, err := local.New(config)
	if err != nil {
		panic(fmt.Sprintf("conformance: perspective %q: %v", r.Name, err)) // our own configuration
	}
	return p.Run(ctx, c)
}
