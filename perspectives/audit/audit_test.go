package audit

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/perspectives/costtest"
)

func noon() time.Time { return time.Date(2026, time.December, 15, 12, 0, 0, 0, time.UTC) }

func open(g Gomega, dir string, maxBytes int64) *Log {
	l, err := Open(Options{Dir: dir, MaxBytes: maxBytes, Sync: true, Clock: noon})
	g.Expect(err).NotTo(HaveOccurred())
	return l
}

func verify(g Gomega, dir string) Report {
	files, err := Files(dir, "")
	g.Expect(err).NotTo(HaveOccurred())
	r, err := Verify(files)
	g.Expect(err).NotTo(HaveOccurred())
	return r
}

// write makes a log of n records, in files of about three.
func write(g Gomega, dir string, n int) Head {
	l := open(g, dir, 700)
	for i := range n {
		g.Expect(l.Append(map[string]any{"domain": fmt.Sprintf("site%d.example", i), "quorum": "3/4"})).To(Succeed())
	}
	g.Expect(l.Err()).NotTo(HaveOccurred())
	head := l.Head()
	g.Expect(l.Close()).To(Succeed())
	return head
}

func TestChainHoldsAcrossFilesAndRestarts(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	write(g, dir, 5)
	head := write(g, dir, 5)
	r := verify(g, dir)
	g.Expect(r.Faults).To(BeEmpty())
	g.Expect(r.Lines).To(Equal(10))
	g.Expect(r.First).To(Equal(uint64(1)))
	g.Expect(r.Head).To(Equal(head))
	g.Expect(r.Files).To(BeNumerically(">", 3))
}

// TestNamesThatArePatterns: a folder or a log whose name would be a pattern for
// filepath.Glob goes on with its own chain.
func TestNamesThatArePatterns(t *testing.T) {
	for _, name := range []string{"ca[1]", "a*b", "what?", `back\\slash`, "[", "[^a]", "{a,b}", "audit-000001.jsonl"} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := filepath.Join(t.TempDir(), name)
			write(g, dir, 5)
			head := write(g, dir, 5)
			r := verify(g, dir)
			g.Expect(r.Faults).To(BeEmpty())
			g.Expect(r.Lines).To(Equal(10))
			g.Expect(r.Head).To(Equal(head))
		})
	}
}

func TestFiles(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	for _, name := range []string{
		"audit-000010.jsonl", "audit-000002.jsonl", "audit-1000000.jsonl", "audit-999999.jsonl",
		"audit-00001.jsonl", "audit-00000x.jsonl", "audit-000001.jsonl.2.torn", "other-000001.jsonl", "audit-.jsonl", "audit-000001",
	} {
		g.Expect(os.WriteFile(filepath.Join(dir, name), nil, 0o600)).To(Succeed())
	}
	files, err := Files(dir, "")
	g.Expect(err).NotTo(HaveOccurred())
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	g.Expect(files).To(Equal([]string{"audit-000002.jsonl", "audit-000010.jsonl", "audit-999999.jsonl", "audit-1000000.jsonl"}))
	g.Expect(Files(filepath.Join(dir, "absent"), "")).To(BeEmpty())
	_, err = Files(filepath.Join(dir, "audit-000001"), "")
	g.Expect(err).To(HaveOccurred(), "a file is no folder")
}

func TestHandlerKeepsWhatIsLogged(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	l := open(g, dir, 0)
	logger := slog.New(l.Handler())
	logger.With(slog.String("ca", "ca.example")).WithGroup("attempt").Info("quorum result", slog.String("quorum", "3/4"))
	logger.Debug("noise")
	g.Expect(l.Close()).To(Succeed())
	g.Expect(l.Close()).To(Succeed())
	text, err := os.ReadFile(filepath.Join(dir, "audit-000001.jsonl"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(ContainSubstring(`"msg":"quorum result","ca":"ca.example","attempt":{"quorum":"3/4"}}`))
	g.Expect(verify(g, dir).Lines).To(Equal(1))
	logger.Info("too late")
	g.Expect(l.Err()).To(MatchError(ErrClosed))
}

func TestConcurrentAppends(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	l := open(g, dir, 5000)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for i := range 50 {
				_ = l.Append(i)
			}
		})
	}
	running.Wait()
	g.Expect(l.Err()).NotTo(HaveOccurred())
	g.Expect(l.Close()).To(Succeed())
	r := verify(g, dir)
	g.Expect(r.Faults).To(BeEmpty())
	g.Expect(r.Lines).To(Equal(400))
}

