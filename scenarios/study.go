package scenarios

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Study is many hijacks on one map, without packets: every one of its victims is
// attacked by every one of its attackers in each of the ways of attack, and each
// viewpoint is asked whom it reaches. Fields without "optional" must be
// given.
type Study struct {
	// Name identifies the study: lower-case letters, digits and hyphens.
	Name string `yaml:"name"`
	// Title, optional, is one line for lists.
	Title    string   `yaml:"title"`
	Topology Topology `yaml:"topology"`
	// Routing, optional; its tie-break must not be a bound, which every study
	// computes.
	Routing   Routing    `yaml:"routing"`
	Victims   Population `yaml:"victims"`
	Attackers Population `yaml:"attackers"`
	// Attacks are the ways of attack, each tried by itself.
	Attacks []StudyAttack `yaml:"attacks"`
	// Viewpoints are regions of the catalog ("aws/us-east-2"), patterns of their
	// names ("aws/*", as path.Match reads them), and AS numbers. A region that
	// several patterns match is one viewpoint.
	Viewpoints []string `yaml:"viewpoints"`
	// Egress, optional, says how regions are attached; see [ParseEgress].
	Egress string `yaml:"egress"`
	// RPKI, optional, is what ASes with policies judge routes by.
	RPKI *RPKI `yaml:"rpki"`

	// File is where the study was read from.
	File string `yaml:"-"`
}

// The names of the attacks that are studied most.
const (
	// EqualPrefix announces the victim's prefix with the attacker as origin.
	EqualPrefix = "equal-prefix"
	// ForgedOrigin announces it with the path "attacker, victim".
	ForgedOrigin = "forged-origin"
)

// MaxViewpoints bounds a study's list of viewpoints.
const MaxViewpoints = 1 << 14

// Population says which ASes take part on one side of a study. In a file it is
// the word all, a list of AS numbers, or a mapping with the other fields.
type Population struct {
	// All takes every AS of the topology. Virtual ASes of viewpoints are none.
	All bool `yaml:"-"`
	// ASes are listed one by one.
	ASes []topology.ASN `yaml:"-"`
	// Sample takes that many at random with Seed: without Weights different
	// ASes, all equally likely; with Weights as many independent draws, each AS
	// as likely as its weight says, so that one drawn n times has the weight n.
	Sample int    `yaml:"sample"`
	Seed   uint64 `yaml:"seed"`
	// Weights is a file, relative to the study's, that says which ASes there are
	// and how much each counts; see [ReadWeights].
	Weights string `yaml:"weights"`
	// Column is the column of a CSV file that has the AS numbers, "asn" if empty.
	Column string `yaml:"column"`
	// Domains is a file of domains, relative to the study's: victims are the origins
	// of the prefixes that hold their web addresses and name servers. Sample then
	// takes that many of the domains.
	Domains string `yaml:"domains"`
	// Origins is the table of prefixes and their origins, a CSV file relative to the
	// study's; needed beside Domains.
	Origins string `yaml:"origins"`
	// Upper says which servers above the domains' own zones count: "none", "tld" for
	// those of top-level domains, "root" for both; "tld" if empty.
	Upper string `yaml:"upper"`
	// Method is the validation method, of those for domain names: what a check looks
	// at. By default one that looks at the web.
	Method string `yaml:"method"`
}

// dnsMethods are the validation methods for domain names that look at the DNS
// alone, webMethods those that look at a server of the domain as well.
func dnsMethods() []perspectives.Method {
	return []perspectives.Method{
		perspectives.DNS01, perspectives.DNSChange, perspectives.DNSAccount01, perspectives.DNSPersistent,
		perspectives.ContactEmailTXT, perspectives.ContactEmailCAA, perspectives.ContactPhoneTXT, perspectives.ContactPhoneCAA,
	}
}

func webMethods() []perspectives.Method {
	return []perspectives.Method{perspectives.WebsiteChange, perspectives.HTTP01, perspectives.TLSALPN01, perspectives.IPAddress}
}

// domainMethods returns the names of both.
func domainMethods() (names []string) {
	for _, m := range append(webMethods(), dnsMethods()...) {
		names = append(names, string(m))
	}
	return names
}

// LooksAtDNSAlone says whether checks of the domains look at no other server.
func (p Population) LooksAtDNSAlone() bool {
	return slices.Contains(dnsMethods(), perspectives.Method(p.Method))
}

// String says what the population is, in a few words.
func (p Population) String() string {
	switch {
	case p.All:
		return "all ASes"
	case p.ASes != nil:
		return fmt.Sprintf("%d listed ASes", len(p.ASes))
	case p.Domains != "" && p.Sample == 0:
		return "the domains of " + filepath.Base(p.Domains)
	case p.Domains != "":
		return fmt.Sprintf("a sample of %d domains of %s, seed %d", p.Sample, filepath.Base(p.Domains), p.Seed)
	case p.Weights == "":
		return fmt.Sprintf("a sample of %d ASes, seed %d", p.Sample, p.Seed)
	case p.Sample == 0:
		return "the ASes of " + filepath.Base(p.Weights) + " by weight"
	default:
		return fmt.Sprintf("%d draws by weight from %s, seed %d", p.Sample, filepath.Base(p.Weights), p.Seed)
	}
}

