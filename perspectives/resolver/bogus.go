package resolver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// bogusError is a validation that failed, with the step that did.
type bogusError struct {
	link Link // with EDE
	// unsupported says that the step was not possible: the answer is not usable,
	// but not bogus.
	unsupported bool
	// also is ErrLimit if the validation was given up, nil otherwise.
	also error
}

// bogus returns the error of a step about records of the owner and type given in
// zone.
func bogus(zone, owner string, rrtype uint16, code uint16, format string, args ...any) *bogusError {
	ede := &EDE{Code: code, Text: fmt.Sprintf(format, args...)}
	return &bogusError{link: Link{
		Zone: zone, Owner: owner, Type: typeName(rrtype), Status: Bogus, Detail: ede.Text, EDE: ede,
	}}
}

// unsupportedKey returns the error of a step that needs a key which we do not
// compute with, because of err.
func unsupportedKey(zone, owner string, rrtype, tag uint16, err error) *bogusError {
	e := bogus(zone, owner, rrtype, dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm, "key %d: %v", tag, err)
	e.unsupported, e.link.Status = true, Indeterminate
	return e
}

// verdict is ErrBogus or ErrUnsupportedKey.
func (e *bogusError) verdict() error {
	if e.unsupported {
		return ErrUnsupportedKey
	}
	return ErrBogus
}

func (e *bogusError) Error() string {
	return fmt.Sprintf("%v: %s %s: %v", e.verdict(), e.link.Owner, e.link.Type, e.link.EDE)
}

func (e *bogusError) Unwrap() []error {
	if e.also == nil {
		return []error{e.verdict()}
	}
	return []error{e.verdict(), e.also}
}

// bogusIn returns the failed validations in the tree of err, in order.
func bogusIn(err error) []*bogusError {
	if b, ok := err.(*bogusError); ok { //nolint:errorlint // the tree is walked here
		return []*bogusError{b}
	}
	var out []*bogusError
	switch u := err.(type) { //nolint:errorlint // the tree is walked here
	case interface{ Unwrap() error }:
		if inner := u.Unwrap(); inner != nil {
			out = bogusIn(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			out = append(out, bogusIn(inner)...)
		}
	}
	return out
}

// explain returns the extended errors and the failed steps behind err, each once.
func explain(err error) (edes []EDE, failed []Link) {
	for _, b := range bogusIn(err) {
		if !slices.Contains(edes, *b.link.EDE) {
			edes = append(edes, *b.link.EDE)
			failed = append(failed, b.link)
		}
	}
	unreachable := errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNoServers)
	if len(edes) == 0 && unreachable && !errors.Is(err, ErrServerFailure) && !errors.Is(err, ErrLame) {
		edes = append(edes, EDE{Code: dns.ExtendedErrorCodeNoReachableAuthority})
	}
	return edes, failed
}
