package perspectives

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
)

// texts calls each for every string of v, with a function that sets it; lists and
// maps get one element.
func texts(v reflect.Value, path string, each func(path string, set func(string))) {
	switch v.Kind() {
	case reflect.String:
		each(path, func(s string) { v.SetString(s) })
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), path+"."+v.Type().Field(i).Name, each)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		texts(v.Index(0), path+"[]", each)
	case reflect.Map:
		each(path+"{}", func(s string) { v.Set(reflect.ValueOf(map[string]string{"X-Name": s})) })
	default: // nothing that could be long
	}
}

// TestEveryStringIsBounded: no string of a check, also one that is added to the type
// later, may be as long as its caller likes, or something else than UTF-8.
func TestEveryStringIsBounded(t *testing.T) {
	g := NewWithT(t)
	fields := 0
	var c Check
	texts(reflect.ValueOf(&c).Elem(), "Check", func(path string, set func(string)) {
		fields++
		for _, broken := range []string{strings.Repeat("x", MaxHeaderOctets+1), "\xff"} {
			set(broken)
			g.Expect(c.Bounded()).To(HaveOccurred(), path)
			g.Expect(c.Acceptable()).To(MatchError(c.Bounded().Error()), path)
			g.Expect(len(c.Bounded().Error())).To(BeNumerically("<", 200), path)
		}
		set("x")
		g.Expect(c.Bounded()).To(Succeed(), path)
		set("")
	})
	g.Expect(fields).To(Equal(17))
}

// TestBounds: each bound is met and exceeded by one octet.
func TestBounds(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int) []string { return make([]string, n) }
	headers := func(n int) map[string]string {
		h := map[string]string{}
		for i := range n {
			h[fmt.Sprint(i)] = ""
		}
		return h
	}
	for name, tc := range map[string]struct {
		most int
		with func(n int) Check
	}{
		"domain":             {1024, func(n int) Check { return Check{Domain: text(n)} }},
		"token":              {512, func(n int) Check { return Check{Token: text(n)} }},
		"key authorization":  {1024, func(n int) Check { return Check{KeyAuthorization: text(n)} }},
		"issuer domain":      {1024, func(n int) Check { return Check{IssuerDomains: []string{"", text(n)}} }},
		"issuer domains":     {100, func(n int) Check { return Check{IssuerDomains: list(n)} }},
		"account URI":        {1024, func(n int) Check { return Check{AccountURI: text(n)} }},
		"challenge value":    {4096, func(n int) Check { return Check{DCV: DCVParameters{ChallengeValue: text(n)}} }},
		"match regex":        {1024, func(n int) Check { return Check{DCV: DCVParameters{MatchRegex: text(n)}} }},
		"token path":         {1024, func(n int) Check { return Check{DCV: DCVParameters{HTTPTokenPath: text(n)}} }},
		"headers":            {32, func(n int) Check { return Check{DCV: DCVParameters{HTTPHeaders: headers(n)}} }},
		"a header":           {8191, func(n int) Check { return Check{DCV: DCVParameters{HTTPHeaders: map[string]string{"X": text(n)}}} }},
		"validation method":  {64, func(n int) Check { return Check{CAA: CAAParameters{ValidationMethods: []string{text(n)}}} }},
		"validation methods": {32, func(n int) Check { return Check{CAA: CAAParameters{ValidationMethods: list(n)}} }},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(tc.with(tc.most).Bounded()).To(Succeed())
			g.Expect(tc.with(tc.most + 1).Bounded()).To(MatchError(ContainSubstring("expected at most")))
		})
	}
}

// TestAcceptableCost: to judge the largest check that there can be costs at most
// 50 ms of processor time and 8 MiB, most of it to parse the expression.
func TestAcceptableCost(t *testing.T) {
	c := Check{
		Domain: "example.com", Method: WebsiteChange, IssuerDomains: make([]string, MaxIssuerDomains),
		DCV: DCVParameters{
			ChallengeValue: strings.Repeat("x", MaxChallengeValue), IgnoreCase: true, MatchRegex: strings.Repeat(`\pL`, MaxRegex/3),
			HTTPTokenPath: strings.Repeat("a", MaxHTTPTokenPath), HTTPHeaders: map[string]string{},
		},
	}
	for i := range MaxHeaders {
		c.DCV.HTTPHeaders[fmt.Sprintf("X-%d", i)] = strings.Repeat("x", 200)
	}
	NewWithT(t).Expect(c.Acceptable()).To(Succeed())
	costtest.AtMost(t, costtest.Cost{CPU: 50 * time.Millisecond, Allocated: 8 << 20}, func() { _ = c.Acceptable() })
}