// TestTogether: records that waited are written at once, each with an end of its
// own, in as many files as they need.
func TestTogether(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	l := open(g, dir, 1000)
	var all []*entry
	for i := range 12 {
		all = append(all, &entry{record: fmt.Append(nil, i)})
	}
	all[5].record = bytes.Repeat([]byte("1"), maxLine)
	l.mu.Lock()
	l.appendAll(all)
	l.mu.Unlock()
	for i, e := range all {
		g.Expect(e.done).To(BeTrue())
		if i == 5 {
			g.Expect(e.err).To(MatchError(ContainSubstring("expected at most")))
			continue
		}
		g.Expect(e.err).NotTo(HaveOccurred(), "record %d", i)
	}
	g.Expect(l.Err()).NotTo(HaveOccurred(), "a later one succeeded")
	r := verify(g, dir)
	g.Expect(r.Faults).To(BeEmpty())
	g.Expect(r.Lines).To(Equal(11))
	g.Expect(r.Head).To(Equal(l.Head()))
	files, err := Files(dir, "")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(files).To(HaveLen(3))
	for _, f := range files {
		info, err := os.Stat(f)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(info.Size()).To(BeNumerically("<=", 1000))
	}
	g.Expect(l.Close()).To(Succeed())
	all = []*entry{{record: []byte("1")}, {record: []byte("2")}}
	l.appendAll(all)
	g.Expect(all[1].err).To(MatchError(ErrClosed))
}

// BenchmarkAppend has each of 64 writers wait until its record of 500 octets is on
// the disk.
func BenchmarkAppend(b *testing.B) {
	g := NewWithT(b)
	l := open(g, b.TempDir(), 0)
	record := strings.Repeat("x", 500)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := l.Append(record); err != nil {
				b.Error(err)
			}
		}
	})
	g.Expect(l.Close()).To(Succeed())
}

// TestTampering: every way in which lines can be changed is found, at its place.
func TestTampering(t *testing.T) {
	type lines = []string
	for name, tc := range map[string]struct {
		change func(l lines) lines // of the second file, which has lines seq 4 to 6
		want   string
	}{
		"nothing":              {func(l lines) lines { return l }, ""},
		"a result is changed":  {func(l lines) lines { l[1] = strings.Replace(l[1], "3/4", "4/4", 1); return l }, ":2: the line has another hash than it says"},
		"and hashed again":     {func(l lines) lines { l[1] = rehash(strings.Replace(l[1], "3/4", "4/4", 1)); return l }, ":3: prev is not the hash of line seq 5"},
		"the last one hashed":  {func(l lines) lines { l[2] = rehash(strings.Replace(l[2], "3/4", "4/4", 1)); return l }, "audit-000003.jsonl:1: prev is not the hash of line seq 6"},
		"a line is removed":    {func(l lines) lines { return append(l[:1], l[2]) }, ":2: seq 6 follows 4"},
		"the first is removed": {func(l lines) lines { return l[1:] }, ":1: seq 5 follows 3"},
		"the file is emptied":  {func(lines) lines { return nil }, "audit-000003.jsonl:1: seq 7 follows 3"},
		"a line is doubled":    {func(l lines) lines { return append(lines{l[0]}, l...) }, ":2: seq 4 follows 4"},
		"two are swapped":      {func(l lines) lines { l[0], l[1] = l[1], l[0]; return l }, ":1: seq 5 follows 3"},
		"a foreign line":       {func(l lines) lines { return append(l, "hello") }, ":4: not one JSON object"},
		"an empty line":        {func(l lines) lines { return append(l, "") }, ":4: not one JSON object"},
		"a field is added":     {func(l lines) lines { l[0] = strings.Replace(l[0], `{"seq"`, `{"x":1,"seq"`, 1); return l }, ":1: not one JSON object"},
		"no hash":              {func(l lines) lines { l[0] = `{"seq":4,"prev":"","record":1,"hash":""}`; return l }, ":1: seq, prev, record or hash is missing"},
		"hash first": {func(l lines) lines {
			l[0] = `{"hash":"` + strings.Repeat("0", 64) + `","seq":4,"prev":"` + strings.Repeat("0", 64) + `","record":1}`
			return l
		}, ":1: the line has another hash"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			dir := t.TempDir()
			write(g, dir, 9)
			path := filepath.Join(dir, "audit-000002.jsonl")
			text, err := os.ReadFile(path)
			g.Expect(err).NotTo(HaveOccurred())
			l := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			g.Expect(l).To(HaveLen(3))
			if l = tc.change(l); len(l) > 0 {
				l = append(l, "")
			}
			g.Expect(os.WriteFile(path, []byte(strings.Join(l, "\n")), 0o600)).To(Succeed())
			faults := verify(g, dir).Faults
			if tc.want == "" {
				g.Expect(faults).To(BeEmpty())
				return
			}
			g.Expect(faults).NotTo(BeEmpty())
			g.Expect(faults[0].Error()).To(ContainSubstring(tc.want))
		})
	}
}

// rehash gives a line the hash that it should have.
func rehash(line string) string {
	before, _, _ := strings.Cut(line, hashKey)
	_, rest, _ := strings.Cut(before, `"record":`)
	var head Head
	if _, err := fmt.Sscanf(before, `{"seq":%d,"prev":"%64s"`, &head.Seq, &head.Hash); err != nil {
		panic(err)
	}
	head.Seq--
	out, _ := chain(head, []byte(rest))
	return strings.TrimSuffix(string(out), "\n")
}

