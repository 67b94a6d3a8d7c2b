package table

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"mpicsim/reports/assessment"
	"mpicsim/reports/resilience"
	"mpicsim/topology/place"
)

// AssessmentOptions say how an assessment is shown.
type AssessmentOptions struct {
	// Color uses ANSI colours; not with Markdown.
	Color bool
	// Markdown prints headings and tables as GitHub's Markdown has them.
	Markdown bool
}

// page prints one assessment; the first error sticks.
type page struct {
	w   io.Writer
	a   *assessment.Assessment
	o   AssessmentOptions
	err error
}

// Assessment prints an assessment on one page: compliance by day, resilience by
// rule, the weakest victims and strongest attackers, and what to add.
func Assessment(w io.Writer, a *assessment.Assessment, o AssessmentOptions) error {
	o.Color = o.Color && !o.Markdown
	p := &page{w: w, a: a, o: o}
	p.head()
	p.doubts()
	p.compliance()
	p.unexamined()
	p.methods()
	for _, attack := range a.Attacks {
		p.attack(attack)
	}
	p.assumptions()
	p.verdict()
	return p.err
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *page) paint(colors text.Colors, what string) string {
	if !p.o.Color {
		return what
	}
	return colors.EscapeSeq() + what + text.EscapeReset
}

func (p *page) heading(what string) {
	if p.o.Markdown {
		p.printf("\n## %s\n\n", what)
		return
	}
	p.printf("\n%s\n", p.paint(text.Colors{text.Bold}, what))
}

// prose prints a paragraph.
func (p *page) prose(what string) {
	if p.o.Markdown {
		p.printf("%s\n\n", what)
		return
	}
	p.printf("%s\n", wrap(what, width, "  ", "  "))
}

// table prints rows under a header.
func (p *page) table(header table.Row, rows []table.Row) {
	t := table.NewWriter()
	t.AppendHeader(header)
	t.AppendRows(rows)
	if p.o.Markdown {
		p.printf("%s\n\n", t.RenderMarkdown())
		return
	}
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	p.printf("%s\n", trimLines(indent(t.Render())))
}

// mark is yes or no at a glance.
func (p *page) mark(good bool) string {
	if good {
		return p.paint(text.Colors{text.FgGreen}, "ok")
	}
	return p.paint(text.Colors{text.FgRed, text.Bold}, "NO")
}

func (p *page) head() {
	a := p.a
	title := a.Name
	if a.Title != "" {
		title += ": " + a.Title
	}
	if p.o.Markdown {
		p.printf("# %s\n\n", title)
	} else {
		p.printf("%s\n", p.paint(text.Colors{text.Bold}, title))
	}
	p.prose(fmt.Sprintf("MPIC deployment as of %s: the primary and %d remotes.", a.Date, len(a.Perspectives)-1))
	p.printf("\n")
	var rows []table.Row
	for _, v := range a.Perspectives {
		role := ""
		if v.Primary {
			role = "primary"
		}
		nearest := ""
		if v.Nearest != "" {
			nearest = fmt.Sprintf("%s, %s km", v.Nearest, place.FormatKm(v.NearestKm))
		}
		rows = append(rows, table.Row{v.Name, role, v.City, v.RIR.String(), nearest})
	}
	p.table(table.Row{"perspective", "", "place", "RIR", "nearest other"}, rows)
}

func (p *page) compliance() {
	p.heading("Compliance with BR 3.2.2.9")
	var rows []table.Row
	for _, c := range p.a.Compliance {
		for n, r := range c.Requirements {
			from, rule := "", ""
			if n == 0 {
				from, rule = c.From, c.Rule
			}
			rows = append(rows, table.Row{from, rule, p.mark(r.Met), r.What, r.Found, r.Want})
		}
	}
	p.table(table.Row{"from", "rule", "", "what", "found", "wanted"}, rows)
	for _, c := range p.a.Compliance {
		for _, v := range c.Violations {
			p.prose(fmt.Sprintf("%s: %s (%s)", c.From, v.Detail, v.Clause))
		}
		own := []assessment.OwnRule{c.Own}
		if c.OwnCAA != nil {
			own = append(own, *c.OwnCAA)
		}
		for n, o := range own {
			about := []string{"", "CAA: "}[n]
			if b := o.Counterexample; b != nil {
				p.prose(fmt.Sprintf("%s: %s%s (%s)", c.From, about, b, b.Clause))
			}
			if o.NeverIssues != "" {
				p.prose(fmt.Sprintf("%s: %srule %s never issues: %s", c.From, about, o.Name, o.NeverIssues))
			}
		}
	}
}

