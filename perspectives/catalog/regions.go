package catalog

// providers returns the tables. City coordinates are those of any atlas.
//
// The big clouds name a city for most regions; where they name only a state or
// a country the comment says which city stands for it, and the distance to that
// city's neighbours is as vague.
func providers() []provider {
	return []provider{aws(), gcp(), azure(), vultr(), ovh(), hetzner(), digitalOcean()}
}

func aws() provider {
	return provider{
		name:      "aws",
		asn:       16509,
		ownASNs:   []uint32{8987, 14618},
		source:    "AWS documentation, Regions; open-mpic/aws-lambda-python resources/aws_region_config.yaml",
		asnSource: "AS16509 AMAZON-02 and AS14618 AMAZON-AES, registered with ARIN, AS8987 AMAZON EXPANSION, registered with RIPE NCC",
		rirSource: "open-mpic/aws-lambda-python resources/aws_region_config.yaml",
		regions: []row{
			{code: "af-south-1", city: "Cape Town", country: "ZA", lat: -33.92, lon: 18.42},
			{code: "ap-east-1", city: "Hong Kong", country: "HK", lat: 22.32, lon: 114.17},
			{code: "ap-northeast-1", city: "Tokyo", country: "JP", lat: 35.68, lon: 139.69},
			{code: "ap-northeast-2", city: "Seoul", country: "KR", lat: 37.57, lon: 126.98},
			{code: "ap-northeast-3", city: "Osaka", country: "JP", lat: 34.69, lon: 135.50},
			{code: "ap-south-1", city: "Mumbai", country: "IN", lat: 19.08, lon: 72.88},
			{code: "ap-south-2", city: "Hyderabad", country: "IN", lat: 17.39, lon: 78.49},
			{code: "ap-southeast-1", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "ap-southeast-2", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},
			{code: "ap-southeast-3", city: "Jakarta", country: "ID", lat: -6.21, lon: 106.85},
			{code: "ap-southeast-4", city: "Melbourne", country: "AU", lat: -37.81, lon: 144.96},
			{code: "ap-southeast-5", city: "Kuala Lumpur", country: "MY", lat: 3.14, lon: 101.69}, // named "Malaysia"
			{code: "ca-central-1", city: "Montreal", country: "CA", lat: 45.50, lon: -73.57},
			{code: "ca-west-1", city: "Calgary", country: "CA", lat: 51.05, lon: -114.07},
			{code: "eu-central-1", city: "Frankfurt", country: "DE", lat: 50.11, lon: 8.68},
			{code: "eu-central-2", city: "Zurich", country: "CH", lat: 47.38, lon: 8.54},
			{code: "eu-north-1", city: "Stockholm", country: "SE", lat: 59.33, lon: 18.07},
			{code: "eu-south-1", city: "Milan", country: "IT", lat: 45.46, lon: 9.19},
			{code: "eu-south-2", city: "Zaragoza", country: "ES", lat: 41.65, lon: -0.88}, // named "Spain"; in Aragon
			{code: "eu-west-1", city: "Dublin", country: "IE", lat: 53.35, lon: -6.26},    // named "Ireland"
			{code: "eu-west-2", city: "London", country: "GB", lat: 51.51, lon: -0.13},
			{code: "eu-west-3", city: "Paris", country: "FR", lat: 48.86, lon: 2.35},
			{code: "il-central-1", city: "Tel Aviv", country: "IL", lat: 32.09, lon: 34.78},
			{code: "me-central-1", city: "Dubai", country: "AE", lat: 25.20, lon: 55.27}, // named "UAE"
			{code: "me-south-1", city: "Manama", country: "BH", lat: 26.23, lon: 50.59},  // named "Bahrain"
			{code: "sa-east-1", city: "São Paulo", country: "BR", lat: -23.55, lon: -46.63},
			{code: "us-east-1", city: "Ashburn", country: "US", lat: 39.04, lon: -77.49, otherASNs: []uint32{14618}}, // named "N. Virginia"
			{code: "us-east-2", city: "Columbus", country: "US", lat: 39.96, lon: -83.00},                            // named "Ohio"
			{code: "us-west-1", city: "San Francisco", country: "US", lat: 37.77, lon: -122.42},                      // named "N. California"
			{code: "us-west-2", city: "Portland", country: "US", lat: 45.52, lon: -122.68},                           // named "Oregon"
		},
	}
}

