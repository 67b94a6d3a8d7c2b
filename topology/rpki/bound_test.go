package rpki_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/topology/rpki"
	"mpicsim/topology/unpack/unpacktest"
)

// TestHostilePayloads reads files that are built to be dear: each costs at most twice
// the memory of an honest file of the same length, and a few times its time.
func TestHostilePayloads(t *testing.T) {
	const octets = 4 << 20
	read := func(text string) (memory uint64, cpu time.Duration, err error) {
		memory, cpu = unpacktest.Cost(t, func() { _, err = rpki.Read(strings.NewReader(text), "f") })
		return memory, cpu, err
	}
	var lines, object strings.Builder
	lines.WriteString("ASN,IP Prefix,Max Length,Trust Anchor\n")
	object.WriteString(`{"roas": [`)
	for n := 0; lines.Len() < octets; n++ {
		fmt.Fprintf(&lines, "AS%d,%d.%d.%d.0/24,24,ripe\n", n+1, n>>16, n>>8&255, n&255)
		fmt.Fprintf(&object, "{\"asn\": %d, \"prefix\": \"%d.%d.%d.0/24\", \"maxLength\": 24, \"ta\": \"ripe\"},\n", n+1, n>>16, n>>8&255, n&255)
	}
	g := NewWithT(t)
	memory, cpu, err := read(lines.String())
	g.Expect(err).NotTo(HaveOccurred())
	text := object.String()[:octets]
	text = text[:strings.LastIndex(text, "},")] + "}]}"
	memoryJSON, cpuJSON, err := read(text)
	g.Expect(err).NotTo(HaveOccurred())
	t.Logf("honest: CSV %d MB, %v; JSON %d MB, %v", memory>>20, cpu, memoryJSON>>20, cpuJSON)
	memory, cpu = max(memory, memoryJSON), max(cpu, cpuJSON)
	const header = "ASN,IP Prefix,Max Length\n"
	repeat := func(s string) string { return strings.Repeat(s, octets/len(s)) }
	for name, c := range map[string]struct{ text, want string }{
		"one VRP":              {header + repeat("AS1,10.0.0.0/8,8\n"), ""},
		"bad rows":             {header + repeat("x\n"), "found more than 100000 bad fields"},
		"bad fields":           {header + repeat("x,y,z\n"), "found more than 100000 bad fields"},
		"commas":               {header + repeat(","), "a record of more than"},
		"a header of commas":   {repeat(","), "a record of more than"},
		"a quoted field":       {header + `"` + repeat("\n"), "a record of more than"},
		"empty objects":        {`{"roas": [` + repeat("{},") + "{}]}", "found more than 100000 bad fields"},
		"numbers for objects":  {`{"roas": [` + repeat("1,") + "1]}", "found more than 100000 bad fields"},
		"a provider a million": {`{"aspas": [{"customer": 1, "providers": [` + repeat("2,") + "2]}]}", ""},
		"bad providers":        {`{"aspas": [{"customer": 1, "providers": [` + repeat("x,") + "2]}]}", "JSON: found"},
		"odd providers":        {`{"aspas": [{"customer": 1, "providers": [` + repeat(`"",`) + "2]}]}", "bad fields"},
		"deep arrays":          {`{"x": ` + repeat("["), "more than 32 levels"},
		"a long string":        {`{"` + repeat("x"), "a string of more than"},
		"a long number":        {`{"x": ` + repeat("1"), "a number of more than"},
		"other members":        {`{"roas": [],` + repeat(`"x":1,`) + `"y":1}`, ""},
		"many anchors":         {strings.ReplaceAll(lines.String(), ",ripe", ",r"), ""},
		"gzip of a VRP":        {string(zipped(t, header+strings.Repeat("AS1,10.0.0.0/8,8\n", 1<<20))), "at most 100 for each"},
		"gzip of spaces":       {string(zipped(t, strings.Repeat(" ", 16<<20))), "a record of more than"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			used, took, err := read(c.text)
			t.Logf("%d octets: %d MB, %v", len(c.text), used>>20, took)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(And(ContainSubstring(c.want), HavePrefix("f:"))))
			}
			g.Expect(used).To(BeNumerically("<", 2*memory), "an honest file takes %d", memory)
			g.Expect(took).To(BeNumerically("<", 10*cpu+time.Second))
		})
	}
	_, err = rpki.Read(bytes.NewReader(nil), "f")
	g.Expect(err).To(HaveOccurred())
}
