// Package scenarios holds what an experiment is: one story about a hijack, told
// in a strict YAML file, with the topology, the people in it, the CA, a timeline
// in virtual time and what is expected to come out. Package replay runs it with
// packets; package library holds the built-in ones.
//
// A file is read by [Parse]: unknown fields, impossible values and
// contradictions are errors that carry file, line and column, what was found and
// what was expected. All of them are reported, not only the first.
//
// The types here are plain data; a [Scenario] that Parse has returned is valid
// and must not be changed while it is being replayed.
package scenarios

import (
	"net/netip"
	"time"

	"mpicsim/topology"
	"mpicsim/topology/place"
)

// Scenario is one story. Fields without "optional" must be given.
type Scenario struct {
	// Name identifies the scenario: lower-case letters, digits and hyphens.
	Name string `yaml:"name"`
	// Title is one line for lists.
	Title string `yaml:"title"`
	// Claim is what the scenario shows, in a few sentences.
	Claim string `yaml:"claim"`
	// Sources, optional, say where facts and numbers come from.
	Sources []string `yaml:"sources"`
	// Drawing, optional, is a picture of a small topology in text.
	Drawing string `yaml:"drawing"`
	// Family, optional, is what kind of story it is.
	Family Family `yaml:"family"`
	// Verdict, optional, says whether MPIC stops the attack.
	Verdict *Verdict `yaml:"verdict"`

	Topology Topology      `yaml:"topology"`
	Routing  Routing       `yaml:"routing"` // optional
	RPKI     *RPKI         `yaml:"rpki"`    // optional
	Victim   Victim        `yaml:"victim"`
	Attacker Attacker      `yaml:"attacker"`
	DNS      DNS           `yaml:"dns"` // optional
	CA       CA            `yaml:"ca"`
	Timeline []Event       `yaml:"timeline"`
	Expect   []Expectation `yaml:"expect"` // optional

	// File is where the scenario was read from.
	File string `yaml:"-"`
}

// Topology says on which map the story plays; exactly one of Synthetic, File and
// Links is given.
type Topology struct {
	// Synthetic generates an Internet of a given size.
	Synthetic *Synthetic `yaml:"synthetic"`
	// File is an AS relationship file of CAIDA, serial-1 or serial-2, plain, .gz
	// or .bz2; relative to the scenario's file.
	File string `yaml:"file"`
	// Links lists the links: "10 > 20" for AS 10 the provider of AS 20, "10 - 20"
	// for peers.
	Links []Link `yaml:"links"`
	// Places, optional, says where ASes are.
	Places []Place `yaml:"places"`
}

// Synthetic is a generated Internet; see package synth.
type Synthetic struct {
	ASes int    `yaml:"ases"`
	Seed uint64 `yaml:"seed"` // optional, 0 by default
}

// Link is one link of an inline topology.
type Link struct {
	A, B topology.ASN
	Kind topology.LinkKind
}

// Place is where an AS is.
type Place struct {
	AS  topology.ASN `yaml:"as"`
	Lat float64      `yaml:"lat"`
	Lon float64      `yaml:"lon"`
}

// Location returns the coordinates.
func (p Place) Location() place.Location { return place.Location{Lat: p.Lat, Lon: p.Lon} }

// Routing says how ASes choose between equally good routes, and what they do
// beyond Gao-Rexford.
type Routing struct {
	// TieBreak, optional, is one of package route's names; "seeded" by default.
	TieBreak string `yaml:"tie-break"`
	// Seed, optional, is for the tie-break "seeded"; 0 by default.
	Seed uint64 `yaml:"seed"`
	// Policies, optional, are those of some ASes, or of all.
	Policies []RoutingPolicy `yaml:"policies"`
	// Protected, optional, are the ASes that peerlock-lite looks for; by default those
	// that have customers and no providers.
	Protected []topology.ASN `yaml:"protected"`
	// Convergence, optional, makes routes change message by message.
	Convergence *Convergence `yaml:"convergence"`
}

