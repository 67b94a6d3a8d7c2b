package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// response is what is judged of a body, in both spellings of Open MPIC's API.
type response struct {
	Valid        *bool         `json:"is_valid"`
	Perspectives []perspective `json:"perspectives"`
	// Primary is what services report that have a primary: it is no perspective
	// in Open MPIC's sense, but its errors are errors.
	Primary *perspective `json:"primary"`
	// Decision says why, where a service does.
	Decision *struct {
		Reason string `json:"reason"`
		Detail string `json:"detail"`
	} `json:"decision"`
	Error  string `json:"error"`
	Issues []struct {
		Type string `json:"issue_type"`
	} `json:"validation_issues"`
}

type perspective struct {
	Code  string `json:"perspective_code"`
	Check struct {
		Passed *bool `json:"check_passed"`
		Errors []struct {
			Type string `json:"error_type"`
		} `json:"errors"`
		Details struct {
			Chain []string `json:"cname_chain"`
		} `json:"details"`
	} `json:"check_response"`
}

// Judge compares a response with what is wanted. It returns a sentence for each
// difference, none if the response conforms.
func (e Expectation) Judge(status int, body []byte) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	want := e.Status
	if want == 0 {
		want = http.StatusOK
	}
	if status != want {
		fault("status %d, expected %d", status, want)
	}
	var r response
	if err := json.Unmarshal(body, &r); err != nil {
		fault("the body is no response of Open MPIC's API: %v", err)
		return faults
	}
	if status != http.StatusOK || want != http.StatusOK {
		return append(faults, e.judgeError(r)...)
	}
	switch {
	case r.Valid == nil:
		fault("no is_valid")
	case e.Valid != nil && *r.Valid != *e.Valid:
		fault("is_valid %t, expected %t%s", *r.Valid, *e.Valid, r.why())
	}
	if e.Perspectives > 0 && len(r.Perspectives) != e.Perspectives {
		fault("%d perspectives, expected %d", len(r.Perspectives), e.Perspectives)
	}
	return append(append(faults, e.judgeShare(r)...), e.judgeDetails(r)...)
}

// why repeats the reasons that a response gives.
func (r response) why() string {
	if r.Decision != nil {
		return fmt.Sprintf(" (%s: %s)", r.Decision.Reason, r.Decision.Detail)
	}
	if types := r.errorTypes(); len(types) > 0 {
		return " (" + strings.Join(types, ", ") + ")"
	}
	return ""
}

func (e Expectation) judgeError(r response) (faults []string) {
	if e.Error != "" && r.Error != e.Error {
		faults = append(faults, fmt.Sprintf("error %q, expected %q", r.Error, e.Error))
	}
	if e.IssueType == "" {
		return faults
	}
	var found []string
	for _, i := range r.Issues {
		found = append(found, i.Type)
	}
	if !slices.Contains(found, e.IssueType) {
		faults = append(faults, fmt.Sprintf("issue types %q, expected %q among them", found, e.IssueType))
	}
	return faults
}

// judgeShare: in a world without hijacks all perspectives see the same.
func (e Expectation) judgeShare(r response) []string {
	share := e.Passed
	if share == "" && e.Valid != nil {
		share = None
		if *e.Valid {
			share = All
		}
	}
	if share == "" {
		return nil
	}
	passed := 0
	for _, p := range r.Perspectives {
		if p.Check.Passed != nil && *p.Check.Passed {
			passed++
		}
	}
	if share == All && (passed < len(r.Perspectives) || passed == 0) || share == None && passed > 0 {
		return []string{fmt.Sprintf("check_passed in %d of %d perspectives, expected in %s", passed, len(r.Perspectives), share)}
	}
	return nil
}

func (r response) all() []perspective {
	if r.Primary == nil {
		return r.Perspectives
	}
	return append([]perspective{*r.Primary}, r.Perspectives...)
}

func (r response) errorTypes() []string {
	var out []string
	for _, p := range r.all() {
		for _, e := range p.Check.Errors {
			if !slices.Contains(out, e.Type) {
				out = append(out, e.Type)
			}
		}
	}
	return out
}

func (e Expectation) judgeDetails(r response) (faults []string) {
	if found := r.errorTypes(); e.ErrorType != "" && !slices.Contains(found, e.ErrorType) {
		faults = append(faults, fmt.Sprintf("error types %q, expected %q among them", found, e.ErrorType))
	}
	if e.CNAMEChain == nil {
		return faults
	}
	for _, p := range r.Perspectives {
		if !slices.EqualFunc(p.Check.Details.Chain, e.CNAMEChain, strings.EqualFold) {
			faults = append(faults, fmt.Sprintf("cname_chain %q of %s, expected %q", p.Check.Details.Chain, p.Code, e.CNAMEChain))
		}
	}
	return faults
}
