package assessment

import (
	"time"

	"mpicsim/perspectives/policy"
)

// Unexamined is a requirement on a deployment that its description says nothing
// about: the CA has to look for itself.
type Unexamined struct {
	// Clause is where the BR have it on the day of the assessment.
	Clause string `json:"clause"`
	// Level is how strongly: MUST, SHOULD, or MAY for a permission that must not be
	// overdrawn.
	Level string `json:"level"`
	What  string `json:"what"`
}

// unexamined is a row of the table: the days on which a requirement stands in a
// clause, until being the first on which it does no more.
type unexamined struct {
	from, until string // YYYY-MM-DD, empty for always
	Unexamined
}

// NotExamined returns what the BR ask of an MPIC deployment on a day beyond what
// [Deployment.On] looks at: BR 3.2.2.9 sentence by sentence, then the sections
// around it that it depends on.
func NotExamined(day time.Time) []Unexamined {
	today := day.UTC().Format(time.DateOnly)
	list := []Unexamined{}
	for _, r := range unexaminedRows() {
		if (r.from == "" || today >= r.from) && (r.until == "" || today < r.until) {
			list = append(list, r.Unexamined)
		}
	}
	return list
}

func unexaminedRows() []unexamined {
	const (
		mpic   = "BR 3.2.2.9"
		must   = "MUST"
		should = "SHOULD"
		may    = "MAY"
	)
	start := policy.Phases()[0].Effective.Format(time.DateOnly)
	since := func(from, until, clause, level, what string) unexamined {
		return unexamined{from, until, Unexamined{clause, level, what}}
	}
	return []unexamined{
		since(start, "", mpic, must, "the CA asks all of these remotes for each attempt, for domain validation and for CAA, and applies its rules as it says"),
		since(start, "", mpic, must, "perspectives and resolvers stand where the description says: where unencapsulated traffic is first handed off (BR 1.6.1)"),
		since(start, "", mpic, must, "remotes and the CA talk through an authenticated and encrypted channel of a modern protocol"),
		since(start, "", mpic, must, "what a remote returns lets the CA assess the challenge and the CAA authority for itself"),
		since(start, "", mpic, must, "no result of one perspective is reused or cached for another, by a shared DNS cache for example"),
		since(start, "", mpic, must, "a new attempt relies on no corroboration of an earlier one"),
		since(start, "", mpic, must, "the networks that host remotes mitigate BGP routing incidents"),
		since(start, "", mpic, should, "hosting: certified facilities and reports, intrusion detection, vulnerability scans, penetration tests, patches, accounts with a second factor, minimal boundary rules"),
		since(start, "", mpic, should, "hosting networks take part in SIDR and filter by it (RFC 6480, RFC 6811), prevent leaks (RFC 9234), follow BCP 194"),
		since(start, "", mpic, may, "CAA corroborations are reused for the same applicant for no more than 398 days"),
		since(start, "", mpic, may, "there is reasonable evidence for remotes that a third party runs"),
		since("", "", "BR 1.3.2", must, "the primary, its DNS lookups included, is not delegated to a third party"),
		since("", "", "BR 3.2.2.4, 3.2.2.5", must, "each validation method is carried out as its section says; methods that the description leaves out"),
		since("", "2026-11-15", "BR 3.2.2.4", must, "the Authorization Domain Name is derived from the name applied for as the definitions of the day allow"),
		since("2026-11-15", "", "BR 3.2.2.4", must, "the Authorization Domain Name is derived by the steps and the table of the section, for each method"),
		since("", "2026-06-16", "BR 3.2.2.8", must, "CAA records are processed for each name, at each perspective; lookup failures permit only under the three conditions"),
		since("2026-06-16", "", "BR 4.2.2.1, 4.2.2.1.1", must, "CAA records are processed for each name, at each perspective; lookup failures permit only under the three conditions"),
		since("2026-06-16", "2027-03-15", "BR 4.2.2.1.2", should, "the CAA parameters accounturi and validationmethods are processed (RFC 8657)"),
		since("2027-03-15", "", "BR 4.2.2.1.2", must, "the CAA parameters accounturi and validationmethods are processed (RFC 8657)"),
		since("2026-03-15", "2026-06-16", "BR 3.2.2.4, 3.2.2.8.1", must, "the primary validates DNSSEC to the IANA root for every DNS query, and no error of it permits; remotes MAY"),
		since("2026-06-16", "2026-09-07", "BR 3.2.2.4, 4.2.2.1.3", must, "the primary validates DNSSEC to the IANA root for every DNS query, and no error of it permits; remotes MAY"),
		since("2026-09-07", "", "BR 4.2.2.2", must, "the primary validates DNSSEC to the IANA root for every DNS query, and no error of it permits; remotes MAY; the CA keeps evidence that it does"),
		since("", "", "BR 4.2.1", must, "validations are reused only as long as the day allows"),
		since("", "2026-07-15", "BR 5.4.1(2)", must, "the log has each perspective's identifier, target and result, and the quorum as k/n"),
		since("2026-07-15", "", "BR 5.4.1(2)", must, "the log has each perspective's identifier, target and result, the quorum as k/n, what was validated, the Authorization Domain Name if another, and the method"),
		since("", "", "BR 5.4.3", must, "these records are kept for two years"),
	}
}