// doubts lists what is hardly true as stated.
func (p *page) doubts() {
	if len(p.a.Doubts) == 0 {
		return
	}
	p.heading("Hardly true as stated")
	for _, d := range p.a.Doubts {
		p.prose("warning: " + d.Detail + ".")
	}
}

// unexaminedWidth is the width of the column that says what was not examined.
const unexaminedWidth = 76

// unexamined lists what compliance says nothing about.
func (p *page) unexamined() {
	p.heading("Not examined")
	p.prose("What the BR ask beyond the table, which a description cannot show; it is for the CA to look at.")
	p.printf("\n")
	clause := ""
	var rows []table.Row
	for _, u := range p.a.NotExamined {
		row := table.Row{"", u.Level, u.What}
		if u.Clause != clause {
			clause, row[0] = u.Clause, u.Clause
		}
		if p.o.Markdown {
			rows = append(rows, row)
			continue
		}
		for n, line := range strings.Split(wrap(u.What, unexaminedWidth, "", ""), "\n") {
			if n > 0 {
				row = table.Row{"", "", ""}
			}
			row[2] = line
			rows = append(rows, row)
		}
	}
	p.table(table.Row{"clause", "", "what"}, rows)
}

func (p *page) methods() {
	if len(p.a.Methods) == 0 {
		return
	}
	p.heading("Validation methods")
	var rows []table.Row
	for _, m := range p.a.Methods {
		rows = append(rows, table.Row{p.mark(m.Allowed), m.Method, m.Section, m.Discouraged, m.Banned})
	}
	p.table(table.Row{"", "method", "section", "discouraged from", "banned from"}, rows)
}

// percent prints a share; its bounds in brackets if they differ.
func percent(b resilience.Bounds) string {
	one := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
	if one(b.Lower) == one(b.Upper) {
		return one(b.Picked)
	}
	return fmt.Sprintf("%s (%.1f to %.1f)", one(b.Picked), 100*b.Lower, 100*b.Upper)
}

func (p *page) attack(a assessment.Attack) {
	p.heading("Resilience to " + a.Attack + " hijacks")
	p.prose("The share of attackers who get no certificate, over victims by weight; in brackets if all ties between " +
		"equally good routes fell to the attacker, and if all fell to the victim. Refused: honest requests under the stated failures.")
	p.printf("\n")
	var rows []table.Row
	for _, r := range a.Rules {
		name := r.Name
		if r.Own {
			name += " (the CA's)"
		}
		if r.Result == nil {
			rows = append(rows, table.Row{name, r.From, cmp.Or(r.Needs, "-"), "cannot issue", "cannot issue", ""})
			continue
		}
		refused := ""
		if r.Benign != nil {
			refused = fmt.Sprintf("%.3g %%", 100*r.Benign.Refused)
		}
		rows = append(rows, table.Row{name, r.From, r.Needs, percent(r.Result.Median), percent(r.Result.Mean), refused})
	}
	p.table(table.Row{"rule", "from", "an attacker has to fool", "median", "mean", "refused"}, rows)
	if own := a.Rules[0].Result; own != nil {
		if s := own.Spread; s != nil {
			p.prose(fmt.Sprintf("By drawing the sampled %s again %d times, the CA's median lies between %.1f and %.1f %% in %.0f %% of draws; between %.1f and %.1f %% however ties fall.",
				drawnAgain(s), s.Replicates, 100*s.Median.Picked.Low, 100*s.Median.Picked.High, 100*s.Level, 100*s.MedianWithTies.Low, 100*s.MedianWithTies.High))
		}
		if own.Unreached.Lower > 0 || own.Unreached.Upper > 0 {
			p.prose("Of this, " + percent(own.Unreached) + " only because some perspective has no route at all.")
		}
	}
	p.parties(a)
	p.additions(a)
}

