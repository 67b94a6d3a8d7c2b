package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"mpicsim/scenarios/result"
)

// Progress is how far a run has come.
type Progress struct {
	// Done of Total hijacks are computed, Kept of them by earlier runs.
	Done, Total, Kept int64
	// Shards of how many are stored.
	Shards, AllShards int
}

// RunOptions say where to store the results.
type RunOptions struct {
	// Directory is new, empty, or holds an earlier run of the same study, which
	// is then taken up.
	Directory string
	// Progress, if not nil, is called now and then, by one goroutine at a time.
	Progress func(Progress)

	wrap func(name string, w io.Writer) io.Writer // see directory
}

// ErrInterrupted is wrapped by the error of a run whose context is done. What it
// has finished is kept.
var ErrInterrupted = errors.New("interrupted")

// Run computes what is not yet in the directory, and returns the manifest. A
// directory that is complete is checked and left as it is.
//
// Errors of the directory (unwritable, full, in use, another study) leave what is
// finished as it was; the same run can be started again.
func (p *Plan) Run(ctx context.Context, o RunOptions) (*result.Manifest, error) {
	d := directory{path: o.Directory, wrap: o.wrap}
	if done, err := p.finished(d); done != nil || err != nil {
		return done, err
	}
	lock, err := d.open(begun{Manifest: p.draft, ShardSize: p.shardSize})
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	viewpoints := jsonBytes(p.viewpoints)
	if err := errors.Join(d.write(result.StudyName, p.options.Source.Text), d.write(result.ViewpointsName, viewpoints)); err != nil {
		return nil, explained(err)
	}
	records, err := p.runShards(ctx, d, o.Progress)
	if err != nil {
		return nil, explained(err)
	}
	m := p.manifest(viewpoints, records)
	if err := d.write(result.ManifestName, jsonBytes(m)); err != nil {
		return nil, explained(err)
	}
	if err := os.RemoveAll(d.file(checkpointFolder)); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return m, nil
}

// explained says what to do about a full disk.
func explained(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: what is finished is kept: make room and run the same command again", err)
	}
	return err
}

// finished returns the manifest of a complete directory, nil if it is not
// complete.
func (p *Plan) finished(d directory) (*result.Manifest, error) {
	if _, err := os.Stat(d.file(result.ManifestName)); err != nil {
		return nil, nil //nolint:nilnil,nilerr // not complete; what is wrong shows when it is opened
	}
	stored, err := result.Open(d.path)
	if err != nil {
		return nil, err
	}
	m := stored.Manifest
	m.Counts, m.Engine, m.Files, m.SHA256 = result.Counts{}, result.Engine{}, nil, ""
	if before, now := jsonBytes(m), jsonBytes(p.draft); string(before) != string(now) {
		return nil, fmt.Errorf("results: %s holds another study, or this one from other inputs: %s: want the same as before, or a new directory",
			d.path, differences(before, now))
	}
	if err := stored.Check(); err != nil {
		return nil, err
	}
	// A run that was killed behind its last step has left these.
	if err := os.RemoveAll(d.file(checkpointFolder)); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return &stored.Manifest, nil
}

// manifest returns the complete manifest.
func (p *Plan) manifest(viewpoints []byte, records []record) *result.Manifest {
	m := p.draft
	w := result.NewHashWriter(io.Discard)
	_, _ = w.Write(viewpoints) // hashing does not fail
	file := w.File()
	file.Name = result.ViewpointsName
	m.Files = []result.File{file}
	for _, r := range records {
		m.Files = append(m.Files, r.File)
		m.Counts.Hijacks += r.File.Hijacks
		m.Counts.Rows += r.File.Rows
		m.Engine.Cut += r.Engine.Cut
		m.Engine.Routed += r.Engine.Routed
	}
	m.SHA256 = result.Digest(m.Files)
	return &m
}

// tracker tells the caller how far the run has come.
type tracker struct {
	mu   sync.Mutex
	now  Progress
	tell func(Progress)
}

func (t *tracker) add(change Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Done += change.Done
	t.now.Kept += change.Kept
	t.now.Shards += change.Shards
	if t.tell != nil {
		t.tell(t.now)
	}
}

// runShards computes all shards that are not stored, and returns the records of
// all.
func (p *Plan) runShards(ctx context.Context, d directory, tell func(Progress)) ([]record, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	records := make([]record, p.Shards())
	t := &tracker{tell: tell, now: Progress{Total: p.Hijacks(), AllShards: len(records)}}
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(p.options.Workers, len(records)) {
		group.Go(func() {
			var w *worker
			for n := int(next.Add(1)) - 1; n < len(records) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				if r, ok := d.kept(n); ok {
					records[n] = r
					t.add(Progress{Done: r.File.Hijacks, Kept: r.File.Hijacks, Shards: 1})
					continue
				}
				if w == nil {
					w = p.newWorker()
				}
				r, err := w.store(ctx, d, n, t)
				if err != nil {
					cancel(err)
					return
				}
				records[n] = r
			}
		})
	}
	group.Wait()
	if ctx.Err() == nil {
		return records, nil
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %d of %d shards are finished and kept: run the same command again", ErrInterrupted, t.now.Shards, t.now.AllShards)
}

// store computes a shard and stores it with its record.
func (w *worker) store(ctx context.Context, d directory, n int, t *tracker) (record, error) {
	var r record
	from, to := w.shard(n)
	err := d.create(result.HijacksName(n), func(out io.Writer) (err error) {
		r, err = w.compute(ctx, out, from, to, func(hijacks int64) { t.add(Progress{Done: hijacks}) })
		return err
	})
	if err != nil {
		return record{}, err
	}
	r.File.Name = result.HijacksName(n)
	if err := d.write(checkpointName(n), jsonBytes(r)); err != nil {
		return record{}, err
	}
	t.add(Progress{Shards: 1})
	return r, nil
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }
