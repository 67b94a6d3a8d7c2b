package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
)

const (
	wantASN      = "expected an AS number from 1 to 4294967295"
	wantDuration = "expected a time of 0 or more with a unit, such as 90s or 2m30s"
	wantPrefix   = "expected a prefix without host bits, such as 203.0.113.0/24"
	wantAddress  = "expected an IPv4 or IPv6 address"
	wantLink     = `expected a link, "10 > 20" (provider of) or "10 - 20" (peers)`
	wantRIR      = "expected one of AFRINIC, APNIC, ARIN, LACNIC, RIPE NCC"
)

// What the file says must be what the types hold: nothing is skipped, guessed
// or converted.
func TestStrictReading(t *testing.T) {
	for name, c := range map[string]badCase{
		"an unknown field": {"title: A title", "«titel: A title", []string{
			`@1: found unknown field "titel", expected one of name, title, claim, sources, drawing, family, verdict, topology, routing, rpki, victim, attacker, dns, ca, timeline, expect`,
		}},
		"an unknown field inside": {"tie-break: lowest-neighbor", "«tiebreak: lowest-neighbor", []string{
			`@1: routing: found unknown field "tiebreak", expected one of tie-break, seed, policies, protected, convergence`,
		}},
		"a field twice": {"  seed: 3", "  seed: 3\n  «seed: 4", []string{`@1: routing: found field "seed" a second time, expected each field once`}},
		"the file field, which is not YAML's": {"title: A title", "title: A title\n«File: x", []string{
			`@1: found unknown field "File", expected one of name, title, claim, sources, drawing, family, verdict, topology, routing, rpki, victim, attacker, dns, ca, timeline, expect`,
		}},
		"a merge key": {"dns:\n", "dns:\n  «<<: {root-as: 5}\n", []string{
			`@1: dns: found unknown field "<<", expected one of root-as, tld-as, signed`,
		}},
		"a list as a key": {"dns:\n", "dns:\n  ? «[a]\n  : b\n", []string{
			`@1: dns: found unknown field a list, expected one of root-as, tld-as, signed`,
		}},
		"an anchor": {"as: 64666", "as: «&a 64666", []string{"@1: attacker.as: found an anchor or alias, expected the value written out"}},
		"an alias": {"sources: [one]", "sources: [«&a one, «*a]", []string{
			"@1: sources[0]: found an anchor or alias, expected the value written out",
			"@2: sources[1]: found an anchor or alias, expected the value written out",
		}},
		"an anchor at a key": {"  tld-as: 20", "  «&a tld-as: 20", []string{"@1: dns: found an anchor or tag at a field's name, expected the name alone"}},
		"a tag":              {"as: 64666", `as: «!!str 64666`, []string{"@1: attacker.as: found the tag !!str, expected the value alone"}},
		"a tag of one's own": {"as: 64666", `as: «!asn 64666`, []string{"@1: attacker.as: found the tag !asn, expected the value alone"}},

		"text for a mapping":   {"dns:\n  root-as: 10\n  tld-as: 20\n", "dns: «here\n", []string{`@1: dns: found "here", expected a mapping`}},
		"a list for a mapping": {"dns:\n  root-as: 10\n  tld-as: 20\n", "dns: «[10, 20]\n", []string{`@1: dns: found a list, expected a mapping`}},
		"nothing for a mapping": {
			"dns:\n  root-as: 10\n  tld-as: 20\n", "dns:«\n",
			[]string{`@1: dns: found nothing, expected a mapping`},
		},
		"a mapping for a list":   {"web: [203.0.113.80]", "web: «{a: b}", []string{"@1: victim.web: found a mapping, expected a list, each item an IPv4 or IPv6 address"}},
		"a value for a list":     {"web: [203.0.113.80]", "web: «203.0.113.80", []string{`@1: victim.web: found "203.0.113.80", expected a list, each item an IPv4 or IPv6 address`}},
		"a list for text":        {"title: A title", "title: «[A, title]", []string{"@1: title: found a list, expected text"}},
		"nothing for text":       {"title: A title", "title: «~", []string{"@1: title: found nothing, expected text"}},
		"nothing for a pointer":  {"issue: false", "issue: «~", []string{"@1: expect[0].issue: found nothing, expected true or false"}},
		"a word for true":        {"issue: false", "issue: «no", []string{`@1: expect[0].issue: found "no", expected true or false`}},
		"True":                   {"issue: false", "issue: «False", []string{`@1: expect[0].issue: found "False", expected true or false`}},
		"a list of nothing":      {"fooled: [there]", "fooled: «~", []string{"@1: expect[0].fooled: found nothing, expected a list, each item text"}},
		"an item that is none":   {"fooled: [there]", "fooled: [«{}]", []string{"@1: expect[0].fooled[0]: found a mapping, expected text"}},
		"a long value":           {"as: 64666", "as: «" + strings.Repeat("6", 100), []string{`@1: attacker.as: found "` + strings.Repeat("6", 80) + `"..., ` + wantASN}},
		"a check without fields": {"check: {name: during}", "check: «~", []string{"@1: timeline[2].check: found nothing, expected a mapping"}},

		"AS 0":              {"as: 64666", "as: «0", []string{`@1: attacker.as: found "0", ` + wantASN}},
		"an AS too great":   {"as: 64666", "as: «4294967296", []string{`@1: attacker.as: found "4294967296", ` + wantASN}},
		"a negative AS":     {"as: 64666", "as: «-1", []string{`@1: attacker.as: found "-1", ` + wantASN}},
		"an AS in asdot":    {"as: 64666", "as: «1.10", []string{`@1: attacker.as: found "1.10", ` + wantASN}},
		"an AS in words":    {"as: 64666", "as: «AT&T", []string{`@1: attacker.as: found "AT&T", ` + wantASN}},
		"a neighbour 0":     {"as: 11}", "providers: [«0]}", []string{`@1: ca.perspectives.primary.providers[0]: found "0", ` + wantASN}},
		"a time alone":      {"at: 60s", "at: «60", []string{`@1: timeline[1].at: found "60", ` + wantDuration}},
		"a negative time":   {"at: 60s", "at: «-60s", []string{`@1: timeline[1].at: found "-60s", ` + wantDuration}},
		"a time in words":   {"at: 60s", "at: «one minute", []string{`@1: timeline[1].at: found "one minute", ` + wantDuration}},
		"a time too great":  {"at: 60s", "at: «9999999h", []string{`@1: timeline[1].at: found "9999999h", ` + wantDuration}},
		"host bits":         {"prefix: 198.18.66.0/24", "prefix: «198.18.66.1/24", []string{`@1: attacker.prefix: found "198.18.66.1/24", ` + wantPrefix}},
		"no length":         {"prefix: 198.18.66.0/24", "prefix: «198.18.66.0", []string{`@1: attacker.prefix: found "198.18.66.0", ` + wantPrefix}},
		"a length too long": {"prefix: 198.18.66.0/24", "prefix: «198.18.66.0/33", []string{`@1: attacker.prefix: found "198.18.66.0/33", ` + wantPrefix}},
		"host bits in a list": {"hijack: {prefixes: [203.0.113.0/24]}", "hijack: {prefixes: [203.0.113.0/24, «203.0.113.9/25]}", []string{
			`@1: timeline[1].hijack.prefixes[1]: found "203.0.113.9/25", ` + wantPrefix,
		}},
		"a zone in a prefix":     {"prefix: 198.18.66.0/24", "prefix: «fe80::%eth0/64", []string{`@1: attacker.prefix: found "fe80::%eth0/64", ` + wantPrefix}},
		"a name for an address":  {"web: [203.0.113.80]", "web: [«shop.example]", []string{`@1: victim.web[0]: found "shop.example", ` + wantAddress}},
		"a zone":                 {"web: [203.0.113.80]", "web: [«fe80::1%eth0]", []string{`@1: victim.web[0]: found "fe80::1%eth0", ` + wantAddress}},
		"an IPv4-mapped address": {"web: [203.0.113.80]", `web: [«"::ffff:203.0.113.80"]`, []string{`@1: victim.web[0]: found "::ffff:203.0.113.80", ` + wantAddress}},
		"leading zeros":          {"web: [203.0.113.80]", "web: [«203.0.113.080]", []string{`@1: victim.web[0]: found "203.0.113.080", ` + wantAddress}},
		"a RIR that is none":     {"rir: RIPE NCC", "rir: «DENIC", []string{`@1: ca.perspectives.remotes[0].rir: found "DENIC", ` + wantRIR}},
		"no RIR":                 {"rir: RIPE NCC", "rir: «unknown", []string{`@1: ca.perspectives.remotes[0].rir: found "unknown", ` + wantRIR}},
		"a latitude in words":    {"lat: 1.5", "lat: «north", []string{`@1: ca.perspectives.remotes[0].lat: found "north", expected a number`}},
		"a fraction of an AS":    {"  links:\n", "  synthetic: {ases: «1.5}\n  links:\n", []string{`@1: topology.synthetic.ases: found "1.5", expected a whole number`}},
		"a negative seed":        {"seed: 3", "seed: «-3", []string{`@1: routing.seed: found "-3", expected a whole number of 0 or more`}},
		"a seed too great":       {"seed: 3", "seed: «18446744073709551616", []string{`@1: routing.seed: found "18446744073709551616", expected a whole number of 0 or more`}},

		"a link with another sign":   {"- 10 - 20", "- «10 < 20", []string{`@1: topology.links[0]: found "10 < 20", ` + wantLink}},
		"a link without spaces":      {"- 10 - 20", "- «10-20", []string{`@1: topology.links[0]: found "10-20", ` + wantLink}},
		"a link of three":            {"- 10 - 20", "- «10 - 20 - 30", []string{`@1: topology.links[0]: found "10 - 20 - 30", ` + wantLink}},
		"a link with AS 0 first":     {"- 10 - 20", "- «0 - 20", []string{`@1: topology.links[0]: found "0 - 20", ` + wantLink}},
		"a link with AS 0 last":      {"- 10 - 20", "- «10 - 0", []string{`@1: topology.links[0]: found "10 - 0", ` + wantLink}},
		"a link as a list":           {"- 10 - 20", "- «[10, 20]", []string{`@1: topology.links[0]: found a list, ` + wantLink}},
		"an item left out in a list": {"- 10 - 20", "-«", []string{`@1: topology.links[0]: found nothing, ` + wantLink}},

		"all problems of a file": {
			"routing:\n  tie-break: lowest-neighbor\n  seed: 3\nvictim:\n  as: 64500",
			"routing:\n  «tie: x\n  seed: «many\nvictim:\n  as: «nobody",
			[]string{
				`@1: routing: found unknown field "tie", expected one of tie-break, seed, policies, protected, convergence`,
				`@2: routing.seed: found "many", expected a whole number of 0 or more`,
				`@3: victim.as: found "nobody", ` + wantASN,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.run(t)
			text, _ := locate(change(t, base, c.old, c.new), nil)
			if why := refused(t, scenarioFile, text); (why == "") != beyondSchema()[name] {
				t.Errorf("the schema says %q", why)
			}
		})
	}
}

