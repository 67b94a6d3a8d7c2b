package dcv

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives"
	"mpicsim/perspectives/costtest"
)

// costFor is what it may cost to judge n octets: in proportion to them, with room for
// a signature and a busy machine.
func costFor(n int) costtest.Cost {
	return costtest.Cost{CPU: 150*time.Millisecond + time.Duration(n)*5*time.Microsecond, Allocated: 1<<20 + 128*uint64(n)}
}

// single gives one octet at a time.
type single struct{ io.Reader }

func (s single) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(1, len(p))]) }

// TestBodiesCostInProportion: a body that comes octet by octet is searched once, not
// for each octet from its beginning.
func TestBodiesCostInProportion(t *testing.T) {
	const limit = 64 << 10
	for name, value := range map[string]string{"short": "needle", "long": strings.Repeat("ab", 2000) + "c"} {
		for _, ignoreCase := range []bool{false, true} {
			for way, reader := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "octet by octet": func(r io.Reader) io.Reader { return single{r} },
			} {
				t.Run(fmt.Sprint(name, " ", way, " ", ignoreCase), func(t *testing.T) {
					g := NewWithT(t)
					w := website{value: value, ignoreCase: ignoreCase}
					text := strings.Repeat("aB", limit)
					costtest.AtMost(t, costtest.Cost{CPU: 500 * time.Millisecond, Allocated: 4 << 20}, func() {
						body, cut, err := readBody(reader(strings.NewReader(text)), fetch{limit: limit, enough: w.enough})
						g.Expect(err).NotTo(HaveOccurred())
						g.Expect(body).To(HaveLen(limit))
						g.Expect(cut).To(BeTrue())
					})
					// The value is found wherever it lies, and as soon as it is there.
					for _, at := range []int{0, 1, 4095, 4096, 4097, limit - len(value)} {
						hay := strings.Repeat("x", at) + value + "rest"
						w := website{value: value, ignoreCase: ignoreCase}
						body, _, err := readBody(reader(strings.NewReader(hay)), fetch{limit: limit, enough: w.enough})
						g.Expect(err).NotTo(HaveOccurred())
						g.Expect(w.find(body)).To(Equal(at))
						if way == "octet by octet" {
							g.Expect(body).To(HaveLen(at + len(value)))
						}
					}
				})
			}
		}
	}
}

// TestFindFrom: what was not found in the beginning need not be looked for there.
func TestFindFrom(t *testing.T) {
	g := NewWithT(t)
	w := website{value: "abc"}
	for at := range 8 {
		body := append(bytes.Repeat([]byte("."), at), "abc."...)
		for seen := range at + 3 { // the value does not end within seen
			g.Expect(w.findFrom(body, seen)).To(Equal(at), "seen %d", seen)
		}
		g.Expect(w.findFrom(body[:at+2], at)).To(Equal(-1))
	}
	g.Expect((&website{}).findFrom(nil, 0)).To(Equal(0))
}

// TestPersistentRecordsCostInProportion: what a TXT record can hold is judged in
// milliseconds.
func TestPersistentRecordsCostInProportion(t *testing.T) {
	p := persistence{issuers: []string{"ca.test"}, account: "x:1", now: time.Unix(100, 0)}
	for name, value := range map[string]string{
		"parameters": "ca.test; accounturi=x:2" + strings.Repeat("; a=b", 12_000),
		"digits":     "ca.test; accounturi=x:1; persistUntil=" + strings.Repeat("0", 60_000),
		"labels":     strings.Repeat("a.", 30_000) + "a",
		"nothing":    strings.Repeat("\x00", 60_000),
	} {
		t.Run(name, func(t *testing.T) {
			costtest.AtMost(t, costFor(len(value)), func() {
				if j := p.judge(value); j.reason == ReasonPersistentMatches {
					t.Error(j)
				}
			})
		})
	}
	costtest.AtMost(t, costFor(0), func() { _ = perspectives.Contains("", "x", true) })
}
