package rpki

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"mpicsim/topology/unpack"
)

// limits bound what is read. A whole Internet of payloads has under 1.5 million
// lines and takes under 200 MB as JSON.
type limits struct {
	text int64 // bytes, decompressed
	rows int   // payloads of each kind
}

func usualLimits() limits { return limits{text: 1 << 29, rows: 1 << 23} }

const (
	// maxBad is how many bad fields an error describes, maxCounted how many are counted
	// before reading ends.
	maxBad     = 20
	maxCounted = 100_000
	// shown is how many bytes of a bad field an error shows.
	shown = 80
)

// File is what one file of payloads holds.
type File struct {
	// Name is how errors name the file.
	Name string
	// VRPs are in the order in which [NewVRPs] keeps them, each once.
	VRPs []VRP
	// ASPAs are in ascending order of customer, each once, their providers
	// ascending. A customer may have several.
	ASPAs []ASPA
	// DuplicateVRPs and DuplicateASPAs count the entries that were dropped because
	// another one is equal to them in all fields that are read.
	DuplicateVRPs, DuplicateASPAs int
	// Generated is when the relying party says that it made the file, as it writes
	// it; "" if it does not say, as in CSV.
	Generated string
	// SHA256 is the hash of the input as it was given: of the compressed bytes if
	// it was compressed.
	SHA256 [sha256.Size]byte
}

// Open reads the file at path. Errors name it as path.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("RPKI payloads: %w", err)
	}
	defer f.Close() // opened for reading only
	return Read(f, path)
}

// Read reads r to its end, as a stream. Errors name it as name. The text is JSON or
// CSV, plain or gzip, told apart by how it starts:
//
//   - JSON as rpki-client, Routinator (json, jsonext) or FORT writes it: an object with
//     "roas", each with prefix, asn and perhaps maxLength and ta, or "aspas", each with
//     customer_asid or customer and providers, or both. AS numbers are numbers or
//     strings, with or without "AS". Everything else is skipped, expiry times too.
//   - CSV as Routinator (csv, csvcompat, csvext), rpki-client or RIPE's archive
//     (roas.csv) writes it: a header that names the columns "ASN", "IP Prefix", "Max
//     Length" and perhaps "Trust Anchor"; or as FORT does: "ASN", "Prefix", "Max prefix
//     length". Other columns are skipped.
//
// A VRP without maximum length has that of its prefix, as the ROA that it comes from
// (RFC 9582 4.3.2.2). A byte order mark before the text is skipped (RFC 8259 8.1).
//
// It returns an error that joins the first bad fields, each with file:line, field,
// what was found and what was expected, and says how many more there are. A text of
// more than 512 MiB, one that is more than a hundred times as long as its packed form, or
// of more than 2^23 payloads, is refused.
func Read(r io.Reader, name string) (*File, error) { return read(r, name, usualLimits()) }

