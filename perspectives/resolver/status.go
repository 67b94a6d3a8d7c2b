package resolver

import (
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// Status is what DNSSEC validation says about an answer (RFC 4035 4.3). The
// zero value is Indeterminate: nothing was validated.
type Status uint8

// The statuses, in the words of RFC 4035 4.3.
const (
	// Indeterminate: no trust anchor covers the name, or the answer came over a
	// channel whose AD flag means nothing.
	Indeterminate Status = iota
	// Insecure: a signed zone proves that the name lies below a delegation
	// without DS records, or with none whose algorithms are supported; or, for
	// names that do not exist, in an opt-out span (RFC 5155 9.2).
	Insecure
	// Secure: every record set of the answer, or the proof that there is none,
	// is signed by keys that lead back to a trust anchor.
	Secure
	// Bogus: the answer should be signed and is not, or not rightly so. It is
	// never used as data: it comes with an error that wraps [ErrBogus].
	Bogus
)

// Statuses returns all statuses in the order of their values.
func Statuses() []Status { return []Status{Indeterminate, Insecure, Secure, Bogus} }

// String returns the name in lower case.
func (s Status) String() string {
	switch s {
	case Indeterminate:
		return "indeterminate"
	case Insecure:
		return "insecure"
	case Secure:
		return "secure"
	case Bogus:
		return "bogus"
	default:
		return fmt.Sprintf("Status(%d)", uint8(s))
	}
}

// MarshalText implements [encoding.TextMarshaler] with [Status.String]. It
// returns an error for a value that is no status.
func (s Status) MarshalText() ([]byte, error) {
	if s > Bogus {
		return nil, fmt.Errorf("status %d: want 0 to %d", uint8(s), uint8(Bogus))
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts the names that
// String returns, to the letter; for others it returns an error and leaves s as
// it is.
func (s *Status) UnmarshalText(text []byte) error {
	for _, known := range Statuses() {
		if string(text) == known.String() {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("status %q: want secure, insecure, bogus or indeterminate", text)
}

// weaker returns the status of an answer that has parts of the statuses s and t:
// Bogus before Indeterminate before Insecure before Secure.
func (s Status) weaker(t Status) Status {
	if s == Bogus || t == Bogus {
		return Bogus
	}
	return min(s, t)
}

// EDE is an Extended DNS Error (RFC 8914): why an answer is not secure or why
// there is none.
type EDE struct {
	// Code is the INFO-CODE, such as 7 for "Signature Expired".
	Code uint16 `json:"code"`
	// Text says what exactly was found.
	Text string `json:"text,omitempty"`
}

// Name returns the registered name of the code, such as "Signature Expired".
func (e EDE) Name() string {
	if name, ok := dns.ExtendedErrorCodeToString[e.Code]; ok {
		return name
	}
	return fmt.Sprintf("EDE%d", e.Code)
}

func (e EDE) String() string {
	if e.Text == "" {
		return fmt.Sprintf("EDE %d (%s)", e.Code, e.Name())
	}
	return fmt.Sprintf("EDE %d (%s): %s", e.Code, e.Name(), e.Text)
}

// Link is one step of the chain of trust, as evidence: what a zone's keys say
// about one set of records. The links of an answer lead from the trust anchor
// down to its records or to the proof that there are none, those of an alias
// before those of its target.
type Link struct {
	// Zone is the zone whose keys were used, in canonical form.
	Zone string `json:"zone"`
	// Owner and Type name the records that the step is about: "example.test."
	// "DS" for a delegation, "example.test." "DNSKEY" for a zone's keys, the
	// answer's name and type; "NSEC" or "NSEC3" for a proof that something does
	// not exist.
	Owner string `json:"owner"`
	Type  string `json:"type"`
	// Status is Secure if the records are signed by Zone, Insecure if from here
	// on nothing is signed, Bogus if the step failed.
	Status Status `json:"status"`
	// Algorithm (RFC 8624), KeyTag, Inception and Expiration are those of the
	// signature that was verified; zero if none was.
	Algorithm  uint8     `json:"algorithm,omitempty"`
	KeyTag     uint16    `json:"key_tag,omitempty"`
	Inception  time.Time `json:"inception,omitzero"`
	Expiration time.Time `json:"expiration,omitzero"`
	// Detail is a phrase for people.
	Detail string `json:"detail,omitempty"`
	// EDE says why the status is not Secure, if there is a code for it.
	EDE *EDE `json:"ede,omitempty"`
}

// StatusOf returns the DNSSEC status that a failed lookup ended with: Bogus if
// validation failed; Insecure if the zone whose servers gave no usable answer is
// proven to be insecure, which is what BR 3.2.2.8 asks before a CAA lookup
// failure may count as permission; Indeterminate otherwise, also if err is not
// from this package.
func StatusOf(err error) Status {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return Indeterminate
}
