package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mpicsim/scenarios/result"
)

// ErrNotReproduced is wrapped by errors about results that this program, from
// these inputs, does not come to.
var ErrNotReproduced = errors.New("not reproduced")

// Verify computes the study again and compares the bytes with stored results. It
// returns nil if every file is the same; an error that wraps [ErrNotReproduced]
// and names the first that is not; and another error if the results are of
// another study or of other inputs. The program's version is not compared.
func (p *Plan) Verify(ctx context.Context, stored *result.Directory, tell func(Progress)) error {
	before, now := draftOf(stored.Manifest), p.draft
	before.Version, now.Version = "", ""
	if a, b := jsonBytes(before), jsonBytes(now); string(a) != string(b) {
		return fmt.Errorf("%s was computed from something else: %s", stored.Path, strings.Join(differences(a, b), "; "))
	}
	if err := stored.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReproduced, err)
	}
	records, err := p.recompute(ctx, tell)
	if err != nil {
		return err
	}
	again := p.manifest(p.plainFiles(), records).Files
	if len(again) != len(stored.Manifest.Files) {
		return fmt.Errorf("%w: %d files: the manifest has %d", ErrNotReproduced, len(again), len(stored.Manifest.Files))
	}
	for n, f := range stored.Manifest.Files {
		if again[n] != f {
			return fmt.Errorf("%w: %s: SHA-256 %s (%d bytes): the manifest has %s (%d bytes)",
				ErrNotReproduced, f.Name, again[n].SHA256, again[n].Bytes, f.SHA256, f.Bytes)
		}
	}
	return nil
}

// draftOf returns the part of a manifest that is known before a run.
func draftOf(m result.Manifest) result.Manifest {
	m.Counts, m.Engine, m.Files, m.SHA256 = result.Counts{}, result.Engine{}, nil, ""
	return m
}

// recompute computes all shards and stores nothing.
func (p *Plan) recompute(ctx context.Context, tell func(Progress)) ([]record, error) {
	return p.eachShard(ctx, tell, func(ctx context.Context, w func() *worker, n int, t *tracker) (record, error) {
		from, to := p.shard(n)
		r, err := w().compute(ctx, io.Discard, from, to, func(hijacks int64) { t.add(Progress{Done: hijacks}) })
		if err != nil {
			return record{}, err
		}
		r.File.Name = result.HijacksName(n)
		t.add(Progress{Shards: 1})
		return r, nil
	})
}
