package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/sim/names"
)

// serveHierarchy serves a name space on the loopback, all servers on one port, and
// returns a file for --network.
func serveHierarchy(t *testing.T, h *names.Hierarchy) (network string) {
	t.Helper()
	g := NewWithT(t)
	for range 50 {
		port, servers, err := tryServe(t, h)
		for _, s := range servers {
			t.Cleanup(func() { _ = s.Close() })
		}
		if err != nil {
			continue
		}
		file := networkFile{TrustAnchors: h.TrustAnchor.DS, DNSPort: port, AllowedPrefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		for _, ns := range h.RootHints {
			root := rootFile{Name: ns.Name}
			for _, a := range ns.Addrs {
				root.Addresses = append(root.Addresses, netip.AddrPortFrom(a, port))
			}
			file.Roots = append(file.Roots, root)
		}
		text, err := json.Marshal(file)
		g.Expect(err).NotTo(HaveOccurred())
		network = filepath.Join(t.TempDir(), "network.json")
		g.Expect(os.WriteFile(network, text, 0o600)).To(Succeed())
		return network
	}
	t.Fatal("no port that is free at all addresses")
	return ""
}

func tryServe(t *testing.T, h *names.Hierarchy) (port uint16, servers []*names.Server, err error) {
	t.Helper()
	seen := map[netip.Addr]bool{}
	for _, p := range h.Placements {
		for _, a := range p.Addrs {
			if seen[a] {
				continue
			}
			seen[a] = true
			s, err := names.Serve(t.Context(), &net.ListenConfig{}, names.Config{Zones: h.ZonesAt(a), Addrs: []netip.AddrPort{netip.AddrPortFrom(a, port)}})
			if err != nil {
				return 0, servers, err
			}
			servers = append(servers, s)
			port = s.Addrs()[0].Port()
		}
	}
	return port, servers, nil
}

// signedAndNot has a signed domain and one that is not, whose name server without
// glue is in the signed one.
func signedAndNot(t *testing.T) *names.Hierarchy {
	t.Helper()
	sign := &names.SigningSpec{Seed: "trace", Inception: time.Now().Add(-time.Hour), Expiration: time.Now().Add(time.Hour)}
	at := func(n int) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 77, byte(n)})} }
	h, err := names.HierarchySpec{
		Root: []names.NameServer{{Name: "a.root-servers.test", Addrs: at(1)}},
		Sign: sign,
		Registries: []names.ZoneSpec{
			{Origin: "test", NameServers: []names.NameServer{{Name: "a.nic.test", Addrs: at(2)}}, Records: "a.root-servers IN A 127.0.77.1"},
			{Origin: "example", NameServers: []names.NameServer{{Name: "a.nic.example", Addrs: at(3)}}},
		},
		Zones: []names.ZoneSpec{
			{Origin: "signed.test", NameServers: []names.NameServer{{Name: "ns.signed.test", Addrs: at(4)}}, Sign: sign, Records: "@ IN A 192.0.2.1\n"},
			{Origin: "plain.example", NameServers: []names.NameServer{{Name: "ns.signed.test"}}, Records: "@ IN A 192.0.2.2\n@ IN AAAA 2001:db8::2\nwww IN CNAME signed.test.\n"},
		},
	}.Build()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return h
}

// TestDomainTraceOnSockets: our resolver with real servers, some of which sign.
func TestDomainTraceOnSockets(t *testing.T) {
	g := NewWithT(t)
	network := serveHierarchy(t, signedAndNot(t))
	trace := func(args ...string) []string {
		var out, errs bytes.Buffer
		code := run(append([]string{"domain", "trace", "--network", network}, args...), testStreams(&out, &errs))
		g.Expect(code).To(Equal(exitDone), errs.String())
		var found []string
		for line := range strings.Lines(out.String()) {
			if fields := strings.Fields(line); len(fields) > 5 && strings.HasPrefix(line, "  ") {
				found = append(found, strings.Join(append(fields[:5:5], strings.Join(fields[5:], " ")), " | "))
			}
		}
		return found
	}
	g.Expect(trace("signed.test")).To(Equal([]string{
		"192.0.2.1 | web | signed.test | - | - | address of the domain",
		"127.0.77.1 | root-server | a.root-servers.test | . | protected | on the way to the domain",
		"127.0.77.2 | tld-server | a.nic.test | test | protected | on the way to the domain",
		"127.0.77.4 | name-server | ns.signed.test | signed.test | protected | on the way to the domain",
	}))
	way := "on the way to ns.signed.test, a name server of plain.example without glue"
	g.Expect(trace("plain.example")).To(Equal([]string{
		"192.0.2.2 | web | plain.example | - | - | address of the domain",
		"2001:db8::2 | web | plain.example | - | - | address of the domain",
		"127.0.77.1 | root-server | a.root-servers.test | . | exposed | on the way to the domain",
		"127.0.77.3 | tld-server | a.nic.example | example | exposed | on the way to the domain",
		"127.0.77.4 | name-server | ns.signed.test | plain.example | exposed | on the way to the domain",
		"127.0.77.2 | tld-server | a.nic.test | test | protected | " + way,
		"127.0.77.4 | name-server | ns.signed.test | signed.test | protected | " + way,
	}))
	g.Expect(trace("www.plain.example")).To(ContainElements(
		"192.0.2.1 | web | signed.test | - | - | address of signed.test, which the domain is an alias of",
		"127.0.77.3 | tld-server | a.nic.example | example | exposed | on the way to the domain",
		fmt.Sprintf("127.0.77.2 | tld-server | a.nic.test | test | protected | %s", way),
	))
}
