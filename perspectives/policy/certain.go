package policy

import "mpicsim/perspectives"

// Certain says whether the answers that are still to come cannot change what q
// makes of an attempt: the remotes for which open is true may yet say anything to
// each question, the votes of the others stand. The bits that are certain are
// Issue and Monitoring of the decision. Its Quorum, Reason and Detail are not: what
// arrives later can add corroborations, and turn one reason to refuse into another
// (TooFewCorroborations into TooFewRIRs).
//
// It is exact. Both bits are monotone in the votes: a further Pass adds to the
// corroborations of a question and to their RIR regions and takes nothing away, and
// whether the set is lawful does not depend on votes at all. So if all that are
// open pass and if none does are the two extremes, and they agree only if
// everything between them does.
//
// The errors are those of [Decide].
func Certain(q Quorum, a Attempt, open func(name string) bool) (bool, error) {
	worst, err := Decide(q, a.with(open, perspectives.Unanswered))
	if err != nil {
		return false, err
	}
	best, err := Decide(q, a.with(open, perspectives.Pass))
	if err != nil {
		return false, err
	}
	return worst.Issue == best.Issue && worst.Monitoring == best.Monitoring, nil
}

// with returns the attempt in which those for which open is true say v to
// everything. a is not changed.
func (a Attempt) with(open func(name string) bool, v perspectives.Verdict) Attempt {
	say := func(votes []Vote) []Vote {
		out := make([]Vote, len(votes))
		for i, vote := range votes {
			if open(vote.Perspective.Name) {
				vote.Verdict = v
			}
			out[i] = vote
		}
		return out
	}
	a.DCV, a.CAA = say(a.DCV), say(a.CAA)
	return a
}
