package scenarios

import (
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/policy"
	"mpicsim/sim/attack"
	"mpicsim/sim/route"
	"mpicsim/topology"
	"mpicsim/topology/place"
	"mpicsim/topology/synth"
)

// object is a JSON object that keeps its members in order.
type object []member

type member struct {
	key   string
	value any
}

// What editors take for a number or a truth value is text as well, where text is
// wanted: "title: 2018" needs no quotes. The other way round "as: '10'" is a
// number. YAML's null never is.
func textTypes() []string { return []string{"string", "number", "boolean"} }

func enum[T ~string](values ...T) object { return object{{"enum", values}} }

func matching(pattern string) object { return object{{"type", textTypes()}, {"pattern", pattern}} }

func anyOf(of ...object) object { return object{{"anyOf", of}} }

func ref(name string) object { return object{{"$ref", "#/$defs/" + name}} }

// examples are what an editor offers.
func (o object) examples(values ...string) object { return append(o, member{"examples", values}) }

func between(low, high any) object { return object{{"minimum", low}, {"maximum", high}} }

func items(low, high int) object {
	o := object{{"uniqueItems", true}}
	if low > 0 {
		o = append(o, member{"minItems", low})
	}
	if high > 0 {
		o = append(o, member{"maxItems", high})
	}
	return o
}

// scalarRules describe the types that the decoder reads from one value. Types
// whose kind says it all are not here.
func scalarRules() map[reflect.Type]object {
	const (
		asn  = `([Aa][Ss])?[0-9]+`
		unit = "(ns|us|\u00b5s|\u03bcs|ms|s|m|h)" // as time.ParseDuration reads them
	)
	return map[reflect.Type]object{
		reflect.TypeFor[topology.ASN](): {
			{"description", "An AS number, 1 to 4294967295."},
			{"type", []string{"integer", "string"}},
			{"minimum", 1},
			{"maximum", 4294967295},
			{"pattern", "^" + asn + "$"},
		},
		reflect.TypeFor[time.Duration](): append(object{
			{"description", "A time of 0 or more with a unit, such as 90s or 2m30s."},
			{"type", []string{"string", "integer"}},
			{"minimum", 0},
			{"maximum", 0},
			{"pattern", "^([-+]?0|[+]?(([0-9]+([.][0-9]*)?|[.][0-9]+)" + unit + ")+|-(0*([.][0-9]*)?" + unit + ")+)$"},
		}, object(nil).examples("0s", "90s", "2m30s")...),
		reflect.TypeFor[netip.Prefix](): append(object{
			{"description", "A prefix without host bits, such as 203.0.113.0/24."},
			{"type", "string"},
			{"pattern", `^[0-9A-Fa-f:.]+/[0-9]{1,3}$`},
		}, object(nil).examples("203.0.113.0/24", "2001:db8::/48")...),
		reflect.TypeFor[netip.Addr](): append(object{
			{"description", "An IPv4 or IPv6 address."},
			{"type", "string"},
			{"pattern", `^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$`},
		}, object(nil).examples("203.0.113.80", "2001:db8::80")...),
		reflect.TypeFor[Link](): append(object{
			{"description", `A link: "10 > 20" for AS 10 the provider of AS 20, "10 - 20" for peers.`},
			{"type", "string"},
			{"pattern", `^\s*` + asn + `\s+[->]\s+` + asn + `\s*$`},
		}, object(nil).examples("10 > 20", "10 - 20")...),
		reflect.TypeFor[Edge](): append(object{
			{"description", `Two neighbours: "10 > 20" for what AS 10 says to AS 20.`},
			{"type", "string"},
			{"pattern", `^\s*` + asn + `\s+>\s+` + asn + `\s*$`},
		}, object(nil).examples("10 > 20")...),
		reflect.TypeFor[attack.Kind](): append(
			object{{"description", "A kind of attack; docs/attacks.md describes them."}}, enum(attack.Kinds()...)...,
		),
		reflect.TypeFor[VRP](): append(object{
			{"description", "A validated ROA payload: a prefix, perhaps a maximum length, and an origin; AS0 says that nobody may announce it."},
			{"type", "string"},
			{"pattern", `^\s*[0-9A-Fa-f:.]+/[0-9]{1,3}(-[+-]?[0-9]{1,3})?\s+` + asn + `\s*$`},
		}, object(nil).examples("203.0.113.0/24 AS64500", "198.51.100.0/22-24 AS64510")...),
		reflect.TypeFor[ASPA](): append(object{
			{"description", "All providers of a customer; AS0 for none."},
			{"type", "string"},
			{"pattern", `^\s*` + asn + `\s*:(\s*` + asn + `)*\s*$`},
		}, object(nil).examples("AS64500: 10 20", "AS10: AS0")...),
		reflect.TypeFor[PathEnd](): append(object{
			{"description", "All neighbours of an origin, with non-transit behind them if it forwards for nobody."},
			{"type", "string"},
			{"pattern", `^\s*` + asn + `\s*:(\s*` + asn + `)*(\s*` + nonTransit + `)?\s*$`},
		}, object(nil).examples("AS64500: 10 20", "AS64500: 10 non-transit")...),
		reflect.TypeFor[route.ROV](): append(
			object{{"description", "What an AS does with the result of route origin validation."}}, enum(rovNames()...)...,
		),
		reflect.TypeFor[place.RIR](): append(
			object{{"description", "The service region of a Regional Internet Registry."}}, anyOf(enum(rirs()...), matching(anyCase(append(rirs(), "RIPE")...)))...,
		),
	}
}

