package conformance

import (
	"fmt"
	"strings"
	"time"

	"mpicsim/sim/names"
)

// nameSpace returns the DNS from the signed root down to all fixtures.
func nameSpace(start time.Time) (*names.Hierarchy, error) {
	sign := signing(start)
	h, err := names.HierarchySpec{
		Root:            []names.NameServer{server("a.root-servers.net", hostRoot)},
		DefaultRegistry: []names.NameServer{server("a.gtld-servers.net", hostRegistry)},
		Zones:           append(append(openMPICZones(), caaSuiteZones(sign)...), ourZones(sign)...),
		Sign:            sign(),
	}.Build()
	if err != nil {
		return nil, fmt.Errorf("the name space: %w", err)
	}
	return h, nil
}

// signing returns what signs a zone, with signatures that are valid at start:
// algorithm 13, also where the published zones have 5.
func signing(start time.Time) func(...names.FaultKind) *names.SigningSpec {
	return func(faults ...names.FaultKind) *names.SigningSpec {
		s := &names.SigningSpec{
			Algorithm: names.ECDSAP256SHA256, Seed: "conformance",
			Inception: start.Add(-10 * 24 * time.Hour), Expiration: start.Add(20 * 24 * time.Hour),
		}
		for _, kind := range faults {
			s.Faults = append(s.Faults, names.Fault{Kind: kind})
		}
		return s
	}
}

// server is a name server with its IPv4 addresses.
func server(name, host string) names.NameServer {
	return names.NameServer{Name: name, Addrs: addrsOf(host, false)}
}

// Values that the fixtures of Open MPIC's integration zone hold and the requests
// ask for.
const (
	integration = "integration-testing.open-mpic.org"
	dns01Hash   = "7FwkJPsKf-TH54wu4eiIFA3nhzYaevsL7953ihy-tpo"
	changeValue = "1234567890abcdefg."
	phone       = "+1-123-456-7890"
	txtMail     = "testadmin.email.txt@example.com"
	cnameMail   = "testadmin.cname.target@example.com"
	caaMail     = "caa.contactemail@example.com"
	persistCA   = "example-ca.example.com"
	persistAcct = "https://example-ca.example.com/acct/123"
)

// openMPICZones holds Open MPIC's integration zone, which is not signed.
func openMPICZones() []names.ZoneSpec {
	records := fmt.Sprintf("@ IN A %v\nwww IN A %v\ntls-alpn IN A %v\n",
		addrsOf(hostWeb, false)[0], addrsOf(hostWeb, false)[0], addrsOf(hostALPN, false)[0])
	records += challengeRecords() + contactRecords() + caaContactRecords()
	return []names.ZoneSpec{{
		Origin: integration, NameServers: []names.NameServer{server("ns1."+integration, hostOpenMPIC)},
		Records: records, TTL: time.Second,
	}}
}

// challengeRecords are for acme-dns-01, dns-change, ip-address and
// dns-persistent. The names of the alias targets follow from the chains that
// answers must report; so do the names that must not exist, which are not here.
func challengeRecords() string {
	return fmt.Sprintf(`
_acme-challenge.dns-01                     IN TXT   "%[1]s"
_acme-challenge.dns-01-multi               IN TXT   "one of"
_acme-challenge.dns-01-multi               IN TXT   "several"
_acme-challenge.dns-01-multi               IN TXT   "%[1]s"
_acme-challenge.dns-01-multi               IN TXT   "records"
_acme-challenge.dns-01-cname               IN CNAME dns-01-cname-landing
dns-01-cname-landing                       IN TXT   "%[1]s"
_acme-challenge.dns-01-cname-multi         IN CNAME dns-01-cname-multi-target-1
dns-01-cname-multi-target-1                IN CNAME dns-01-cname-multi-target-2
dns-01-cname-multi-target-2                IN CNAME dns-01-cname-multi-target-3
dns-01-cname-multi-target-3                IN CNAME dns-01-cname-multi-landing
dns-01-cname-multi-landing                 IN TXT   "%[1]s"
_acme-challenge.dns-01-leading-whitespace  IN TXT   " %[1]s"
_acme-challenge.dns-01-trailing-whitespace IN TXT   "%[1]s "

dns-change-txt                             IN TXT   "%[2]s"
dns-change-cname                           IN CNAME %[2]s
dns-change-caa                             IN CAA   0 dnschange "%[2]s"

ip-address                                 IN A     1.2.3.4
ip-address-cname                           IN CNAME ip-address
ip-address-multi                           IN A     1.2.3.3
ip-address-multi                           IN A     1.2.3.4
ip-address-multi                           IN A     1.2.3.5
ip-address-v6                              IN AAAA  2001:4860:4860::8888

_validation-persist.dns-persist            IN TXT   "%[3]s; accounturi=%[4]s"
`, dns01Hash, changeValue, persistCA, persistAcct)
}

