package table

import (
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/scenarios/result"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// sample is a small replay with one row of each kind.
func sample() *result.Replay {
	row := func(name, role, reached string) result.Row {
		return result.Row{
			Perspective: name, Role: role, City: "Here", RIR: place.ARIN, Asked: true, Reached: reached, Via: "web",
			Path: []topology.ASN{4200000001, 7, 9}, Finished: 1500 * time.Millisecond,
			DCV: perspectives.Outcome{Verdict: perspectives.Pass}, CAA: perspectives.Outcome{Verdict: perspectives.Pass},
		}
	}
	fooled, safe, spared, lost := row("p", "primary", "attacker"), row("a", "remote", "victim"), row("b", "remote", "victim"), row("c", "remote", "nobody")
	fooled.Via, fooled.Tie = "dns", "victim"
	safe.DCV = perspectives.Outcome{Verdict: perspectives.Fail, Reason: "http-status"}
	spared.Asked = false
	lost.DCV = perspectives.Outcome{Verdict: perspectives.Error, Reason: "connection-failed"}
	return &result.Replay{
		Scenario: result.Scenario{Title: "A title", Claim: "A claim that is said.", Drawing: "  1 - 2\n"},
		Inputs:   result.Inputs{Topology: result.Topology{Kind: "inline", Source: "the scenario", ASes: 78643, Repairs: []string{"line 3: dropped"}}, TieBreak: "seeded", Seed: 5, Egress: "auto", EgressAssumption: "it is so", Delays: "light"},
		Parties:  result.Parties{Victim: 9, Attacker: 6, Domain: "shop.example", Web: []string{"203.0.113.80"}},
		Perspectives: []result.Perspective{
			{Name: "p", Virtual: true, Attached: "nearest"}, {Name: "a"}, {Name: "b"}, {Name: "c"},
		},
		Timeline: []result.Event{
			{Kind: "announce", By: "victim", Prefixes: []string{"203.0.113.0/24"}},
			{At: time.Minute, Kind: "hijack", By: "attacker", Prefixes: []string{"203.0.113.0/24"}, Attack: "equal-prefix"},
			{At: 2 * time.Minute, Kind: "withdraw", By: "attacker"},
		},
		Checks: []result.Check{{
			Name: "during", At: 90 * time.Second, Applicant: "attacker", Rows: []result.Row{fooled, safe, spared, lost}, Fooled: 1,
			Decision:   perspectives.Decision{Issue: true, Reason: "quorum-met", Clause: "BR 3.2.2.9", Detail: "they agree"},
			Bounds:     result.Bounds{Lower: result.Bound{Fooled: 2, Issue: true}, Upper: result.Bound{Fooled: 0}},
			Violations: []result.Violation{{Detail: "two are 300 km apart"}},
		}},
		Expectations: []result.Expectation{
			{Check: "during", Field: "issue", Expected: "true", Found: "true", Met: true},
			{Check: "during", Field: "quorum", Expected: "5/5", Found: "4/5"},
		},
	}
}

func TestStoryTellsEverything(t *testing.T) {
	g := NewWithT(t)
	var b strings.Builder
	g.Expect(Story(&b, sample(), StoryOptions{Next: [][2]string{{"mpicsim x", "what it shows"}}})).To(Succeed())
	text := b.String()
	for _, want := range []string{
		"A title\nA claim that is said.\n\n  1 - 2\n",
		"78,643 ASes", "repaired: line 3: dropped",
		"1m0s  hijack: the attacker announces 203.0.113.0/24 too (equal-prefix)",
		"2m0s  the attacker withdraws everything",
		"*  p            Here   ARIN  7 9                     ATTACKER (DNS) ~  pass                      pass  1.5s",
		"   a            Here   ARIN  4200000001 7 9          victim            fail: http-status         pass  1.5s",
		"   b            Here   ARIN  4200000001 7 9          victim            not asked                 -     -",
		"   c            Here   ARIN  4200000001 7 9          nobody            error: connection-failed  pass  1.5s",
		"=> ISSUED TO THE ATTACKER  (quorum-met)  BR 3.2.2.9",
		"1 of 4 perspectives reached the attacker; 2 if all ties (~) fell to the attacker (issued), 0 if all fell to the victim (refused).",
		"not a lawful set under this rule: two are 300 km apart.",
		"Not as expected: 1 of 2 expectations are not met.\n  check \"during\", quorum: expected 5/5, found 4/5",
		"ties: seeded, seed 5", "automatic: it is so",
		"  what it shows:\n      mpicsim x\n",
	} {
		g.Expect(text).To(ContainSubstring(want))
	}
	g.Expect(text).NotTo(ContainSubstring("\x1b"), "no colour unless asked for")
	for line := range strings.Lines(text) {
		g.Expect(line).NotTo(HaveSuffix(" \n"), "no blanks at the end of a line")
	}
}

// controlled is the sample with an emulated control plane: each way in which a call
// can end.
func controlled() *result.Replay {
	r := sample()
	r.Inputs.ControlPlane = "emulated"
	r.Parties.Coordinators = []result.Coordinator{{Beside: "p", AS: 4200000001, Address: "10.0.6.10"}}
	r.Timeline[1].Hosts = []string{"a", "coordinator"}
	call := func(name, reached, astray, reason, detail, tie string) result.Row {
		row := r.Checks[0].Rows[1]
		row.Perspective = name
		row.DCV = perspectives.Outcome{Verdict: perspectives.Error, Reason: reason, Detail: "no answer of " + name + ": " + detail}
		row.Control = &result.Control{Path: []topology.ASN{4200000001, 7, 6}, Reached: reached, Astray: astray, Answered: reason == "", Reason: reason, Tie: tie}
		return row
	}
	answered := call("fine", "remote", "", "", "", "")
	answered.DCV = perspectives.Outcome{Verdict: perspectives.Pass}
	r.Checks[0].Rows = append(r.Checks[0].Rows[:1:1], answered,
		call("stolen", "attacker", "", "remote-authentication", "tls: wrong key", "victim"),
		call("deaf", "remote", "attacker", "remote-timeout", "i/o timeout", ""),
		call("gone", "nobody", "", "remote-unreachable", "no route", ""),
		call("broken", "remote", "", "remote-unreachable", "reset", "attacker"))
	return r
}

func TestStoryOfAnEmulatedControlPlane(t *testing.T) {
	g := NewWithT(t)
	var b, colour strings.Builder
	g.Expect(Story(&b, controlled(), StoryOptions{})).To(Succeed())
	for _, want := range []string{
		"CA        coordinator at 10.0.6.10 in AS 4200000001, beside p; it asks remotes over TLS\n",
		"1m0s  hijack: the attacker announces 203.0.113.0/24 (of a, coordinator) too (equal-prefix)",
		"     perspective  place  RIR   control           AS path",
		"  *  p            Here   ARIN  -                 7 9",
		"     fine         Here   ARIN  answered          4200000001 7 9          victim            pass       pass  1.5s\n",
		"     stolen       Here   ARIN  ATTACKER ~        4200000001 7 9          victim            no answer  -     -\n",
		"     deaf         Here   ARIN  back to ATTACKER  ",
		"     gone         Here   ARIN  no answer         ",
		"     broken       Here   ARIN  no answer ~       ",
		"     stolen did not answer (remote-authentication): the coordinator's connection by AS 7 6 ended at\n     the attacker's host; tls: wrong key.\n",
		"     deaf did not answer (remote-timeout): the coordinator's connection by AS 7 6 got there, but\n     what came back ended at the attacker's host; i/o timeout.\n",
		"     gone did not answer (remote-unreachable): the coordinator's connection by AS 7 6 got nowhere;\n     no route.\n",
		"     broken did not answer (remote-unreachable): the coordinator's connection by AS 7 6 was broken;\n     reset.\n",
	} {
		g.Expect(b.String()).To(ContainSubstring(want))
	}
	g.Expect(Story(&colour, controlled(), StoryOptions{Color: true})).To(Succeed())
	g.Expect(stripColour(colour.String())).To(Equal(b.String()))
}

func TestStoryInColourSaysTheSame(t *testing.T) {
	g := NewWithT(t)
	var plain, colour strings.Builder
	g.Expect(Story(&plain, sample(), StoryOptions{})).To(Succeed())
	g.Expect(Story(&colour, sample(), StoryOptions{Color: true})).To(Succeed())
	g.Expect(colour.String()).To(ContainSubstring("\x1b[31;1mATTACKER (DNS) ~\x1b[0m"))
	g.Expect(stripColour(colour.String())).To(Equal(plain.String()))
}

// stripColour takes out escape sequences.
func stripColour(s string) string {
	for {
		from := strings.Index(s, "\x1b[")
		if from < 0 {
			return s
		}
		to := from + strings.IndexByte(s[from:], 'm')
		s = s[:from] + s[to+1:]
	}
}

func TestStoryOfAChangedScenario(t *testing.T) {
	g := NewWithT(t)
	r := sample()
	r.Scenario.Changed, r.Expectations = true, nil
	var b strings.Builder
	g.Expect(Story(&b, r, StoryOptions{})).To(Succeed())
	g.Expect(b.String()).NotTo(ContainSubstring("A claim"), "the claim is about the scenario as written")
	g.Expect(b.String()).To(ContainSubstring("its own expectations were not checked"))
}

// full fails after some bytes, as a full disk does.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestStoryReportsTheFirstWriteError(t *testing.T) {
	g := NewWithT(t)
	for _, room := range []int{0, 10, 500} {
		g.Expect(Story(&full{room}, sample(), StoryOptions{})).To(MatchError(errFull))
	}
}

