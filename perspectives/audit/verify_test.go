package audit

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

// folder is a log of ten lines in four files, 1 to 3, 4 to 6, 7 to 9 and 10.
type folder struct {
	g    *WithT
	dir  string
	head Head
}

func newFolder(t *testing.T) folder {
	f := folder{g: NewWithT(t), dir: t.TempDir()}
	f.head = write(f.g, f.dir, 10)
	files, err := Files(f.dir, "")
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(files).To(HaveLen(4))
	return f
}

func (f folder) path(n int) string { return filepath.Join(f.dir, fmt.Sprintf("audit-%06d.jsonl", n)) }

// lines returns those of a file, each with its line feed.
func (f folder) lines(n int) []string {
	text, err := os.ReadFile(f.path(n))
	f.g.Expect(err).NotTo(HaveOccurred())
	all := strings.SplitAfter(string(text), "\n")
	return all[:len(all)-1]
}

func (f folder) write(n int, lines ...string) {
	f.g.Expect(os.WriteFile(f.path(n), []byte(strings.Join(lines, "")), 0o600)).To(Succeed())
}

// end returns the hash of the last line of a file.
func (f folder) end(n int) string {
	l := f.lines(n)
	head, _, reason := parseLine([]byte(strings.TrimSuffix(l[len(l)-1], "\n")))
	f.g.Expect(reason).To(BeEmpty())
	return head.Hash
}

func (f folder) rename(from, to int) {
	f.g.Expect(os.Rename(f.path(from), f.path(to))).To(Succeed())
}

func (f folder) remove(numbers ...int) {
	for _, n := range numbers {
		f.g.Expect(os.Remove(f.path(n))).To(Succeed())
	}
}

// TestMissing: whatever is taken away from a log, or moved in it, is noticed, or can
// be noticed only by who knows its head.
func TestMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(f folder)
		want   string // the first fault; "" if the chain alone cannot show it
	}{
		"the first line":             {func(f folder) { f.write(1, f.lines(1)[1:]...) }, "audit-000001.jsonl:1: the log begins with seq 2"},
		"the first file":             {func(f folder) { f.remove(1) }, "audit-000002.jsonl:1: the log begins with seq 4"},
		"nearly all from the front":  {func(f folder) { f.remove(1, 2, 3) }, "audit-000004.jsonl:1: the log begins with seq 10"},
		"the first file is emptied":  {func(f folder) { f.write(1) }, "audit-000002.jsonl:1: the log begins with seq 4"},
		"a file in the middle":       {func(f folder) { f.remove(2) }, "audit-000003.jsonl: file number 3 follows 1"},
		"and the rest renamed":       {func(f folder) { f.remove(2); f.rename(3, 2); f.rename(4, 3) }, "audit-000002.jsonl:1: seq 7 follows 3"},
		"two swapped":                {func(f folder) { f.rename(2, 9); f.rename(3, 2); f.rename(9, 3) }, "audit-000002.jsonl:1: seq 7 follows 3"},
		"one renamed":                {func(f folder) { f.rename(4, 5) }, "audit-000005.jsonl: file number 5 follows 3"},
		"one renamed out of sight":   {func(f folder) { f.g.Expect(os.Rename(f.path(2), f.path(2)+".bak")).To(Succeed()) }, "audit-000003.jsonl: file number 3 follows 1"},
		"a file doubled":             {func(f folder) { f.write(5, f.lines(4)...) }, "audit-000005.jsonl:1: seq 10 follows 10"},
		"a line doubled":             {func(f folder) { f.write(4, f.lines(4)[0], f.lines(4)[0]) }, "audit-000004.jsonl:2: seq 10 follows 10"},
		"lines between files":        {func(f folder) { f.write(2, f.lines(2)[:2]...) }, "audit-000003.jsonl:1: seq 7 follows 5"},
		"half of the last line":      {func(f folder) { f.write(4, f.lines(4)[0][:80]) }, "audit-000004.jsonl:1: torn"},
		"half of a file's last line": {func(f folder) { f.write(2, f.lines(2)[0], f.lines(2)[1][:80]) }, "audit-000002.jsonl:2: torn"},
		"the last line feed":         {func(f folder) { f.write(4, strings.TrimSuffix(f.lines(4)[0], "\n")) }, "audit-000004.jsonl:1: torn"},
		"everything":                 {func(f folder) { f.remove(2, 3, 4); f.write(1) }, "audit-000001.jsonl: the log has no line"},
		"a new beginning": {func(f folder) {
			l := f.lines(2)
			f.write(2, strings.Replace(l[0], f.end(1), noHead().Hash, 1), l[1])
			f.remove(1)
		}, "audit-000002.jsonl:1: the line has another hash"},
		"a new beginning, hashed": {func(f folder) {
			line, _ := chain(Head{Seq: 3, Hash: noHead().Hash}, []byte(`1`))
			f.remove(1, 3, 4)
			f.write(2, string(line))
		}, "audit-000002.jsonl:1: seq 4 has no prev"},
		"line 1 after something": {func(f folder) {
			line, _ := chain(Head{Hash: strings.Repeat("1", 64)}, []byte(`1`))
			f.remove(2, 3, 4)
			f.write(1, string(line))
		}, "audit-000001.jsonl:1: seq 1 has a prev"},
		"another form of the same": {func(f folder) {
			line := strings.Replace(f.lines(4)[0], `"record":`, `"record": `, 1)
			f.write(4, rehashText(line))
		}, "audit-000004.jsonl:1: the line does not have the form"},
		"a second record": {func(f folder) {
			line := strings.Replace(f.lines(4)[0], `"record":`, `"record":{"domain":"x"},"Record":`, 1)
			f.write(4, rehashText(line))
		}, "audit-000004.jsonl:1: the line does not have the form"},

		"the last line":            {func(f folder) { f.write(3, f.lines(3)[:2]...); f.remove(4) }, ""},
		"the last file":            {func(f folder) { f.remove(4) }, ""},
		"the last file is emptied": {func(f folder) { f.write(4) }, ""},
		"the last, written anew": {func(f folder) {
			line, _ := chain(Head{Seq: 9, Hash: f.end(3)}, []byte(`{"quorum":"4/4"}`))
			f.write(4, string(line))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			tc.change(f)
			files, err := Files(f.dir, "")
			f.g.Expect(err).NotTo(HaveOccurred())
			r, err := Verify(files)
			f.g.Expect(err).NotTo(HaveOccurred())
			if tc.want == "" {
				f.g.Expect(r.Faults).To(BeEmpty(), "the chain alone cannot show it")
			} else {
				f.g.Expect(r.Faults).NotTo(BeEmpty())
				f.g.Expect(r.Faults[0].Error()).To(HavePrefix(filepath.Join(f.dir, tc.want)))
			}
			for _, e := range []Expected{{Head: f.head.Hash}, {Holds: []string{f.head.Hash}}} {
				r, err = e.Verify(files)
				f.g.Expect(err).NotTo(HaveOccurred())
				f.g.Expect(r.Faults).NotTo(BeEmpty(), "who knows the head sees it: %+v", e)
			}
		})
	}
}