// Victim is the rightful holder of the domain.
type Victim struct {
	// AS announces the victim's prefixes.
	AS topology.ASN `yaml:"as"`
	// Prefixes are the victim's; Web lies in one of them.
	Prefixes []netip.Prefix `yaml:"prefixes"`
	// Domain is the name that the attacker wants a certificate for.
	Domain string `yaml:"domain"`
	// Web are the addresses that the domain's A and AAAA records hold.
	Web []netip.Addr `yaml:"web"`
	// CAA, optional, are the domain's CAA records in presentation format, such
	// as: 0 issue "ca.example". The accounts that accounturi (RFC 8657) can name are
	// https://ca.example/acct/victim and https://ca.example/acct/attacker, with
	// ca.issuer for ca.example.
	CAA []string `yaml:"caa"`
	// NameServers serve the domain's zone.
	NameServers []NameServer `yaml:"name-servers"`
}

// NameServer is one authoritative server of the victim's zone, in a prefix and
// AS of its own.
type NameServer struct {
	// Name is its host name; below the domain (with glue) or elsewhere
	// (glueless: its own zone is served by the same servers).
	Name    string       `yaml:"name"`
	AS      topology.ASN `yaml:"as"` // optional, the victim's by default
	Prefix  netip.Prefix `yaml:"prefix"`
	Address netip.Addr   `yaml:"address"`
}

// Attacker is who hijacks.
type Attacker struct {
	AS topology.ASN `yaml:"as"`
	// Prefix and Address, optional, are the attacker's own; 198.18.66.0/24 and
	// 198.18.66.66 by default (RFC 2544's block).
	Prefix  netip.Prefix `yaml:"prefix"`
	Address netip.Addr   `yaml:"address"`
	// Impersonates, optional, says what answers at the addresses of perspectives
	// whose prefixes the attacker takes: by default a perspective's server with
	// keys of the attacker's own, which says that everything passes; if false,
	// nothing, so that connections are refused.
	Impersonates *bool `yaml:"impersonates"`
}

// DNS says where the upper name servers are, and whether zones are signed.
type DNS struct {
	// RootAS and TLDAS, optional, host the root's and the TLDs' name servers; by
	// default the AS with the most customers, and the one with the second most.
	RootAS topology.ASN `yaml:"root-as"`
	TLDAS  topology.ASN `yaml:"tld-as"`
	// Signed, optional: the root, the TLDs and the victim's zones are signed (DNSSEC),
	// and all perspectives validate. What the attacker says is not.
	Signed bool `yaml:"signed"`
}

// CA is the certification authority with its perspectives.
type CA struct {
	// Perspectives is the deployment that checks use unless they name another.
	Perspectives Perspectives `yaml:"perspectives"`
	// Egress, optional, says how cloud regions are attached to the topology; see
	// [ParseEgress].
	Egress string `yaml:"egress"`
	// Date is the policy date, such as 2026-12-15.
	Date string `yaml:"date"`
	// Rule, optional, is the quorum rule: "br" by default; see policy.ParseRule.
	Rule string `yaml:"rule"`
	// Method is "acme-http-01" or "acme-dns-01".
	Method string `yaml:"method"`
	// Issuer is the CA's Issuer Domain Name, "ca.example" by default.
	Issuer string `yaml:"issuer"`
	// ControlPlane, optional, is how the coordinator and the remotes talk:
	// [ControlOutOfBand], the default, or [ControlEmulated].
	ControlPlane string `yaml:"control-plane"`
}

// The control planes.
const (
	// ControlOutOfBand takes no part in the story: the coordinator's word always
	// gets to the remotes, and their answers back.
	ControlOutOfBand = "out-of-band"
	// ControlEmulated is connections in the emulated Internet, by the protocol of
	// package remote with mutual TLS: packets that a hijack can divert.
	ControlEmulated = "emulated"
)

