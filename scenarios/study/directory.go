package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mpicsim/scenarios/result"
)

// The files of a run that is under way. The folder is removed when the study is
// complete.
const (
	checkpointFolder = ".checkpoint"
	planName         = checkpointFolder + "/plan.json"
	lockName         = checkpointFolder + "/lock"
)

// checkpointName returns the name of the record of the n-th shard.
func checkpointName(n int) string { return fmt.Sprintf("%s/%05d.json", checkpointFolder, n) }

// directory is where a study is stored.
type directory struct {
	path string
	// wrap, if not nil, stands between the writers and the disk: for tests.
	wrap func(name string, w io.Writer) io.Writer
}

func (d directory) file(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// begun is what a run writes down before it begins: what must be the same when
// it is taken up again.
type begun struct {
	Manifest  result.Manifest `json:"manifest"`
	ShardSize int             `json:"shard_victims"`
}

// open makes the directory ready for a run, and returns its lock. It refuses a
// directory that holds something else, or another study.
func (d directory) open(b begun) (io.Closer, error) {
	if err := os.MkdirAll(d.path, 0o777); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	ours := len(entries) == 0 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == checkpointFolder })
	if !ours {
		return nil, fmt.Errorf("results: %s is not empty and holds no study: want a new or empty directory", d.path)
	}
	if err := d.folders(); err != nil {
		return nil, err
	}
	lock, err := lockFile(d.file(lockName))
	if err != nil {
		return nil, fmt.Errorf("results: %s: %w", d.path, err)
	}
	if err := d.begin(jsonBytes(b)); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// folders makes those that a run needs.
func (d directory) folders() error {
	for _, folder := range []string{checkpointFolder, result.HijacksFolder} {
		if err := os.MkdirAll(d.file(folder), 0o777); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	return nil
}

// begin writes down the plan of a new run, or compares it with that of the run
// that is taken up.
func (d directory) begin(plan []byte) error {
	if err := d.removeTemporaries(); err != nil {
		return err
	}
	switch before, err := os.ReadFile(d.file(planName)); {
	case errors.Is(err, fs.ErrNotExist):
		return explained(d.write(planName, plan))
	case err != nil:
		return fmt.Errorf("results: %w", err)
	case !bytes.Equal(before, plan):
		return another(d, before, plan)
	}
	return nil
}

// removeTemporaries removes what a killed run has left unfinished.
func (d directory) removeTemporaries() error {
	entries, err := os.ReadDir(d.file(checkpointFolder))
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if err := os.Remove(d.file(checkpointFolder + "/" + e.Name())); err != nil {
			return fmt.Errorf("results: %w", err)
		}
	}
	return nil
}

// jsonBytes returns a value of this package as JSON.
func jsonBytes(v any) []byte {
	var b bytes.Buffer
	if err := result.WriteJSON(&b, v); err != nil {
		panic("study: " + err.Error()) // plain structs
	}
	return b.Bytes()
}

// write stores a file so that it is either whole or not there.
func (d directory) write(name string, data []byte) error {
	return d.create(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// create stores what fill writes under a temporary name, waits until the disk has
// it, and renames it. On an error nothing is left.
func (d directory) create(name string, fill func(w io.Writer) error) (err error) {
	temporary := d.file(checkpointFolder + "/" + filepath.Base(name) + ".tmp")
	f, err := os.Create(temporary)
	if err != nil {
		return fmt.Errorf("results: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the first error counts
			_ = os.Remove(temporary)
			err = fmt.Errorf("results: %w", err)
		}
	}()
	var to io.Writer = f
	if d.wrap != nil {
		to = d.wrap(name, f)
	}
	if err := fill(to); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(temporary, d.file(name)); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(d.file(name)))
}

// kept returns the record of a shard that an earlier run has finished, if its
// file is still what was written.
func (d directory) kept(n int) (record, bool) {
	data, err := os.ReadFile(d.file(checkpointName(n)))
	if err != nil {
		return record{}, false
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, false
	}
	file, err := result.HashFile(d.file(result.HijacksName(n)))
	return r, err == nil && file.SHA256 == r.File.SHA256 && r.File.Name == result.HijacksName(n)
}

// differences names the fields in which two JSON texts differ, the first few.
func differences(before, now []byte) []string {
	var a, b any
	if json.Unmarshal(before, &a) != nil || json.Unmarshal(now, &b) != nil {
		return []string{planName + " cannot be read"}
	}
	var out []string
	compare("", a, b, &out)
	const most = 5
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("and %d more", len(out)-most))
	}
	return out
}

func compare(field string, a, b any, out *[]string) {
	join := func(name string) string { return strings.TrimPrefix(field+"."+name, ".") }
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			names := map[string]bool{}
			for name := range x {
				names[name] = true
			}
			for name := range y {
				names[name] = true
			}
			for _, name := range sortedKeys(names) {
				compare(join(name), x[name], y[name], out)
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) {
			for n := range x {
				compare(fmt.Sprintf("%s[%d]", field, n), x[n], y[n], out)
			}
			return
		}
	}
	before, now := text(a), text(b)
	if before != now {
		*out = append(*out, fmt.Sprintf("%s was %s, is %s", strings.TrimPrefix(field, "manifest."), before, now))
	}
}

// text returns a JSON value in short.
func text(v any) string {
	if v == nil {
		return "not given"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(b) > 80 {
		return string(b[:80]) + "..."
	}
	return string(b)
}