// beyondSchema names the cases of TestStrictReading that a JSON Schema cannot
// tell: how YAML was written, and what is inside a text of the right form.
func beyondSchema() map[string]bool {
	return map[string]bool{
		"a field twice": true, "an anchor": true, "an alias": true, "an anchor at a key": true, "a tag": true, "a tag of one's own": true,
		"True": true, "host bits": true, "host bits in a list": true, "a length too long": true, "leading zeros": true, "an IPv4-mapped address": true,
		"a link with AS 0 first": true, "a link with AS 0 last": true, "a time too great": true,
	}
}

func TestWholeFile(t *testing.T) {
	long := "# " + strings.Repeat("x", scenarios.MaxFileBytes)
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                {"", "s.yaml: found nothing, expected a scenario"},
		"only a comment":         {"# nothing here\n", "s.yaml: found nothing, expected a scenario"},
		"an empty document":      {"---\n«", "@1: found nothing, expected a mapping"},
		"a document's end alone": {"---\n«...\n", "@1: found nothing, expected a mapping"},
		"a word":                 {"«scenario\n", `@1: found "scenario", expected a mapping`},
		"a list":                 {"«- name: base\n", "@1: found a list, expected a mapping"},
		"an anchor at the root":  {"«&a {name: base}\n", "@1: found an anchor or alias, expected the value written out"},
		"a second document":      {base + "«---\nname: base\n", "@1: found a second document, expected one"},
		"an empty second":        {base + "«---\n", "@1: found a second document, expected one"},
		"a broken second":        {base + "---\nname: «]\n", "@1: found did not find expected node content, expected well-formed YAML"},
		"too long":               {long, "s.yaml: found more than 1048576 bytes, expected a shorter file"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text, want := locate(c.text, []string{c.want})
			_, err := scenarios.Parse([]byte(text), "s.yaml")
			g.Expect(messages(err)).To(Equal(want))
		})
	}
}

