package study_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/result"
	"mpicsim/scenarios/study"
)

// readStored reads all that is stored, as reports do.
func readStored(dir string) error {
	d, err := study.Open(dir)
	if err != nil {
		return err
	}
	for _, e := range d.Hijacks() {
		if e != nil {
			return e
		}
	}
	return nil
}

// copyFolder copies a directory of results.
func copyFolder(g Gomega, from string, t *testing.T) string {
	to := t.TempDir()
	g.Expect(os.CopyFS(to, os.DirFS(from))).To(Succeed())
	return to
}

// TestDamagedResults: results that are not what was computed are never read as if they
// were; the error names the file. The same run mends them, or says what to do.
func TestDamagedResults(t *testing.T) {
	g := NewWithT(t)
	whole, other := t.TempDir(), t.TempDir()
	p := prepare(t, base, study.Options{Workers: 2})
	run(t, p, whole)
	run(t, prepare(t, strings.Replace(base, "seed: 7", "seed: 8", 1), study.Options{Workers: 2}), other)
	g.Expect(readStored(whole)).To(Succeed())
	remove := func(names ...string) func(Gomega, string) {
		return func(g Gomega, dir string) {
			for _, name := range names {
				g.Expect(os.Remove(filepath.Join(dir, name))).To(Succeed())
			}
		}
	}
	put := func(from, to string) func(Gomega, string) { // of a directory, "" for the same
		return func(g Gomega, dir string) {
			if !filepath.IsAbs(from) {
				from = filepath.Join(dir, from)
			}
			data, err := os.ReadFile(from)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(filepath.Join(dir, to), data, 0o600)).To(Succeed())
		}
	}
	edit := func(name, old, now string) func(Gomega, string) {
		return func(g Gomega, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, name))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(string(data)).To(ContainSubstring(old))
			g.Expect(os.WriteFile(filepath.Join(dir, name), bytes.Replace(data, []byte(old), []byte(now), 1), 0o600)).To(Succeed())
		}
	}
	shard := result.HijacksName(3)
	for name, c := range map[string]struct {
		damage func(g Gomega, dir string)
		read   string // what reading says, "" if it does not notice
		mend   string // what running says, "" if it mends
	}{
		"a lost shard":          {remove(shard), shard + ": no such file or directory, expected a file", ""},
		"lost shards":           {remove(shard, result.HijacksName(0), result.HijacksName(19)), "00000.parquet: no such file", ""},
		"a truncated shard":     {func(g Gomega, dir string) { g.Expect(os.Truncate(filepath.Join(dir, shard), 1000)).To(Succeed()) }, shard + ": found 1000 bytes", ""},
		"an empty shard":        {func(g Gomega, dir string) { g.Expect(os.Truncate(filepath.Join(dir, shard), 0)).To(Succeed()) }, shard + ": found 0 bytes", ""},
		"another study's shard": {put(filepath.Join(other, shard), shard), shard + ": found ", ""},
		"a shard twice":         {put(result.HijacksName(4), shard), shard + ": found ", ""},
		"swapped shards": {func(g Gomega, dir string) {
			put(shard, "aside")(g, dir)
			put(result.HijacksName(4), shard)(g, dir)
			put("aside", result.HijacksName(4))(g, dir)
			remove("aside")(g, dir)
		}, shard + ": found ", ""},
		"a folder for a shard": {func(g Gomega, dir string) {
			remove(shard)(g, dir)
			g.Expect(os.Mkdir(filepath.Join(dir, shard), 0o700)).To(Succeed())
		}, shard, shard},
		"lost viewpoints":  {remove(result.ViewpointsName), "viewpoints.json: no such file", ""},
		"other viewpoints": {edit(result.ViewpointsName, "AS", "AX"), "viewpoints.json: found SHA-256", ""},
		"a lost study":     {remove(result.StudyName), "study.yaml: no such file", ""},
		"another study":    {edit(result.StudyName, "seed: 7", "seed: 9"), "study.yaml: found SHA-256", ""},
		"a leftover": {func(g Gomega, dir string) {
			g.Expect(os.MkdirAll(filepath.Join(dir, ".checkpoint"), 0o700)).To(Succeed())
			put(shard, ".checkpoint/00003.parquet.tmp")(g, dir)
		}, "", ""},
		"a leftover among shards": {put(shard, "hijacks/00003.parquet.tmp"), "", "keeps"},
		"a shard too many":        {put(shard, "hijacks/00020.parquet"), "hijacks/00020.parquet: found a file of hijacks that the manifest lacks, expected none: remove it", "00020.parquet: found a file"},
		"half a manifest": {func(g Gomega, dir string) {
			g.Expect(os.Truncate(filepath.Join(dir, result.ManifestName), 900)).To(Succeed())
		}, "manifest.json: unexpected end", "want a new or empty directory"},
		"a lost manifest":           {remove(result.ManifestName), "not a finished study: it has no manifest.json", "want a new or empty directory"},
		"a manifest of another":     {put(filepath.Join(other, result.ManifestName), result.ManifestName), "found SHA-256", "holds another study"},
		"an edited hash":            {edit(result.ManifestName, `"sha256": "`, `"sha256": "0`), "study.yaml: found SHA-256", "sha256"},
		"an edited tie-break":       {edit(result.ManifestName, `"tie_break": "seeded"`, `"tie_break": "nearest"`), "tie_break: found nearest, expected seeded", "tie_break was"},
		"an edited seed":            {edit(result.ManifestName, `"seed": 7`, `"seed": 70`), "seed: found 70, expected 7", "seed was 70, is 7"},
		"victims said to be all":    {edit(result.ManifestName, `"how": "sample"`, `"how": "all"`), "victims: found all", "how was"},
		"victims said to be listed": {edit(result.ManifestName, `"draws": 20`, `"draws": 0`), "victims: found sample, expected sample of 20", "draws was"},
		"another attack":            {edit(result.ManifestName, `"equal-prefix"`, `"sub-prefix"`), "attacks: found", "attacks"},
		"no inputs":                 {edit(result.ManifestName, `"role": "study"`, `"role": "rpki"`), "inputs: found none with the role study", "role was"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := copyFolder(g, whole, t)
			c.damage(g, dir)
			before := contents(t, dir)
			if err := readStored(dir); c.read == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(ContainSubstring(c.read)))
				g.Expect(err).To(MatchError(ContainSubstring(dir)))
			}
			_, err := p.Run(t.Context(), study.RunOptions{Directory: dir})
			switch c.mend {
			case "":
				g.Expect(err).NotTo(HaveOccurred())
				expectSame(t, contents(t, dir), contents(t, whole))
				g.Expect(readStored(dir)).To(Succeed())
			case "keeps":
				g.Expect(err).NotTo(HaveOccurred())
				expectSame(t, contents(t, dir), before)
			default:
				g.Expect(err).To(MatchError(ContainSubstring(c.mend)))
				g.Expect(err).To(MatchError(ContainSubstring(dir)))
			}
		})
	}
}

