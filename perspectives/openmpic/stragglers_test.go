package openmpic

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/policy"
)

// slow is a perspective that answers after a minute, or gives up with the context.
type slow struct{ *fake }

func (s slow) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	select {
	case <-time.NewTimer(time.Minute).C:
		return s.fake.Run(ctx, c)
	case <-ctx.Done():
		r := perspectives.Result{Perspective: s.Name, RIR: s.RIR, Questions: c.Questions}
		answer(c, &r, perspectives.Outcome{Verdict: perspectives.Error, Reason: "cancelled"})
		return r
	}
}

// TestStragglers: an answer tells who was not waited for; that is no answer of
// theirs, and none that is missing.
func TestStragglers(t *testing.T) {
	const cancelled = "The remote check failed to complete: Check failed for perspective e, target example.com: " +
		"cancelled, since the decision was certain without it; trace ID: "
	for name, tc := range map[string]struct {
		counts string
		fooled string
		valid  bool
		reason string
		waits  bool
	}{
		"four of five pass":                       {`null`, "", true, policy.QuorumMet, false},
		"two of five do not":                      {`null`, "a b", false, policy.TooFewCorroborations, false},
		"one does not, so that the fifth matters": {`null`, "a", true, policy.QuorumMet, true},
		"all are asked for":                       {`{"quorum_count":5}`, "", true, policy.QuorumMet, true},
		"monitoring":                              {`{"quorum_count":0}`, "a b", true, policy.TooFewCorroborations, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewWithT(t)
				started := time.Now()
				s := serve(g, monitors, func(_ *Options, c *DeploymentConfig) {
					c.CancelStragglers = true
					for i := 2; i < 5; i++ {
						if f := c.Remotes[i].(*fake); f.Name == "e" {
							c.Remotes[i] = coordinator.Runner(slow{f})
						}
					}
				}).let(tc.fooled, says(mismatch()))
				out := s.mpic(g, fmt.Sprintf(caaRequest, tc.counts))
				g.Expect(at(out, "is_valid")).To(Equal(tc.valid))
				g.Expect(at(out, "mpic_completed")).To(BeTrue())
				g.Expect(at(out, "decision", "reason")).To(Equal(tc.reason))
				fifth := at(out, "perspectives", 4, "check_response")
				g.Expect(at(fifth, "check_completed")).To(Equal(tc.waits))
				if tc.waits {
					g.Expect(time.Since(started)).To(Equal(time.Minute))
					return
				}
				g.Expect(time.Since(started)).To(BeZero())
				g.Expect(at(fifth, "check_passed")).To(BeFalse())
				g.Expect(at(fifth, "errors", 0, "error_message")).To(Equal(cancelled))
			})
		})
	}
}
