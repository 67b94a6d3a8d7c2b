package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"

	"github.com/parquet-go/parquet-go"

	"mpicsim/topology"
)

// Directory is the results of a finished study. It is safe for concurrent use.
// Open it with [Open].
type Directory struct {
	Path       string
	Manifest   Manifest
	Viewpoints []Viewpoint
	// Domains is nil if the victims are ASes.
	Domains *Domains
}

// ErrUnfinished is wrapped by errors about a directory without a manifest.
var ErrUnfinished = errors.New("not a finished study")

// maxManifestBytes bounds what is read of a manifest and of viewpoints.
const maxManifestBytes = 1 << 26

// Open reads the manifest, the viewpoints and the domains of a finished study.
// Whether files are as the manifest says is only looked at for these; see
// [Directory.Check] for the others.
func Open(path string) (*Directory, error) {
	data, err := readFile(filepath.Join(path, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: it has no %s", path, ErrUnfinished, ManifestName)
	}
	if err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	d := &Directory{Path: path}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(path, ManifestName), err)
	}
	d.Manifest = *m
	if err := d.readPlain(0, func(data []byte) error { return decodeStrict(data, &d.Viewpoints) }); err != nil {
		return nil, err
	}
	if len(d.Viewpoints) != m.Viewpoints {
		return nil, fmt.Errorf("%s: %d viewpoints: the manifest has %d", filepath.Join(path, ViewpointsName), len(d.Viewpoints), m.Viewpoints)
	}
	if m.Domains != nil {
		if err := d.readPlain(1, func(data []byte) (err error) {
			d.Domains, err = ParseDomains(data)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// readPlain reads the n-th file, which is JSON.
func (d *Directory) readPlain(n int, parse func(data []byte) error) error {
	f := d.Manifest.Files[n]
	name := filepath.Join(d.Path, f.Name)
	data, err := readFile(name)
	if err != nil {
		return fmt.Errorf("reading results: %w", err)
	}
	if sum := sumHex(data); sum != f.SHA256 {
		return fmt.Errorf("%s: SHA-256 %s: the manifest has %s: the file has changed", name, sum, f.SHA256)
	}
	if err := parse(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ParseDomains reads the domains of a study, and checks that they make sense: all
// with the same surfaces, of targets that are there.
func ParseDomains(data []byte) (*Domains, error) {
	var d Domains
	if err := decodeStrict(data, &d); err != nil {
		return nil, err
	}
	if err := d.validate(); err != nil {
		return nil, err
	}
	return &d, nil
}

func (d *Domains) validate() error {
	if len(d.Domains) == 0 {
		return errors.New("domains: found none, expected some")
	}
	for n, of := range d.Domains {
		if len(of.Surfaces) == 0 || len(of.Surfaces) != len(d.Domains[0].Surfaces) {
			return fmt.Errorf("domains[%d]: found %d surfaces, expected as many as the first has, and one at least", n, len(of.Surfaces))
		}
		if !(of.Weight > 0) {
			return fmt.Errorf("domains[%d]: found weight %v, expected more than 0", n, of.Weight)
		}
		for k, s := range of.Surfaces {
			if first := d.Domains[0].Surfaces[k].Surface; s.Surface != first {
				return fmt.Errorf("domains[%d]: found surface %.80q, expected %q", n, s.Surface, first)
			}
			for _, origins := range s.Targets {
				if len(origins) == 0 {
					return fmt.Errorf("domains[%d]: found a prefix without an origin, expected one", n)
				}
				for _, t := range origins {
					if t < 0 || int(t) >= len(d.Targets) {
						return fmt.Errorf("domains[%d]: found target %d, expected 0 to %d", n, t, len(d.Targets)-1)
					}
				}
			}
		}
	}
	return nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	if err == nil && len(data) > maxManifestBytes {
		err = fmt.Errorf("%s: more than %d bytes", path, maxManifestBytes)
	}
	return data, err
}

// decodeStrict reads one JSON value without unknown fields.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more behind the JSON value")
	}
	return nil
}

var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseManifest reads a manifest and checks that it makes sense: of this
// version, with files that lie in the directory and counts that agree.
func ParseManifest(data []byte) (*Manifest, error) {
	var version struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, err
	}
	if version.Schema != StudySchema {
		return nil, fmt.Errorf("schema: found %q, expected %q", version.Schema, StudySchema)
	}
	var m Manifest
	if err := decodeStrict(data, &m); err != nil {
		return nil, err
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return &m, nil
}

func (m *Manifest) validate() error {
	if m.Viewpoints < 1 {
		return fmt.Errorf("viewpoints: found %d, expected 1 or more", m.Viewpoints)
	}
	if len(m.Files) == 0 || m.Files[0].Name != ViewpointsName {
		return fmt.Errorf("files: expected %s first", ViewpointsName)
	}
	first := m.plainFiles()
	if m.Domains != nil && (len(m.Files) < first || m.Files[1].Name != DomainsName) {
		return fmt.Errorf("files: expected %s second", DomainsName)
	}
	var all Counts
	for n, f := range m.Files {
		switch {
		case n >= first && f.Name != HijacksName(n-first):
			return fmt.Errorf("files[%d].name: found %q, expected %q", n, f.Name, HijacksName(n-first))
		case !sha256Pattern.MatchString(f.SHA256):
			return fmt.Errorf("files[%d].sha256: found %.80q, expected 64 hexadecimal digits", n, f.SHA256)
		case f.Bytes < 1 || f.Rows < 0 || f.Hijacks < f.Rows || !m.Aggregate && f.Hijacks != f.Rows:
			return fmt.Errorf("files[%d]: found %d bytes, %d rows and %d hijacks, which do not go together", n, f.Bytes, f.Rows, f.Hijacks)
		case all.Hijacks > math.MaxInt64-f.Hijacks:
			return fmt.Errorf("files[%d].hijacks: found more than can be counted", n)
		}
		all.Hijacks, all.Rows = all.Hijacks+f.Hijacks, all.Rows+f.Rows
	}
	if all != m.Counts {
		return fmt.Errorf("counts: found %+v, expected %+v, the files' sum", m.Counts, all)
	}
	if sum := Digest(m.Files); sum != m.SHA256 {
		return fmt.Errorf("sha256: found %.80q, expected %s by the files", m.SHA256, sum)
	}
	return nil
}

// Check reads every file and compares it with the manifest. The error names the
// first file that is missing or has changed.
func (d *Directory) Check() error {
	for _, f := range d.Manifest.Files {
		got, err := HashFile(filepath.Join(d.Path, filepath.FromSlash(f.Name)))
		if err != nil {
			return fmt.Errorf("checking results: %w", err)
		}
		if got.SHA256 != f.SHA256 {
			return fmt.Errorf("%s: SHA-256 %s (%d bytes): the manifest has %s (%d bytes): the file has changed",
				filepath.Join(d.Path, f.Name), got.SHA256, got.Bytes, f.SHA256, f.Bytes)
		}
	}
	return nil
}

// Parts returns how many files of hijacks there are. Reading them side by side
// is the fastest way through a large study.
func (d *Directory) Parts() int { return len(d.Manifest.Files) - d.Manifest.plainFiles() }

// plainFiles returns how many files stand before those of the hijacks.
func (m *Manifest) plainFiles() int {
	if m.Domains != nil {
		return 2
	}
	return 1
}

// Hijacks returns all hijacks in the order of the study: by victim, attack and
// attacker. An error ends the sequence. A hijack's sets are good until the next
// one; clone them to keep them.
func (d *Directory) Hijacks() iter.Seq2[*Hijack, error] {
	return func(yield func(*Hijack, error) bool) {
		for n := range d.Parts() {
			for h, err := range d.Part(n) {
				if !yield(h, err) || err != nil {
					return
				}
			}
		}
	}
}

// Part returns the hijacks of the n-th file, from 0, as [Directory.Hijacks] does.
func (d *Directory) Part(n int) iter.Seq2[*Hijack, error] {
	return func(yield func(*Hijack, error) bool) {
		name := filepath.Join(d.Path, filepath.FromSlash(HijacksName(n)))
		if err := d.readPart(name, d.Manifest.Files[d.Manifest.plainFiles()+n].Rows, yield); err != nil {
			yield(nil, fmt.Errorf("%s: %w", name, err))
		}
	}
}

func (d *Directory) readPart(name string, rows int64, yield func(*Hijack, error) bool) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, stat.Size(), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(1<<16))
	if err != nil {
		return err
	}
	if err := sameColumns(file.Schema(), hijackSchema(len(d.Viewpoints))); err != nil {
		return err
	}
	if file.NumRows() != rows {
		return fmt.Errorf("%d rows: the manifest has %d", file.NumRows(), rows)
	}
	r := newRowReader(len(d.Viewpoints))
	for _, group := range file.RowGroups() {
		more, err := r.read(group, yield)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// sameColumns compares names, order and types.
func sameColumns(found, expected *parquet.Schema) error {
	a, b := found.Fields(), expected.Fields()
	if len(a) != len(b) {
		return fmt.Errorf("%d columns: expected %d", len(a), len(b))
	}
	for n := range b {
		if a[n].Name() != b[n].Name() || !a[n].Leaf() || a[n].Type().String() != b[n].Type().String() || !a[n].Required() {
			return fmt.Errorf("column %d: found %s %v, expected %s %v", n+1, a[n].Name(), a[n], b[n].Name(), b[n].Type())
		}
	}
	return nil
}

// rowReader puts the columns of row groups together.
type rowReader struct {
	hijack Hijack
	sets   [4]Set
	bytes  int
	cursor [columns]cursor
}

// cursor reads one column of a row group.
type cursor struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	batch  []parquet.Value
	n, at  int
}

func newRowReader(viewpoints int) *rowReader {
	r := &rowReader{bytes: setBytes(viewpoints)}
	for n := range r.sets {
		r.sets[n] = make(Set, (viewpoints+63)/64)
	}
	r.hijack.Reached, r.hijack.Lower, r.hijack.Picked, r.hijack.Upper = r.sets[0], r.sets[1], r.sets[2], r.sets[3]
	for c := range r.cursor {
		r.cursor[c].batch = make([]parquet.Value, batchRows)
	}
	return r
}

// read yields the rows of a group, and says whether the caller wants more.
func (r *rowReader) read(group parquet.RowGroup, yield func(*Hijack, error) bool) (bool, error) {
	chunks := group.ColumnChunks()
	for c := range r.cursor {
		r.cursor[c].pages = chunks[c].Pages()
	}
	defer func() {
		for c := range r.cursor {
			r.cursor[c].close()
		}
	}()
	attack, prefix := "", ""
	for range group.NumRows() {
		var row [columns]parquet.Value
		for c := range row {
			v, err := r.cursor[c].next()
			if err != nil {
				return false, fmt.Errorf("column %s: %w", columnNames()[c], err)
			}
			row[c] = v
		}
		h := &r.hijack
		h.Victim, h.Attacker = topology.ASN(row[columnVictim].Uint32()), topology.ASN(row[columnAttacker].Uint32())
		if b := row[columnAttack].ByteArray(); string(b) != attack {
			attack = string(b)
		}
		h.Attack = attack
		if b := row[columnPrefix].ByteArray(); string(b) != prefix {
			prefix = string(b)
			p, err := netip.ParsePrefix(prefix)
			if err != nil {
				return false, fmt.Errorf("column prefix: found %.80q, expected a prefix", prefix)
			}
			h.Prefix = p
		}
		h.VictimWeight, h.AttackerWeight = row[columnVictimWeight].Double(), row[columnAttackerWeight].Double()
		h.Count = row[columnCount].Int64()
		for n, set := range r.sets {
			b := row[columnReached+column(n)].ByteArray()
			if len(b) != r.bytes {
				return false, fmt.Errorf("a set of %d bytes: expected %d", len(b), r.bytes)
			}
			set.unpack(b)
		}
		if !yield(h, nil) {
			return false, nil
		}
	}
	return true, nil
}

// next returns the next value of the column.
func (c *cursor) next() (parquet.Value, error) {
	for c.at == c.n {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return parquet.Value{}, err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.batch)
		c.n, c.at = n, 0
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		case err != nil && !errors.Is(err, io.EOF):
			return parquet.Value{}, err
		}
	}
	c.at++
	return c.batch[c.at-1], nil
}

func (c *cursor) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	if c.pages != nil {
		_ = c.pages.Close()
	}
	*c = cursor{batch: c.batch}
}

// HashFile returns the size and hash of a file; Name is left empty.
func HashFile(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	w := NewHashWriter(io.Discard)
	if _, err := io.Copy(w, f); err != nil {
		return File{}, err
	}
	return w.File(), nil
}
