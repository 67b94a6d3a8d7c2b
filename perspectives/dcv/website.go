package dcv

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"mpicsim/perspectives"
)

// validationPath is the directory of website-change (BR 3.2.2.4.18).
const validationPath = "/.well-known/pki-validation/"

// websiteChange fetches a file below /.well-known/pki-validation from the domain
// or IP address, by http or https, and looks for the value in it
// (BR 3.2.2.4.18, 3.2.2.5.1). Redirects are those of http-01, and any 2xx status
// is right. The body must contain the value, and match the regular expression if
// there is one: within the first MaxBody octets, fewer where the expression expands
// to more instructions than can search them ([perspectives.MaxRegexWork]). What is found must not have been in the request: the check's own
// is judged before, redirects on the way, a match of the expression at the end.
func (v *validation) websiteChange(ctx context.Context) perspectives.Outcome {
	d := v.check.DCV
	w := website{value: d.ChallengeValue, ignoreCase: d.IgnoreCase}
	limit := v.o.MaxBody
	if d.MatchRegex != "" {
		pattern, err := perspectives.CompilePattern(d.MatchRegex)
		if err != nil {
			return v.broken(ReasonInvalidCheck, "%v", err)
		}
		w.pattern, limit = pattern, min(limit, pattern.MaxText())
	}
	start := &url.URL{Scheme: "http", Host: v.urlHost(), Path: validationPath + d.HTTPTokenPath}
	if d.URLScheme != "" {
		start.Scheme = d.URLScheme
	}
	resp, at, end := v.follow(ctx, start, fetch{limit: limit, enough: w.enough, refuse: w.refuse})
	if end == nil {
		end = v.judgeStatus(at, resp)
	}
	if end == nil && w.pattern != nil && ctx.Err() != nil { // nobody waits for the search
		end = new(v.unreachable(ctx.Err(), "searching what %s has: %v", at, ctx.Err()))
	}
	if end != nil {
		return *end
	}
	return v.judgeWebsite(w, at, resp)
}

func (v *validation) judgeWebsite(w website, at *url.URL, resp *response) perspectives.Outcome {
	offset := w.find([]byte(resp.body))
	if offset < 0 {
		return v.failed(ReasonValueNotFound, "%s has %s, expected the value %q", at, resp.quoted(), w.value)
	}
	found := resp.body[offset : offset+len(w.value)]
	if w.pattern != nil {
		match, err := w.pattern.Find(resp.body)
		if err != nil {
			return v.broken(ReasonInvalidCheck, "%v", err)
		}
		// A match that ends where the body was cut may be none in the whole of it.
		if match == nil || resp.cut && match[1] == len(resp.body) {
			return v.failed(ReasonValueNotFound, "%s has %s, expected a match of %q", at, resp.quoted(), w.pattern)
		}
		if w.value == "" {
			offset, found = match[0], resp.body[match[0]:match[1]]
			if found != "" && inURL(at, found, false) {
				return v.failed(ReasonValueInRequest, "%s has %q, which is in the request itself", at, found)
			}
		}
	}
	shown := found[:min(len(found), maxQuoted)]
	last := &v.evidence[len(v.evidence)-1]
	last.Answer = append(last.Answer, fmt.Sprintf("octet %d: %s", offset+1, strconv.QuoteToASCII(shown)))
	return v.passed(ReasonValueFound, "%s has the value", at)
}

// website is what website-change looks for.
type website struct {
	value      string
	ignoreCase bool
	pattern    *perspectives.Pattern // nil if there is none

	// want is the value, and low the body as far as it is known, both in lower case if
	// case is ignored.
	want, low []byte
}

// find returns the offset of the value in body, -1 if it is not there.
func (w *website) find(body []byte) int { return w.findFrom(body, 0) }

// findFrom is find if the value is known not to end within the first seen octets, which
// are those of the last call.
func (w *website) findFrom(body []byte, seen int) int {
	if w.want == nil {
		w.want = []byte(w.value)
		if w.ignoreCase {
			w.want = lowerASCII(w.want)
		}
	}
	if w.ignoreCase {
		if seen == 0 {
			w.low = nil
		}
		w.low = append(w.low, lowerASCII(body[len(w.low):])...)
		body = w.low
	}
	start := max(0, seen-max(0, len(w.value)-1))
	at := bytes.Index(body[start:], w.want)
	if at < 0 {
		return -1
	}
	return start + at
}

func lowerASCII(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// enough says that the value is there. An expression may depend on what comes
// after it.
func (w *website) enough(body []byte, seen int) bool {
	return w.pattern == nil && w.findFrom(body, seen) >= 0
}

// refuse keeps the value out of the request that a redirect asks for.
func (w *website) refuse(target *url.URL) error {
	if w.value != "" && inURL(target, w.value, w.ignoreCase) {
		return fmt.Errorf("the request would have the value itself")
	}
	return nil
}

// inURL says whether value is in u as it is sent, or with its escapes undone.
func inURL(u *url.URL, value string, ignoreCase bool) bool {
	forms := []string{u.String(), u.Path}
	if q, err := url.QueryUnescape(u.RawQuery); err == nil {
		forms = append(forms, q)
	}
	return perspectives.Contains(strings.Join(forms, "\n"), value, ignoreCase)
}