// Hosts that a timeline can name beside perspectives: the coordinator's, and the
// name servers of the root and of the TLDs.
const (
	Coordinator = "coordinator"
	RootServer  = "root-server"
	TLDServer   = "tld-server"
)

// Perspectives is either a named set or a list of sites.
type Perspectives struct {
	// Set is a set of the catalog or an ad hoc set, as catalog.ParseSet reads it.
	Set     string `yaml:"set"`
	Primary *Site  `yaml:"primary"`
	Remotes []Site `yaml:"remotes"`
}

// Site is one perspective: a region of the catalog or a place of its own, and
// how it is attached. With AS it is a host in that AS; with Providers or Peers
// it is a virtual AS that is linked to these; with neither, CA.Egress decides.
type Site struct {
	Region    string         `yaml:"region"`
	Name      string         `yaml:"name"`
	City      string         `yaml:"city"`
	Lat       *float64       `yaml:"lat"`
	Lon       *float64       `yaml:"lon"`
	RIR       place.RIR      `yaml:"rir"`
	AS        topology.ASN   `yaml:"as"`
	Providers []topology.ASN `yaml:"providers"`
	Peers     []topology.ASN `yaml:"peers"`
	// Resolver, optional, is where the perspective's resolver stands for the rules
	// of BR 3.2.2.9, if elsewhere. Its queries leave where the perspective's do.
	Resolver *ResolverSite `yaml:"resolver"`
	// Delay, optional, is how long after it has been asked the perspective begins with
	// its check: a slow one sees the routes of a later time. 0 by default.
	Delay time.Duration `yaml:"delay"`
}

// ResolverSite is where a resolver stands.
type ResolverSite struct {
	Lat float64   `yaml:"lat"`
	Lon float64   `yaml:"lon"`
	RIR place.RIR `yaml:"rir"`
}

// Event is one moment of the timeline; exactly one of its actions is given.
type Event struct {
	// At is the virtual time since the story's start, such as 90s.
	At       time.Duration `yaml:"at"`
	Announce *Announce     `yaml:"announce"`
	Hijack   *Hijack       `yaml:"hijack"`
	Withdraw *Withdraw     `yaml:"withdraw"`
	Check    *CheckEvent   `yaml:"check"`
	Attack   *Attack       `yaml:"attack"`
	RPKI     *RPKIChange   `yaml:"rpki"`
}

// The sides of a story.
const (
	SideVictim   = "victim"
	SideAttacker = "attacker"
)

// Announce starts the rightful announcements of prefixes.
type Announce struct {
	// Prefixes, optional, are some of the victim's and its name servers'; all of
	// them by default.
	Prefixes []netip.Prefix `yaml:"prefixes"`
}

// Hijack starts the attacker's announcements of prefixes.
type Hijack struct {
	// Prefixes are the victim's or its name servers' (equally-specific), or lie
	// in one of them (sub-prefix).
	Prefixes []netip.Prefix `yaml:"prefixes"`
	// PrefixesOf names perspectives whose own prefixes are announced too
	// (equally-specific), and the name servers of the root and the TLDs, root-server
	// and tld-server; with an emulated control plane also coordinator. One of both
	// lists may be left out.
	PrefixesOf []string `yaml:"prefixes-of"`
	// ForgedOrigin, optional, makes the attacker announce the path "attacker,
	// rightful origin" (type 1) instead of itself as the origin (type 0).
	ForgedOrigin bool `yaml:"forged-origin"`
	// Path, optional, is the AS path as announced, the attacker's own number first
	// and the origin last: another forged origin, or a longer path.
	Path []topology.ASN `yaml:"path"`
	// Prepend, optional, is how often the attacker repeats its number beyond the
	// first.
	Prepend int `yaml:"prepend"`
	// Export, optional, limits whom the attacker announces to; all neighbours by
	// default.
	Export *Export `yaml:"export"`
	// NoExport, optional, asks the neighbours to tell nobody (the community
	// NO_EXPORT, RFC 1997).
	NoExport bool `yaml:"no-export"`
}