func rirs() (names []string) {
	for _, r := range place.RIRs() {
		names = append(names, r.String())
	}
	return names
}

// anyCase matches words in any case, without flags, which JSON Schema's patterns
// do not have.
func anyCase(words ...string) string {
	var all []string
	for _, w := range words {
		var b strings.Builder
		for _, r := range w {
			if r >= 'A' && r <= 'Z' {
				b.WriteString("[" + string(r) + strings.ToLower(string(r)) + "]")
			} else {
				b.WriteRune(r)
			}
		}
		all = append(all, b.String())
	}
	return "^(" + strings.Join(all, "|") + ")$"
}

// namedRules are definitions that fields share.
func namedRules() []member {
	var regions, sets, rules []string
	for _, r := range catalog.Regions() {
		regions = append(regions, r.Name)
	}
	for _, s := range catalog.Sets() {
		sets = append(sets, s.Name)
	}
	for _, q := range policy.Presets() {
		rules = append(rules, q.Name)
	}
	const date = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
	quoted := func(names []string) string { return regexp.QuoteMeta(strings.Join(names, "\x00")) }
	return []member{
		{"region", append(object{{"description", "A cloud region of the catalogue."}}, enum(regions...)...)},
		{"regions", append(object{{"description", "A region of the catalogue, or a pattern of their names such as aws/*."}},
			anyOf(ref("region"), object{{"type", "string"}, {"pattern", `[*?\[\\]`}}).examples("*/*", "aws/*", "gcp/*")...)},
		{"set", append(object{{"description", "A set of perspectives by name, or PRIMARY:REMOTE,REMOTE,... of regions."}},
			anyOf(enum(sets...), object{{"type", "string"}, {"pattern", `^[^:,]+:[^:,]+(,[^:,]+)*$`}})...)},
		{"date", append(object{{"description", "A day, such as 2026-12-15."}}, object{{"type", "string"}, {"pattern", "^" + date + "$"}}.examples("2026-12-15")...)},
		{"rule", append(object{{"description", `A quorum rule: "br" for the Baseline Requirements on the day, "br@2026-12-15" for those on another, "4/5" for four of exactly five remotes, or a rule by name.`}},
			object{{"type", "string"}, {"pattern", "^(br|br@" + date + "|[0-9]+/[0-9]+|" + strings.ReplaceAll(quoted(rules), "\x00", "|") + ")$"}}.
				examples(append([]string{"br", "br@2026-12-15", "4/5"}, rules...)...)...)},
		{"egress", append(object{{"description", "How cloud regions are attached: " + egressForms + ", with N from 1 to 64."}},
			object{{"type", "string"}, {"pattern", `^(auto|backbone|neighbors|nearest(:[+]?0*([1-9]|[1-5][0-9]|6[0-4]))?)$`}}.
				examples("auto", "backbone", "neighbors", "nearest", "nearest:3")...)},
		{"attack-name", append(object{{"description", "A kind of attack, perhaps with a type behind it: forged-origin-2 names a neighbour of the victim's and the victim."}},
			object{{"type", "string"}, {"pattern", "^(" + strings.Join(studyKindNames(), "|") + ")(-[1-9][0-9]*)?$"}}.examples(studyKindNames()...)...)},
		{"site-name", append(object{{"description", "What a perspective is called: letters and digits, with single / . _ - between them."}}, matching(sitePattern.String())...)},
	}
}