// TestLyingManifest: a manifest that has the right hashes of other files than were
// computed is noticed by what is in them.
func TestLyingManifest(t *testing.T) {
	g := NewWithT(t)
	whole := t.TempDir()
	run(t, prepare(t, base, study.Options{Workers: 2}), whole)
	lie := func(t *testing.T, change func(m *result.Manifest, dir string)) string {
		dir := copyFolder(g, whole, t)
		data, err := os.ReadFile(filepath.Join(dir, result.ManifestName))
		g.Expect(err).NotTo(HaveOccurred())
		var m result.Manifest
		g.Expect(json.Unmarshal(data, &m)).To(Succeed())
		change(&m, dir)
		m.Counts = result.Counts{}
		for _, f := range m.Files {
			m.Counts.Hijacks, m.Counts.Rows = m.Counts.Hijacks+f.Hijacks, m.Counts.Rows+f.Rows
		}
		m.SHA256 = result.Digest(m.Files)
		var out bytes.Buffer
		g.Expect(result.WriteJSON(&out, m)).To(Succeed())
		g.Expect(os.WriteFile(filepath.Join(dir, result.ManifestName), out.Bytes(), 0o600)).To(Succeed())
		return dir
	}
	for name, c := range map[string]struct {
		change func(m *result.Manifest, dir string)
		want   string
	}{
		"a shard twice": {func(m *result.Manifest, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, result.HijacksName(4)))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(os.WriteFile(filepath.Join(dir, result.HijacksName(7)), data, 0o600)).To(Succeed())
			m.Files[8] = m.Files[5]
			m.Files[8].Name = result.HijacksName(7)
		}, "00007.parquet: found hijacks of"},
		"fewer shards": {func(m *result.Manifest, _ string) { m.Files = m.Files[:10] }, "manifest.json: counts.hijacks: found 5382"},
		"fewer shards, and removed": {func(m *result.Manifest, dir string) {
			m.Files = m.Files[:20]
			g.Expect(os.Remove(filepath.Join(dir, result.HijacksName(19)))).To(Succeed())
		}, "manifest.json: counts.hijacks: found"},
		"more rows":  {func(m *result.Manifest, _ string) { m.Files[3].Rows += 2; m.Files[3].Hijacks += 2 }, "00002.parquet: "},
		"aggregated": {func(m *result.Manifest, _ string) { m.Aggregate = true; m.Files[3].Hijacks += 2 }, "00002.parquet: "},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(readStored(lie(t, c.change))).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

// TestReadWhileRunning: results are not read before they are complete, nor while a
// lost shard is computed anew.
func TestReadWhileRunning(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, base, study.Options{Workers: 2})
	dir := t.TempDir()
	seen := 0
	_, err := p.Run(t.Context(), study.RunOptions{Directory: dir, Progress: func(study.Progress) {
		seen++
		g.Expect(readStored(dir)).To(MatchError(result.ErrUnfinished))
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.Remove(filepath.Join(dir, result.HijacksName(5)))).To(Succeed())
	before := seen
	_, err = p.Run(t.Context(), study.RunOptions{Directory: dir, Progress: func(at study.Progress) {
		seen++
		if at.Shards < at.AllShards {
			if err := readStored(dir); err != nil {
				g.Expect(err).To(MatchError(result.ErrChanged))
			}
		}
	}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(seen).To(BeNumerically(">", before))
	g.Expect(readStored(dir)).To(Succeed())
}

// TestRepairInterrupted: a repair that is interrupted, and then goes on.
func TestRepairInterrupted(t *testing.T) {
	g := NewWithT(t)
	p := prepare(t, base, study.Options{Workers: 1})
	dir, want := t.TempDir(), t.TempDir()
	run(t, p, dir)
	run(t, p, want)
	for _, n := range []int{2, 9, 15} {
		g.Expect(os.Remove(filepath.Join(dir, result.HijacksName(n)))).To(Succeed())
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Run(ctx, study.RunOptions{Directory: dir, Progress: func(at study.Progress) {
		if at.Shards == 5 {
			cancel()
		}
	}})
	g.Expect(errors.Is(err, study.ErrInterrupted)).To(BeTrue(), "%v", err)
	g.Expect(readStored(dir)).To(MatchError(result.ErrChanged))
	_, err = p.Run(t.Context(), study.RunOptions{Directory: dir})
	g.Expect(err).NotTo(HaveOccurred())
	expectSame(t, contents(t, dir), contents(t, want))
}