// The line and column of a YAML error are those where a person would look.
func TestSyntax(t *testing.T) {
	const want = ", expected well-formed YAML"
	deep := strings.Repeat("[", 10_000)
	for name, c := range map[string]struct{ text, want string }{
		"a tab":                       {"name: base\n«\ttitle: x\n", "@1: found a tab character that violates indentation" + want},
		"a quote left open":           {"name: 'base\ntitle: x\n«", "@1: found unexpected end of stream" + want},
		"a list left open":            {"name: [a, b\ntitle«: x\n", "@1: found did not find expected ',' or ']'" + want},
		"a mapping left open":         {"name: {a: b\n«", "@1: found did not find expected ',' or '}'" + want},
		"a colon in text":             {"name: base\ntitle: a«: b\n", "@1: found mapping values are not allowed in this context" + want},
		"too much indentation":        {"name: base\n  title«: x\n", "@1: found mapping values are not allowed in this context" + want},
		"too little indentation":      {"routing:\n    seed: 1\n  «tie-break: x\n", "@1: found did not find expected key" + want},
		"a list below a value":        {"name: base\n«- x\n", "@1: found did not find expected key" + want},
		"an escape that is none":      {"name: base\ntitle: \"a«\\q\"\n", "@1: found unknown escape character" + want},
		"an alias without anchor":     {"name: «*base\n", "@1: found unknown anchor 'base' referenced" + want},
		"a tag's handle":              {"name: «!a!b c\n", "@1: found undefined tag handle" + want},
		"another YAML":                {"«%YAML 9.9\n---\nname: base\n", "@1: found incompatible YAML document" + want},
		"a reserved character":        {"name: «@base\n", "@1: found character that cannot start any token" + want},
		"behind umlauts":              {"title: Äöü ← «: b\n", "@1: found mapping values are not allowed in this context" + want},
		"ten thousand brackets":       {deep + "«[", "@1: found exceeded max depth of 10000" + want},
		"a control character":         {"name: base\ntitle: ü«\x00\n", "@1: found the character U+0000, expected printable text"},
		"an escape sequence":          {"name: base\ntitle: «\x1b[31mred\n", "@1: found the character U+001B, expected printable text"},
		"a C1 control character":      {"name: base\ntitle: «\u009b31mred\n", "@1: found the character U+009B, expected printable text"},
		"Latin-1":                     {"name: base\ntitle: «\xe4\n", "@1: found the byte 0xe4, expected text in UTF-8"},
		"UTF-16":                      {"«\xff\xfen\x00", "@1: found the byte 0xff, expected text in UTF-8"},
		"a byte order mark and Latin": {"\ufeffname: «\xe4\n", "@1: found the byte 0xe4, expected text in UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			text, want := locate(c.text, []string{c.want})
			_, err := scenarios.Parse([]byte(text), "s.yaml")
			g.Expect(messages(err)).To(Equal(want))
		})
	}
}

func TestReadFile(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "s.yaml")
	_, err := scenarios.ReadFile(path)
	g.Expect(err).To(MatchError(ContainSubstring("reading a scenario: open " + path)))
	_, err = scenarios.ReadFile(dir)
	g.Expect(err).To(MatchError(ContainSubstring("reading a scenario: ")))

	g.Expect(os.WriteFile(path, []byte(base), 0o600)).To(Succeed())
	s, err := scenarios.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.File).To(Equal(path))

	g.Expect(os.WriteFile(path, []byte(base+"x: y\n"), 0o600)).To(Succeed())
	_, err = scenarios.ReadFile(path)
	g.Expect(err).To(MatchError(HavePrefix(path + `:51:1: found unknown field "x"`)))

	// A file that is one byte longer than allowed is not read as a shorter one.
	g.Expect(os.WriteFile(path, []byte(base+"#"+strings.Repeat(" ", scenarios.MaxFileBytes)), 0o600)).To(Succeed())
	_, err = scenarios.ReadFile(path)
	g.Expect(err).To(MatchError(path + ": found more than 1048576 bytes, expected a shorter file"))
}
