package asrel_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology"
	"mpicsim/topology/asrel"
	"mpicsim/topology/unpack/unpacktest"
)

func read(text string) (*asrel.File, error) { return asrel.Read(strings.NewReader(text), "f.txt") }

func TestReadUnderstandsBothSerials(t *testing.T) {
	g := NewWithT(t)
	const comments = "# made by hand\n# input clique: 1 2\n# IXP ASes: 1200 4294967295\n"
	for serial, text := range map[int]string{
		1: comments + "1|2|0\n1|3|-1\r\n\n2|3|-1",
		2: comments + "1|2|0|bgp,mlp\n1|3|-1|bgp\n\n2|3|-1|bgp\n",
	} {
		f, err := read(text)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(f.Serial).To(Equal(serial))
		g.Expect(f.Clique).To(Equal([]topology.ASN{1, 2}))
		g.Expect(f.IXPs).To(Equal([]topology.ASN{1200, 4294967295}))
		g.Expect(f.Lines).To(Equal(7))
		g.Expect(f.Links).To(Equal(3))
		g.Expect(f.SHA256).To(Equal(sha256.Sum256([]byte(text))))
		g.Expect(f.Graph.String()).To(Equal("3 ASes, 2 provider-to-customer and 1 peer-to-peer links, 0 ASes placed"))
		g.Expect(f.Graph.Providers(2)).To(Equal([]int32{0, 1}))
		g.Expect(f.Graph.Peers(0)).To(Equal([]int32{1}))
		g.Expect(f.Findings).To(BeEmpty())
	}
}

func TestReadOfNoLinks(t *testing.T) {
	g := NewWithT(t)
	for _, text := range []string{"", "\n", "\r\n\r\n", "# nothing", "#"} {
		f, err := read(text)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(f.Serial).To(BeZero())
		g.Expect(f.Graph.Len()).To(BeZero())
		g.Expect(f.Summary()).To(ContainSubstring("no links"))
	}
}

func TestBadLinesNameFieldFoundAndExpected(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"not a number", "1|2|0\nx|3|-1\n", `f.txt:2: first AS: found "x", want a number from 1 to 4294967295`},
		{"AS 0", "0|3|-1\n", `f.txt:1: first AS: found "0", want a number from 1 to 4294967295`},
		{"no AS", "3||-1\n", `f.txt:1: second AS: found "", want a number from 1 to 4294967295`},
		{"beyond 32 bits", "1|4294967296|0\n", `f.txt:1: second AS: found "4294967296", want a number from 1 to 4294967295`},
		{"beyond 64 bits", "1|18446744073709551617|0\n", `f.txt:1: second AS: found "18446744073709551617", want`},
		{"prefix AS", "AS1|2|0\n", `f.txt:1: first AS: found "AS1", want`},
		{"negative", "1|-2|0\n", `f.txt:1: second AS: found "-2", want`},
		{"unknown relationship", "1|2|1\n", `f.txt:1: relationship: found "1", want -1 (provider of) or 0 (peer of)`},
		{"empty relationship", "1|2||bgp\n", `f.txt:1: relationship: found "", want -1`},
		{"empty source", "1|2|0|\n", `f.txt:1: source: found "", want one field that is not empty`},
		{"two sources", "1|2|0|bgp|mlp\n", `f.txt:1: source: found "bgp|mlp", want one field`},
		{"too few fields", "1|2\n", `f.txt:1: line: found "1|2", want AS|AS|relationship or AS|AS|relationship|source`},
		{"too few fields, ended", "1|2|", `f.txt:1: relationship: found "", want -1`},
		{"another format", "a,b,c\n", `f.txt:1: line: found "a,b,c", want AS|AS|relationship`},
		{"serial 1 after serial 2", "# x\n1|2|0|bgp\n2|3|0\n", `f.txt:3: line: found "2|3|0", want 4 fields as on line 2`},
		{"serial 2 after serial 1", "1|2|0\n2|3|0|bgp\n", `f.txt:2: line: found "2|3|0|bgp", want 3 fields as on line 1`},
		{"clique", "# input clique: 1 x\n", `f.txt:1: input clique: found "x", want a number`},
		{"a long field is cut", strings.Repeat("9", 200) + "|2|0\n", `found "` + strings.Repeat("9", 80) + `...", want`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.text)
			NewWithT(t).Expect(err).To(MatchError(ContainSubstring(c.want)))
		})
	}
}

