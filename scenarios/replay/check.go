package replay

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mpicsim/perspectives"
	"mpicsim/perspectives/coordinator"
	"mpicsim/perspectives/local"
	"mpicsim/perspectives/policy"
	"mpicsim/scenarios"
	"mpicsim/scenarios/result"
	"mpicsim/sim/fabric"
	"mpicsim/topology"
	"mpicsim/topology/place"
)

// answerTimeout bounds one perspective's check in real time. The fabric answers
// everything at once, so only a server that is stuck comes near it.
const answerTimeout = 60 * time.Second

// setOf returns the perspectives of a check as a rule sees them.
func setOf(sites []scenarios.ResolvedSite) (set perspectives.Set) {
	for _, s := range sites {
		if s.Primary {
			set.Primary = s.Perspective
		} else {
			set.Remotes = append(set.Remotes, s.Perspective)
		}
	}
	return set
}

// Check has the CA validate the domain once, at a virtual time. c is one of the
// timeline's checks; it may be made at any time and as often as you like.
func (w *World) Check(ctx context.Context, c scenarios.CheckEvent, at time.Duration) (*result.Check, error) {
	sites := w.sets[c.Name]
	date, rule := w.source.DateAndRule(c)
	day, err := policy.ParseDate(date)
	if err != nil {
		return nil, err
	}
	quorum, err := policy.ParseRule(rule, day)
	if err != nil {
		return nil, err
	}
	desk := &desk{world: w, check: c.Name, at: at, primary: sites[0].Perspective.Name}
	config := coordinator.Config{
		Quorum: quorum, ReportOnly: true, Clock: desk.now, Timeout: answerTimeout, Workers: w.options.Workers,
	}
	runners := make([]*runner, len(sites))
	for n, site := range sites {
		runners[n] = &runner{desk: desk, station: w.sites[site.Perspective.Name], primary: site.Primary}
		if site.Primary {
			config.Primary = runners[n]
			desk.place = site.Perspective.Location
		} else {
			config.Remotes = append(config.Remotes, runners[n])
		}
	}
	co, err := coordinator.New(config)
	if err != nil {
		return nil, err
	}
	report, err := co.Corroborate(ctx, w.checkRequest(c))
	if err != nil {
		return nil, err
	}
	attempt := report.Attempts[len(report.Attempts)-1]
	out := &result.Check{
		Name: c.Name, At: at, Applicant: c.Applicant, Date: date, Rule: quorum.Name, Method: w.source.CA.Method,
		Violations: []result.Violation{}, Decision: report.Decision, Rows: []result.Row{},
	}
	for _, v := range report.Violations {
		out.Violations = append(out.Violations, result.Violation{Reason: v.Reason, Clause: v.Clause, Detail: v.Detail})
	}
	if out.NeverIssues, err = policy.NeverIssues(quorum, setOf(sites)); err != nil {
		return nil, err
	}
	for n, answer := range append([]coordinator.Answer{attempt.Primary}, attempt.Remotes...) {
		row, err := w.row(ctx, runners[n], answer, at)
		if err != nil {
			return nil, err
		}
		if row.Reached == scenarios.SideAttacker {
			out.Fooled++
		}
		out.Finished = max(out.Finished, row.Finished)
		if row.Control != nil {
			out.Finished = max(out.Finished, row.Control.Finished)
		}
		out.Rows = append(out.Rows, row)
	}
	return out, w.bounds(ctx, out, runners, quorum)
}

// desk is the coordinator's place and virtual clock.
type desk struct {
	world   *World
	check   string // its name
	primary string // the primary's
	place   place.Location

	mu sync.Mutex
	at time.Duration
}

func (d *desk) elapsed() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *desk) now() time.Time { return d.world.start.Add(d.elapsed()) }

// advance moves the clock; only the primary's answer does, which comes before
// any remote is asked, so that the remotes do not see each other's times.
func (d *desk) advance(to time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = max(d.at, to)
}

// runner is a perspective on its emulated host, for one check.
type runner struct {
	desk    *desk
	station *station
	primary bool

	// After Run:
	session  *fabric.Session // of the check, nil if it never began
	line     *fabric.Session // of the coordinator, nil if the channel is out-of-band
	answered bool            // the coordinator got an answer over it
	hungUp   time.Duration
}

// Describe implements [coordinator.Runner].
func (r *runner) Describe() perspectives.Perspective { return r.station.attachment.Site.Perspective }

// Run implements [coordinator.Runner]: it gives the perspective the emulated
// host's network and clock.
func (r *runner) Run(ctx context.Context, c perspectives.Check) perspectives.Result {
	if !r.primary && r.desk.world.control != nil {
		return r.ask(ctx, c)
	}
	start := r.desk.elapsed()
	if !r.primary {
		start += r.wordTravels()
	}
	r.session = r.station.host.NewSession(start)
	r.session.Wait(r.station.attachment.Site.Delay)
	p, err := local.New(local.Config{
		Perspective: r.Describe(), Network: r.session, Clock: r.session.Now, Roots: r.desk.world.roots, TrustAnchors: r.desk.world.anchors,
		Rand: r.desk.world.messageIDs(r.desk.check, r.Describe().Name),
	})
	if err != nil {
		panic(fmt.Sprintf("replay: perspective %q: %v", r.Describe().Name, err)) // our own configuration
	}
	out := p.Run(ctx, c)
	if r.primary {
		r.desk.advance(r.session.Elapsed())
	}
	return out
}

