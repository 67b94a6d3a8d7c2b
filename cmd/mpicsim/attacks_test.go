package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
)

// docs/attacks.md is what the examples print today.
func TestAttacksDocIsGenerated(t *testing.T) {
	g := NewWithT(t)
	page, err := newAttacksPage()
	g.Expect(err).NotTo(HaveOccurred())
	var text bytes.Buffer
	w := bufio.NewWriter(&text)
	g.Expect(page.write(w)).To(Succeed())
	g.Expect(w.Flush()).To(Succeed())
	got, err := os.ReadFile(filepath.Join("..", "..", "docs", "attacks.md"))
	g.Expect(err).NotTo(HaveOccurred())
	if string(got) != text.String() {
		t.Error("docs/attacks.md has drifted from sim/attack; run `make attacks` and look at the difference")
	}
}
