// Package perspectives holds the words that the CA's side of Multi-Perspective
// Issuance Corroboration (MPIC, BR 3.2.2.9) is written in: who checks
// (Perspective, Set), what is checked (Check), what one perspective saw
// (Result) and what the CA concludes (Decision).
//
// The packages below it do the work: resolver, dcv and caa for what one
// perspective does, local to run them together, policy for the quorum rules and
// coordinator to ask all perspectives and decide. None of them knows whether
// the network is real or emulated: they see a [Network] and a [Clock].
//
// Not modelled here: ACME orders and accounts, certificate profiles, CT.
package perspectives

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"mpicsim/topology/place"
)

// Network is how a perspective reaches the world: the operating system's
// network in production (*net.Dialer is one), one emulated host in a scenario.
// DialContext must support the networks "udp", "tcp" and their 4 and 6
// variants, with address a numeric IP and port: names are resolved by package
// resolver, never by the network.
type Network interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Clock tells the time: time.Now in production, the virtual clock of an
// emulated host in a scenario. Every timestamp and duration in a [Result] is
// read from it. Timeouts are not: contexts and deadlines run on the operating
// system's clock.
type Clock func() time.Time

// Perspective describes one Network Perspective (BR 1.6.1).
type Perspective struct {
	// Name identifies the perspective in configuration, answers and logs
	// (BR 5.4.1(2)(7)(i)), such as "aws/eu-central-1". Unique within a set.
	Name string `json:"name"`
	// City is for people to read.
	City string `json:"city"`
	// Location is where unencapsulated outbound traffic is typically first
	// handed off to the network that gives it Internet connectivity (BR 1.6.1).
	Location place.Location `json:"location"`
	// RIR is the service region that Location lies in.
	RIR place.RIR `json:"rir"`
	// ASN is the autonomous system that the perspective's packets leave by, 0
	// if unknown.
	ASN uint32 `json:"asn,omitempty"`
	// Resolver is where the recursive resolver's queries are first handed off,
	// nil if the resolver is co-located with the perspective.
	Resolver *ResolverSite `json:"resolver,omitempty"`
}

// ResolverSite is where a perspective's non-co-located resolver stands
// (BR 3.2.2.9).
type ResolverSite struct {
	Location place.Location `json:"location"`
	RIR      place.RIR      `json:"rir"`
}

// ResolverLocation returns where the perspective's resolver is: its own place
// if the resolver is co-located.
func (p Perspective) ResolverLocation() (place.Location, place.RIR) {
	if p.Resolver == nil {
		return p.Location, p.RIR
	}
	return p.Resolver.Location, p.Resolver.RIR
}

// Set is a named deployment: one primary and its remotes.
type Set struct {
	Name    string        `json:"name"`
	Primary Perspective   `json:"primary"`
	Remotes []Perspective `json:"remotes"`
}

// Verdict is one perspective's answer to one of the two questions. The zero
// value is Unanswered.
type Verdict uint8

// The verdicts. Fail means that the perspective got an answer and it forbids
// issuance; Error means that it got no usable answer (timeout, SERVFAIL,
// unreachable). Neither corroborates (BR 3.2.2.9).
const (
	Unanswered Verdict = iota
	Pass
	Fail
	Error
)

// Verdicts returns all verdicts in the order of their values.
func Verdicts() []Verdict { return []Verdict{Unanswered, Pass, Fail, Error} }

// String returns the name: the constant's, in lower case.
func (v Verdict) String() string {
	switch v {
	case Unanswered:
		return "unanswered"
	case Pass:
		return "pass"
	case Fail:
		return "fail"
	case Error:
		return "error"
	default:
		return fmt.Sprintf("Verdict(%d)", uint8(v))
	}
}

