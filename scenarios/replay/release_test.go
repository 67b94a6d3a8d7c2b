package replay_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"mpicsim/scenarios"
	"mpicsim/scenarios/replay"
)

// goroutines returns how many goroutines there are of which a stack speaks of
// this program or of its TCP/IP stack.
func goroutines() int {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	n := 0
	for _, stack := range strings.Split(string(buf), "\n\n")[1:] { // the first is this one
		if strings.Contains(stack, "mpicsim/sim") || strings.Contains(stack, "gvisor.dev") || strings.Contains(stack, "mpicsim/perspectives") {
			n++
		}
	}
	return n
}

// A world that is closed leaves nothing behind, whether it was replayed, only
// built, or could not be built.
func TestCloseReleasesEverything(t *testing.T) {
	g := NewWithT(t)
	g.Eventually(goroutines).WithTimeout(10*time.Second).Should(BeZero(), "those of tests before this one end")
	src := fromLibrary(t, "near-primary")

	w, err := replay.Build(t.Context(), replay.Options{Source: src})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(goroutines()).To(BeNumerically(">", 5), "a world that is up has servers")
	w.Close()
	w.Close() // harmless
	g.Eventually(goroutines).WithTimeout(10 * time.Second).Should(BeZero())

	controlled := fromLibrary(t, "path-to-remote") // with perspectives' servers, and calls that fail
	for range 30 {
		for _, s := range []*scenarios.Source{src, controlled} {
			_, err := replay.Run(t.Context(), replay.Options{Source: s})
			g.Expect(err).NotTo(HaveOccurred())
		}
	}
	g.Eventually(goroutines).WithTimeout(10 * time.Second).Should(BeZero())

	broken := *src
	broken.Victim.CAA = []string{"no record"} // Parse would refuse it; here the servers cannot be started
	_, err = replay.Build(t.Context(), replay.Options{Source: &broken})
	g.Expect(err).To(HaveOccurred())
	g.Eventually(goroutines).WithTimeout(10 * time.Second).Should(BeZero())
}

// Memory does not grow with the number of replays in one process.
func TestReplaysDoNotPileUp(t *testing.T) {
	g := NewWithT(t)
	src := fromLibrary(t, "two-remotes")
	heap := func() uint64 {
		for range 20 {
			_, err := replay.Run(t.Context(), replay.Options{Source: src})
			g.Expect(err).NotTo(HaveOccurred())
		}
		g.Eventually(goroutines).WithTimeout(10 * time.Second).Should(BeZero())
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := heap()
	last := max(heap(), 1)
	for range 2 {
		last = min(last, heap())
	}
	t.Logf("heap after 20 replays: %d KB; after 80: %d KB", first>>10, last>>10)
	g.Expect(last).To(BeNumerically("<", first+4<<20), "less than 80 KB for each of 60 more replays")
}
