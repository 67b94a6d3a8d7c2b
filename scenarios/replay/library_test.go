package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/rogpeppe/go-internal/txtar"

	"mpicsim/scenarios"
	"mpicsim/scenarios/library"
	"mpicsim/scenarios/replay"
	"mpicsim/scenarios/result"
)

var update = flag.Bool("update", false, "write testdata/library.txtar anew")

func fromLibrary(tb testing.TB, name string) *scenarios.Source {
	tb.Helper()
	g := NewWithT(tb)
	data, file, err := library.Text(name)
	g.Expect(err).NotTo(HaveOccurred())
	src, err := scenarios.Parse(data, file)
	g.Expect(err).NotTo(HaveOccurred())
	return src
}

func asJSON(tb testing.TB, r *result.Replay) []byte {
	tb.Helper()
	data, err := json.MarshalIndent(r, "", " ")
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	return data
}

// Every built-in scenario is a claim, with sources, and comes out as it says.
func TestLibrary(t *testing.T) {
	g := NewWithT(t)
	g.Expect(library.Names()[0]).To(Equal(library.Default))
	g.Expect(len(library.Names())).To(BeNumerically(">=", 4))
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			src := fromLibrary(t, name)
			g.Expect(src.Name).To(Equal(name))
			g.Expect(src.Sources).NotTo(BeEmpty())
			if len(src.Topology.Links) > 0 {
				for _, l := range src.Topology.Links {
					for _, as := range []string{l.A.String(), l.B.String()} {
						g.Expect(strings.FieldsFunc(src.Drawing, func(r rune) bool { return r < '0' || r > '9' })).To(ContainElement(as), "the drawing shows AS %s", as)
					}
				}
			}
			r, err := replay.Run(t.Context(), replay.Options{Source: src})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(r.Expectations).NotTo(BeEmpty())
			expected := map[string]bool{}
			for _, e := range r.Expectations {
				g.Expect(e).To(HaveField("Met", true))
				expected[e.Check] = true
			}
			g.Expect(expected).To(HaveLen(len(r.Checks)), "each check has an expectation")
			holdVerdict(t, src, r)
		})
	}
}

// holdVerdict holds what a story says about MPIC to what the replay decided, however
// ties fall.
func holdVerdict(t *testing.T, src *scenarios.Source, r *result.Replay) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(src.Family).NotTo(BeEmpty())
	g.Expect(src.Verdict).NotTo(BeNil(), "each story says whether MPIC stops it")
	judged := 0
	for _, e := range r.Expectations {
		if e.Field == "verdict" {
			judged++
		}
	}
	g.Expect(judged).To(Equal(len(src.Verdict.Checks)))
	for _, name := range src.Verdict.Checks {
		c := r.Checks[slices.IndexFunc(r.Checks, func(c result.Check) bool { return c.Name == name })]
		stopped := *src.Verdict.Stopped
		g.Expect([]bool{c.Decision.Issue, c.Bounds.Lower.Issue, c.Bounds.Upper.Issue}).To(HaveEach(!stopped), "check %s: decided, all ties to the attacker, all ties to the victim", name)
		g.Expect(c.Violations).To(BeEmpty(), "check %s: the set of perspectives is lawful under its rule", name)
	}
}

// A verdict that is wrong is an expectation that is not met.
func TestVerdictsCanFail(t *testing.T) {
	g := NewWithT(t)
	data, file, err := library.Text("near-primary")
	g.Expect(err).NotTo(HaveOccurred())
	text := strings.NewReplacer("stopped: true", "stopped: false", "under: br@2026-12-15", "under: br@2026-06-15").Replace(string(data))
	src, err := scenarios.Parse([]byte(text), file)
	g.Expect(err).NotTo(HaveOccurred())
	r, err := replay.Run(t.Context(), replay.Options{Source: src})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Expectations[len(r.Expectations)-1]).To(Equal(result.Expectation{
		Check: "with-mpic", Field: "verdict", Expected: "not stopped under br@2026-06-15", Found: "stopped under br@2026-12-15",
	}))
}

