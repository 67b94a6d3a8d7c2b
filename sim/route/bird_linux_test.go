package route_test

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/sim/route"
	"mpicsim/topology"
)

// The routers of this file are BIRD daemons, one for each AS, that speak BGP over
// loopback addresses and touch no kernel table. They share this project's reading
// of Gao-Rexford (local preference by relationship, an export filter by
// community, router identifiers in the order of AS numbers), so what they judge
// is the decision process and the propagation, not the policy model.

// lab is a set of running daemons.
type lab struct {
	dir  string
	port int
	w    world
	anns []route.Announcement
}

// fault is a deliberate difference between the daemons' policy and ours.
type fault int

const (
	none        fault = iota
	flippedTies       // router identifiers descend with AS numbers
	leaks             // everything is exported to everybody
)

// address is where the router of an AS listens, the n-th of the world.
func address(n int) string { return fmt.Sprintf("127.10.%d.%d", n/250, n%250+1) }

// config returns the configuration of the n-th AS's daemon.
func (l *lab) config(n int, f fault) string {
	asn := l.w.asns[n]
	var b strings.Builder
	id := n + 1
	if f == flippedTies {
		id = len(l.w.asns) - n
	}
	fmt.Fprintf(&b, "log %q all;\nrouter id 10.0.%d.%d;\nprotocol device {}\n", filepath.Join(l.dir, fmt.Sprint(asn, ".log")), id/250, id%250+1)
	b.WriteString("protocol static loopbacks { ipv4; route 127.10.0.0/16 via \"lo\"; }\nprotocol static announced { ipv4;\n")
	forge := ""
	for _, a := range l.anns {
		if a.Announcer() != asn {
			continue
		}
		fmt.Fprintf(&b, "  route %v blackhole;\n", a.Prefix)
		for _, hop := range slices.Backward(a.Path[1:]) {
			forge += fmt.Sprintf("if net = %v then bgp_path.prepend(%v);\n    ", a.Prefix, hop)
		}
	}
	b.WriteString("}\n")
	neighbors := l.w.neighbors(asn)
	for _, peer := range slices.Sorted(maps.Keys(neighbors)) {
		preference, export := 300, "accept;"
		switch neighbors[peer] {
		case topology.Customer:
		case topology.Peer:
			preference = 200
		case topology.Provider, topology.Own:
			preference = 100
		}
		if neighbors[peer] != topology.Customer && f != leaks {
			export = "if (65535, 0, 300) ~ bgp_large_community then accept; reject;"
		}
		fmt.Fprintf(&b, `protocol bgp as%v {
  local %s port %d as %v; neighbor %s port %d as %v; multihop; strict bind;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import filter {
    bgp_large_community.delete([(65535, *, *)]); bgp_large_community.add((65535, 0, %d));
    bgp_local_pref = %d; accept; };
  export filter {
    if net ~ 127.0.0.0/8 then reject;
    if source = RTS_STATIC then { %saccept; }
    %s }; };
}
`, peer, address(n), l.port, asn, address(slices.Index(l.w.asns, peer)), l.port, peer, preference, preference, forge, export)
	}
	return b.String()
}

// neighbors returns what each neighbour of an AS is to it.
func (w world) neighbors(asn topology.ASN) map[topology.ASN]topology.Relationship {
	m := map[topology.ASN]topology.Relationship{}
	for _, l := range w.links {
		switch {
		case l.A == asn && l.Kind == topology.Transit:
			m[l.B] = topology.Customer
		case l.B == asn && l.Kind == topology.Transit:
			m[l.A] = topology.Provider
		case l.A == asn:
			m[l.B] = topology.Peer
		case l.B == asn:
			m[l.A] = topology.Peer
		}
	}
	return m
}

// start runs the daemons until the test ends.
func (l *lab) start(t *testing.T, f fault) {
	t.Helper()
	for n, asn := range l.w.asns {
		name := filepath.Join(l.dir, fmt.Sprint(asn))
		if err := os.WriteFile(name+".conf", []byte(l.config(n, f)), 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command("bird", "-p", "-c", name+".conf").CombinedOutput(); err != nil {
			t.Fatalf("bird refuses what this test wrote: %s", said)
		}
		cmd := exec.Command("bird", "-f", "-c", name+".conf", "-s", name+".ctl")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // even if the test is killed
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // gone already if its configuration is wrong
			_ = cmd.Wait()         // killed
		})
	}
}

// paths asks the daemon of an AS for its best routes: its own number first, as
// [route.Routes.Path] has them.
func (l *lab) paths(asn topology.ASN) (map[netip.Prefix]string, error) {
	out, err := exec.Command("birdc", "-s", filepath.Join(l.dir, fmt.Sprint(asn, ".ctl")), "show", "route", "all", "primary").Output()
	if err != nil {
		return nil, err
	}
	found := map[netip.Prefix]string{}
	var prefix netip.Prefix
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 {
			if p, err := netip.ParsePrefix(fields[0]); err == nil {
				prefix = p
			}
		}
		if len(fields) > 0 && fields[0] == "BGP.as_path:" {
			found[prefix] = strings.Join(append([]string{asn.String()}, fields[1:]...), " ")
		}
	}
	return found, nil
}