func gcp() provider {
	return provider{
		name:      "gcp",
		asn:       15169,
		otherASNs: []uint32{396982},
		source:    "Google Cloud documentation, Geography and regions; MPIC Labs methodology page",
		asnSource: "AS15169 GOOGLE and AS396982 GOOGLE-CLOUD-PLATFORM, registered with ARIN",
		regions: []row{
			{code: "africa-south1", city: "Johannesburg", country: "ZA", lat: -26.20, lon: 28.05},
			{code: "asia-east1", city: "Changhua", country: "TW", lat: 24.08, lon: 120.54},
			{code: "asia-east2", city: "Hong Kong", country: "HK", lat: 22.32, lon: 114.17},
			{code: "asia-northeast1", city: "Tokyo", country: "JP", lat: 35.68, lon: 139.69},
			{code: "asia-northeast2", city: "Osaka", country: "JP", lat: 34.69, lon: 135.50},
			{code: "asia-northeast3", city: "Seoul", country: "KR", lat: 37.57, lon: 126.98},
			{code: "asia-south1", city: "Mumbai", country: "IN", lat: 19.08, lon: 72.88},
			{code: "asia-south2", city: "Delhi", country: "IN", lat: 28.61, lon: 77.21},
			{code: "asia-southeast1", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "asia-southeast2", city: "Jakarta", country: "ID", lat: -6.21, lon: 106.85},
			{code: "australia-southeast1", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},
			{code: "australia-southeast2", city: "Melbourne", country: "AU", lat: -37.81, lon: 144.96},
			{code: "europe-central2", city: "Warsaw", country: "PL", lat: 52.23, lon: 21.01},
			{code: "europe-north1", city: "Hamina", country: "FI", lat: 60.57, lon: 27.20},
			{code: "europe-southwest1", city: "Madrid", country: "ES", lat: 40.42, lon: -3.70},
			{code: "europe-west1", city: "St. Ghislain", country: "BE", lat: 50.45, lon: 3.82},
			{code: "europe-west10", city: "Berlin", country: "DE", lat: 52.52, lon: 13.40},
			{code: "europe-west12", city: "Turin", country: "IT", lat: 45.07, lon: 7.69},
			{code: "europe-west2", city: "London", country: "GB", lat: 51.51, lon: -0.13},
			{code: "europe-west3", city: "Frankfurt", country: "DE", lat: 50.11, lon: 8.68},
			{code: "europe-west4", city: "Eemshaven", country: "NL", lat: 53.44, lon: 6.83},
			{code: "europe-west6", city: "Zurich", country: "CH", lat: 47.38, lon: 8.54},
			{code: "europe-west8", city: "Milan", country: "IT", lat: 45.46, lon: 9.19},
			{code: "europe-west9", city: "Paris", country: "FR", lat: 48.86, lon: 2.35},
			{code: "me-central1", city: "Doha", country: "QA", lat: 25.29, lon: 51.53},
			{code: "me-west1", city: "Tel Aviv", country: "IL", lat: 32.09, lon: 34.78},
			{code: "northamerica-northeast1", city: "Montreal", country: "CA", lat: 45.50, lon: -73.57},
			{code: "northamerica-northeast2", city: "Toronto", country: "CA", lat: 43.65, lon: -79.38},
			{code: "northamerica-south1", city: "Querétaro", country: "MX", lat: 20.59, lon: -100.39},
			{code: "southamerica-east1", city: "Osasco (São Paulo)", country: "BR", lat: -23.53, lon: -46.79},
			{code: "southamerica-west1", city: "Santiago", country: "CL", lat: -33.45, lon: -70.67},
			{code: "us-central1", city: "Council Bluffs", country: "US", lat: 41.26, lon: -95.86},
			{code: "us-east1", city: "Moncks Corner", country: "US", lat: 33.20, lon: -80.01},
			{code: "us-east4", city: "Ashburn", country: "US", lat: 39.04, lon: -77.49},
			{code: "us-east5", city: "Columbus", country: "US", lat: 39.96, lon: -83.00},
			{code: "us-south1", city: "Dallas", country: "US", lat: 32.78, lon: -96.80},
			{code: "us-west1", city: "The Dalles", country: "US", lat: 45.59, lon: -121.18},
			{code: "us-west2", city: "Los Angeles", country: "US", lat: 34.05, lon: -118.24},
			{code: "us-west3", city: "Salt Lake City", country: "US", lat: 40.76, lon: -111.89},
			{code: "us-west4", city: "Las Vegas", country: "US", lat: 36.17, lon: -115.14},
		},
	}
}

