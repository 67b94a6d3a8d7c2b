package access_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/access"
)

const identity = "spiffe://ca.example/mpic"

func now() time.Time { return time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC) }

// ca is a CA of a test.
type ca struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newCA returns a CA below another, or a root.
func newCA(t *testing.T, name string, above *ca) *ca {
	t.Helper()
	c := &ca{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, NotBefore: now().Add(-time.Hour), NotAfter: now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	parent, signer := template, c.key
	if above != nil {
		parent, signer = above.certificate, above.key
	}
	c.certificate = c.sign(template, parent, &c.key.PublicKey, signer)
	return c
}

func (c *ca) sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) *x509.Certificate {
	c.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		c.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		c.t.Fatal(err)
	}
	return certificate
}

// client returns a client's certificate whose URI names have exactly the octets
// given.
func (c *ca) client(serial int64, uris ...string) *x509.Certificate {
	c.t.Helper()
	var names []asn1.RawValue
	for _, u := range uris {
		names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(u)})
	}
	names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("ca.example")})
	value, err := asn1.Marshal(names)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.sign(&x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: now().Add(-time.Hour), NotAfter: now().AddDate(0, 6, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}},
	}, c.certificate, &newKey(c.t).PublicKey, c.key)
}

// crl returns a CRL in DER after change.
func (c *ca) crl(serials []int64, change ...func(*x509.RevocationList)) []byte {
	c.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now().Add(-time.Hour), NextUpdate: now().Add(time.Hour)}
	for _, s := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: now().Add(-time.Hour)})
	}
	for _, f := range change {
		f(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, c.certificate, c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	return der
}

func chain(certificates ...*x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{certificates}}
}

func list(g *WithT, clients ...access.Client) *access.List {
	l, err := access.NewList(clients)
	g.Expect(err).NotTo(HaveOccurred())
	return l
}

// TestIdentityIsOctets: only the very octets configured are the client's.
func TestIdentityIsOctets(t *testing.T) {
	g := NewWithT(t)
	root, other := newCA(t, "root", nil), newCA(t, "other", nil)
	l := list(g,
		access.Client{Name: "ca", Identity: identity, Roots: []*x509.Certificate{root.certificate}},
		access.Client{Name: "rival", Identity: "spiffe://rival.example/mpic", Roots: []*x509.Certificate{other.certificate}})
	for name, tc := range map[string]struct {
		uris []string
		want access.Cause
	}{
		"the identity":       {[]string{identity}, ""},
		"scheme in capitals": {[]string{"SPIFFE://ca.example/mpic"}, access.Unknown},
		"host in capitals":   {[]string{"spiffe://CA.example/mpic"}, access.Unknown},
		"an empty fragment":  {[]string{identity + "#"}, access.Unknown},
		"an empty query":     {[]string{identity + "?"}, access.Unknown},
		"an escaped letter":  {[]string{"spiffe://ca.example/mpi%63"}, access.Unknown},
		"a trailing slash":   {[]string{identity + "/"}, access.Unknown},
		"a default port":     {[]string{"spiffe://ca.example:/mpic"}, access.Unknown},
		"a dot segment":      {[]string{"spiffe://ca.example/./mpic"}, access.Unknown},
		"longer":             {[]string{identity + "x"}, access.Unknown},
		"none":               {nil, access.Unknown},
		"two":                {[]string{identity, "spiffe://b.example/x"}, access.Unknown},
		"the same twice":     {[]string{identity, identity}, access.Unknown},
		"another root's":     {[]string{"spiffe://rival.example/mpic"}, access.Unknown},
		"nobody's":           {[]string{"spiffe://c.example/mpic"}, access.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			caller, denial := l.ByCertificate(chain(root.client(1, tc.uris...), root.certificate), now())
			if tc.want == "" {
				g.Expect(denial).To(BeNil())
				g.Expect(caller.Name).To(Equal("ca"))
				g.Expect(caller.Credential).To(MatchRegexp(`^certificate [0-9a-f]{16}$`))
				return
			}
			g.Expect(denial).NotTo(BeNil())
			g.Expect(denial.Cause).To(Equal(tc.want))
		})
	}
	_, denial := l.ByCertificate(chain(root.client(1, identity), root.certificate), now().AddDate(0, 7, 0))
	g.Expect(denial).To(HaveField("Detail", ContainSubstring("has expired")))
	_, denial = l.ByCertificate(nil, now())
	g.Expect(denial).To(HaveField("Cause", access.NoCredentials))
}

