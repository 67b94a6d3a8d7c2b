package conformance_test

import (
	"net/http"
	"strings"
	"testing"

	"mpicsim/scenarios/conformance"
)

// FuzzJudge: whatever a service under test sends is judged, and a body that does not
// say whether the target is valid conforms to no case that expects an answer.
func FuzzJudge(f *testing.F) {
	for _, body := range []string{
		`{"is_valid":true,"perspectives":[{"perspective_code":"a","check_response":{"check_passed":true,"errors":null,"details":{"cname_chain":["x."]}}}]}`,
		`{"is_valid":false,"perspectives":[],"primary":{"check_response":{"errors":[{"error_type":"mpic_error:caa_checker:lookup"}]}}}`,
		`{"is_valid":null}`, `{"error":"request-validation-failed","validation_issues":[{"issue_type":"x"}]}`, `{}`, `[]`, `null`, ``, "\x00",
		`{"is_valid":true,"decision":{"reason":"quorum-met"},"perspectives":[{}]}`, `{"is_valid":1}`,
	} {
		f.Add(http.StatusOK, body)
		f.Add(http.StatusBadRequest, body)
	}
	cases := conformance.Cases()
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, c := range cases {
			faults := c.Want.Judge(status, []byte(body))
			answer := c.Want.Status == 0 || c.Want.Status == http.StatusOK
			if len(faults) == 0 && answer && (status != http.StatusOK || !strings.Contains(strings.ToLower(body), "is_valid") && !strings.Contains(body, `\`)) {
				t.Fatalf("%s %s: status %d, %q conforms", c.Group, c.Name, status, body)
			}
		}
	})
}
