package study_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// childVariable names the directory that a child process of these tests runs the
// base study into.
const childVariable = "MPICSIM_TEST_STUDY_DIRECTORY"

// talker prints a line for each piece of a file, before it is written.
type talker struct {
	name string
	to   io.Writer
}

func (w talker) Write(b []byte) (int, error) {
	fmt.Println("writing", w.name)
	return w.to.Write(b)
}

// TestChild is no test: it is what TestKilledRuns kills.
func TestChild(t *testing.T) {
	dir := os.Getenv(childVariable)
	if dir == "" {
		t.Skip("only for the child process of TestKilledRuns")
	}
	p := prepare(t, base, study.Options{Workers: 2})
	_, err := p.Run(t.Context(), study.RunOptions{
		Directory: dir, Progress: func(p study.Progress) { fmt.Println("progress", p) },
	}.Through(func(name string, w io.Writer) io.Writer { return talker{name, w} }))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
}

// TestKilledRuns kills runs (SIGKILL) again and again, each some lines of output
// further than the one before, until one comes to its end: the results are those
// of an undisturbed run.
func TestKilledRuns(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	undisturbed := t.TempDir()
	run(t, prepare(t, base, study.Options{Workers: 2}), undisturbed)
	kills := 0
	for lines := 1; ; lines += 12 {
		g.Expect(lines).To(BeNumerically("<", 1000), "the child never ends")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v")
		cmd.Env = append(os.Environ(), childVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(cmd.Start()).To(Succeed())
		scanner := bufio.NewScanner(out)
		seen := 0
		for scanner.Scan() {
			if strings.HasPrefix(scanner.Text(), "writing") || strings.HasPrefix(scanner.Text(), "progress") {
				seen++
			}
			if seen == lines {
				g.Expect(cmd.Process.Kill()).To(Succeed())
			}
		}
		err = cmd.Wait()
		if err == nil {
			break
		}
		exit, ok := errors.AsType[*exec.ExitError](err)
		g.Expect(ok && !exit.Exited()).To(BeTrue(), "killed, not failed: %v", err)
		kills++
	}
	t.Logf("%d kills", kills)
	g.Expect(kills).To(BeNumerically(">=", 3))
	expectSame(t, contents(t, dir), contents(t, undisturbed))
}

// TestTakenUp: what an earlier run has finished is not computed again, unless it
// has changed since.
func TestTakenUp(t *testing.T) {
	g := NewWithT(t)
	want, dir := t.TempDir(), t.TempDir()
	p := prepare(t, base, study.Options{Workers: 1})
	run(t, p, want)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Run(ctx, study.RunOptions{Directory: dir, Progress: func(at study.Progress) {
		if at.Shards == 7 {
			cancel()
		}
	}})
	g.Expect(err).To(MatchError(study.ErrInterrupted))
	g.Expect(err).To(MatchError("interrupted: 7 of 20 shards were finished and are kept: run the same command again"))
	_, err = result.Open(dir)
	g.Expect(err).To(MatchError(result.ErrUnfinished))

	damaged := filepath.Join(dir, result.HijacksName(3))
	data, err := os.ReadFile(damaged)
	g.Expect(err).NotTo(HaveOccurred())
	data[len(data)/2] ^= 1
	g.Expect(os.WriteFile(damaged, data, 0o600)).To(Succeed())

	var last study.Progress
	_, err = p.Run(t.Context(), study.RunOptions{Directory: dir, Progress: func(at study.Progress) { last = at }})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(last).To(Equal(study.Progress{Done: 20 * 598, Total: 20 * 598, Kept: 6 * 598, Shards: 20, AllShards: 20}))
	expectSame(t, contents(t, dir), contents(t, want))

	// Again, when it is complete: nothing is done.
	m, err := p.Run(t.Context(), study.RunOptions{Directory: dir}.Through(func(name string, w io.Writer) io.Writer {
		t.Errorf("%s is written", name)
		return w
	}))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.Counts.Hijacks).To(Equal(int64(20 * 598)))
}

// TestRefusedDirectories: each error names the directory and what to do, and
// changes nothing.
func TestRefusedDirectories(t *testing.T) {
	half := func(t *testing.T) string {
		ctx, cancel := context.WithCancel(t.Context())
		dir := t.TempDir()
		_, err := prepare(t, base, study.Options{}).Run(ctx, study.RunOptions{Directory: dir, Progress: func(study.Progress) { cancel() }})
		NewWithT(t).Expect(err).To(MatchError(study.ErrInterrupted))
		return dir
	}
	whole := func(t *testing.T) string {
		dir := t.TempDir()
		run(t, prepare(t, base, study.Options{}), dir)
		return dir
	}
	for name, c := range map[string]struct {
		dir     func(*testing.T) string
		text    string
		options study.Options
		want    string
	}{
		"another seed":              {half, strings.Replace(base, "seed: 7", "seed: 8", 1), study.Options{}, "seed was 7, is 8"},
		"another topology":          {half, strings.Replace(base, "seed: 4", "seed: 5", 1), study.Options{}, `topology.source was "synth: 300 ASes, seed 4", is "synth: 300 ASes, seed 5"`},
		"only a comment":            {half, base + "# a comment\n", study.Options{}, "inputs[0].sha256 was"},
		"aggregated now":            {half, base, study.Options{Aggregate: true}, "aggregate was false, is true"},
		"complete, another seed":    {whole, strings.Replace(base, "seed: 7", "seed: 8", 1), study.Options{}, "seed was 7, is 8"},
		"complete, aggregated now":  {whole, base, study.Options{Aggregate: true}, "aggregate was false, is true"},
		"complete, attackers fewer": {whole, strings.Replace(base, "attackers: all", "attackers: [1, 2]", 1), study.Options{}, "attackers.count was 300, is 2"},
		"something else in it": {func(t *testing.T) string {
			dir := t.TempDir()
			NewWithT(t).Expect(os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600)).To(Succeed())
			return dir
		}, base, study.Options{}, "is not empty and holds no study: want a new or empty directory"},
		"a file": {func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			NewWithT(t).Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
			return file
		}, base, study.Options{}, "not a directory"},
		"below a file": {func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			NewWithT(t).Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
			return filepath.Join(file, "results")
		}, base, study.Options{}, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := c.dir(t)
			before := map[string]string{}
			if stat, err := os.Stat(dir); err == nil && stat.IsDir() {
				before = contents(t, dir)
			}
			_, err := prepare(t, c.text, c.options).Run(t.Context(), study.RunOptions{Directory: dir})
			g.Expect(err).To(MatchError(ContainSubstring(c.want)))
			g.Expect(err).To(MatchError(ContainSubstring(filepath.Dir(dir))))
			if len(before) > 0 {
				expectSame(t, contents(t, dir), before)
			}
		})
	}
}

