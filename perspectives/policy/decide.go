package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mpicsim/perspectives"
)

// ErrDuplicate is wrapped by the error of [Decide] for an attempt in which two
// answers carry the same name.
var ErrDuplicate = errors.New("duplicate perspective")

// The reasons of a decision to issue.
const (
	// QuorumMet: the primary and enough remotes agree.
	QuorumMet = "quorum-met"
	// Monitoring: the quorum was missed, and the rule only records that.
	Monitoring = "monitoring"
	// NotRequired: the rule asks for no corroboration.
	NotRequired = "not-required"
)

// The reasons of a decision to refuse, in the order in which they are looked
// for. Those from TooFewRemotes on are also reasons of a [Violation], except
// ResolverRule and TooFewCorroborations.
const (
	// PrimaryDCVFailed: the primary saw that the domain is not controlled.
	PrimaryDCVFailed = "primary-dcv-failed"
	// PrimaryDCVError: the primary got no usable answer to the validation.
	PrimaryDCVError = "primary-dcv-error"
	// PrimaryCAAForbids: the CAA records that the primary saw forbid issuance.
	PrimaryCAAForbids = "primary-caa-forbids"
	// PrimaryCAAError: the primary's CAA lookup failed, which is never
	// permission.
	PrimaryCAAError = "primary-caa-error"
	// TooFewRemotes: fewer remotes were used than the rule demands.
	TooFewRemotes = "too-few-remotes"
	// TooManyRemotes: more remotes were used than the rule is for.
	TooManyRemotes = "too-many-remotes"
	// NotDistinct: enough remotes were used, too few of them distinct.
	NotDistinct = "not-distinct"
	// ResolverRule: a resolver stands in the wrong region or two too near.
	ResolverRule = "resolver-rule"
	// TooFewCorroborations: more remotes than tolerated did not corroborate.
	TooFewCorroborations = "too-few-corroborations"
	// TooFewRIRs: the corroborating remotes lie in too few RIR regions.
	TooFewRIRs = "too-few-rir-regions"
)

// Answer is what one perspective said to both questions.
type Answer struct {
	Perspective perspectives.Perspective
	DCV         perspectives.Verdict
	CAA         perspectives.Verdict
}

// Vote is what one remote said to one question.
type Vote struct {
	Perspective perspectives.Perspective
	Verdict     perspectives.Verdict
}

// Attempt is the answers of one attempt: the primary's to both questions, and
// for each question those of the remotes that were asked, which may be different
// sets (BR 3.2.2.9). The order of the votes means nothing. A remote that was
// asked and did not answer belongs here too, as Unanswered.
type Attempt struct {
	// Questions are those that were asked. The votes on another, and the
	// primary's, do not matter.
	Questions perspectives.Questions
	Primary   Answer
	DCV       []Vote
	CAA       []Vote
}

// SameSet returns the attempt in which the same remotes were asked both
// questions.
func SameSet(primary Answer, remotes ...Answer) Attempt {
	a := Attempt{Primary: primary, DCV: make([]Vote, len(remotes)), CAA: make([]Vote, len(remotes))}
	for i, r := range remotes {
		a.DCV[i] = Vote{r.Perspective, r.DCV}
		a.CAA[i] = Vote{r.Perspective, r.CAA}
	}
	return a
}

