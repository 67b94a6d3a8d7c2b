package scenarios

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/policy"
	"mpicsim/sim/route"
	"mpicsim/topology"
)

// Deployment is one CA's perspectives and rule, with the Internet to judge them
// on. Fields without "optional" must be given.
type Deployment struct {
	// Name identifies the CA: lower-case letters, digits and hyphens.
	Name string `yaml:"name"`
	// Title, optional, is one line for people.
	Title        string       `yaml:"title"`
	Perspectives Perspectives `yaml:"perspectives"`
	// Rule, optional, is the quorum rule that the CA applies, as
	// [policy.ParseRule] reads it; "br" if empty.
	Rule string `yaml:"rule"`
	// CAARule, optional, is the one that it applies to CAA checks; Rule if empty.
	CAARule string `yaml:"caa-rule"`
	// Methods, optional, are the domain validation methods that it uses.
	Methods []string `yaml:"methods"`
	// Topology, optional, is a synthetic Internet if not given.
	Topology Topology `yaml:"topology"`
	Routing  Routing  `yaml:"routing"` // optional, as in a [Study]
	RPKI     *RPKI    `yaml:"rpki"`    // optional, as in a [Study]
	Egress   string   `yaml:"egress"`  // optional, as in a [Study]
	// Victims, optional, are where the CA's subscribers are: a file of weights
	// has certificates by AS. 100 random ASes if not given.
	Victims Population `yaml:"victims"`
	// Attackers, optional, are all ASes if not given.
	Attackers Population `yaml:"attackers"`
	// Attacks, optional, are the ways of attack, each a kind and perhaps a type;
	// equal-prefix if not given.
	Attacks []string `yaml:"attacks"`
	// Candidates, optional, are patterns of regions that could be added; all of
	// the catalog if not given.
	Candidates []string `yaml:"candidates"`
	// Failures, optional, say how often a perspective fails to corroborate though
	// nobody attacks.
	Failures Failures `yaml:"failures"`
}

// Failures are benign non-corroborations, as probabilities.
type Failures struct {
	// Rate is that of one perspective and check, 0 to 1; 0.01 if not given.
	Rate *float64 `yaml:"rate"`
	// Correlation is that between any two perspectives, 0 to below 1; 0.1 if not
	// given.
	Correlation *float64 `yaml:"correlation"`
}

// The defaults of a [Deployment].
const (
	defaultASes        = 5000
	defaultVictims     = 100
	defaultFailureRate = 0.01
	defaultCorrelation = 0.1
)

// DeploymentSource is a deployment with the study that judges it.
type DeploymentSource struct {
	Deployment
	// Study has the deployment's topology, victims, attackers and attacks. Its
	// viewpoints are those of [DeploymentSource.Sites].
	Study *StudySource
}

// ReadDeployment reads and validates a deployment's file.
func ReadDeployment(path string) (*DeploymentSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a deployment: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a deployment: %w", err)
	}
	return ParseDeployment(data, path)
}

