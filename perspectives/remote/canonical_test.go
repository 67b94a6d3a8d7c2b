package remote_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/costtest"
	"mpicsim/perspectives/remote"
)

// TestCanonical: the form of RFC 8785, and what has none.
func TestCanonical(t *testing.T) {
	for name, tc := range map[string]struct{ in, want, err string }{
		"empty":              {` { } `, `{}`, ""},
		"literals":           {`{"l":[null, true,false, {}, [] ]}`, `{"l":[null,true,false,{},[]]}`, ""},
		"order":              {`{"b":1,"a":{"d":2,"c":3}}`, `{"a":{"c":3,"d":2},"b":1}`, ""},
		"order of UTF-16":    {`{"\ufb33":1,"😀":2,"\u20ac":3,"ö":4,"1":5,"\r":6,"\u0080":7}`, "{\"\\r\":6,\"1\":5,\"\u0080\":7,\"ö\":4,\"€\":3,\"😀\":2,\"\ufb33\":1}", ""}, // RFC 8785 3.2.3
		"strings":            {`{"s":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}`, `{"s":"€$\u000f\nA'B\"\\\\\"/"}`, ""},                                              // RFC 8785 3.2.2.2
		"short escapes":      {`{"s":"\b\t\n\u000b\f\r\u001f\u007f<&\u2028"}`, "{\"s\":\"\\b\\t\\n\\u000b\\f\\r\\u001f\u007f<&\u2028\"}", ""},
		"greatest integer":   {`{"n":9007199254740991,"m":-9007199254740991,"z":0}`, `{"m":-9007199254740991,"n":9007199254740991,"z":0}`, ""},
		"a greater one":      {`{"n":9007199254740992}`, "", "expected an integer within"},
		"a lesser one":       {`{"n":-9007199254740992}`, "", "expected an integer within"},
		"minus zero":         {`{"n":-0}`, "", "expected an integer within"},
		"a fraction":         {`{"n":1.0}`, "", "expected an integer within"},
		"an exponent":        {`{"n":1e3}`, "", "expected an integer within"},
		"a name twice":       {`{"a":1,"a":2}`, "", `"a" and "a" differ in nothing but case`},
		"a name in two ways": {`{"a":1,"\u0041":2}`, "", `"a" and "A"`},
		"a long s":           {`{"s":1,"ſ":2}`, "", `"s" and "ſ"`},
		"the same elsewhere": {`{"a":{"a":1},"b":{"a":1}}`, `{"a":{"a":1},"b":{"a":1}}`, ""},
		"32 levels":          {strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31), strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31), ""},
		"33 levels":          {strings.Repeat(`{"a":`, 32) + `{}` + strings.Repeat(`}`, 32), "", "more than 32 levels"},
		"33 levels of lists": {`{"a":` + strings.Repeat(`[`, 32) + strings.Repeat(`]`, 32) + `}`, "", "more than 32 levels"},
		"not UTF-8":          {"{\"a\":\"\xff\"}", "", "UTF-8"},
		"a surrogate pair":   {`{"a":"\ud83d\ude00"}`, `{"a":"😀"}`, ""},
		"U+FFFD itself":      {`{"a":"\ufffd"}`, "{\"a\":\"\ufffd\"}", ""},
		"a high surrogate":   {`{"a":"\ud800"}`, "", `lone surrogate \ud800`},
		"a low surrogate":    {`{"a":"\udc00x"}`, "", `lone surrogate \udc00`},
		"the wrong order":    {`{"a":"\ude00\ud83d"}`, "", `lone surrogate \ude00`},
		"one and a half":     {`{"a":"\ud83d\ude00\ud83d"}`, "", `lone surrogate \ud83d`},
		"one before another": {`{"a":"\ud83d\u0041"}`, "", `lone surrogate \ud83d`},
		"one in a name":      {`{"\udfff":1}`, "", `lone surrogate \udfff`},
		"CESU-8":             {"{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}", "", "UTF-8"},
		"an array":           {`[]`, "", "expected an object"},
		"a string":           {`"a"`, "", "expected an object"},
		"nothing":            {``, "", "unexpected end of JSON input"},
		"half of it":         {`{"a":`, "", "unexpected end of JSON input"},
		"more than it":       {`{}{}`, "", "after top-level value"},
		"no JSON":            {`{a:1}`, "", "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := remote.Canonical([]byte(tc.in))
			if tc.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(tc.err)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(got)).To(Equal(tc.want))
			again, err := remote.Canonical(got)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(again).To(Equal(got), "it is its own canonical form")
		})
	}
	g := NewWithT(t)
	got, err := remote.Canonical([]byte(`{"signature":1,"a":{"signature":2}}`), "signature")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(got)).To(Equal(`{"a":{"signature":2}}`), "of the outermost object only")
}