// differ returns how the daemons' routes differ from want, and what they are.
func (l *lab) differ(want map[topology.ASN]map[netip.Prefix]string) (differences []string, all string) {
	for _, asn := range l.w.asns {
		got, err := l.paths(asn)
		if err != nil {
			return []string{fmt.Sprintf("AS %v: %v", asn, err)}, ""
		}
		all += fmt.Sprint(asn, got)
		for _, p := range slices.SortedFunc(maps.Keys(want[asn]), netip.Prefix.Compare) {
			if got[p] != want[asn][p] {
				differences = append(differences, fmt.Sprintf("AS %v, %v: bird has %q, route has %q", asn, p, got[p], want[asn][p]))
			}
		}
	}
	return differences, all
}

// routes returns the paths of package route at every AS but the announcers.
func (l *lab) routes(t *testing.T) map[topology.ASN]map[netip.Prefix]string {
	t.Helper()
	table, err := route.NewEngine(l.w.graph()).PropagateAll(l.anns, route.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[topology.ASN]map[netip.Prefix]string{}
	for _, asn := range l.w.asns {
		want[asn] = map[netip.Prefix]string{}
	}
	for _, r := range table.Routes() {
		for i := range int32(r.Graph().Len()) {
			if path := r.Path(i); len(path) > 0 {
				if _, own, _ := r.NextHop(i); !own {
					want[path[0]][r.Prefix()] = route.FormatPath(path)
				}
			}
		}
	}
	return want
}

// internetOf returns a valley-free topology of n ASes: a clique, transit below
// it, stubs, some peering; and announcements of 30 prefixes, of which half have a
// hijacker, every second with a forged origin.
func internetOf(n int, seed uint64) (w world, anns []route.Announcement) {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	for i := range n {
		w.asns = append(w.asns, topology.ASN(64_000+i))
	}
	order := rng.Perm(n)
	linked := map[[2]int]bool{}
	link := func(a, b int, kind topology.LinkKind) {
		if a != b && !linked[[2]int{a, b}] && !linked[[2]int{b, a}] {
			linked[[2]int{a, b}] = true
			w.links = append(w.links, topology.Link{A: w.asns[order[a]], B: w.asns[order[b]], Kind: kind})
		}
	}
	for i := 1; i < n; i++ {
		if i < 4 {
			for j := range i {
				link(j, i, topology.Peering)
			}
			continue
		}
		for range 1 + rng.IntN(2) {
			link(rng.IntN(min(i, n/3)), i, topology.Transit)
		}
		if rng.IntN(2) == 0 {
			link(rng.IntN(i), i, topology.Peering)
		}
	}
	for k := range 30 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(k), 0}), 24)
		victim, attacker := w.asns[rng.IntN(n)], w.asns[rng.IntN(n)]
		anns = append(anns, route.Announcement{Prefix: p, Path: []topology.ASN{victim}})
		switch {
		case k%2 == 0 || victim == attacker:
		case k%4 == 1:
			anns = append(anns, route.Announcement{Prefix: p, Path: []topology.ASN{attacker}, Attacker: true})
		default:
			anns = append(anns, route.Announcement{Prefix: p, Path: []topology.ASN{attacker, victim}, Attacker: true})
		}
	}
	return w, anns
}

// newLab returns a lab, or skips where BIRD is not installed.
func newLab(t *testing.T, n int, seed uint64) *lab {
	t.Helper()
	for _, tool := range []string{"bird", "birdc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: no real routers: %v (Debian's bird2, which 'make packages' installs)", err)
		}
	}
	dir := t.TempDir()
	w, anns := internetOf(n, seed)
	listener, err := net.Listen("tcp", address(0)+":0") // a port that no other lab has
	if err != nil {
		t.Skipf("SKIPPED: no real routers: %v", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &lab{dir: dir, port: port, w: w, anns: anns}
}

// TestRealRouters compares the AS path of every prefix at every AS with BIRD's.
func TestRealRouters(t *testing.T) {
	for _, n := range []int{20, 50, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			l := newLab(t, n, 7)
			want := l.routes(t)
			l.start(t, none)
			NewWithT(t).Eventually(func() []string {
				differences, _ := l.differ(want)
				return differences
			}).WithTimeout(time.Minute).WithPolling(300 * time.Millisecond).Should(BeEmpty())
			count := 0
			for _, paths := range want {
				count += len(paths)
			}
			t.Logf("seed 7: %d ASes, %d links, %d paths equal BIRD's", n, len(l.w.links), count)
		})
	}
}

// TestRealRoutersNoticeFaults runs daemons with another policy than ours, until
// they have routes and these do not change for three seconds: they must disagree.
func TestRealRoutersNoticeFaults(t *testing.T) {
	for name, f := range map[string]fault{"ties": flippedTies, "export": leaks} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 50, 7)
			want := l.routes(t)
			l.start(t, f)
			before, since := "", 0
			var differences []string
			NewWithT(t).Eventually(func() int {
				var now string
				if differences, now = l.differ(want); now != before || strings.Count(now, "/24") < len(l.w.asns)*len(l.anns)/2 {
					before, since = now, -1
				}
				since++
				return since
			}).WithTimeout(time.Minute).WithPolling(500*time.Millisecond).Should(BeNumerically(">=", 6), "polls without a change")
			NewWithT(t).Expect(differences).NotTo(BeEmpty())
			t.Logf("%d paths differ, such as %s", len(differences), differences[0])
		})
	}
}
