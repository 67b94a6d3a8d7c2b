package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// TestHostile holds every row to its bound, with room for a machine that is busy with
// other things: processor time is counted, but its caches are shared.
func TestHostile(t *testing.T) {
	const slack = 8 * 50 * time.Millisecond
	rows, closeAll, err := table(t.Context())
	t.Cleanup(closeAll)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			g := NewWithT(t)
			m := r.measure(1)
			g.Expect(m.hostile.cpu).To(BeNumerically("<", m.most.cpu+slack), m.report.verdict)
			g.Expect(m.hostile.peak).To(BeNumerically("<", 2*m.most.peak), m.report.verdict)
			g.Expect(m.report.wrong).To(BeFalse(), m.report.verdict)
		})
	}
}

// TestHonest: what the rows are held against passes.
func TestHonest(t *testing.T) {
	rows, closeAll, err := table(t.Context())
	t.Cleanup(closeAll)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			report := r.honest()
			NewWithT(t).Expect(report.verdict).NotTo(Or(ContainSubstring("error"), ContainSubstring("fail")))
		})
	}
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string // in the error, or the table if it begins with "table: "
	}{
		"one row":           {[]string{"--run", "1,000 A records", "--count", "1"}, "table: key-authorization-matches"},
		"no such row":       {[]string{"--run", "^$"}, "table: input"},
		"a broken pattern":  {[]string{"--run", "("}, "--run: error parsing regexp"},
		"not often enough":  {[]string{"--count", "0"}, "--count: found 0, expected 1 or more"},
		"an unknown option": {[]string{"--never"}, "flag provided but not defined"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var out bytes.Buffer
			exceeded, err := run(t.Context(), c.args, &out)
			if text, table := strings.CutPrefix(c.want, "table: "); table {
				g.Expect(err).NotTo(HaveOccurred())
				g.Expect(exceeded).To(BeZero())
				g.Expect(out.String()).To(ContainSubstring(text))
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

// TestExceeds: a row that costs more than it may is found.
func TestExceeds(t *testing.T) {
	g := NewWithT(t)
	var kept []byte
	greedy := row{honest: func() report { return report{} }, hostile: func() report {
		kept = bytes.Repeat([]byte{1}, 32<<20)
		return report{}
	}}
	g.Expect(greedy.measure(1).exceeds()).To(BeTrue())
	kept = nil
	busy := row{honest: func() report { return report{} }, hostile: func() report {
		for start := processTime(); processTime()-start < 200*time.Millisecond; {
			_, _ = io.CopyN(io.Discard, endless{1}, 1<<20)
		}
		return report{}
	}}
	g.Expect(busy.measure(1).exceeds()).To(BeTrue())
	idle := row{honest: func() report { return report{} }, hostile: func() report { return report{} }}
	g.Expect(idle.measure(1).exceeds()).To(BeFalse())
	g.Expect(kept).To(BeNil())
}
