package replay

import (
	"context"
	"fmt"
	"net/netip"

	"mpicsim/perspectives"
	"mpicsim/perspectives/caa"
	"mpicsim/perspectives/resolver"
	"mpicsim/sim/fabric"
	"mpicsim/sim/names"
	"mpicsim/topology"
)

// everywhere is the route of a network with a single AS.
type everywhere netip.Prefix

func (e everywhere) Prefix() netip.Prefix { return netip.Prefix(e) }

func (everywhere) NextHop(int32) (next int32, own, ok bool) { return -1, true, true }

// honestCAA says what a perspective finds about an applicant that asks nobody but the victim's name
// servers: the same zones and the same code, in a network of one AS that nobody
// attacks. Bounds need it, because in the story itself it may be that every
// perspective was lied to.
func (w *World) honestCAA(ctx context.Context, applicant string) (perspectives.Verdict, error) {
	f := &w.forecast
	f.mu.Lock()
	defer f.mu.Unlock()
	if verdict, known := f.caa[applicant]; known {
		return verdict, nil
	}
	verdict, err := w.askHonestly(ctx, applicant)
	if err != nil {
		return 0, fmt.Errorf("looking up the victim's CAA records: %w", err)
	}
	if f.caa == nil {
		f.caa = map[string]perspectives.Verdict{}
	}
	f.caa[applicant] = verdict
	return verdict, nil
}

func (w *World) askHonestly(ctx context.Context, applicant string) (perspectives.Verdict, error) {
	const only = topology.ASN(1)
	var b topology.Builder
	b.AddAS(only)
	g, _, err := b.Build()
	if err != nil {
		return 0, err
	}
	f, err := fabric.New(fabric.Config{Graph: g, Start: w.start, Epochs: []fabric.Epoch{{Routes: []fabric.PrefixRoutes{
		everywhere(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), everywhere(netip.PrefixFrom(netip.IPv6Unspecified(), 0)),
	}}}})
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := w.nameSpace()
	if err != nil {
		return 0, err
	}
	for _, h := range n.hosts {
		host, err := f.AddHost(fabric.HostConfig{Name: h.name, AS: only, Addrs: []netip.Addr{h.addr}})
		if err != nil {
			return 0, err
		}
		server, err := names.Serve(ctx, host, names.Config{Addrs: port(host.Addrs(), 53), Zones: h.zones})
		if err != nil {
			return 0, err
		}
		defer server.Close() //nolint:errcheck // a server that failed has shown it in the answer
	}
	asker, err := f.AddHost(fabric.HostConfig{Name: "asker", AS: only, Addrs: []netip.Addr{
		netip.AddrFrom4([4]byte{10, 0, 0, 10}), netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x10, 15: 0x10}),
	}})
	if err != nil {
		return 0, err
	}
	session := asker.NewSession(0)
	r, err := resolver.New(resolver.Options{Network: session, Clock: session.Now, Roots: n.roots, TrustAnchors: n.anchors, Rand: w.messageIDs("", "")})
	if err != nil {
		return 0, err
	}
	outcome := caa.Check(ctx, r.NewSession(), perspectives.Check{
		Domain: w.source.Victim.Domain, IssuerDomains: []string{w.source.CA.Issuer}, AccountURI: w.source.AccountURI(applicant),
	})
	return outcome.Verdict, ctx.Err()
}
