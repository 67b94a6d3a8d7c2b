package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mpicsim/perspectives/policy"
	"mpicsim/reports/assessment"
	"mpicsim/reports/resilience"
	"mpicsim/reports/table"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// assessFlags are the flags of "mpicsim assess" as given.
type assessFlags struct {
	topology      string
	date          string
	by            string
	minResilience float64
	json          bool
	markdown      bool
	output        string
	workers       int
	list          int
}

func newAssessCommand(s streams) *cobra.Command {
	var f assessFlags
	cmd := &cobra.Command{
		Use:   "assess CA.yaml",
		Short: "Judge one CA's deployment: compliance and resilience on one page",
		Long: `Assess judges a CA's perspectives and quorum rule, as CA.yaml states them:

  compliance with BR 3.2.2.9, requirement by requirement, on the day and on each
    later day from which a stricter rule holds or a method that it uses is banned
  the CA's own rule: whether it issues on any attempt that the BR of that day
    refuse, with an example
  what the BR ask beyond that and was not examined, clause by clause
  what is hardly true as stated: places, AS numbers
  resilience to prefix hijacks under the CA's rule and under each phase of the BR,
    with bounds for ties; the weakest victims, the strongest attackers
  the best one and two regions of the catalog to add, in groups that the model
    cannot tell apart
  what the quorum costs in honest requests that fail

Without a topology in CA.yaml or in --topology it is a synthetic Internet, which
tells rules apart but says nothing about real victims.

Exit code 1: the deployment does not comply on the day, or with --by on some day
up to then; it can never meet its own rule; or its median resilience, with all ties
to the attacker, is below --min-resilience. So it can gate a deployment.`,
		Example: `  # A published set, on the embedded default
  mpicsim assess docs/ca/open-mpic.yaml

  # On the real topology, as a gate
  mpicsim assess ca.yaml --topology 20250901.as-rel2.txt.bz2 --min-resilience 0.9

  # Will it still comply at the end of next year?
  mpicsim assess ca.yaml --by 2027-12-31`,
		Args: exactlyOne("a file that describes a deployment"),
		RunE: func(cmd *cobra.Command, args []string) error { return runAssess(cmd.Context(), s, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.topology, "topology", "", "`FILE` of AS relationships instead of CA.yaml's topology")
	flags.StringVar(&f.date, "date", "", "`YYYY-MM-DD` of the assessment (default: today)")
	flags.StringVar(&f.by, "by", "", "`YYYY-MM-DD` up to which the deployment must comply (default: the day of the assessment)")
	flags.Float64Var(&f.minResilience, "min-resilience", 0, "median resilience to demand, `0 to 1`")
	flags.IntVar(&f.list, "list", 5, "how many victims and attackers to list")
	flags.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "how many processors to use")
	flags.BoolVar(&f.json, "json", false, "print the assessment as JSON")
	flags.BoolVar(&f.markdown, "markdown", false, "print it as Markdown")
	flags.StringVarP(&f.output, "output", "o", "", "write to `FILE` instead of standard output")
	flags.SortFlags = false
	return cmd
}

func runAssess(ctx context.Context, s streams, path string, f assessFlags) error {
	day := time.Now().UTC()
	if f.date != "" {
		var err error
		if day, err = policy.ParseDate(f.date); err != nil {
			return fmt.Errorf("--date: %w", err)
		}
	}
	demands := assessment.Demands{MinResilience: f.minResilience}
	if f.by != "" {
		var err error
		if demands.By, err = policy.ParseDate(f.by); err != nil {
			return fmt.Errorf("--by: %w", err)
		}
		if f.by < day.Format(time.DateOnly) {
			return fmt.Errorf("--by: found %s, expected the day of the assessment, %s, or a later one", f.by, day.Format(time.DateOnly))
		}
	}
	if !(f.minResilience >= 0 && f.minResilience <= 1) {
		return fmt.Errorf("--min-resilience: found %v, expected 0 to 1", f.minResilience)
	}
	if f.json && f.markdown {
		return errors.New("--json, --markdown: want one of the two")
	}
	ca, err := scenarios.ReadDeployment(path)
	if err != nil {
		return err
	}
	if f.topology != "" {
		ca.Use(f.topology)
	}
	a, err := assess(ctx, ca, day, f)
	if err != nil {
		return err
	}
	a.Decide(demands)
	err = writeOutput(s, f.output, func(w *bufio.Writer) error {
		if f.json {
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(a)
		}
		return table.Assessment(w, a, table.AssessmentOptions{Color: toStdout(f.output) && useColor(s.out, os.Getenv), Markdown: f.markdown})
	})
	if err != nil {
		return err
	}
	if !a.Verdict.Pass {
		return &exitError{code: exitNo}
	}
	return nil
}

// assess computes the hijacks of the deployment's study and puts the page
// together, but for the verdict.
func assess(ctx context.Context, ca *scenarios.DeploymentSource, day time.Time, f assessFlags) (*assessment.Assessment, error) {
	set := ca.Set()
	methods, err := assessment.MethodsAt(ca.Methods, day)
	if err != nil {
		return nil, err
	}
	calendar, err := assessment.Deployment{Set: set, Rule: ca.Rule, CAARule: ca.CAARule, Methods: ca.Methods}.Calendar(day)
	if err != nil {
		return nil, err
	}
	sites := ca.Sites()
	plan, err := study.Prepare(ctx, study.Options{Source: ca.Study, Sites: sites, Workers: f.workers, Version: version()})
	if err != nil {
		return nil, err
	}
	judge, err := newJudge(ca, plan, day, calendar[0].NeverIssues())
	if err != nil {
		return nil, err
	}
	if err := plan.Compute(ctx, judge.add); err != nil {
		return nil, err
	}
	m := plan.Manifest()
	a := &assessment.Assessment{
		Schema: assessment.Schema, Version: version(), Name: ca.Name, Title: ca.Title, Date: day.Format(time.DateOnly),
		Inputs: assessment.Inputs{
			Topology: m.Topology, TieBreak: m.TieBreak, Seed: m.Seed, Victims: m.Victims, Attackers: m.Attackers,
			Hijacks: plan.Hijacks(), Candidate: len(sites) - 1 - len(set.Remotes),
		},
		Perspectives: assessment.Places(set), Doubts: assessment.Doubts(set, m.Topology.Kind, numbers(ca)),
		Compliance: calendar, NotExamined: assessment.NotExamined(day), Methods: methods, Failures: judge.failures,
	}
	if m.Policies != nil || m.RPKI != nil {
		a.Inputs.Policies, a.Inputs.RPKI, a.Inputs.Prefixes = m.Policies, m.RPKI, m.Prefixes
	}
	if m.Egress != nil {
		a.Inputs.Egress = m.Egress.Assumption
	}
	if a.Attacks, err = judge.attacks(f.list); err != nil {
		return nil, err
	}
	return a, nil
}

// numbers are the AS numbers that the deployment's file names.
func numbers(ca *scenarios.DeploymentSource) (list []assessment.Numbers) {
	for _, n := range ca.ASNumbers() {
		list = append(list, assessment.Numbers(n))
	}
	return list
}

// judge applies rules to hijacks as they come.
type judge struct {
	failures  resilience.Failures
	rules     []assessment.Rule // as labelled; those that issue are in the accumulator, in order
	sum       *resilience.Accumulator
	additions []*resilience.Additions // for each attack
	addRule   string                  // by which
	names     []string                // of the attacks
}

// newJudge compiles the CA's own rule and the phases of the BR. never says why the
// CA's own rules cannot be met, "" if they can.
func newJudge(ca *scenarios.DeploymentSource, plan *study.Plan, day time.Time, never string) (*judge, error) {
	own, err := policy.ParseRule(ca.Rule, day)
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	set := ca.Set()
	deployment := resilience.Deployment{Name: ca.Name, Primary: 0, Set: &set}
	for n := range set.Remotes {
		deployment.Remotes = append(deployment.Remotes, n+1)
	}
	j := &judge{failures: resilience.Failures{Rate: *ca.Failures.Rate, Correlation: *ca.Failures.Correlation}, names: ca.Attacks}
	options := resilience.Options{Viewpoints: plan.Viewpoints(), Attackers: true, Failures: &j.failures}
	manifest := plan.Manifest()
	options.Sampling = resilience.SamplingOf(&manifest)
	phases := slices.DeleteFunc(policy.Phases(), func(q policy.Quorum) bool { return q.Name == own.Name })
	for n, q := range append([]policy.Quorum{own}, phases...) {
		rule := assessment.Rule{Name: q.Name, Own: n == 0}
		if !q.Effective.IsZero() {
			rule.From = q.Effective.Format(time.DateOnly)
		}
		p := resilience.Policy{Deployment: deployment, Rule: q}
		if rule.Own && never != "" {
			rule.NeverIssues = never
			j.rules = append(j.rules, rule)
			continue
		}
		switch _, err := resilience.Compile(options.Viewpoints, p); {
		case err == nil:
			rule.Issues = true
			options.Policies = append(options.Policies, p)
		case !errors.Is(err, resilience.ErrNeverIssues):
			return nil, err
		default:
			if rule.NeverIssues, err = policy.NeverIssues(q, set); err != nil {
				return nil, err
			}
		}
		j.rules = append(j.rules, rule)
	}
	if len(options.Policies) > 0 {
		if j.sum, err = resilience.NewAccumulator(options); err != nil {
			return nil, err
		}
	}
	rule := own
	if !own.ByTable {
		rule = policy.QuorumAt(day)
	}
	if rule.MinRemotes == 0 || !rule.Enforced {
		return j, nil
	}
	j.addRule = rule.Name
	var candidates []int
	for n := len(set.Remotes) + 1; n < len(options.Viewpoints); n++ {
		candidates = append(candidates, n)
	}
	for _, attack := range ca.Attacks {
		search, err := resilience.NewAdditions(resilience.AdditionOptions{
			Viewpoints: options.Viewpoints, Policy: resilience.Policy{Deployment: deployment, Rule: rule}, Candidates: candidates, Attack: attack,
		})
		if err != nil {
			return nil, err
		}
		j.additions = append(j.additions, search)
	}
	return j, nil
}

func (j *judge) add(h *result.Hijack) error {
	if j.sum != nil {
		if err := j.sum.Add(h); err != nil {
			return err
		}
	}
	for _, search := range j.additions {
		if err := search.Add(h); err != nil {
			return err
		}
	}
	return nil
}

// bestAdditions is how many groups of the best sets of each size are listed.
const bestAdditions = 3

// attacks returns what the rules make of each shape of attack.
func (j *judge) attacks(list int) ([]assessment.Attack, error) {
	byName := map[string]resilience.Attack{}
	if j.sum != nil {
		report, err := j.sum.Report(resilience.ReportOptions{List: list, Steps: 101})
		if err != nil {
			return nil, err
		}
		for _, a := range report.Attacks {
			byName[a.Attack] = a
		}
	}
	var all []assessment.Attack
	for n, name := range j.names {
		out := assessment.Attack{Attack: name, Weakest: []resilience.Victim{}, Strongest: []resilience.Attacker{}}
		issuing := 0
		for _, rule := range j.rules {
			if rule.Issues {
				p := byName[name].Policies[issuing]
				issuing++
				rule.Needs, rule.NeverIssues, rule.Issues = p.Needs, p.NeverIssues, p.WithPrimary != nil
				if rule.Issues {
					rule.Result, rule.Benign = withoutParties(p.WithPrimary), p.Benign
				}
				if rule.Issues && rule.Own {
					out.Weakest, out.Strongest = p.WithPrimary.Victims, p.WithPrimary.Attackers
				}
			}
			out.Rules = append(out.Rules, rule)
		}
		if j.additions != nil {
			out.AdditionsRule = j.addRule
			for k := 1; k <= 2; k++ {
				best, err := j.additions[n].Best(k, bestAdditions)
				if err != nil {
					return nil, err
				}
				out.Additions = append(out.Additions, best)
			}
		}
		all = append(all, out)
	}
	return all, nil
}

// withoutParties leaves out the lists, which are printed once for an attack.
func withoutParties(o *resilience.Outcome) *resilience.Outcome {
	short := *o
	short.Victims, short.Attackers = nil, nil
	return &short
}
