package budget_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/budget"
)

// TestSpend: what is left can be spent to the last unit, and what exceeds it ends the
// check for every resource.
func TestSpend(t *testing.T) {
	for _, r := range budget.Resources() {
		if r == budget.Time {
			continue
		}
		t.Run(r.String(), func(t *testing.T) {
			g := NewWithT(t)
			b := budget.New(budget.Limits{Messages: 5, Octets: 5, Evidence: 5, Aliases: 5, Signatures: 5, Endpoints: 5, Work: 5})
			g.Expect(b.Spend(r, 4)).To(Succeed())
			g.Expect(b.Spend(r, 1)).To(Succeed())
			g.Expect(b.Ended()).NotTo(HaveOccurred())
			err := b.Spend(r, 1)
			g.Expect(err).To(MatchError(budget.ErrExhausted))
			g.Expect(err).To(MatchError(ContainSubstring("more than 5 " + r.String())))
			for _, other := range budget.Resources() {
				g.Expect(b.Spend(other, 0)).To(MatchError(err))
			}
			g.Expect(b.Ended()).To(MatchError(err))
			g.Expect(r.Reason()).To(Equal("budget-" + r.String()))
		})
	}
}

// TestNil: without a budget nothing is bounded.
func TestNil(t *testing.T) {
	g := NewWithT(t)
	b := budget.From(t.Context())
	g.Expect(b).To(BeNil())
	g.Expect(b.Spend(budget.Work, 1<<40)).To(Succeed())
	g.Expect(b.Ended()).NotTo(HaveOccurred())
	g.Expect(budget.Ended(t.Context())).To(Succeed())
	ev := perspectives.Evidence{Kind: "dns", Answer: []string{"x"}}
	g.Expect(b.Keep(ev)).To(Equal(ev))
	n := network{}
	_, err := budget.Network(n).DialContext(t.Context(), "tcp", "192.0.2.1:80")
	g.Expect(err).NotTo(HaveOccurred())
}

func TestLimits(t *testing.T) {
	g := NewWithT(t)
	l, err := budget.Limits{Work: 7}.WithDefaults()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(l).To(Equal(budget.Limits{
		Messages: 300, Octets: 1 << 20, Evidence: 256 << 10, Aliases: 100, Signatures: 256, Endpoints: 100, Work: 7, Time: time.Minute,
	}))
	_, err = budget.Limits{Octets: -1}.WithDefaults()
	g.Expect(err).To(MatchError(ContainSubstring("budget octets: found -1")))
	_, err = budget.Limits{Time: -1}.WithDefaults()
	g.Expect(err).To(MatchError(ContainSubstring("budget time: found -1ns")))
	g.Expect(budget.New(budget.Limits{Messages: -1}).Spend(budget.Messages, 1)).To(MatchError(budget.ErrExhausted))
}

// network gives connections on which octets come without end, n at a time.
type network struct{ n int }

func (n network) DialContext(context.Context, string, string) (net.Conn, error) {
	return stream(n), nil
}

type stream struct{ n int }

func (s stream) Read(p []byte) (int, error)       { return min(len(p), s.n), nil }
func (s stream) Write(p []byte) (int, error)      { return len(p), nil }
func (s stream) Close() error                     { return nil }
func (s stream) LocalAddr() net.Addr              { return nil }
func (s stream) RemoteAddr() net.Addr             { return nil }
func (s stream) SetDeadline(time.Time) error      { return nil }
func (s stream) SetReadDeadline(time.Time) error  { return nil }
func (s stream) SetWriteDeadline(time.Time) error { return nil }

func TestNetworkCharges(t *testing.T) {
	for name, c := range map[string]struct {
		limits   budget.Limits
		n        int // octets in a read
		resource budget.Resource
	}{
		"octets":               {budget.Limits{Octets: 10_000, Work: 1 << 30}, 1000, budget.Octets},
		"reads of a few":       {budget.Limits{Octets: 1 << 30, Work: 10_000}, 1, budget.Work},
		"octets beyond a read": {budget.Limits{Octets: 100, Work: 1 << 30}, 1000, budget.Octets},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			b := budget.New(c.limits)
			ctx, cancel := budget.With(t.Context(), b)
			defer cancel()
			conn, err := budget.Network(budget.Network(network{c.n})).DialContext(ctx, "tcp", "192.0.2.1:80")
			g.Expect(err).NotTo(HaveOccurred())
			read, buf := 0, make([]byte, 1000)
			for range 1000 {
				var n int
				if n, err = conn.Read(buf); err != nil {
					break
				}
				read += n
			}
			exhausted, ok := errors.AsType[*budget.Exhausted](err)
			g.Expect(ok).To(BeTrue(), "%v", err)
			g.Expect(exhausted.Resource).To(Equal(c.resource))
			g.Expect(read).To(BeNumerically("<=", c.limits.Octets))
			g.Expect(b.Spent(budget.Messages)).To(Equal(1), "charged once, however often it is wrapped")
			_, err = budget.Network(network{1}).DialContext(ctx, "tcp", "192.0.2.1:80")
			g.Expect(err).To(MatchError(budget.ErrExhausted))
		})
	}
}

