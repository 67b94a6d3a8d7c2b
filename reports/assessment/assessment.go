// Package assessment judges one CA's MPIC deployment: whether it complies with
// the Baseline Requirements on given days, and, from the hijacks of a study, what
// its quorum withstands and what would improve it.
//
// Modelled: the rules of BR 3.2.2.9 on the number, distance and RIR regions of
// perspectives and their resolvers by effective date; whether the CA's own quorum
// rule accepts nothing that they refuse ([policy.Counterexample]); and the days from
// which validation methods are discouraged or banned. What no program can see from a
// description, such as hosting and whether stated places are true, is listed as not
// examined ([NotExamined]), and what cannot be true as stated as a doubt ([Doubts]).
package assessment

import (
	"mpicsim/perspectives"
	"mpicsim/perspectives/policy"
	"mpicsim/reports/resilience"
	"mpicsim/scenarios/result"
)

// Schema names the version of [Assessment]'s JSON form.
const Schema = "mpicsim/assessment/v2"

// Assessment is what a deployment came to.
type Assessment struct {
	Schema  string `json:"schema"`
	Version string `json:"version"` // of the program
	Name    string `json:"name"`
	Title   string `json:"title,omitempty"`
	// Date is the day of the assessment, YYYY-MM-DD.
	Date   string `json:"date"`
	Inputs Inputs `json:"inputs"`
	// Perspectives are the primary, then the remotes as configured.
	Perspectives []Perspective `json:"perspectives"`
	// Doubts are what is hardly true as stated.
	Doubts []Doubt `json:"doubts"`
	// Compliance is by day: that of the assessment, then each on which a stricter
	// rule takes effect or a method that is used is banned.
	Compliance []Compliance `json:"compliance"`
	// NotExamined are the requirements that compliance says nothing about.
	NotExamined []Unexamined `json:"not_examined"`
	Methods     []Method     `json:"methods"`
	// Attacks are the resilience by shape of attack.
	Attacks []Attack `json:"attacks"`
	// Failures is what Benign rests on.
	Failures resilience.Failures `json:"failures"`
	// Verdict is what the exit code says.
	Verdict Verdict `json:"verdict"`
}

// Inputs are what the result rests on.
type Inputs struct {
	Topology result.Topology `json:"topology"`
	TieBreak string          `json:"tie_break"`
	Seed     uint64          `json:"seed"`
	Egress   string          `json:"egress"`
	// Policies are what ASes do beyond Gao-Rexford, RPKI what they judge by, and
	// Prefixes which prefix each victim announces; absent if there are no policies.
	Policies  []result.RoutingPolicy `json:"policies,omitempty"`
	RPKI      *result.RPKI           `json:"rpki,omitempty"`
	Prefixes  string                 `json:"prefixes,omitempty"`
	Victims   result.Selection       `json:"victims"`
	Attackers result.Selection       `json:"attackers"`
	Hijacks   int64                  `json:"hijacks"`
	Candidate int                    `json:"candidates"` // regions that could be added
}

// Perspective is one of the deployment's.
type Perspective struct {
	perspectives.Perspective
	Primary bool `json:"primary"`
	// Nearest is the perspective nearest to it, NearestKm how far that is.
	Nearest   string  `json:"nearest,omitempty"`
	NearestKm float64 `json:"nearest_km,omitempty"`
}

// Compliance is how a deployment stands to a rule.
type Compliance struct {
	// From is the first day of the rule, or the day of the assessment.
	From         string             `json:"from"`
	Rule         string             `json:"rule"`
	Clause       string             `json:"clause"`
	Compliant    bool               `json:"compliant"`
	Requirements []Requirement      `json:"requirements"`
	Violations   []policy.Violation `json:"violations,omitempty"`
	// Own is how the CA's own rule stands to this one, OwnCAA the one that it applies
	// to CAA checks; nil if that is the same.
	Own    OwnRule  `json:"own_rule"`
	OwnCAA *OwnRule `json:"own_caa_rule,omitempty"`
}

// NeverIssues says why the set can never meet the CA's own rules, "" if it can.
func (c Compliance) NeverIssues() string {
	if c.Own.NeverIssues == "" && c.OwnCAA != nil {
		return c.OwnCAA.NeverIssues
	}
	return c.Own.NeverIssues
}

// OwnRule is the quorum rule that the CA applies on a day.
type OwnRule struct {
	Name string `json:"name"`
	// NeverIssues says why the set can never meet it; empty if it can.
	NeverIssues string `json:"never_issues,omitempty"`
	// Counterexample is an attempt on which it issues although the BR refuse; nil if
	// there is none.
	Counterexample *policy.Breach `json:"counterexample"`
}

// Requirement is one demand of a rule.
type Requirement struct {
	What  string `json:"what"`
	Found string `json:"found"`
	Want  string `json:"want"`
	Met   bool   `json:"met"`
}

// Method is a validation method that the CA uses.
type Method struct {
	Method      perspectives.Method `json:"method"`
	Section     string              `json:"section"`
	Discouraged string              `json:"discouraged_from,omitempty"`
	Banned      string              `json:"banned_from,omitempty"`
	Allowed     bool                `json:"allowed"` // on the day of the assessment
}

// Attack is the resilience against one shape of attack.
type Attack struct {
	Attack string `json:"attack"`
	// Rules are the CA's own rule first, then the phases of the BR.
	Rules []Rule `json:"rules"`
	// Weakest are the victims with the least resilience under the CA's own rule,
	// Strongest the attackers who succeed most.
	Weakest   []resilience.Victim   `json:"weakest"`
	Strongest []resilience.Attacker `json:"strongest"`
	// Additions are the best one and the best two regions to add, under
	// AdditionsRule: the CA's own if that is the table of the BR, else the BR's of
	// the day; nil if it asks no remotes.
	Additions     []*resilience.Best `json:"additions,omitempty"`
	AdditionsRule string             `json:"additions_rule,omitempty"`
}

// Rule is what one rule would make of the deployment.
type Rule struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	Own  bool   `json:"own"`
	// Issues is false if the deployment could not issue at all under the rule, and
	// NeverIssues says why: then there is nothing that it withstands, and Result and
	// Benign are nil.
	Issues      bool                `json:"issues"`
	NeverIssues string              `json:"never_issues,omitempty"`
	Needs       string              `json:"needs,omitempty"`
	Result      *resilience.Outcome `json:"result"`
	Benign      *resilience.Benign  `json:"benign"`
}