// TestOnlyTextIsSigned: a string that is not UTF-8 is signed by nobody, and asked of
// nobody; evidence is repaired before.
func TestOnlyTextIsSigned(t *testing.T) {
	g := NewWithT(t)
	_, key := newKey(t)
	for _, broken := range []string{"\xff", "a\xed\xa0\x80", `\\` + "\xc0"} {
		_, err := remote.Answer{TraceIdentifier: broken}.Sign(key)
		g.Expect(err).To(MatchError(ContainSubstring("not valid UTF-8")), "%q", broken)
	}
	for _, whole := range []string{"\ufffd", `\ufffd`, `\\ufffd`, "\u2028<&>"} {
		_, err := remote.Answer{TraceIdentifier: whole}.Sign(key)
		g.Expect(err).NotTo(HaveOccurred(), "%q", whole)
	}
	w := start(t)
	w.runner.says = func(_ context.Context, _ perspectives.Check, r *perspectives.Result) { r.DCV.Detail = "found \xff" }
	c := check()
	r := w.dial().Run(t.Context(), c)
	g.Expect(reasonOf(r)).To(Equal("an answer"))
	g.Expect(r.DCV.Detail).To(Equal("found \ufffd"))
	c.KeyAuthorization += "\xff"
	g.Expect(reasonOf(w.dial().Run(t.Context(), c))).To(Equal(remote.ReasonBadRequest))
}

// TestVector is the one of docs/protocol.md, which must hold what is computed.
func TestVector(t *testing.T) {
	g := NewWithT(t)
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	q := request(1)
	q.TraceIdentifier = ""
	q.Check = perspectives.Check{Domain: "example.com", Questions: perspectives.OnlyCAA, IssuerDomains: []string{"ca.example"}}
	body, err := json.Marshal(q)
	g.Expect(err).NotTo(HaveOccurred())
	signed := answerTo(t, body, key, func(*remote.Answer) {})
	canonical, err := remote.Canonical(signed, "signature")
	g.Expect(err).NotTo(HaveOccurred())
	var a remote.Answer
	g.Expect(json.Unmarshal(signed, &a)).To(Succeed())
	g.Expect(hex.EncodeToString(a.KeyID)).To(Equal("fe812c12f3ab4ce6ac5db69ac352f906cb1b11ef43fb33e252ef7ff552263889"), "as openssl says")
	page, err := os.ReadFile("../../docs/protocol.md")
	g.Expect(err).NotTo(HaveOccurred())
	public, err := remote.Base64(key.Public().(ed25519.PublicKey)).MarshalText()
	g.Expect(err).NotTo(HaveOccurred())
	signature, err := a.Signature.MarshalText()
	g.Expect(err).NotTo(HaveOccurred())
	for _, part := range []string{string(public), string(body), string(canonical), string(signature)} {
		g.Expect(string(page)).To(ContainSubstring("\n" + part + "\n"))
	}
}

