package result

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Check reads every file and compares it with the manifest. The error names the
// first file that is missing or has changed, or one that is there beside them.
func (d *Directory) Check() error {
	for _, f := range d.Manifest.Files {
		if err := d.checkFile(f); err != nil {
			return err
		}
	}
	return d.checkFolder()
}

// Broken returns the names of the files that are missing or not as the manifest says,
// the study's text among them. The error is about a file that cannot be read, or one
// that the manifest lacks.
func (d *Directory) Broken() ([]string, error) {
	var names []string
	for _, f := range d.Manifest.Files {
		if err := d.checkFile(f); errors.Is(err, ErrChanged) {
			names = append(names, f.Name)
		} else if err != nil {
			return nil, err
		}
	}
	if err := d.checkStudy(); errors.Is(err, ErrChanged) {
		names = append(names, StudyName)
	} else if err != nil {
		return nil, err
	}
	return names, d.checkFolder()
}

// checkFile compares one file with the manifest.
func (d *Directory) checkFile(entry File) error {
	name := filepath.Join(d.Path, filepath.FromSlash(entry.Name))
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("checking results: %w", lost(err))
	}
	defer f.Close()
	if err := entry.check(f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// ErrChanged is wrapped by the errors about a file that is not as the manifest says:
// changed, of another study, or not there.
var ErrChanged = errors.New("the file has changed")

// lostError is an [ErrChanged] about a file that is not there.
type lostError struct{ error }

func (e *lostError) Error() string {
	return e.error.Error() + ", expected a file of the manifest: run the study again to compute it anew"
}

func (e *lostError) Unwrap() []error { return []error{e.error, ErrChanged} }

// lost marks an error about a file that is not there.
func lost(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &lostError{err}
	}
	return err
}

// check compares an open file with what the manifest says of it.
func (f File) check(open *os.File) error {
	stat, err := open.Stat()
	if err != nil {
		return err
	}
	w := NewHashWriter(io.Discard)
	if stat.Size() == f.Bytes {
		if _, err := io.Copy(w, io.NewSectionReader(open, 0, f.Bytes)); err != nil {
			return err
		}
	}
	return f.compare(stat.Size(), w.File().SHA256)
}

// compare returns an error unless the length and the hash are the file's.
func (f File) compare(octets int64, sum string) error {
	switch {
	case octets != f.Bytes:
		return fmt.Errorf("found %d bytes, expected %d as in the manifest: %w", octets, f.Bytes, ErrChanged)
	case sum != f.SHA256:
		return fmt.Errorf("found SHA-256 %s, expected %s as in the manifest: %w", sum, f.SHA256, ErrChanged)
	}
	return nil
}

// checkFolder looks for files that others who read the folder would take for the
// study's.
func (d *Directory) checkFolder() error {
	entries, err := os.ReadDir(filepath.Join(d.Path, HijacksFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // then a file is missing, which has its own error
		return fmt.Errorf("checking results: %w", err)
	}
	known := map[string]bool{}
	for _, f := range d.Manifest.Files {
		known[f.Name] = true
	}
	for _, e := range entries {
		if name := HijacksFolder + "/" + e.Name(); filepath.Ext(name) == ".parquet" && !known[name] {
			return fmt.Errorf("%s: found a file of hijacks that the manifest lacks, expected none: remove it: %w", filepath.Join(d.Path, filepath.FromSlash(name)), ErrChanged)
		}
	}
	return nil
}

// checkStudy compares the text of the study with the hash among the inputs.
func (d *Directory) checkStudy() error {
	for _, in := range d.Manifest.Inputs {
		if in.Role != "study" {
			continue
		}
		name := filepath.Join(d.Path, StudyName)
		data, err := readFile(name)
		if err != nil {
			return fmt.Errorf("reading results: %w", lost(err))
		}
		if err := (File{Bytes: int64(len(data)), SHA256: in.SHA256}).compare(int64(len(data)), sumHex(data)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
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
