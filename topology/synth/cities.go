package synth

import "mpicsim/topology/place"

// City is where an AS is. All ASes of a city are at the same point.
type City struct {
	Name     string
	Country  string // ISO 3166-1 alpha-2
	Location place.Location
	RIR      place.RIR
	weight   int // share of its service region's ASes, relative to its other cities
}

// regionWeight is how many of 1,000 ASes a service region has, as in the number
// blocks of the ASes seen in BGP in September 2025.
func regionWeight(rir place.RIR) int {
	switch rir {
	case place.AFRINIC:
		return 24
	case place.APNIC:
		return 194
	case place.ARIN:
		return 263
	case place.LACNIC:
		return 144
	case place.RIPE:
		return 375
	case place.Unknown:
	}
	return 0
}

// cities returns the table of cities, grouped by service region. Coordinates are
// those of the city's centre to a hundredth of a degree. Weights are rough: they
// follow how many AS numbers a country uses, put into its largest cities.
func cities() []City {
	at := func(lat, lon float64) place.Location { return place.Location{Lat: lat, Lon: lon} }
	return []City{
		{"Johannesburg", "ZA", at(-26.20, 28.05), place.AFRINIC, 22},
		{"Cape Town", "ZA", at(-33.92, 18.42), place.AFRINIC, 10},
		{"Lagos", "NG", at(6.52, 3.38), place.AFRINIC, 14},
		{"Nairobi", "KE", at(-1.29, 36.82), place.AFRINIC, 10},
		{"Cairo", "EG", at(30.04, 31.24), place.AFRINIC, 5},
		{"Accra", "GH", at(5.60, -0.19), place.AFRINIC, 5},
		{"Dar es Salaam", "TZ", at(-6.79, 39.21), place.AFRINIC, 5},
		{"Kampala", "UG", at(0.35, 32.58), place.AFRINIC, 3},
		{"Luanda", "AO", at(-8.84, 13.23), place.AFRINIC, 3},
		{"Casablanca", "MA", at(33.57, -7.59), place.AFRINIC, 2},
		{"Tunis", "TN", at(36.81, 10.18), place.AFRINIC, 2},
		{"Port Louis", "MU", at(-20.16, 57.50), place.AFRINIC, 3},

		{"Jakarta", "ID", at(-6.21, 106.85), place.APNIC, 18},
		{"Surabaya", "ID", at(-7.26, 112.75), place.APNIC, 6},
		{"Mumbai", "IN", at(19.08, 72.88), place.APNIC, 14},
		{"Delhi", "IN", at(28.61, 77.21), place.APNIC, 10},
		{"Chennai", "IN", at(13.08, 80.27), place.APNIC, 5},
		{"Sydney", "AU", at(-33.87, 151.21), place.APNIC, 11},
		{"Melbourne", "AU", at(-37.81, 144.96), place.APNIC, 6},
		{"Dhaka", "BD", at(23.81, 90.41), place.APNIC, 10},
		{"Hong Kong", "HK", at(22.32, 114.17), place.APNIC, 7},
		{"Tokyo", "JP", at(35.68, 139.69), place.APNIC, 6},
		{"Osaka", "JP", at(34.69, 135.50), place.APNIC, 2},
		{"Seoul", "KR", at(37.57, 126.98), place.APNIC, 7},
		{"Beijing", "CN", at(39.90, 116.41), place.APNIC, 5},
		{"Singapore", "SG", at(1.35, 103.82), place.APNIC, 5},
		{"Bangkok", "TH", at(13.76, 100.50), place.APNIC, 4},
		{"Hanoi", "VN", at(21.03, 105.85), place.APNIC, 4},
		{"Manila", "PH", at(14.60, 120.98), place.APNIC, 4},
		{"Auckland", "NZ", at(-36.85, 174.76), place.APNIC, 4},
		{"Taipei", "TW", at(25.03, 121.57), place.APNIC, 3},
		{"Kuala Lumpur", "MY", at(3.14, 101.69), place.APNIC, 3},
		{"Karachi", "PK", at(24.86, 67.01), place.APNIC, 3},

		{"Ashburn", "US", at(39.04, -77.49), place.ARIN, 14},
		{"New York", "US", at(40.71, -74.01), place.ARIN, 15},
		{"Chicago", "US", at(41.88, -87.63), place.ARIN, 11},
		{"Dallas", "US", at(32.78, -96.80), place.ARIN, 11},
		{"Los Angeles", "US", at(34.05, -118.24), place.ARIN, 10},
		{"San Jose", "US", at(37.34, -121.89), place.ARIN, 9},
		{"Seattle", "US", at(47.61, -122.33), place.ARIN, 6},
		{"Atlanta", "US", at(33.75, -84.39), place.ARIN, 7},
		{"Miami", "US", at(25.76, -80.19), place.ARIN, 5},
		{"Denver", "US", at(39.74, -104.99), place.ARIN, 5},
		{"Minneapolis", "US", at(44.98, -93.27), place.ARIN, 4},
		{"Toronto", "CA", at(43.65, -79.38), place.ARIN, 6},
		{"Montreal", "CA", at(45.50, -73.57), place.ARIN, 3},
		{"Vancouver", "CA", at(49.28, -123.12), place.ARIN, 2},

		{"Sao Paulo", "BR", at(-23.55, -46.63), place.LACNIC, 35},
		{"Rio de Janeiro", "BR", at(-22.91, -43.17), place.LACNIC, 12},
		{"Fortaleza", "BR", at(-3.73, -38.53), place.LACNIC, 12},
		{"Porto Alegre", "BR", at(-30.03, -51.23), place.LACNIC, 9},
		{"Buenos Aires", "AR", at(-34.60, -58.38), place.LACNIC, 11},
		{"Bogota", "CO", at(4.71, -74.07), place.LACNIC, 5},
		{"Santiago", "CL", at(-33.45, -70.67), place.LACNIC, 4},
		{"Mexico City", "MX", at(19.43, -99.13), place.LACNIC, 6},
		{"Lima", "PE", at(-12.05, -77.04), place.LACNIC, 2},
		{"Quito", "EC", at(-0.18, -78.47), place.LACNIC, 3},
		{"Panama City", "PA", at(8.98, -79.52), place.LACNIC, 1},

		{"Frankfurt", "DE", at(50.11, 8.68), place.RIPE, 8},
		{"Berlin", "DE", at(52.52, 13.41), place.RIPE, 4},
		{"Munich", "DE", at(48.14, 11.58), place.RIPE, 3},
		{"London", "GB", at(51.51, -0.13), place.RIPE, 10},
		{"Manchester", "GB", at(53.48, -2.24), place.RIPE, 2},
		{"Amsterdam", "NL", at(52.37, 4.90), place.RIPE, 6},
		{"Paris", "FR", at(48.86, 2.35), place.RIPE, 7},
		{"Moscow", "RU", at(55.76, 37.62), place.RIPE, 13},
		{"Saint Petersburg", "RU", at(59.93, 30.34), place.RIPE, 4},
		{"Novosibirsk", "RU", at(55.03, 82.92), place.RIPE, 2},
		{"Kyiv", "UA", at(50.45, 30.52), place.RIPE, 8},
		{"Warsaw", "PL", at(52.23, 21.01), place.RIPE, 9},
		{"Milan", "IT", at(45.46, 9.19), place.RIPE, 5},
		{"Rome", "IT", at(41.90, 12.50), place.RIPE, 2},
		{"Madrid", "ES", at(40.42, -3.70), place.RIPE, 5},
		{"Zurich", "CH", at(47.38, 8.54), place.RIPE, 4},
		{"Stockholm", "SE", at(59.33, 18.07), place.RIPE, 4},
		{"Copenhagen", "DK", at(55.68, 12.57), place.RIPE, 2},
		{"Vienna", "AT", at(48.21, 16.37), place.RIPE, 3},
		{"Prague", "CZ", at(50.08, 14.44), place.RIPE, 4},
		{"Bucharest", "RO", at(44.43, 26.10), place.RIPE, 4},
		{"Sofia", "BG", at(42.70, 23.32), place.RIPE, 3},
		{"Istanbul", "TR", at(41.01, 28.98), place.RIPE, 3},
		{"Tehran", "IR", at(35.69, 51.39), place.RIPE, 3},
		{"Tel Aviv", "IL", at(32.09, 34.78), place.RIPE, 1},
		{"Dubai", "AE", at(25.20, 55.27), place.RIPE, 1},
		{"Dublin", "IE", at(53.35, -6.26), place.RIPE, 1},
		{"Helsinki", "FI", at(60.17, 24.94), place.RIPE, 1},
	}
}
