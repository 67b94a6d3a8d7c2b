package result

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// ErrDamaged is wrapped by the errors about a file that is not what [HijackWriter]
// writes.
var ErrDamaged = errors.New("not a file of hijacks, or a damaged one")

// What a file of hijacks has at most. The Parquet library believes a file: it makes
// room for what lengths and counts say before it looks whether it is there, and fails
// by panics. So what it is given has been looked through, and is what HijackWriter
// writes: columns without nulls, in row groups of up to groupRows, as a dictionary
// and pages of indexes into it, compressed by Zstandard.
const (
	magic = "PAR1"
	// maxGroupFooter is how many octets of the footer a row group may take, beside as
	// many for all; the writer needs some 3,000.
	maxGroupFooter = 1 << 14
	// maxPage bounds a page of indexes. The writer ends one at 2^18 octets.
	maxPage = 1 << 20
	// maxText is the mean length of a dictionary's strings.
	maxText = 64
	// maxHeader bounds the header of a page, which has no statistics.
	maxHeader = 1 << 12
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// guarded calls f, and turns the panics of the Parquet library and its errors into
// errors that wrap ErrDamaged.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged("reading Parquet: %v", p)
		}
	}()
	if err = f(); err != nil && !errors.Is(err, ErrDamaged) {
		err = damaged("reading Parquet: %w", err)
	}
	return err
}

// openParquet opens a file of so many octets and rows, of which it has looked through
// the footer and where its columns are.
func openParquet(r io.ReaderAt, size, rows int64, viewpoints int) (*parquet.File, error) {
	if err := checkFooter(r, size, rows); err != nil {
		return nil, err
	}
	var file *parquet.File
	err := guarded(func() (err error) {
		// The indexes of pages are for reading parts.
		file, err = parquet.OpenFile(r, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true), parquet.ReadBufferSize(1<<16))
		if err != nil {
			return err
		}
		if err := sameColumns(file.Schema(), hijackSchema(viewpoints)); err != nil {
			return damaged("%w", err)
		}
		return checkGroups(file.Metadata(), size, rows)
	})
	return file, err
}

// groupsOf returns how many row groups hold so many rows.
func groupsOf(rows int64) int64 { return (rows + groupRows - 1) / groupRows }

// checkFooter looks through the footer.
func checkFooter(r io.ReaderAt, size, rows int64) error {
	if size < int64(2*len(magic)+4) {
		return damaged("found %d octets, expected a footer", size)
	}
	var start, end [8]byte
	if _, err := r.ReadAt(start[:], 0); err != nil {
		return err
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return err
	}
	if string(start[:4]) != magic || string(end[4:]) != magic {
		return damaged("found %q at the start and %q at the end, expected %s", start[:4], end[4:], magic)
	}
	length, most := int64(binary.LittleEndian.Uint32(end[:4])), min(size-12, (groupsOf(rows)+1)*maxGroupFooter)
	if length > most {
		return damaged("found a footer of %d octets, expected at most %d in a file of %d octets and %d rows", length, most, size, rows)
	}
	footer := make([]byte, length)
	if _, err := r.ReadAt(footer, size-8-length); err != nil {
		return err
	}
	c := compact{b: footer, most: maxThriftList}
	const groups = 4
	c.structure(0, func(id int64, kind byte) bool {
		if id == groups && kind == thriftList {
			c.list(0, int(groupsOf(rows)))
			return true
		}
		return false
	})
	if c.err == nil && c.at != len(footer) {
		c.fail("found %d octets behind the footer's end, expected none", len(footer)-c.at)
	}
	if c.err != nil {
		return damaged("footer: %w", c.err)
	}
	return nil
}

