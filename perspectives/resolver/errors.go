package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/miekg/dns"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

// Why a lookup or one of its exchanges gave no usable answer. An [*Error] wraps
// at least one of them, or one for each name server that was asked in vain.
var (
	// ErrTimeout: no reply in time, or the context's deadline passed.
	ErrTimeout = errors.New("no answer in time")
	// ErrUnreachable: the network refused the exchange or broke it off.
	ErrUnreachable = errors.New("server unreachable")
	// ErrServerFailure: an answer with SERVFAIL, REFUSED or another response
	// code that says nothing about the name.
	ErrServerFailure = errors.New("server failure")
	// ErrLame: an answer that is neither authoritative nor a referral further
	// down the tree.
	ErrLame = errors.New("lame server")
	// ErrMalformed: a reply that is not a well-formed answer to the question.
	ErrMalformed = errors.New("malformed reply")
	// ErrTruncated: a reply that does not fit into a datagram, by a server that does
	// not send the whole of it over TCP. What came of it is not an answer.
	ErrTruncated = errors.New("truncated reply")
	// ErrNoServers: a delegation with no name server that has an address.
	ErrNoServers = errors.New("no usable name server")
	// ErrRefusedAddress: a name server's address that Options.Allowed refuses.
	ErrRefusedAddress = errors.New("name server address refused")
	// ErrLoop: aliases that lead back to themselves.
	ErrLoop = errors.New("alias loop")
	// ErrLimit: one of [Limits] was reached, or the budget of the check was used up
	// ([budget.ErrExhausted] as well then). With ErrBogus: validation was given up.
	ErrLimit = errors.New("limit reached")
	// ErrBogus: the answer fails DNSSEC validation (RFC 4035 4.3, 5.5). It must
	// not be used, and for a CA it is never permission to issue (BR 3.2.2.8.1).
	ErrBogus = errors.New("dnssec bogus")
	// ErrUnsupportedKey: the answer cannot be validated, because the key that
	// signs it is one that the standards allow and that we do not compute with: an
	// RSA exponent of more than 64 bits. The answer must not be used, as if it
	// were bogus, but nobody has said that it is: its status is Indeterminate. It
	// is not Insecure either (RFC 4035 5.2 says that of algorithms, not of keys),
	// so a lookup that fails behind such a key is never permission to issue.
	ErrUnsupportedKey = errors.New("unsupported key")
	// ErrName: the name asked for is not a domain name.
	ErrName = errors.New("not a domain name")
)

// Error is a lookup that gave no usable answer; it is never returned for a name
// or type that does not exist. Err wraps the sentinels of this package.
type Error struct {
	Name string
	Type uint16
	// Trace has every exchange up to the failure, in order.
	Trace []perspectives.Evidence
	Err   error
	// Received says that a reply held records of the type looked up, or was cut or
	// garbled so that it may have, although it was of no use as an answer. That
	// there are no such records would be a wrong conclusion.
	Received bool
	// Status is what [StatusOf] says.
	Status Status
	// Chain has the steps of validation up to the failure, in order.
	Chain []Link
	// EDE says why there is no usable answer, the first reason first.
	EDE []EDE
}

func (e *Error) Error() string {
	return fmt.Sprintf("looking up %s %s: %v", e.Name, typeName(e.Type), e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// unvalidated reports whether err is about an answer that did not validate.
func unvalidated(err error) bool {
	return errors.Is(err, ErrBogus) || errors.Is(err, ErrUnsupportedKey)
}

// TraceOf returns the exchanges that led to err, nil if err is not from this
// package.
func TraceOf(err error) []perspectives.Evidence {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Trace
	}
	return nil
}

// failures are the reasons why each server of a zone was of no use.
type failures struct {
	zone string
	errs []error
}

// maxReasons is how many reasons are written out.
const maxReasons = 16

func (f *failures) add(err error) { f.errs = append(f.errs, err) }

func (f *failures) Error() string {
	if len(f.errs) == 0 {
		return fmt.Sprintf("zone %s: %v", f.zone, ErrNoServers)
	}
	shown := f.errs[:min(len(f.errs), maxReasons)]
	texts := make([]string, len(shown))
	for i, err := range shown {
		texts[i] = err.Error()
	}
	if more := len(f.errs) - len(shown); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("zone %s: %s", f.zone, strings.Join(texts, "; "))
}

func (f *failures) Unwrap() []error {
	if len(f.errs) == 0 {
		return []error{ErrNoServers}
	}
	return f.errs
}

// transportError maps what a connection returned to ErrTimeout or
// ErrUnreachable. Local addresses are left out of the text: ephemeral ports
// differ from run to run.
func transportError(doing string, err error) error {
	if errors.Is(err, budget.ErrExhausted) {
		return fmt.Errorf("%s: %w", doing, given(err))
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", doing, ErrTimeout)
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok && opErr.Err != nil {
		err = opErr.Err
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnreachable, err)
}

// given is the error of a lookup that the budget of its check ended.
func given(err error) error {
	if errors.Is(err, budget.ErrExhausted) {
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	return err
}

// aliasError is the ErrLimit of alias chains that are too long: what other servers
// of the zone say does not make them shorter.
type aliasError struct {
	limit int
	from  string
}

func (e *aliasError) Error() string {
	return fmt.Sprintf("%v: more than %d aliases from %s", ErrLimit, e.limit, e.from)
}

func (e *aliasError) Unwrap() error { return ErrLimit }

func typeName(t uint16) string {
	if s, ok := dns.TypeToString[t]; ok {
		return s
	}
	return fmt.Sprintf("TYPE%d", t)
}

func rcodeName(rcode int) string {
	if s, ok := dns.RcodeToString[rcode]; ok {
		return s
	}
	return fmt.Sprintf("RCODE%d", rcode)
}
