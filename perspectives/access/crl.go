package access

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Revocations are the CRLs (RFC 5280 5) of a client's roots, made by
// [ParseRevocations].
type Revocations struct {
	byIssuer map[string]*revocationList // by the issuer's encoded name
}

// revocationList is one CRL whose signature has been verified.
type revocationList struct {
	issuer     string // for people
	thisUpdate time.Time
	nextUpdate time.Time
	revoked    map[string]struct{} // serial numbers
}

// ParseRevocations reads CRLs, PEM blocks "X509 CRL" or one in DER. Each must be
// complete, signed by one of roots, and current at now, and there must be one for
// every issuer only. The roots are those of [Client.Roots]: an intermediate CA that
// issues client certificates has to be among them.
func ParseRevocations(data []byte, roots []*x509.Certificate, now time.Time) (*Revocations, error) {
	var encoded [][]byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("found a PEM block %s, expected X509 CRL", block.Type)
		}
		encoded = append(encoded, block.Bytes)
	}
	if len(encoded) == 0 {
		encoded = [][]byte{data}
	}
	r := &Revocations{byIssuer: map[string]*revocationList{}}
	for i, der := range encoded {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("CRL %d: expected a CRL in PEM or DER: %w", i+1, err)
		}
		one, err := verifyList(list, roots)
		if err == nil {
			err = one.current(now)
		}
		if err != nil {
			return nil, fmt.Errorf("CRL %d of %s: %w", i+1, list.Issuer, err)
		}
		if r.byIssuer[string(list.RawIssuer)] != nil {
			return nil, fmt.Errorf("CRL %d of %s: expected no second one of the issuer", i+1, list.Issuer)
		}
		r.byIssuer[string(list.RawIssuer)] = one
	}
	return r, nil
}

// verifyList returns a CRL that one of the roots has signed and that says all there
// is to say. An extension that is critical and not understood, such as that of a
// delta CRL, forbids to rely on it (RFC 5280 5.2, 5.3).
func verifyList(list *x509.RevocationList, roots []*x509.Certificate) (*revocationList, error) {
	why := errors.New("expected the signature of a CA in roots_file")
	signed := slices.ContainsFunc(roots, func(root *x509.Certificate) bool {
		if !bytes.Equal(root.RawSubject, list.RawIssuer) {
			return false
		}
		if err := list.CheckSignatureFrom(root); err != nil {
			why = err
			return false
		}
		return true
	})
	if !signed {
		return nil, fmt.Errorf("its signature: %w", why)
	}
	for _, e := range list.Extensions {
		if e.Critical {
			return nil, fmt.Errorf("found the critical extension %v, expected a complete CRL without", e.Id)
		}
	}
	out := &revocationList{
		issuer: list.Issuer.String(), thisUpdate: list.ThisUpdate, nextUpdate: list.NextUpdate, revoked: map[string]struct{}{},
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical {
				return nil, fmt.Errorf("serial number %x: found the critical extension %v, expected none", entry.SerialNumber, e.Id)
			}
		}
		out.revoked[entry.SerialNumber.String()] = struct{}{}
	}
	return out, nil
}

// current returns an error if the CRL is not yet, or no longer, or for an unknown
// time the newest (RFC 5280 5.1.2.5 demands nextUpdate).
func (l *revocationList) current(now time.Time) error {
	const form = time.RFC3339
	switch {
	case l.nextUpdate.IsZero():
		return errors.New("nextUpdate: missing")
	case now.Before(l.thisUpdate):
		return fmt.Errorf("thisUpdate: found %s, expected %s or earlier", l.thisUpdate.Format(form), now.UTC().Format(form))
	case !now.Before(l.nextUpdate):
		return fmt.Errorf("expired: nextUpdate: found %s, expected later than %s", l.nextUpdate.Format(form), now.UTC().Format(form))
	}
	return nil
}

// judge returns why none of the chains can be relied on. It fails closed: a
// certificate below the root of its chain without a current CRL of its issuer is as
// good as revoked.
func (r *Revocations) judge(chains [][]*x509.Certificate, now time.Time) *Denial {
	var last *Denial
	for _, chain := range chains {
		if last = r.judgeChain(chain, now); last == nil {
			return nil
		}
		if last.Cause == Revoked {
			return last
		}
	}
	return last
}

func (r *Revocations) judgeChain(chain []*x509.Certificate, now time.Time) *Denial {
	for i, c := range chain {
		list := r.byIssuer[string(c.RawIssuer)]
		root := i == len(chain)-1
		if list == nil {
			if root {
				continue
			}
			return deny(RevocationUnknown, "crl_file has no CRL of %s, which issued the client's certificate", c.Issuer)
		}
		if _, listed := list.revoked[c.SerialNumber.String()]; listed {
			return deny(Revoked, "the certificate with serial number %x of %s has been revoked", c.SerialNumber, c.Issuer)
		}
		if err := list.current(now); err != nil {
			return deny(RevocationUnknown, "the CRL of %s is not current, expected a newer one in crl_file: %v", list.issuer, err)
		}
	}
	return nil
}