// checkGroups looks at where the columns of row groups are: each in the file, and
// none where another one is.
func checkGroups(m *format.FileMetaData, size, rows int64) error {
	if m.NumRows != rows {
		return damaged("found %d rows, expected the manifest's %d", m.NumRows, rows)
	}
	left := size
	for n, g := range m.RowGroups {
		if g.NumRows < 1 || g.NumRows > min(rows, groupRows) || len(g.Columns) != int(columns) {
			return damaged("row group %d: found %d rows and %d columns, expected 1 to %d rows and %d columns", n, g.NumRows, len(g.Columns), min(rows, groupRows), columns)
		}
		rows -= g.NumRows
		for c := range g.Columns {
			d := &g.Columns[c].MetaData
			from, to := d.DictionaryPageOffset, d.DataPageOffset
			switch {
			case from < int64(len(magic)) || to <= from || d.TotalCompressedSize <= to-from || d.TotalCompressedSize > left || from > size-d.TotalCompressedSize:
				return damaged("row group %d, column %s: found pages from octet %d and %d, %d octets, expected them in the file", n, columnNames()[c], from, to, d.TotalCompressedSize)
			case d.Codec != format.Zstd || d.NumValues != g.NumRows || g.Columns[c].FilePath != "":
				return damaged("row group %d, column %s: found %d values as %v, expected %d as %v", n, columnNames()[c], d.NumValues, d.Codec, g.NumRows, format.Zstd)
			}
			left -= d.TotalCompressedSize
		}
	}
	if rows != 0 {
		return damaged("found row groups with %d rows less than the file, expected all", rows)
	}
	return nil
}

// pageChecker looks through the pages of columns before the library is given them.
// It holds one page at a time.
type pageChecker struct {
	in           *bufio.Reader
	packed, text []byte
	zstd         *zstd.Decoder
}

func newPageChecker() (*pageChecker, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	return &pageChecker{in: bufio.NewReaderSize(nil, 1<<16), zstd: z}, nil
}

func (p *pageChecker) close() { p.zstd.Close() }

// pageHeader is the part of Parquet's PageHeader that counts.
type pageHeader struct {
	kind, text, packed                int64
	values, nulls, rows, encoding     int64
	definitions, repetitions          int64
	dictionary, data, stored, another bool
}

// The numbers of Parquet's PageType and Encoding.
const (
	dictionaryPage, dataPageV2          = 2, 3
	plainEncoding, dictionaryEncoding   = 0, 8
	dataHeaderV2, dictionaryHeaderField = 8, 7
)

// check looks through one column of a row group.
func (p *pageChecker) check(r io.ReaderAt, g *format.RowGroup, c column, width int) error {
	m := &g.Columns[c].MetaData
	left := m.TotalCompressedSize
	p.in.Reset(io.NewSectionReader(r, m.DictionaryPageOffset, left))
	values := int64(0)
	for first := true; left > 0; first = false {
		h, length, err := p.header(left)
		if err != nil {
			return damaged("page header: %w", err)
		}
		left -= int64(length)
		most := int64(maxPage)
		if first {
			most += g.NumRows * int64(width)
		}
		switch {
		case first && (h.kind != dictionaryPage || !h.dictionary || h.encoding != plainEncoding || h.values > g.NumRows):
			return damaged("found a page of type %d with %d values first, expected a dictionary of at most %d", h.kind, h.values, g.NumRows)
		case !first && (h.kind != dataPageV2 || !h.data || h.encoding != dictionaryEncoding || h.nulls != 0 || h.rows != h.values ||
			h.definitions != 0 || h.repetitions != 0 || h.stored || h.values > g.NumRows-values):
			return damaged("found a page of type %d with %d values, expected indexes into a dictionary, at most %d", h.kind, h.values, g.NumRows-values)
		case h.another || h.values < 0 || h.text < 0 || h.text > most || h.packed < 0 || h.packed > min(left, most):
			return damaged("found a page of %d octets, %d unpacked, expected at most %d and %d", h.packed, h.text, min(left, most), most)
		}
		if err := p.unpack(h); err != nil {
			return err
		}
		left -= h.packed
		if first {
			continue
		}
		if err := checkIndexes(p.text, h.values); err != nil {
			return err
		}
		values += h.values
	}
	if values != g.NumRows {
		return damaged("found %d values, expected %d", values, g.NumRows)
	}
	return nil
}

