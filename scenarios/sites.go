package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// ResolvedSite is a perspective with what the scenario says about where it is
// attached.
type ResolvedSite struct {
	Perspective perspectives.Perspective
	Primary     bool
	// AS is the AS that it stands in, 0 for a virtual AS of its own.
	AS topology.ASN
	// Providers and Peers are those of the virtual AS; if there are none the
	// egress model chooses.
	Providers, Peers []topology.ASN
	// Delay is how long it takes to begin.
	Delay time.Duration

	// field is where it was given, relative to the perspectives.
	field string
}

// sameStation says whether both describe the same place in the same network.
func (r ResolvedSite) sameStation(o ResolvedSite) bool {
	return reflect.DeepEqual(r.Perspective, o.Perspective) && r.AS == o.AS && r.Delay == o.Delay &&
		slices.Equal(r.Providers, o.Providers) && slices.Equal(r.Peers, o.Peers)
}

// siteError is a problem with one site; field is relative to the perspectives.
type siteError struct{ field, found, expected string }

func (e *siteError) Error() string {
	return e.field + ": found " + e.found + ", expected " + e.expected
}

// Resolve returns the perspectives of a check, the primary first.
func (s *Source) Resolve(c CheckEvent) ([]ResolvedSite, error) {
	sites, problems := s.perspectivesOf(c).resolve()
	errs := make([]error, len(problems))
	for n, p := range problems {
		errs[n] = p
	}
	return sites, errors.Join(errs...)
}

// resolve looks up the set or the sites, the primary first.
func (p Perspectives) resolve() ([]ResolvedSite, []*siteError) {
	if p.Set != "" {
		set, err := catalog.ParseSet(p.Set)
		if err != nil {
			return nil, []*siteError{{"set", quote(p.Set), "a perspective set: " + err.Error()}}
		}
		sites := []ResolvedSite{{Perspective: set.Primary, Primary: true, field: "set"}}
		for _, r := range set.Remotes {
			sites = append(sites, ResolvedSite{Perspective: r, field: "set"})
		}
		return sites, nil
	}
	if p.Primary == nil {
		return nil, []*siteError{{"primary", "nothing", "the primary perspective"}}
	}
	primary, problems := p.Primary.resolve("primary")
	primary.Primary = true
	sites := []ResolvedSite{primary}
	for n, r := range p.Remotes {
		site, more := r.resolve(fmt.Sprintf("remotes[%d]", n))
		sites, problems = append(sites, site), append(problems, more...)
	}
	return sites, problems
}

// sitePattern is what a perspective may be called: results and captures quote
// its name.
var sitePattern = regexp.MustCompile(`^[A-Za-z0-9]+([/._-][A-Za-z0-9]+)*$`)

// resolve looks up a site's region, or makes a perspective of its own fields.
func (s Site) resolve(field string) (ResolvedSite, []*siteError) {
	out := ResolvedSite{AS: s.AS, Providers: s.Providers, Peers: s.Peers, Delay: s.Delay, field: field}
	var problems []*siteError
	check := func(ok bool, name, found, expected string) {
		if !ok {
			problems = append(problems, &siteError{join(field, name), found, expected})
		}
	}
	check(s.AS == 0 || len(s.Providers)+len(s.Peers) == 0, "as", fmt.Sprintf("AS %v beside providers or peers", s.AS), "either as, or providers and peers")
	check(s.Delay <= MaxDelay, "delay", s.Delay.String(), fmt.Sprintf("at most %v", MaxDelay))
	neighbours := slices.Concat(s.Providers, s.Peers)
	for n, as := range neighbours {
		list, at := "providers", n
		if n >= len(s.Providers) {
			list, at = "peers", n-len(s.Providers)
		}
		check(!slices.Contains(neighbours[:n], as), fmt.Sprintf("%s[%d]", list, at), fmt.Sprintf("AS %v a second time", as), "each neighbour once")
	}
	if s.Region != "" {
		check(s.Name == "" && s.City == "" && s.Lat == nil && s.Lon == nil && s.RIR == place.Unknown,
			"region", "a region beside name, city, lat, lon or rir", "one or the other")
		p, err := catalog.Lookup(s.Region)
		if err != nil {
			check(false, "region", quote(s.Region), err.Error())
		}
		out.Perspective = p
		out.Perspective.Resolver = s.resolver(check)
		return out, problems
	}
	check(s.Name != "", "name", "nothing", "a name, or region for one of the catalog")
	check(s.Name == "" || sitePattern.MatchString(s.Name) && len(s.Name) <= 64, "name", quote(s.Name), "letters and digits, joined by /, ., _ or -, at most 64 characters")
	check(s.City == "" || len(s.City) <= 64 && printable(s.City), "city", quote(s.City), "printable text of at most 64 bytes")
	check(s.RIR != place.Unknown, "rir", "nothing", "AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC")
	at := place.Location{}
	check(s.Lat != nil, "lat", "nothing", "degrees north, -90 to 90")
	check(s.Lon != nil, "lon", "nothing", "degrees east, -180 to 180")
	if s.Lat != nil && s.Lon != nil {
		at = place.Location{Lat: *s.Lat, Lon: *s.Lon}
		if err := at.Validate(); err != nil {
			check(false, "lat", err.Error(), "degrees")
		}
	}
	out.Perspective = perspectives.Perspective{Name: s.Name, City: s.City, Location: at, RIR: s.RIR, ASN: uint32(s.AS)}
	out.Perspective.Resolver = s.resolver(check)
	return out, problems
}

