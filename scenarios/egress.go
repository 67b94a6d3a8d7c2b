package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"mpicsim/perspectives/catalog"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// Egress says how a cloud region is attached to an AS topology. A topology has
// one node for a whole cloud, so regions differ only by what is attached here:
// every result that rests on regions rests on this assumption.
//
// Whatever the model, a region reaches its operator's own ASes inside the cloud
// (see [Attachment.Inside]): no announcement of an outsider for the same prefix
// comes between a cloud and its own addresses.
type Egress struct {
	Model     EgressModel
	Providers int // how many, for EgressNearest
	// NoClouds says that the topology's AS numbers are made up, so that AS 16509
	// of it is no cloud.
	NoClouds bool
}

// EgressModel names an assumption.
type EgressModel string

// The models. EgressAuto takes EgressNeighbors for regions whose cloud's AS is in
// the topology and EgressNearest with two providers for others. On topologies
// whose AS numbers are made up (synthetic, inline) it always takes EgressNearest.
const (
	// EgressAuto is the default.
	EgressAuto EgressModel = "auto"
	// EgressBackbone makes the region a customer of its cloud's AS: all regions
	// of a cloud leave by the same route (cold potato to the extreme).
	EgressBackbone EgressModel = "backbone"
	// EgressNeighbors gives the region the providers and peers of its cloud's AS
	// as its own: it may leave by each of them, and regions differ by how they
	// break ties (hot potato to the extreme).
	EgressNeighbors EgressModel = "neighbors"
	// EgressNearest makes the region a customer of the nearest transit ASes whose
	// place is known.
	EgressNearest EgressModel = "nearest"
)

const egressForms = "auto, backbone, neighbors, nearest or nearest:N"

// minTransitCustomers is how many customers an AS must have to be chosen as a
// region's provider by EgressNearest, unless too few have as many.
const minTransitCustomers = 5

// ParseEgress reads "auto", "backbone", "neighbors", "nearest" or "nearest:3";
// the empty string means "auto", "nearest" means two providers.
func ParseEgress(s string) (Egress, error) {
	name, count, counted := strings.Cut(s, ":")
	e := Egress{Model: EgressModel(name), Providers: 2}
	switch e.Model {
	case "":
		e.Model = EgressAuto
	case EgressAuto, EgressBackbone, EgressNeighbors, EgressNearest:
	default:
		return Egress{}, fmt.Errorf("egress model %q: want %s", s, egressForms)
	}
	if counted {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > 64 || e.Model != EgressNearest {
			return Egress{}, fmt.Errorf("egress model %q: want %s with N from 1 to 64", s, egressForms)
		}
		e.Providers = n
	}
	return e, nil
}

// On returns the model for a topology of a kind as in [Map]: on one whose AS
// numbers are made up, no AS is a cloud's. It returns an error for a synthetic
// topology and a model that needs clouds.
func (e Egress) On(kind string) (Egress, error) {
	if e.Model == EgressAuto && kind != "file" {
		e.Model = EgressNearest
	}
	if kind == "synthetic" && e.Model != EgressNearest {
		return Egress{}, errors.New("nearest or nearest:N: a synthetic Internet has no clouds, its AS numbers are made up")
	}
	e.NoClouds = kind != "file" && e.Model == EgressNearest
	return e, nil
}

// Assumption says in a sentence what the model assumes.
func (e Egress) Assumption() string {
	if e.NoClouds {
		return e.exit()
	}
	return e.exit() + "; a region reaches its operator's own ASes directly"
}

// exit says how a region leaves its cloud.
func (e Egress) exit() string {
	switch e.Model {
	case EgressBackbone:
		return "each region is a customer of its cloud's AS, so that all regions of one cloud leave by the same route"
	case EgressNeighbors:
		return "each region has its cloud AS's providers and peers as its own and breaks ties by itself"
	case EgressNearest:
		return fmt.Sprintf("each region is a customer of the %d nearest transit ASes (with at least %d customers) whose place is known", e.Providers, minTransitCustomers)
	case EgressAuto:
		return "each region has its cloud AS's providers and peers as its own and breaks ties by itself; " +
			"where the topology does not hold that AS, it is a customer of the 2 nearest transit ASes"
	default:
		return string(e.Model)
	}
}

