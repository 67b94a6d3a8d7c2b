package dcv

import (
	"bytes"
	"crypto/x509"
	"math/rand/v2"
	"testing"
	"time"

	"mpicsim/perspectives/costtest"
	"mpicsim/sim/web"
)

// FuzzChallengeCertificate holds the judgement of a whole certificate to the fields
// that crypto/x509 reads: one that passes has the one name and nothing else, the
// critical extension with the digest, no extension twice, and its own signature.
func FuzzChallengeCertificate(f *testing.F) {
	digest := [32]byte{7}
	passing := 0
	want := challengeCertificate{name: "a.test", digest: digest[:]}
	for _, s := range []web.ChallengeSpec{
		{Name: "a.test", Digest: digest},
		{Name: "A.Test", Digest: digest},
		{Name: "b.test", Digest: digest},
		{Name: "192.0.2.1", Digest: digest},
		{Name: "a.test", Digest: [32]byte{8}},
	} {
		s.NotBefore, s.Rand = time.Unix(0, 0), rand.NewChaCha8([32]byte{})
		c, err := web.ChallengeCertificate(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Certificate[0])
		if parsed, err := x509.ParseCertificate(c.Certificate[0]); err != nil {
			f.Fatal(err)
		} else if want.judge(parsed) == nil {
			passing++
		}
	}
	f.Add([]byte{})
	if passing != 2 {
		f.Fatalf("%d of the seeds pass, expected 2: the target does not test", passing)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		var fault *certificateFault
		costtest.AtMost(t, costFor(len(der)), func() { fault = want.judge(c) })
		if fault != nil {
			return
		}
		if len(c.DNSNames) != 1 || !bytes.EqualFold([]byte(c.DNSNames[0]), []byte("a.test")) ||
			len(c.IPAddresses)+len(c.EmailAddresses)+len(c.URIs) > 0 || !bytes.Equal(c.RawIssuer, c.RawSubject) {
			t.Fatalf("%x passes for %v", der, c.DNSNames)
		}
		if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			t.Fatalf("%x passes: %v", der, err)
		}
		identifiers := 0
		for _, e := range c.Extensions {
			if e.Id.String() == oidACMEIdentifier && e.Critical && bytes.Equal(e.Value, append([]byte{4, 32}, digest[:]...)) {
				identifiers++
			}
		}
		if identifiers != 1 {
			t.Fatalf("%x passes with %d identifiers", der, identifiers)
		}
	})
}