// TestTornLine: a crash leaves any beginning of the last line behind.
func TestTornLine(t *testing.T) {
	g := NewWithT(t)
	first := t.TempDir()
	write(g, first, 2)
	text, err := os.ReadFile(filepath.Join(first, "audit-000001.jsonl"))
	g.Expect(err).NotTo(HaveOccurred())
	begin := strings.IndexByte(string(text), '\n') + 1
	for cut := begin + 1; cut < len(text); cut += 7 {
		g := NewWithT(t)
		dir := t.TempDir()
		path := filepath.Join(dir, "audit-000001.jsonl")
		g.Expect(os.WriteFile(path, text[:cut], 0o600)).To(Succeed())
		r := verify(g, dir)
		g.Expect(r.Faults).To(HaveLen(1))
		g.Expect(r.Faults[0].Error()).To(HaveSuffix("audit-000001.jsonl:2: torn: the last line has no end, as after a crash"))
		g.Expect(r.Head.Seq).To(Equal(uint64(1)))

		write(g, dir, 1) // opens, and goes on
		r = verify(g, dir)
		g.Expect(r.Faults).To(BeEmpty())
		g.Expect(r.Lines).To(Equal(3))
		now, err := os.ReadFile(path)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(string(now)).To(ContainSubstring(`"msg":"torn line","file":"audit-000001.jsonl","octets":` + fmt.Sprint(cut-begin)))
		kept, err := os.ReadFile(path + ".2.torn")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(kept).To(Equal(text[begin:cut]))
	}
}

func TestOpenRefuses(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	write(g, dir, 2)
	path := filepath.Join(dir, "audit-000001.jsonl")
	text, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(path, []byte(strings.Replace(string(text), "3/4", "4/4", 1)), 0o600)).To(Succeed())
	_, err = Open(Options{Dir: dir, Clock: noon})
	g.Expect(err).To(MatchError(ContainSubstring("refusing to go on behind a broken chain: " + path + ":1:")))

	for want, o := range map[string]Options{
		"Dir and Clock are required":  {Clock: noon},
		"expected no path":            {Dir: dir, Clock: noon, Name: "../x"},
		"MaxBytes -1: want 0 or more": {Dir: dir, Clock: noon, MaxBytes: -1},
		"not a directory":             {Dir: path, Clock: noon},
	} {
		_, err := Open(o)
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
	_, err = Verify([]string{filepath.Join(dir, "none")})
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

func TestAppendRefuses(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	l := open(g, dir, 0)
	defer l.Close()
	g.Expect(l.Append(func() {})).To(MatchError(ContainSubstring("unsupported type")))
	g.Expect(l.Append(strings.Repeat("x", maxLine))).To(MatchError(ContainSubstring("expected at most")))
	g.Expect(l.Append(1)).To(Succeed())
	other := open(g, dir, 0)
	defer other.Close()
	g.Expect(other.Append(2)).To(Succeed())
	g.Expect(l.Append(3)).To(MatchError(ErrForeign))
	g.Expect(l.Err()).To(MatchError(ErrForeign))
}

// TestLostRecords: what could not be kept is counted in the first record that can be,
// which a question about the log's health tries to write.
func TestLostRecords(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	l := open(g, dir, 0)
	g.Expect(l.Append(1)).To(Succeed())
	g.Expect(l.Healthy()).To(Succeed())
	path := filepath.Join(dir, "audit-000001.jsonl")
	text, err := os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.WriteFile(path, append(text, "foreign\n"...), 0o600)).To(Succeed())
	for range 3 {
		g.Expect(l.Append(2)).To(MatchError(ErrForeign))
	}
	g.Expect(l.Healthy()).To(MatchError(ErrForeign))
	g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	g.Expect(l.Healthy()).To(Succeed())
	g.Expect(l.Healthy()).To(Succeed())
	g.Expect(l.Append(3)).To(Succeed())
	g.Expect(l.Close()).To(Succeed())
	g.Expect(l.Append(4)).To(MatchError(ErrClosed))
	r := verify(g, dir)
	g.Expect(r.Faults).To(BeEmpty())
	g.Expect(r.Lines).To(Equal(3))
	text, err = os.ReadFile(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(text)).To(MatchRegexp(`"record":\{"time":"2026-12-15T12:00:00Z","msg":"records lost","records":3,"error":"somebody else has written to the audit log: [^"]*has \d+ octets, expected \d+"\}`))
}

func FuzzVerify(f *testing.F) {
	line, head := chain(noHead(), []byte(`{"a":1}`))
	second, _ := chain(head, []byte(`2`))
	f.Add(string(line))
	f.Add(string(line) + string(second))
	f.Add(string(second))
	f.Add(string(line[:20]))
	f.Add("\n")
	f.Add(`{"seq":1}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := Report{Head: noHead()}
		costtest.AtMost(t, costtest.Cost{CPU: time.Second, Allocated: 4<<20 + 512*uint64(len(text))}, func() {
			r = Report{Head: noHead()}
			if err := r.verifyFile("f", strings.NewReader(text), noHead().Hash); err != nil {
				t.Fatal(err)
			}
		})
		if len(r.Faults) == 0 && r.Lines != strings.Count(text, "\n") {
			t.Fatalf("%d lines of %q", r.Lines, text)
		}
	})
}