// Export says which neighbours hear of an announcement: those that all of its
// parts allow.
type Export struct {
	// To, optional, names the only ones.
	To []topology.ASN `yaml:"to"`
	// Classes, optional, are the only kinds of neighbours: customers, peers, providers.
	Classes []Class `yaml:"classes"`
	// Except, optional, names some that do not.
	Except []topology.ASN `yaml:"except"`
}

// Withdraw ends announcements.
type Withdraw struct {
	// By is "victim" or "attacker".
	By string `yaml:"by"`
	// Prefixes and PrefixesOf, optional, are those to withdraw; all by default.
	Prefixes   []netip.Prefix `yaml:"prefixes"`
	PrefixesOf []string       `yaml:"prefixes-of"`
}

// CheckEvent asks the CA for a certificate.
type CheckEvent struct {
	// Name names the check in results and expectations.
	Name string `yaml:"name"`
	// Applicant, optional, is who asks: "attacker" by default, or "victim".
	Applicant string `yaml:"applicant"`
	// Perspectives, Date and Rule, optional, replace those of the CA: the same
	// attack against another deployment.
	Perspectives *Perspectives `yaml:"perspectives"`
	Date         string        `yaml:"date"`
	Rule         string        `yaml:"rule"`
}

// Expectation is what a check must come to; what is not given may be anything.
type Expectation struct {
	Check  string `yaml:"check"`
	Issue  *bool  `yaml:"issue"`
	Reason string `yaml:"reason"`
	Quorum string `yaml:"quorum"`
	// Fooled lists the perspectives whose packets reached the attacker, no more
	// and no fewer.
	Fooled *[]string `yaml:"fooled"`
	// CutOff lists the remotes that were asked and of which the coordinator got no
	// answer that it believes, no more and no fewer.
	CutOff *[]string `yaml:"cut-off"`
}

// Defaults.
var (
	defaultAttackerPrefix  = netip.MustParsePrefix("198.18.66.0/24") //nolint:gochecknoglobals // immutable
	defaultAttackerAddress = netip.MustParseAddr("198.18.66.66")     //nolint:gochecknoglobals // immutable
)

// fillDefaults replaces what is optional and not given.
func (s *Scenario) fillDefaults() {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&s.Routing.TieBreak, "seeded")
	set(&s.CA.Rule, "br")
	set(&s.CA.Issuer, "ca.example")
	set(&s.CA.ControlPlane, ControlOutOfBand)
	if !s.Attacker.Prefix.IsValid() && !s.Attacker.Address.IsValid() {
		s.Attacker.Prefix, s.Attacker.Address = defaultAttackerPrefix, defaultAttackerAddress
	}
	for n := range s.Victim.NameServers {
		if s.Victim.NameServers[n].AS == 0 {
			s.Victim.NameServers[n].AS = s.Victim.AS
		}
	}
	for n := range s.Timeline {
		if c := s.Timeline[n].Check; c != nil {
			set(&c.Applicant, SideAttacker)
		}
	}
}

// Owned is a prefix with the AS that announces it by right.
type Owned struct {
	Prefix netip.Prefix
	AS     topology.ASN
}

// Owned returns the prefixes of the victim and of its name servers, each once,
// the victim's first.
func (s *Scenario) Owned() []Owned {
	var owned []Owned
	seen := map[netip.Prefix]bool{}
	add := func(p netip.Prefix, as topology.ASN) {
		if !seen[p] {
			seen[p] = true
			owned = append(owned, Owned{p, as})
		}
	}
	for _, p := range s.Victim.Prefixes {
		add(p, s.Victim.AS)
	}
	for _, ns := range s.Victim.NameServers {
		add(ns.Prefix, ns.AS)
	}
	return owned
}
