package rpki_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"mpicsim/topology/rpki"
)

func TestReadROVScores(t *testing.T) {
	g := NewWithT(t)
	const text = "ASN,rovista_score\r\n7,0.0\r\nAS3,1.0\r\n4294967295,0.33333334\r\n"
	for _, text := range [][]byte{[]byte(text), zipped(t, text)} {
		s, err := rpki.ReadROVScores(bytes.NewReader(text), "f")
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(s.Len()).To(Equal(3))
		g.Expect(s.AtLeast(0.9)).To(Equal(path(3)))
		g.Expect(s.AtLeast(0)).To(Equal(path(7, 3, 4294967295)))
		score, ok := s.Score(4294967295)
		g.Expect(score).To(Equal(0.33333334))
		g.Expect(ok).To(BeTrue())
		_, ok = s.Score(8)
		g.Expect(ok).To(BeFalse())
	}
	var none *rpki.ROVScores
	g.Expect(none.Len()).To(BeZero())
	g.Expect(none.AtLeast(0)).To(BeNil())
	_, ok := none.Score(1)
	g.Expect(ok).To(BeFalse())
}

func badScores() map[string]string {
	const header = "ASN,rovista_score\n"
	return map[string]string{
		"":                         `f:1: header: found "", want columns with the names ["ASN" "rovista_score"]`,
		"asn,score\n1,1\n":         `f:1: header: found "asn,score", want columns`,
		header + "x,1\n":           `f:2: ASN: found "x", want an AS number from 1 to 4294967295`,
		header + "0,1\n":           `f:2: ASN: found "0", want an AS number from 1 to 4294967295`,
		header + "1,1.1\n":         `f:2: rovista_score: found "1.1", want a number from 0 to 1`,
		header + "1,-0.1\n":        `f:2: rovista_score: found "-0.1", want a number from 0 to 1`,
		header + "1,NaN\n":         `f:2: rovista_score: found "NaN", want a number from 0 to 1`,
		header + "1,\n":            `f:2: rovista_score: found "", want a number from 0 to 1`,
		header + "1,1\n2,1\n1,1\n": `f:4: ASN: found AS 1 a second time, want one score for each AS`,
		header + "1,1,1\n":         `f:2: row: found 3 fields, want 2 as in the header`,
		header + "1,\"1\n":         "CSV, column",
		"\x1f\x8b":                 "f: gzip: ",
	}
}

func TestReadROVScoresRefuses(t *testing.T) {
	g := NewWithT(t)
	for text, want := range badScores() {
		_, err := rpki.ReadROVScores(strings.NewReader(text), "f")
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
	_, err := rpki.OpenROVScores(filepath.Join(t.TempDir(), "absent"))
	g.Expect(err).To(MatchError(os.ErrNotExist))
}

// FuzzReadROVScores checks that no input panics, and that scores are in range.
func FuzzReadROVScores(f *testing.F) {
	for text := range badScores() {
		f.Add([]byte(text))
	}
	f.Add([]byte("rovista_score,x,ASN\n0.5,,AS7\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		s, err := rpki.ReadROVScores(bytes.NewReader(input), "fuzz")
		if err == nil && (len(s.AtLeast(0)) != s.Len() || len(s.AtLeast(1.000001)) != 0) {
			t.Fatal("scores out of range")
		}
	})
}
