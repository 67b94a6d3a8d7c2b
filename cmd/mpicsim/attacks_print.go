package main

import (
	"bufio"
	"fmt"
	"regexp"
	"strings"

	"mpicsim/scenarios"
	"mpicsim/sim/attack"
	"mpicsim/sim/attack/examples"
	"mpicsim/sim/route"
)

// attacksPage is everything that the page about attacks shows, run and ready.
type attacksPage struct {
	examples []examples.Example
	results  []*examples.Result // of the examples
	matrix   []examples.Meeting
}

// newAttacksPage runs the examples.
func newAttacksPage() (*attacksPage, error) {
	p := &attacksPage{examples: examples.All()}
	for _, x := range p.examples {
		r, err := x.Run()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.Title, err)
		}
		p.results = append(p.results, r)
	}
	var err error
	p.matrix, err = examples.Matrix()
	return p, err
}

// write prints the page as Markdown. Errors of w are for its Flush.
func (p *attacksPage) write(w *bufio.Writer) error {
	fmt.Fprint(w, `<!-- Generated from sim/attack by `+"`make attacks`"+`; do not edit. -->

# Which attacks are modelled, and which are not

Every kind of attack, what it needs and what stops it; examples with the route of every AS; each attack against each defence; what is left out. The page is printed from the same tables that tests hold the simulator to.

- [How to read the examples](#how-to-read-the-examples)
- [The attacks](#the-attacks): `+kindLinks()+`
- [Each attack against each defence](#each-attack-against-each-defence)
- [The defences](#the-defences)
- [Not modelled](#not-modelled)

## How to read the examples

All are on one small Internet. Providers stand above customers, `+"`==`"+` is a peering; the attacker, AS 4, has two providers. The victim, AS 1, announces `+examples.Target().String()+`.

`+"```\n"+examples.Drawing+"\n```"+`

Beside each drawing stands how every AS sends packets to `+examples.Address().String()+`: the prefix that decides, and the AS path. `+"`!`"+` marks those whose packets reach the attacker, `+"`x`"+` in the drawing those without a route. Ties go to the lowest neighbour unless it says otherwise.

## The attacks
`)
	for _, d := range attack.Describe() {
		p.writeKind(w, d)
	}
	p.writeMatrix(w)
	writeDefences(w)
	fmt.Fprint(w, "\n## Not modelled\n\n")
	for _, o := range attack.NotModelled() {
		fmt.Fprintf(w, "- **%s.** %s\n", o.Title, o.Why)
	}
	return nil
}

func kindLinks() string {
	var links []string
	for _, k := range attack.Kinds() {
		links = append(links, fmt.Sprintf("[%s](#%s)", k, k))
	}
	return strings.Join(links, ", ")
}

// writeKind prints one kind of attack.
func (p *attacksPage) writeKind(w *bufio.Writer, d attack.Description) {
	fmt.Fprintf(w, "\n### %s\n\n**%s.** %s\n\n", d.Kind, d.Title, d.What)
	fmt.Fprintf(w, "- Needs: %s\n- Stopped by: %s\n- Known from: %s\n", d.Needs, d.StoppedBy, d.Source)
	if takes, needs := attack.Fields(d.Kind); len(takes) > 0 {
		fmt.Fprintf(w, "- Fields: `%s`", strings.Join(takes, "`, `"))
		if len(needs) > 0 {
			fmt.Fprintf(w, "; one at least of `%s`", strings.Join(needs, "`, `"))
		}
		fmt.Fprintln(w)
	}
	for n, x := range p.examples {
		if x.Attack.Kind == d.Kind {
			p.writeExample(w, x, p.results[n])
		}
	}
}

// writeExample prints one example: the setting, the drawing, the routes.
func (p *attacksPage) writeExample(w *bufio.Writer, x examples.Example, r *examples.Result) {
	fmt.Fprintf(w, "\n*%s.* %s\n\n```\n", x.Title, strings.Join(setting(x, r), " "))
	left := strings.Split(mark(r), "\n")
	for n, line := range r.Routes {
		drawn := ""
		if n < len(left) {
			drawn = left[n]
		}
		asn, rest, _ := strings.Cut(line, ": ")
		fmt.Fprintf(w, "%-24s %3s: %s\n", drawn, asn, rest)
	}
	fmt.Fprint(w, "```\n")
}

// drawnNumber is an AS number of the drawing and what stands behind it.
var drawnNumber = regexp.MustCompile(`(?m)(\d+)([ =]|$)`)