const populationForms = "all, a list of AS numbers, or a mapping with sample and seed, weights, or both"

// special reads the types that have several forms. It returns false if v is none
// of them.
func (d *decoder) special(n *yaml.Node, v reflect.Value, field string, depth int) bool {
	switch p := v.Addr().Interface().(type) {
	case *Population:
		switch {
		case n.Kind == yaml.SequenceNode:
			d.decode(n, reflect.ValueOf(&p.ASes).Elem(), field, depth)
		case n.Kind == yaml.ScalarNode && n.Tag != "!!null" && n.Value == "all":
			p.All = true
		case n.Kind == yaml.MappingNode:
			return false
		default:
			d.fail(n, field, describe(n), populationForms)
		}
		return true
	case *StudyAttack:
		switch {
		case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
			*p = parseStudyAttack(n.Value)
		case n.Kind == yaml.MappingNode:
			return false
		default:
			d.fail(n, field, describe(n), studyAttackForms())
		}
		return true
	}
	return false
}

// StudySource is a study with where its fields stand in the file.
type StudySource struct {
	Study
	// Text is the file as it was read; SHA256 its hash in hexadecimal.
	Text   []byte
	SHA256 string

	at    map[string]position
	flags map[string]string // field -> command-line flag that set it
}

// ReadStudy reads and validates a study's file.
func ReadStudy(path string) (*StudySource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a study: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a study: %w", err)
	}
	return ParseStudy(data, path)
}

