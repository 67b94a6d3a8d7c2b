package scenarios_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/topology/unpack/unpacktest"
)

func packed(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// TestHostileWeights: each costs at most twice the memory of an honest file of the
// same length, and a few times its time.
func TestHostileWeights(t *testing.T) {
	const octets = 2 << 20
	var lines, object strings.Builder
	lines.WriteString("asn,weight\n")
	object.WriteString(`{"1": 1`)
	for n := 2; lines.Len() < octets; n++ {
		fmt.Fprintf(&lines, "%d,%d\n", n, n%97+1)
		fmt.Fprintf(&object, ",\n\"%d\": %d", n, n%97+1)
	}
	object.WriteString("}\n")
	read := func(text string) (uint64, time.Duration, error) {
		var err error
		memory, cpu := unpacktest.Cost(t, func() { _, err = scenarios.ParseWeights([]byte(text), "w", "") })
		return memory, cpu, err
	}
	g := NewWithT(t)
	memory, cpu, err := read(lines.String())
	g.Expect(err).NotTo(HaveOccurred())
	memoryJSON, cpuJSON, err := read(object.String())
	g.Expect(err).NotTo(HaveOccurred())
	t.Logf("honest: CSV %d MB, %v; JSON %d MB, %v, which was quadratic once", memory>>20, cpu, memoryJSON>>20, cpuJSON)
	memory = max(memory, memoryJSON)
	g.Expect(cpuJSON).To(BeNumerically("<", 10*time.Second))
	for name, c := range map[string]struct{ text, want string }{
		"commas":                {"asn,weight\n" + strings.Repeat(",", octets), "a record of more than"},
		"a header of commas":    {"asn" + strings.Repeat(",", octets), "a record of more than"},
		"a quoted field":        {"asn,weight\n\"" + strings.Repeat("\n", octets), "a record of more than"},
		"one AS":                {"asn\n" + strings.Repeat("7\n", octets/2), ""},
		"long numbers":          {"asn,weight\n1," + strings.Repeat("9", 60_000) + "\n", `expected a number above 0`},
		"a long number of JSON": {`{"1": ` + strings.Repeat("9", octets) + `}`, "expected a number above 0"},
		"a long key":            {`{"` + strings.Repeat("1", octets) + `": 1}`, "expected an AS number"},
		"nested":                {`{"1": ` + strings.Repeat("[", octets), "w:1:1"},
		"gzip of a line":        {packed(t, "asn\n"+strings.Repeat("7\n", 8<<20)), "expected at most 100 for each"},
		"gzip of zeros":         {packed(t, strings.Repeat("\x00", 16<<20)), "expected at most 100 for each"},
		"gzip in gzip":          {packed(t, packed(t, "asn\n7\n")), "w:1"},
		"too long":              {strings.Repeat("\n", scenarios.MaxWeightsBytes+1), "more than 67108864 octets of text"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			used, took, err := read(c.text)
			t.Logf("%d octets: %d MB, %v", len(c.text), used>>20, took)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(And(HavePrefix("w:"), ContainSubstring(c.want))))
			}
			g.Expect(used).To(BeNumerically("<", 2*memory+uint64(len(c.text))), "an honest file takes %d", memory)
			g.Expect(took).To(BeNumerically("<", 10*max(cpu, cpuJSON)+time.Second))
		})
	}
}

// TestHostileYAML: aliases are not followed, depth and lists of problems are bounded,
// and a file of the greatest length costs no more than a longest honest one.
func TestHostileYAML(t *testing.T) {
	var honest strings.Builder
	honest.WriteString("name: a\ntopology:\n  links:\n")
	for n := 1; honest.Len() < scenarios.MaxFileBytes-100; n++ {
		fmt.Fprintf(&honest, "    - %d > %d\n", n, n+1)
	}
	read := func(text string) (uint64, time.Duration, error) {
		var err error
		memory, cpu := unpacktest.Cost(t, func() { _, err = scenarios.Parse([]byte(text), "s.yaml") })
		return memory, cpu, err
	}
	memory, cpu, _ := read(honest.String()) // it has no timeline
	t.Logf("honest: %d MB, %v", memory>>20, cpu)
	fill := func(s string) string { return strings.Repeat(s, (scenarios.MaxFileBytes-1000)/len(s)) }
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for n := 1; n < 30; n++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s*a%d]\n", n, n, strings.Repeat(fmt.Sprintf("*a%d, ", n-1), 9), n-1)
	}
	for name, text := range map[string]string{
		"a billion laughs":   laughs.String() + "name: *a29\n",
		"merged mappings":    "a: &a {b: c}\n" + fill("d: {<<: *a}\n"),
		"an alias of itself": "name: &a [*a]\n",
		"deep lists":         "name: " + fill("["),
		"deep mappings":      "name: " + fill("{a: "),
		"deep blocks":        "name:\n" + fill("- "),
		"unknown fields":     fill("x: y\n"),
		"bad links":          "topology: {links: [" + fill("x,") + "x]}\n",
		"a long scalar":      "name: " + fill("x"),
		"a long key":         fill("x") + ": y\n",
		"comments":           fill("#\n") + "name: a\n",
		"anchors":            fill("&a x: y\n"),
		"documents":          fill("---\n"),
		"tags":               "name: " + fill("!a "),
		"too long":           fill("# a comment\n") + strings.Repeat("#\n", 1000),
		"escapes":            `name: "` + fill(`\x41`) + `"`,
		"huge numbers":       "routing: {seed: " + fill("9") + "}\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			used, took, err := read(text)
			t.Logf("%d octets: %d MB, %v: %.100v", len(text), used>>20, took, err)
			g.Expect(err).To(MatchError(HavePrefix("s.yaml:")))
			g.Expect(len(err.Error())).To(BeNumerically("<", 1<<20))
			g.Expect(used).To(BeNumerically("<", 2*memory+8<<20), "an honest file takes %d", memory)
			g.Expect(took).To(BeNumerically("<", 10*cpu+time.Second))
		})
	}
}