func azure() provider {
	return provider{
		name:      "azure",
		asn:       8075,
		ownASNs:   []uint32{8068, 8069},
		source:    "Azure region metadata (az account list-locations)",
		asnSource: "AS8075, AS8068 and AS8069 MICROSOFT-CORP-MSN-AS-BLOCK, registered with ARIN",
		regions: []row{
			{code: "australiaeast", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},  // named "New South Wales"
			{code: "brazilsouth", city: "São Paulo", country: "BR", lat: -23.55, lon: -46.63}, // named "São Paulo State"
			{code: "canadacentral", city: "Toronto", country: "CA", lat: 43.65, lon: -79.38},
			{code: "centralindia", city: "Pune", country: "IN", lat: 18.52, lon: 73.86},
			{code: "centralus", city: "Des Moines", country: "US", lat: 41.59, lon: -93.62}, // named "Iowa"
			{code: "eastus2", city: "Boydton", country: "US", lat: 36.67, lon: -78.39},      // named "Virginia"
			{code: "germanywestcentral", city: "Frankfurt", country: "DE", lat: 50.11, lon: 8.68},
			{code: "japaneast", city: "Tokyo", country: "JP", lat: 35.68, lon: 139.69},   // named "Tokyo, Saitama"
			{code: "northeurope", city: "Dublin", country: "IE", lat: 53.35, lon: -6.26}, // named "Ireland"
			{code: "southafricanorth", city: "Johannesburg", country: "ZA", lat: -26.20, lon: 28.05},
			{code: "southcentralus", city: "San Antonio", country: "US", lat: 29.42, lon: -98.49}, // named "Texas"
			{code: "southeastasia", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "swedencentral", city: "Gävle", country: "SE", lat: 60.67, lon: 17.14, doubt: "city not confirmed"},
			{code: "uaenorth", city: "Dubai", country: "AE", lat: 25.20, lon: 55.27},
			{code: "uksouth", city: "London", country: "GB", lat: 51.51, lon: -0.13},
			{code: "westeurope", city: "Amsterdam", country: "NL", lat: 52.37, lon: 4.90}, // named "Netherlands"
			{code: "westus2", city: "Quincy", country: "US", lat: 47.23, lon: -119.85},    // named "Washington"
		},
	}
}

func vultr() provider {
	return provider{
		name:      "vultr",
		asn:       20473,
		source:    "Vultr data center locations; MarcoPolo region list; MPIC Labs methodology page",
		asnSource: "AS20473 AS-VULTR, registered with ARIN; MarcoPolo communities.json",
		regions: []row{
			{code: "ams", city: "Amsterdam", country: "NL", lat: 52.37, lon: 4.90},
			{code: "atl", city: "Atlanta", country: "US", lat: 33.75, lon: -84.39},
			{code: "blr", city: "Bangalore", country: "IN", lat: 12.97, lon: 77.59},
			{code: "bom", city: "Mumbai", country: "IN", lat: 19.08, lon: 72.88},
			{code: "cdg", city: "Paris", country: "FR", lat: 48.86, lon: 2.35},
			{code: "del", city: "Delhi", country: "IN", lat: 28.61, lon: 77.21},
			{code: "dfw", city: "Dallas", country: "US", lat: 32.78, lon: -96.80},
			{code: "ewr", city: "Newark", country: "US", lat: 40.74, lon: -74.17}, // named "New Jersey"
			{code: "fra", city: "Frankfurt", country: "DE", lat: 50.11, lon: 8.68},
			{code: "hnl", city: "Honolulu", country: "US", lat: 21.31, lon: -157.86},
			{code: "icn", city: "Seoul", country: "KR", lat: 37.57, lon: 126.98},
			{code: "itm", city: "Osaka", country: "JP", lat: 34.69, lon: 135.50},
			{code: "jnb", city: "Johannesburg", country: "ZA", lat: -26.20, lon: 28.05},
			{code: "lax", city: "Los Angeles", country: "US", lat: 34.05, lon: -118.24},
			{code: "lhr", city: "London", country: "GB", lat: 51.51, lon: -0.13},
			{code: "mad", city: "Madrid", country: "ES", lat: 40.42, lon: -3.70},
			{code: "man", city: "Manchester", country: "GB", lat: 53.48, lon: -2.24},
			{code: "mel", city: "Melbourne", country: "AU", lat: -37.81, lon: 144.96},
			{code: "mex", city: "Mexico City", country: "MX", lat: 19.43, lon: -99.13},
			{code: "mia", city: "Miami", country: "US", lat: 25.76, lon: -80.19},
			{code: "nrt", city: "Tokyo", country: "JP", lat: 35.68, lon: 139.69},
			{code: "ord", city: "Chicago", country: "US", lat: 41.88, lon: -87.63},
			{code: "sao", city: "São Paulo", country: "BR", lat: -23.55, lon: -46.63},
			{code: "scl", city: "Santiago", country: "CL", lat: -33.45, lon: -70.67},
			{code: "sea", city: "Seattle", country: "US", lat: 47.61, lon: -122.33},
			{code: "sgp", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "sjc", city: "San Jose", country: "US", lat: 37.34, lon: -121.89}, // named "Silicon Valley"
			{code: "sto", city: "Stockholm", country: "SE", lat: 59.33, lon: 18.07},
			{code: "syd", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},
			{code: "tlv", city: "Tel Aviv", country: "IL", lat: 32.09, lon: 34.78},
			{code: "waw", city: "Warsaw", country: "PL", lat: 52.23, lon: 21.01},
			{code: "yto", city: "Toronto", country: "CA", lat: 43.65, lon: -79.38},
		},
	}
}