// header reads the header of the next page, and says how long it is.
func (p *pageChecker) header(left int64) (h pageHeader, length int, err error) {
	start, err := p.in.Peek(int(min(left, maxHeader)))
	if err != nil {
		return h, 0, err
	}
	c := compact{b: start, most: 0}
	number := func(to *int64) bool {
		*to = c.number()
		return true
	}
	fields := func(to map[int64]*int64) func(int64, byte) bool {
		return func(id int64, kind byte) bool {
			if n, ok := to[id]; ok && kind == thriftI32 {
				return number(n)
			}
			if id == 7 && kind == thriftFalse { // is_compressed, of a DataPageHeaderV2
				h.stored = true
			}
			return false
		}
	}
	c.structure(0, func(id int64, kind byte) bool {
		switch {
		case id == 1 && kind == thriftI32:
			return number(&h.kind)
		case id == 2 && kind == thriftI32:
			return number(&h.text)
		case id == 3 && kind == thriftI32:
			return number(&h.packed)
		case id == dictionaryHeaderField && kind == thriftStruct && !h.dictionary && !h.data:
			h.dictionary = true
			c.structure(1, fields(map[int64]*int64{1: &h.values, 2: &h.encoding}))
			return true
		case id == dataHeaderV2 && kind == thriftStruct && !h.dictionary && !h.data:
			h.data = true
			c.structure(1, fields(map[int64]*int64{1: &h.values, 2: &h.nulls, 3: &h.rows, 4: &h.encoding, 5: &h.definitions, 6: &h.repetitions}))
			return true
		case kind == thriftStruct:
			h.another = true
		}
		return false
	})
	if c.err != nil {
		return h, 0, c.err
	}
	_, err = p.in.Discard(c.at)
	return h, c.at, err
}

// unpack reads the next page into text.
func (p *pageChecker) unpack(h pageHeader) error {
	grow := func(b []byte, n int64) []byte {
		if int64(cap(b)) < n {
			b = make([]byte, n)
		}
		return b[:n]
	}
	p.packed, p.text = grow(p.packed, h.packed), grow(p.text, h.text)
	if _, err := io.ReadFull(p.in, p.packed); err != nil {
		return damaged("page: %w", err)
	}
	if len(p.packed) == 0 {
		return damaged("found an empty page, expected a compressed one")
	}
	text, err := p.zstd.DecodeAll(p.packed, p.text[:0:h.text])
	if err != nil {
		return damaged("page: %w", err)
	}
	if int64(len(text)) != h.text {
		return damaged("found %d octets in a page, expected %d", len(text), h.text)
	}
	return nil
}

// checkIndexes looks at the runs of a page: the width of indexes in bits, then runs
// of one index, and groups of eight (Parquet's encoding RLE_DICTIONARY). The last
// group may be longer than the page.
func checkIndexes(page []byte, values int64) error {
	if len(page) == 0 || page[0] > uint8(bits.Len(groupRows)) {
		return damaged("found no width of indexes, expected one of up to %d bits", bits.Len(groupRows))
	}
	width, left := uint64(page[0]), uint64(values)
	for rest := page[1:]; len(rest) > 0; {
		head, n := binary.Uvarint(rest)
		if n <= 0 {
			return damaged("found no run of indexes, expected one")
		}
		rest = rest[n:]
		count, octets := head>>1, (width+7)/8
		if head&1 != 0 {
			if count > uint64(len(page))+1 && width > 0 || count > maxPage {
				return damaged("found %d groups of indexes, expected at most %d", count, len(page))
			}
			count, octets = count*8, count*width
		}
		if octets > uint64(len(rest)) || count == 0 || count > left+7 || count > left && head&1 == 0 {
			return damaged("found a run of %d indexes, expected at most %d", count, left)
		}
		left -= min(count, left)
		rest = rest[octets:]
	}
	if left > 0 {
		return damaged("found %d indexes less than values, expected one for each", left)
	}
	return nil
}