// rehashText gives a line that no log has written the hash that it should have.
func rehashText(line string) string {
	before, _, _ := strings.Cut(line, hashKey)
	return fmt.Sprintf("%s%s%x\"}\n", before, hashKey, sha256.Sum256([]byte(before)))
}

// TestArchive: older files may be elsewhere if it is known how they end, and the
// archive verifies by itself.
func TestArchive(t *testing.T) {
	f := newFolder(t)
	files, err := Files(f.dir, "")
	f.g.Expect(err).NotTo(HaveOccurred())
	for n := 1; n < 4; n++ {
		older, err := Expected{Head: f.end(n)}.Verify(files[:n])
		f.g.Expect(err).NotTo(HaveOccurred())
		f.g.Expect(older.Faults).To(BeEmpty())
		newer, err := Expected{After: older.Head.Hash, Head: f.head.Hash}.Verify(files[n:])
		f.g.Expect(err).NotTo(HaveOccurred())
		f.g.Expect(newer.Faults).To(BeEmpty())
		f.g.Expect(newer.First).To(Equal(older.Head.Seq + 1))
		f.g.Expect(newer.After).To(Equal(older.Head.Hash))

		for _, after := range []string{f.head.Hash, noHead().Hash, strings.Repeat("1", 64)} {
			other, err := Expected{After: after}.Verify(files[n:])
			f.g.Expect(err).NotTo(HaveOccurred())
			f.g.Expect(other.Faults).To(HaveLen(1), "%s", after)
		}
		whole, err := Expected{After: older.Head.Hash}.Verify(files)
		f.g.Expect(err).NotTo(HaveOccurred())
		f.g.Expect(whole.Faults).To(HaveLen(1), "a log with its beginning follows nothing")
		if n < 3 {
			gap, err := Expected{After: older.Head.Hash}.Verify(files[n+1:])
			f.g.Expect(err).NotTo(HaveOccurred())
			f.g.Expect(gap.Faults[0].Reason).To(ContainSubstring("lines were removed"))
		}
	}
	// The log itself goes on behind its newest file, and refuses to begin anew.
	f.remove(1, 2, 3)
	l := open(f.g, f.dir, 0)
	f.g.Expect(l.Append(1)).To(Succeed())
	f.g.Expect(l.Head().Seq).To(Equal(uint64(11)))
	f.g.Expect(l.Close()).To(Succeed())
	f.write(4)
	_, err = Open(Options{Dir: f.dir, Clock: noon})
	f.g.Expect(err).To(MatchError(ContainSubstring("refusing to begin a new chain in " + f.path(4))))
	f.write(4, `{"seq":4`)
	_, err = Open(Options{Dir: f.dir, Clock: noon})
	f.g.Expect(err).To(MatchError(ContainSubstring("refusing to begin a new chain")))
}