// resolver returns where the site's resolver stands, nil if it is co-located.
func (s Site) resolver(check func(ok bool, name, found, expected string)) *perspectives.ResolverSite {
	r := s.Resolver
	if r == nil {
		return nil
	}
	at := place.Location{Lat: r.Lat, Lon: r.Lon}
	if err := at.Validate(); err != nil {
		check(false, "resolver.lat", err.Error(), "degrees")
	}
	check(r.RIR != place.Unknown, "resolver.rir", "nothing", "AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC")
	return &perspectives.ResolverSite{Location: at, RIR: r.RIR}
}

// perspectives checks one deployment.
func (v *validation) perspectives(field string, p Perspectives) {
	if (p.Set != "") == (p.Primary != nil || len(p.Remotes) > 0) {
		v.fail(field, "not exactly one form", "either set, or primary and remotes")
		return
	}
	sites, problems := p.resolve()
	for _, e := range problems {
		v.fail(join(field, e.field), e.found, e.expected)
	}
	seen := map[string]bool{}
	for _, s := range sites {
		name := s.Perspective.Name
		v.check(name == "" || !seen[name], join(field, s.field), fmt.Sprintf("perspective %q a second time", name), "each perspective once")
		v.check(!v.s.hostNamed(name), join(field, s.field), fmt.Sprintf("perspective %q", name), "another name than that of a host in the story, or of nobody")
		seen[name] = true
	}
}

// hostNamed says whether a host other than a perspective goes by the name, or
// results use it in another sense; package replay has these hosts.
func (s *Scenario) hostNamed(name string) bool {
	return slices.Contains([]string{"root-server", "tld-server", "victim-web", SideAttacker, SideVictim, "nobody", Coordinator}, name) ||
		slices.ContainsFunc(s.Victim.NameServers, func(ns NameServer) bool { return ns.Name == name })
}

// attachments checks the perspectives of all checks together: one name is one
// host, and so stands in one place.
func (v *validation) attachments() {
	first, where := map[string]ResolvedSite{}, map[string]string{}
	for n, e := range v.s.Timeline {
		if e.Check == nil {
			continue
		}
		field := "ca.perspectives"
		if e.Check.Perspectives != nil {
			field = fmt.Sprintf("timeline[%d].check.perspectives", n)
		}
		sites, problems := v.s.perspectivesOf(*e.Check).resolve()
		if len(problems) > 0 {
			return // reported before
		}
		for _, site := range sites {
			name := site.Perspective.Name
			earlier, known := first[name]
			if !known {
				first[name], where[name] = site, join(field, site.field)
				continue
			}
			v.check(site.sameStation(earlier), join(field, site.field), fmt.Sprintf("perspective %q attached or described in another way", name),
				"the same as at "+where[name])
		}
	}
	v.check(len(first) <= MaxPerspectives, "ca.perspectives", fmt.Sprintf("%d perspectives in all checks", len(first)), fmt.Sprintf("at most %d", MaxPerspectives))
}

// ValidateOn reports everybody whose AS is not in the topology.
func (s *Source) ValidateOn(g *topology.Graph) error {
	v := &validation{s: s}
	known := func(field string, asn topology.ASN) {
		if _, ok := g.Index(asn); !ok {
			v.fail(field, fmt.Sprintf("AS %v", asn), fmt.Sprintf("an AS of the topology (%d ASes)", g.Len()))
		}
	}
	for n, p := range s.Topology.Places {
		known(fmt.Sprintf("topology.places[%d]", n), p.AS)
	}
	known("victim.as", s.Victim.AS)
	known("attacker.as", s.Attacker.AS)
	for n, ns := range s.Victim.NameServers {
		if ns.AS != s.Victim.AS {
			known(fmt.Sprintf("victim.name-servers[%d].as", n), ns.AS)
		}
	}
	if s.DNS.RootAS != 0 {
		known("dns.root-as", s.DNS.RootAS)
	}
	if s.DNS.TLDAS != 0 {
		known("dns.tld-as", s.DNS.TLDAS)
	}
	v.scopes(g)
	s.eachSite(func(field string, site ResolvedSite) {
		if site.AS != 0 {
			known(field+".as", site.AS)
		}
		for n, as := range site.Providers {
			known(fmt.Sprintf("%s.providers[%d]", field, n), as)
		}
		for n, as := range site.Peers {
			known(fmt.Sprintf("%s.peers[%d]", field, n), as)
		}
	})
	return errors.Join(v.errs...)
}

