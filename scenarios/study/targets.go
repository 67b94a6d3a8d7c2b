package study

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"

	"mpicsim/scenarios"
	"mpicsim/scenarios/domain"
	"mpicsim/scenarios/result"
	"mpicsim/sim/attack"
	"mpicsim/topology"
	"mpicsim/topology/rpki"
)

// target is what a victim announces, and the address in it whose packets count.
type target struct {
	prefix  netip.Prefix
	address netip.Addr
}

// spare returns prefixes for special use, of which victims without VRPs get the
// first that no VRP covers: RFC 2544, RFC 5737.
func spare() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("198.18.0.0/22"), netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	}
}

// announce gives each victim that is an AS its prefix.
func (p *Plan) announce(vrps *rpki.VRPs) error {
	if p.domains != nil {
		p.draft.Prefixes = "the longest prefix of the table of origins that holds the address, up to /24 and /48"
		return nil
	}
	free := slices.IndexFunc(spare(), func(q netip.Prefix) bool { return len(vrps.Covering(q)) == 0 })
	if free < 0 {
		return p.options.Source.FieldError("rpki", "VRPs that cover all of 198.18.0.0/22, 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24", "one of these without, for victims without VRPs")
	}
	first := map[topology.ASN]netip.Prefix{}
	for v := range vrps.All() { // in ascending order
		if _, known := first[v.Origin]; !known && v.Prefix.Addr().Is4() && v.Prefix.Bits() <= attack.LongestIPv4 {
			first[v.Origin] = v.Prefix
		}
	}
	covered := 0
	for _, i := range p.victims.index {
		prefix, ok := first[p.graph.ASN(i)]
		if ok {
			covered++
		} else {
			prefix = spare()[free]
		}
		p.targets = append(p.targets, target{prefix, prefix.Addr()})
	}
	p.draft.Prefixes = fmt.Sprintf("%v for each", spare()[free])
	if vrps.Len() > 0 {
		p.draft.Prefixes = fmt.Sprintf("the first IPv4 prefix of /%d or shorter that a VRP names the victim for (%d of %d victims), else %v, which no VRP covers",
			attack.LongestIPv4, covered, len(p.victims.index), spare()[free])
	}
	return nil
}

// chooseDomains reads the domains and returns their targets.
func (p *Plan) chooseDomains(m *scenarios.Map, from scenarios.Population) (members, result.Selection, error) {
	none := func(err error) (members, result.Selection, error) { return members{}, result.Selection{}, err }
	s := p.options.Source
	if p.options.Aggregate {
		return none(s.FieldError("victims.domains", "a study that is aggregated", "one that is not: which attacker hijacks which target must be known"))
	}
	domains, sum, err := domain.ReadFile(s.Path(from.Domains))
	if err != nil {
		return none(err)
	}
	origins, err := domain.ReadOrigins(s.Path(from.Origins))
	if err != nil {
		return none(err)
	}
	p.draft.Inputs = append(p.draft.Inputs, result.Input{Role: "domains", Name: filepath.Base(from.Domains), SHA256: sum},
		result.Input{Role: "origins", Name: filepath.Base(from.Origins), SHA256: origins.SHA256})
	how := result.DomainSelection{Population: len(domains), Upper: from.Upper, Method: from.Method}
	if how.Upper == "" {
		how.Upper = string(domain.UpperTLD)
	}
	if from.Sample > len(domains) {
		return none(s.FieldError("victims.sample", fmt.Sprint(from.Sample), fmt.Sprintf("at most the file's %d domains", len(domains))))
	}
	if from.Sample > 0 {
		how.Draws, how.Seed = from.Sample, from.Seed
		random := rand.New(rand.NewPCG(from.Seed, streamDomains)) //nolint:gosec // reproducible, not secret
		places := random.Perm(len(domains))[:from.Sample]
		slices.Sort(places)
		all := domains
		domains = nil
		for _, n := range places {
			domains = append(domains, all[n])
		}
	}
	how.Count = len(domains)
	survey := &surveyor{graph: m.Graph, origins: origins, dnsAlone: from.LooksAtDNSAlone(), upper: domain.Upper(how.Upper), index: map[result.Target]int32{}, seen: map[netip.Addr]bool{}}
	for n := range domains {
		how.Weight += domains[n].Weight
		survey.add(&domains[n])
	}
	if len(survey.targets) == 0 {
		return none(s.FieldError("victims.domains", fmt.Sprintf("%d addresses, none with an origin in the topology", len(survey.seen)), "domains whose prefixes ASes of the topology originate"))
	}
	p.domains = survey.sorted()
	how.Addresses, how.SeveralOrigins, how.Unmapped = len(survey.seen), survey.several, survey.unmapped
	for n := range p.domains.Domains {
		if !p.domains.Domains[n].Complete() {
			how.Incomplete++
		}
	}
	p.draft.Domains = &how
	var victims members
	for n, t := range p.domains.Targets {
		victims.add(p.graph, t.Victim, 1)
		p.targets = append(p.targets, target{t.Prefix, survey.address[n]})
	}
	return victims, result.Selection{How: "domains", Count: len(p.targets), Weight: float64(len(p.targets)), Population: len(p.targets)}, nil
}