func ovh() provider {
	return provider{
		name:      "ovh",
		asn:       16276,
		source:    "OVHcloud documentation (ovh/docs) and data centre announcements",
		asnSource: "AS16276 OVH, registered with RIPE NCC",
		regions: []row{
			{code: "bhs", city: "Beauharnois", country: "CA", lat: 45.31, lon: -73.87},
			{code: "eri", city: "Erith (London)", country: "GB", lat: 51.48, lon: 0.18},
			{code: "gra", city: "Gravelines", country: "FR", lat: 50.99, lon: 2.13},
			{code: "hil", city: "Hillsboro", country: "US", lat: 45.52, lon: -122.99},
			{code: "lim", city: "Limburg an der Lahn", country: "DE", lat: 50.39, lon: 8.06},
			{code: "rbx", city: "Roubaix", country: "FR", lat: 50.69, lon: 3.18},
			{code: "sbg", city: "Strasbourg", country: "FR", lat: 48.58, lon: 7.75},
			{code: "sgp", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "syd", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},
			{code: "vin", city: "Vint Hill", country: "US", lat: 38.75, lon: -77.67},
			{code: "waw", city: "Warsaw", country: "PL", lat: 52.23, lon: 21.01},
			{code: "ynm", city: "Mumbai", country: "IN", lat: 19.08, lon: 72.88, doubt: "code not confirmed"},
		},
	}
}

func hetzner() provider {
	return provider{
		name:      "hetzner",
		asn:       24940,
		source:    "Hetzner documentation, Cloud Networks FAQ: network zones and locations",
		asnSource: "AS24940 HETZNER-AS, AS213230, AS212317 and AS215859 HETZNER-CLOUD2-AS to 4, registered with RIPE NCC",
		regions: []row{
			{code: "ash", city: "Ashburn", country: "US", lat: 39.04, lon: -77.49, asn: 213230},
			{code: "fsn1", city: "Falkenstein", country: "DE", lat: 50.48, lon: 12.37},
			{code: "hel1", city: "Helsinki", country: "FI", lat: 60.17, lon: 24.94},
			{code: "hil", city: "Hillsboro", country: "US", lat: 45.52, lon: -122.99, asn: 212317},
			{code: "nbg1", city: "Nuremberg", country: "DE", lat: 49.45, lon: 11.08},
			{code: "sin", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82, asn: 215859},
		},
	}
}

func digitalOcean() provider {
	return provider{
		name:      "digitalocean",
		asn:       14061,
		source:    "DigitalOcean documentation, regional availability",
		asnSource: "AS14061 DIGITALOCEAN-ASN, registered with ARIN",
		regions: []row{
			{code: "ams3", city: "Amsterdam", country: "NL", lat: 52.37, lon: 4.90},
			{code: "blr1", city: "Bangalore", country: "IN", lat: 12.97, lon: 77.59},
			{code: "fra1", city: "Frankfurt", country: "DE", lat: 50.11, lon: 8.68},
			{code: "lon1", city: "London", country: "GB", lat: 51.51, lon: -0.13},
			{code: "nyc3", city: "New York", country: "US", lat: 40.71, lon: -74.01},
			{code: "sfo3", city: "San Francisco", country: "US", lat: 37.77, lon: -122.42},
			{code: "sgp1", city: "Singapore", country: "SG", lat: 1.35, lon: 103.82},
			{code: "syd1", city: "Sydney", country: "AU", lat: -33.87, lon: 151.21},
			{code: "tor1", city: "Toronto", country: "CA", lat: 43.65, lon: -79.38},
		},
	}
}