func TestWrap(t *testing.T) {
	g := NewWithT(t)
	g.Expect(wrap("one two three", 7, "", "")).To(Equal("one two\nthree"))
	g.Expect(wrap("one  two\nthree", 9, "  ", "    ")).To(Equal("  one two\n    three"))
	g.Expect(wrap("unbreakable", 3, "", "")).To(Equal("unbreakable"))
	g.Expect(wrap("São Paulo x", 9, "", "")).To(Equal("São Paulo\nx"), "letters count, not bytes")
	g.Expect(wrap("", 9, "> ", "")).To(Equal("> "))
}

func TestThousands(t *testing.T) {
	g := NewWithT(t)
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 78643: "78,643", 1234567: "1,234,567"} {
		g.Expect(thousands(n)).To(Equal(want))
	}
}

// TestPathWithoutVirtualASes: neither the region's own AS nor its way out is shown,
// and an AS inside its cloud is.
func TestPathWithoutVirtualASes(t *testing.T) {
	g := NewWithT(t)
	region := &virtual{exit: "4200000002"}
	for want, way := range map[string][]topology.ASN{
		"174 9": {4200000001, 4200000002, 174, 9}, "16509 7": {4200000001, 16509, 7}, "174 4200000002": {4200000001, 174, 4200000002},
	} {
		g.Expect(path(way, region)).To(Equal(want))
	}
	g.Expect(path([]topology.ASN{174, 9}, nil)).To(Equal("174 9"))
}
