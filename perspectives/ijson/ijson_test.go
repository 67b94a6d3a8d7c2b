package ijson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
	"mpicsim/perspectives/ijson"
)

// order is what the tests read into.
type order struct {
	Name    string            `json:"name"`
	Count   float64           `json:"count"`
	Headers map[string]string `json:"headers"`
	Lines   []*line           `json:"lines"`
	Raw     json.RawMessage   `json:"raw"`
	When    *time.Time        `json:"when"`
	Any     any               `json:"any"`
	hidden  string            //nolint:unused // names that encoding/json does not see
	base
}

type line struct {
	Item string `json:"item"`
}

type base struct {
	Trace string `json:"trace"`
	Skip  string `json:"-"`
}

// TestCheck: each text that two programs could read in two ways is refused, and
// where it is wrong is said.
func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		in     string
		ignore ijson.Unknown
		want   string // "" for accepted
	}{
		"all there is":              {`{"name":"a","count":1.5e3,"headers":{"Name":"x"},"lines":[{"item":"i"},null],"raw":{"NAME":1},"when":null,"any":{"Item":[]},"trace":""}`, false, ""},
		"white space":               {" {\t\"name\" : \"a\" }\r\n", false, ""},
		"a pair":                    {`{"name":"\ud83d\ude00 \uD83D\uDE00"}`, false, ""},
		"an escaped backslash":      {`{"name":"\\ud800"}`, false, ""},
		"a number of 64 octets":     {`{"count":` + strings.Repeat("1", 64) + `}`, false, ""},
		"32 levels":                 {`{"any":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, false, ""},
		"an unknown one":            {`{"name":"a","extra":"b"}`, false, `at octet 12: field "extra" is unknown`},
		"an unknown one in a list":  {`{"lines":[{"item":"a","x":1}]}`, false, `at octet 22: field "x" is unknown`},
		"an unknown one is ignored": {`{"name":"a","extra":{"b":1}}`, true, ""},
		"another case":              {`{"Name":"a"}`, true, `at octet 1: found field "Name", expected "name"`},
		"another case, strictly":    {`{"NAME":"a"}`, false, `expected "name"`},
		"a long s":                  {`{"line\u017f":[]}`, true, `expected "lines"`},
		"another case in a list":    {`{"lines":[{"Item":"a"}]}`, true, `expected "item"`},
		"another case embedded":     {`{"Trace":"a"}`, true, `expected "trace"`},
		"the name of a Go field":    {`{"hidden":1,"Skip":1,"base":1}`, true, ""},
		"a name twice":              {`{"name":"a","name":"b"}`, false, `at octet 12: names "name" and "name" differ in nothing but case`},
		"an unknown name twice":     {`{"x":1,"x":2}`, true, `names "x" and "x"`},
		"a name in two cases":       {`{"x":1,"X":2}`, true, `names "x" and "X"`},
		"an escaped name":           {`{"name":"a","\u006eame":"b"}`, true, `names "name" and "name"`},
		"twice in raw":              {`{"raw":{"a":{"b":1,"B":2}}}`, true, `names "b" and "B"`},
		"twice in a map":            {`{"headers":{"a":"1","A":"2"}}`, true, `names "a" and "A"`},
		"twice among many":          {`{` + members(20) + `,"M7":0}`, true, `names "m7" and "M7"`},
		"1,000 members":             {`{` + members(1000) + `}`, true, ""},
		"1,001 members":             {`{` + members(1001) + `}`, true, "more than 1000 members"},
		"a high surrogate":          {`{"name":"\ud800"}`, true, `at octet 8: found the lone surrogate \ud800`},
		"a high one, then a letter": {`{"name":"\ud800x"}`, true, `lone surrogate \ud800`},
		"two high ones":             {`{"name":"\ud800\ud800"}`, true, `lone surrogate \ud800`},
		"a low surrogate":           {`{"name":"x\uDFFF"}`, true, `lone surrogate \udfff`},
		"a pair the wrong way":      {`{"name":"\ude00\ud83d"}`, true, `lone surrogate \ude00`},
		"a lone one in a name":      {`{"\ud83d":1}`, true, `lone surrogate`},
		"a surrogate in UTF-8":      {"{\"name\":\"\xed\xa0\x80\"}", true, "at octet 9: not valid UTF-8"},
		"not UTF-8":                 {"{\"name\":\"\xff\"}", true, "at octet 9: not valid UTF-8"},
		"an overlong form":          {"{\"name\":\"\xc0\xaf\"}", true, "not valid UTF-8"},
		"a byte order mark":         {"\ufeff{}", true, "invalid character"},
		"33 levels":                 {`{"any":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, true, "more than 32 levels"},
		"33 levels of objects":      {strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat(`}`, 33), true, "more than 32 levels"},
		"a number of 65 octets":     {`{"count":` + strings.Repeat("1", 65) + `}`, true, "a number of 65 octets"},
		"a number elsewhere":        {`{"any":[-1e` + strings.Repeat("1", 65) + `]}`, true, "a number of 68 octets"},
		"trailing data":             {`{} {}`, true, "after top-level value"},
		"trailing garbage":          {"{}\x00", true, "after top-level value"},
		"a comment":                 {`{} // x`, true, "after top-level value"},
		"a trailing comma":          {`{"name":"a",}`, true, "invalid character"},
		"half of it":                {`{"name":`, true, "unexpected end"},
		"nothing":                   {``, true, "unexpected end"},
		"a list":                    {`[]`, true, "expected an object"},
		"null":                      {`null`, true, "expected an object"},
		"not a number":              {`{"count":NaN}`, true, "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var v order
			err := ijson.Decode([]byte(tc.in), &v, tc.ignore)
			if tc.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(MatchError(ContainSubstring(tc.want)))
			_, ok := errors.AsType[*ijson.Error](err)
			g.Expect(ok).To(BeTrue())
			g.Expect(v).To(Equal(order{}), "nothing is read")
		})
	}
}