// ParseDeployment reads and validates a deployment from YAML text. file is what
// errors call it, and what other files are relative to. The error joins one
// [FieldError] for each problem.
func ParseDeployment(data []byte, file string) (*DeploymentSource, error) {
	d := &DeploymentSource{}
	at, err := decodeFile(data, file, "a deployment", reflect.ValueOf(&d.Deployment).Elem())
	if err != nil {
		return nil, err
	}
	d.fillDefaults(at)
	d.Study = &StudySource{Study: Study{
		Name: d.Name, Title: d.Title, Topology: d.Topology, Routing: d.Routing, RPKI: d.RPKI, Egress: d.Egress,
		Victims: d.Victims, Attackers: d.Attackers, File: file,
	}, at: at}
	for _, name := range d.Attacks {
		d.Study.Attacks = append(d.Study.Attacks, parseStudyAttack(name))
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	return d, nil
}

// fillDefaults sets what the file leaves out, as if it had been given.
func (d *DeploymentSource) fillDefaults(at map[string]position) {
	given := func(field string) bool {
		_, ok := at[field]
		return ok
	}
	if !given("topology") {
		d.Topology.Synthetic = &Synthetic{ASes: defaultASes, Seed: 1}
	}
	if d.Routing.TieBreak == "" {
		d.Routing.TieBreak = route.TieBreakSeeded.String()
	}
	if !given("victims") {
		d.Victims = Population{Sample: defaultVictims, Seed: 1}
		at["victims"], at["victims.sample"], at["victims.seed"] = position{}, position{}, position{}
	}
	if !given("attackers") {
		d.Attackers = Population{All: true}
	}
	if !given("attacks") {
		d.Attacks = []string{EqualPrefix}
	}
	if !given("candidates") {
		d.Candidates = []string{"*/*"}
	}
	if d.Rule == "" {
		d.Rule = "br"
	}
	if d.CAARule == "" {
		d.CAARule = d.Rule
	}
	if d.Failures.Rate == nil {
		d.Failures.Rate = new(defaultFailureRate)
	}
	if d.Failures.Correlation == nil {
		d.Failures.Correlation = new(defaultCorrelation)
	}
}

func (d *DeploymentSource) validate() error {
	v := &validation{s: d.Study.located()}
	v.perspectives("perspectives", d.Perspectives)
	v.rule("rule", d.Rule, time.Time{})
	if d.CAARule != d.Rule {
		v.rule("caa-rule", d.CAARule, time.Time{})
	}
	for n, m := range d.Methods {
		if _, err := policy.MethodAt(perspectives.Method(m), time.Time{}); err != nil {
			v.fail(fmt.Sprintf("methods[%d]", n), quote(m), "a validation method: "+err.Error())
		}
	}
	for n, pattern := range d.Candidates {
		if _, err := catalog.Match(pattern); err != nil {
			v.fail(fmt.Sprintf("candidates[%d]", n), quote(pattern), "a pattern of regions: "+strings.TrimPrefix(err.Error(), "catalog: "))
		}
	}
	_, domains := d.Study.at["victims.domains"]
	v.check(!domains, "victims.domains", "a value", "none: a deployment is judged by ASes")
	rate, correlation := *d.Failures.Rate, *d.Failures.Correlation
	v.check(rate >= 0 && rate <= 1, "failures.rate", fmt.Sprint(rate), "a probability from 0 to 1")
	v.check(correlation >= 0 && correlation < 1, "failures.correlation", fmt.Sprint(correlation), "0 or more, less than 1")
	return errors.Join(append(v.errs, d.Study.validate())...)
}

// Set returns the perspectives as a rule sees them.
func (d *DeploymentSource) Set() perspectives.Set {
	sites, _ := d.Perspectives.resolve() // validated
	set := perspectives.Set{Name: d.Name, Primary: sites[0].Perspective}
	for _, s := range sites[1:] {
		set.Remotes = append(set.Remotes, s.Perspective)
	}
	return set
}

// Sites returns the viewpoints to judge the deployment by: the primary, the
// remotes in order, then the candidates that are not among them.
func (d *DeploymentSource) Sites() []ResolvedSite {
	sites, _ := d.Perspectives.resolve() // validated
	for n := range sites {
		sites[n].field = join("perspectives", sites[n].field)
	}
	for n, pattern := range d.Candidates {
		regions, _ := catalog.Match(pattern) // validated
		for _, r := range regions {
			if !slices.ContainsFunc(sites, func(s ResolvedSite) bool { return s.Perspective.Name == r.Name }) {
				sites = append(sites, ResolvedSite{Perspective: r.Perspective, field: fmt.Sprintf("candidates[%d]", n)})
			}
		}
	}
	return sites
}

// ASNumbers are AS numbers that a field of a file names.
type ASNumbers struct {
	Field string
	// Named are AS numbers such as "AS 16509", or files that hold such.
	Named []string
}

// ASNumbers returns the AS numbers that the deployment's file names, by field, in
// the order of the file's description.
func (d *DeploymentSource) ASNumbers() (list []ASNumbers) {
	add := func(field, file string, ases ...topology.ASN) {
		var named []string
		for _, asn := range ases {
			named = append(named, fmt.Sprintf("AS %v", asn))
		}
		if file != "" {
			named = append(named, filepath.Base(file))
		}
		if len(named) > 0 {
			list = append(list, ASNumbers{field, named})
		}
	}
	for _, s := range d.Sites() {
		var ases []topology.ASN
		if s.AS != 0 {
			ases = append(ases, s.AS)
		}
		add(s.field, "", slices.Concat(ases, s.Providers, s.Peers)...)
	}
	for n, p := range d.Routing.Policies {
		add(fmt.Sprintf("routing.policies[%d]", n), p.Scores, p.ASes...)
	}
	if r := d.RPKI; r != nil {
		var ases []topology.ASN
		for _, v := range r.VRPs {
			ases = append(ases, v.Origin)
		}
		add("rpki", r.File, ases...)
	}
	add("victims", d.Victims.Weights, d.Victims.ASes...)
	add("attackers", d.Attackers.Weights, d.Attackers.ASes...)
	return list
}

// Use replaces the topology by a file of AS relationships, as the flag --topology
// does: the file is not relative to the deployment's.
func (d *DeploymentSource) Use(topologyFile string) {
	d.Topology = Topology{File: topologyFile}
	d.Study.Topology = d.Topology
	for field := range d.Study.at {
		if field == "topology" || strings.HasPrefix(field, "topology.") {
			delete(d.Study.at, field)
		}
	}
	d.Study.flags = map[string]string{"topology": "topology", "topology.file": "topology"}
}