// mark returns the drawing with signs behind the AS numbers.
func mark(r *examples.Result) string {
	signs := map[string]string{}
	for _, line := range r.Routes {
		switch asn, way, _ := strings.Cut(line, ": "); {
		case strings.HasSuffix(way, "!"):
			signs[asn] = "!"
		case way == "none", way == "drops":
			signs[asn] = "x"
		}
	}
	return drawnNumber.ReplaceAllStringFunc(examples.Drawing, func(s string) string {
		asn := strings.TrimRight(s, " =")
		if sign := signs[asn]; sign != "" {
			return asn + sign
		}
		return s
	})
}

// setting returns sentences about who announces what and who does what.
func setting(x examples.Example, r *examples.Result) []string {
	announced := "Nothing is announced."
	if len(r.Announced) > 0 {
		announced = "Announced: `" + strings.Join(r.Announced, "`, `") + "`."
	}
	if x.After > 0 {
		announced += fmt.Sprintf(" The routes are those %v later.", x.After)
	}
	said := []string{announced}
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	for _, v := range x.VRPs {
		say("ROA: %s.", scenarios.VRP{VRP: v})
	}
	if len(r.Plan.Revoked) > 0 {
		say("It is revoked.")
	}
	for _, v := range r.Plan.VRPs {
		say("The ROA of the attack: %s.", scenarios.VRP{VRP: v})
	}
	for _, a := range x.ASPAs {
		say("ASPA of AS %v: %s.", a.Customer, route.FormatPath(a.Providers))
	}
	for _, e := range x.PathEnds {
		what := ""
		if e.NonTransit {
			what = ", forwards for nobody"
		}
		say("Path-end record of AS %v: %s%s.", e.Origin, route.FormatPath(e.Neighbors), what)
	}
	if len(x.Protected) > 0 {
		say("Protected: AS %s.", strings.ReplaceAll(route.FormatPath(x.Protected), " ", ", "))
	}
	for _, d := range x.Policies {
		where := "AS " + strings.ReplaceAll(route.FormatPath(d.ASes), " ", ", ")
		if len(d.ASes) == examples.Internet().Len()-1 {
			where = "Everybody but the attacker"
		}
		say("%s: `%s`.", where, strings.Join(defencesOf(d.Policy), "`, `"))
	}
	if x.TieBreak == route.TieBreakAttacker {
		say("All ties fall to the attacker.")
	}
	return said
}

// defencesOf returns the names of the defences that a policy consists of.
func defencesOf(p route.Policy) (names []string) {
	for _, d := range route.Defences() {
		if p.Join(d.Policy) == p {
			names = append(names, d.Name)
		}
	}
	return names
}

// writeMatrix prints how many ASes each attack captures with each defence.
func (p *attacksPage) writeMatrix(w *bufio.Writer) {
	fmt.Fprint(w, `
## Each attack against each defence

How many of the 9 other ASes send their packets to the attacker, if everybody but the attacker has the defence, everybody has a ROA, an ASPA and a path-end record, AS 10 and AS 20 are protected, and all ties fall to the attacker. **Bold** is less than without a defence; behind a + stand those that are left without a route. On an Internet where all but one defend themselves this shows what a defence is about, not what it does today.

| attack | none |`)
	for _, d := range route.Defences() {
		fmt.Fprintf(w, " %s |", d.Name)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", 1+len(route.Defences())))
	undefended := 0
	for _, m := range p.matrix {
		captured := len(m.Result.Captured)
		if m.Defence == "" {
			undefended = captured
			fmt.Fprintf(w, "| %s |", m.Attack)
		}
		cell := fmt.Sprint(captured)
		if captured < undefended {
			cell = "**" + cell + "**"
		}
		if n := len(m.Without()); n > 0 {
			cell += fmt.Sprintf(" + %d", n)
		}
		fmt.Fprintf(w, " %s |", cell)
		if last := route.Defences(); m.Defence == last[len(last)-1].Name {
			fmt.Fprintln(w)
		}
	}
	fmt.Fprint(w, "\nAn interception chooses its path by what passes, and finds one against each of these; a malicious ROA makes validation its tool.\n")
}

// writeDefences prints what each defence is.
func writeDefences(w *bufio.Writer) {
	fmt.Fprint(w, "\n## The defences\n\nScenarios and studies deploy them by `routing: {policies: ...}`, at named ASes, a share of all, the largest, or those that were measured.\n\n| defence | what it does | what it needs | what it lets pass | source |\n|---|---|---|---|---|\n")
	for _, d := range route.Defences() {
		fmt.Fprintf(w, "| `%s`<br>%s | %s | %s | %s | %s |\n", d.Name, d.Title, d.What, d.Needs, d.Passes, d.Source)
	}
}
