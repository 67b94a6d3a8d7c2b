package place

import (
	"fmt"
	"strings"
)

// RIR is a Regional Internet Registry service region. BR 3.2.2.9 counts the
// region a perspective stands in, which is geography, not the registry that
// allocated its addresses. The zero value is Unknown.
type RIR uint8

// The five service regions, in alphabetical order of their names.
const (
	Unknown RIR = iota
	AFRINIC
	APNIC
	ARIN
	LACNIC
	RIPE
)

// RIRs returns the five service regions in alphabetical order.
func RIRs() []RIR { return []RIR{AFRINIC, APNIC, ARIN, LACNIC, RIPE} }

// String returns the name as Open MPIC spells it: "RIPE NCC", not "RIPE".
func (r RIR) String() string {
	switch r {
	case Unknown:
		return "unknown"
	case AFRINIC:
		return "AFRINIC"
	case APNIC:
		return "APNIC"
	case ARIN:
		return "ARIN"
	case LACNIC:
		return "LACNIC"
	case RIPE:
		return "RIPE NCC"
	default:
		return fmt.Sprintf("RIR(%d)", uint8(r))
	}
}

// ParseRIR reads a service region's name in any case; both "RIPE" and
// "RIPE NCC" are accepted.
func ParseRIR(s string) (RIR, error) {
	for _, r := range RIRs() {
		if strings.EqualFold(s, r.String()) {
			return r, nil
		}
	}
	if strings.EqualFold(s, "RIPE") {
		return RIPE, nil
	}
	return Unknown, fmt.Errorf("RIR region %q: want AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC", s)
}

// MarshalText implements [encoding.TextMarshaler] with [RIR.String]. It returns an
// error for a value that is neither a service region nor Unknown, since nobody
// could read it.
func (r RIR) MarshalText() ([]byte, error) {
	if r > RIPE {
		return nil, fmt.Errorf("RIR region %d: want 0 to %d", uint8(r), uint8(RIPE))
	}
	return []byte(r.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. It accepts what [ParseRIR]
// does and, so that whatever was written can be read, the name of Unknown to the
// letter: who needs a region must refuse it, as if none were given. On an error r
// stays as it is.
func (r *RIR) UnmarshalText(text []byte) error {
	if string(text) == Unknown.String() {
		*r = Unknown
		return nil
	}
	v, err := ParseRIR(string(text))
	if err != nil {
		return err
	}
	*r = v
	return nil
}
