package asrel_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/unpack"
	"mpicsim/topology/unpack/unpacktest"
)

// cost returns what reading takes.
func cost(tb testing.TB, input []byte) (allocated uint64, cpu time.Duration, err error) {
	tb.Helper()
	allocated, cpu = unpacktest.Cost(tb, func() { _, err = asrel.Read(bytes.NewReader(input), "input") })
	return allocated, cpu, err
}

func gzipped(tb testing.TB, text []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// honest returns a text of so many octets in the manner of CAIDA's files: an AS has
// some seven links.
func honest(octets int) []byte {
	var b bytes.Buffer
	for n := 0; b.Len() < octets; n++ {
		fmt.Fprintf(&b, "%d|%d|%d\n", n/7+1, n/7+2+n%7*1000, -n%2)
	}
	return b.Bytes()
}

// The texts of bzip2Bombs, packed with `bzip2 -9`: two million times "7|8|-1\n", 64 MiB
// of zero octets, and "# \n".
func bzip2Bombs(tb testing.TB) (links, zeros, comment []byte) {
	tb.Helper()
	unbase := func(text string) []byte {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			tb.Fatal(err)
		}
		return data
	}
	return unbase("QlpoOTFBWSZTWcYDnxIC8VTYgAAQAAIgwAAEIABwMAE1UaadqFRBqhUQYoVEGVCog6oVEGqFRBqhUQfMUFZJlNZ7MOgzALxVNiAABAAAiDAAAQgAHAwATVRpp1QqINqFRBlQqIN8oVEG" +
			"KFRB2oVEGqFRB8xQVkmU1mQIqV3BeKqWIAAEAACIMAABCAAcDABNVGmnVCog1QqIMUKiDFCog7UKiDahUQaoVEHzFBWSZTWeF/4dQF4qpYgAAQAAIgwAAEIABwMAE1UaadqFRBqhUQYo" +
			"VEGVCog6oVEGqFRB7ahUQfMUFZJlNZS86yfwD7HFiAABAAAiDAAAQgAHAwATVRpp2oVEGqFRBlQqIMUKiDqhUQaoVEGqFRB8xQVkmU1lLUPyGAfY42IAAEAACIMAABCAAcDABNVGmnVC" +
			"og1QqIMUKiDFCog7UKiDahUQaoVEHzFBWSZTWQhTD4MD7HHYgAAQAAIgwAAEIABwMAE1UaadUKiDVCogxQqIMUKiDtQqINUKiDahUQfMUFZJlNZxgOfEgLxVNiAABAAAiDAAAQgAHAwA" +
			"TVRpp2oVEGqFRBihUQZUKiDqhUQaoVEGqFRB8xQVkmU1nsw6DMAvFU2IAAEAACIMAABCAAcDABNVGmnVCog2oVEGVCog3yhUQYoVEHahUQaoVEHzFBWSZTWZAipXcF4qpYgAAQAAIgwA" +
			"AEIABwMAE1UaadUKiDVCogxQqIMUKiDtQqINqFRBqhUQfMUFZJlNZ4X/h1AXiqliAABAAAiDAAAQgAHAwATVRpp2oVEGqFRBihUQZUKiDqhUQaoVEHtqFRB8xQVkmU1lLzrJ/APscWIA" +
			"AEAACIMAABCAAcDABNVGmnahUQaoVEGVCogxQqIOqFRBqhUQaoVEHzFBWSZTWUtQ/IYB9jjYgAAQAAIgwAAEIABwMAE1UaadUKiDVCogxQqIMUKiDtQqINqFRBqhUQfMUFZJlNZCFMPg" +
			"wPscdiAABAAAiDAAAQgAHAwATVRpp1QqINUKiDFCogxQqIO1Cog1QqINqFRB8xQVkmU1nGA58SAvFU2IAAEAACIMAABCAAcDABNVGmnahUQaoVEGKFRBlQqIOqFRBqhUQaoVEHzFBWSZ" +
			"TWfCglBEBosRYgAAQAAIgwAAEIABwMAClRpp1UipDZSKkMlIqQxUipDspFSGykVIbKRUh8XckU4UJDj6kV3A"),
		unbase("QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZvAS1wwCidcAAwAAACCAAIKQINjKKiE0qKiE4u5IpwoSFALuD6A=="),
		unbase("QlpoOTFBWSZTWX7OB2YAAAFQAAAQSAAgACGYGYFhdyRThQkH7OB2YA==")
}