func TestLibraryText(t *testing.T) {
	g := NewWithT(t)
	_, _, err := library.Text("no-such")
	g.Expect(err).To(MatchError(`scenario "no-such": want one of ` + strings.Join(library.Names(), ", ") + ", or a YAML file"))
	_, _, err = library.Text("../library/near-primary")
	g.Expect(err).To(HaveOccurred())
	names := library.Names()
	g.Expect(slices.IsSorted(names[1:])).To(BeTrue())
}

// An expectation that is not met is part of the result, not an error.
func TestExpectationsCanFail(t *testing.T) {
	g := NewWithT(t)
	data, file, err := library.Text("near-primary")
	g.Expect(err).NotTo(HaveOccurred())
	text := string(data)
	for _, c := range [][2]string{
		{"check: one-perspective, issue: true, fooled: [aws/us-east-2]", "check: one-perspective, issue: false, fooled: [aws/us-west-2]"},
		{"quorum: 0/5", "quorum: 1/5"},
		{"reason: too-few-corroborations", "reason: quorum-met"},
	} {
		g.Expect(strings.Count(text, c[0])).To(Equal(1))
		text = strings.Replace(text, c[0], c[1], 1)
	}
	src, err := scenarios.Parse([]byte(text), file)
	g.Expect(err).NotTo(HaveOccurred())
	r, err := replay.Run(t.Context(), replay.Options{Source: src})
	g.Expect(err).NotTo(HaveOccurred())
	var missed []result.Expectation
	for _, e := range r.Expectations {
		if !e.Met {
			missed = append(missed, e)
		}
	}
	g.Expect(missed).To(Equal([]result.Expectation{
		{Check: "one-perspective", Field: "issue", Expected: "false", Found: "true"},
		{Check: "one-perspective", Field: "fooled", Expected: "aws/us-west-2", Found: "aws/us-east-2"},
		{Check: "with-mpic", Field: "reason", Expected: "quorum-met", Found: "too-few-corroborations"},
		{Check: "with-mpic", Field: "quorum", Expected: "1/5", Found: "0/5"},
	}))
}

// The same inputs give the same bytes, however many remotes run at a time.
func TestSameBytes(t *testing.T) {
	for _, name := range library.Names() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			src := fromLibrary(t, name)
			var first []byte
			for _, workers := range []int{1, 8, 0, 1, 8, 2} {
				r, err := replay.Run(t.Context(), replay.Options{Source: src, Workers: workers, Version: "test"})
				g.Expect(err).NotTo(HaveOccurred())
				data := asJSON(t, r)
				if first == nil {
					first = data
				}
				g.Expect(string(data)).To(Equal(string(first)), "with %d workers", workers)
			}
		})
	}
}

// Another seed lets ties fall in other ways, and nothing else.
func TestAnotherSeed(t *testing.T) {
	g := NewWithT(t)
	src := fromLibrary(t, library.Default)
	paths := map[string]int{}
	for seed := range uint64(4) {
		other, changed, err := src.With(scenarios.Overrides{Seed: &seed})
		g.Expect(err).NotTo(HaveOccurred())
		r, err := replay.Run(t.Context(), replay.Options{Source: other, Changed: changed})
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.Inputs.Seed).To(Equal(seed))
		g.Expect(r.Scenario.Changed).To(BeTrue())
		g.Expect(r.Expectations).To(BeEmpty())
		g.Expect(r.Inputs.Topology.ASes).To(Equal(1000))
		var b strings.Builder
		for _, c := range r.Checks {
			for _, row := range c.Rows {
				fmt.Fprintln(&b, row.Path)
			}
		}
		paths[b.String()]++
	}
	g.Expect(len(paths)).To(BeNumerically(">", 1))
}