func TestNetworkCountsMessagesAndEndpoints(t *testing.T) {
	g := NewWithT(t)
	b := budget.New(budget.Limits{Messages: 5, Endpoints: 2})
	ctx, cancel := budget.With(t.Context(), b)
	defer cancel()
	n := budget.Network(network{1})
	dial := func(address string) error {
		_, err := n.DialContext(ctx, "udp", address)
		return err
	}
	g.Expect(dial("192.0.2.1:53")).To(Succeed())
	g.Expect(dial("192.0.2.1:53")).To(Succeed())
	g.Expect(dial("192.0.2.2:53")).To(Succeed())
	g.Expect(b.Spent(budget.Endpoints)).To(Equal(2))
	g.Expect(dial("192.0.2.3:53")).To(MatchError(ContainSubstring("more than 2 endpoints")))
}

// TestTime: the context ends when the time is up, and the outcome says why; a
// context that ends for another reason does not end the budget.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		ctx, cancel := budget.With(t.Context(), budget.New(budget.Limits{Time: time.Second}))
		defer cancel()
		g.Expect(budget.Ended(ctx)).To(Succeed())
		<-ctx.Done()
		o := perspectives.Outcome{Verdict: perspectives.Pass, Reason: "no-caa-records", Detail: "as if nothing were"}
		budget.Settle(ctx, &o)
		g.Expect(o).To(And(
			HaveField("Verdict", perspectives.Error), HaveField("Reason", "budget-time"),
			HaveField("Detail", "budget exhausted: the check took more than 1s; before that: as if nothing were"),
		))

		outer, stop := context.WithCancel(t.Context())
		ctx, cancel = budget.With(outer, budget.New(budget.Limits{}))
		defer cancel()
		stop()
		g.Expect(budget.Ended(ctx)).To(Succeed())
	})
}

// TestSettle: a budget that is not used up changes no outcome, one that is lets none
// stand.
func TestSettle(t *testing.T) {
	g := NewWithT(t)
	b := budget.New(budget.Limits{Aliases: 1})
	ctx, cancel := budget.With(t.Context(), b)
	defer cancel()
	for _, v := range []perspectives.Verdict{perspectives.Pass, perspectives.Fail, perspectives.Error} {
		o := perspectives.Outcome{Verdict: v, Reason: "x"}
		budget.Settle(ctx, &o)
		g.Expect(o).To(Equal(perspectives.Outcome{Verdict: v, Reason: "x"}))
	}
	g.Expect(b.Spend(budget.Aliases, 2)).NotTo(Succeed())
	for _, v := range []perspectives.Verdict{perspectives.Pass, perspectives.Fail, perspectives.Error} {
		o := perspectives.Outcome{Verdict: v, Reason: "x"}
		budget.Settle(ctx, &o)
		g.Expect(o.Verdict).To(Equal(perspectives.Error))
		g.Expect(o.Reason).To(Equal("budget-aliases"))
	}
}

// TestKeep: evidence is kept as long as there is room; after that its answers are
// left out, which it says; and what is held back for the next question is still
// there.
func TestKeep(t *testing.T) {
	g := NewWithT(t)
	b := budget.New(budget.Limits{Evidence: 8000})
	ev := perspectives.Evidence{Kind: "dns", Query: "example.com A", Status: "NOERROR", Answer: []string{strings.Repeat("x", 1000)}}
	b.Hold(4000)
	whole := func() (n int) {
		for range 10 {
			kept := b.Keep(ev)
			g.Expect(kept.Cut).To(Equal(kept.Answer == nil))
			g.Expect(kept.Query).To(Equal(ev.Query))
			if !kept.Cut {
				n++
			}
		}
		return n
	}
	g.Expect(whole()).To(Equal(3))
	b.Release(4000)
	g.Expect(whole()).To(BeNumerically(">=", 1))
	g.Expect(whole()).To(BeZero())
	g.Expect(b.Ended()).NotTo(HaveOccurred(), "that evidence is cut does not end a check")
}
