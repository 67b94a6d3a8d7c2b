// Package place says where things are: coordinates, RIR service regions and the
// distances that the Baseline Requirements and packet delays are computed from.
//
// The Earth is a sphere of radius 6371.0088 km (the mean radius R1 of GRS 80).
// Against the WGS 84 ellipsoid a distance is off by at most about 0.5 %.
// Altitude, cable routes and political borders are not modelled.
//
// All values are immutable; everything here is safe for concurrent use.
package place

import (
	"fmt"
	"math"
	"strconv"
)

// EarthRadiusKm is the mean Earth radius in kilometres.
const EarthRadiusKm = 6371.0088

// MinDistinctKm is the straight-line distance in kilometres at and above which
// two Network Perspectives are distinct (BR 3.2.2.9).
const MinDistinctKm = 500.0

// Location is a point on the Earth's surface in decimal degrees. The zero value
// is a valid point (0°N 0°E); code that must tell "unknown" apart carries a
// pointer or a second value.
type Location struct {
	Lat float64 `json:"lat"` // degrees north, -90 to 90
	Lon float64 `json:"lon"` // degrees east, -180 to 180
}

// Validate returns an error that names the coordinate that is out of range or
// not a number.
func (l Location) Validate() error {
	if math.IsNaN(l.Lat) || l.Lat < -90 || l.Lat > 90 {
		return fmt.Errorf("latitude %v: want a number from -90 to 90", l.Lat)
	}
	if math.IsNaN(l.Lon) || l.Lon < -180 || l.Lon > 180 {
		return fmt.Errorf("longitude %v: want a number from -180 to 180", l.Lon)
	}
	return nil
}

// DistanceKm returns the straight-line distance between a and b in kilometres:
// the chord through the Earth, not the arc along its surface. BR 3.2.2.9 says
// "straight-line distance" without defining it; the chord is the smaller of the
// two readings, so whatever passes by the chord passes by the arc as well.
func DistanceKm(a, b Location) float64 {
	return 2 * EarthRadiusKm * math.Sqrt(haversine(a, b))
}

// ArcKm returns the great-circle distance between a and b in kilometres, the
// length of the shortest cable on the surface; packet delays use it.
func ArcKm(a, b Location) float64 {
	return 2 * EarthRadiusKm * math.Asin(math.Min(1, math.Sqrt(haversine(a, b))))
}

// FormatKm writes a distance in kilometres rounded down, to whole ones from 1,000 km
// on and to tenths below: a distance below a limit of whole kilometres never reads as
// if it were up to it.
func FormatKm(km float64) string {
	if km >= 1000 {
		return strconv.FormatFloat(math.Floor(km), 'f', 0, 64)
	}
	return strconv.FormatFloat(math.Floor(km*10)/10, 'f', -1, 64)
}

// haversine returns hav of the central angle between a and b, from 0 to 1.
func haversine(a, b Location) float64 {
	const rad = math.Pi / 180
	dLat := math.Sin((b.Lat - a.Lat) * rad / 2)
	dLon := math.Sin((b.Lon - a.Lon) * rad / 2)
	return dLat*dLat + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*dLon*dLon
}