// TestProtocolPageNamesAllCodes: those of refusals and those of clients.
func TestProtocolPageNamesAllCodes(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/protocol.md")
	g.Expect(err).NotTo(HaveOccurred())
	var described struct {
		Components struct {
			Schemas struct {
				Refusal struct {
					Properties struct {
						Code struct {
							Enum []string `json:"enum"`
						} `json:"code"`
					} `json:"properties"`
				} `json:"Refusal"`
			} `json:"schemas"`
		} `json:"components"`
	}
	g.Expect(json.Unmarshal(remote.OpenAPI(), &described)).To(Succeed())
	codes := described.Components.Schemas.Refusal.Properties.Code.Enum
	g.Expect(len(codes)).To(BeNumerically(">", 10))
	for _, code := range append(
		codes, remote.ReasonBadAnswer, remote.ReasonWrongVersion, remote.ReasonBadSignature, remote.ReasonWrongPerspective,
		remote.ReasonWrongRegion, remote.ReasonReplayed, remote.ReasonWrongRequest, remote.ReasonWrongQuestions,
		remote.ReasonClockSkew, remote.ReasonMissingVerdict, remote.ReasonUnaskedVerdict, remote.ReasonUnreachable,
		remote.ReasonTimeout, remote.ReasonCancelled, remote.ReasonAuthentication, remote.ReasonRefused,
		remote.ReasonTooLarge, remote.ReasonBadRequest,
	) {
		g.Expect(string(page)).To(ContainSubstring("`" + code + "`"))
	}
}

// cheap is what a text from outside may cost: in proportion to its length, with room
// for a busy machine.
func cheap(text []byte) costtest.Cost {
	return costtest.Cost{CPU: 300*time.Millisecond + time.Duration(len(text))*5*time.Microsecond, Allocated: 2<<20 + 512*uint64(len(text))}
}

// FuzzCanonical: a canonical form is its own, says the same, and costs little.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,-1,true,false,null,"x\u0000\ud83d\ude00"],"b":{"c":{}}}`, `{"a":1,"A":2}`, `{"n":1.5}`, `[]`, `{"a":`, `{} x`, "{\"\xff\":1}", `{"s":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got []byte
		var err error
		costtest.AtMost(t, cheap(data), func() { got, err = remote.Canonical(data) })
		if err != nil {
			return
		}
		again, err := remote.Canonical(got)
		if err != nil || !bytes.Equal(got, again) {
			t.Fatalf("%q gives %q gives %q, %v", data, got, again, err)
		}
		var a, b any
		if err := json.Unmarshal(data, &a); err != nil {
			t.Fatalf("%q has a canonical form but is no JSON: %v", data, err)
		}
		if err := json.Unmarshal(got, &b); err != nil {
			t.Fatal(err)
		}
		NewWithT(t).Expect(b).To(Equal(a))
	})
}

// FuzzVerify: what is not signed is never taken, and costs little.
func FuzzVerify(f *testing.F) {
	public, private := newKey(f)
	body, err := json.Marshal(request(1))
	if err != nil {
		f.Fatal(err)
	}
	signed := answerTo(f, body, private, func(*remote.Answer) {})
	original, err := remote.Canonical(signed)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{signed, []byte(`{}`), []byte(`{"api_version":"1"}`), []byte(`{"api_version":1}`), []byte("[]"), {}} {
		f.Add(seed)
	}
	expected := remote.Expected{Perspective: fra(), Key: public, Request: body, Sent: epoch(), Received: epoch()}
	f.Fuzz(func(t *testing.T, data []byte) {
		var err error
		costtest.AtMost(t, cheap(data), func() { _, err = expected.Verify(data) })
		if err == nil {
			if canonical, _ := remote.Canonical(data); !bytes.Equal(canonical, original) {
				t.Fatalf("taken: %q", data)
			}
		}
	})
}

// FuzzRequest: no request is the server's own fault, or costs much.
func FuzzRequest(f *testing.F) {
	w := start(f)
	good, err := json.Marshal(request(1))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{remote.PathCheck, remote.PathOpenMPICDCV, remote.PathOpenMPICCAA} {
		for _, seed := range []string{
			string(good), `{}`, `{"check":{}}`, `[]`, `{"domain_or_ip_target":"example.com","dcv_check_parameters":{"validation_method":"acme-dns-01","key_authorization_hash":"00"}}`,
			`{"domain_or_ip_target":"example.com","caa_check_parameters":null}`, `{"domain_or_ip_target":null,"dcv_check_parameters":{"http_headers":null}}`,
		} {
			f.Add(path, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		if path != remote.PathCheck && path != remote.PathOpenMPICDCV && path != remote.PathOpenMPICCAA {
			return
		}
		status := 0
		costtest.AtMost(t, cheap(body), func() { status = w.direct(path, body) })
		if status == 500 {
			t.Fatalf("%s: %q: status %d", path, body, status)
		}
	})
}