// Decide applies q to the answers of one attempt. The order of answers does not
// matter. Both questions must meet the quorum, each with its own corroborating
// remotes; the number, distance and resolver rules hold within each set.
//
// A remote nearer to the primary than the rule allows is dropped from the count.
// Remotes too near to each other count as one, which corroborates only if all of
// them do; see [CheckSet] to refuse such a set before it is used. Nothing but
// Pass corroborates: no answer is a non-corroboration.
//
// Decide returns an error that wraps [ErrDuplicate] if two answers to the same
// question carry the same name, the primary's included, and an error if q is not
// valid.
func Decide(q Quorum, a Attempt) (perspectives.Decision, error) {
	if err := q.Validate(); err != nil {
		return perspectives.Decision{}, err
	}
	for _, votes := range [][]Vote{a.DCV, a.CAA} {
		if err := checkNames(a.Primary.Perspective.Name, votes); err != nil {
			return perspectives.Decision{}, err
		}
	}
	if !a.Questions.Known() {
		return perspectives.Decision{}, fmt.Errorf("questions %q: want dcv, caa or nothing for both", a.Questions)
	}
	t := q.tallyAsked(a)
	d := perspectives.Decision{
		Clause:   q.Clause,
		Quorum:   fmt.Sprintf("%d/%d", t.corroborating, t.counted),
		Required: q.Required(t.counted),
	}
	if reason, detail := judgePrimary(a.Questions, a.Primary); reason != "" {
		d.Reason, d.Detail = reason, detail
		return d, nil
	}
	if q.MinRemotes == 0 {
		d.Issue, d.Reason, d.Required = true, NotRequired, 0
		d.Detail = "the primary passes and the rule asks for no corroboration"
		return d, nil
	}
	d.Reason, d.Detail = t.reason, t.detail
	switch t.rank {
	case metRank:
		d.Issue = true
	case missedRank:
		if !q.Enforced {
			d.Issue, d.Monitoring, d.Reason = true, true, Monitoring
			d.Detail = t.detail + "; recorded only, the rule is not enforced yet"
		}
	case unlawfulRank:
	}
	return d, nil
}

func checkNames(primary string, votes []Vote) error {
	seen := map[string]bool{primary: true}
	for _, v := range votes {
		if seen[v.Perspective.Name] {
			return fmt.Errorf("%w: two answers by %q", ErrDuplicate, v.Perspective.Name)
		}
		seen[v.Perspective.Name] = true
	}
	return nil
}

// judgePrimary returns why the primary alone forbids issuance, or "".
func judgePrimary(asked perspectives.Questions, p Answer) (reason, detail string) {
	name := p.Perspective.Name
	if !asked.DCV() {
		p.DCV = perspectives.Pass // as if
	}
	if !asked.CAA() {
		p.CAA = perspectives.Pass
	}
	switch {
	case p.DCV == perspectives.Fail:
		return PrimaryDCVFailed, fmt.Sprintf("the primary %s does not see the domain controlled: nothing to corroborate", name)
	case p.DCV != perspectives.Pass:
		return PrimaryDCVError, fmt.Sprintf("the primary %s has no usable answer to the domain validation (%v)", name, p.DCV)
	case p.CAA == perspectives.Fail:
		return PrimaryCAAForbids, fmt.Sprintf("the CAA records that the primary %s sees forbid issuance", name)
	case p.CAA != perspectives.Pass:
		return PrimaryCAAError, fmt.Sprintf("the CAA lookup of the primary %s failed (%v), which is not permission", name, p.CAA)
	}
	return "", ""
}

// rank orders outcomes of one question from bad to good.
type rank uint8

const (
	unlawfulRank rank = iota // no lawful set: never waived
	missedRank               // too few corroborate: waived while not enforced
	metRank
)

// tally is the outcome of one question.
type tally struct {
	question      string
	asked         int                          // remotes that were asked
	counted       int                          // distinct remotes among them
	corroborating int                          // of those counted
	margin        int                          // corroborating beyond the required number
	groups        [][]perspectives.Perspective // the counted remotes
	regions       regionSet                    // of the corroborating
	silent        []string                     // who did not corroborate, by name
	rank          rank
	reason        string
	detail        string
}

// weaker returns the tally that decides: the worse in rank, then the one with
// less to spare, then the first.
func weaker(a, b tally) tally {
	if b.rank < a.rank || (b.rank == a.rank && b.margin < a.margin) {
		return b
	}
	return a
}

// tallyAsked counts and judges the votes on each question that was asked and
// returns the tally that decides.
func (q Quorum) tallyAsked(a Attempt) tally {
	dcv := func() tally { return q.tally("the domain validation", a.Primary.Perspective, a.DCV) }
	caa := func() tally { return q.tally("the CAA check", a.Primary.Perspective, a.CAA) }
	switch a.Questions {
	case perspectives.OnlyDCV:
		return dcv()
	case perspectives.OnlyCAA:
		return caa()
	case perspectives.Both:
	}
	return weaker(dcv(), caa())
}