// MarshalText implements [encoding.TextMarshaler] with [Verdict.String]. It
// returns an error for a value that is no verdict, since nobody could read it.
func (v Verdict) MarshalText() ([]byte, error) {
	if !slices.Contains(Verdicts(), v) {
		return nil, fmt.Errorf("verdict %d: want 0 to %d", uint8(v), uint8(Error))
	}
	return []byte(v.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts the names that
// String returns, to the letter; for others it returns an error and leaves v as
// it is.
func (v *Verdict) UnmarshalText(text []byte) error {
	for _, known := range Verdicts() {
		if string(text) == known.String() {
			*v = known
			return nil
		}
	}
	return fmt.Errorf("verdict %q: want unanswered, pass, fail or error", text)
}

// Outcome is the answer to one question with its reason and its evidence.
type Outcome struct {
	Verdict Verdict `json:"verdict"`
	// Reason is a stable identifier in lower case with hyphens, such as
	// "key-authorization-mismatch". The packages dcv and caa list theirs.
	Reason string `json:"reason"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
	// Clause is the rule that the verdict rests on, such as "BR 3.2.2.4.19".
	Clause string `json:"clause"`
	// Evidence is what was seen on the wire, in order (BR 3.2.2.9: enough to
	// affirmatively assess the challenge and the CAA authority).
	Evidence []Evidence `json:"evidence,omitempty"`
	// EvidenceCut says that more was seen than Evidence and Chain have, because the
	// evidence of one check is bounded (see [Result.Bound]).
	EvidenceCut bool `json:"evidence_cut,omitempty"`
	// DNSSEC is the weakest status among the lookups that the verdict rests on.
	DNSSEC DNSSEC `json:"dnssec,omitempty"`
	// Chain are the chains of trust of those lookups, each link once.
	Chain []ChainLink `json:"chain,omitempty"`
	// Seen is what was judged, nil if nothing came.
	Seen *Seen `json:"seen,omitempty"`
	// LookupFailure is the proof for a failed CAA lookup, nil unless one was
	// tried to be had.
	LookupFailure *LookupFailure `json:"lookup_failure,omitempty"`
}

// Evidence is one exchange: a DNS lookup, an HTTP request or a TLS handshake.
type Evidence struct {
	// Kind is "dns", "http" or "tls".
	Kind string `json:"kind"`
	// Query is "NAME TYPE" for DNS, the URL for HTTP, the name sent (SNI) for
	// TLS.
	Query string `json:"query"`
	// Server is the address that answered, as "ip:port".
	Server string `json:"server"`
	// Answer is what came back: the records in presentation format, the status
	// line and the first bytes of the body, or the version, the negotiated
	// protocol and the certificate; the error if none came.
	Answer []string `json:"answer,omitempty"`
	// Cut says that more came than Answer has, because the evidence of one exchange
	// and of one check is bounded.
	Cut bool `json:"cut,omitempty"`
	// Status is the DNS response code ("NOERROR") or the HTTP status ("200"),
	// empty if there was no answer.
	Status string `json:"status,omitempty"`
	// Started and Took are read from the perspective's [Clock].
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took_ns"`
}

// Result is what one perspective saw in one attempt.
type Result struct {
	Perspective string    `json:"perspective"`
	RIR         place.RIR `json:"rir"`
	// Questions are those of the check: the outcome of one that was not asked is
	// the zero value, Unanswered.
	Questions Questions `json:"questions,omitempty"`
	DCV       Outcome   `json:"dcv"`
	CAA       Outcome   `json:"caa"`
	// TargetAddresses are the addresses "ip:port" that the DCV connected to, in
	// order; for DNS methods those of the name servers that gave the answer.
	TargetAddresses []string  `json:"target_addresses"`
	Started         time.Time `json:"started"`
	Finished        time.Time `json:"finished"`
}

// Corroborates says whether the perspective saw what the CA must see and
// permission to issue, as far as r.Questions ask for them. Whoever asked must
// compare those with its check: a perspective that answers another question than
// it was asked corroborates nothing.
func (r Result) Corroborates() bool {
	return r.Questions.Known() &&
		(!r.Questions.DCV() || r.DCV.Verdict == Pass) &&
		(!r.Questions.CAA() || r.CAA.Verdict == Pass)
}

// Decision is what the CA concludes from one attempt.
type Decision struct {
	// Issue says whether the certificate may be issued.
	Issue bool `json:"issue"`
	// Reason is a stable identifier; package policy lists them.
	Reason string `json:"reason"`
	// Clause is the rule that the decision rests on, with its phase.
	Clause string `json:"clause"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
	// Quorum is corroborating remotes over attempted remotes, such as "3/4"
	// (BR 5.4.1(2)(8)). It is the smaller of the DCV and the CAA quorum.
	Quorum string `json:"quorum"`
	// Required is how many of the remotes had to corroborate.
	Required int `json:"required"`
	// Monitoring is true if the quorum was not met and issuance is allowed all
	// the same, because the date lies in the monitoring phase.
	Monitoring bool `json:"monitoring"`
}
