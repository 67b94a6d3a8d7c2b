// Package catalog is the project's own table of places where perspectives can
// stand (cloud regions) and of perspective sets that CAs and projects have
// published.
//
// A location is the centre of the city that the provider names, in degrees
// rounded to two decimals (about 1 km). It is not what the BR measures: BR 1.6.1
// locates a perspective where its traffic is first handed off to the network
// that connects it, which no provider publishes. Distances near 500 km are
// therefore indications, to be settled with the provider.
//
// The RIR region follows from the country (RIR service regions as listed by the
// NRO); that of AWS regions is also in Open MPIC's region table. An ASN is the
// network that announces the region's addresses as publicly registered; a
// provider may announce a region from several, see [Region.OtherASNs].
//
// Not here: availability of regions, prefixes, prices, how a region reaches the
// Internet. All functions return fresh values and are safe for concurrent use.
package catalog

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// Region is one cloud region as a perspective, with where its values are from.
type Region struct {
	perspectives.Perspective
	// Provider is in lower case, such as "aws"; Code is the provider's own name
	// of the region, such as "eu-central-1".
	Provider string `json:"provider"`
	Code     string `json:"code"`
	// Country is the ISO 3166-1 alpha-2 code that the RIR region follows from.
	Country string `json:"country"`
	// OtherASNs announce addresses of the region as well.
	OtherASNs []uint32 `json:"other_asns,omitempty"`
	Sources   Sources  `json:"sources"`
}

// Sources says where the values of a [Region] are from.
type Sources struct {
	Region   string `json:"region"`   // that the region exists, under this code, in this city
	Location string `json:"location"` // its coordinates
	RIR      string `json:"rir"`
	ASN      string `json:"asn"`
}

// Regions returns all regions, ordered by provider as in the package's tables
// and by code within one.
func Regions() []Region {
	var all []Region
	for _, p := range providers() {
		for _, r := range p.regions {
			all = append(all, p.region(r))
		}
	}
	return all
}

// Lookup returns the region named "PROVIDER/CODE", such as "aws/eu-central-1".
// The error names the most similar names.
func Lookup(name string) (perspectives.Perspective, error) {
	var names []string
	for _, p := range providers() {
		for _, r := range p.regions {
			if p.name+"/"+r.code == name {
				return p.region(r).Perspective, nil
			}
			names = append(names, p.name+"/"+r.code)
		}
	}
	return perspectives.Perspective{}, fmt.Errorf("region %q is unknown: did you mean %s?", name, strings.Join(nearest(name, names, 3), ", "))
}

// OperatorASNs returns the autonomous systems of the operator that asn is one of,
// those that announce its regions and others, ascending; nil if asn is none of the
// catalog's.
func OperatorASNs(asn uint32) []uint32 {
	for _, p := range providers() {
		all := slices.Concat([]uint32{p.asn}, p.otherASNs, p.ownASNs)
		for _, r := range p.regions {
			all = append(all, r.otherASNs...)
			if r.asn != 0 {
				all = append(all, r.asn)
			}
		}
		if slices.Contains(all, asn) {
			slices.Sort(all)
			return slices.Compact(all)
		}
	}
	return nil
}

// Match returns the regions whose name matches pattern ([path.Match]: "aws/*",
// "*/fra*"), in the order of [Regions]. No match is an error.
func Match(pattern string) ([]Region, error) {
	var found []Region
	for _, r := range Regions() {
		ok, err := path.Match(pattern, r.Name)
		if err != nil {
			return nil, fmt.Errorf("region pattern %q: %w", pattern, err)
		}
		if ok {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("region pattern %q matches none of %d regions, want PROVIDER/CODE with *, such as aws/*", pattern, len(Regions()))
	}
	return found, nil
}

// provider is one cloud with what its regions share.
type provider struct {
	name      string
	asn       uint32
	otherASNs []uint32
	ownASNs   []uint32 // further ones of the operator, which announce no region
	source    string   // of codes and cities
	asnSource string
	rirSource string // beside the country's, if there is one
	regions   []row
}

// row is one region. A row's own asn replaces the provider's.
type row struct {
	code, city, country string
	lat, lon            float64
	asn                 uint32
	otherASNs           []uint32
	doubt               string // what about the row is not confirmed by its source
}

func (p provider) region(r row) Region {
	asn, others := p.asn, slices.Concat(p.otherASNs, r.otherASNs)
	if r.asn != 0 {
		asn = r.asn
	}
	source, asnSource := p.source, p.asnSource
	if r.doubt != "" {
		source += "; " + r.doubt
	}
	if r.asn != 0 {
		asnSource += "; which region is whose inferred from their neighbours in CAIDA AS relationships 2025-09-01"
	}
	rirSource := "NRO, RIR service region of " + r.country
	if p.rirSource != "" {
		rirSource += "; " + p.rirSource
	}
	return Region{
		Perspective: perspectives.Perspective{
			Name:     p.name + "/" + r.code,
			City:     r.city,
			Location: place.Location{Lat: r.lat, Lon: r.lon},
			RIR:      rirOf(r.country),
			ASN:      asn,
		},
		Provider:  p.name,
		Code:      r.code,
		Country:   r.country,
		OtherASNs: others,
		Sources: Sources{
			Region:   source,
			Location: "city centre, atlas",
			RIR:      rirSource,
			ASN:      asnSource,
		},
	}
}

// rirOf returns the RIR service region of a country that has a row, Unknown for
// any other.
func rirOf(country string) place.RIR {
	switch country {
	case "ZA":
		return place.AFRINIC
	case "AU", "HK", "ID", "IN", "JP", "KR", "MY", "SG", "TW":
		return place.APNIC
	case "CA", "US":
		return place.ARIN
	case "BR", "CL", "MX":
		return place.LACNIC
	case "AE", "BE", "BH", "CH", "DE", "ES", "FI", "FR", "GB", "IE", "IL", "IT", "NL", "PL", "QA", "SE":
		return place.RIPE
	}
	return place.Unknown
}

// nearest returns the n names that are most like name, best first.
func nearest(name string, names []string, n int) []string {
	sorted := slices.Clone(names)
	name = strings.ToLower(name)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return sorted[:min(n, len(sorted))]
}

// distance returns how many bytes must be inserted, removed or replaced to turn
// a into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
