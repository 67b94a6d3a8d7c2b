package scenarios

import (
	"fmt"

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
}

// siteError is a problem with one site; field is relative to the perspectives.
type siteError struct{ field, found, expected string }

func (e *siteError) Error() string {
	return e.field + ": found " + e.found + ", expected " + e.expected
}

// Resolve returns the perspectives of a check, the primary first.
func (s *Source) Resolve(c CheckEvent) ([]ResolvedSite, error) {
	return s.perspectivesOf(c).resolve()
}

// resolve looks up the set or the sites, the primary first.
func (p Perspectives) resolve() ([]ResolvedSite, error) {
	if p.Set != "" {
		set, err := catalog.ParseSet(p.Set)
		if err != nil {
			return nil, err
		}
		sites := []ResolvedSite{{Perspective: set.Primary, Primary: true}}
		for _, r := range set.Remotes {
			sites = append(sites, ResolvedSite{Perspective: r})
		}
		return sites, nil
	}
	if p.Primary == nil {
		return nil, &siteError{"primary", "nothing", "the primary perspective"}
	}
	primary, err := p.Primary.resolve("primary")
	if err != nil {
		return nil, err
	}
	primary.Primary = true
	sites := []ResolvedSite{primary}
	for n, r := range p.Remotes {
		site, err := r.resolve(fmt.Sprintf("remotes[%d]", n))
		if err != nil {
			return nil, err
		}
		sites = append(sites, site)
	}
	return sites, nil
}

// resolve looks up a site's region, or makes a perspective of its own fields.
func (s Site) resolve(field string) (ResolvedSite, error) {
	fail := func(name, found, expected string) (ResolvedSite, error) {
		return ResolvedSite{}, &siteError{join(field, name), found, expected}
	}
	out := ResolvedSite{AS: s.AS, Providers: s.Providers, Peers: s.Peers}
	if s.AS != 0 && (len(s.Providers) > 0 || len(s.Peers) > 0) {
		return fail("as", fmt.Sprintf("AS %v beside providers or peers", s.AS), "either as, or providers and peers")
	}
	if s.Region != "" {
		if s.Name != "" || s.City != "" || s.Lat != nil || s.Lon != nil || s.RIR != place.Unknown {
			return fail("region", "a region beside name, city, lat, lon or rir", "one or the other")
		}
		p, err := catalog.Lookup(s.Region)
		if err != nil {
			return fail("region", quote(s.Region), err.Error())
		}
		out.Perspective = p
		return out, nil
	}
	switch {
	case s.Name == "":
		return fail("name", "nothing", "a name, or region for one of the catalog")
	case s.Lat == nil || s.Lon == nil:
		return fail("lat", "no coordinates", "lat and lon in degrees")
	case s.RIR == place.Unknown:
		return fail("rir", "nothing", "AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC")
	}
	at := place.Location{Lat: *s.Lat, Lon: *s.Lon}
	if err := at.Validate(); err != nil {
		return fail("lat", err.Error(), "degrees")
	}
	out.Perspective = perspectives.Perspective{Name: s.Name, City: s.City, Location: at, RIR: s.RIR, ASN: uint32(s.AS)}
	return out, nil
}
