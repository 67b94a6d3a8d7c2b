package audit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// end verifies where a log goes on, and returns its newest file, "" if it has none.
// The only fault of the report is a torn last line, if there is one.
func end(dir, name string) (newest string, r Report, err error) {
	files, err := Files(dir, name)
	if err != nil || len(files) == 0 {
		return "", Report{}, err
	}
	// A rotation that was cut short leaves an empty file behind the last full one.
	r, err = Expected{}.verify(files[max(0, len(files)-2):], true)
	if err != nil {
		return "", r, err
	}
	newest = files[len(files)-1]
	if number, _ := numberOf(newest); r.Lines == 0 && number > 1 {
		return "", r, fmt.Errorf("audit log: refusing to begin a new chain in %s: it has no whole line, and the file before it is missing", newest)
	}
	for _, f := range r.Faults {
		if f.Torn == nil || f.File != newest {
			return "", r, fmt.Errorf("audit log: refusing to go on behind a broken chain: %w", f)
		}
	}
	return newest, r, nil
}

// Newest returns the file that [Open] would go on with, "" if there is none yet, or
// the error with which it would refuse to. It changes nothing.
func Newest(dir, name string) (string, error) {
	newest, _, err := end(dir, name)
	return newest, err
}

// Files returns the files of a log in a directory, oldest first; none if there is no
// such directory. Characters that are special in patterns are not special here.
func Files(dir, name string) ([]string, error) {
	files, _, err := list(dir, name)
	return files, err
}

// Others returns what else is in a directory of a log: files that [Verify] does not
// read. Lines that a crash has cut off (".torn"), which the log itself keeps and
// records, are not among them.
func Others(dir, name string) ([]string, error) {
	_, others, err := list(dir, name)
	return others, err
}

// list tells the files of a log, by their numbers, from what else is in a
// directory.
func list(dir, name string) (files, others []string, err error) {
	if name == "" {
		name = defaultName
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("audit log: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch _, of := numberOf(path); {
		case of == name:
			files = append(files, path)
		case !strings.HasPrefix(e.Name(), name+"-") || !strings.HasSuffix(e.Name(), ".torn"):
			others = append(others, path)
		}
	}
	slices.SortFunc(files, func(a, b string) int {
		first, _ := numberOf(a)
		second, _ := numberOf(b)
		return cmp.Compare(first, second)
	})
	return files, others, nil
}

// numberOf returns the number of a file, and the name of the log that it belongs
// to: "" if no log has named it.
func numberOf(path string) (number int, name string) {
	stem, ok := strings.CutSuffix(filepath.Base(path), extension)
	at := strings.LastIndexByte(stem, '-')
	if !ok || at < 0 {
		return 0, ""
	}
	number, err := strconv.Atoi(stem[at+1:])
	if err != nil || number < 1 || fmt.Sprintf("%06d", number) != stem[at+1:] {
		return 0, ""
	}
	return number, stem[:at]
}

// syncDir makes the names of the files in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
