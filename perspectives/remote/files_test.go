package remote_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
	"mpicsim/perspectives/remote"
)

// TestReadJSON: what a configuration says twice, or in another case, it does not
// say; the error has the place.
func TestReadJSON(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing wrong":   {"{\n \"roots_file\": \"a\"\n}", ""},
		"twice":           {"{\n \"key_file\": \"a\",\n \"key_file\": \"b\"\n}", `:3:2: names "key_file" and "key_file" differ in nothing but case`},
		"in another case": {"{\n \"Key_File\": \"a\"}", `:2:2: found field "Key_File", expected "key_file"`},
		"deep inside":     {"{\"remotes\": [{}, {\"url\": \"a\",\n \"url\": \"b\"}]}", `:2:2: names "url" and "url"`},
		"an unknown one":  {"{\n  \"kye_file\": \"a\"}", `:2:3: field "kye_file" is unknown`},
		"a surrogate":     {`{"key_file": "\ud800"}`, `:1:14: found the lone surrogate \ud800`},
		"not UTF-8":       {"{\"key_file\": \"\xff\"}", `:1:15: not valid UTF-8`},
		"another type":    {`{"key_file": 7}`, `field key_file: found a number`},
		"trailing data":   {"{}\n{}", ":2:1: invalid character '{' after top-level value"},
		"half":            {"{\n\"key_file\"", ":2:10: unexpected end of JSON input"},
		"nothing":         {"", ":1:1: unexpected end of JSON input"},
		"a list":          {"[]", `expected an object`},
		"too much":        {strings.Repeat(" ", 17<<20) + "{}", "more than 16777216 octets"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			path := filepath.Join(t.TempDir(), "remotes.json")
			g.Expect(os.WriteFile(path, []byte(tc.text), 0o600)).To(Succeed())
			var f remote.RemotesFile
			err := remote.ReadJSON(path, &f)
			if tc.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(And(HavePrefix(path), ContainSubstring(tc.want))))
		})
	}
}

// TestHostileRequestsCost: 64 KiB from a partner cost at most 100 ms of processor
// time and 4 MiB, and are refused as what they are.
func TestHostileRequestsCost(t *testing.T) {
	const size = 60 << 10
	many := func(form string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, form, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	w := start(t)
	for name, tc := range map[string]struct {
		path, body string
		status     int
	}{
		"members":          {remote.PathCheck, `{` + many(`"%d":0,`) + `}`, 400},
		"nested":           {remote.PathCheck, `{"check":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + `}`, 400},
		"a long trace":     {remote.PathCheck, `{"trace_identifier":"` + strings.Repeat("t", size) + `"}`, 400},
		"an unknown one":   {remote.PathCheck, `{"check":{"x":"` + strings.Repeat("t", size) + `"}}`, 400},
		"another case":     {remote.PathOpenMPICCAA, `{"Domain_or_IP_target":"a.example"}`, 400},
		"twice":            {remote.PathOpenMPICCAA, `{"domain_or_ip_target":"a.example","domain_or_ip_target":"b.example"}`, 400},
		"a long target":    {remote.PathOpenMPICCAA, `{"domain_or_ip_target":"` + strings.Repeat("a.", size/2) + `example"}`, 400},
		"many issuers":     {remote.PathOpenMPICCAA, `{"domain_or_ip_target":"a.example","caa_check_parameters":{"caa_domains":[` + many(`"%d.example",`) + `]}}`, 400},
		"an expression":    {remote.PathOpenMPICDCV, `{"domain_or_ip_target":"example.com","dcv_check_parameters":{"validation_method":"website-change","http_token_path":"x","match_regex":"(?:` + strings.Repeat("ab|", 60) + `x){1000}"}}`, 400},
		"Unicode classes":  {remote.PathOpenMPICDCV, `{"domain_or_ip_target":"example.com","dcv_check_parameters":{"validation_method":"website-change","http_token_path":"x","match_regex":"` + strings.Repeat(`\\pL`, size/4) + `"}}`, 400},
		"a lone surrogate": {remote.PathOpenMPICDCV, `{"domain_or_ip_target":"\ud800"}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			costtest.AtMost(t, costtest.Cost{CPU: 100 * time.Millisecond, Allocated: 4 << 20}, func() {
				if status := w.direct(tc.path, []byte(tc.body)); status != tc.status {
					t.Errorf("status %d, expected %d", status, tc.status)
				}
			})
		})
	}
	w.g.Expect(len(w.logs.String())).To(BeNumerically("<", 64<<10), "records do not grow with what was sent")
}
