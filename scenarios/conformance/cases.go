package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Case is one request and what must come of it.
type Case struct {
	// Group is the suite and what the case is about, such as "A caa deny".
	Group string `json:"group"`
	// Name is a sentence, unique within the group.
	Name string `json:"name"`
	// Knob names what implementations choose differently, and Differs how the
	// published suites expect something else; both empty as a rule. See the
	// package comment.
	Knob    string `json:"knob,omitempty"`
	Differs string `json:"differs,omitempty"`
	// Request is the body of POST /mpic.
	Request json.RawMessage `json:"request"`
	Want    Expectation     `json:"want"`
}

// Target returns the domain or IP address that the request is about.
func (c Case) Target() string {
	var r struct {
		Target string `json:"domain_or_ip_target"`
	}
	if err := json.Unmarshal(c.Request, &r); err != nil {
		return ""
	}
	return r.Target
}

// Expectation is what a response must say. Zero fields are not judged, unless
// they say otherwise.
type Expectation struct {
	// Status is the HTTP status; 0 means 200.
	Status int `json:"status,omitempty"`
	// Valid is is_valid of a response 200.
	Valid *bool `json:"is_valid,omitempty"`
	// Passed says how many perspectives have check_passed; if it is empty, all or
	// none as Valid says.
	Passed Share `json:"check_passed,omitempty"`
	// Perspectives is how many there are; with a primary in the service that has
	// failed, remotes that were not asked count as well.
	Perspectives int `json:"perspectives,omitempty"`
	// ErrorType is an error_type that some perspective must report.
	ErrorType string `json:"error_type,omitempty"`
	// CNAMEChain is the cname_chain of all perspectives.
	CNAMEChain []string `json:"cname_chain,omitempty"`
	// Error and IssueType are those of a response that is not 200.
	Error     string `json:"error,omitempty"`
	IssueType string `json:"issue_type,omitempty"`
}

// Share is how many of the perspectives.
type Share string

// The shares.
const (
	All  Share = "all"
	None Share = "none"
)

// Cases returns all cases in the order of their groups.
func Cases() []Case {
	return slices.Concat(caaCases(), smimeCases(), challengeCases(), websiteCases(), changeCases(),
		contactTXTCases(), contactCAACases(), addressCases(), awsCases(), containerCases(), knobCases())
}

// Groups returns the names of the groups in order.
func Groups(cases []Case) []string {
	var out []string
	for _, c := range cases {
		if !slices.Contains(out, c.Group) {
			out = append(out, c.Group)
		}
	}
	return out
}

// object is a JSON object.
type object = map[string]any

// caa is the body of a CAA check; parameters may be nil.
func caa(target string, parameters any) object {
	body := object{"domain_or_ip_target": target, "check_type": "caa"}
	if parameters != nil {
		body["caa_check_parameters"] = parameters
	}
	return body
}

// dcv is the body of a validation.
func dcv(target, method string, parameters object) object {
	parameters["validation_method"] = method
	return object{"domain_or_ip_target": target, "check_type": "dcv", "dcv_check_parameters": parameters}
}

// with returns body with another member.
func with(body object, name string, value any) object {
	body[name] = value
	return body
}

func issuers(domains ...string) object { return object{"caa_domains": domains} }

// expect is a case whose perspectives must all agree on valid.
func expect(group string, valid bool, body object, why string) Case {
	verb := "refuses"
	if valid {
		verb = "allows"
	}
	target, _ := body["domain_or_ip_target"].(string)
	return Case{
		Group: group, Name: fmt.Sprintf("%s %s: %s", verb, target, why),
		Request: text(body), Want: Expectation{Valid: &valid},
	}
}

func text(body object) json.RawMessage {
	out, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("conformance: a request that is no JSON: %v", err)) // our own literals
	}
	return out
}

// because marks a case as one on which implementations differ.
func (c Case) because(knob, differs string) Case {
	c.Knob, c.Differs = knob, differs
	return c
}

// erring adds the error type that some perspective must report.
func (c Case) erring(kind string) Case {
	c.Want.ErrorType = kind
	return c
}

// Open MPIC's error types that cases expect.
const (
	errorCAALookup = "mpic_error:caa_checker:lookup"
	errorDCVLookup = "mpic_error:dcv_checker:lookup"
	errorHTTP      = "mpic_error:http"
	errorRedirect  = "mpic_error:redirect:invalid"
)
