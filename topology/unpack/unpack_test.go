package unpack_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	. "github.com/onsi/gomega"

	"mpicsim/topology/unpack"
)

func pack(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		most int64
		want string // the text, or what the error says
		fail bool
	}{
		"nothing":                  {nil, 3, "", false},
		"plain, as long as it may": {[]byte("abc"), 3, "abc", false},
		"plain, one too long":      {[]byte("abcd"), 3, "found more than 3 octets of text, expected a shorter file", true},
		"gzip":                     {pack(t, []byte("abc")), 3, "abc", false},
		"gzip, one too long":       {pack(t, []byte("abcd")), 3, "found more than 3 octets of text", true},
		"gzip, two members":        {append(pack(t, []byte("ab")), pack(t, []byte("c"))...), 3, "abc", false},
		"gzip, cut off":            {pack(t, []byte("abc"))[:22], 3, "gzip: unexpected EOF", true},
		"gzip, a header only":      {[]byte{0x1f, 0x8b}, 3, "gzip: unexpected EOF", true},
		"gzip in gzip is no text":  {pack(t, pack(t, []byte("abc"))), 99, string(pack(t, []byte("abc"))), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, err := read(bytes.NewReader(c.in), c.most)
			again, err2 := unpack.Bytes(c.in, c.most)
			if c.fail {
				g.Expect(err).To(MatchError(ContainSubstring(c.want)))
				g.Expect(err2).To(MatchError(ContainSubstring(c.want)))
				return
			}
			g.Expect(errors.Join(err, err2)).NotTo(HaveOccurred())
			g.Expect(string(got)).To(Equal(c.want))
			g.Expect(string(again)).To(Equal(c.want))
		})
	}
	g := NewWithT(t)
	_, err := read(iotest.ErrReader(io.ErrClosedPipe), 3)
	g.Expect(err).To(MatchError(io.ErrClosedPipe))
}

func read(r io.Reader, most int64) ([]byte, error) {
	text, err := unpack.Text(r, most)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(text)
}

// TestRatio: a text of one repeated octet is read up to Free octets and no further,
// and one that packs as well as the files of this program do is read to its end.
func TestRatio(t *testing.T) {
	g := NewWithT(t)
	short := bytes.Repeat([]byte("a"), unpack.Free)
	g.Expect(read(bytes.NewReader(pack(t, short)), 1<<30)).To(Equal(short))

	bomb := pack(t, make([]byte, 64<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := read(bytes.NewReader(bomb), 1<<30)
	runtime.ReadMemStats(&after)
	g.Expect(err).To(MatchError(unpack.ErrBound))
	g.Expect(err).To(MatchError(ContainSubstring("expected at most 100 for each")))
	g.Expect(after.TotalAlloc-before.TotalAlloc).To(BeNumerically("<", 24<<20), "what was allocated for 64 MiB of text")

	var lines strings.Builder
	for n := range 300_000 {
		fmt.Fprintf(&lines, "%d|%d|-1|bgp\n", n/9+1, n/9+2+n%9*7)
	}
	g.Expect(read(bytes.NewReader(pack(t, []byte(lines.String()))), 1<<30)).To(HaveLen(lines.Len()))
}

// TestRecords: a record is bounded whether its length is in fields, in one field or
// in lines, and ones up to the bound are read whatever came before.
func TestRecords(t *testing.T) {
	for name, record := range map[string]string{
		"fields": strings.Repeat(",", 20<<20),
		"a line": strings.Repeat("a", 20<<20),
		"lines":  `"` + strings.Repeat("\n", 20<<20) + `"`,
		"both":   strings.Repeat("\"\n\",", 5<<20),
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := unpack.NewCSV(strings.NewReader("a,b\nc,d\n" + record + "\n"))
			in.FieldsPerRecord = -1
			for range 2 {
				g.Expect(in.Read()).To(HaveLen(2))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := in.Read()
			runtime.ReadMemStats(&after)
			g.Expect(err).To(MatchError(unpack.ErrBound))
			g.Expect(err).To(MatchError(ContainSubstring("a record of more than 65536 octets")))
			g.Expect(after.TotalAlloc - before.TotalAlloc).To(BeNumerically("<", 16<<20))
		})
	}
	g := NewWithT(t)
	long := strings.Repeat("a", unpack.MaxRecord-8<<10)
	in := unpack.NewCSV(strings.NewReader(strings.Repeat(long+"\n", 50)))
	for range 50 {
		g.Expect(in.Read()).To(Equal([]string{long}))
	}
	_, err := in.Read()
	g.Expect(err).To(MatchError(io.EOF))
}
