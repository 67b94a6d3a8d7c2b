package main

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/openmpic"
	"mpicsim/perspectives/policy"
	"mpicsim/perspectives/remote"
	"mpicsim/perspectives/resolver"
)

// askers are the two ways in which production checks from this machine: the primary
// of `serve coordinator --config`, and `serve perspective`. Each returns a perspective
// whose configuration file has the network given.
func askers(t *testing.T) map[string]func(networkFile) func(perspectives.Check) perspectives.Result {
	g := NewWithT(t)
	return map[string]func(networkFile) func(perspectives.Check) perspectives.Result{
		"serve perspective": func(n networkFile) func(perspectives.Check) perspectives.Result {
			o := operate(t, func(f *perspectiveFile) { f.Network = n })
			client := o.client()
			return func(c perspectives.Check) perspectives.Result { return client.Run(t.Context(), c) }
		},
		"serve coordinator": func(n networkFile) func(perspectives.Check) perspectives.Result {
			options := coordinate(t, func(f *coordinatorFile) { f.Network = n })
			return func(c perspectives.Check) perspectives.Result {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				report, err := options.Fleet.Attempt(ctx, openmpic.Attempt{Check: c, Quorum: policy.QuorumAt(time.Now())})
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(report.Attempts).To(HaveLen(1), report.Decision.Detail)
				return report.Attempts[0].Primary.Result
			}
		},
	}
}

// coordinate reads the configuration of a coordinator with a primary of its own,
// after change.
func coordinate(t *testing.T, change func(*coordinatorFile)) openmpic.Options {
	t.Helper()
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "pki")
	g.Expect(run([]string{"keys", "new", "--perspectives", "example-five-remotes", "-o", dir}, testStreams(io.Discard, io.Discard))).To(Equal(exitDone))
	path := filepath.Join(dir, filepath.FromSlash(coordinatorPath))
	var f coordinatorFile
	g.Expect(remote.ReadJSON(path, &f)).To(Succeed())
	change(&f)
	var o openmpic.Options
	_, err := f.build(filepath.Dir(path), slog.New(slog.DiscardHandler), &o)
	g.Expect(err).NotTo(HaveOccurred())
	return o
}

// TestProductionContactsPublicAddressesOnly: neither a target nor a name server
// elsewhere, unless the configuration names it.
func TestProductionContactsPublicAddressesOnly(t *testing.T) {
	internet := serveTargets(t, true)
	sealed := internet.network
	sealed.AllowedPrefixes = nil
	for name, start := range askers(t) {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			production := start(networkFile{})
			for _, address := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "168.63.129.16", "::1", "fd00::1", "64:ff9b::a83f:8110"} {
				r := production(perspectives.Check{
					Domain: address, Questions: perspectives.OnlyDCV, Method: perspectives.WebsiteChange,
					DCV: perspectives.DCVParameters{ChallengeValue: "a-random-value", HTTPTokenPath: "file"},
				})
				g.Expect(r.DCV.Reason).To(Equal("address-forbidden"), "%s: %s", address, r.DCV.Detail)
				g.Expect(r.TargetAddresses).To(BeEmpty())
			}
			caa := perspectives.Check{Domain: "example.test", Questions: perspectives.OnlyCAA, IssuerDomains: []string{"ca.example"}}
			r := start(sealed)(caa)
			g.Expect(r.CAA.Reason).To(Equal("lookup-failed"), r.CAA.Detail)
			g.Expect(r.CAA.Detail).To(ContainSubstring("name server address refused"))
			g.Expect(start(internet.network)(caa).CAA.Reason).To(Equal("issuer-authorized"), "the same where it is allowed")
		})
	}
}

// TestProductionValidates: anchors that are configured are used, so that a DNS which
// is signed by others, or not at all, is bogus.
func TestProductionValidates(t *testing.T) {
	for signed, word := range map[bool]string{true: "signed by others", false: "not signed"} {
		n := serveTargets(t, signed).network
		n.TrustAnchors = resolver.RootAnchors()
		for name, start := range askers(t) {
			t.Run(name+", "+word, func(t *testing.T) {
				g := NewWithT(t)
				r := start(n)(perspectives.Check{Domain: "example.test", Questions: perspectives.OnlyCAA, IssuerDomains: []string{"ca.example"}})
				g.Expect(r.CAA.Verdict).To(Equal(perspectives.Error))
				g.Expect(r.CAA.Reason).To(Equal("dnssec-bogus"), r.CAA.Detail)
				g.Expect(r.CAA.Clause).To(Equal("BR 3.2.2.8.1"))
			})
		}
	}
}

// TestProductionIsThePublicInternet: a configuration that replaces nothing has the
// public DNS with its trust anchors, and the ports that the BR name.
func TestProductionIsThePublicInternet(t *testing.T) {
	g := NewWithT(t)
	c, err := networkFile{}.local(perspectives.Perspective{Name: "p"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.TrustAnchors).To(Equal(resolver.RootAnchors()))
	g.Expect(c.Roots).To(Equal(resolver.RealRoots()))
	g.Expect([]uint16{c.DNSPort, c.HTTPPort, c.HTTPSPort}).To(Equal([]uint16{0, 0, 0}))
	g.Expect(c.IgnoreCAAParameters).To(BeFalse())
	for _, r := range c.Roots {
		for _, a := range r.Addrs {
			g.Expect(c.Allowed(a.Addr())).To(Succeed(), r.Name)
		}
	}
	g.Expect(c.Allowed(netip.MustParseAddr("127.0.0.1"))).NotTo(Succeed())
}

// TestProductionKnowsTheDay: what the BR no longer allow is refused before anybody is
// asked.
func TestProductionKnowsTheDay(t *testing.T) {
	g := NewWithT(t)
	for _, at := range []string{"here", "caller"} {
		o := coordinate(t, func(f *coordinatorFile) { f.PrimaryAt = at })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		report, err := o.Fleet.Attempt(ctx, openmpic.Attempt{Quorum: policy.QuorumAt(time.Now()), Check: perspectives.Check{
			Domain: "example.com", Questions: perspectives.OnlyDCV, Method: perspectives.IPAddress,
			DCV: perspectives.DCVParameters{ChallengeValue: "192.0.2.1"},
		}})
		cancel()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(report.Decision).To(And(HaveField("Issue", false), HaveField("Reason", policy.MethodBanned)), "primary at %s", at)
		g.Expect(report.Attempts).To(BeEmpty())
	}
}