func TestAnEndlessLineIsRefused(t *testing.T) {
	_, err := read("1|2|0\n" + strings.Repeat("1", 2<<20))
	NewWithT(t).Expect(err).To(MatchError(ContainSubstring("f.txt:2: a line longer than 1048576 bytes")))
}

func TestManyBadLinesAreCounted(t *testing.T) {
	g := NewWithT(t)
	for bad, more := range map[int]string{20: "", 21: "f.txt: and 1 more bad lines", 25: "f.txt: and 5 more bad lines"} {
		_, err := read("1|2|0\n" + strings.Repeat("bad\n", bad))
		lines := strings.Split(err.Error(), "\n")
		g.Expect(lines[0]).To(HavePrefix("f.txt:2: "))
		g.Expect(lines[19]).To(HavePrefix("f.txt:21: "))
		if more == "" {
			g.Expect(lines).To(HaveLen(20))
		} else {
			g.Expect(lines[20:]).To(Equal([]string{more}))
		}
	}
}

func TestFindingsNameTheLine(t *testing.T) {
	g := NewWithT(t)
	f, err := read("1|2|-1\n2|1|0\n1|2|-1\n3|3|0\n2|3|-1\n3|1|-1\n")
	g.Expect(err).NotTo(HaveOccurred())
	var got []string
	for _, finding := range f.Findings {
		got = append(got, finding.String())
	}
	g.Expect(got).To(Equal([]string{
		"f.txt:2: contradictory link: 2 peer of 1, but 1 provider of 2 on line 1; kept the earlier",
		"f.txt:3: duplicate link: 1 provider of 2, already on line 1; dropped",
		"f.txt:4: self link: AS 3 linked to itself; dropped",
		"f.txt:6: provider cycle: 1 > 2 > 3 > 1; dropped 3 provider of 1",
	}))
	g.Expect(f.Summary()).To(Equal(`f.txt: serial-1, 6 lines, 6 links: 3 ASes, 2 provider-to-customer and 0 peer-to-peer links, 0 ASes placed
f.txt: duplicate link: 1 dropped, the first kept, first on line 3; ASes 1, 2
f.txt: contradictory link: 1 dropped, the earlier relationship kept, first on line 2; ASes 1, 2
f.txt: self link: 1 dropped, first on line 4; ASes 3
f.txt: provider cycle: 1 broken by dropping the last link of each, first on line 6; ASes 1, 2, 3
`))
}

func TestSummaryNamesTheFirstASesOnly(t *testing.T) {
	var text strings.Builder
	for asn := range 10 {
		fmt.Fprintf(&text, "%d|%d|0\n", asn+1, asn+1)
	}
	f, err := read(text.String())
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Summary()).To(ContainSubstring("self link: 10 dropped, first on line 1; ASes 1, 2, 3, 4, 5, 6, 7, 8, and 2 more"))
}

func TestGzipIsToldByItsFirstBytes(t *testing.T) {
	g := NewWithT(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte("1|2|-1|bgp\n"))
	g.Expect(errors.Join(err, z.Close())).To(Succeed())
	path := filepath.Join(t.TempDir(), "misnamed.bz2")
	g.Expect(os.WriteFile(path, packed.Bytes(), 0o600)).To(Succeed())
	f, err := asrel.Open(path)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Graph.Links()).To(Equal(1))
	g.Expect(f.SHA256).To(Equal(sha256.Sum256(packed.Bytes())))

	_, err = asrel.Read(bytes.NewReader(packed.Bytes()[:packed.Len()-6]), "cut.gz")
	g.Expect(err).To(MatchError("cut.gz: after line 1: gzip: unexpected EOF"), "the file broke off in its checksum")
}

func TestOpenOfAMissingFile(t *testing.T) {
	_, err := asrel.Open(filepath.Join(t.TempDir(), "none"))
	NewWithT(t).Expect(err).To(MatchError(os.ErrNotExist))
}

func TestWriteThenReadIsTheSameGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var b topology.Builder
		for range 1 + rng.IntN(40) {
			b.AddLink(topology.Link{
				A: topology.ASN(1 + rng.IntN(12)), B: topology.ASN(20 + rng.IntN(12)), Kind: topology.LinkKind(rng.IntN(2)),
			})
		}
		before, _, err := b.Build()
		g := NewWithT(t)
		g.Expect(err).NotTo(HaveOccurred())
		for _, format := range []asrel.Format{
			{Serial: 1},
			{Serial: 2, Source: "synth", Comments: []string{"seed 1"}, Clique: []topology.ASN{1, 2}, IXPs: []topology.ASN{9}},
		} {
			var text, again bytes.Buffer
			g.Expect(asrel.Write(&text, before, format)).To(Succeed())
			f, err := asrel.Read(bytes.NewReader(text.Bytes()), "written")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(f.Graph).To(Equal(before))
			g.Expect(f.Findings).To(BeEmpty())
			g.Expect(f.Serial).To(Equal(format.Serial))
			g.Expect(f.Clique).To(Equal(format.Clique))
			g.Expect(f.IXPs).To(Equal(format.IXPs))
			g.Expect(asrel.Write(&again, f.Graph, format)).To(Succeed())
			g.Expect(again.String()).To(Equal(text.String()))
		}
	}
}