// Attachment is where a perspective stands in the extended topology.
type Attachment struct {
	Site ResolvedSite
	// ASN is the perspective's AS; Virtual if it was added for it.
	ASN     topology.ASN
	Virtual bool
	// Model is how it was attached: a model's name, "as" or "explicit".
	Model string
	// Providers and Peers are what a virtual AS has of each to reach the Internet.
	Providers, Peers []topology.ASN
	// Inside are the ASes of the region's operator, which it reaches by links of its
	// own. If there are any, Exit is the AS of the region's way out, its only
	// provider, which has Providers and Peers as its own: a route from a peer is
	// preferred to any from a provider, and an AS without customers exports neither,
	// so that for everybody else all is as without these links.
	Inside []topology.ASN
	Exit   topology.ASN // 0 if the virtual AS has Providers and Peers itself
	// Links are the links of the virtual ASes.
	Links []topology.Link
}

// Neighbors returns how many ASes of the topology a virtual AS is linked to.
func (a Attachment) Neighbors() int { return len(a.Providers) + len(a.Peers) + len(a.Inside) }

// ErrCannotAttach is wrapped by errors about sites that no model can attach.
var ErrCannotAttach = errors.New("cannot be attached to the topology")

// firstVirtualAS starts the private AS numbers of RFC 6996.
const (
	firstVirtualAS = 4200000000
	virtualASes    = 94967294
)

// Attach adds a virtual AS for each site that needs one, or two for a region whose
// operator's ASes are in the topology, and returns the extended topology; g itself
// stays as it is. A virtual AS's number depends on the perspective's name alone, so
// that its seeded tie-breaks are the same in every set.
func Attach(g *topology.Graph, sites []ResolvedSite, egress Egress) (*topology.Graph, []Attachment, error) {
	b := topology.Extend(g)
	taken := map[topology.ASN]bool{}
	out := make([]Attachment, 0, len(sites))
	for _, site := range sites {
		a, err := egress.attach(g, site, taken)
		if err != nil {
			return nil, nil, fmt.Errorf("perspective %q: %w", site.Perspective.Name, err)
		}
		for _, l := range a.Links {
			b.AddLink(l)
		}
		if a.Virtual {
			b.SetPlace(a.ASN, site.Perspective.Location)
		}
		if a.Exit != 0 {
			b.SetPlace(a.Exit, site.Perspective.Location)
		}
		out = append(out, a)
	}
	extended, findings, err := b.Build()
	if err != nil {
		return nil, nil, fmt.Errorf("attaching perspectives: %w", err)
	}
	if len(findings) > 0 {
		return nil, nil, fmt.Errorf("attaching perspectives: %v", findings[0])
	}
	return extended, out, nil
}

func (e Egress) attach(g *topology.Graph, site ResolvedSite, taken map[topology.ASN]bool) (Attachment, error) {
	if site.AS != 0 {
		if _, ok := g.Index(site.AS); !ok {
			return Attachment{}, fmt.Errorf("AS %v is not in the topology: %w", site.AS, ErrCannotAttach)
		}
		return Attachment{Site: site, ASN: site.AS, Model: "as"}, nil
	}
	a := Attachment{Site: site, Virtual: true, Model: "explicit", Providers: site.Providers, Peers: site.Peers}
	a.ASN = virtualASN(g, site.Perspective.Name, taken)
	out := a.ASN // what has the providers and peers
	if len(site.Providers)+len(site.Peers) == 0 {
		cloud, operator := e.operator(g, site)
		var err error
		if a.Providers, a.Peers, a.Model, err = e.choose(g, site, cloud); err != nil {
			return Attachment{}, err
		}
		if a.Inside = operator; len(operator) > 0 {
			// The way out keeps the number by which the region breaks its ties.
			a.Exit, a.ASN = out, virtualASN(g, site.Perspective.Name+" inside", taken)
			a.Links = append(a.Links, topology.Link{A: a.Exit, B: a.ASN, Kind: topology.Transit})
			for _, own := range operator {
				a.Links = append(a.Links, topology.Link{A: own, B: a.ASN, Kind: topology.Peering})
			}
		}
	}
	for kind, list := range [][]topology.ASN{topology.Transit: a.Providers, topology.Peering: a.Peers} {
		for _, n := range list {
			if _, ok := g.Index(n); !ok {
				return Attachment{}, fmt.Errorf("neighbour AS %v is not in the topology: %w", n, ErrCannotAttach)
			}
			a.Links = append(a.Links, topology.Link{A: n, B: out, Kind: topology.LinkKind(kind)})
		}
	}
	return a, nil
}