// summary is what the golden file keeps of a replay: who did what and what came
// of it, without packets and evidence.
func summary(r *result.Replay) string {
	var b strings.Builder
	in := r.Inputs
	fmt.Fprintf(&b, "%s: %d ASes, %d transit, %d peering; ties %s, seed %d; egress %s\n", in.Topology.Source, in.Topology.ASes, in.Topology.Transit, in.Topology.Peering, in.TieBreak, in.Seed, in.Egress)
	fmt.Fprintf(&b, "victim %v, attacker %v, root %v, tld %v; %d hosts, %d ases touched, %d prefixes\n",
		r.Parties.Victim, r.Parties.Attacker, r.Parties.RootAS, r.Parties.TLDAS, r.Network.Hosts, r.Network.TouchedASes, r.Network.Prefixes)
	for _, p := range r.Perspectives {
		fmt.Fprintf(&b, "at %s: AS %v by %s, %d neighbours\n", p.Name, p.AS, p.Attached, p.Neighbors)
	}
	for _, e := range r.Timeline {
		fmt.Fprintf(&b, "%v %s by %s %v %s%s\n", e.At, e.Kind, e.By, e.Prefixes, e.Attack, e.Check)
	}
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "\ncheck %s at %v to %v by %s, %s, %s\n", c.Name, c.At, c.Finished, c.Applicant, c.Rule, c.Method)
		for _, v := range c.Violations {
			fmt.Fprintf(&b, "  violation %s: %s\n", v.Reason, v.Detail)
		}
		for _, row := range c.Rows {
			fmt.Fprintf(&b, "  %s %s asked=%v reached %s via %s by %v tie=%q\n    dcv %v %s, caa %v %s, %d flows, %v to %v\n",
				row.Role, row.Perspective, row.Asked, row.Reached, row.Via, row.Path, row.Tie,
				row.DCV.Verdict, row.DCV.Reason, row.CAA.Verdict, row.CAA.Reason, len(row.Flows), row.Started, row.Finished)
		}
		d := c.Decision
		fmt.Fprintf(&b, "  issue=%v %s, quorum %s of %d required, monitoring=%v\n  %s\n  %s\n", d.Issue, d.Reason, d.Quorum, d.Required, d.Monitoring, d.Clause, d.Detail)
		fmt.Fprintf(&b, "  fooled %d; lower %+v; upper %+v\n", c.Fooled, c.Bounds.Lower, c.Bounds.Upper)
	}
	b.WriteByte('\n')
	for _, e := range r.Expectations {
		fmt.Fprintf(&b, "expect %s of %s: %s, found %s\n", e.Field, e.Check, e.Expected, e.Found)
	}
	return b.String()
}

// The golden file holds every library scenario's outcome; `go test -update`
// writes it anew.
func TestGolden(t *testing.T) {
	g := NewWithT(t)
	golden := filepath.Join("testdata", "library.txtar")
	got := &txtar.Archive{Comment: []byte("What the library's scenarios come to. Written by: go test ./scenarios/replay -run TestGolden -update\n")}
	for _, name := range library.Names() {
		r, err := replay.Run(t.Context(), replay.Options{Source: fromLibrary(t, name)})
		g.Expect(err).NotTo(HaveOccurred())
		got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(summary(r))})
	}
	if *update {
		g.Expect(os.MkdirAll("testdata", 0o755)).To(Succeed())
		g.Expect(os.WriteFile(golden, txtar.Format(got), 0o644)).To(Succeed())
	}
	want, err := txtar.ParseFile(golden)
	g.Expect(err).NotTo(HaveOccurred())
	var names []string
	for n, f := range want.Files {
		names = append(names, f.Name)
		if n < len(got.Files) {
			g.Expect(string(got.Files[n].Data)).To(Equal(string(f.Data)), f.Name)
		}
	}
	g.Expect(names).To(Equal(library.Names()))
}

// A capture is written, holds a packet for each side of each flow, and changes
// nothing in the result.
func TestCapture(t *testing.T) {
	g := NewWithT(t)
	src := fromLibrary(t, "near-primary")
	plain, err := replay.Run(t.Context(), replay.Options{Source: src})
	g.Expect(err).NotTo(HaveOccurred())
	var capture bytes.Buffer
	captured, err := replay.Run(t.Context(), replay.Options{Source: src, Capture: &capture})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(asJSON(t, captured)).To(Equal(asJSON(t, plain)))
	g.Expect(capture.Bytes()[:4]).To(Equal([]byte{0x0a, 0x0d, 0x0d, 0x0a}), "a pcapng section header")
	for _, host := range []string{"victim-web", "attacker", "root-server", "tld-server", "ns1.shop.example", "aws/us-east-2"} {
		g.Expect(capture.Bytes()).To(ContainSubstring(host))
	}
	_, err = replay.Run(t.Context(), replay.Options{Source: src, Capture: brokenWriter{}})
	g.Expect(err).To(MatchError(ContainSubstring("writing the capture: no room")))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, fmt.Errorf("no room") }