func TestWriteGolden(t *testing.T) {
	g := NewWithT(t)
	f, err := read("30|10|-1\n20|10|0\n10|5|-1\n30|20|0\n30|40|-1\n")
	g.Expect(err).NotTo(HaveOccurred())
	var out bytes.Buffer
	g.Expect(asrel.Write(&out, f.Graph, asrel.Format{
		Serial: 2, Source: "bgp", Comments: []string{"one", "two"}, Clique: []topology.ASN{20, 30}, IXPs: []topology.ASN{7, 8},
	})).To(Succeed())
	g.Expect(out.String()).To(Equal("# one\n# two\n# input clique: 20 30\n# IXP ASes: 7 8\n" +
		"10|5|-1|bgp\n10|20|0|bgp\n20|30|0|bgp\n30|10|-1|bgp\n30|40|-1|bgp\n"))
}

func TestWriteRefuses(t *testing.T) {
	g := NewWithT(t)
	var b topology.Builder
	b.AddAS(7)
	lonely, _, err := b.Build()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(asrel.Write(&bytes.Buffer{}, lonely, asrel.Format{Serial: 1})).To(MatchError(asrel.ErrLonely))
	for want, f := range map[string]asrel.Format{
		"serial 3: want 1 or 2":         {Serial: 3},
		"serial 1 has none":             {Serial: 1, Source: "bgp"},
		`source "": want a text`:        {Serial: 2},
		`source "a|b": want a text`:     {Serial: 2, Source: "a|b"},
		`comment "a\nb": want a single`: {Serial: 1, Comments: []string{"a\nb"}},
	} {
		g.Expect(asrel.Write(&bytes.Buffer{}, &topology.Graph{}, f)).To(MatchError(ContainSubstring(want)))
	}
}

func TestTheRealFile(t *testing.T) {
	f, err := asrel.Open(realFile(t))
	g := NewWithT(t)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(f.Graph.String()).To(Equal("78643 ASes, 161166 provider-to-customer and 409530 peer-to-peer links, 0 ASes placed"))
	g.Expect(f.Findings).To(BeEmpty())
	g.Expect(f.Serial).To(Equal(2))
	g.Expect(f.Clique).To(HaveLen(19))
	g.Expect(f.IXPs).To(HaveLen(28))
	var out bytes.Buffer
	g.Expect(asrel.Write(&out, f.Graph, asrel.Format{Serial: 2, Source: "bgp"})).To(Succeed())
	again, err := asrel.Read(&out, "again")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.Graph).To(Equal(f.Graph))
}

// FuzzRead checks that no input panics, that a graph that is read is clean, and
// that writing it and reading that gives it back.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "1|2|0\n", "1|2|-1|bgp\n2|3|0|mlp\n", "# input clique: 1 2\n# IXP ASes: 3\n", "# input clique: x\n",
		"1|2|-1\n2|3|-1\n3|1|-1\n", "1|2|0\n2|1|-1\n1|2|0\n1|1|0\n", "1|2\n", "1|2|3\n", "x|2|0\n", "1||0\n",
		"1|2|0|\n", "1|2|0|a|b\n", "1|2|0\n1|3|0|x\n", "4294967296|1|0\n", "\x1f\x8b\x08", "BZh9", "\r\n",
		"BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00", "BZh91AY&SY\x00\x00\x00\x00\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var file *asrel.File
		var err error
		unpacktest.Within(t, len(input), func() { file, err = asrel.Read(bytes.NewReader(input), "fuzz") })
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := asrel.Write(&out, file.Graph, asrel.Format{Serial: 1}); errors.Is(err, asrel.ErrLonely) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		again, err := asrel.Read(&out, "again")
		if err != nil || len(again.Findings) > 0 {
			t.Fatal(err, again)
		}
		NewWithT(t).Expect(again.Graph).To(Equal(file.Graph))
	})
}