func (p *page) parties(a assessment.Attack) {
	if len(a.Weakest) > 0 {
		p.heading("Weakest victims, strongest attackers (" + a.Attack + ")")
		var rows []table.Row
		for n := range max(len(a.Weakest), len(a.Strongest)) {
			row := table.Row{"", "", "", "", ""}
			if n < len(a.Weakest) {
				v := a.Weakest[n]
				row[0], row[1], row[2] = fmt.Sprintf("AS %v", v.ASN), fmt.Sprintf("%g", v.Weight), percent(v.Resilience)
			}
			if n < len(a.Strongest) {
				s := a.Strongest[n]
				row[3], row[4] = fmt.Sprintf("AS %v", s.ASN), percent(s.Success)
			}
			rows = append(rows, row)
		}
		p.table(table.Row{"victim", "weight", "resilience", "attacker", "wins against"}, rows)
	}
}

func (p *page) assumptions() {
	in := p.a.Inputs
	p.heading("This rests on")
	kind := ""
	if in.Topology.Kind == "synthetic" {
		kind = " SYNTHETIC, not the Internet: give a real topology with --topology."
	}
	p.prose(fmt.Sprintf("Topology: %s; %s ASes.%s", in.Topology.Source, thousands(in.Topology.ASes), kind))
	beyond := "no route origin validation"
	if len(in.Policies) > 0 {
		beyond = "and the policies below"
	}
	p.prose(fmt.Sprintf("Hijacks: %s, %s victims by %s attackers of %s. Routes: Gao-Rexford, ties %s, seed %d; %s.",
		thousands(int(in.Hijacks)), thousands(in.Victims.Count), thousands(in.Attackers.Count), thousands(in.Attackers.Population), in.TieBreak, in.Seed, beyond))
	p.prose("Regions: " + in.Egress + ".")
	for _, policy := range in.Policies {
		p.prose(fmt.Sprintf("Policy: %s at %s (%s ASes).", policy.Policy, policy.Where, thousands(policy.ASes)))
	}
	if r := in.RPKI; r != nil {
		p.prose(fmt.Sprintf("RPKI: %s VRPs, %s ASPAs. Victims announce %s.", thousands(r.VRPs), thousands(r.ASPAs), in.Prefixes))
	}
	p.prose(fmt.Sprintf("Failures: each perspective fails to corroborate %.3g %% of honest requests, any two with correlation %g. That is an assumption.",
		100*p.a.Failures.Rate, p.a.Failures.Correlation))
	p.prose("Hijacks of the web server's prefix only; name servers count when they are victims themselves.")
}

func (p *page) verdict() {
	v := p.a.Verdict
	p.heading("Verdict")
	var line string
	switch {
	case !v.Compliant:
		line = "NOT COMPLIANT on " + p.a.Date
	case v.NotCompliantFrom != "":
		line = fmt.Sprintf("compliant on %s, not compliant from %s", p.a.Date, v.NotCompliantFrom)
	default:
		line = fmt.Sprintf("compliant on %s and under all rules that are known to come", p.a.Date)
	}
	line += ", as far as it was examined"
	if v.By != "" {
		line += fmt.Sprintf(" (compliance demanded by %s)", v.By)
	}
	switch {
	case v.CannotIssue != "":
		line += "; CANNOT ISSUE, so that there is no resilience: " + v.CannotIssue
	case v.Resilience == nil:
		line += "; no resilience"
	default:
		line += fmt.Sprintf("; median resilience %.1f %% with all ties to the attacker", 100**v.Resilience)
		switch {
		case v.MinResilience > 0 && *v.Resilience < v.MinResilience:
			line += fmt.Sprintf(", BELOW the %.1f %% demanded", 100*v.MinResilience)
		case v.MinResilience > 0:
			line += fmt.Sprintf(", %.1f %% demanded", 100*v.MinResilience)
		}
	}
	color := text.Colors{text.FgGreen}
	if !v.Pass {
		color = text.Colors{text.FgRed, text.Bold}
	}
	if p.o.Markdown {
		p.printf("%s\n", line+".")
		return
	}
	for l := range strings.SplitSeq(wrap(line+".", width, "  ", "  "), "\n") {
		p.printf("%s\n", p.paint(color, l))
	}
}
