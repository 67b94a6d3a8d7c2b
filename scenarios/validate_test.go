package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

// What can be read must also make sense.
func TestValidate(t *testing.T) {
	const (
		printable = "expected printable text"
		wantName  = "expected lower-case letters, digits and hyphens"
		wantCAA   = `expected flags, tag and value of one CAA record, such as 0 issue "ca.example"`
		wantRule  = `expected a quorum rule: quorum rule `
		domain    = "expected a domain name of at least two labels, in lower case and without a trailing dot"
		host      = "expected a host name in lower case and without a trailing dot"
		date      = "expected a date such as 2026-12-15, from 1970 to 2200"
		reserved  = "which the emulated Internet uses itself"
		special   = "which holds no global unicast addresses"
		inOwned   = "expected one of 203.0.113.0/24, 192.0.2.0/24, 198.51.100.0/24"
	)
	for name, c := range map[string]badCase{
		"no name":               {"name: base\n", "", []string{"s.yaml:1:1: name: found nothing, " + wantName}},
		"an empty name":         {"name: base", `name: «""`, []string{"@1: name: found nothing, " + wantName}},
		"a name with a slash":   {"name: base", "name: «a/b", []string{`@1: name: found "a/b", ` + wantName}},
		"a name with a hyphen":  {"name: base", "name: «base-", []string{`@1: name: found "base-", ` + wantName}},
		"no title":              {"title: A title\n", "", []string{"s.yaml:1:1: title: found nothing, expected one line"}},
		"a title of two lines":  {"title: A title", `title: «"A\ntitle"`, []string{"@1: title: found the character U+000A, " + printable}},
		"a title in colour":     {"title: A title", `title: «"\e[31mA"`, []string{"@1: title: found the character U+001B, " + printable}},
		"no claim":              {"claim: A claim\n", "", []string{"s.yaml:1:1: claim: found nothing, expected what the scenario shows"}},
		"a claim in colour":     {"claim: A claim", `claim: «"\e[31mA"`, []string{"@1: claim: found the character U+001B, " + printable}},
		"a drawing with a bell": {`drawing: "A - B"`, `drawing: «"\a"`, []string{"@1: drawing: found the character U+0007, " + printable}},
		"a source right to left": {
			"sources: [one]", `sources: [one, «"\u202e"]`,
			[]string{"@1: sources[1]: found the character U+202E, " + printable},
		},

		"an unknown family": {"drawing:", "family: «other\ndrawing:", []string{`@1: family: found "other", expected one of equal-prefix, sub-prefix, dns, leaks-and-rpki, not-bgp, ca`}},
		"an empty verdict": {"drawing:", "verdict: «{}\ndrawing:", []string{
			"@1: verdict.stopped: found nothing, expected true or false",
			"@1: verdict.why: found nothing, expected why, or why not",
			"@1: verdict.under: found nothing, expected a quorum rule, such as br@2026-12-15 or 4/5",
			"@1: verdict.checks: found nothing, expected the names of the attacker's checks that it is about",
		}},
		"a verdict about nothing": {"drawing:", "verdict: {stopped: true, under: br@2026-12-15, checks: [«other, during, «during], why: so}\ndrawing:", []string{
			`@1: verdict.checks[0]: found "other", expected the name of a check in the timeline`,
			`@2: verdict.checks[2]: found "during" a second time, expected each check once`,
		}},

		"another's path": {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], path: [«10, 64500], forged-origin: «true, prepend: 65}", []string{
			"@1: timeline[1].hijack.path[0]: found AS 10, expected the attacker's AS 64666",
			"@2: timeline[1].hijack.forged-origin: found true beside path, expected one or the other",
			"s.yaml:46:101: timeline[1].hijack.prepend: found 65, expected a number from 0 to 64",
		}},
		"announced to nobody":            {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], export: «{}}", []string{"@1: timeline[1].hijack.export: found nothing, expected to, classes or except"}},
		"announced to a stranger, twice": {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], export: {to: [10, «10]}}", []string{"@1: timeline[1].hijack.export.to[1]: found AS 10 a second time, expected each neighbour once"}},
		"announced to a stranger":        {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], export: {to: [«64500]}}", []string{"@1: timeline[1].hijack.export.to[0]: found AS 64500, expected a neighbour of the attacker's AS 64666"}},

		"two topologies": {"topology:\n", "topology:\n  «file: x\n", []string{"@1: topology: found 2 of synthetic, file and links, expected exactly one"}},
		"three topologies": {"topology:\n", "topology:\n  «file: x\n  synthetic: {ases: 10}\n", []string{
			"@1: topology: found 3 of synthetic, file and links, expected exactly one",
		}},
		"no AS in a topology": {"topology:\n", "topology:\n  «synthetic: {ases: «0}\n", []string{
			"@2: topology.synthetic.ases: found 0, expected a number of ASes from 10 to 1000000",
			"@1: topology: found 2 of synthetic, file and links, expected exactly one",
		}},
		"a place of no AS":         {"{as: 10, lat", "«{lat", []string{"@1: topology.places[0]: found no AS, expected an AS number"}},
		"a place for an AS twice":  {"  places:\n", "  places:\n    - {as: 10}\n", []string{"s.yaml:16:7: topology.places[1]: found AS 10 a second time, expected each AS once"}},
		"a place not on Earth":     {"lat: 41.88", "lat: 91", []string{"s.yaml:15:7: topology.places[0]: found latitude 91: want a number from -90 to 90, expected degrees"}},
		"a place that is NaN":      {"lon: -87.63", "lon: nan", []string{"s.yaml:15:7: topology.places[0]: found longitude NaN: want a number from -180 to 180, expected degrees"}},
		"a place outside":          {"{as: 10, lat", "«{as: 12, lat", []string{"@1: topology.places[0]: found AS 12, expected an AS of the topology (7 ASes)"}},
		"a link twice":             {"- 20 > 21", "- 20 > 21\n    - «20 > 21", []string{"@1: topology.links[3]: found 20 > 21 a second time, expected each link once"}},
		"peers twice, turned":      {"- 20 > 21", "- 20 > 21\n    - «20 - 10", []string{"@1: topology.links[3]: found 20 - 10 a second time, expected each link once"}},
		"a link to itself":         {"- 20 > 21", "- 20 > 21\n    - «20 > 20", []string{"@1: topology.links[3]: found 20 > 20, expected a link between two ASes"}},
		"contradicting links":      {"- 20 > 21", "- 20 > 21\n    - «20 - 21", []string{"@1: topology.links[3]: found 20 - 21, expected one link between two ASes, not also 20 > 21"}},
		"a provider upside down":   {"- 20 > 21", "- 20 > 21\n    - «21 > 20", []string{"@1: topology.links[3]: found 21 > 20, expected one link between two ASes, not also 20 > 21"}},
		"a provider cycle":         {"- 20 > 21", "- 20 > 21\n    - 21 > 22\n    - «22 > 20", []string{"@1: topology.links[4]: found 22 > 20, which makes AS 20 an indirect provider of itself, expected providers without a cycle"}},
		"two bad links":            {"- 20 > 21", "- 20 > 21\n    - «20 > 20\n    - «10 - 20", []string{"@1: topology.links[3]: found 20 > 20, expected a link between two ASes", "@2: topology.links[4]: found 10 - 20 a second time, expected each link once"}},
		"a tie-break that is none": {"lowest-neighbor", "«random", []string{`@1: routing.tie-break: found "random", expected lowest-neighbor, seeded, nearest, attacker or victim`}},

		"no victim": {"  as: 64500\n", "", []string{"s.yaml:20:3: victim.as: found nothing, expected an AS number"}},
		"a victim outside": {
			"as: 64500\n", "as: «64501\n",
			[]string{"@1: victim.as: found AS 64501, expected an AS of the topology (7 ASes)"},
		},
		"no prefixes": {"  prefixes: [203.0.113.0/24, 192.0.2.0/24]\n", "", []string{
			"s.yaml:20:3: victim.prefixes: found nothing, expected at least one prefix",
			"s.yaml:22:9: victim.web[0]: found 203.0.113.80, expected an address in one of victim.prefixes",
			"s.yaml:45:35: timeline[1].hijack.prefixes[0]: found 203.0.113.0/24, expected one of 198.51.100.0/24, or a prefix in one of them",
		}},
		"an empty list of prefixes": {"[203.0.113.0/24, 192.0.2.0/24]", "«[]", []string{
			"@1: victim.prefixes: found nothing, expected at least one prefix",
			"s.yaml:23:9: victim.web[0]: found 203.0.113.80, expected an address in one of victim.prefixes",
			"s.yaml:46:35: timeline[1].hijack.prefixes[0]: found 203.0.113.0/24, expected one of 198.51.100.0/24, or a prefix in one of them",
		}},
		"a prefix twice":       {"192.0.2.0/24]", "192.0.2.0/24, «192.0.2.0/24]", []string{"@1: victim.prefixes[2]: found 192.0.2.0/24 a second time, expected each prefix once"}},
		"a perspective's":      {"192.0.2.0/24]", "«10.1.0.0/16]", []string{"@1: victim.prefixes[1]: found 10.1.0.0/16, expected a prefix outside 10.0.0.0/8, " + reserved}},
		"the root's":           {"192.0.2.0/24]", "«198.19.0.0/24]", []string{"@1: victim.prefixes[1]: found 198.19.0.0/24, expected a prefix outside 198.19.0.0/16, " + reserved}},
		"the routers'":         {"192.0.2.0/24]", "«100.65.0.0/16]", []string{"@1: victim.prefixes[1]: found 100.65.0.0/16, expected a prefix outside 100.64.0.0/10, " + reserved}},
		"unique local":         {"192.0.2.0/24]", `«"fd00:1::/32"]`, []string{"@1: victim.prefixes[1]: found fd00:1::/32, expected a prefix outside fc00::/7, " + reserved}},
		"loopback":             {"192.0.2.0/24]", "«127.0.0.0/8]", []string{"@1: victim.prefixes[1]: found 127.0.0.0/8, expected a prefix outside 127.0.0.0/8, " + special}},
		"link-local":           {"192.0.2.0/24]", "«169.254.1.0/24]", []string{"@1: victim.prefixes[1]: found 169.254.1.0/24, expected a prefix outside 169.254.0.0/16, " + special}},
		"this network":         {"192.0.2.0/24]", "«0.1.0.0/16]", []string{"@1: victim.prefixes[1]: found 0.1.0.0/16, expected a prefix outside 0.0.0.0/8, " + special}},
		"multicast":            {"192.0.2.0/24]", "«224.1.0.0/16]", []string{"@1: victim.prefixes[1]: found 224.1.0.0/16, expected a prefix outside 224.0.0.0/3, " + special}},
		"future use":           {"192.0.2.0/24]", "«240.1.0.0/16]", []string{"@1: victim.prefixes[1]: found 240.1.0.0/16, expected a prefix outside 224.0.0.0/3, " + special}},
		"IPv6 loopback":        {"192.0.2.0/24]", `«"::/48"]`, []string{"@1: victim.prefixes[1]: found ::/48, expected a prefix outside ::/8, " + special}},
		"IPv6 link-local":      {"192.0.2.0/24]", `«"fe80::/48"]`, []string{"@1: victim.prefixes[1]: found fe80::/48, expected a prefix outside fe80::/10, " + special}},
		"IPv6 multicast":       {"192.0.2.0/24]", `«"ff02::/48"]`, []string{"@1: victim.prefixes[1]: found ff02::/48, expected a prefix outside ff00::/8, " + special}},
		"everything":           {"192.0.2.0/24]", "«0.0.0.0/0]", []string{"@1: victim.prefixes[1]: found 0.0.0.0/0, expected a prefix outside 10.0.0.0/8, " + reserved, "s.yaml:29:11: attacker.prefix: found 198.18.66.0/24, expected a prefix apart from 0.0.0.0/0"}},
		"too long a prefix":    {"192.0.2.0/24]", "«192.0.2.0/25]", []string{"@1: victim.prefixes[1]: found 192.0.2.0/25, expected a length from 1 to 24"}},
		"too long for IPv6":    {"192.0.2.0/24]", `«"2001:db8::/49"]`, []string{"@1: victim.prefixes[1]: found 2001:db8::/49, expected a length from 1 to 48"}},
		"too many prefixes":    {"192.0.2.0/24]", prefixList(64) + "]", []string{"s.yaml:21:13: victim.prefixes: found 65 prefixes, expected at most 64"}},
		"no domain":            {"  domain: shop.example\n", "", []string{"s.yaml:20:3: victim.domain: found nothing, " + domain}},
		"one label":            {"domain: shop.example", "domain: «example", []string{`@1: victim.domain: found "example", ` + domain}},
		"upper case":           {"domain: shop.example", "domain: «Shop.example", []string{`@1: victim.domain: found "Shop.example", ` + domain}},
		"a trailing dot":       {"domain: shop.example", "domain: «shop.example.", []string{`@1: victim.domain: found "shop.example.", ` + domain}},
		"a wildcard":           {"domain: shop.example", `domain: «"*.shop.example"`, []string{`@1: victim.domain: found "*.shop.example", ` + domain}},
		"an address":           {"domain: shop.example", "domain: «192.0.2.80", []string{`@1: victim.domain: found "192.0.2.80", ` + domain + ", with valid Punycode after xn-- and not an address"}},
		"a number for a TLD":   {"domain: shop.example", "domain: «shop.10", []string{`@1: victim.domain: found "shop.10", ` + domain + ", with valid Punycode after xn-- and not an address"}},
		"hyphen at the end":    {"domain: shop.example", "domain: «shop.example-", []string{`@1: victim.domain: found "shop.example-", ` + domain + ", with valid Punycode after xn-- and not an address"}},
		"a bad A-label":        {"domain: shop.example", "domain: «xn--99999999.example", []string{`@1: victim.domain: found "xn--99999999.example", ` + domain + ", with valid Punycode after xn-- and not an address"}},
		"the root servers'":    {"domain: shop.example", "domain: «x.root-servers.net", []string{`@1: victim.domain: found "x.root-servers.net", expected a name outside root-servers.net, where the upper name servers are`}},
		"the TLD servers'":     {"domain: shop.example", "domain: «tld-servers.net", []string{`@1: victim.domain: found "tld-servers.net", expected a name outside tld-servers.net, where the upper name servers are`}},
		"too long a domain":    {"domain: shop.example", "domain: «" + strings.Repeat("a.", 100) + "example", []string{"@1: victim.domain: found 207 characters, expected at most 200, so that names fit below it"}},
		"no web":               {"  web: [203.0.113.80]\n", "", []string{"s.yaml:20:3: victim.web: found nothing, expected at least one address"}},
		"an empty web":         {"web: [203.0.113.80]", "web: «[]", []string{"@1: victim.web: found nothing, expected at least one address"}},
		"web outside":          {"web: [203.0.113.80]", "web: [«198.51.100.80]", []string{"@1: victim.web[0]: found 198.51.100.80, expected an address in one of victim.prefixes", "@1: victim.web[0]: found 198.51.100.80, expected an address outside 198.51.100.0/24, which AS 64510 announces"}},
		"web twice":            {"web: [203.0.113.80]", "web: [203.0.113.80, «203.0.113.80]", []string{"@1: victim.web[1]: found 203.0.113.80 a second time, expected each address once"}},
		"too many web":         {"web: [203.0.113.80]", "web: «[203.0.113.1" + addressList(16) + "]", []string{"@1: victim.web: found 17 addresses, expected at most 16"}},
		"CAA that is none":     {`'0 issue "ca.example"'`, "«hello", []string{`@1: victim.caa[0]: found "hello", ` + wantCAA}},
		"CAA with flags 256":   {`'0 issue "ca.example"'`, `«'256 issue "ca.example"'`, []string{`@1: victim.caa[0]: found "256 issue \"ca.example\"", ` + wantCAA}},
		"CAA and more records": {`'0 issue "ca.example"'`, `«"0 issue \"ca.example\"\n@ IN A 192.0.2.1"`, []string{`@1: victim.caa[0]: found "0 issue \"ca.example\"\n@ IN A 192.0.2.1", ` + wantCAA}},
		"CAA left open":        {`'0 issue "ca.example"'`, `«'( 0 issue "ca.example"'`, []string{`@1: victim.caa[0]: found "( 0 issue \"ca.example\"", ` + wantCAA}},
		"an empty CAA":         {`'0 issue "ca.example"'`, `«''`, []string{`@1: victim.caa[0]: found nothing, ` + wantCAA}},

		"no name servers": {
			"  name-servers:\n    - {name: ns1.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53}\n", "",
			[]string{"s.yaml:20:3: victim.name-servers: found nothing, expected at least one name server"},
		},
		"a name server without anything": {"{name: ns1.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53}", "«{}", []string{
			"@1: victim.name-servers[0].name: found nothing, " + host,
			"@1: victim.name-servers[0].prefix: found nothing, expected a prefix",
			"@1: victim.name-servers[0].address: found nothing, expected an address in the name server's prefix",
		}},
		"a name server's name":       {"name: ns1.shop.example", "name: «ns1", []string{`@1: victim.name-servers[0].name: found "ns1", ` + host}},
		"a name server named as TLD": {"name: ns1.shop.example", "name: «a.tld-servers.net", []string{`@1: victim.name-servers[0].name: found "a.tld-servers.net", expected a name outside tld-servers.net, where the upper name servers are`}},
		"the domain's own name":      {"name: ns1.shop.example", "name: «shop.example", []string{`@1: victim.name-servers[0].name: found "shop.example", expected another name than the domain, whose addresses are the web server's`}},
		"a name twice":               {"  name-servers:\n", "  name-servers:\n    - {name: ns1.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.54}\n", []string{`s.yaml:27:14: victim.name-servers[1].name: found "ns1.shop.example", expected a name of its own`}},
		"an address twice":           {"  name-servers:\n", "  name-servers:\n    - {name: ns2.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53}\n", []string{`s.yaml:27:77: victim.name-servers[1].address: found 198.51.100.53, expected an address of its own`}},
		"an address outside":         {"address: 198.51.100.53", "address: «198.51.101.53", []string{"@1: victim.name-servers[0].address: found 198.51.101.53, expected an address in the name server's prefix"}},
		"a name server's prefix":     {"prefix: 198.51.100.0/24", "prefix: «127.0.0.0/24", []string{"@1: victim.name-servers[0].prefix: found 127.0.0.0/24, expected a prefix outside 127.0.0.0/8, " + special, "s.yaml:26:74: victim.name-servers[0].address: found 198.51.100.53, expected an address in the name server's prefix"}},
		"the victim's prefix in another AS": {"prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: 203.0.113.0/24, address: 203.0.113.53", []string{
			"s.yaml:26:36: victim.name-servers[0].as: found AS 64510, expected AS 64500, which announces 203.0.113.0/24 already",
		}},
		"the web server's address": {"as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: 203.0.113.0/24, address: «203.0.113.80", []string{
			"@1: victim.name-servers[0].address: found 203.0.113.80, expected another address than the web server's",
		}},
		"a web server in a name server's longer prefix": {
			"prefixes: [203.0.113.0/24, 192.0.2.0/24]\n  domain: shop.example\n  web: [203.0.113.80]", "prefixes: [203.0.113.0/24, 198.51.0.0/16]\n  domain: shop.example\n  web: [«198.51.100.80]",
			[]string{"@1: victim.web[0]: found 198.51.100.80, expected an address outside 198.51.100.0/24, which AS 64510 announces"},
		},
		"a name server in the victim's longer prefix": {
			"prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: 203.0.0.0/16, address: «203.0.113.53",
			[]string{"@1: victim.name-servers[0].address: found 203.0.113.53, expected an address outside 203.0.113.0/24, which AS 64500 announces"},
		},
		"a name server's AS outside": {"as: 64510", "as: «64511", []string{"@1: victim.name-servers[0].as: found AS 64511, expected an AS of the topology (7 ASes)"}},
		"too many name servers":      {"  name-servers:\n", "  name-servers:«\n" + nameServers(13), []string{"s.yaml:26:5: victim.name-servers: found 14 name servers, expected at most 13"}},

		"no attacker":                        {"  as: 64666\n", "", []string{"s.yaml:28:3: attacker.as: found nothing, expected an AS number"}},
		"an attacker outside":                {"as: 64666", "as: «64667", []string{"@1: attacker.as: found AS 64667, expected an AS of the topology (7 ASes)"}},
		"the victim as the attacker":         {"as: 64666", "as: «64500", []string{"@1: attacker.as: found AS 64500, expected another AS than the victim's"}},
		"the attacker with the name servers": {"as: 64666", "as: «64510", []string{"@1: attacker.as: found AS 64510, expected another AS than that of the victim's name server ns1.shop.example"}},
		"a prefix alone":                     {"  address: 198.18.66.66\n", "", []string{"s.yaml:28:3: attacker.address: found nothing, expected an address in attacker.prefix"}},
		"an address alone":                   {"  prefix: 198.18.66.0/24\n", "", []string{"s.yaml:28:3: attacker.prefix: found nothing, expected a prefix", "s.yaml:29:12: attacker.address: found 198.18.66.66, expected an address in attacker.prefix"}},
		"the attacker's address outside":     {"address: 198.18.66.66", "address: «198.18.67.66", []string{"@1: attacker.address: found 198.18.67.66, expected an address in attacker.prefix"}},
		"the attacker in the victim's": {"prefix: 198.18.66.0/24\n  address: 198.18.66.66", "prefix: «192.0.2.0/24\n  address: 192.0.2.66", []string{
			"@1: attacker.prefix: found 192.0.2.0/24, expected a prefix apart from 192.0.2.0/24",
		}},
		"the attacker around a name server": {"prefix: 198.18.66.0/24\n  address: 198.18.66.66", "prefix: «198.51.0.0/16\n  address: 198.51.3.66", []string{
			"@1: attacker.prefix: found 198.51.0.0/16, expected a prefix apart from 198.51.100.0/24",
		}},
		"the root outside": {"root-as: 10", "root-as: «12", []string{"@1: dns.root-as: found AS 12, expected an AS of the topology (7 ASes)"}},
		"the TLD outside":  {"tld-as: 20", "tld-as: «12", []string{"@1: dns.tld-as: found AS 12, expected an AS of the topology (7 ASes)"}},

		"no date":               {"  date: 2026-12-15\n", "", []string{"s.yaml:35:3: ca.date: found nothing, " + date}},
		"a day that is none":    {"date: 2026-12-15", "date: «2026-02-30", []string{`@1: ca.date: found "2026-02-30", ` + date}},
		"a date before the era": {"date: 2026-12-15", "date: «1969-12-31", []string{`@1: ca.date: found "1969-12-31", ` + date}},
		"a date far away":       {"date: 2026-12-15", "date: «2201-01-01", []string{`@1: ca.date: found "2201-01-01", ` + date}},
		"a rule that is none":   {"rule: br", "rule: «most", []string{`@1: ca.rule: found "most", ` + wantRule + `"most": want one of br, br@YYYY-MM-DD, k/n, primary-only, all, n-1, n-2, lets-encrypt-2020, boulder`}},
		"a rule of 3 of 2":      {"rule: br", "rule: «3/2", []string{`@1: ca.rule: found "3/2", ` + wantRule + `"3/2": quorum 3/2: want k/n with 1 <= k <= n`}},
		"a method that is none": {"method: acme-http-01", "method: «http-01", []string{`@1: ca.method: found "http-01", expected acme-http-01 or acme-dns-01`}},
		"no method":             {"  method: acme-http-01\n", "", []string{"s.yaml:35:3: ca.method: found nothing, expected acme-http-01 or acme-dns-01"}},
		"an issuer in capitals": {"issuer: ca.example", "issuer: «CA.example", []string{`@1: ca.issuer: found "CA.example", expected a domain name`}},
		"an egress of none":     {"egress: auto", "egress: «far", []string{`@1: ca.egress: found "far", expected auto, backbone, neighbors, nearest or nearest:N`}},
		"nearest 0":             {"egress: auto", "egress: «nearest:0", []string{`@1: ca.egress: found "nearest:0", expected auto, backbone, neighbors, nearest or nearest:N`}},
	} {
		t.Run(name, c.run)
	}
}