func studyKindNames() (names []string) {
	for _, k := range StudyKinds() {
		names = append(names, string(k))
	}
	return names
}

// fieldRules say what the fields' types do not. Keys are "Type.Field", with []
// behind it for the items of a list. A rule for a list is beside what its type
// says, others are in its place.
func fieldRules() map[string]object {
	var ties, methods []string
	for _, t := range route.TieBreaks() {
		ties = append(ties, t.String())
	}
	for _, m := range perspectives.Methods() {
		methods = append(methods, string(m))
	}
	name, domain := matching(namePattern.String()), matching(domainPattern.String())
	line := object{{"type", textTypes()}, {"pattern", `^[^\n]*$`}}
	kinds := StudyKinds()
	lat, lon := between(-90, 90), between(-180, 180)
	return map[string]object{
		"Scenario.Name": name, "Scenario.Title": {{"type", textTypes()}, {"pattern", `^[^\n]+$`}}, "Scenario.Claim": {{"type", textTypes()}, {"minLength", 1}},
		"Scenario.Timeline": {{"minItems", 1}, {"maxItems", MaxEvents}},
		"Synthetic.ASes":    between(synth.MinASes, synth.MaxASes),
		"Topology.Links":    items(0, 0),
		"Place.Lat":         lat, "Place.Lon": lon, "Site.Lat": lat, "Site.Lon": lon, "ResolverSite.Lat": lat, "ResolverSite.Lon": lon,
		"Routing.TieBreak": enum(ties...), "Routing.Protected": items(0, 0),
		"RoutingPolicy.ASes": items(1, 0), "RoutingPolicy.Fraction": between(0, 1), "RoutingPolicy.AtLeast": between(0, 1), "RoutingPolicy.Largest": {{"minimum", 1}},
		"RPKI.VRPs":       items(0, 0),
		"Victim.Prefixes": items(1, MaxPrefixes), "Victim.Web": items(1, MaxWebAddresses), "Victim.NameServers": {{"minItems", 1}, {"maxItems", MaxNameServers}},
		"Victim.Domain": domain, "NameServer.Name": domain, "CA.Issuer": domain,
		"CA.Egress": ref("egress"), "CA.Date": ref("date"), "CA.Rule": ref("rule"), "CheckEvent.Date": ref("date"), "CheckEvent.Rule": ref("rule"),
		"CA.Method": enum(perspectives.HTTP01, perspectives.DNS01), "CA.ControlPlane": enum(ControlOutOfBand, ControlEmulated),
		"Perspectives.Set": ref("set"), "Site.Region": ref("region"), "Site.Name": ref("site-name"), "Site.Providers": items(0, 0), "Site.Peers": items(0, 0),
		"Announce.Prefixes": items(0, 0), "Hijack.Prefixes": items(0, MaxPrefixes), "Hijack.PrefixesOf": items(0, 0),
		"Hijack.Path": {{"maxItems", MaxPath}}, "Hijack.Prepend": between(0, MaxPrepend), "Export.To": items(0, 0), "Export.Except": items(0, 0), "Export.Classes": items(0, 0),
		"Attack.Type": between(0, attack.MaxType), "Attack.Prepend": between(0, attack.MaxPrepend), "Attack.VictimPrepend": between(0, attack.MaxPrepend),
		"Attack.Times": between(0, attack.MaxTimes), "Attack.MaxLength": between(0, 128),
		"RPKIChange.Add": items(0, 0), "RPKIChange.Remove": items(0, 0),
		"Withdraw.Prefixes": items(0, 0), "Withdraw.PrefixesOf": items(0, 0), "Withdraw.By": enum(SideVictim, SideAttacker),
		"CheckEvent.Name": name, "CheckEvent.Applicant": enum(SideAttacker, SideVictim),
		"Expectation.Reason": enum(decisionReasons()...), "Expectation.Quorum": matching(quorumPattern.String()).examples("3/5"),
		"Expectation.Fooled": items(0, 0), "Expectation.CutOff": items(0, 0),

		"Study.Name": name, "Study.Title": line, "Study.Attacks": items(1, 0), "Study.Egress": ref("egress"),
		"Study.Viewpoints":   {{"minItems", 1}},
		"Study.Viewpoints[]": anyOf(ref("regions"), ref("asn")),
		"Population.Sample":  {{"minimum", 1}},
		"Population.Upper":   enum("none", "tld", "root"), "Population.Method": enum(domainMethods()...),
		"StudyAttack.Kind": enum(kinds...), "StudyAttack.Name": name, "StudyAttack.Type": between(1, attack.MaxType),
		"StudyAttack.Prepend": between(0, attack.MaxPrepend), "StudyAttack.VictimPrepend": between(0, attack.MaxPrepend),
		"StudyAttack.To": items(1, 0),

		"Verdict.Under": ref("rule"), "Verdict.Checks": items(1, 0), "Verdict.Why": {{"type", textTypes()}, {"minLength", 1}},

		"Deployment.Name": name, "Deployment.Title": line, "Deployment.Rule": ref("rule"), "Deployment.CAARule": ref("rule"), "Deployment.Methods[]": enum(methods...),
		"Deployment.Egress": ref("egress"), "Deployment.Attacks": items(1, 0), "Deployment.Attacks[]": ref("attack-name"), "Deployment.Candidates[]": ref("regions"),
		"Failures.Rate": between(0, 1), "Failures.Correlation": {{"minimum", 0}, {"exclusiveMaximum", 1}},
	}
}

