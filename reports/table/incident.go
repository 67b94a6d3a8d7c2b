package table

import (
	"fmt"
	"io"
	"strings"

	"mpicsim/scenarios/result"
)

// IncidentPage is a page of documentation about stories that have something in
// common.
type IncidentPage struct {
	// File is the page's name, such as dns.md.
	File string
	// Title is its heading, About what its stories have in common.
	Title, About string
	// Stories are replays as written, in the order of the page.
	Stories []*result.Replay
}

// generated tells who wants to change a page where to do so.
const generated = "<!-- Generated from scenarios/library by `make incidents`; do not edit. -->\n\n"

// Incidents prints one page in GitHub's Markdown: for each story its claim, its
// verdict, where the facts are from, the drawing, the timeline and what the replay
// decided.
func Incidents(w io.Writer, p IncidentPage) error {
	s := &story{w: w}
	s.printf("%s# %s\n\n%s\n", generated, p.Title, p.About)
	for _, r := range p.Stories {
		s.incident(r)
	}
	return s.err
}

// IncidentIndex prints the page that leads to the others: one line for each story.
func IncidentIndex(w io.Writer, pages []IncidentPage) error {
	s := &story{w: w}
	s.printf("%s# Incidents and other stories\n\n", generated)
	s.printf("%s\n\n", "Each story is one YAML file of the library. It says what it claims and where its facts are from, and tests replay it with "+
		"packets. These pages are printed from the same replays, so they say what the simulator does. Networks that are part of a "+
		"story only to make it play are stand-ins, and each story lists what it assumes: a small topology shows a mechanism, not "+
		"how much of the Internet was affected.")
	s.printf("*Stopped* means: no certificate for the attacker under that rule, on this topology, with the perspectives of this story. " +
		"Why, and whether it was the quorum that stopped it, is said with each story.\n")
	for _, p := range pages {
		s.printf("\n## [%s](%s)\n\n%s\n\n| story | verdict | rule | |\n|---|---|---|---|\n", p.Title, p.File, p.About)
		for _, r := range p.Stories {
			s.printf("| [%s](%s#%s) | %s | %s | %s |\n", r.Scenario.Name, p.File, anchor(r), verdictOf(r.Scenario.Verdict), rule(r.Scenario.Verdict), cell(r.Scenario.Title))
		}
	}
	return s.err
}

// anchor is the fragment that leads to a story on its page.
func anchor(r *result.Replay) string { return r.Scenario.Name }

func verdictOf(v *result.Verdict) string {
	switch {
	case v == nil:
		return ""
	case v.Stopped:
		return "stopped"
	default:
		return "**not stopped**"
	}
}

func rule(v *result.Verdict) string {
	if v == nil {
		return ""
	}
	return v.Under
}

// cell keeps text within a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func (s *story) incident(r *result.Replay) {
	s.tell(r)
	c := r.Scenario
	s.printf("\n<a id=\"%s\"></a>\n\n## %s\n\n%s\n", anchor(r), c.Title, paragraph(c.Claim))
	if v := c.Verdict; v != nil {
		what := "Stopped"
		if !v.Stopped {
			what = "Not stopped"
		}
		s.printf("\n**%s** under %s (%s). %s\n", what, v.Under, quoted("check", v.Checks), paragraph(v.Why))
	}
	s.printf("\nFrom:\n\n")
	for _, source := range c.Sources {
		s.printf("- %s\n", paragraph(source))
	}
	if c.Drawing != "" {
		s.fenced(func() { s.printf("%s\n", strings.TrimRight(c.Drawing, "\n")) })
	}
	s.fenced(func() { s.defences(); s.timeline() })
	s.printf("\nWhat `mpicsim replay %s` decided:\n", c.Name)
	for _, check := range r.Checks {
		s.fenced(func() { s.check(check) })
	}
}

// fenced prints what show prints as it stands, without empty lines around it.
func (s *story) fenced(show func()) {
	if s.err != nil {
		return
	}
	var b strings.Builder
	out := s.w
	s.w = &b
	show()
	s.w = out
	s.printf("\n```text\n%s\n```\n", strings.Trim(b.String(), "\n"))
}

// paragraph puts prose on one line.
func paragraph(prose string) string { return strings.Join(strings.Fields(prose), " ") }

// quoted lists names: check "a", checks "a" and "b".
func quoted(what string, names []string) string {
	if len(names) != 1 {
		what += "s"
	}
	return fmt.Sprintf("%s `%s`", what, strings.Join(names, "`, `"))
}