func TestValidatePerspectives(t *testing.T) {
	const (
		remote   = "{name: there, city: There, lat: 1.5, lon: 2.5, rir: RIPE NCC, as: 21}"
		all      = "  perspectives:\n    primary: {region: aws/us-east-2, as: 11}\n    remotes:\n      - " + remote + "\n"
		wantSite = "expected letters and digits, joined by /, ., _ or -, at most 64 characters"
	)
	field := "ca.perspectives.remotes[0]"
	for name, c := range map[string]badCase{
		"none":       {all, "", []string{"s.yaml:35:3: ca.perspectives: found not exactly one form, expected either set, or primary and remotes"}},
		"two forms":  {"    primary: {", "    «set: openmpic-default\n    primary: {", []string{"@1: ca.perspectives: found not exactly one form, expected either set, or primary and remotes"}},
		"no primary": {"    primary: {region: aws/us-east-2, as: 11}\n    remotes", "    «remotes", []string{"@1: ca.perspectives.primary: found nothing, expected the primary perspective"}},
		"no set":     {all, "  perspectives: {set: «everything}\n", []string{`@1: ca.perspectives.set: found "everything", expected a perspective set: SETS`}},
		"an odd set": {all, "  perspectives: {set: «'aws/us-east-2:'}\n", []string{`@1: ca.perspectives.set: found "aws/us-east-2:", expected a perspective set: ADHOC`}},
		"no region":  {"region: aws/us-east-2", "region: «aws/us-east-9", []string{`@1: ca.perspectives.primary.region: found "aws/us-east-9", expected REGION`}},
		"region beside name": {"region: aws/us-east-2", "region: «aws/us-east-2, name: x", []string{
			"@1: ca.perspectives.primary.region: found a region beside name, city, lat, lon or rir, expected one or the other",
		}},
		"nothing at all": {remote, "«{}", []string{
			"@1: " + field + ".name: found nothing, expected a name, or region for one of the catalog",
			"@1: " + field + ".rir: found nothing, expected AFRINIC, APNIC, ARIN, LACNIC or RIPE NCC",
			"@1: " + field + ".lat: found nothing, expected degrees north, -90 to 90",
			"@1: " + field + ".lon: found nothing, expected degrees east, -180 to 180",
		}},
		"a site not on Earth":       {"lat: 1.5", "lat: «-91", []string{"@1: " + field + ".lat: found latitude -91: want a number from -90 to 90, expected degrees"}},
		"a city in colour":          {"city: There", `city: «"\e[1mT"`, []string{"@1: " + field + `.city: found "\x1b[1mT", expected printable text of at most 64 bytes`}},
		"a name with a space":       {"name: there", "name: «over there", []string{"@1: " + field + `.name: found "over there", ` + wantSite}},
		"a name with a comma":       {"name: there", `name: «"there,here"`, []string{"@1: " + field + `.name: found "there,here", ` + wantSite}},
		"a name like the attacker":  {remote, strings.Replace("«"+remote, "there", "attacker", 1), []string{"@1: " + field + `: found perspective "attacker", expected another name than that of a host in the story, or of nobody`}},
		"a name server's name":      {remote, strings.Replace("«"+remote, "there", "ns1.shop.example", 1), []string{"@1: " + field + `: found perspective "ns1.shop.example", expected another name than that of a host in the story, or of nobody`}},
		"nobody":                    {remote, strings.Replace("«"+remote, "there", "nobody", 1), []string{"@1: " + field + `: found perspective "nobody", expected another name than that of a host in the story, or of nobody`}},
		"a perspective twice":       {"remotes:\n", "remotes:\n      - " + remote + "\n", []string{"s.yaml:44:9: ca.perspectives.remotes[1]: found perspective \"there\" a second time, expected each perspective once"}},
		"the primary as a remote":   {remote, "«{region: aws/us-east-2, as: 11}", []string{"@1: " + field + `: found perspective "aws/us-east-2" a second time, expected each perspective once`}},
		"AS and providers":          {"as: 21", "as: «21, providers: [10]", []string{"@1: " + field + ".as: found AS 21 beside providers or peers, expected either as, or providers and peers"}},
		"a provider twice":          {"as: 21", "providers: [10, «10]", []string{"@1: " + field + ".providers[1]: found AS 10 a second time, expected each neighbour once"}},
		"a provider that is a peer": {"as: 21", "providers: [10], peers: [20, «10]", []string{"@1: " + field + ".peers[1]: found AS 10 a second time, expected each neighbour once"}},
		"an AS outside":             {"as: 21", "as: «12", []string{"@1: " + field + ".as: found AS 12, expected an AS of the topology (7 ASes)"}},
		"a provider outside":        {"as: 21", "providers: [10, «12]", []string{"@1: " + field + ".providers[1]: found AS 12, expected an AS of the topology (7 ASes)"}},
		"a peer outside":            {"as: 21", "peers: [«12]", []string{"@1: " + field + ".peers[0]: found AS 12, expected an AS of the topology (7 ASes)"}},
		"too many": {remote, remote + sites(255), []string{
			"s.yaml:41:5: ca.perspectives: found 257 perspectives in all checks, expected at most 256",
		}},
		"attached in two ways": {
			"check: {name: during}}", "check: {name: during, perspectives: {primary: {region: aws/us-east-2, as: 11}, remotes: [" + remote + ", {region: aws/us-east-1, as: 11}]}}}\n" +
				"  - {at: 91s, check: {name: again, perspectives: {primary: «{region: aws/us-east-2, as: 21}, remotes: [«" + strings.Replace(remote, "1.5", "1.4", 1) + ", «{region: aws/us-east-1, providers: [10]}]}}}",
			[]string{
				`@1: timeline[3].check.perspectives.primary: found perspective "aws/us-east-2" attached or described in another way, expected the same as at timeline[2].check.perspectives.primary`,
				`@2: timeline[3].check.perspectives.remotes[0]: found perspective "there" attached or described in another way, expected the same as at timeline[2].check.perspectives.remotes[0]`,
				`@3: timeline[3].check.perspectives.remotes[1]: found perspective "aws/us-east-1" attached or described in another way, expected the same as at timeline[2].check.perspectives.remotes[1]`,
			},
		},
		"bad ones of a check": {
			"check: {name: during}}", "check: {name: during, perspectives: {primary: {region: «nowhere/1}, remotes: [{region: «nowhere/2}]}}}",
			[]string{
				`@1: timeline[2].check.perspectives.primary.region: found "nowhere/1", expected REGION`,
				`@2: timeline[2].check.perspectives.remotes[0].region: found "nowhere/2", expected REGION`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text, want := locate(change(t, change(t, base, "fooled: [there]", "fooled: []"), c.old, c.new), c.want)
			_, err := scenarios.Parse([]byte(text), "s.yaml")
			got := messages(err)
			for n := range min(len(got), len(want)) {
				// What the catalog has to say is its own matter.
				for _, word := range []string{"SETS", "ADHOC", "REGION"} {
					if head, ok := strings.CutSuffix(want[n], word); ok {
						g.Expect(got[n]).To(HavePrefix(head))
						g.Expect(len(got[n])).To(BeNumerically(">", len(head)))
						want[n] = got[n]
					}
				}
			}
			g.Expect(got).To(Equal(want))
		})
	}
}