// TestHolds: a head that was noted earlier is looked for in a log that has grown.
func TestHolds(t *testing.T) {
	f := newFolder(t)
	files, err := Files(f.dir, "")
	f.g.Expect(err).NotTo(HaveOccurred())
	r, err := Expected{Holds: []string{f.end(1), f.end(3), f.head.Hash}}.Verify(files)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(r.Faults).To(BeEmpty())
	r, err = Expected{Holds: []string{f.end(1), strings.Repeat("2", 64)}}.Verify(files)
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(r.Faults).To(HaveLen(1))
	f.g.Expect(r.Faults[0].Reason).To(HavePrefix("no line has the hash 2222"))
}

// TestForeignFiles: what the log has not named is not read, and is listed; what
// cannot be read to its end is an error.
func TestForeignFiles(t *testing.T) {
	f := newFolder(t)
	foreign := []string{
		"audit-000002.jsonl.bak", "audit-2.jsonl", "audit-0000002.jsonl", "audit-00000a.jsonl", "audit--00002.jsonl",
		"audit-000000.jsonl", "other-000001.jsonl", "notes.txt", "audit-000003 (copy).jsonl",
	}
	for _, name := range append([]string{"audit-000001.jsonl.3.torn"}, foreign...) {
		f.g.Expect(os.WriteFile(filepath.Join(f.dir, name), []byte("x"), 0o600)).To(Succeed())
	}
	others, err := Others(f.dir, "")
	f.g.Expect(err).NotTo(HaveOccurred())
	for i, path := range others {
		others[i] = filepath.Base(path)
	}
	f.g.Expect(others).To(ConsistOf(foreign))
	f.g.Expect(verify(f.g, f.dir).Faults).To(BeEmpty())

	// A million files are in order, too.
	f.g.Expect(os.WriteFile(filepath.Join(f.dir, "audit-1000000.jsonl"), nil, 0o600)).To(Succeed())
	f.g.Expect(os.WriteFile(filepath.Join(f.dir, "audit-999999.jsonl"), nil, 0o600)).To(Succeed())
	files, err := Files(f.dir, "")
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(filepath.Base(files[len(files)-1])).To(Equal("audit-1000000.jsonl"))

	f.remove(2)
	f.g.Expect(syscall.Mkfifo(f.path(2), 0o600)).To(Succeed())
	_, err = Verify([]string{f.path(1), f.path(2)})
	f.g.Expect(err).To(MatchError(ContainSubstring("expected a regular file")))
	_, err = Verify([]string{f.dir})
	f.g.Expect(err).To(MatchError(ContainSubstring("expected a regular file")))
	none, err := Files(filepath.Join(f.dir, "absent"), "")
	f.g.Expect(err).NotTo(HaveOccurred())
	f.g.Expect(none).To(BeEmpty())
}

// TestFolderWithBrackets: the name of a folder is no pattern.
func TestFolderWithBrackets(t *testing.T) {
	g := NewWithT(t)
	dir := filepath.Join(t.TempDir(), "ca[1]")
	write(g, dir, 1)
	write(g, dir, 1)
	r := verify(g, dir)
	g.Expect(r.Faults).To(BeEmpty())
	g.Expect(r.Lines).To(Equal(2))
}

// TestManyFaults: a file of foreign lines does not fill the memory.
func TestManyFaults(t *testing.T) {
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "audit-000001.jsonl")
	g.Expect(os.WriteFile(path, slices.Repeat([]byte("x\n"), 5000), 0o600)).To(Succeed())
	r, err := Verify([]string{path})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Faults).To(HaveLen(1000))
	g.Expect(r.MoreFaults).To(Equal(4000))
}
