package result_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios/result"
	"mpicsim/topology/unpack/unpacktest"
)

// forge puts octets in the place of the only file of hijacks, and their hash into the
// manifest.
func forge(tb testing.TB, dir string, data []byte) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(dir, result.ManifestName))
	if err != nil {
		tb.Fatal(err)
	}
	var m result.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		tb.Fatal(err)
	}
	w := result.NewHashWriter(&bytes.Buffer{})
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	entry, is := w.File(), &m.Files[1]
	is.Bytes, is.SHA256 = max(entry.Bytes, 1), entry.SHA256
	m.SHA256 = result.Digest(m.Files)
	var out bytes.Buffer
	if err := result.WriteJSON(&out, m); err != nil {
		tb.Fatal(err)
	}
	for name, data := range map[string][]byte{result.ManifestName: out.Bytes(), result.HijacksName(0): data} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// readAll reads a directory, and returns what that takes.
func readAll(tb testing.TB, dir string) (allocated uint64, cpu time.Duration, rows int, err error) {
	tb.Helper()
	allocated, cpu = unpacktest.Cost(tb, func() {
		var d *result.Directory
		if d, err = result.Open(dir); err != nil {
			return
		}
		for _, e := range d.Hijacks() {
			if err = e; err == nil {
				rows++
			}
		}
	})
	return allocated, cpu, rows, err
}

// TestHostileParquet puts files under a manifest that has their right hash: the
// error names the file, and none takes more than the honest file that it was made of,
// but for a few MB.
func TestHostileParquet(t *testing.T) {
	dir := store(t, randomHijacks(3000, 70), 70)
	name := filepath.Join(dir, result.HijacksName(0))
	good, err := os.ReadFile(name)
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	honest, _, rows, err := readAll(t, dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(rows).To(Equal(3000))
	footer := func(length uint32) []byte {
		out := bytes.Clone(good)
		binary.LittleEndian.PutUint32(out[len(out)-8:], length)
		return out
	}
	at := len(good) - 8 - int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	with := func(footer string) []byte {
		out := append(bytes.Clone(good[:at]), footer...)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
		return append(out, "PAR1"...)
	}
	for what, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":                     {nil, "expected 1 as in the manifest"},
		"magic alone":                 {[]byte("PAR1PAR1"), "expected a footer"},
		"magic, twice":                {[]byte("PAR1PAR1PAR1"), "found a footer of 827474256 octets, expected at most 0"},
		"another magic":               {append(bytes.Clone(good[:len(good)-1]), '2'), `"PAR2" at the end, expected PAR1`},
		"an encrypted footer":         {append(bytes.Clone(good[:len(good)-1]), 'E'), "expected PAR1"},
		"cut off":                     {good[:len(good)/2], "at the end, expected PAR1"},
		"a footer as long as a GB":    {footer(1 << 30), "found a footer of 1073741824 octets, expected at most"},
		"a footer of nothing":         {footer(0), "footer: found no Thrift structure"},
		"a footer that ends early":    {footer(7), "footer: "},
		"a list of a billion":         {with("\x15\x02\x19\xfc\xff\xff\xff\xff\x03"), "parts in"},
		"a string of a GB":            {with("\x15\x02\x38\xff\xff\xff\xff\x03"), "parts in"},
		"deep nesting":                {with(string(bytes.Repeat([]byte{0x1c}, 4000))), "more than 16 levels"},
		"deep lists":                  {with("\x19" + string(bytes.Repeat([]byte{0x19}, 4000))), "more than 16 levels"},
		"a thousand empty row groups": {with("\x15\x02\x49\xfc\xe8\x07" + string(make([]byte, 1001))), "found a list of"},
		"a hundred columns":           {with("\x15\x02\x19\xfc\x64" + string(make([]byte, 101))), "found a list of 100 elements, expected at most 64"},
		"an empty schema":             {with("\x15\x02\x00"), "reading Parquet: "},
	} {
		t.Run(what, func(t *testing.T) {
			g := NewWithT(t)
			forge(t, dir, c.data)
			used, _, _, err := readAll(t, dir)
			g.Expect(err).To(MatchError(And(HavePrefix(name+": "), ContainSubstring(c.want))))
			g.Expect(used).To(BeNumerically("<", honest+4<<20), "the honest file takes %d", honest)
		})
	}
}

// TestMutatedParquet changes octets of a good file at random, a few at a time, and
// puts its right hash into the manifest: whatever comes of it is an error with the
// file's name or hijacks, and costs no more than the honest file, but for a few MB.
func TestMutatedParquet(t *testing.T) {
	g := NewWithT(t)
	dir := store(t, randomHijacks(300, 9), 9)
	name := filepath.Join(dir, result.HijacksName(0))
	good, err := os.ReadFile(name)
	g.Expect(err).NotTo(HaveOccurred())
	honest, cpu, _, err := readAll(t, dir)
	g.Expect(err).NotTo(HaveOccurred())
	random := rand.New(rand.NewPCG(1, 2))
	damaged, most := 0, uint64(0)
	for range 2000 {
		data := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(data))
			if random.IntN(2) == 0 { // most of what decides is in the last third
				at = len(data) - 1 - random.IntN(len(data)/3)
			}
			data[at] = byte(random.Uint32())
		}
		forge(t, dir, data)
		used, took, _, err := readAll(t, dir)
		if most = max(most, used); used > honest+4<<20 || took > 10*cpu+time.Second {
			t.Fatalf("%d octets and %v, where the honest file takes %d and %v: %v", used, took, honest, cpu, err)
		}
		if err != nil {
			damaged++
			g.Expect(err).To(MatchError(HavePrefix(name + ": ")))
			g.Expect(err).To(MatchError(result.ErrDamaged))
		}
	}
	t.Logf("%d of 2000 were refused; %d octets at most, the honest file %d", damaged, most, honest)
	g.Expect(damaged).To(BeNumerically(">", 500))
}

// FuzzHijacks reads any octets in the place of a file of hijacks: no panic, and no
// more memory and time than a file of their length may take.
func FuzzHijacks(f *testing.F) {
	hijacks := randomHijacks(20, 9)
	var out bytes.Buffer
	w := result.NewHijackWriter(&out, 9)
	for n := range hijacks {
		if err := w.Write(&hijacks[n]); err != nil {
			f.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte("PAR1PAR1"))
	f.Add([]byte("PAR1\x00\x00\x00\x00\x00PAR1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<20 {
			return
		}
		dir := store(t, hijacks, 9)
		forge(t, dir, data)
		used, took, _, _ := readAll(t, dir)
		if used > 16<<20+10*uint64(len(data)) || took > 5*time.Second {
			t.Fatalf("%d octets of memory and %v for %d octets", used, took, len(data))
		}
	})
}
