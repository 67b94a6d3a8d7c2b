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
	"os"
	"path/filepath"
	"regexp"

	"github.com/parquet-go/parquet-go"
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

// Open reads the manifest, the viewpoints and the domains of a finished study, and
// compares them, the study's text and the names of the other files with the manifest.
// Files of hijacks are compared when they are read, see [Directory.Part], or by
// [Directory.Check].
func Open(path string) (*Directory, error) {
	d, err := OpenManifest(path)
	if err != nil {
		return nil, err
	}
	m := &d.Manifest
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
	if err := d.checkStudy(); err != nil {
		return nil, err
	}
	return d, d.checkFolder()
}

// OpenManifest reads the manifest of a finished study and nothing else: the viewpoints
// and domains of the directory are nil.
func OpenManifest(path string) (*Directory, error) {
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
	return d, nil
}

// readPlain reads the n-th file, which is JSON.
func (d *Directory) readPlain(n int, parse func(data []byte) error) error {
	f := d.Manifest.Files[n]
	name := filepath.Join(d.Path, f.Name)
	data, err := readFile(name)
	if err != nil {
		return fmt.Errorf("reading results: %w", lost(err))
	}
	if err := f.compare(int64(len(data)), sumHex(data)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
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
	// Everybody attacks everybody but perhaps itself.
	if v, a, k := int64(m.Victims.Count), int64(m.Attackers.Count), int64(len(m.Attacks)); v > 0 && a > 0 && k > 0 && v <= math.MaxInt32 && a <= math.MaxInt32 {
		if pairs := all.Hijacks / k; all.Hijacks%k != 0 || pairs < v*(a-1) || pairs > v*a {
			return fmt.Errorf("counts.hijacks: found %d, expected %d victims by %d attackers in %d ways, less those of a victim by itself", all.Hijacks, v, a, k)
		}
	}
	if sum := Digest(m.Files); sum != m.SHA256 {
		return fmt.Errorf("sha256: found %.80q, expected %s by the files", m.SHA256, sum)
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
// attacker. An error ends the sequence; it is one if a file has hijacks of a target
// that an earlier file has. A hijack's sets are good until the next one; clone them to
// keep them.
func (d *Directory) Hijacks() iter.Seq2[*Hijack, error] {
	return func(yield func(*Hijack, error) bool) {
		seen := map[Target]int{} // the file with its hijacks
		for n := range d.Parts() {
			last := Target{}
			for h, err := range d.Part(n) {
				if err == nil && (h.Victim != last.Victim || h.Prefix != last.Prefix) {
					target := Target{h.Victim, h.Prefix}
					if at, again := seen[target]; again && at != n {
						yield(nil, fmt.Errorf("%s: found hijacks of %v of AS %v, expected them in %s alone: %w",
							filepath.Join(d.Path, filepath.FromSlash(HijacksName(n))), h.Prefix, h.Victim, HijacksName(at), ErrChanged))
						return
					}
					seen[target], last = n, target
				}
				if !yield(h, err) || err != nil {
					return
				}
			}
		}
	}
}

// Part returns the hijacks of the n-th file, from 0, as [Directory.Hijacks] does. The
// file is compared with the manifest before anything of it is handed on.
func (d *Directory) Part(n int) iter.Seq2[*Hijack, error] {
	return func(yield func(*Hijack, error) bool) {
		name := filepath.Join(d.Path, filepath.FromSlash(HijacksName(n)))
		if err := d.readPart(name, d.Manifest.Files[d.Manifest.plainFiles()+n], yield); err != nil {
			yield(nil, fmt.Errorf("%s: %w", name, err))
		}
	}
}

func (d *Directory) readPart(name string, entry File, yield func(*Hijack, error) bool) error {
	f, err := os.Open(name)
	if err != nil {
		return lost(err)
	}
	defer f.Close()
	// What is read below is what has been hashed: the same open file.
	if err := entry.check(f); err != nil {
		return err
	}
	file, err := openParquet(f, entry.Bytes, entry.Rows, len(d.Viewpoints))
	if err != nil {
		return err
	}
	pages, err := newPageChecker()
	if err != nil {
		return err
	}
	defer pages.close()
	r := newRowReader(&d.Manifest, len(d.Viewpoints))
	hijacks := int64(0)
	for n, group := range file.RowGroups() {
		for c := range columns {
			if err := pages.check(f, &file.Metadata().RowGroups[n], c, columnBytes(c, len(d.Viewpoints))); err != nil {
				return fmt.Errorf("row group %d, column %s: %w", n, columnNames()[c], err)
			}
		}
		more, err := r.read(group, func(h *Hijack, err error) bool {
			hijacks += h.Count
			return yield(h, err)
		})
		if err != nil || !more {
			return err
		}
	}
	if hijacks != entry.Hijacks {
		return damaged("found rows for %d hijacks, expected %d as in the manifest", hijacks, entry.Hijacks)
	}
	return nil
}

// columnBytes is how many octets a value of a column takes in a dictionary, for
// strings on average.
func columnBytes(c column, viewpoints int) int {
	switch c {
	case columnVictim, columnAttacker:
		return 4
	case columnVictimWeight, columnAttackerWeight, columnCount:
		return 8
	case columnPrefix, columnAttack:
		return maxText
	default:
		return setBytes(viewpoints)
	}
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
