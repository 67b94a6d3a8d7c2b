package domain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"

	"mpicsim/topology"
)

// SynthOptions say what synthetic domains are like. They are assumptions, not
// measurements: use a trace of real domains where there is one.
type SynthOptions struct {
	// Count is how many domains to make, Seed that of all choices.
	Count int
	Seed  uint64
	// Hosts are the ASes that host web servers, Weight how likely each is. Those
	// without an IPv4 prefix are left out. Without any, all origins are alike.
	Hosts  []topology.ASN
	Weight []float64
	// Providers is how many ASes run name servers for others, drawn as hosts are.
	Providers int
	// OwnDNS is the share of domains whose name servers are with their web host, Signed
	// that of domains with an unbroken chain of DNSSEC.
	OwnDNS, Signed float64
}

// check returns what is wrong with the options.
func (s SynthOptions) check() error {
	switch {
	case s.Count < 1:
		return fmt.Errorf("count: found %d, expected 1 or more", s.Count)
	case s.Providers < 1:
		return fmt.Errorf("providers: found %d, expected 1 or more", s.Providers)
	case !(s.OwnDNS >= 0 && s.OwnDNS <= 1):
		return fmt.Errorf("own-dns: found %v, expected a share from 0 to 1", s.OwnDNS)
	case !(s.Signed >= 0 && s.Signed <= 1):
		return fmt.Errorf("signed: found %v, expected a share from 0 to 1", s.Signed)
	case s.Weight != nil && len(s.Weight) != len(s.Hosts):
		return fmt.Errorf("%d weights of %d hosts", len(s.Weight), len(s.Hosts))
	}
	return nil
}

// streamSynth is the stream of random numbers of [Synthesize].
const streamSynth = 0x73796e74 // "synt"

// The servers of zones above a synthetic domain.
const (
	synthTLDServers  = 4
	synthRootServers = 4
	synthNameServers = 2
)

// Synthesize makes domains up: each has one or two web addresses at a host and two
// name servers at the host or at a DNS provider, in the IPv4 prefixes of a table of
// origins, below the reserved top-level domains example and test. They are called
// "synthetic-" and a number. The same options and table give the same domains.
func Synthesize(o *Origins, s SynthOptions) ([]Domain, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	m := &maker{random: rand.New(rand.NewPCG(s.Seed, streamSynth)), prefixes: o.byOrigin()} //nolint:gosec // reproducible, not secret
	if err := m.hosts(s); err != nil {
		return nil, err
	}
	var providers []topology.ASN
	for range s.Providers {
		providers = append(providers, m.host())
	}
	above := map[string][]Address{}
	for zone, n := range map[string]int{"example": synthTLDServers, "test": synthTLDServers, ".": synthRootServers} {
		above[zone] = make([]Address, n)
	}
	for _, zone := range []string{".", "example", "test"} { // in order, for the same choices
		for n := range above[zone] {
			name := fmt.Sprintf("%c.servers.%s", 'a'+n, zone)
			if zone == "." {
				name = fmt.Sprintf("%c.root-servers.test", 'a'+n)
			}
			above[zone][n] = Address{Address: m.address(m.host()), Role: roleOf(zone), Name: name, Zone: zone, Why: "synthetic"}
		}
	}
	var all []Domain
	for n := range s.Count {
		tld := []string{"example", "test"}[m.random.IntN(2)]
		d := Domain{Name: fmt.Sprintf("synthetic-%06d.%s", n+1, tld), Weight: 1}
		host, dns := m.host(), providers[m.random.IntN(len(providers))]
		if m.random.Float64() < s.OwnDNS {
			dns = host
		}
		signed := m.random.Float64() < s.Signed
		for range 1 + m.random.IntN(2) {
			d.add(Address{Address: m.address(host), Role: Web, Name: d.Name, Why: "synthetic"})
		}
		for k := range synthNameServers {
			d.add(Address{Address: m.address(dns), Role: NameServer, Name: fmt.Sprintf("ns%d.%s", k+1, d.Name), Zone: d.Name, Protected: signed, Why: "synthetic"})
		}
		for _, zone := range []string{tld, "."} {
			for _, a := range above[zone] {
				a.Protected = signed
				d.add(a)
			}
		}
		all = append(all, d)
	}
	return all, nil
}

// add adds an address that is not there yet.
func (d *Domain) add(a Address) {
	if !slices.ContainsFunc(d.Addresses, func(b Address) bool {
		return a.Address == b.Address && a.Role == b.Role && a.Name == b.Name && a.Zone == b.Zone
	}) {
		d.Addresses = append(d.Addresses, a)
	}
}

// byOrigin returns the IPv4 prefixes of each AS, in ascending order.
func (o *Origins) byOrigin() map[topology.ASN][]netip.Prefix {
	out := map[topology.ASN][]netip.Prefix{}
	for p, ases := range o.ases {
		for _, asn := range ases {
			if p.Addr().Is4() {
				out[asn] = append(out[asn], p)
			}
		}
	}
	for _, list := range out {
		slices.SortFunc(list, netip.Prefix.Compare)
	}
	return out
}

// maker makes domains.
type maker struct {
	random   *rand.Rand
	prefixes map[topology.ASN][]netip.Prefix
	ases     []topology.ASN
	sums     []float64 // of weights
}

// hosts finds out who hosts.
func (m *maker) hosts(s SynthOptions) error {
	list := slices.Clone(s.Hosts)
	if len(list) == 0 {
		for asn := range m.prefixes {
			list = append(list, asn)
		}
		slices.Sort(list)
	}
	sum := 0.0
	for n, asn := range list {
		if len(m.prefixes[asn]) == 0 {
			continue
		}
		w := 1.0
		if s.Weight != nil {
			w = s.Weight[n]
		}
		sum += w
		m.ases, m.sums = append(m.ases, asn), append(m.sums, sum)
	}
	if len(m.ases) == 0 {
		return errors.New("hosts: found none with an IPv4 prefix in the table of origins, expected some")
	}
	return nil
}

// host draws one.
func (m *maker) host() topology.ASN {
	x := m.random.Float64() * m.sums[len(m.sums)-1]
	return m.ases[min(sort.Search(len(m.sums), func(i int) bool { return m.sums[i] > x }), len(m.sums)-1)]
}

// address draws one of an AS.
func (m *maker) address(asn topology.ASN) netip.Addr {
	p := m.prefixes[asn][m.random.IntN(len(m.prefixes[asn]))]
	a := p.Addr().As4()
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n += uint32(m.random.Uint64N(1 << (32 - p.Bits())))
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
