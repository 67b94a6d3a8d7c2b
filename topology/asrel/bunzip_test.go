package asrel

import (
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// threeBlocks is 250,000 bytes (the decimal numbers from 0, a line each, cut
// off) packed with `bzip2 -1`: three blocks.
func threeBlocks(tb testing.TB) []byte {
	tb.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", "numbers.bz2"))
	if err != nil {
		tb.Fatal(err)
	}
	return packed
}

func serially(packed []byte) ([]byte, error) {
	return io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
}

func TestBlocksInParallelGiveTheSameText(t *testing.T) {
	packed := threeBlocks(t)
	// `bzip2 < /dev/null` and `printf hi | bzip2`
	empty, err1 := base64.StdEncoding.DecodeString("QlpoORdyRThQkAAAAAA=")
	g := NewWithT(t)
	g.Expect(err1).NotTo(HaveOccurred())
	for name, c := range map[string]struct {
		packed []byte
		blocks int
	}{
		"three blocks":        {packed, 3},
		"no block":            {empty, 0},
		"two streams":         {append(bytes.Clone(packed), packed...), 6},
		"an empty one first":  {append(bytes.Clone(empty), packed...), 3},
		"an empty one behind": {append(bytes.Clone(packed), empty...), 3},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			spans, ok := findBlocks(c.packed)
			g.Expect(ok).To(BeTrue())
			g.Expect(spans).To(HaveLen(c.blocks))
			want, err := serially(c.packed)
			g.Expect(err).NotTo(HaveOccurred())
			z := newBunzip(c.packed)
			got, err := io.ReadAll(z)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(bytes.Equal(got, want)).To(BeTrue())
			g.Expect(z.serial).To(BeNil(), "it was decompressed by blocks")
			g.Expect(z.Close()).To(Succeed())
			g.Expect(z.Close()).To(Succeed())
		})
	}
}

// A mark inside a block by chance: the pieces fail and the sequential reader
// takes over, after the blocks that were good.
func TestAMarkByChanceFallsBack(t *testing.T) {
	g := NewWithT(t)
	packed := threeBlocks(t)
	want, err := serially(packed)
	g.Expect(err).NotTo(HaveOccurred())
	for split := range 3 {
		spans, ok := findBlocks(packed)
		g.Expect(ok).To(BeTrue())
		s := spans[split]
		middle := (s.from + s.to) / 2
		cut := append(append(append([]span{}, spans[:split]...), span{s.from, middle, s.level}, span{middle, s.to, s.level}), spans[split+1:]...)
		z := &bunzip{packed: packed, stop: make(chan struct{})}
		z.start(cut, 2)
		got, err := io.ReadAll(z)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(bytes.Equal(got, want)).To(BeTrue())
		g.Expect(z.serial).NotTo(BeNil())
	}
}

// Whatever is damaged, the verdict is that of the sequential reader, and no
// damage goes unnoticed.
func TestDamageIsReported(t *testing.T) {
	packed := threeBlocks(t)
	g := NewWithT(t)
	for at := 0; at < len(packed); at += 997 {
		broken := bytes.Clone(packed)
		broken[at] ^= 0x10
		_, err := io.ReadAll(newBunzip(broken))
		g.Expect(err).To(HaveOccurred(), "flipped a bit of byte %d", at)
	}
	for _, cut := range []int{3, 4, 10, 14, len(packed) / 2, len(packed) - 5, len(packed) - 1} {
		_, err := io.ReadAll(newBunzip(packed[:cut]))
		g.Expect(err).To(HaveOccurred(), "cut to %d bytes", cut)
	}
	wrongSum := bytes.Clone(packed)
	wrongSum[len(wrongSum)-3] ^= 0x40
	_, err := io.ReadAll(newBunzip(wrongSum))
	g.Expect(err).To(MatchError(ContainSubstring("checksum")), "the stream's own checksum counts too")
	_, err = io.ReadAll(newBunzip(append(bytes.Clone(packed), "junk"...)))
	g.Expect(err).To(HaveOccurred(), "junk behind the stream")
}

func TestClosingEarlyStopsTheWorkers(t *testing.T) {
	packed := bytes.Repeat(threeBlocks(t), 20)
	z := newBunzip(packed)
	if _, err := io.ReadFull(z, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if held := len(z.room); held > cap(z.room) {
		t.Fatalf("%d blocks in memory, want at most %d", held, cap(z.room))
	}
}

func TestReadNamesADamagedFile(t *testing.T) {
	g := NewWithT(t)
	packed := threeBlocks(t)
	_, err := Read(bytes.NewReader(packed[:len(packed)-1]), "cut.bz2")
	g.Expect(err).To(MatchError(ContainSubstring("cut.bz2: after line ")))
	g.Expect(err).To(MatchError(io.ErrUnexpectedEOF))
	_, err = Read(strings.NewReader("BZh"), "short.bz2")
	g.Expect(err).To(MatchError(ContainSubstring("short.bz2: after line 0: bzip2: unexpected EOF")))
}

func TestAppendBits(t *testing.T) {
	g := NewWithT(t)
	for n := range 17 {
		out := appendBits([]byte{0xff, 0xff, 0xff}, n, 0x5, 3, 0xabcd, 16)
		var wide [8]byte
		copy(wide[:], out)
		got := binary.BigEndian.Uint64(wide[:])
		ones := uint64(1)<<n - 1
		g.Expect(got).To(Equal(ones<<(64-n)|0x5<<(64-n-3)|0xabcd<<(64-n-19)), "after %d bits", n)
		g.Expect(out).To(HaveLen((n + 19 + 7) / 8))
	}
}
