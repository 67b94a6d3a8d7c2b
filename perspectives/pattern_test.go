package perspectives

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
)

// expressions are some that programs must not be made of, and some that they may.
func expressions() map[string]string {
	return map[string]string{
		"repeated words":   "(?:" + strings.Repeat("abcdefgh|", 20) + "x){1000}",
		"a long one":       "(?:" + strings.Repeat("a?b", 60) + "){1000}",
		"nested":           "((((x{10}){10}){10}))",
		"nested a little":  "(x{5}y){5}",
		"ranges":           `(?i)[\pL\pN_]{0,200}`,
		"optional":         "(?:x?){333}",
		"classes":          strings.Repeat(`[\pL]`, 200),
		"folded":           "(?i)" + strings.Repeat("k", 900),
		"alternatives":     strings.Repeat("ab|", 300) + "c",
		"a nonce":          `^[A-Za-z0-9_-]{43}\s*$`,
		"a value":          `(^|\n)ca-verification=[0-9a-f]{32}(\r?\n|$)`,
		"empty":            ``,
		"stars":            strings.Repeat("(?:a*)*", 100),
		"captures":         strings.Repeat("(", 300) + "a" + strings.Repeat(")", 300),
		"an open interval": "a{300,}",
		"empty words":      strings.Repeat("(|a)", 200),
	}
}

// TestPatternSize: what is counted is never less than what is compiled, and what is
// refused by its size would indeed have a large program.
func TestPatternSize(t *testing.T) {
	for name, e := range expressions() {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			parsed, err := syntax.Parse(e, syntax.Perl)
			g.Expect(err).NotTo(HaveOccurred())
			program, err := syntax.Compile(parsed.Simplify())
			g.Expect(err).NotTo(HaveOccurred())
			size, err := patternSize(e)
			if err != nil {
				g.Expect(err).To(MatchError(ErrPattern))
				g.Expect(len(program.Inst)).To(BeNumerically(">", MaxRegexProgram/4), "refused")
				return
			}
			g.Expect(len(program.Inst)).To(BeNumerically("<=", size))
			g.Expect(size).To(BeNumerically("<=", MaxRegexProgram))
		})
	}
}

func TestPattern(t *testing.T) {
	g := NewWithT(t)
	p, err := CompilePattern(`value-(\d+)`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(p.String()).To(Equal(`value-(\d+)`))
	g.Expect(p.Find("a value-12!")).To(Equal([]int{2, 10}))
	g.Expect(p.Find("none")).To(BeNil())
	g.Expect(p.MaxText()).To(BeNumerically(">=", 64<<10), "all of a body")
	_, err = p.Find(strings.Repeat("x", p.MaxText()+1))
	g.Expect(err).To(MatchError(ErrPattern))
	for e, want := range map[string]string{
		"(":                                "missing closing",
		strings.Repeat("x", MaxRegex+1):    "found 1025 octets, expected at most 1024",
		"(?:abcd){1000}":                   "expands to more than 1000 instructions",
		"(x{1000}){1000}":                  "invalid repeat count",
		strings.Repeat("(?:a{30}){30}", 9): "expands to more than 1000 instructions",
	} {
		g.Expect(CheckPattern(e)).To(MatchError(And(HavePrefix("regular expression: "), ContainSubstring(want))), e)
		_, err := CompilePattern(e)
		g.Expect(err).To(MatchError(ErrPattern), e)
	}
}

// TestPatternCost: neither looking at an expression, nor compiling it and searching
// as much text as it may, takes more than 100 ms, or 2 MiB.
func TestPatternCost(t *testing.T) {
	for name, e := range expressions() {
		t.Run(name, func(t *testing.T) {
			costtest.AtMost(t, costtest.Cost{CPU: 20 * time.Millisecond, Allocated: 8 << 20}, func() { _ = CheckPattern(e) })
			costtest.AtMost(t, costtest.Cost{CPU: 300 * time.Millisecond, Allocated: 8 << 20}, func() {
				p, err := CompilePattern(e)
				if err != nil {
					return
				}
				for _, letter := range []string{"a", "x", "k", "é", "ab"} {
					text := strings.Repeat(letter, min(p.MaxText(), 64<<10)/len(letter)/5)
					_, _ = p.Find(text)
				}
			})
		})
	}
}

// FuzzPattern: whatever the expression, counting and compiling agree and cost
// little.
func FuzzPattern(f *testing.F) {
	for _, e := range expressions() {
		f.Add(e)
	}
	f.Add("(")
	f.Add(`\pL{1000}`)
	f.Add(`(?i)\x{212a}{2,3}|[^a]*?$`)
	f.Fuzz(func(t *testing.T, e string) {
		var p *Pattern
		var err error
		costtest.AtMost(t, costtest.Cost{CPU: 500 * time.Millisecond, Allocated: 8 << 20}, func() {
			if p, err = CompilePattern(e); err == nil {
				_, _ = p.Find(strings.Repeat("aK", min(p.MaxText(), 64<<10)/2))
			}
		})
		if err != nil {
			return
		}
		parsed, err := syntax.Parse(e, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		program, err := syntax.Compile(parsed.Simplify())
		if err != nil || len(program.Inst) > p.size {
			t.Fatalf("%q: %d instructions are counted as %d, %v", e, len(program.Inst), p.size, err)
		}
	})
}

// BenchmarkPattern searches as much text as an expression may, without a match.
func BenchmarkPattern(b *testing.B) {
	for _, e := range []string{`[a-f]+[0-9]x`, `(?:a?b?){10}c`, `(?:a?){300}b`, `(?:[ab]?[ac]?){160}x$`} {
		p, err := CompilePattern(e)
		if err != nil {
			b.Fatal(err)
		}
		text := strings.Repeat("a", min(p.MaxText(), 64<<10))
		b.Run(fmt.Sprintf("%d", p.size), func(b *testing.B) {
			b.Logf("input: %s, %d instructions, %d octets", e, p.size, len(text))
			for b.Loop() {
				_, _ = p.Find(text)
			}
		})
	}
}
