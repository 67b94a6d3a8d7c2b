package route

import (
	"fmt"
	"strings"
)

// ROV is what an AS does with the result of route origin validation (RFC 6811).
type ROV uint8

// The ways. NotFound routes are accepted by all of them, like valid ones.
const (
	// ROVOff: no validation.
	ROVOff ROV = iota
	// ROVOn: invalid routes are rejected from everybody.
	ROVOn
	// ROVCustomersExempt: invalid routes are rejected from peers and providers, not
	// from customers.
	ROVCustomersExempt
	// ROVPeers: invalid routes are rejected from peers only, as networks did that
	// began with them.
	ROVPeers
	// ROVPreferValid: invalid routes are accepted and ranked behind all others of the
	// same relationship, whatever their length (RFC 7115 section 5 leaves the rank to
	// the operator).
	ROVPreferValid
)

var rovNames = [...]string{"off", "on", "customers-exempt", "peers", "prefer-valid"} //nolint:gochecknoglobals // immutable table

// ROVs returns all ways.
func ROVs() []ROV { return []ROV{ROVOff, ROVOn, ROVCustomersExempt, ROVPeers, ROVPreferValid} }

func (v ROV) String() string {
	if int(v) < len(rovNames) {
		return rovNames[v]
	}
	return fmt.Sprintf("ROV(%d)", uint8(v))
}

// ParseROV reads a way's name as String returns it.
func ParseROV(s string) (ROV, error) {
	for _, v := range ROVs() {
		if s == v.String() {
			return v, nil
		}
	}
	return 0, fmt.Errorf("origin validation %q: want %s", s, strings.Join(rovNames[:], ", "))
}

// MarshalText implements [encoding.TextMarshaler] with [ROV.String].
func (v ROV) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseROV].
func (v *ROV) UnmarshalText(text []byte) error {
	way, err := ParseROV(string(text))
	if err != nil {
		return err
	}
	*v = way
	return nil
}

// Policy is what one AS does beyond Gao-Rexford. The zero value is nothing. None
// of it applies to the AS's own announcements, except for OTC's rules for
// exporting them.
type Policy struct {
	// ROV is route origin validation.
	ROV ROV
	// ASPA rejects paths that provider authorizations prove to be invalid: upstream
	// verification for customers and peers, downstream for providers, and a path that
	// does not begin with the neighbour is invalid
	// (draft-ietf-sidrops-aspa-verification). What cannot be decided is accepted.
	ASPA bool
	// OTC follows RFC 9234 section 5: it marks routes Only to Customers where it
	// sends them to customers and peers and where it learns them from peers and
	// providers, rejects marked routes from customers, and from peers unless the peer
	// marked them itself, and sends marked routes to customers only.
	OTC bool
	// PeerlockLite rejects from customers every path that holds a protected AS, which
	// is one that cannot be a customer's customer (McDaniel, Smith, Schuchard:
	// Flexsealing BGP Against Route Leaks, NDSS 2021).
	PeerlockLite bool
	// PathEnd rejects paths whose last hop contradicts the origin's path-end record
	// (Cohen et al., SIGCOMM 2016).
	PathEnd bool
	// FirstAS rejects paths that do not begin with the neighbour (RFC 4271 6.3).
	FirstAS bool
	// BGPsec, a what-if: of routes of the same relationship and length the AS prefers
	// one whose path is signed throughout, that is, every AS from the origin to itself
	// has this policy and the announced path is the announcer alone ("security third":
	// Lychev, Goldberg, Schapira: BGP Security in Partial Deployment, SIGCOMM 2013).
	BGPsec bool
	// ROVPP is ROV++ v1 lite, a what-if: ROVOn, and packets for an invalid prefix are
	// dropped where the route for the covering prefix goes to a neighbour that sent the
	// invalid one (Morillo et al., NDSS 2021). See [Table.Lookup].
	ROVPP bool
	// AcceptsLong exempts the AS from the limits of [PoliciesOptions] to the length
	// of prefixes.
	AcceptsLong bool
}

// Join returns the policy of an AS that follows both: ROV is q's unless q's is
// off.
func (p Policy) Join(q Policy) Policy {
	if q.ROV != ROVOff {
		p.ROV = q.ROV
	}
	p.ASPA = p.ASPA || q.ASPA
	p.OTC = p.OTC || q.OTC
	p.PeerlockLite = p.PeerlockLite || q.PeerlockLite
	p.PathEnd = p.PathEnd || q.PathEnd
	p.FirstAS = p.FirstAS || q.FirstAS
	p.BGPsec = p.BGPsec || q.BGPsec
	p.ROVPP = p.ROVPP || q.ROVPP
	p.AcceptsLong = p.AcceptsLong || q.AcceptsLong
	return p
}
