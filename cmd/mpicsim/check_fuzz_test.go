package main

import (
	"bytes"
	"io"
	"testing"
	"unicode"
)

// FuzzShownAnswer: whatever a service answers is shown or refused, with an exit code
// of ours, and nothing in it reaches the terminal that is not a character.
func FuzzShownAnswer(f *testing.F) {
	for _, body := range []string{
		`{"is_valid":true,"domain_or_ip_target":"a.example","perspectives":[{"perspective_code":"a","check_response":{"check_completed":true,"check_passed":true,"details":{"records_seen":["0 issue \"ca.example\""],"resolved_ip":null}}}]}`,
		`{"is_valid":false,"perspectives":[{"perspective_code":"a\u001b[2J","check_response":{"errors":[{"error_message":"\u001b]0;x\u0007\r\nb: pass"}]}}],"primary":{"perspective_code":"\u009b1m"}}`,
		`{"is_valid":true,"decision":{"reason":"quorum-met\n","detail":"\u202e","clause":"\u0000"}}`,
		`{"error":"\u001b[31m","validation_issues":[{"message":"\t"},{"msg":"\n"}]}`, `{}`, `[]`, ``, "\xff", `{"is_valid":1}`,
		`{"is_valid":true,"perspectives":[{"check_response":{"details":{"response_page":"\u001b[2J","found_at":7}}}]}`,
	} {
		f.Add(200, body)
		f.Add(400, body)
		f.Add(500, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		var out bytes.Buffer
		err := showAnswer(testStreams(&out, io.Discard), checkFlags{}, status, []byte(body))
		if code := codeOf(err); code < exitDone || code > exitFault {
			t.Fatalf("exit code %d", code)
		}
		if err != nil {
			out.WriteString(err.Error())
		}
		for _, r := range out.String() {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("%q is shown as %q", body, out.String())
			}
		}
	})
}
