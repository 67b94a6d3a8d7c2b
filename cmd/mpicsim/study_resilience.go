package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives"
	"mpicsim/perspectives/catalog"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/reports/table"
	"mpicsim/scenarios/result"
)

// studyResilienceFlags are the flags of "mpicsim study resilience" as given.
type studyResilienceFlags struct {
	perspectives []string
	rules        []string
	date         string
	rate         float64
	correlation  float64
	list         int
	pairwise     bool
	surface      string
	json         bool
	output       string
}

func newStudyResilienceCommand(s streams) *cobra.Command {
	var f studyResilienceFlags
	cmd := &cobra.Command{
		Use:   "resilience DIR",
		Short: "Apply quorum rules to the results of a study",
		Long: `Resilience reads the hijacks of a finished study and says how many of them
deployments withstand under rules: the share of attackers who get no certificate,
with bounds for ties, over victims as median and mean. Routes are not computed
again, so that any number of deployments and rules can be tried on one study.

A deployment is a set of the catalog, or PRIMARY:REMOTE,REMOTE,... of the study's
viewpoints. With several shapes of attack the report ends with the strongest of
them for each attacker. Sampled victims and attackers come with a bootstrap interval. An
aggregated study has the same numbers, but nothing by attacker, no strongest
attack, and no interval for sampled attackers.

With --pairwise, viewpoints that the model cannot tell apart are one row. A set that
can never meet a rule is an error; where too few of its perspectives have a route to
anybody it says "cannot issue", and there is no resilience.`,
		Example: `  mpicsim study resilience results --perspectives aws/us-east-2:aws/us-west-1,aws/us-west-2 --rule 1/2 --rule 2/2
  mpicsim study resilience results --perspectives openmpic-default --rule br@2026-12-15 --json
  mpicsim study resilience results --pairwise`,
		Args: exactlyOne("the directory of a study's results"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := openResults(args[0])
			if err != nil {
				return err
			}
			report, err := judgeStudy(d, f, time.Now().UTC())
			if err != nil {
				return err
			}
			return writeOutput(s, f.output, func(w *bufio.Writer) error {
				if f.json {
					return writeJSON(w, studyResilience{d.Manifest.Name, d.Manifest.SHA256, resilience.NotDrawnAgain(&d.Manifest), report})
				}
				fmt.Fprintf(w, "Study       %s\n", titled(d.Manifest.Name, d.Manifest.Title))
				printStudyInputs(w, &d.Manifest)
				fmt.Fprintln(w)
				if who := resilience.NotDrawnAgain(&d.Manifest); who != "" {
					fmt.Fprintf(w, "The %s are a sample that no interval below accounts for: an aggregated study does not tell them apart.\n\n", who)
				}
				return table.Resilience(w, report, table.ResilienceOptions{Color: toStdout(f.output) && useColor(s.out, os.Getenv), List: f.list})
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.perspectives, "perspectives", nil, "`SET` of the catalog, or PRIMARY:REMOTE,REMOTE,...; may be repeated")
	flags.StringArrayVar(&f.rules, "rule", nil, "quorum `RULE`: br, br@DATE, K/N or a preset; may be repeated (default br)")
	flags.StringVar(&f.date, "date", "", "`YYYY-MM-DD` for which the rule br is meant (default: today)")
	flags.StringVar(&f.surface, "surface", "", "what can be hijacked of a domain, if victims are domains: `web, dnssec or web+dns`")
	flags.BoolVar(&f.pairwise, "pairwise", false, "list every viewpoint by itself, and regions")
	flags.Float64Var(&f.rate, "failure-rate", 0, "price rules by how many honest requests they refuse if a perspective fails for this `SHARE` of them")
	flags.Float64Var(&f.correlation, "failure-correlation", 0, "between the failures of any two perspectives, `0 to 1`")
	flags.IntVar(&f.list, "list", 5, "how many victims, attackers and viewpoints to list")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	flags.SortFlags = false
	return cmd
}

// studyResilience is a report with the study that it is of.
type studyResilience struct {
	Study string `json:"study"`
	// SHA256 is that of the study's results, as in its manifest.
	SHA256 string `json:"sha256"`
	// NotDrawnAgain says who was sampled and is in no interval.
	NotDrawnAgain string `json:"not_drawn_again,omitempty"`
	*resilience.Report
}

// judgeStudy applies every rule to every deployment.
func judgeStudy(d *result.Directory, f studyResilienceFlags, day time.Time) (*resilience.Report, error) {
	o, err := resilienceOptions(&d.Manifest, d.Viewpoints, f, day)
	if err != nil {
		return nil, err
	}
	domains, err := studyDomains(d, f.surface)
	if err != nil {
		return nil, err
	}
	wanted := resilience.ReportOptions{List: f.list}
	if f.json {
		wanted = resilience.ReportOptions{List: -1, Steps: 101}
	}
	if domains == nil {
		return accumulate(o, wanted, func(add func(*result.Hijack) error) error { return stored(d, add) })
	}
	o.Names = domains.Names()
	return accumulate(o, wanted, func(add func(*result.Hijack) error) error {
		if err := stored(d, domains.Add); err != nil {
			return err
		}
		_, err := domains.Each(f.surface, add)
		return err
	})
}

// accumulate returns what policies make of hijacks.
func accumulate(o resilience.Options, wanted resilience.ReportOptions, hijacks func(add func(*result.Hijack) error) error) (*resilience.Report, error) {
	sum, err := resilience.NewAccumulator(o)
	if err != nil {
		return nil, err
	}
	if err := hijacks(sum.Add); err != nil {
		return nil, err
	}
	return sum.Report(wanted)
}

// stored hands on all hijacks of a finished study.
func stored(d *result.Directory, each func(*result.Hijack) error) error {
	for h, err := range d.Hijacks() {
		if err != nil {
			return err
		}
		if err := each(h); err != nil {
			return fmt.Errorf("%s: %w", d.Path, err)
		}
	}
	return nil
}

// studyDomains returns room for the hijacks of a study of domains, nil if victims
// are ASes.
func studyDomains(d *result.Directory, surface string) (*resilience.Domains, error) {
	if d.Domains == nil {
		if surface != "" {
			return nil, fmt.Errorf("--surface: found %q: want none: the victims of this study are ASes", surface)
		}
		return nil, nil //nolint:nilnil // no domains
	}
	domains, err := resilience.NewDomains(d.Domains, len(d.Viewpoints), d.Manifest.Attackers.Count, len(d.Manifest.Attacks))
	if err == nil && !slices.Contains(domains.Surfaces(), surface) {
		err = fmt.Errorf("--surface: found %q: want one of %s: the victims of this study are domains", surface, strings.Join(domains.Surfaces(), ", "))
	}
	return domains, err
}

// resilienceOptions returns what to compute of a study's hijacks.
func resilienceOptions(m *result.Manifest, viewpoints []result.Viewpoint, f studyResilienceFlags, day time.Time) (resilience.Options, error) {
	o := resilience.Options{
		Viewpoints: viewpoints, Attackers: !m.Aggregate && (f.list > 0 || f.json), Pairwise: f.pairwise, Strongest: !m.Aggregate && len(m.Attacks) > 1,
	}
	var err error
	if o.Policies, err = studyPolicies(viewpoints, f, day); err != nil {
		return o, err
	}
	if f.rate != 0 || f.correlation != 0 {
		o.Failures = &resilience.Failures{Rate: f.rate, Correlation: f.correlation}
	}
	o.Sampling = resilience.SamplingOf(m)
	return o, nil
}

// studyPolicies returns each deployment under each rule.
func studyPolicies(viewpoints []result.Viewpoint, f studyResilienceFlags, day time.Time) ([]resilience.Policy, error) {
	if f.date != "" {
		var err error
		if day, err = policy.ParseDate(f.date); err != nil {
			return nil, fmt.Errorf("--date: %w", err)
		}
	}
	if len(f.perspectives) == 0 && !f.pairwise {
		return nil, errors.New("--perspectives: missing: want a deployment, or --pairwise for viewpoints by themselves")
	}
	rules := f.rules
	if len(rules) == 0 {
		rules = []string{"br"}
	}
	var all []resilience.Policy
	for _, text := range f.perspectives {
		deployment, err := studyDeployment(viewpoints, text)
		if err != nil {
			return nil, fmt.Errorf("--perspectives: %w", err)
		}
		for _, rule := range rules {
			q, err := policy.ParseRule(rule, day)
			if err != nil {
				return nil, fmt.Errorf("--rule: %w", err)
			}
			p := resilience.Policy{Deployment: deployment, Rule: q}
			if _, err := resilience.Compile(viewpoints, p); err != nil {
				return nil, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// studyDeployment finds the perspectives of a deployment among the viewpoints.
func studyDeployment(viewpoints []result.Viewpoint, text string) (resilience.Deployment, error) {
	d := resilience.Deployment{Name: text}
	at := func(name string) (int, error) {
		n := slices.IndexFunc(viewpoints, func(v result.Viewpoint) bool { return v.Name == name })
		if n < 0 {
			return 0, fmt.Errorf("%q: %q is no viewpoint of the study: want one of %s", text, name, someViewpoints(viewpoints))
		}
		return n, nil
	}
	primary, remotes, given := strings.Cut(text, ":")
	names := strings.Split(remotes, ",")
	if !given {
		named, err := catalog.Set(text)
		if err != nil {
			return d, err
		}
		primary, names = named.Primary.Name, namesOf(named.Remotes)
	}
	var err error
	if d.Primary, err = at(primary); err != nil {
		return d, err
	}
	for _, name := range names {
		n, err := at(name)
		if err != nil {
			return d, err
		}
		d.Remotes = append(d.Remotes, n)
	}
	return d, nil
}

func namesOf(list []perspectives.Perspective) []string {
	names := make([]string, len(list))
	for n, p := range list {
		names[n] = p.Name
	}
	return names
}

func someViewpoints(viewpoints []result.Viewpoint) string {
	const most = 8
	var names []string
	for _, v := range viewpoints[:min(most, len(viewpoints))] {
		names = append(names, v.Name)
	}
	if more := len(viewpoints) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
