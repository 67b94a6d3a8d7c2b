package result

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	. "github.com/onsi/gomega"
	"github.com/parquet-go/parquet-go/format"
)

// TestIndexes: the runs of a page come to as many indexes as it has values, before
// anything makes room for them.
func TestIndexes(t *testing.T) {
	run := func(parts ...uint64) []byte {
		out := []byte{byte(parts[0])}
		for _, p := range parts[1:] {
			out = binary.AppendUvarint(out, p)
		}
		return out
	}
	for name, c := range map[string]struct {
		page   []byte
		values int64
		want   string // "" if it is fine
	}{
		"one run":                     {run(3, 5<<1, 7), 5, ""},
		"two runs":                    {run(3, 5<<1, 7, 1<<1, 2), 6, ""},
		"no bits":                     {run(0, 100_000<<1), 100_000, ""},
		"a group of eight":            {run(1, 1<<1|1, 0), 8, ""},
		"a group that is longer":      {run(1, 1<<1|1, 0), 1, ""},
		"two groups, the last longer": {run(1, 2<<1|1, 0, 0), 9, ""},
		"a group too many":            {run(1, 2<<1|1, 0, 0), 8, "a run of 16 indexes, expected at most 8"},
		"a run after the last":        {run(3, 5<<1, 7, 1<<1, 2), 5, "a run of 1 indexes, expected at most 0"},
		"a run of two billion":        {run(3, 1<<32-2, 7), 5, "a run of 2147483647 indexes"},
		"a run of 2^63":               {run(3, 1<<64-2, 7), 5, "a run of 9223372036854775807 indexes"},
		"groups of two billion":       {run(3, 1<<32-1, 7), 5, "2147483647 groups of indexes"},
		"groups of no bits":           {run(0, 1<<32-1), 5, "2147483647 groups of indexes"},
		"an empty run":                {run(3, 0, 7), 5, "a run of 0 indexes"},
		"too few":                     {run(3, 5<<1, 7), 6, "1 indexes less than values"},
		"a run without its index":     {run(3, 5<<1), 5, "a run of 5 indexes"},
		"half of a number":            {[]byte{3, 0x80}, 5, "no run of indexes"},
		"nothing":                     {nil, 5, "no width"},
		"wide indexes":                {run(19, 5<<1, 7), 5, "no width of indexes"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			err := checkIndexes(c.page, c.values)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
				return
			}
			g.Expect(err).To(And(MatchError(ErrDamaged), MatchError(ContainSubstring(c.want))))
		})
	}
}

// TestPageBombs: pages that unpack to more than they say, or say more than a page
// has, are refused.
func TestPageBombs(t *testing.T) {
	pack := func(text []byte) []byte {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll(text, nil)
	}
	zigzag := func(n int) []byte { return binary.AppendVarint(nil, int64(n)) }
	// header returns that of a dictionary, or of a page of indexes.
	header := func(kind, text, packed, values int) []byte {
		out := append([]byte{0x15}, zigzag(kind)...)
		out = append(append(out, 0x15), zigzag(text)...)
		out = append(append(out, 0x15), zigzag(packed)...)
		if kind == dictionaryPage {
			out = append(append(out, 0x4c, 0x15), zigzag(values)...)
			return append(out, 0x15, 0, 0, 0)
		}
		out = append(append(out, 0x5c, 0x15), zigzag(values)...) // nulls, rows, encoding, levels
		out = append(append(out, 0x15, 0, 0x15), zigzag(values)...)
		return append(out, 0x15, 16, 0x15, 0, 0x15, 0, 0, 0)
	}
	page := func(kind, values int, text []byte) []byte {
		packed := pack(text)
		return append(header(kind, len(text), len(packed), values), packed...)
	}
	dictionary := page(dictionaryPage, 2, make([]byte, 8))
	bomb := pack(make([]byte, 256<<20))
	for name, c := range map[string]struct {
		chunk []byte
		want  string
	}{
		"fine":                        {append(bytes.Clone(dictionary), page(dataPageV2, 10, []byte{1, 20, 1})...), ""},
		"no dictionary":               {page(dataPageV2, 10, []byte{1, 20, 1}), "expected a dictionary"},
		"two dictionaries":            {append(bytes.Clone(dictionary), dictionary...), "expected indexes"},
		"values missing":              {append(bytes.Clone(dictionary), page(dataPageV2, 9, []byte{1, 18, 1})...), "found 9 values, expected 10"},
		"more values than rows":       {append(bytes.Clone(dictionary), page(dataPageV2, 11, []byte{1, 22, 1})...), "with 11 values"},
		"a dictionary of a billion":   {page(dictionaryPage, 1<<30, make([]byte, 8)), "with 1073741824 values first"},
		"a page of 2 GB":              {header(dictionaryPage, 1<<31-1, 8, 2), "2147483647 unpacked"},
		"a packed page of 2 GB":       {header(dictionaryPage, 8, 1<<31-1, 2), "found a page of 2147483647 octets"},
		"a negative length":           {header(dictionaryPage, -8, 8, 2), "-8 unpacked"},
		"a bomb":                      {append(header(dictionaryPage, 8, len(bomb), 2), bomb...), "page: "},
		"a bomb with a likely length": {append(header(dictionaryPage, maxPage, len(bomb), 2), bomb...), "page: "},
		"a frame behind another":      {append(header(dictionaryPage, 8, 2*len(pack(make([]byte, 8))), 2), bytes.Repeat(pack(make([]byte, 8)), 2)...), "page: "},
		"shorter than it says":        {append(header(dictionaryPage, 9, len(pack(make([]byte, 8))), 2), pack(make([]byte, 8))...), "found 8 octets in a page, expected 9"},
		"no Zstandard":                {append(header(dictionaryPage, 8, 8, 2), make([]byte, 8)...), "page: "},
		"an empty page":               {header(dictionaryPage, 0, 0, 2), "an empty page"},
		"a header without an end":     {bytes.Repeat([]byte{0x15, 2}, 3000), "page header"},
		"a header of noise":           {bytes.Repeat([]byte{0xff}, 3000), "page header"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			p, err := newPageChecker()
			g.Expect(err).NotTo(HaveOccurred())
			defer p.close()
			group := &format.RowGroup{NumRows: 10, Columns: []format.ColumnChunk{{MetaData: format.ColumnMetaData{TotalCompressedSize: int64(len(c.chunk))}}}}
			err = p.check(bytes.NewReader(c.chunk), group, 0, 4)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(And(MatchError(ErrDamaged), MatchError(ContainSubstring(c.want))))
			}
			g.Expect(cap(p.text)+cap(p.packed)).To(BeNumerically("<=", 2*(maxPage+40)), "what it has made room for")
		})
	}
}

// TestGuarded: what the library panics with comes out as an error.
func TestGuarded(t *testing.T) {
	g := NewWithT(t)
	var none []int
	g.Expect(guarded(func() error { _ = none[len(none)]; return nil })).To(And(MatchError(ErrDamaged), MatchError(ContainSubstring("index out of range"))))
	g.Expect(guarded(func() error { panic(strings.Repeat("x", 3)) })).To(MatchError(ContainSubstring("xxx")))
	g.Expect(guarded(func() error { return io.ErrUnexpectedEOF })).To(And(MatchError(ErrDamaged), MatchError(io.ErrUnexpectedEOF)))
	g.Expect(guarded(func() error { return nil })).To(Succeed())
}
