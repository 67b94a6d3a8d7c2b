package replay_test

import (
	"errors"
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// realTopology returns the path of CAIDA's AS relationships of 2025-09-01; the
// spec is skipped where they are absent.
func realTopology() string {
	GinkgoHelper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		root, err := filepath.Abs(".")
		Expect(err).NotTo(HaveOccurred())
		for !exists(filepath.Join(root, "go.mod")) {
			Expect(filepath.Dir(root)).NotTo(Equal(root), "no go.mod above this folder")
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared", "data")
	}
	file := filepath.Join(dir, "20250901.as-rel2.txt.bz2")
	if !exists(file) {
		Skip("SKIPPED: no real topology: " + file + " does not exist; set MPICSIM_DATA to the folder that holds it")
	}
	return file
}

func exists(path string) bool {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	Expect(err).NotTo(HaveOccurred())
	return true
}
