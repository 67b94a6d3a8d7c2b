package table

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"mpicsim/reports/resilience"
)

// ResilienceOptions say how resilience is shown.
type ResilienceOptions struct {
	// Color uses ANSI colours.
	Color bool
	// List is how many victims, attackers and viewpoints are listed for each
	// shape of attack, the worst first; those of a policy are its first List.
	List int
}

// withstood prints one report; the first error sticks.
type withstood struct {
	w   io.Writer
	o   ResilienceOptions
	err error
}

// Resilience prints what the hijacks of a study came to: for each shape of attack
// one row for each policy and definition, then the weakest victims, the strongest
// attackers and the weakest viewpoints. Numbers are percentages, as lower / as
// picked / upper, see [resilience.Bounds].
func Resilience(w io.Writer, r *resilience.Report, o ResilienceOptions) error {
	p := &withstood{w: w, o: o}
	for n, a := range r.Attacks {
		if n > 0 {
			p.printf("\n")
		}
		p.attack(a)
	}
	return p.err
}

func (p *withstood) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *withstood) bold(what string) string {
	if !p.o.Color {
		return what
	}
	return text.Bold.EscapeSeq() + what + text.EscapeReset
}

func (p *withstood) table(header table.Row, rows []table.Row) {
	if len(rows) == 0 {
		return
	}
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	t.AppendHeader(header)
	t.AppendRows(rows)
	t.SuppressEmptyColumns()
	p.printf("%s\n", indent(trimLines(t.Render())))
}

// three prints bounds as percentages, one number if they are the same.
func three(b resilience.Bounds) string {
	l, m, u := fmt.Sprintf("%.1f", 100*b.Lower), fmt.Sprintf("%.1f", 100*b.Picked), fmt.Sprintf("%.1f", 100*b.Upper)
	if l == m && m == u {
		return m
	}
	return l + " / " + m + " / " + u
}

func (p *withstood) attack(a resilience.Attack) {
	what := a.Attack + " hijacks"
	if a.Attack == resilience.Strongest {
		what = "the strongest of these for each attacker"
	}
	p.printf("%s\n", p.bold(fmt.Sprintf("Resilience to %s, %% of attackers who get no certificate", what)))
	who := "attackers not told apart"
	if a.Attackers > 0 {
		who = many(a.Attackers, "attacker")
	}
	weights := "all alike"
	if a.Weighted {
		weights = "by weight"
	}
	p.printf("%s of %s, %s, %s. Ties between equally good routes: all to the attacker / as picked / all to the victim.\n",
		many(int(a.Hijacks), "hijack"), many(a.Victims, "victim"), who, weights)
	var rows []table.Row
	for _, r := range a.Policies {
		rows = append(rows, policyRows(r)...)
	}
	if a.Across != nil {
		rows = append(rows, outcomeRow([3]string{"any of them", "", "what some policy needs"}, a.Across, ""))
	}
	p.table(table.Row{"deployment", "rule", "an attacker has to fool", "median", "mean", "of it without a route", "honest refused"}, rows)
	p.spreads(a)
	for _, r := range a.Policies {
		p.parties(r)
	}
	p.viewpoints(a)
}

// many counts things.
func many(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(n) + " " + what
}

// policyRows are one for each definition.
func policyRows(r resilience.PolicyResult) []table.Row {
	refused := ""
	if r.Benign != nil {
		refused = fmt.Sprintf("%.3g", 100*r.Benign.Refused)
	}
	var rows []table.Row
	head := [3]string{r.Deployment, r.Rule.Name, r.Needs}
	if r.WithPrimary != nil {
		rows = append(rows, outcomeRow(head, r.WithPrimary, refused))
		head, refused = [3]string{"", "", "the same, whatever the primary sees"}, ""
	}
	if r.WithoutPrimary != nil {
		rows = append(rows, outcomeRow(head, r.WithoutPrimary, refused))
	}
	if r.NeverIssues != "" {
		rows = append(rows, table.Row{r.Deployment, r.Rule.Name, r.Needs, "cannot issue", r.NeverIssues, "", ""})
	}
	return rows
}

func outcomeRow(head [3]string, o *resilience.Outcome, refused string) table.Row {
	lost := ""
	if o.Unreached != (resilience.Bounds{}) {
		lost = three(o.Unreached)
	}
	return table.Row{head[0], head[1], head[2], three(o.Median), three(o.Mean), lost, refused}
}

// spreads says what sampling leaves open, and on what refusals rest.
func (p *withstood) spreads(a resilience.Attack) {
	for _, r := range a.Policies {
		o := r.WithPrimary
		if o == nil {
			o = r.WithoutPrimary
		}
		if o == nil || o.Spread == nil {
			continue
		}
		s := o.Spread
		p.printf("%s\n", wrap(fmt.Sprintf("%s under %s: if the sampled %s are drawn again, %s times, the median lies between %.1f and %.1f and the mean between %.1f and %.1f in %g %% of draws; "+
			"however ties fall, the median between %.1f and %.1f and the mean between %.1f and %.1f.",
			r.Deployment, r.Rule.Name, drawnAgain(s), thousands(s.Replicates),
			100*s.Median.Picked.Low, 100*s.Median.Picked.High, 100*s.Mean.Picked.Low, 100*s.Mean.Picked.High, 100*s.Level,
			100*s.MedianWithTies.Low, 100*s.MedianWithTies.High, 100*s.MeanWithTies.Low, 100*s.MeanWithTies.High), width, "  ", "  "))
	}
	for _, r := range a.Policies {
		if f := r.Failures; f != nil {
			p.printf("%s\n", wrap("Honest requests refused: "+assumed(*f)+".", width, "  ", "  "))
			return // it is the same for all
		}
	}
}

