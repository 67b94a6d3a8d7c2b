package catalog

import (
	"fmt"
	"strings"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// Status says how a set came to be in the catalog.
type Status string

// The statuses.
const (
	// Published: the remotes are named by the operator or project itself.
	Published Status = "published"
	// Example: made for this project, deployed by nobody.
	Example Status = "example"
)

// NamedSet is a set with where it is from.
type NamedSet struct {
	perspectives.Set
	Status Status `json:"status"`
	// Source says where the set is published, or what it is an example of.
	Source string `json:"source"`
	// Rule is the quorum that the set was deployed with, by the name that
	// policy.ParseRule reads; "" if none is published.
	Rule string `json:"rule,omitempty"`
	// Assumption is what had to be assumed, "" if nothing.
	Assumption string `json:"assumption,omitempty"`
}

// noPrimary is the assumption of sets published by a project that has no
// primary: there the CA brings its own.
const noPrimary = "Open MPIC has no primary, the CA that calls it has its own: aws/us-west-1 is assumed, " +
	"a region of the same cloud at least 500 km from every remote"

// Sets returns all sets: the published ones by age, then the examples.
func Sets() []NamedSet {
	return []NamedSet{
		{
			Set:    deployment("lets-encrypt-2020", viaWest(), "aws/us-east-2", "aws/us-west-2", "aws/eu-central-1"),
			Status: Published,
			Source: "Cimaszewski et al., USENIX Security 2023 (arXiv 2302.08000), and the simulation code published with it",
			Rule:   "lets-encrypt-2020",
			Assumption: "the primary stands in Denver: the code says Salt Lake City/Denver; " +
				"its AS is not published with it: that of the data centre's operator is assumed, AS13649 (ViaWest, now Flexential)",
		},
		{
			Set: deployment("openmpic-2024", must("aws/us-west-1"),
				"aws/us-east-2", "aws/us-west-2", "aws/eu-central-1", "aws/eu-west-2", "aws/ap-northeast-2", "aws/ap-southeast-1"),
			Status:     Published,
			Source:     "open-mpic/aws-lambda-python, default configuration before 2025-05-15",
			Assumption: noPrimary,
		},
		{
			Set: deployment("mpiclabs-2025-03", must("aws/us-west-1"),
				"aws/ap-northeast-2", "aws/ap-southeast-1", "aws/ap-southeast-2", "aws/ca-central-1",
				"aws/eu-central-1", "aws/eu-west-1", "aws/eu-west-3", "aws/us-east-2"),
			Status:     Published,
			Source:     "mpiclabs/aws-lambda-python config.yaml, 2025-03-05",
			Assumption: noPrimary + "; eu-central-1 and eu-west-3 are 478 km apart by their cities",
		},
		{
			Set: deployment("openmpic-default", must("aws/us-east-2"),
				"aws/us-west-1", "aws/us-west-2", "aws/ca-west-1", "aws/eu-central-2", "aws/il-central-1", "aws/me-central-1"),
			Status:     Published,
			Source:     "open-mpic/aws-lambda-python, default configuration since 2025-05-15",
			Assumption: "Open MPIC has no primary: the region of its API, aws/us-east-2, is assumed",
		},
		{
			Set: deployment("openmpic-containers", must("aws/us-west-1"),
				"aws/us-east-2", "aws/us-west-2", "aws/eu-central-1", "aws/eu-west-1", "aws/ap-southeast-1", "aws/ap-northeast-1"),
			Status:     Published,
			Source:     "open-mpic/open-mpic-containers, deployment example",
			Assumption: noPrimary,
		},
		{
			Set:    deployment("example-two-remotes", must("aws/us-east-2"), "aws/us-west-2", "aws/eu-central-1"),
			Status: Example,
			Source: "mpicsim: the least that BR 3.2.2.9 demanded from 2025-09-15 to 2026-03-14, one cloud",
			Rule:   "br@2025-09-15",
		},
		{
			Set: deployment("example-five-remotes", must("aws/us-east-2"),
				"gcp/us-west1", "vultr/nrt", "hetzner/hel1", "azure/brazilsouth", "digitalocean/blr1"),
			Status: Example,
			Source: "mpicsim: the least that BR 3.2.2.9 demands from 2026-12-15, six networks, four RIR regions among the remotes",
			Rule:   "br@2026-12-15",
		},
		{
			Set: deployment("example-six-remotes", must("aws/us-east-2"),
				"gcp/us-west1", "vultr/nrt", "hetzner/hel1", "azure/brazilsouth", "digitalocean/blr1", "gcp/africa-south1"),
			Status: Example,
			Source: "mpicsim: example-five-remotes and one more, at which BR 3.2.2.9 tolerates a second non-corroboration",
			Rule:   "br@2026-12-15",
		},
	}
}

// viaWest is Let's Encrypt's primary of 2020, which stood in a data centre
// rather than in a cloud region.
func viaWest() perspectives.Perspective {
	return perspectives.Perspective{
		Name:     "le/via-west",
		City:     "Denver",
		Location: place.Location{Lat: 39.74, Lon: -104.99},
		RIR:      place.ARIN,
		ASN:      13649,
	}
}

func deployment(name string, primary perspectives.Perspective, remotes ...string) perspectives.Set {
	s := perspectives.Set{Name: name, Primary: primary}
	for _, r := range remotes {
		s.Remotes = append(s.Remotes, must(r))
	}
	return s
}

// must returns a region that the package itself names. A name that is not in the
// table is a mistake in this file, which every call of Sets in a test finds.
func must(name string) perspectives.Perspective {
	p, err := Lookup(name)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return p
}

// Set returns the set with this name. The error lists the names there are.
func Set(name string) (NamedSet, error) {
	var names []string
	for _, s := range Sets() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return NamedSet{}, fmt.Errorf("perspective set %q is unknown: want %s, or PRIMARY:REMOTE,REMOTE,... of regions such as aws/us-east-2",
		name, strings.Join(names, ", "))
}

// ParseSet reads the name of a set, or a set written out as
// PRIMARY:REMOTE,REMOTE,... with regions by name, such as
// "aws/us-east-2:aws/eu-central-1,gcp/asia-east1". A set written out is named by
// its own text. Primary and remotes must all differ; whether they meet a rule is
// for policy.CheckSet to say. There must be at least one remote.
func ParseSet(text string) (perspectives.Set, error) {
	primary, list, written := strings.Cut(text, ":")
	if !written {
		s, err := Set(text)
		return s.Set, err
	}
	set := perspectives.Set{Name: text}
	seen := map[string]bool{}
	for i, name := range append([]string{primary}, strings.Split(list, ",")...) {
		role := "primary"
		if i > 0 {
			role = fmt.Sprintf("remote %d", i)
		}
		if name == "" {
			return perspectives.Set{}, fmt.Errorf("perspective set %q: %s is empty: want PRIMARY:REMOTE,REMOTE,... of regions such as aws/us-east-2", text, role)
		}
		if seen[name] {
			return perspectives.Set{}, fmt.Errorf("perspective set %q: %s: %q is named twice", text, role, name)
		}
		seen[name] = true
		p, err := Lookup(name)
		if err != nil {
			return perspectives.Set{}, fmt.Errorf("perspective set %q: %s: %w", text, role, err)
		}
		if i == 0 {
			set.Primary = p
		} else {
			set.Remotes = append(set.Remotes, p)
		}
	}
	return set, nil
}