func TestValidateTimeline(t *testing.T) {
	const (
		timeline = "timeline:\n  - {at: 0s, announce: {}}\n  - {at: 60s, hijack: {prefixes: [203.0.113.0/24]}}\n  - {at: 90s, check: {name: during}}\n  - {at: 120s, withdraw: {by: attacker}}\n"
		expect   = "expect:\n  - {check: during, issue: false, reason: quorum-met, quorum: 1/1, fooled: [there]}\n"
		hijack   = "hijack: {prefixes: [203.0.113.0/24]}"
		check    = "check: {name: during}}"
		withdraw = "withdraw: {by: attacker}"
		wantName = "expected lower-case letters, digits and hyphens"
		owned    = "expected one of 203.0.113.0/24, 192.0.2.0/24, 198.51.100.0/24"
	)
	for name, c := range map[string]badCase{
		"none":      {timeline + expect, "", []string{"s.yaml:1:1: timeline: found nothing, expected at least one check"}},
		"empty":     {timeline + expect, "timeline: «[]\n", []string{"@1: timeline: found nothing, expected at least one check"}},
		"no check":  {timeline + expect, "timeline:\n  «- {at: 0s, announce: {}}\n", []string{"@1: timeline: found no check, expected at least one check"}},
		"no action": {withdraw, "", []string{"s.yaml:48:5: timeline[3]: found 0 of announce, hijack, attack, withdraw, rpki and check, expected exactly one"}},
		"two actions": {withdraw, withdraw + ", announce: {}", []string{
			"s.yaml:48:5: timeline[3]: found 2 of announce, hijack, attack, withdraw, rpki and check, expected exactly one",
		}},
		"no announce":             {"  - {at: 0s, announce: {}}\n", "", []string{"s.yaml:45:3: timeline: found no announce, expected the victim announcing its prefixes"}},
		"backwards":               {"at: 120s", "at: «89s", []string{"@1: timeline[3].at: found 1m29s, expected no earlier than the event before it, at 1m30s"}},
		"too late":                {"at: 120s", "at: «8785h", []string{"@1: timeline[3].at: found 8785h0m0s, expected at most 8784h0m0s"}},
		"behind the check's back": {"at: 120s", "at: «90s", []string{`@1: timeline[3].at: found 1m30s, expected a later time than that of check "during" before it, which would see this`}},
		"a stranger's prefix":     {hijack, "hijack: {prefixes: [«198.51.101.0/24]}", []string{"@1: timeline[1].hijack.prefixes[0]: found 198.51.101.0/24, " + owned + ", or a prefix in one of them"}},
		"a wider prefix":          {hijack, "hijack: {prefixes: [«203.0.112.0/23]}", []string{"@1: timeline[1].hijack.prefixes[0]: found 203.0.112.0/23, " + owned + ", or a prefix in one of them"}},
		"too narrow a prefix":     {hijack, "hijack: {prefixes: [«203.0.113.0/25]}", []string{"@1: timeline[1].hijack.prefixes[0]: found 203.0.113.0/25, expected a length from 1 to 24, or routing.policies with accepts-long"}},
		"a hijack of nothing":     {hijack, "hijack: «{}", []string{"@1: timeline[1].hijack.prefixes: found nothing, expected at least one prefix, or prefixes-of", "s.yaml:48:26: timeline[3].withdraw: found nothing that the attacker announces at this time, expected announcements to withdraw"}},
		"a hijack twice":          {hijack, "hijack: {prefixes: [203.0.113.0/24, «203.0.113.0/24]}", []string{"@1: timeline[1].hijack.prefixes[1]: found 203.0.113.0/24 a second time, expected each prefix once"}},
		"announcing part":         {"announce: {}", "announce: {prefixes: [«203.0.113.0/25]}", []string{"@1: timeline[0].announce.prefixes[0]: found 203.0.113.0/25, " + owned}},
		"announcing twice":        {"announce: {}", "announce: {prefixes: [203.0.113.0/24, «203.0.113.0/24]}", []string{"@1: timeline[0].announce.prefixes[1]: found 203.0.113.0/24 a second time, expected each prefix once"}},
		"withdrawn by nobody":     {withdraw, "withdraw: «{}", []string{"@1: timeline[3].withdraw.by: found nothing, expected victim or attacker"}},
		"withdrawn by the CA":     {withdraw, "withdraw: {by: «ca}", []string{`@1: timeline[3].withdraw.by: found "ca", expected victim or attacker`}},
		"withdrawn unannounced":   {withdraw, "withdraw: {by: attacker, prefixes: [«192.0.2.0/24]}", []string{"@1: timeline[3].withdraw.prefixes[0]: found 192.0.2.0/24, expected a prefix that the attacker announces at this time"}},
		"withdrawn by the wrong":  {withdraw, "withdraw: {by: victim, prefixes: [203.0.113.0/24, «203.0.113.0/24]}", []string{"@1: timeline[3].withdraw.prefixes[1]: found 203.0.113.0/24, expected a prefix that the victim announces at this time"}},
		"withdrawn before announced": {timeline, "timeline:\n  - {at: 0s, withdraw: «{by: victim}}\n  - {at: 1s, announce: {}}\n  - {at: 2s, withdraw: «{by: attacker}}\n  - {at: 90s, check: {name: during}}\n", []string{
			"@1: timeline[0].withdraw: found nothing that the victim announces at this time, expected announcements to withdraw",
			"@2: timeline[2].withdraw: found nothing that the attacker announces at this time, expected announcements to withdraw",
		}},
		"withdrawn twice": {withdraw + "}", withdraw + "}\n  - {at: 121s, withdraw: «{by: attacker}}", []string{
			"@1: timeline[4].withdraw: found nothing that the attacker announces at this time, expected announcements to withdraw",
		}},
		"too many events": {withdraw + "}", withdraw + "}\n" + strings.Repeat("  - {at: 121s, announce: {}}\n", 997), []string{"s.yaml:45:3: timeline: found 1001 events, expected at most 1000"}},
		"too many checks": {check, check + "\n" + checks(100), []string{"s.yaml:45:3: timeline: found 101 checks, expected at most 100"}},

		"a check's name":          {check, check + "\n  - {at: 90s, check: {name: «During}}", []string{`@1: timeline[3].check.name: found "During", ` + wantName}},
		"no name":                 {check, check + "\n  - {at: 90s, check: «{}}", []string{`@1: timeline[3].check.name: found nothing, ` + wantName}},
		"a name twice":            {check, check + "\n  - {at: 90s, check: {name: «during}}", []string{`@1: timeline[3].check.name: found "during", expected a name of its own`}},
		"an applicant":            {check, "check: {name: during, applicant: «ca}}", []string{`@1: timeline[2].check.applicant: found "ca", expected victim or attacker`}},
		"a check's date":          {check, "check: {name: during, date: «tomorrow}}", []string{`@1: timeline[2].check.date: found "tomorrow", expected a date such as 2026-12-15, from 1970 to 2200`}},
		"a check's rule":          {check, "check: {name: during, rule: «0/1}}", []string{`@1: timeline[2].check.rule: found "0/1", expected a quorum rule: quorum rule "0/1": quorum 0/1: want k/n with 1 <= k <= n`}},
		"a check's perspectives":  {check, "check: {name: during, perspectives: «{}}}", []string{"@1: timeline[2].check.perspectives: found not exactly one form, expected either set, or primary and remotes"}},
		"expecting of no check":   {"check: during,", "check: «later,", []string{`@1: expect[0].check: found "later", expected the name of a check in the timeline`}},
		"expecting without check": {"check: during, ", "«", []string{"s.yaml:50:5: expect[0].check: found nothing, expected the name of a check in the timeline"}},
		"expecting nothing":       {"{check: during, issue: false, reason: quorum-met, quorum: 1/1, fooled: [there]}", "«{check: during}", []string{"@1: expect[0]: found nothing to expect, expected issue, reason, quorum, fooled or cut-off"}},
		"a reason":                {"reason: quorum-met", "reason: «because", []string{`@1: expect[0].reason: found "because", expected one of quorum-met, monitoring, not-required, primary-dcv-failed, primary-dcv-error, primary-caa-forbids, primary-caa-error, too-few-remotes, too-many-remotes, not-distinct, resolver-rule, too-few-corroborations, too-few-rir-regions`}},
		"a quorum":                {"quorum: 1/1", "quorum: «one", []string{`@1: expect[0].quorum: found "one", expected corroborating and attempted remotes, such as "3/5"`}},
		"fooling a stranger":      {"fooled: [there]", "fooled: [there, «here]", []string{`@1: expect[0].fooled[1]: found "here", expected a perspective of this check`}},
		"fooling twice":           {"fooled: [there]", "fooled: [there, «there]", []string{`@1: expect[0].fooled[1]: found "there" a second time, expected each perspective once`}},
	} {
		t.Run(name, c.run)
	}
}

