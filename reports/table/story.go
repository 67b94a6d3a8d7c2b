// Package table turns results into text for a terminal. It reads package
// result's data and nothing of the engine, so that everything it shows can be
// shown again from stored results.
package table

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"mpicsim/scenarios/result"
)

// StoryOptions say how a story is shown.
type StoryOptions struct {
	// Color uses ANSI colours.
	Color bool
	// Next, optional, are the commands to suggest at the end, each with what it
	// shows.
	Next [][2]string
}

// story prints one replay; the first error sticks.
type story struct {
	w       io.Writer
	r       *result.Replay
	o       StoryOptions
	virtual map[string]*virtual // of perspectives, nil for those in a real AS
	err     error
}

// Story prints a replay for a person: who is who, the timeline, one table for
// each check with the perspectives and the decision, whether it came out as
// expected, and what the result assumes.
func Story(w io.Writer, r *result.Replay, o StoryOptions) error {
	s := &story{w: w, o: o}
	s.tell(r)
	s.head()
	s.timeline()
	for _, c := range r.Checks {
		s.check(c)
	}
	s.verdict()
	s.expectations()
	s.assumptions()
	s.next()
	return s.err
}

// tell makes a replay the one that is printed.
func (s *story) tell(r *result.Replay) {
	s.r, s.virtual = r, map[string]*virtual{}
	for _, p := range r.Perspectives {
		if p.Virtual {
			s.virtual[p.Name] = &virtual{exit: p.Exit.String()}
		}
	}
}

