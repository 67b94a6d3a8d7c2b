package perspectives_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/topology/place"
)

// TestVerdictNames holds the names, which are stored in results, to the letter.
func TestVerdictNames(t *testing.T) {
	g := NewWithT(t)
	names := map[perspectives.Verdict]string{
		perspectives.Unanswered: "unanswered",
		perspectives.Pass:       "pass",
		perspectives.Fail:       "fail",
		perspectives.Error:      "error",
	}
	g.Expect(perspectives.Verdicts()).To(HaveLen(len(names)))
	for n := range math.MaxUint8 + 1 {
		v := perspectives.Verdict(n)
		name, known := names[v]
		text, err := v.MarshalText()
		if !known {
			g.Expect(v.String()).To(Equal(fmt.Sprintf("Verdict(%d)", n)))
			g.Expect(err).To(MatchError(fmt.Sprintf("verdict %d: want 0 to 3", n)))
			g.Expect(text).To(BeEmpty())
			continue
		}
		g.Expect(perspectives.Verdicts()[n]).To(Equal(v))
		g.Expect(v.String()).To(Equal(name))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(text)).To(Equal(name))
		var read perspectives.Verdict
		g.Expect(read.UnmarshalText(text)).To(Succeed())
		g.Expect(read).To(Equal(v))
	}
}

// TestVerdictRefusesOtherTexts: nothing close to a name is taken for it, above
// all not for a pass.
func TestVerdictRefusesOtherTexts(t *testing.T) {
	for _, text := range []string{"", "Pass", "PASS", " pass", "pass\n", "pas", "passed", "1", "Verdict(1)", "Verdict(9)"} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			g := NewWithT(t)
			v := perspectives.Fail
			g.Expect(v.UnmarshalText([]byte(text))).To(MatchError(fmt.Sprintf("verdict %q: want unanswered, pass, fail or error", text)))
			g.Expect(v).To(Equal(perspectives.Fail), "a refused text changes nothing")
		})
	}
}

// TestResultRoundTrip: a stored result reads back as what it was.
func TestResultRoundTrip(t *testing.T) {
	g := NewWithT(t)
	stored := perspectives.Result{
		Perspective: "aws/eu-central-1", RIR: place.RIPE,
		DCV: perspectives.Outcome{Verdict: perspectives.Pass},
		CAA: perspectives.Outcome{Verdict: perspectives.Error, Reason: "timeout"},
	}
	text, err := json.Marshal(stored)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(ContainSubstring(`"verdict":"pass"`))
	var read perspectives.Result
	g.Expect(json.Unmarshal(text, &read)).To(Succeed(), "%s", text)
	g.Expect(read).To(Equal(stored))
	g.Expect(json.Unmarshal([]byte(`{"dcv":{"verdict":"maybe"}}`), &read)).To(MatchError(ContainSubstring(`verdict "maybe"`)))
}