// surveyor finds the targets of domains.
type surveyor struct {
	graph   *topology.Graph // without virtual ASes
	origins *domain.Origins
	upper   domain.Upper
	// dnsAlone: checks look at no web address.
	dnsAlone bool
	index    map[result.Target]int32
	targets  []result.Target
	address  []netip.Addr // the lowest of each target
	domains  []result.Domain
	seen     map[netip.Addr]bool
	// several are addresses with several origins, unmapped those without any.
	several, unmapped int
}

func (s *surveyor) add(d *domain.Domain) {
	out := result.Domain{Name: d.Name, Weight: d.Weight, Gaps: len(d.Gaps), NoWeb: !s.dnsAlone && !d.HasWeb()}
	surfaces := domain.Surfaces()
	if s.dnsAlone {
		surfaces = domain.DNSSurfaces()
	}
	for _, name := range surfaces {
		surface := result.Surface{Surface: string(name), Targets: [][]int32{}}
		for _, a := range d.In(domain.Scope{Surface: name, Upper: s.upper}) {
			if targets := s.targetsOf(a); len(targets) > 0 {
				surface.Targets = append(surface.Targets, targets)
			} else {
				surface.Unmapped++
			}
		}
		out.Surfaces = append(out.Surfaces, surface)
	}
	s.domains = append(s.domains, out)
}

// targetsOf returns the targets of an address: its prefix with each of the origins
// that the topology holds.
func (s *surveyor) targetsOf(a netip.Addr) (targets []int32) {
	prefix, ases := s.origins.Accepted(a)
	for _, asn := range ases {
		if _, ok := s.graph.Index(asn); !ok {
			continue
		}
		t := result.Target{Victim: asn, Prefix: prefix}
		n, known := s.index[t]
		if !known {
			n = int32(len(s.targets))
			s.index[t] = n
			s.targets, s.address = append(s.targets, t), append(s.address, a)
		}
		if a.Less(s.address[n]) {
			s.address[n] = a
		}
		targets = append(targets, n)
	}
	if !s.seen[a] {
		s.seen[a] = true
		switch {
		case len(targets) == 0:
			s.unmapped++
		case len(targets) > 1:
			s.several++
		}
	}
	return targets
}

// sorted returns the domains with targets in the order of AS and prefix.
func (s *surveyor) sorted() *result.Domains {
	order := make([]int32, len(s.targets))
	for n := range order {
		order[n] = int32(n)
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := s.targets[a], s.targets[b]
		return cmp.Or(cmp.Compare(x.Victim, y.Victim), x.Prefix.Compare(y.Prefix))
	})
	place := make([]int32, len(order))
	targets, address := make([]result.Target, len(order)), make([]netip.Addr, len(order))
	for n, k := range order {
		place[k], targets[n], address[n] = int32(n), s.targets[k], s.address[k]
	}
	s.targets, s.address = targets, address
	for _, d := range s.domains {
		for n := range d.Surfaces {
			surface := &d.Surfaces[n]
			for _, origins := range surface.Targets {
				for k, t := range origins {
					origins[k] = place[t]
				}
				slices.Sort(origins)
			}
			slices.SortFunc(surface.Targets, slices.Compare[[]int32])
			surface.Targets = slices.CompactFunc(surface.Targets, slices.Equal[[]int32])
		}
	}
	return &result.Domains{Targets: targets, Domains: s.domains}
}