func (s *story) printf(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

func (s *story) paint(colors text.Colors, what string) string {
	if !s.o.Color {
		return what
	}
	return colors.EscapeSeq() + what + text.EscapeReset
}

func (s *story) bold(what string) string   { return s.paint(text.Colors{text.Bold}, what) }
func (s *story) faint(what string) string  { return s.paint(text.Colors{text.Faint}, what) }
func (s *story) good(what string) string   { return s.paint(text.Colors{text.FgGreen}, what) }
func (s *story) bad(what string) string    { return s.paint(text.Colors{text.FgRed, text.Bold}, what) }
func (s *story) unsure(what string) string { return s.paint(text.Colors{text.FgYellow}, what) }

// width is where prose is wrapped.
const width = 100

func (s *story) head() {
	r := s.r
	s.printf("%s\n", s.bold(r.Scenario.Title))
	if !r.Scenario.Changed { // the claim is about the scenario as written
		s.printf("%s\n", wrap(r.Scenario.Claim, width, "", ""))
	}
	if r.Scenario.Drawing != "" && !r.Scenario.Changed {
		s.printf("\n%s\n", strings.TrimRight(r.Scenario.Drawing, "\n"))
	}
	t := r.Inputs.Topology
	s.printf("\nInternet  %s ASes, %s transit and %s peer links (%s)\n", thousands(t.ASes), thousands(t.Transit), thousands(t.Peering), t.Source)
	for _, repair := range t.Repairs {
		s.printf("          repaired: %s\n", repair)
	}
	s.defences()
	s.printf("Victim    AS %v: %s at %s\n", r.Parties.Victim, r.Parties.Domain, strings.Join(r.Parties.Web, ", "))
	for _, ns := range r.Parties.NameServers {
		s.printf("          name server %s at %s in AS %v\n", ns.Name, ns.Address, ns.AS)
	}
	s.printf("Attacker  AS %v\n", r.Parties.Attacker)
	for _, c := range r.Parties.Coordinators {
		s.printf("CA        coordinator at %s in AS %v, beside %s; it asks remotes over TLS\n", c.Address, c.AS, c.Beside)
	}
}

func (s *story) check(c result.Check) {
	s.printf("\n%s\n", s.bold(fmt.Sprintf("Check %q at %v", c.Name, c.At)))
	s.printf("The %s asks for %s by %s; policy date %s, rule %s.\n", c.Applicant, s.r.Parties.Domain, c.Method, c.Date, c.Rule)
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	t.SetStyle(style)
	header := table.Row{"", "perspective", "place", "RIR"}
	if s.emulated() {
		header = append(header, "control")
	}
	t.AppendHeader(append(header, "AS path of its packets", "reached", "DCV", "CAA", "time"))
	for _, row := range c.Rows {
		t.AppendRow(s.row(row))
	}
	s.printf("%s\n", indent(trimLines(t.Render())))
	s.decision(c)
	s.cutOff(c)
}

// emulated says whether the coordinator asked over the emulated Internet.
func (s *story) emulated() bool { return s.r.Inputs.ControlPlane == "emulated" }

func (s *story) row(r result.Row) table.Row {
	mark := " "
	if r.Role == "primary" {
		mark = "*"
	}
	dcv, caa, took := r.DCV.Verdict.String(), r.CAA.Verdict.String(), (r.Finished - r.Started).Round(time.Millisecond).String()
	switch {
	case !r.Asked:
		dcv, caa, took = s.faint("not asked"), s.faint("-"), s.faint("-")
	case r.Control != nil && !r.Control.Answered:
		dcv, caa, took = s.unsure("no answer"), s.faint("-"), s.faint("-")
	default:
		if dcv != "pass" {
			dcv += ": " + r.DCV.Reason
		}
		if caa != "pass" {
			caa += ": " + r.CAA.Reason
		}
	}
	reached := r.Reached
	if r.Via == "dns" && r.Reached != "victim" {
		reached += " (DNS)"
	}
	if r.Tie != "" {
		reached += " ~"
	}
	switch r.Reached {
	case "attacker":
		reached = s.bad(strings.ToUpper(reached))
	case "victim":
		reached = s.good(reached)
	default:
		reached = s.unsure(reached)
	}
	row := table.Row{mark, r.Perspective, r.City, r.RIR.String()}
	if s.emulated() {
		row = append(row, s.control(r.Control))
	}
	return append(row, path(r.Path, s.virtual[r.Perspective]), reached, dcv, caa, took)
}

// control shows where the coordinator's connection to a remote ended.
func (s *story) control(c *result.Control) string {
	if c == nil {
		return s.faint("-")
	}
	tie := ""
	if c.Tie != "" {
		tie = " ~"
	}
	switch {
	case c.Answered:
		return s.good("answered" + tie)
	case c.Reached == "attacker":
		return s.bad("ATTACKER" + tie)
	case c.Astray == "attacker":
		return s.bad("back to ATTACKER" + tie)
	default:
		return s.unsure("no answer" + tie)
	}
}

// cutOff says which remotes gave no answer that counts, and where the way to them
// led.
func (s *story) cutOff(c result.Check) {
	for _, r := range c.Rows {
		if r.Control == nil || r.Control.Answered {
			continue
		}
		where := "was broken"
		switch {
		case r.Control.Reached == "attacker":
			where = "ended at the attacker's host"
		case r.Control.Astray == "attacker":
			where = "got there, but what came back ended at the attacker's host"
		case r.Control.Reached == "nobody":
			where = "got nowhere"
		}
		_, why, _ := strings.Cut(r.DCV.Detail, ": ") // after the perspective's name
		s.printf("%s\n", wrap(fmt.Sprintf("%s did not answer (%s): the coordinator's connection by AS %s %s; %s.",
			r.Perspective, r.Control.Reason, path(r.Control.Path, s.virtual[c.Rows[0].Perspective]), where, why), width, "     ", "     "))
	}
}

// virtual is a perspective in a virtual AS, and the AS that it leaves its cloud by.
type virtual struct{ exit string }

// path shows the ASes on the way from a perspective; virtual ASes, which stand for
// the perspective itself, are left out: the first, and its exit behind it.
func path[AS fmt.Stringer](way []AS, from *virtual) string {
	var asns []string
	for n, asn := range way {
		if from != nil && (n == 0 || n == 1 && asn.String() == from.exit) {
			continue
		}
		asns = append(asns, asn.String())
	}
	return strings.Join(asns, " ")
}

func (s *story) decision(c result.Check) {
	d := c.Decision
	verdict := s.good("REFUSED")
	switch {
	case d.Issue && c.Applicant == "attacker":
		verdict = s.bad("ISSUED TO THE ATTACKER")
	case d.Issue:
		verdict = s.good("ISSUED")
	case c.Applicant == "victim":
		verdict = s.unsure("REFUSED")
	}
	s.printf("  => %s  (%s)  %s\n", verdict, d.Reason, d.Clause)
	s.printf("%s\n", wrap(d.Detail+".", width, "     ", "     "))
	fooled := fmt.Sprintf("%d of %d perspectives reached the attacker", c.Fooled, len(c.Rows))
	lower, upper := c.Bounds.Lower, c.Bounds.Upper
	switch {
	case lower.Fooled == upper.Fooled && c.Bounds.Exact:
		s.printf("     %s, however ties between equally good routes fall.\n", fooled)
	case lower.Fooled == upper.Fooled && lower.Fooled == c.Fooled:
		s.printf("     %s, and as many with all ties given to either side.\n", fooled)
	default:
		s.printf("     %s; %d if all ties (~) fell to the attacker (%s), %d if all fell to the victim (%s).\n",
			fooled, lower.Fooled, outcome(lower), upper.Fooled, outcome(upper))
	}
	if c.NeverIssues != "" {
		s.printf("%s\n", wrap(s.bad("CANNOT ISSUE")+" under this rule, whoever reaches whom, so that the refusal says nothing about the attack: "+c.NeverIssues+".", width, "     ", "     "))
	}
	for _, v := range c.Violations {
		s.printf("%s\n", wrap(s.unsure("not a lawful set")+" under this rule: "+v.Detail+".", width, "     ", "     "))
	}
}

func outcome(b result.Bound) string {
	if b.Issue {
		return "issued"
	}
	return "refused"
}

func (s *story) expectations() {
	if len(s.r.Expectations) == 0 {
		if s.r.Scenario.Changed {
			s.printf("\nThe command line changed the scenario: its own expectations were not checked.\n")
		}
		return
	}
	failed := slices.DeleteFunc(slices.Clone(s.r.Expectations), func(e result.Expectation) bool { return e.Met })
	if len(failed) == 0 {
		s.printf("\n%s: all %d expectations of the scenario are met.\n", s.good("As expected"), len(s.r.Expectations))
		return
	}
	s.printf("\n%s: %d of %d expectations are not met.\n", s.bad("Not as expected"), len(failed), len(s.r.Expectations))
	for _, e := range failed {
		s.printf("  check %q, %s: expected %s, found %s\n", e.Check, e.Field, e.Expected, e.Found)
	}
}

func (s *story) assumptions() {
	in := s.r.Inputs
	tie := in.TieBreak
	if tie == "seeded" {
		tie = fmt.Sprintf("seeded, seed %d", in.Seed)
	}
	s.printf("\n%s\n", s.bold("This rests on"))
	s.printf("  routes   Gao-Rexford over %s; ties: %s\n", in.Topology.Source, tie)
	if len(in.Policies) > 0 || in.RPKI != nil {
		s.printf("           and the policies above; what the RPKI says is known to all who validate at once\n")
	}
	if len(s.r.Convergence) > 0 {
		s.printf("           BGP message by message; timers and processing times are drawn (go doc ./sim/event)\n")
	}
	egress := in.Egress
	if egress == "auto" {
		egress = "automatic"
	}
	virtual := slices.ContainsFunc(s.r.Perspectives, func(p result.Perspective) bool { return p.Virtual && p.Attached != "explicit" })
	if virtual {
		s.printf("%s\n", wrap(egress+": "+in.EgressAssumption, width, "  egress   ", "           "))
		s.printf("           (paths are shown without the region's own virtual AS)\n")
	}
	s.printf("  time     %s\n", in.Delays)
	n := s.r.Network
	s.printf("  packets  %d hosts, %d prefixes, %d ASes crossed\n", n.Hosts, n.Prefixes, n.TouchedASes)
}

func (s *story) next() {
	if len(s.o.Next) == 0 {
		return
	}
	s.printf("\n%s\n", s.bold("Next"))
	for _, n := range s.o.Next {
		s.printf("  %s:\n      %s\n", n[1], n[0])
	}
}

// verdict prints what the story says about MPIC.
func (s *story) verdict() {
	v := s.r.Scenario.Verdict
	if v == nil {
		return
	}
	what := s.good("Stopped")
	if !v.Stopped {
		what = s.bad("NOT STOPPED")
	}
	s.printf("\n%s\n", wrap(what+" under "+v.Under+". "+v.Why, width, "", ""))
}