func read(r io.Reader, name string, most limits) (*File, error) {
	sum := sha256.New()
	text, err := plain(io.TeeReader(r, sum), most.text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	start, err := firstByte(text)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &parser{file: &File{Name: name}, most: most, anchors: map[string]string{}}
	if start == '{' || start == '[' {
		err = p.readJSON(text)
	} else {
		err = p.readCSV(text)
	}
	if err := errors.Join(p.bad.refusal(), err); err != nil {
		return nil, err
	}
	p.file.settle()
	sum.Sum(p.file.SHA256[:0])
	return p.file, nil
}

// plain returns the text in r, decompressed if it starts like gzip, without a byte
// order mark. It ends with an error if it is out of the bounds of package unpack.
func plain(r io.Reader, most int64) (*bufio.Reader, error) {
	out, err := unpack.Text(r, most)
	if err != nil {
		return nil, err
	}
	const byteOrderMark = "\ufeff"
	if start, _ := out.Peek(len(byteOrderMark)); string(start) == byteOrderMark { // an error comes back when the text is read
		_, _ = out.Discard(len(byteOrderMark)) // it is in the buffer
	}
	return out, nil
}

// firstByte returns the first byte that is not white space, without reading it. It
// looks at a few only: a text with more space before it is neither JSON nor CSV that
// anybody writes.
func firstByte(text *bufio.Reader) (byte, error) {
	start, err := text.Peek(64)
	if start = bytes.TrimLeft(start, " \t\r\n"); len(start) > 0 {
		return start[0], nil
	}
	return 0, err
}

// parser reads one file.
type parser struct {
	file    *File
	most    limits
	bad     badFields
	anchors map[string]string // each name of a trust anchor once
}

// anchor returns the name of a trust anchor as a string that is shared.
func (p *parser) anchor(name []byte) string {
	s, ok := p.anchors[string(name)]
	if !ok {
		s = string(name)
		p.anchors[s] = s
	}
	return s
}

// badFields collects what is wrong with a text.
type badFields struct {
	errs []error
	more int
}

// add records a field with what was found, as it is to be shown.
func (b *badFields) add(file string, line int, field, found, want string) {
	if len(b.errs) == maxBad {
		b.more++
		return
	}
	if len(found) > shown {
		found = strings.ToValidUTF8(found[:shown], "") + "..."
	}
	b.errs = append(b.errs, fmt.Errorf("%s:%d: %s: found %s, want %s", file, line, field, found, want))
}

// full returns an error if too many were counted to read on.
func (b *badFields) full() error {
	if b.more < maxCounted {
		return nil
	}
	return fmt.Errorf("found more than %d bad fields, expected RPKI payloads: the rest was not read", maxCounted)
}

// refusal joins the bad fields, nil if there are none.
func (b *badFields) refusal() error {
	if b.more > 0 {
		return errors.Join(append(slices.Clip(b.errs), fmt.Errorf("and %d more bad fields", b.more))...)
	}
	return errors.Join(b.errs...)
}

// settle sorts the payloads and drops duplicates.
func (f *File) settle() {
	n := len(f.VRPs)
	if !slices.IsSortedFunc(f.VRPs, compareVRPs) {
		slices.SortFunc(f.VRPs, compareVRPs)
	}
	f.VRPs = slices.Compact(f.VRPs)
	f.DuplicateVRPs = n - len(f.VRPs)

	n = len(f.ASPAs)
	for i, a := range f.ASPAs {
		slices.Sort(a.Providers)
		f.ASPAs[i].Providers = slices.Compact(a.Providers)
	}
	compare := func(a, b ASPA) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), slices.Compare(a.Providers, b.Providers))
	}
	slices.SortFunc(f.ASPAs, compare)
	f.ASPAs = slices.CompactFunc(f.ASPAs, func(a, b ASPA) bool { return compare(a, b) == 0 })
	f.DuplicateASPAs = n - len(f.ASPAs)
}

// Summary returns one line for people: what the file holds, how many VRPs are
// looser than their prefix, how many forbid their prefix to everybody, and what was
// dropped.
func (f *File) Summary() string {
	var v4, v6, loose4, loose6, nobody int
	for _, v := range f.VRPs {
		count, loose := &v6, &loose6
		if v.Prefix.Addr().Is4() {
			count, loose = &v4, &loose4
		}
		*count++
		if v.MaxLength > v.Prefix.Bits() {
			*loose++
		}
		if v.Origin == 0 {
			nobody++
		}
	}
	s := fmt.Sprintf("%s: %d VRPs: %d IPv4 (%d with a max length above the prefix's), %d IPv6 (%d), %d of AS 0; %d ASPAs",
		f.Name, len(f.VRPs), v4, loose4, v6, loose6, nobody, len(f.ASPAs))
	if f.DuplicateVRPs+f.DuplicateASPAs > 0 {
		s += fmt.Sprintf("; dropped as duplicates: %d VRPs, %d ASPAs", f.DuplicateVRPs, f.DuplicateASPAs)
	}
	return s
}