// TestRevocations: what is listed is refused, and so is what no current CRL vouches
// for.
func TestRevocations(t *testing.T) {
	root := newCA(t, "root", nil)
	middle := newCA(t, "middle", root)
	below := chain(middle.client(3, identity), middle.certificate, root.certificate)
	direct := chain(middle.client(3, identity), middle.certificate)
	for name, tc := range map[string]struct {
		lists [][]byte
		state *tls.ConnectionState
		later time.Duration
		want  access.Cause
		says  string
	}{
		"not listed":                     {[][]byte{root.crl([]int64{5})}, chain(root.client(4, identity), root.certificate), 0, "", ""},
		"listed":                         {[][]byte{root.crl([]int64{5, 4})}, chain(root.client(4, identity), root.certificate), 0, access.Revoked, "serial number 4 "},
		"the CRL ends":                   {[][]byte{root.crl(nil)}, chain(root.client(4, identity), root.certificate), 2 * time.Hour, access.RevocationUnknown, "expired: nextUpdate"},
		"listed, and the CRL ends":       {[][]byte{root.crl([]int64{4})}, chain(root.client(4, identity), root.certificate), 2 * time.Hour, access.Revoked, "revoked"},
		"no CRL of the intermediate":     {[][]byte{root.crl(nil)}, below, 0, access.RevocationUnknown, "no CRL of CN=middle"},
		"no CRL of the root":             {[][]byte{middle.crl(nil)}, below, 0, access.RevocationUnknown, "no CRL of CN=root"},
		"CRLs of both":                   {[][]byte{root.crl(nil), middle.crl(nil)}, below, 0, "", ""},
		"the intermediate is revoked":    {[][]byte{root.crl([]int64{7}), middle.crl(nil)}, below, 0, access.Revoked, "serial number 7 of CN=root"},
		"the intermediate is the anchor": {[][]byte{middle.crl(nil)}, direct, 0, "", ""},
		"an anchor that is revoked":      {[][]byte{root.crl([]int64{7}), middle.crl(nil)}, direct, 0, access.Revoked, "serial number 7 of CN=root"},
		"listed by a CA of another name": {[][]byte{root.crl(nil), middle.crl([]int64{4})}, chain(root.client(4, identity), root.certificate), 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			anchors := []*x509.Certificate{root.certificate, middle.certificate}
			r, err := access.ParseRevocations(inPEM(tc.lists...), anchors, now())
			g.Expect(err).NotTo(HaveOccurred())
			l := list(g, access.Client{Name: "ca", Identity: identity, Roots: anchors, Revocations: r})
			caller, denial := l.ByCertificate(tc.state, now().Add(tc.later))
			if tc.want == "" {
				g.Expect(denial).To(BeNil())
				g.Expect(caller.Name).To(Equal("ca"))
				return
			}
			g.Expect(denial).NotTo(BeNil())
			g.Expect(denial.Cause).To(Equal(tc.want))
			g.Expect(denial.Detail).To(ContainSubstring(tc.says))
		})
	}
}

func inPEM(lists ...[]byte) []byte {
	var out bytes.Buffer
	for _, der := range lists {
		_ = pem.Encode(&out, &pem.Block{Type: "X509 CRL", Bytes: der})
	}
	return out.Bytes()
}

// TestRevocationListsThatSayNothing are refused when they are read.
func TestRevocationListsThatSayNothing(t *testing.T) {
	root, forger := newCA(t, "root", nil), newCA(t, "root", nil)
	critical := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}
	tampered := root.crl([]int64{5})
	tampered[len(tampered)-1] ^= 1
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"DER":                 {root.crl(nil), ""},
		"PEM":                 {inPEM(root.crl(nil)), ""},
		"empty":               {nil, "expected a CRL in PEM or DER"},
		"cut":                 {root.crl(nil)[:40], "expected a CRL in PEM or DER"},
		"a certificate":       {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.certificate.Raw}), "found a PEM block CERTIFICATE"},
		"another's signature": {forger.crl(nil), "its signature: "},
		"another CA's":        {newCA(t, "other", nil).crl(nil), "expected the signature of a CA in roots_file"},
		"a changed octet":     {tampered, "its signature: "},
		"two of one issuer":   {inPEM(root.crl(nil), root.crl([]int64{1})), "expected no second one of the issuer"},
		"expired": {root.crl(nil, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now().Add(-2*time.Hour), now().Add(-time.Hour)
		}), "expired: nextUpdate: found 2026-12-15T11:00:00Z"},
		"to come": {root.crl(nil, func(l *x509.RevocationList) {
			l.ThisUpdate, l.NextUpdate = now().Add(time.Hour), now().Add(2*time.Hour)
		}), "thisUpdate: found 2026-12-15T13:00:00Z"},
		"a delta CRL": {
			root.crl(nil, func(l *x509.RevocationList) { l.ExtraExtensions = []pkix.Extension{critical} }),
			"found the critical extension 2.5.29.27",
		},
		"an entry for another issuer": {root.crl(nil, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{
				SerialNumber: big.NewInt(1), RevocationTime: now(), ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{5, 0}}},
			}}
		}), "serial number 1: found the critical extension 2.5.29.29"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := access.ParseRevocations(tc.data, []*x509.Certificate{root.certificate}, now())
			if tc.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