// TestUnwritable: a directory that may not be written is an error. The
// administrator may write everywhere.
func TestUnwritable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("SKIPPED: root may write to every directory")
	}
	g := NewWithT(t)
	dir := t.TempDir()
	g.Expect(os.Chmod(dir, 0o500)).To(Succeed())
	_, err := prepare(t, base, study.Options{}).Run(t.Context(), study.RunOptions{Directory: dir})
	g.Expect(err).To(MatchError(ContainSubstring("permission denied")))
}

// TestBusy: of two runs into one directory the second is refused.
func TestBusy(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	p := prepare(t, base, study.Options{})
	var second error
	_, err := p.Run(t.Context(), study.RunOptions{Directory: dir, Progress: func(at study.Progress) {
		if at.Shards == 3 && second == nil {
			_, second = prepare(t, base, study.Options{}).Run(t.Context(), study.RunOptions{Directory: dir})
		}
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(second).To(MatchError(ContainSubstring("another run is writing to it")))
}

// fullDisk takes so many bytes of a file and no more.
type fullDisk struct {
	to   io.Writer
	left *int
}

func (d fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), *d.left)
	*d.left -= n
	n, err := d.to.Write(b[:n])
	if err == nil && n < len(b) {
		err = &os.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return n, err
}

// TestFullDisk: wherever the disk is full, the error says so, no half file is
// left, and with room the run comes to the same bytes.
func TestFullDisk(t *testing.T) {
	g := NewWithT(t)
	want := t.TempDir()
	p := prepare(t, base, study.Options{Workers: 1})
	run(t, p, want)
	dir := filepath.Join(t.TempDir(), "st[1]*?") // no pattern
	for _, room := range []int{0, 100, 9_000, 12_000, 20_000, 50_000} {
		left := room
		if room > 0 { // what a killed run left
			g.Expect(os.WriteFile(filepath.Join(dir, ".checkpoint", "left.tmp"), nil, 0o600)).To(Succeed())
		}
		_, err := p.Run(t.Context(), study.RunOptions{Directory: dir}.Through(func(_ string, w io.Writer) io.Writer { return fullDisk{w, &left} }))
		g.Expect(err).To(MatchError(syscall.ENOSPC))
		g.Expect(err).To(MatchError(ContainSubstring("no space left on device: what is finished is kept: make room and run the same command again")))
		for name := range contents(t, dir) {
			g.Expect(name).NotTo(HaveSuffix(".tmp"))
		}
		_, err = result.Open(dir)
		g.Expect(err).To(MatchError(result.ErrUnfinished))
	}
	run(t, p, dir)
	expectSame(t, contents(t, dir), contents(t, want))
}

// TestVerify: what was stored is computed again; a change of a file is found,
// and so is one that the manifest goes along with.
func TestVerify(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	p := prepare(t, base, study.Options{Workers: 2})
	run(t, p, dir)
	verify := func(p *study.Plan) error {
		d, err := result.Open(dir)
		g.Expect(err).NotTo(HaveOccurred())
		return p.Verify(t.Context(), d, nil)
	}
	g.Expect(verify(p)).To(Succeed())
	other := verify(prepare(t, strings.Replace(base, "seed: 7", "seed: 8", 1), study.Options{}))
	g.Expect(other).To(MatchError(ContainSubstring("was computed from something else")))
	g.Expect(errors.Is(other, study.ErrNotReproduced)).To(BeFalse())

	// A forger who takes one shard's file for another's and mends the manifest.
	d, err := result.Open(dir)
	g.Expect(err).NotTo(HaveOccurred())
	data, err := os.ReadFile(filepath.Join(dir, result.HijacksName(4)))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(dir, result.HijacksName(5)), data, 0o600)).To(Succeed())
	g.Expect(verify(p)).To(MatchError(And(ContainSubstring("not reproduced"), ContainSubstring("00005.parquet"), ContainSubstring("has changed"))))
	m := d.Manifest
	name := m.Files[6].Name
	m.Files[6] = m.Files[5]
	m.Files[6].Name = name
	m.SHA256 = result.Digest(m.Files)
	f, err := os.Create(filepath.Join(dir, result.ManifestName))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.WriteJSON(f, m)).To(Succeed())
	g.Expect(f.Close()).To(Succeed())
	err = verify(p)
	g.Expect(err).To(MatchError(study.ErrNotReproduced))
	g.Expect(err).To(MatchError(ContainSubstring("not reproduced: hijacks/00005.parquet: SHA-256")))
}