// ParseStudy reads and validates a study from YAML text. file is what errors call
// it, and what other files are relative to. The error joins one [FieldError] for
// each problem.
func ParseStudy(data []byte, file string) (*StudySource, error) {
	s := &StudySource{}
	at, err := decodeFile(data, file, "a study", reflect.ValueOf(&s.Study).Elem())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	s.at, s.File, s.Text, s.SHA256 = at, file, slices.Clone(data), hex.EncodeToString(sum[:])
	if s.Routing.TieBreak == "" {
		s.Routing.TieBreak = route.TieBreakSeeded.String()
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// located returns a scenario that has what both have, for what is written for
// scenarios.
func (s *StudySource) located() *Source {
	return &Source{Scenario: Scenario{Topology: s.Topology, Routing: s.Routing, RPKI: s.RPKI, File: s.File}, at: s.at, flags: s.flags}
}

// FieldError returns an error about a field, located in the file.
func (s *StudySource) FieldError(field, found, expected string) error {
	return s.located().FieldError(field, found, expected)
}

// Path returns the path of a file that the study names.
func (s *StudySource) Path(name string) string {
	if filepath.IsAbs(name) || s.File == "" {
		return name
	}
	return filepath.Join(filepath.Dir(s.File), name)
}

// Map reads or generates the topology.
func (s *StudySource) Map() (*Map, error) {
	m, err := s.located().Map()
	if err == nil && m.Source.Kind == "inline" {
		m.Source.Source = "the study"
	}
	return m, err
}

// Defences reads what policies and RPKI need; see [Source.Defences].
func (s *StudySource) Defences(base, graph *topology.Graph) (*Defences, error) {
	return s.located().Defences(base, graph)
}

// Validate reports everything that is impossible in the study, as far as it can
// be told without other files. ParseStudy calls it.
func (s *StudySource) Validate() error {
	_, err := s.Sites()
	return errors.Join(s.validate(), err)
}

// validate looks at all but the viewpoints.
func (s *StudySource) validate() error {
	v := &validation{s: s.located()}
	v.check(namePattern.MatchString(s.Name), "name", quote(s.Name), "lower-case letters, digits and hyphens")
	v.printable("title", s.Title, false)
	v.topology()
	switch tie, err := route.ParseTieBreak(s.Routing.TieBreak); {
	case err != nil:
		v.fail("routing.tie-break", quote(s.Routing.TieBreak), "lowest-neighbor, seeded or nearest")
	case tie == route.TieBreakAttacker || tie == route.TieBreakVictim:
		v.fail("routing.tie-break", quote(s.Routing.TieBreak), "lowest-neighbor, seeded or nearest: the bounds attacker and victim are computed beside it")
	}
	v.policies()
	v.rpki()
	v.check(s.Routing.Convergence == nil, "routing.convergence", "a value", "none: studies look at settled routes")
	v.population("victims", s.Victims)
	v.population("attackers", s.Attackers)
	v.attacks(s.Attacks)
	if _, err := ParseEgress(s.Egress); err != nil {
		v.fail("egress", quote(s.Egress), egressForms)
	}
	if len(v.errs) == 0 && len(s.Topology.Links) > 0 {
		if _, err := s.Map(); err != nil {
			v.errs = append(v.errs, err)
		}
	}
	return errors.Join(v.errs...)
}

func (v *validation) population(field string, p Population) {
	switch {
	case p.All:
	case p.ASes != nil:
		v.check(len(p.ASes) > 0, field, "an empty list", populationForms)
		seen := map[topology.ASN]bool{}
		for n, as := range p.ASes {
			v.check(!seen[as], fmt.Sprintf("%s[%d]", field, n), fmt.Sprintf("AS %v a second time", as), "each AS once")
			seen[as] = true
		}
	default:
		if _, given := v.s.at[field]; !given {
			v.fail(field, "nothing", populationForms)
			return
		}
		_, sampled := v.s.at[join(field, "sample")]
		_, seeded := v.s.at[join(field, "seed")]
		v.check(sampled || p.Weights != "" || p.Domains != "", field, "neither sample nor weights", populationForms)
		v.domains(field, p)
		v.check(!sampled || p.Sample > 0, join(field, "sample"), fmt.Sprint(p.Sample), "how many ASes, 1 or more")
		v.check(sampled == seeded || p.Weights+p.Domains != "" && !seeded, join(field, "seed"), "one of sample and seed", "both or neither")
		v.check(p.Weights != "" || p.Column == "", join(field, "column"), quote(p.Column), "a column only of a file of weights")
		v.check(printable(p.Weights) && printable(p.Column), field, "a character that cannot be printed", "printable text")
	}
}

// domains checks what a population of domains is made of.
func (v *validation) domains(field string, p Population) {
	at := func(name string) string { return join(field, name) }
	_, given := v.s.at[at("domains")]
	v.check(!given || p.Domains != "", at("domains"), "nothing", "a file's name")
	v.check(!given || field == "victims", at("domains"), "a value", "none: attackers are ASes")
	v.check(p.Domains == "" || p.Origins != "", at("origins"), "nothing", "a file of prefixes and their origins, which domains need")
	v.check(p.Domains != "" || p.Origins+p.Upper+p.Method == "", at("domains"), "nothing", "a file of domains beside origins, upper and method")
	v.check(p.Method == "" || slices.Contains(domainMethods(), p.Method), at("method"), quote(p.Method), "one of "+strings.Join(domainMethods(), ", "))
	v.check(p.Domains == "" || p.Weights == "", at("weights"), "a value", "none beside domains, which have their own")
	v.check(slices.Contains([]string{"", "none", "tld", "root"}, p.Upper), at("upper"), quote(p.Upper), "none, tld or root")
	v.check(printable(p.Domains) && printable(p.Origins), field, "a character that cannot be printed", "printable text")
}

// Sites returns the viewpoints, each once, in the order in which they are first
// named: regions of the catalog, and hosts in ASes that are called "AS" and a
// number.
func (s *StudySource) Sites() ([]ResolvedSite, error) {
	v := &validation{s: s.located()}
	v.check(len(s.Viewpoints) > 0, "viewpoints", "nothing", `a list of regions ("aws/*") and AS numbers`)
	var sites []ResolvedSite
	seen := map[string]bool{}
	for n, text := range s.Viewpoints {
		field := fmt.Sprintf("viewpoints[%d]", n)
		if asn, err := topology.ParseASN(text); err == nil {
			name := "AS" + asn.String()
			v.check(!seen[name], field, "AS "+asn.String()+" a second time", "each AS once")
			seen[name] = true
			sites = append(sites, ResolvedSite{Perspective: perspectives.Perspective{Name: name, ASN: uint32(asn)}, AS: asn, field: field})
			continue
		}
		regions, err := catalog.Match(text)
		if err != nil {
			v.fail(field, quote(text), "a region's name, a pattern such as aws/*, or an AS number: "+strings.TrimPrefix(err.Error(), "catalog: "))
		}
		for _, r := range regions {
			if !seen[r.Name] {
				seen[r.Name] = true
				sites = append(sites, ResolvedSite{Perspective: r.Perspective, field: field})
			}
		}
	}
	v.check(len(sites) <= MaxViewpoints, "viewpoints", fmt.Sprintf("%d viewpoints", len(sites)), fmt.Sprintf("at most %d", MaxViewpoints))
	return sites, errors.Join(v.errs...)
}

// Field is where the site was given, in a study's file.
func (r ResolvedSite) Field() string { return r.field }

// ResolveEgress returns how regions are attached to a topology of a kind as in
// [Map]: on one whose AS numbers are made up, none is a cloud's.
func (s *StudySource) ResolveEgress(kind string) (Egress, error) {
	e, err := ParseEgress(s.Egress)
	if err != nil {
		return Egress{}, err
	}
	on, err := e.On(kind)
	if err != nil {
		return Egress{}, s.FieldError("egress", quote(s.Egress), err.Error())
	}
	return on, nil
}