// studyRules replace rules in the schemas of studies and deployments.
func studyRules() map[string]object {
	return map[string]object{
		"Routing.TieBreak": enum(route.TieBreakSeeded.String(), route.TieBreakLowestNeighbor.String(), route.TieBreakNearest.String()),
	}
}

// shapes say which fields of a struct go together. Of a struct that is listed
// here no field is required by itself, whatever its comment says, but those that
// the shape requires.
func shapes() map[reflect.Type]func(shape) object {
	return map[reflect.Type]func(shape) object{
		reflect.TypeFor[Topology](): func(s shape) object { return s.one(s.allBut("Places")) },
		reflect.TypeFor[Place]():    func(s shape) object { return s.required("AS") },
		reflect.TypeFor[Perspectives](): func(s shape) object {
			return s.either("Set", s.none("Primary", "Remotes"), s.required("Primary"))
		},
		reflect.TypeFor[Site](): func(s shape) object {
			station := s.either("Region", s.none("Name", "City", "Lat", "Lon", "RIR"), s.required("Name", "Lat", "Lon", "RIR"))
			return object{{"allOf", []object{station, {{"if", s.required("AS")}, {"then", s.none("Providers", "Peers")}}}}}
		},
		reflect.TypeFor[ResolverSite]():  func(s shape) object { return s.required("RIR") },
		reflect.TypeFor[RoutingPolicy](): func(shape) object { return nil },
		reflect.TypeFor[Event]():         func(s shape) object { return s.one(s.allBut("At")) },
		reflect.TypeFor[Hijack]():        func(shape) object { return nil },
		reflect.TypeFor[Expectation](): func(s shape) object {
			return append(s.required("Check"), s.any(s.allBut("Check"))...)
		},
		reflect.TypeFor[Population](): func(s shape) object {
			seeded := object{{"if", s.required("Seed")}, {"then", s.required("Sample")}}
			file := s.either("Weights", append(s.none("Domains"), seeded...), append(s.required("Sample", "Seed"), s.none("Column", "Origins")...))
			return s.either("Domains", append(append(s.required("Origins"), s.none("Weights", "Column")...), seeded...), file)
		},
		reflect.TypeFor[StudyAttack](): func(s shape) object { return s.required("Kind") },
	}
}

// unions are the types that the decoder reads from several forms; the mapping is
// that of the struct.
func unions() map[reflect.Type]func(mapping object) object {
	return map[reflect.Type]func(object) object{
		reflect.TypeFor[StudyAttack](): func(mapping object) object {
			return object{{"oneOf", []object{ref("attack-name"), mapping}}}
		},
		reflect.TypeFor[Population](): func(mapping object) object {
			return object{{"oneOf", []object{
				{{"const", "all"}, {"description", "Every AS of the topology."}},
				{{"type", "array"}, {"items", ref("asn")}, {"minItems", 1}, {"uniqueItems", true}, {"description", "ASes one by one."}},
				mapping,
			}}}
		},
	}
}
