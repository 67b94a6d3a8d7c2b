package table

import (
	"fmt"
	"strings"
	"time"

	"mpicsim/scenarios/result"
)

// defences says what ASes do beyond Gao-Rexford.
func (s *story) defences() {
	for _, p := range s.r.Inputs.Policies {
		s.printf("Routing   %s: %s (%s)\n", p.Policy, p.Where, ases(p.ASes))
	}
	k := s.r.Inputs.RPKI
	if k == nil {
		return
	}
	from := ""
	if k.File != "" {
		from = " with " + k.File
		if k.Generated != "" {
			from += " of " + k.Generated
		}
	}
	s.printf("RPKI      %s, %s, %s%s\n", many(k.VRPs, "VRP"), many(k.ASPAs, "ASPA"), many(k.PathEnds, "path-end record"), from)
}

func (s *story) timeline() {
	s.printf("\n%s\n", s.bold("Timeline (virtual time)"))
	for _, e := range s.r.Timeline {
		what := strings.Join(e.Prefixes, ", ")
		if what == "" {
			what = "everything"
		}
		if len(e.Hosts) > 0 {
			what += " (of " + strings.Join(e.Hosts, ", ") + ")"
		}
		var line string
		switch e.Kind {
		case "announce":
			line = "the victim's side announces " + what
		case "hijack":
			line = s.bad("hijack") + ": the attacker announces " + what + " too (" + e.Attack + ")" + scope(e)
		case "attack":
			s.attack(e, what)
			continue
		case "withdraw":
			line = "the " + e.By + " withdraws " + what
			if e.Attack != "" {
				line += " (" + e.Attack + ")"
			}
		case "rpki":
			line = "the RPKI changes" + payloads(e)
		case "check":
			line = fmt.Sprintf("check %q: the %s asks for a certificate", e.Check, e.By)
		}
		s.printf("  %7v  %s\n", e.At, line)
	}
	s.convergence()
}

// attack says what an attack does, or why it cannot be launched.
func (s *story) attack(e result.Event, what string) {
	p := e.Plan
	if p == nil { // a later step
		s.printf("  %7v  %s: the attacker announces %s again\n", e.At, s.bad(e.Attack), what)
		return
	}
	said := func(text string) { s.printf("%s\n", wrap(text, width, "           ", "           ")) }
	if p.Obstacle != "" {
		s.printf("  %7v  %s against %s cannot be launched (%s)\n", e.At, e.Attack, p.Target, p.Obstacle)
		said(p.Why)
		return
	}
	line := s.bad(e.Attack) + " against " + p.Target
	if len(e.Hosts) > 0 {
		line += " (of " + strings.Join(e.Hosts, ", ") + ")"
	}
	s.printf("  %7v  %s%s\n", e.At, line, payloads(e))
	for _, a := range p.Announced {
		s.printf("           announced: %s\n", a)
	}
	if len(p.Kept) > 0 {
		said(fmt.Sprintf("packets of %s pass the attacker, and go on by %s", ases(p.Attracted), path(p.Kept, nil)))
	}
	if p.Answers {
		said("but what the CA sends he answers himself; he knows it by where it comes from")
	}
	for _, a := range p.Assumptions {
		said("assumed: " + a)
	}
}

func ases(n int) string {
	if n == 1 {
		return "1 AS"
	}
	return thousands(n) + " ASes"
}

// payloads says which VRPs come and go.
func payloads(e result.Event) string {
	var b strings.Builder
	if len(e.Added) > 0 {
		b.WriteString("; VRPs added: " + strings.Join(e.Added, ", "))
	}
	if len(e.Removed) > 0 {
		b.WriteString("; removed: " + strings.Join(e.Removed, ", "))
	}
	return b.String()
}

// scope says with which path a hijack is announced, and to whom.
func scope(e result.Event) string {
	var b strings.Builder
	if len(e.Path) > 0 {
		b.WriteString(" with the path " + path(e.Path, nil))
	}
	if len(e.Classes) > 0 {
		b.WriteString(" to " + strings.Join(e.Classes, ", ") + " only")
	}
	if len(e.To) > 0 {
		b.WriteString(" to AS " + path(e.To, nil) + " only")
	}
	if len(e.Except) > 0 {
		b.WriteString(" but not to AS " + path(e.Except, nil))
	}
	if e.NoExport {
		b.WriteString(", to be told to nobody (NO_EXPORT)")
	}
	return b.String()
}

// convergence says how long routes took to change.
func (s *story) convergence() {
	if len(s.r.Convergence) == 0 {
		return
	}
	s.printf("\n%s\n", s.bold("Convergence (message by message)"))
	for _, c := range s.r.Convergence {
		for n, p := range c.Changes {
			last := "the last AS had settled after"
			if n == len(c.Changes)-1 && c.Outcome != "converged" {
				last = "still changing after"
			}
			s.printf("  %7v  %s: %s, %s; %s %v\n", p.At, c.Prefix, many(p.Messages, "message"),
				many(p.Decisions, "change")+" of best routes", last, (p.Settled - p.At).Round(time.Millisecond))
		}
		switch c.Outcome {
		case "converged":
		case "oscillates":
			s.printf("           %s %s; what happens to it later is left out\n", c.Prefix, s.bad("does not settle"))
		default:
			s.printf("           %s %s; what happens to it later is left out\n", c.Prefix, s.bad("had not settled in the time that was given"))
		}
		for _, a := range c.Cycle {
			var ways []string
			for _, p := range a.Paths {
				if len(p) == 0 {
					ways = append(ways, "no route")
				} else {
					ways = append(ways, path(p, nil))
				}
			}
			s.printf("           AS %v goes back and forth between: %s\n", a.AS, strings.Join(ways, "; "))
		}
	}
}