// wordTravels is how long the coordinator's request takes to the perspective.
func (r *runner) wordTravels() time.Duration {
	ms := place.ArcKm(r.desk.place, r.Describe().Location) / r.desk.world.delays.KmPerMs
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond)
}

// row turns a perspective's answer and packets into a row.
func (w *World) row(ctx context.Context, r *runner, a coordinator.Answer, at time.Duration) (result.Row, error) {
	p := r.Describe()
	row := result.Row{
		Perspective: p.Name, Role: "remote", City: p.City, RIR: p.RIR, Asked: a.Attempted,
		DCV: a.Result.DCV, CAA: a.Result.CAA, Started: at, Finished: at, Flows: []result.Flow{},
	}
	if r.primary {
		row.Role = "primary"
	}
	if a.Attempted {
		row.Started, row.Finished = a.Result.Started.Sub(w.start), a.Result.Finished.Sub(w.start)
		row.Control = w.describeCall(r, a.Result.DCV.Reason)
	}
	session := r.session
	if session == nil { // its check has not begun: probes show where its packets go
		session = r.station.host.NewSession(row.Started)
		err := w.lookAround(session, func(to netip.Addr) error { return probe(ctx, session, to) })
		if err != nil {
			return row, fmt.Errorf("probing from %q: %w", p.Name, err)
		}
	}
	flows := session.Flows()
	for _, f := range flows {
		flow := result.Flow{
			Network: f.Network, Remote: f.Remote.String(), SentAt: f.SentAt, Path: append([]topology.ASN{}, f.Path...), To: f.To,
		}
		if f.Astray {
			flow.Astray = cmp.Or(f.AstrayTo, nobody)
		}
		row.Flows = append(row.Flows, flow)
	}
	w.judge(&row, flows)
	return row, nil
}

// discard is the port that probes go to (RFC 863). No host listens there.
const discard = 9

// probe sends one datagram; nobody needs to answer it.
func probe(ctx context.Context, s *fabric.Session, to netip.Addr) error {
	c, err := s.DialContext(ctx, "udp", netip.AddrPortFrom(to, discard).String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("mpicsim probe"))
	return err
}

// judge says whom the packets for the victim's services reached. The flow that
// decides is the first one that reached the attacker at an address that is not
// his own; else the last one to the web server; else the last one to a name
// server of the domain.
func (w *World) judge(row *result.Row, flows []fabric.Flow) {
	var decisive *fabric.Flow
	for n := range flows {
		f := &flows[n]
		service := w.service(f.Remote.Addr())
		if service == "" {
			continue
		}
		if f.To == hostAttacker {
			decisive = f
			break
		}
		if decisive == nil || service == "web" || w.service(decisive.Remote.Addr()) == "dns" {
			decisive = f
		}
	}
	if decisive == nil {
		row.Reached, row.Path = nobody, []topology.ASN{}
		return
	}
	row.Via, row.Path = w.service(decisive.Remote.Addr()), append([]topology.ASN{}, decisive.Path...)
	switch decisive.To {
	case hostAttacker:
		row.Reached = scenarios.SideAttacker
	case "":
		row.Reached = nobody
	default:
		row.Reached = scenarios.SideVictim
	}
}

// service says which of the victim's services an address is: "web", "dns" or "".
// An upper name server counts if the attacker takes its prefix at some time.
func (w *World) service(a netip.Addr) string {
	if slices.Contains(w.source.Victim.Web, a) {
		return "web"
	}
	if slices.ContainsFunc(w.source.Victim.NameServers, func(ns scenarios.NameServer) bool { return ns.Address == a }) {
		return "dns"
	}
	if slices.ContainsFunc(w.takenUpper(), func(u upper) bool { return u.addr == a }) {
		return "dns"
	}
	return ""
}

// compare holds the checks against the scenario's expectations.
func compare(expect []scenarios.Expectation, checks []result.Check) []result.Expectation {
	out := []result.Expectation{}
	for _, e := range expect {
		n := slices.IndexFunc(checks, func(c result.Check) bool { return c.Name == e.Check })
		c := checks[n] // validation has seen to it that there is one
		add := func(field, expected, found string) {
			out = append(out, result.Expectation{Check: e.Check, Field: field, Expected: expected, Found: found, Met: expected == found})
		}
		if e.Issue != nil {
			add("issue", strconv.FormatBool(*e.Issue), strconv.FormatBool(c.Decision.Issue))
		}
		if e.Reason != "" {
			add("reason", e.Reason, c.Decision.Reason)
		}
		if e.Quorum != "" {
			add("quorum", e.Quorum, c.Decision.Quorum)
		}
		if e.Fooled != nil {
			var fooled []string
			for _, row := range c.Rows {
				if row.Reached == scenarios.SideAttacker {
					fooled = append(fooled, row.Perspective)
				}
			}
			add("fooled", list(*e.Fooled), list(fooled))
		}
		if e.CutOff != nil {
			var cut []string
			for _, row := range c.Rows {
				if row.Control != nil && !row.Control.Answered {
					cut = append(cut, row.Perspective)
				}
			}
			add("cut-off", list(*e.CutOff), list(cut))
		}
	}
	return out
}

// list joins names in order.
func list(names []string) string {
	if len(names) == 0 {
		return nobody
	}
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}