func prefixList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s20.0.%d.0/24", map[bool]string{true: ", "}[i > 0], i)
	}
	return b.String()
}

func addressList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", 203.0.113.%d", i+2)
	}
	return b.String()
}

func nameServers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "    - {name: ns%d.shop.example, as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.%d}\n", i+10, i+100)
	}
	return b.String()
}

func sites(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n      - {name: site-%d, lat: 0, lon: 0, rir: ARIN, as: 21}", i)
	}
	return b.String()
}

func checks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - {at: 90s, check: {name: check-%d}}\n", i)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// The refusals above have neighbours that are fine.
func TestValid(t *testing.T) {
	for name, c := range map[string][2]string{
		"nothing optional":                    {"sources: [one]\ndrawing: \"A - B\"\n", ""},
		"a family and a verdict":              {"drawing:", "family: dns\nverdict: {stopped: false, under: 1/1, checks: [during], why: so}\ndrawing:"},
		"no routing":                          {"routing:\n  tie-break: lowest-neighbor\n  seed: 3\n", ""},
		"no dns":                              {"dns:\n  root-as: 10\n  tld-as: 20\n", ""},
		"no places":                           {"  places:\n    - {as: 10, lat: 41.88, lon: -87.63}\n", ""},
		"no expectations":                     {"expect:\n  - {check: during, issue: false, reason: quorum-met, quorum: 1/1, fooled: [there]}\n", ""},
		"nobody fooled":                       {"fooled: [there]", "fooled: []"},
		"the attacker's defaults":             {"  prefix: 198.18.66.0/24\n  address: 198.18.66.66\n", ""},
		"an empty announce":                   {"announce: {}", "announce:"},
		"an announce that says nothing":       {"announce: {}", "announce: ~"},
		"part of the prefixes":                {"announce: {}", "announce: {prefixes: [198.51.100.0/24, 203.0.113.0/24]}"},
		"a rule of its own":                   {"rule: br", "rule: br@2025-09-15"},
		"no rule, issuer, egress":             {"  rule: br\n  method: acme-http-01\n  issuer: ca.example\n  egress: auto\n", "  method: acme-dns-01\n"},
		"a named set":                         {"    primary: {region: aws/us-east-2, as: 11}\n    remotes:\n      - {name: there, city: There, lat: 1.5, lon: 2.5, rir: RIPE NCC, as: 21}\n", "    set: aws/us-east-2:gcp/us-west1\n"},
		"no remotes":                          {"    remotes:\n      - {name: there, city: There, lat: 1.5, lon: 2.5, rir: RIPE NCC, as: 21}\n", ""},
		"a check at the moment of the hijack": {"at: 60s", "at: 90s"},
		"a withdrawal just after":             {"at: 120s", "at: 90.000000001s"},
		"the longest story":                   {"at: 120s", "at: 8784h"},
		"the longest prefixes":                {"192.0.2.0/24]", `192.0.2.0/24, "2001:db8::/48"]`},
		"a name server beside the web server": {"as: 64510, prefix: 198.51.100.0/24, address: 198.51.100.53", "prefix: 203.0.113.0/24, address: 203.0.113.53"},
		"a name server elsewhere":             {"name: ns1.shop.example", "name: ns1.dns-host.test"},
		"an A-label":                          {"domain: shop.example", "domain: xn--bcher-kva.example"},
		"a perspective at the attacker's":     {"as: 21", "as: 64666"},
		"a perspective at the victim's":       {"as: 21", "as: 64500"},
		"a perspective with neighbours":       {"as: 21", "providers: [10, 20], peers: [11]"},
		"the same perspectives in two checks": {"check: {name: during}}", "check: {name: during}}\n  - {at: 91s, check: {name: again, perspectives: {primary: {name: there, city: There, lat: 1.5, lon: 2.5, rir: RIPE NCC, as: 21}, remotes: [{region: aws/us-east-2, as: 11}]}}}"},
		"a path, scoped":                      {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], path: [64666, 64500], prepend: 2, export: {to: [10]}, no-export: true}"},
		"a forged origin":                     {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24], forged-origin: true}"},
		"CAA for nobody":                      {`'0 issue "ca.example"'`, `'0 issue ";"', '128 tbs "x"'`},
		"text in other scripts":               {"title: A title", "title: Ein Präfix – 接頭辞"},
	} {
		t.Run(name, func(t *testing.T) {
			text := base
			if !strings.Contains(c[0], "[there]") {
				text = change(t, text, "fooled: [there]", "fooled: []")
			}
			text = change(t, text, c[0], c[1])
			parse(t, text)
			expectAccepted(t, scenarioFile, text, "the schema")
		})
	}
}

func TestDefaults(t *testing.T) {
	g := NewWithT(t)
	text := base
	for _, c := range [][2]string{
		{"routing:\n  tie-break: lowest-neighbor\n  seed: 3\n", ""},
		{"as: 64510, prefix", "prefix"},
		{"  prefix: 198.18.66.0/24\n  address: 198.18.66.66\n", ""},
		{"  rule: br\n", ""},
		{"  issuer: ca.example\n  egress: auto\n", ""},
	} {
		text = change(t, text, c[0], c[1])
	}
	s := parse(t, text)
	g.Expect(s.Routing).To(Equal(scenarios.Routing{TieBreak: "seeded"}))
	g.Expect(s.Victim.NameServers[0].AS).To(BeEquivalentTo(64500))
	g.Expect(s.Attacker.Prefix.String()).To(Equal("198.18.66.0/24"))
	g.Expect(s.Attacker.Address.String()).To(Equal("198.18.66.66"))
	g.Expect(s.CA.Rule).To(Equal("br"))
	g.Expect(s.CA.Issuer).To(Equal("ca.example"))
	g.Expect(s.Timeline[2].Check.Applicant).To(Equal(scenarios.SideAttacker))
	g.Expect(s.Timeline[1].At).To(Equal(time.Minute))
}