// drawnAgain says who is, and in how many draws if these have weights.
func drawnAgain(s *resilience.Spread) string {
	draws := func(who string, n int) string {
		if n == 0 {
			return who
		}
		return fmt.Sprintf("%s (%s)", who, many(n, "draw"))
	}
	const victims, attackers = "victims", "attackers"
	switch s.Resampled {
	case victims:
		return draws(victims, s.VictimDraws)
	case attackers:
		return draws(attackers, s.AttackerDraws)
	}
	return draws(victims, s.VictimDraws) + " and " + draws(attackers, s.AttackerDraws)
}

// assumed says what failures were assumed.
func assumed(f resilience.Failures) string {
	out := []string{fmt.Sprintf("assuming that each perspective fails for %.3g %% of them", 100*f.Rate)}
	if len(f.Rates) > 0 {
		out = append(out, fmt.Sprintf("%d at rates of their own", len(f.Rates)))
	}
	switch {
	case f.Shock > 0:
		out = append(out, fmt.Sprintf("all at once for %.3g %%", 100*f.Shock))
	case f.Correlation > 0:
		out = append(out, fmt.Sprintf("with a correlation of %.3g between any two", f.Correlation))
	default:
		out = append(out, "independently of each other")
	}
	return strings.Join(out, ", ")
}

func (p *withstood) parties(r resilience.PolicyResult) {
	o := r.WithPrimary
	if o == nil {
		o = r.WithoutPrimary
	}
	if o == nil || p.o.List <= 0 {
		return
	}
	var rows []table.Row
	for _, v := range o.Victims[:min(p.o.List, len(o.Victims))] {
		name := v.Name
		if name == "" {
			name = fmt.Sprintf("AS %v", v.ASN)
		}
		rows = append(rows, table.Row{name, fmt.Sprintf("%g", v.Weight), three(v.Resilience)})
	}
	for n, a := range o.Attackers[:min(p.o.List, len(o.Attackers))] {
		if n == len(rows) {
			rows = append(rows, table.Row{"", "", ""})
		}
		rows[n] = append(rows[n], fmt.Sprintf("AS %v", a.ASN), three(a.Success))
	}
	if len(rows) == 0 {
		return
	}
	p.printf("\n%s\n", p.bold(fmt.Sprintf("%s under %s: who withstands least, who succeeds most", r.Deployment, r.Rule.Name)))
	p.table(table.Row{"victim", "weight", "resilience", "attacker", "succeeds against"}, rows)
}

// groupName says who is in a group of viewpoints: how many of which clouds.
func groupName(group []resilience.Viewpoint) string {
	const most = 3
	if len(group) <= most {
		names := make([]string, len(group))
		for n, v := range group {
			names[n] = v.Name
		}
		return strings.Join(names, ", ")
	}
	count := map[string]int{}
	for _, v := range group {
		count[providers([]string{v.Name})[0]]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		if count[kind] > 1 {
			kind = fmt.Sprintf("%d of %s", count[kind], kind)
		}
		parts = append(parts, kind)
	}
	if len(parts) > most+1 {
		parts = append(parts[:most], fmt.Sprintf("and %d more", len(parts)-most))
	}
	return strings.Join(parts, ", ")
}

func (p *withstood) viewpoints(a resilience.Attack) {
	if len(a.Viewpoints) == 0 || p.o.List <= 0 {
		return
	}
	weakest := slices.SortedStableFunc(slices.Values(a.Viewpoints), func(a, b resilience.Viewpoint) int {
		return cmp.Compare(a.Group, b.Group)
	})
	p.printf("\n%s\n", p.bold("Viewpoints by themselves, % of hijacks in which they reach the victim"))
	var rows []table.Row
	alike := false
	for from := 0; from < len(weakest) && len(rows) < p.o.List; {
		to := from
		for to < len(weakest) && weakest[to].Group == weakest[from].Group {
			to++
		}
		v, group := weakest[from], weakest[from:to]
		from = to
		reached := "no route to anybody"
		if v.Victims > 0 {
			reached = three(v.Resilience)
		}
		name, rir := v.Name, v.RIR.String()
		if len(group) > 1 {
			alike = true
			name, rir = groupName(group), ""
			if v.Victims > 0 {
				reached = limits(v.Resilience.Lower, v.Resilience.Upper)
			}
		}
		rows = append(rows, table.Row{name, rir, reached, fmt.Sprintf("%.1f", 100*v.Unreached)})
	}
	p.table(table.Row{"viewpoint", "RIR", "reaches the victim", "without a route"}, rows)
	if alike {
		p.printf("%s\n", wrap("Viewpoints in one row cannot be told apart: they differ by the picks of a tie-break alone.", width, "  ", "  "))
	}
	rows = nil
	for _, r := range a.Regions {
		rows = append(rows, table.Row{r.RIR.String(), r.Viewpoints, three(r.Resilience), fmt.Sprintf("%.1f", 100*r.Unreached)})
	}
	p.table(table.Row{"RIR", "viewpoints", "reach the victim", "without a route"}, rows)
}
