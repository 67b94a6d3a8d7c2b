package study

import (
	"context"
	"fmt"
	"io"
	"os"

	"mpicsim/scenarios/result"
)

// finished returns the manifest of a complete directory, nil if it is not complete.
// It computes anew what is not as the manifest says.
func (p *Plan) finished(ctx context.Context, d directory, tell func(Progress)) (*result.Manifest, error) {
	if _, err := os.Stat(d.file(result.ManifestName)); err != nil {
		return nil, nil //nolint:nilnil,nilerr // not complete; what is wrong shows when it is opened
	}
	stored, err := result.OpenManifest(d.path)
	if err != nil {
		return nil, fmt.Errorf("%w: want a new or empty directory to compute the study again", err)
	}
	m := &stored.Manifest
	if before, now := jsonBytes(draftOf(*m)), jsonBytes(p.draft); string(before) != string(now) {
		return nil, another(d, before, now)
	}
	broken, err := stored.Broken()
	if err != nil {
		return nil, err
	}
	if len(broken) > 0 {
		err = p.repair(ctx, d, m, broken, tell)
	}
	if err != nil {
		return nil, err
	}
	// A run that was killed behind its last step has left these.
	if err := os.RemoveAll(d.file(checkpointFolder)); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return m, nil
}

// repair computes the broken files of a complete directory anew. One that does not
// come to what the manifest says is not stored.
func (p *Plan) repair(ctx context.Context, d directory, m *result.Manifest, broken []string, tell func(Progress)) error {
	if err := d.folders(); err != nil {
		return err
	}
	lock, err := lockFile(d.file(lockName))
	if err != nil {
		return fmt.Errorf("results: %s: %w", d.path, err)
	}
	defer lock.Close()
	if err := d.removeTemporaries(); err != nil {
		return err
	}
	entries, lost := map[string]result.File{}, map[string]bool{}
	for _, f := range m.Files {
		entries[f.Name] = f
	}
	for _, name := range broken {
		lost[name] = true
	}
	plain := p.plainFiles()
	if want := len(plain) + p.Shards(); len(m.Files) != want {
		return fmt.Errorf("%s: found %d files in %s, expected %d: want a new directory", d.path, len(m.Files), result.ManifestName, want)
	}
	for _, f := range plain {
		if !lost[f.name] {
			continue
		}
		if err := same(f.describe(), entries[f.name]); err != nil {
			return err
		}
		if err := d.write(f.name, f.data); err != nil {
			return err
		}
	}
	if lost[result.StudyName] {
		if err := d.write(result.StudyName, p.options.Source.Text); err != nil {
			return err
		}
	}
	_, err = p.eachShard(ctx, tell, func(ctx context.Context, w func() *worker, n int, t *tracker) (record, error) {
		entry := entries[result.HijacksName(n)]
		if !lost[entry.Name] {
			t.add(Progress{Done: entry.Hijacks, Kept: entry.Hijacks, Shards: 1})
			return record{}, nil
		}
		return record{}, w().mend(ctx, d, n, entry, t)
	})
	return err
}

// mend computes a shard and stores it if it is what the manifest says.
func (w *worker) mend(ctx context.Context, d directory, n int, entry result.File, t *tracker) error {
	from, to := w.shard(n)
	err := d.create(entry.Name, func(out io.Writer) error {
		r, err := w.compute(ctx, out, from, to, func(hijacks int64) { t.add(Progress{Done: hijacks}) })
		if err != nil {
			return err
		}
		r.File.Name = entry.Name
		return same(r.File, entry)
	})
	if err == nil {
		t.add(Progress{Shards: 1})
	}
	return err
}

// same compares a file that was computed anew with what the manifest has.
func same(again, entry result.File) error {
	if again == entry {
		return nil
	}
	return fmt.Errorf("%w: %s: found SHA-256 %s (%d bytes), expected %s (%d bytes) as in the manifest: want a new directory",
		ErrNotReproduced, entry.Name, again.SHA256, again.Bytes, entry.SHA256, entry.Bytes)
}