// TestKeys: a key is its client's until it ends, and nothing like it is.
func TestKeys(t *testing.T) {
	g := NewWithT(t)
	secret, kept := access.NewKey()
	second, old := access.NewKey()
	old.NotAfter = now()
	l := list(g, access.Client{Name: "other", Keys: []access.Key{old}}, access.Client{Name: "ra", Keys: []access.Key{kept}})
	caller, denial := l.ByKey(secret, now())
	g.Expect(denial).To(BeNil())
	g.Expect(caller.Name).To(Equal("ra"))
	g.Expect(caller.Credential).To(Equal("api-key " + kept.ID()))
	g.Expect(secret).To(MatchRegexp(`^mpicsim_[A-Z2-7]{52}$`))
	g.Expect(secret).NotTo(ContainSubstring(kept.ID()))
	caller, denial = l.ByKey(second, now())
	g.Expect(denial).To(BeNil())
	g.Expect(caller.Name).To(Equal("other"))
	_, denial = l.ByKey(second, now().Add(time.Nanosecond))
	g.Expect(denial).To(HaveField("Detail", ContainSubstring("expired")))
	for _, wrong := range []string{"", secret[:len(secret)-1], secret + " ", strings.ToLower(secret), hex.EncodeToString(kept.SHA256[:])} {
		_, denial = l.ByKey(wrong, now())
		g.Expect(denial).To(HaveField("Cause", access.Unknown), "%q", wrong)
	}
}

func TestKeysFile(t *testing.T) {
	g := NewWithT(t)
	_, kept := access.NewKey()
	entry := access.KeyEntry{Client: "ra", SHA256: hex.EncodeToString(kept.SHA256[:])}
	keys, err := access.KeysFile{Keys: []access.KeyEntry{entry}}.ByClient()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(keys).To(Equal(map[string][]access.Key{"ra": {kept}}))
	_, err = access.KeysFile{Keys: []access.KeyEntry{{SHA256: entry.SHA256}}}.ByClient()
	g.Expect(err).To(MatchError("keys[0].client: missing"))
	_, err = access.KeysFile{Keys: []access.KeyEntry{entry, {Client: "ra", SHA256: "00"}}}.ByClient()
	g.Expect(err).To(MatchError(`keys[1].sha256: found "00", expected 64 hexadecimal digits`))
	_, err = access.KeysFile{Keys: make([]access.KeyEntry, 10_001)}.ByClient()
	g.Expect(err).To(MatchError("keys: found 10001, expected at most 10000"))
}

// TestClients: what is incomplete or not unique is named.
func TestClients(t *testing.T) {
	root := newCA(t, "root", nil)
	_, key := access.NewKey()
	full := func(change func(*access.Client)) access.Client {
		c := access.Client{
			Name: "ca", Identity: identity, Roots: []*x509.Certificate{root.certificate}, Methods: perspectives.Methods(),
			IssuerDomains: []string{"ca.example"}, ChecksPerSecond: 1, Burst: 1,
		}
		change(&c)
		return c
	}
	for want, clients := range map[string][]access.Client{
		"a client without a name":                            {full(func(c *access.Client) { c.Name = "" })},
		`client "ca": identity "ca.example": expected a URI`: {full(func(c *access.Client) { c.Identity = "ca.example" })},
		`found ' ', expected the characters of a URI`:        {full(func(c *access.Client) { c.Identity = "spiffe://ca.example/a b" })},
		`client "ca": roots: `:                               {full(func(c *access.Client) { c.Roots = nil })},
		`method "x": expected one of`:                        {full(func(c *access.Client) { c.Methods = []perspectives.Method{"x"} })},
		`issuer domain "CA.example": expected`:               {full(func(c *access.Client) { c.IssuerDomains = []string{"CA.example"} })},
		`burst 0: expected 1 or more with a rate`:            {full(func(c *access.Client) { c.Burst = 0 })},
		`burst 1: expected 0 without a rate`:                 {full(func(c *access.Client) { c.ChecksPerSecond = 0 })},
		`daily quota -1: expected`:                           {full(func(c *access.Client) { c.DailyQuota = -1 })},
		`concurrent checks -1: expected`:                     {full(func(c *access.Client) { c.Concurrent = -1 })},
		`client "ca": expected no second one of the name`:    {full(func(*access.Client) {}), full(func(c *access.Client) { c.Identity += "2" })},
		`already that of "ca"`:                               {full(func(*access.Client) {}), full(func(c *access.Client) { c.Name = "b" })},
		`already that of "a"`:                                {{Name: "a", Keys: []access.Key{key}}, {Name: "b", Keys: []access.Key{key}}},
	} {
		_, err := access.NewList(clients)
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring(want)))
	}
	l := list(NewWithT(t), full(func(*access.Client) {}), access.Client{Name: "a", Keys: []access.Key{key}}, access.Client{Name: "b", Keys: []access.Key{{}}})
	NewWithT(t).Expect([]any{l.Len(), l.HasCertificates(), l.HasKeys()}).To(Equal([]any{3, true, true}))
	l = list(NewWithT(t), full(func(*access.Client) {}), access.Client{Name: "a"})
	NewWithT(t).Expect(l.HasKeys()).To(BeTrue(), "a client without identity and without keys may get one")
	l = list(NewWithT(t), full(func(*access.Client) {}))
	NewWithT(t).Expect(l.HasKeys()).To(BeFalse())
}
