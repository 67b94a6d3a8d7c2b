package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
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
// directory that is complete is checked: files that were lost or changed since are
// computed anew, if they then are what the manifest says; the others are left as they
// are.
//
// Errors of the directory (unwritable, full, in use, another study) leave what is
// finished as it was; the same run can be started again.
func (p *Plan) Run(ctx context.Context, o RunOptions) (*result.Manifest, error) {
	d := directory{path: o.Directory, wrap: o.wrap}
	if done, err := p.finished(ctx, d, o.Progress); done != nil || err != nil {
		return done, explained(err)
	}
	lock, err := d.open(begun{Manifest: p.draft, ShardSize: p.shardSize})
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	files := p.plainFiles()
	for _, f := range append([]plainFile{{result.StudyName, p.options.Source.Text}}, files...) {
		if err := d.write(f.name, f.data); err != nil {
			return nil, explained(err)
		}
	}
	records, err := p.runShards(ctx, d, o.Progress)
	if err != nil {
		return nil, explained(err)
	}
	m := p.manifest(files, records)
	if err := d.write(result.ManifestName, jsonBytes(m)); err != nil {
		return nil, explained(err)
	}
	if err := os.RemoveAll(d.file(checkpointFolder)); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return m, nil
}

// explained says what to do about an interrupt or a full disk.
func explained(err error) error {
	if errors.Is(err, ErrInterrupted) {
		return fmt.Errorf("%w and are kept: run the same command again", err)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: what is finished is kept: make room and run the same command again", err)
	}
	return err
}

// another is the error about a directory with something else in it.
func another(d directory, before, now []byte) error {
	return fmt.Errorf("results: %s holds another study, or this one from other inputs: %s: want the same as before, or a new directory",
		d.path, strings.Join(differences(before, now), "; "))
}

// manifest returns the complete manifest.
func (p *Plan) manifest(files []plainFile, records []record) *result.Manifest {
	m := p.draft
	for _, f := range files {
		m.Files = append(m.Files, f.describe())
	}
	for _, r := range records {
		m.Files = append(m.Files, r.File)
		m.Counts.Hijacks += r.File.Hijacks
		m.Counts.Rows += r.File.Rows
		m.Engine.Add(r.Engine)
	}
	m.SHA256 = result.Digest(m.Files)
	return &m
}

// plainFile is a file that is written as it is, without hijacks.
type plainFile struct {
	name string
	data []byte
}

// plainFiles returns those of the results, as the manifest lists them.
func (p *Plan) plainFiles() []plainFile {
	files := []plainFile{{result.ViewpointsName, jsonBytes(p.viewpoints)}}
	if p.domains != nil {
		files = append(files, plainFile{result.DomainsName, jsonBytes(p.domains)})
	}
	return files
}

// describe returns its entry in the manifest.
func (f plainFile) describe() result.File {
	w := result.NewHashWriter(io.Discard)
	_, _ = w.Write(f.data) // hashing does not fail
	file := w.File()
	file.Name = f.name
	return file
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
	return p.eachShard(ctx, tell, func(ctx context.Context, w func() *worker, n int, t *tracker) (record, error) {
		if r, ok := d.kept(n); ok {
			t.add(Progress{Done: r.File.Hijacks, Kept: r.File.Hijacks, Shards: 1})
			return r, nil
		}
		return w().store(ctx, d, n, t)
	})
}

// eachShard has the workers do all shards, and returns their records. A worker
// is made when it is first asked for.
func (p *Plan) eachShard(
	ctx context.Context, tell func(Progress), do func(ctx context.Context, w func() *worker, n int, t *tracker) (record, error),
) ([]record, error) {
	outer := ctx
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	records := make([]record, p.Shards())
	t := &tracker{tell: tell, now: Progress{Total: p.Hijacks(), AllShards: len(records)}}
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(p.options.Workers, len(records)) {
		group.Go(func() {
			w := sync.OnceValue(p.newWorker)
			for n := int(next.Add(1)) - 1; n < len(records) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				r, err := do(ctx, w, n, t)
				if err != nil {
					cancel(err)
					return
				}
				records[n] = r
			}
		})
	}
	group.Wait()
	if outer.Err() != nil {
		return nil, fmt.Errorf("%w: %d of %d shards were finished", ErrInterrupted, t.now.Shards, t.now.AllShards)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return records, nil
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