// topologyOf is the part of the story that says on which map it plays.
var topologyOf = story[strings.Index(story, "topology:"):strings.Index(story, "routing:")]

var _ = Describe("A replay that cannot be", func() {
	It("says that there is no scenario", func(ctx SpecContext) {
		_, err := replay.Run(ctx, replay.Options{})
		Expect(err).To(MatchError("replay: no scenario"))
	})

	DescribeTable("names file, line and field",
		func(ctx SpecContext, old, new, want string) {
			_, err := replay.Run(ctx, replay.Options{Source: tell(old, new)})
			Expect(err).To(MatchError(ContainSubstring(want)))
		},
		Entry("a victim who is not on it", topologyOf, "topology: {synthetic: {ases: 300}}\n", `story.yaml:7:7: victim.as: found AS 64500, expected an AS of the topology (300 ASes)`),
		Entry("an attacker who is not on it", topologyOf, "topology: {synthetic: {ases: 300}}\n", `attacker.as: found AS 64666, expected an AS of the topology (300 ASes)`),
	)

	It("says which perspective cannot be attached", func(ctx SpecContext) {
		src := tell("ca:\n", "ca:\n  egress: backbone\n", "{name: natal, lat: -6, lon: -35, rir: LACNIC, as: 20}", "{region: gcp/us-west1}")
		_, err := replay.Run(ctx, replay.Options{Source: src})
		Expect(err).To(MatchError(And(HavePrefix("story.yaml:25:5: ca.perspectives: found perspective "), ContainSubstring(`"gcp/us-west1": egress model backbone: its cloud's AS`))))
	})

	It("reads a topology beside the scenario's file", func(ctx SpecContext) {
		dir := GinkgoT().TempDir()
		Expect(os.WriteFile(filepath.Join(dir, "s.yaml"), []byte(strings.Replace(story, topologyOf, "topology: {file: as-rel.txt}\n", 1)), 0o600)).To(Succeed())
		src, err := scenarios.ReadFile(filepath.Join(dir, "s.yaml"))
		Expect(err).NotTo(HaveOccurred())
		_, err = replay.Run(ctx, replay.Options{Source: src})
		Expect(err).To(MatchError(ContainSubstring(filepath.Join(dir, "as-rel.txt"))))

		Expect(os.WriteFile(filepath.Join(dir, "as-rel.txt"), []byte("# nothing here\n"), 0o600)).To(Succeed())
		_, err = replay.Run(ctx, replay.Options{Source: src})
		Expect(err).To(MatchError(ContainSubstring("s.yaml:4:11: topology: found a topology without ASes, expected at least the victim's and the attacker's")))

		links := "10|20|0|bgp\n20|30|0|bgp\n10|30|0|bgp\n10|11|-1|bgp\n11|12|-1|bgp\n10|13|-1|bgp\n10|14|-1|bgp\n14|64666|-1|bgp\n" +
			"20|22|-1|bgp\n20|23|-1|bgp\n20|64500|-1|bgp\n30|32|-1|bgp\n30|33|-1|bgp\n30|64501|-1|bgp\n10|20|0|bgp\n"
		Expect(os.WriteFile(filepath.Join(dir, "as-rel.txt"), []byte(links), 0o600)).To(Succeed())
		r, err := replay.Run(ctx, replay.Options{Source: src})
		Expect(err).NotTo(HaveOccurred())
		Expect(reached(check(r, "during"))).To(Equal(fooled(inCone...)))
		Expect(r.Inputs.Topology).To(And(HaveField("Kind", "file"), HaveField("Source", "as-rel.txt"), HaveField("SHA256", HaveLen(64))))
		Expect(r.Inputs.Topology.Repairs).To(ConsistOf(ContainSubstring("as-rel.txt:15: duplicate link")))
	})

	It("ends with its context", func(ctx SpecContext) {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := replay.Run(canceled, replay.Options{Source: tell()})
		Expect(err).To(MatchError(context.Canceled))
	}, SpecTimeout(10*time.Second))
})
