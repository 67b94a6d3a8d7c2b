package assessment

import (
	"fmt"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// The kinds of a [Doubt].
const (
	// NullIsland: the coordinates are 0, 0, which is in the Atlantic Ocean.
	NullIsland = "null-island"
	// SamePlace: two perspectives have the same coordinates.
	SamePlace = "same-place"
	// SwappedCoordinates: with latitude and longitude swapped, or without a sign, the
	// place would lie in its RIR region; as it is it does not.
	SwappedCoordinates = "swapped-coordinates"
	// FarFromRegion: the place is far from every place of its RIR region.
	FarFromRegion = "far-from-region"
	// MadeUpASes: AS numbers are given for a topology that makes its own up.
	MadeUpASes = "made-up-ases"
)

// Doubt is something that is hardly true as stated. It changes no verdict.
type Doubt struct {
	Kind string `json:"kind"`
	// About is the perspective or the field of the file.
	About string `json:"about"`
	// Found is what was stated.
	Found string `json:"found"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}

// Numbers are AS numbers that a deployment's file names, with the field.
type Numbers struct {
	Field string
	// Named are AS numbers, or the name of a file with such.
	Named []string
}

// Doubts returns what is hardly true of a set's places and, if the topology is of a
// kind that makes AS numbers up ("synthetic"), of the AS numbers that the file names.
func Doubts(set perspectives.Set, topologyKind string, numbers []Numbers) []Doubt {
	list := []Doubt{}
	all := append([]perspectives.Perspective{set.Primary}, set.Remotes...)
	for n, p := range all {
		list = append(list, doubtPlace(p.Name, "", p.Location, p.RIR)...)
		if p.Resolver != nil {
			list = append(list, doubtPlace(p.Name, "the resolver of ", p.Resolver.Location, p.Resolver.RIR)...)
		}
		for _, other := range all[:n] {
			if p.Location == other.Location {
				list = append(list, Doubt{
					SamePlace, p.Name, coordinates(p.Location),
					fmt.Sprintf("%s and %s have the same coordinates, %s", other.Name, p.Name, coordinates(p.Location)),
				})
			}
		}
	}
	if topologyKind != "synthetic" {
		return list
	}
	for _, n := range numbers {
		list = append(list, Doubt{
			MadeUpASes, n.Field, strings.Join(n.Named, ", "),
			fmt.Sprintf("%s names %s, but the topology is synthetic and its AS numbers are made up: they are other ASes than those of the Internet", n.Field, strings.Join(n.Named, ", ")),
		})
	}
	return list
}

// The distances along the surface by which a place belongs to a region or not.
const (
	// farKm is farther than any town is from the nearest city of its own region in
	// the table of package place.
	farKm = 1000
	// apartKm and inKm: a place that is apart from all cities of its region and in
	// one of another's.
	apartKm, inKm = 250, 25
	// nearKm is how near to a city of its region a place that is not in the region
	// must come for a mistake to be named.
	nearKm = 300
	// outKm: a place that is out of all cities of its region, and by a mistake that
	// can be named in one of them, is doubted although it lies in the region: half of
	// Europe, swapped, lies on the Arabian Peninsula or near it.
	outKm = 100
)

// doubtPlace returns what is odd about a place in a region. Coordinates that are
// none, and unknown regions, are violations and not doubts.
func doubtPlace(name, what string, at place.Location, rir place.RIR) []Doubt {
	if at.Validate() != nil {
		return nil
	}
	doubt := func(kind, detail string) []Doubt {
		return []Doubt{{kind, name, coordinates(at) + ", " + rir.String(), what + name + " is at " + coordinates(at) + detail}}
	}
	if at == (place.Location{}) {
		return doubt(NullIsland, ", which is in the Atlantic Ocean: perhaps nobody filled it in")
	}
	city, km, ok := place.NearestCity(rir, at)
	if !ok {
		return nil
	}
	other, otherRIR := elsewhere(rir, at)
	within := km <= farKm && (km <= apartKm || other == "")
	if within && km <= outKm {
		return nil
	}
	hit := float64(nearKm)
	if within {
		hit = inKm
	}
	outside := fmt.Sprintf(", %s km from %s, the nearest city that is known in its region %v", place.FormatKm(km), city.Name, rir)
	if other != "" {
		outside += fmt.Sprintf(", and in %s, region %v", other, otherRIR)
	}
	for _, m := range []struct {
		how string
		at  place.Location
	}{
		{"with latitude and longitude swapped", place.Location{Lat: at.Lon, Lon: at.Lat}},
		{"with the other sign of the latitude", place.Location{Lat: -at.Lat, Lon: at.Lon}},
		{"with the other sign of the longitude", place.Location{Lat: at.Lat, Lon: -at.Lon}},
	} {
		if m.at.Validate() != nil {
			continue
		}
		if city, km, _ := place.NearestCity(rir, m.at); km <= hit {
			return doubt(SwappedCoordinates, fmt.Sprintf("%s; %s it would be %s km from %s", outside, m.how, place.FormatKm(km), city.Name))
		}
	}
	if within {
		return nil
	}
	return doubt(FarFromRegion, outside)
}

// elsewhere returns the city of another region that a place is in, "" if it is in none.
func elsewhere(rir place.RIR, at place.Location) (city string, in place.RIR) {
	for _, r := range place.RIRs() {
		if c, km, _ := place.NearestCity(r, at); r != rir && km <= inKm {
			return c.Name, r
		}
	}
	return "", place.Unknown
}

// coordinates writes a place as two numbers, north and east.
func coordinates(at place.Location) string { return fmt.Sprintf("%g, %g", at.Lat, at.Lon) }