// operator returns the AS of g that announces the region, 0 if none does, and all
// of its operator's ASes that g holds, ascending. Where the topology lacks the
// region's own AS, as one that is older than the region does, the operator's first
// AS that it holds stands for it.
func (e Egress) operator(g *topology.Graph, site ResolvedSite) (cloud topology.ASN, all []topology.ASN) {
	if e.NoClouds || site.Perspective.ASN == 0 {
		return 0, nil
	}
	for _, n := range append([]uint32{site.Perspective.ASN}, catalog.OperatorASNs(site.Perspective.ASN)...) {
		asn := topology.ASN(n)
		if _, ok := g.Index(asn); !ok || slices.Contains(all, asn) {
			continue
		}
		if len(all) == 0 {
			cloud = asn
		}
		all = append(all, asn)
	}
	slices.Sort(all)
	return cloud, all
}

// virtualASN derives a private AS number from a name; on a collision the next
// free one.
func virtualASN(g *topology.Graph, name string, taken map[topology.ASN]bool) topology.ASN {
	h := fnv.New32a()
	h.Write([]byte(name))
	for n := h.Sum32() % virtualASes; ; n = (n + 1) % virtualASes {
		asn := topology.ASN(firstVirtualAS + n)
		if _, used := g.Index(asn); !used && !taken[asn] {
			taken[asn] = true
			return asn
		}
	}
}

// choose applies the model to one region, whose AS is that of asn or unknown if 0.
func (e Egress) choose(g *topology.Graph, site ResolvedSite, asn topology.ASN) (providers, peers []topology.ASN, model string, err error) {
	cloud, known := g.Index(asn)
	switch {
	case e.Model == EgressBackbone && known:
		return []topology.ASN{g.ASN(cloud)}, nil, string(EgressBackbone), nil
	case (e.Model == EgressNeighbors || e.Model == EgressAuto) && known:
		for _, p := range g.Providers(cloud) {
			providers = append(providers, g.ASN(p))
		}
		for _, p := range g.Peers(cloud) {
			peers = append(peers, g.ASN(p))
		}
		if len(providers)+len(peers) == 0 {
			return nil, nil, "", fmt.Errorf("its cloud's AS %d has neither providers nor peers: %w", site.Perspective.ASN, ErrCannotAttach)
		}
		return providers, peers, string(EgressNeighbors), nil
	case e.Model == EgressBackbone || e.Model == EgressNeighbors:
		return nil, nil, "", fmt.Errorf("egress model %s: its cloud's AS %d is not in the topology: %w", e.Model, site.Perspective.ASN, ErrCannotAttach)
	}
	if providers = nearest(g, site.Perspective.Location, e.Providers); len(providers) == 0 {
		return nil, nil, "", fmt.Errorf("egress model %s: no transit AS of the topology has a known place, and the perspective names no as, providers or peers: %w", EgressNearest, ErrCannotAttach)
	}
	return providers, nil, string(EgressNearest), nil
}

// nearest returns up to n transit ASes by distance, then by AS number.
func nearest(g *topology.Graph, at place.Location, n int) []topology.ASN {
	for _, customers := range []int{minTransitCustomers, 1} {
		var found []int32
		for i := range int32(g.Len()) {
			if _, placed := g.Place(i); placed && len(g.Customers(i)) >= customers {
				found = append(found, i)
			}
		}
		if len(found) < n && customers > 1 {
			continue
		}
		distance := func(i int32) float64 {
			to, _ := g.Place(i)
			return place.ArcKm(at, to)
		}
		slices.SortFunc(found, func(a, b int32) int { return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b)) })
		var asns []topology.ASN
		for _, i := range found[:min(n, len(found))] {
			asns = append(asns, g.ASN(i))
		}
		return asns
	}
	return nil
}