// members returns n members of an object.
func members(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"m%d":0`, i)
	}
	return strings.Join(all, ",")
}

// TestValuesOutOfRange: what the type cannot hold is an error of encoding/json.
func TestValuesOutOfRange(t *testing.T) {
	g := NewWithT(t)
	var v order
	g.Expect(ijson.Decode([]byte(`{"count":1e400}`), &v, true)).To(MatchError(ContainSubstring("cannot unmarshal number 1e400")))
	g.Expect(ijson.Decode([]byte(`{"count":`+fmt.Sprint(math.MaxFloat64)+`}`), &v, true)).To(Succeed())
	var n struct {
		N int32 `json:"n"`
	}
	g.Expect(ijson.Decode([]byte(`{"n":2147483648}`), &n, true)).To(MatchError(ContainSubstring("cannot unmarshal number 2147483648")))
	g.Expect(ijson.Decode([]byte(`{"n":1.0}`), &n, true)).To(MatchError(ContainSubstring("cannot unmarshal number 1.0")))
}

// hostile are texts of about 256 KiB that are as expensive as they can be made.
func hostile() map[string]string {
	const size = 256 << 10
	distinct := func(form string) string {
		var b strings.Builder
		for i := 0; b.Len() < size; i++ {
			fmt.Fprintf(&b, form, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	return map[string]string{
		"members":      `{` + distinct(`"%06d":0,`) + `}`,
		"escaped":      `{` + distinct(`"\u0061%06d":0,`) + `}`,
		"nested":       strings.Repeat(`{"a":`, size/6) + "1" + strings.Repeat("}", size/6),
		"lists":        `{"a":` + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + `}`,
		"empty":        `{"lines":[` + strings.TrimSuffix(strings.Repeat("{},", size/3), ",") + `]}`,
		"lines":        `{"lines":[` + strings.TrimSuffix(strings.Repeat(`{"item":""},`, size/12), ",") + `]}`,
		"escapes":      `{"name":"` + strings.Repeat(`\ud83d\ude00`, size/12) + `"}`,
		"a number":     `{"count":` + strings.Repeat("9", size) + `}`,
		"a name":       `{"` + strings.Repeat("K", size) + `":1}`,
		"names folded": `{` + distinct(`"\u212a%d":0,`) + `}`,
		"space":        strings.Repeat(" ", size) + "{}",
	}
}

// TestCost: 256 KiB of hostile JSON cost at most 100 ms of processor time and
// 8 MiB; a canonical form, which is asked of signed answers, at most four times that.
func TestCost(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			data := []byte(text)
			costtest.AtMost(t, costtest.Cost{CPU: 100 * time.Millisecond, Allocated: 8 << 20}, func() {
				var v order
				_ = ijson.Decode(data, &v, ijson.IgnoreUnknown)
			})
			costtest.AtMost(t, costtest.Cost{CPU: 400 * time.Millisecond, Allocated: 32 << 20}, func() { _, _ = ijson.Canonical(data) })
		})
	}
}

// FuzzCheck: what is accepted is read by encoding/json in the same way whatever
// the case of names, costs little, and is accepted in its canonical form.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"a","count":1}`, `{"name":"\ud83d\ude00","lines":[{"item":"x"}]}`, `{"Name":"a"}`, `{"a":1,"A":1}`,
		`{"name":"\ud800"}`, "{\"\xff\":1}", `{"any":[[{"b":null}]]}`, `[]`, `{"count":1e5}`, `{"headers":{"a":"b"}}`, `{} {}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bound := costtest.Cost{CPU: 200*time.Millisecond + time.Duration(len(data))*2*time.Microsecond, Allocated: 1<<20 + 256*uint64(len(data))}
		var v order
		var err error
		costtest.AtMost(t, bound, func() { v = order{}; err = ijson.Decode(data, &v, ijson.IgnoreUnknown) })
		if err != nil {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if name, _ := plain["name"].(string); name != v.Name {
			t.Fatalf("%q: %q is read as %q", data, name, v.Name)
		}
		canonical, err := ijson.Canonical(data)
		if err != nil {
			return // a number, no doubt
		}
		if err := ijson.Check(canonical, &v, ijson.IgnoreUnknown); err != nil {
			t.Fatalf("%q: %q: %v", data, canonical, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	data := []byte(`{"name":"example.com","count":3,"headers":{"a":"b"},"lines":[{"item":"x"},{"item":"y"}],"trace":"t-1"}`)
	b.Logf("input: %d octets, 7 members", len(data))
	b.ReportAllocs()
	for b.Loop() {
		if err := ijson.Check(data, &order{}, ijson.RefuseUnknown); err != nil {
			b.Fatal(err)
		}
	}
}