// scopes checks that the attacker announces to neighbours of his.
func (v *validation) scopes(g *topology.Graph) {
	attacker, known := g.Index(v.s.Attacker.AS)
	if !known {
		return // reported elsewhere
	}
	neighbor := func(field string, as topology.ASN) {
		to, ok := g.Index(as)
		if ok {
			_, ok = g.RelationshipTo(attacker, to)
		}
		v.check(ok, field, fmt.Sprintf("AS %v", as), fmt.Sprintf("a neighbour of the attacker's AS %v", v.s.Attacker.AS))
	}
	export := func(field string, e *Export) {
		if e == nil {
			return
		}
		for i, as := range e.To {
			neighbor(fmt.Sprintf("%s.to[%d]", field, i), as)
		}
		for i, as := range e.Except {
			neighbor(fmt.Sprintf("%s.except[%d]", field, i), as)
		}
	}
	for n, e := range v.s.Timeline {
		if e.Hijack != nil {
			export(fmt.Sprintf("timeline[%d].hijack.export", n), e.Hijack.Export)
		}
		if e.Attack == nil {
			continue
		}
		field := fmt.Sprintf("timeline[%d].attack", n)
		export(field+".export", e.Attack.Export)
		for i, edge := range e.Attack.Withhold {
			v.link(g, fmt.Sprintf("%s.withhold[%d]", field, i), edge.AS, edge.Neighbor, edge.String())
		}
	}
	if c := v.s.Routing.Convergence; c != nil {
		for n, p := range c.Prefer {
			v.link(g, fmt.Sprintf("routing.convergence.prefer[%d]", n), p.AS, p.Neighbor, fmt.Sprintf("AS %v and AS %v", p.AS, p.Neighbor))
		}
	}
}

// link checks that two ASes are neighbours.
func (v *validation) link(g *topology.Graph, field string, a, b topology.ASN, found string) {
	i, ok := g.Index(a)
	j, both := g.Index(b)
	if ok = ok && both; ok {
		_, ok = g.RelationshipTo(i, j)
	}
	v.check(ok, field, found, "two neighbours of the topology")
}

// eachSite calls f for each perspective of a deployment that some check uses, as
// often as the file says where it is.
func (s *Source) eachSite(f func(field string, site ResolvedSite)) {
	done := map[string]bool{}
	for n, e := range s.Timeline {
		if e.Check == nil {
			continue
		}
		field := "ca.perspectives"
		if e.Check.Perspectives != nil {
			field = fmt.Sprintf("timeline[%d].check.perspectives", n)
		}
		if done[field] {
			continue
		}
		done[field] = true
		sites, _ := s.perspectivesOf(*e.Check).resolve()
		for _, site := range sites {
			f(join(field, site.field), site)
		}
	}
}

// InlineGraph builds the topology that the scenario lists, without places. What
// a file may repair is an error here: the author sees it at once.
func (s *Source) InlineGraph() (*topology.Graph, error) {
	var b topology.Builder
	for n, l := range s.Topology.Links {
		b.AddLink(topology.Link{A: l.A, B: l.B, Kind: l.Kind, Line: int32(n)}) //nolint:gosec // a file has no 2^31 links
	}
	g, findings, err := b.Build()
	if err != nil {
		return nil, s.FieldError("topology.links", err.Error(), "links that make a topology")
	}
	v := &validation{s: s}
	for _, f := range findings {
		found, expected := "", ""
		dropped := Link{A: f.Dropped.A, B: f.Dropped.B, Kind: f.Dropped.Kind}
		switch f.Kind {
		case topology.Duplicate:
			found, expected = fmt.Sprintf("%v a second time", dropped), "each link once"
		case topology.Contradiction:
			found, expected = dropped.String(), fmt.Sprintf("one link between two ASes, not also %v", Link{A: f.Kept.A, B: f.Kept.B, Kind: f.Kept.Kind})
		case topology.SelfLink:
			found, expected = dropped.String(), "a link between two ASes"
		case topology.Cycle:
			found, expected = fmt.Sprintf("%v, which makes AS %v an indirect provider of itself", dropped, f.ASes[0]), "providers without a cycle"
		}
		v.fail(fmt.Sprintf("topology.links[%d]", f.Dropped.Line), found, expected)
	}
	if len(v.errs) > 0 {
		return nil, errors.Join(v.errs...)
	}
	return g, nil
}

// inline checks that everybody has a place in an inline topology.
func (v *validation) inline() {
	g, err := v.s.InlineGraph()
	if err == nil {
		err = v.s.ValidateOn(g)
	}
	if err != nil {
		v.errs = append(v.errs, err)
	}
}