// contactRecords are the TXT records of BR appendix A.2. What is wrong with the
// invalid ones is in their names.
func contactRecords() string {
	return fmt.Sprintf(`
_validation-contactphone.dns-phone-txt            IN TXT   "%[1]s"
_validation-contactphone.dns-phone-cname-txt      IN CNAME dns-phone-target
dns-phone-target                                  IN TXT   "%[1]s"
_validation-contactphone.dns-phone-txt-whitespace IN TXT   " %[1]s "

_validation-contactemail.dns-email-txt            IN TXT   "%[2]s"
_validation-contactemail.dns-email-txt-cname      IN CNAME dns-email-target
dns-email-target                                  IN TXT   "%[3]s"
_validation-contactemail.dns-email-txt-whitespace IN TXT   " testadmin.email.txt.whitespace@example.com "
_validation-contactemail.dns-email-txt-null-char  IN TXT   "testadmin.email.txt.null.char@example.com\000"
_validation-contactemail.dns-email-txt-junk       IN TXT   "mail us: testadmin.email.txt.junk@example.com, please"
`, phone, txtMail, cnameMail)
}

// caaContactRecords are the CAA properties of BR appendix A.1 and of S/MIME
// (RFC 9495). What is wrong with the invalid ones is in their names. That
// contact-phone-caa has no issuemail property is part of a case for S/MIME.
func caaContactRecords() string {
	return fmt.Sprintf(`
contact-email-caa            IN CAA   0   contactemail "%[1]s"
sub.contact-email-caa        IN TXT   "a name below it, without CAA records"
contact-email-caa-critical   IN CAA   128 contactemail "%[1]s"
contact-email-caa-cname      IN CNAME contact-email-caa
contact-email-caa-multi      IN CAA   0   contactemail "caa1.contactemail@example.com"
contact-email-caa-multi      IN CAA   0   contactemail "caa2.contactemail@example.com"
contact-email-caa-whitespace IN CAA   0   contactemail " %[1]s "
contact-email-caa-null       IN CAA   0   contactemail "%[1]s\000"
contact-email-no-record-set  IN TXT   "no CAA records here"

contact-phone-caa            IN CAA   0   contactphone "%[2]s"
contact-phone-caa-multi      IN CAA   0   contactphone "+1-123-456-7880"
contact-phone-caa-multi      IN CAA   0   contactphone "%[2]s"
contact-phone-caa-critical   IN CAA   128 contactphone "%[2]s"
contact-phone-caa-whitespace IN CAA   0   contactphone " %[2]s "

smime-standard               IN CAA   0   issuemail "example-ca.example.com"
smime-with-issue             IN CAA   0   issue     "example-ca1.example.com"
smime-with-issue             IN CAA   0   issuemail "example-ca2.example.com"
`, caaMail, phone)
}

const (
	caaSuite    = "caatestsuite.com"
	caaSuiteSEC = "caatestsuite-dnssec.com"
	suiteIssuer = caaSuite // whom the suite's records permit
)