// tally counts and judges the votes on one question.
func (q Quorum) tally(question string, primary perspectives.Perspective, votes []Vote) tally {
	remotes := make([]perspectives.Perspective, len(votes))
	passed := make(map[string]bool, len(votes))
	for i, v := range votes {
		remotes[i] = v.Perspective
		passed[v.Perspective.Name] = v.Verdict == perspectives.Pass
	}
	t := tally{question: question, asked: len(votes), groups: q.group(primary, remotes)}
	t.counted = len(t.groups)
	for _, g := range t.groups {
		before := len(t.silent)
		for _, p := range g {
			if !passed[p.Name] {
				t.silent = append(t.silent, p.Name)
			}
		}
		if len(t.silent) == before { // a group corroborates if all of it does
			t.corroborating++
			t.regions.add(regionOf(g))
		}
	}
	t.margin = t.corroborating - q.Required(t.counted)
	t.rank, t.reason, t.detail = q.judgeSet(primary, t)
	if t.reason == "" {
		t.rank, t.reason, t.detail = q.judgeVotes(t)
	}
	return t
}

// judgeSet says whether the remotes that were asked make a lawful set; the
// reason is empty if so.
func (q Quorum) judgeSet(primary perspectives.Perspective, t tally) (r rank, reason, detail string) {
	switch {
	case t.asked < q.MinRemotes:
		return unlawfulRank, TooFewRemotes,
			fmt.Sprintf("%d remotes for %s, at least %d needed", t.asked, t.question, q.MinRemotes)
	case t.counted < q.MinRemotes:
		return unlawfulRank, NotDistinct,
			fmt.Sprintf("%d of %d remotes for %s are distinct, at least %d needed", t.counted, t.asked, t.question, q.MinRemotes)
	case q.MaxRemotes > 0 && t.counted > q.MaxRemotes:
		return unlawfulRank, TooManyRemotes,
			fmt.Sprintf("%d remotes for %s, the rule is for %d", t.counted, t.question, q.MaxRemotes)
	}
	if fault := q.resolverFault(primary, t.groups); fault != "" {
		return unlawfulRank, ResolverRule, fault
	}
	return metRank, "", ""
}

// judgeVotes says whether the votes of a lawful set meet the quorum.
func (q Quorum) judgeVotes(t tally) (r rank, reason, detail string) {
	required := q.Required(t.counted)
	switch {
	case t.corroborating < required:
		return missedRank, TooFewCorroborations,
			fmt.Sprintf("%d of %d remotes corroborate %s, %d needed; not: %s",
				t.corroborating, t.counted, t.question, required, strings.Join(t.silent, ", "))
	case t.regions.count() < q.MinRIRs:
		return missedRank, TooFewRIRs,
			fmt.Sprintf("the remotes that corroborate %s lie in %d RIR regions, at least %d needed",
				t.question, t.regions.count(), q.MinRIRs)
	}
	return metRank, QuorumMet,
		fmt.Sprintf("the primary and %d of %d remotes agree, %d needed", t.corroborating, t.counted, required)
}

// resolverFault returns the first breach of the resolver rule among the primary
// and the remotes that count, or "". Members of one group stand for a single
// remote, so the resolvers of two of them are no pair.
func (q Quorum) resolverFault(primary perspectives.Perspective, groups [][]perspectives.Perspective) string {
	used := append([]perspectives.Perspective{primary}, slices.Concat(groups...)...)
	if !slices.ContainsFunc(used, func(p perspectives.Perspective) bool { return p.Resolver != nil }) {
		return "" // as far apart as the perspectives, and in their regions
	}
	group := make(map[string]int, len(used))
	for i, g := range groups {
		for _, p := range g {
			group[p.Name] = i + 1 // the primary stays in group 0
		}
	}
	faults := slices.DeleteFunc(q.resolverFaults(used), func(v Violation) bool {
		return v.Reason == ResolverDistance && group[v.A] == group[v.B]
	})
	if len(faults) == 0 {
		return ""
	}
	return faults[0].Detail
}
