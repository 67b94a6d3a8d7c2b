package resolver

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"mpicsim/perspectives/budget"
)

// rrset is the records of one owner and type in one section, with the signatures
// that came with them.
type rrset struct {
	owner   string
	rrtype  uint16
	records []dns.RR
	sigs    []*dns.RRSIG
}

// setAt returns the record set at owner in section. It may have no records.
func setAt(section []dns.RR, owner string, rrtype uint16) rrset {
	set := rrset{owner: owner, rrtype: rrtype, records: recordsAt(section, owner, rrtype)}
	for _, rr := range recordsAt(section, owner, dns.TypeRRSIG) {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
			set.sigs = append(set.sigs, sig)
		}
	}
	return set
}

// key is a key of a zone, of a supported algorithm, with its tag.
type key struct {
	rr  *dns.DNSKEY
	tag uint16
	// public is nil before read is called, and if the key cannot be used, because of
	// err.
	public publicKey
	err    error
}

// read reads the key once it is needed: a message may have hundreds.
func (k *key) read() {
	if k.public == nil && k.err == nil {
		k.public, k.err = publicKeyOf(k.rr)
	}
}

// verify returns a signature over set by one of the keys of zone that is valid
// now (RFC 4035 5.3), with the record's TTLs capped as it says (5.3.3), or a
// *bogusError. If none is valid, and one names a key that we do not compute with,
// the error wraps [ErrUnsupportedKey] in place of ErrBogus.
//
// A zone can have many keys with the same tag and many signatures that name it:
// how many pairs are tried is bounded for each set and for each lookup (KeyTrap,
// CVE-2023-50387).
func (l *lookup) verify(zone string, keys []key, set rrset) (*dns.RRSIG, error) {
	fail := func(code uint16, format string, args ...any) *bogusError {
		return bogus(zone, set.owner, set.rrtype, code, format, args...)
	}
	if err := l.budget.Spend(budget.Work, setWork(set)); err != nil {
		return nil, given(err)
	}
	canonical, err := canonicalSet(set)
	if err != nil {
		return nil, fail(dns.ExtendedErrorCodeDNSBogus, "%v", err)
	}
	worst := fail(dns.ExtendedErrorCodeRRSIGsMissing, "no signature by %s", zone)
	var unsupported *bogusError
	tries := 0
	for _, sig := range set.sigs {
		if err := l.budget.Spend(budget.Work, signatureWork+len(keys)); err != nil {
			return nil, given(err)
		}
		if dns.CanonicalName(sig.SignerName) != zone {
			continue
		}
		if code, why := l.implausible(sig, set); why != "" {
			worst = fail(code, "signature by key %d: %s", sig.KeyTag, why)
			continue
		}
		worst = fail(dns.ExtendedErrorCodeDNSBogus, "no key of %s verifies the signature by key %d", zone, sig.KeyTag)
		for i := range keys {
			k := &keys[i]
			switch {
			case k.tag != sig.KeyTag || k.rr.Algorithm != sig.Algorithm:
				continue
			case tries == l.r.limits.SignaturesPerSet || l.signatures <= 0:
				e := fail(dns.ExtendedErrorCodeDNSBogus, "%d signatures tried in vain", tries)
				e.also = ErrLimit
				return nil, e
			}
			tries++
			l.signatures--
			k.read()
			work := keyWork + verifyWork(k.public, set)
			if err := cmp.Or(l.budget.Spend(budget.Signatures, 1), l.budget.Spend(budget.Work, work)); err != nil {
				return nil, given(err)
			}
			switch {
			case errors.Is(k.err, ErrUnsupportedKey):
				unsupported = unsupportedKey(zone, set.owner, set.rrtype, sig.KeyTag, k.err)
			case k.err != nil:
				worst = fail(dns.ExtendedErrorCodeDNSBogus, "key %d: %v", sig.KeyTag, k.err)
			case canonical.verifies(k.public, sig):
				l.capTTL(sig, set)
				return sig, nil
			}
		}
	}
	if unsupported != nil {
		return nil, unsupported
	}
	return nil, worst
}