// caaSuiteZones holds the CAA test suite: one zone that is not signed, with a
// child whose name server has an IPv6 address only, and one that is signed, with
// children that are broken below their DS records.
func caaSuiteZones(sign func(...names.FaultKind) *names.SigningSpec) []names.ZoneSpec {
	permits := fmt.Sprintf("@ IN CAA 0 issue %q\n", suiteIssuer)
	main := []names.NameServer{server("ns0."+caaSuite, hostCAASuite)}
	secure := []names.NameServer{server("ns0."+caaSuiteSEC, hostCAASuite)}
	child := func(label string, s names.NameServer, sign *names.SigningSpec, b names.Behaviour) names.ZoneSpec {
		return names.ZoneSpec{
			Origin: label + "." + caaSuiteSEC, NameServers: []names.NameServer{s}, Records: permits, Sign: sign, Behaviour: b,
		}
	}
	return []names.ZoneSpec{
		{Origin: caaSuite, NameServers: main, Records: caaSuiteRecords(), TTL: time.Minute},
		{Origin: "ipv6only." + caaSuite, Records: permits, TTL: time.Minute, NameServers: []names.NameServer{
			{Name: "nsipv6." + caaSuite, Addrs: addrsOf(hostCAASuite, true)},
		}},
		{Origin: caaSuiteSEC, NameServers: secure, Sign: sign(), TTL: time.Minute},
		child("expired", secure[0], sign(names.Expired), names.Normal),
		child("missing", secure[0], sign(names.Stripped), names.Normal),
		child("servfail", secure[0], sign(), names.ServFail),
		child("blackhole", server("nsblackhole."+caaSuiteSEC, hostBlackhole), sign(), names.Drop),
		child("refused", server("nsrefused."+caaSuiteSEC, hostRefused), sign(), names.Refuse),
	}
}

func caaSuiteRecords() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
empty.basic                IN CAA   0   issue ";"
deny.basic                 IN CAA   0   issue "%[1]s"
uppercase-deny.basic       IN CAA   0   ISSUE "%[1]s"
mixedcase-deny.basic       IN CAA   0   IsSuE "%[1]s"
critical1.basic            IN CAA   128 caatestsuitedummyproperty "test"
critical2.basic            IN CAA   130 caatestsuitedummyproperty "test"
sub1.deny.basic            IN TXT   "a name below deny, without CAA records"
cname-deny.basic           IN CNAME deny.basic
cname-cname-deny.basic     IN CNAME cname-deny.basic
sub1.cname-deny.basic      IN TXT   "a name below an alias"
cname-loop.basic           IN CNAME loop.cname-loop-target.basic
loop.cname-loop-target.basic IN CNAME cname-loop.basic
cname-deny-sub.basic       IN CNAME sub1.deny.basic
dname-deny.basic           IN DNAME deny.basic
dname-permit.deny.basic    IN DNAME permit.basic
cname-permit-sub.deny.basic IN CNAME sub.permit.basic
deny-wild.basic            IN CAA   0   issuewild "%[1]s"
permit.basic               IN CAA   0   caatestsuitedummyproperty "test"
deny.permit.basic          IN CAA   0   issue "%[1]s"
xss                        IN CAA   0   issue "<script>document.title='found'</script>"
big.basic                  IN CAA   0   issue "%[1]s"
`, suiteIssuer)
	for n := range 1000 {
		fmt.Fprintf(&b, "big.basic IN CAA 0 t%d \"test\"\n", n)
	}
	return b.String()
}

// ours is a zone of this suite, for group D.
const ours = "conformance.example"

// ourZones holds what no published zone has: example.com, whose lack of CAA
// records is proved, and the fixtures of group D.
func ourZones(sign func(...names.FaultKind) *names.SigningSpec) []names.ZoneSpec {
	ns := []names.NameServer{server("ns1."+ours, hostOurs)}
	return []names.ZoneSpec{
		{Origin: "example.com", NameServers: ns, Sign: sign()},
		// On other servers than its parent's, so that the parent can prove that it
		// has no DS records.
		{Origin: "insecure-servfail." + ours, NameServers: []names.NameServer{{Name: "ns0." + caaSuite}}, Behaviour: names.ServFail},
		{Origin: ours, NameServers: ns, Sign: sign(), Records: fmt.Sprintf(`
@                          IN A   %[1]v
www                        IN A   %[1]v
no-alpn                    IN A   %[2]v
flag1                      IN CAA 1 unknownproperty "the bit with the value 1 is not the critical flag"
_validation-persist.upper  IN TXT "%[3]s; accounturi=https://example-ca.example.com/ACCT/123"
_validation-persist.plain  IN TXT "%[3]s; accounturi=%[4]s"
`, addrsOf(hostOurWeb, false)[0], addrsOf(hostNoALPN, false)[0], persistCA, persistAcct)},
	}
}
