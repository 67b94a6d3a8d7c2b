package resolver

import (
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// denial is what a zone says about names and types that do not exist: NSEC and
// NSEC3 records of one zone whose signatures have been verified. Its methods
// are the proofs of RFC 4035 5.4 and RFC 5155 8 as RFC 6840 4 mends them.
type denial struct {
	zone  domain
	nsec  []nsec
	nsec3 nsec3Set
}

// errUnproven: the records do not prove what the answer claims.
var errUnproven = errors.New("not proven")

// errIterations: NSEC3 records with too many iterations (RFC 9276 3.2).
var errIterations = errors.New("too many nsec3 iterations")

// cutKind is what the absence of DS records at a name means.
type cutKind uint8

const (
	// noCut: the name is no delegation, it lies in the zone that was asked.
	noCut cutKind = iota
	// insecureCut: a delegation without DS records.
	insecureCut
	// optOutSpan: unsigned delegations may be anywhere here (RFC 5155 6).
	optOutSpan
)

// nameError proves that name does not exist and no wildcard would answer for
// it. The status is Insecure if an unsigned delegation may exist there all the
// same (opt-out, RFC 5155 9.2).
func (d *denial) nameError(name domain) (Status, error) {
	err := d.nsecNameError(name)
	if err == nil || len(d.nsec3.records) == 0 {
		return Secure, err
	}
	return d.nsec3.nameError(name)
}

// noData proves that name, or the wildcard that answers for it, has no records
// of type qtype and is no alias.
func (d *denial) noData(name domain, qtype uint16) (Status, error) {
	err := d.nsecNoData(name, qtype)
	if err == nil || len(d.nsec3.records) == 0 {
		return Secure, err
	}
	return d.nsec3.noData(name, qtype)
}

// noDS proves that name has no DS records and says what that makes of it.
func (d *denial) noDS(name domain) (cutKind, error) {
	for _, r := range d.nsec {
		if slices.Equal(r.owner, name) {
			return cutAt(r.types, name)
		}
	}
	err := d.nsecNoData(name, dns.TypeDS)
	if err == nil || len(d.nsec3.records) == 0 {
		return noCut, err
	}
	return d.nsec3.noDS(name)
}

// noCloser proves that a record set at name rightly came from a wildcard whose
// parent has labels labels: that nothing between them exists (RFC 4035 5.3.4,
// RFC 5155 8.8).
func (d *denial) noCloser(name domain, labels int) (Status, error) {
	for _, r := range d.nsec {
		if r.covers(name) && r.encloser(name) == labels {
			return Secure, nil
		}
	}
	if len(d.nsec3.records) == 0 {
		return 0, fmt.Errorf("%w: no nsec record denies a closer match than the wildcard", errUnproven)
	}
	return d.nsec3.noCloser(name, labels)
}

// cutAt reads the types at a name that exists (RFC 6840 4.4): NS without SOA and
// DS is an insecure delegation. A SOA record shows that the types are those of
// the child's side of the cut, which says nothing about DS; only the root has no
// other side.
func cutAt(types []uint16, name domain) (cutKind, error) {
	has := func(t uint16) bool { return slices.Contains(types, t) }
	switch {
	case has(dns.TypeDS):
		return 0, fmt.Errorf("%w: the types at the delegation have DS", errUnproven)
	case has(dns.TypeSOA) && len(name) > 0:
		return 0, fmt.Errorf("%w: the types are of the child's side of the delegation", errUnproven)
	case has(dns.TypeNS) && len(name) > 0:
		return insecureCut, nil
	}
	return noCut, nil
}

// lacks says whether the types at a name prove that it has neither records of
// type qtype nor an alias (RFC 6840 4.3). At a delegation the parent's side
// speaks for DS only and the child's side for everything else (4.1).
func lacks(types []uint16, name domain, qtype uint16) bool {
	has := func(t uint16) bool { return slices.Contains(types, t) }
	parentSide := has(dns.TypeNS) && !has(dns.TypeSOA)
	switch {
	case qtype == dns.TypeANY: // only an empty non-terminal has no types at all
		return !slices.ContainsFunc(types, func(t uint16) bool {
			return t != dns.TypeRRSIG && t != dns.TypeNSEC && t != dns.TypeNSEC3
		})
	case has(qtype), has(dns.TypeCNAME):
		return false
	case qtype == dns.TypeDS:
		return !has(dns.TypeSOA) || len(name) == 0
	}
	return !parentSide
}

// hides says whether the types at a name forbid to use its record for names
// below it: there is a delegation or a DNAME (RFC 6840 4.1).
func hides(types []uint16) bool {
	has := func(t uint16) bool { return slices.Contains(types, t) }
	return has(dns.TypeDNAME) || has(dns.TypeNS) && !has(dns.TypeSOA)
}