// implausible says why a signature cannot be that of set, whatever its key; why
// is empty if it can (RFC 4035 5.3.1).
func (l *lookup) implausible(sig *dns.RRSIG, set rrset) (code uint16, why string) {
	owner, ok := domainOf(set.owner)
	signer, okSigner := domainOf(sig.SignerName)
	now := uint32(l.now.Unix()) //nolint:gosec // serial arithmetic (RFC 1982) is meant to wrap
	switch {
	case !ok || int(sig.Labels) > owner.labelCount():
		return dns.ExtendedErrorCodeDNSBogus, "more labels than the name"
	case !okSigner || !owner.below(signer) || int(sig.Labels) < signer.labelCount():
		return dns.ExtendedErrorCodeDNSBogus, "the name or its wildcard is not in the zone"
	case int(sig.Labels) < owner.labelCount() && neverWild(set.rrtype):
		return dns.ExtendedErrorCodeDNSBogus, "expanded from a wildcard"
	case !supportedAlgorithm(sig.Algorithm):
		return dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm, fmt.Sprintf("algorithm %d is not supported", sig.Algorithm)
	case !wholeSignature(sig):
		return dns.ExtendedErrorCodeDNSBogus, "wrong length"
	case serialLess(sig.Expiration, sig.Inception):
		return dns.ExtendedErrorCodeSignatureExpiredBeforeValid, "expires before it is valid"
	case serialLess(now, sig.Inception):
		return dns.ExtendedErrorCodeSignatureNotYetValid, "valid from " + l.timeOf(sig.Inception).Format(time.RFC3339)
	case serialLess(sig.Expiration, now):
		return dns.ExtendedErrorCodeSignatureExpired, "expired at " + l.timeOf(sig.Expiration).Format(time.RFC3339)
	}
	return 0, ""
}

// neverWild says whether records of the type are used only at the very name that
// they were signed at: taking a wildcard's NSEC record for another name's would
// prove what is not so.
func neverWild(rrtype uint16) bool {
	switch rrtype {
	case dns.TypeDS, dns.TypeDNSKEY, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeSOA:
		return true
	}
	return false
}

// wholeSignature says whether an elliptic curve signature has its exact length
// (RFC 6605 4, RFC 8080 4); the length of others is checked with the key.
func wholeSignature(sig *dns.RRSIG) bool {
	want := 0
	switch sig.Algorithm {
	case dns.ECDSAP256SHA256, dns.ED25519:
		want = 64
	case dns.ECDSAP384SHA384:
		want = 96
	default:
		return true
	}
	b, err := base64.StdEncoding.DecodeString(sig.Signature)
	return err == nil && len(b) == want
}

// serialLess says whether a comes before b (RFC 1982; RFC 4034 3.1.5).
func serialLess(a, b uint32) bool { return int32(a-b) < 0 } //nolint:gosec // wraps on purpose

// timeOf returns the time that a signature's 32 bits mean, seen from now.
func (l *lookup) timeOf(t uint32) time.Time {
	now := l.now.Unix()
	return time.Unix(now+int64(int32(t-uint32(now))), 0).UTC() //nolint:gosec // wraps on purpose
}

// capTTL lowers the records' TTLs to what the signature allows.
func (l *lookup) capTTL(sig *dns.RRSIG, set rrset) {
	limit := sig.OrigTtl
	if left := l.timeOf(sig.Expiration).Unix() - l.now.Unix(); left < int64(limit) {
		limit = uint32(max(left, 0)) //nolint:gosec // below OrigTtl
	}
	for _, rr := range set.records {
		rr.Header().Ttl = min(rr.Header().Ttl, limit)
	}
}

// secureLink is the step that a verified signature makes.
func (l *lookup) secureLink(zone string, set rrset, sig *dns.RRSIG) Link {
	return Link{
		Zone: zone, Owner: set.owner, Type: typeName(set.rrtype), Status: Secure,
		Algorithm: sig.Algorithm, KeyTag: sig.KeyTag,
		Inception: l.timeOf(sig.Inception), Expiration: l.timeOf(sig.Expiration),
	}
}