// lines returns a line again and again.
func lines(line string, octets int) []byte {
	return bytes.Repeat([]byte(line), octets/len(line))
}

// TestHostileFilesCostNoMoreThanHonestOnes reads files that are built to be dear:
// each costs at most twice the memory of an honest file of the same length, and a
// few times its time, and is refused where it should be.
func TestHostileFilesCostNoMoreThanHonestOnes(t *testing.T) {
	const octets = 4 << 20
	memory, cpu, err := cost(t, honest(octets))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Logf("honest: %d octets of text, %d MB allocated, %v", octets, memory>>20, cpu)
	links, zeros, comment := bzip2Bombs(t)
	for name, c := range map[string]struct {
		input []byte
		want  string // what the error says, "" if none
	}{
		"one link again and again":   {lines("1|2|0\n", octets), "links between ASes that a link joins already, more than 65536"},
		"contradictions":             {lines("1|2|0\n1|2|-1\n", octets), "more than 65536"},
		"self links":                 {lines("7|7|0\n", octets), "more than 65536"},
		"one link, gzip":             {gzipped(t, lines("1|2|0\n", octets)), "at most 100 for each"},
		"zero octets, gzip":          {gzipped(t, make([]byte, 64<<20)), "a line longer than"},
		"comments, gzip":             {gzipped(t, lines("# "+strings.Repeat("x", 998)+"\n", 64<<20)), "at most 100 for each"},
		"a line without an end":      {lines("1", octets), "a line longer than 1048576 bytes"},
		"bars":                       {lines(strings.Repeat("|", 1<<19)+"\n", octets), "input:1: first AS"},
		"bad lines":                  {lines("x\n", octets), "and 100000 more bad lines up to line 100020: the rest was not read"},
		"empty lines":                {lines("\n", octets), ""},
		"numbers out of range":       {lines("99999999999999999999|2|0\n", octets), "first AS: found"},
		"a clique of millions":       {append([]byte("# input clique:"), lines(" 1", 1<<19)...), ""},
		"many cliques":               {lines("# input clique:"+strings.Repeat(" 1", 1000)+"\n", octets), ""},
		"gzip in gzip":               {gzipped(t, gzipped(t, honest(1000))), "input:1: "},
		"empty members of gzip":      {bytes.Repeat(gzipped(t, nil), octets/23), ""},
		"one link, bzip2":            {links, "at most 100 for each"},
		"zero octets, bzip2":         {zeros, "a line longer than"},
		"many streams of bzip2":      {bytes.Repeat(comment, octets/len(comment)), ""},
		"empty streams of bzip2":     {bytes.Repeat([]byte("BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"), octets/14), ""},
		"marks of blocks, no blocks": {append([]byte("BZh9"), lines("1AY&SY\x00\x00\x00\x00", octets)...), "bzip2"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			used, took, err := cost(t, c.input)
			t.Logf("%d octets: %d MB allocated, %v", len(c.input), used>>20, took)
			if c.want == "" {
				g.Expect(err).NotTo(HaveOccurred())
			} else {
				g.Expect(err).To(MatchError(And(HavePrefix("input:"), ContainSubstring(c.want))))
			}
			g.Expect(used).To(BeNumerically("<", 2*memory), "an honest file takes %d", memory)
			g.Expect(took).To(BeNumerically("<", 10*cpu+time.Second), "an honest file takes %v", cpu)
		})
	}
}

func TestBounds(t *testing.T) {
	g := NewWithT(t)
	_, err := asrel.Read(bytes.NewReader(lines("# a comment\n", asrel.MaxBytes+12)), "long")
	g.Expect(err).To(MatchError(unpack.ErrBound))
	g.Expect(err).To(MatchError(And(HavePrefix("long: after line"), ContainSubstring("more than 134217728 octets of text"))))
	_, err = asrel.Read(bytes.NewReader(lines("1|2|0\n", 1<<20)), "twice")
	g.Expect(err).To(MatchError(topology.ErrIrregular))
	g.Expect(err).To(MatchError(HavePrefix("twice: ")))
}
