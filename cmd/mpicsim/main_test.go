package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mpicsim": main})
}

// TestScripts runs the scripts in testdata/script against the real binary. The
// condition [data] holds where the real topology is: $DATA. With UPDATE_SCRIPTS
// set in the environment, expected output is rewritten.
func TestScripts(t *testing.T) {
	data := dataDir(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
		Condition: func(name string) (bool, error) {
			if name == "data" {
				return data != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

// exits runs a command and checks its exit code: "exits 2 mpicsim ...".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit interface{ ExitCode() int }
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if want := args[0]; fmt.Sprint(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// dataDir returns the folder of real data, "" if there is none.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("MPICSIM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Logf("the scripts on real data are SKIPPED: %v; set MPICSIM_DATA", err)
		return ""
	}
	return dir
}

func testStreams(out, err io.Writer) streams {
	return streams{in: bytes.NewReader(nil), out: out, err: err, env: func(string) string { return "" }}
}

// TestEveryCommandHasAnExample: -h shows one, and says what the command does.
func TestEveryCommandHasAnExample(t *testing.T) {
	g := NewWithT(t)
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		g.Expect(c.Short).NotTo(BeEmpty(), c.CommandPath())
		g.Expect(c.Example).To(ContainSubstring("mpicsim"), c.CommandPath())
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRootCommand(testStreams(io.Discard, io.Discard)))
}

func TestExitCodes(t *testing.T) {
	g := NewWithT(t)
	boom := errors.New("boom")
	g.Expect(codeOf(nil)).To(Equal(exitDone))
	g.Expect(codeOf(boom)).To(Equal(exitBadInput))
	g.Expect(codeOf(fault(boom))).To(Equal(exitFault))
	g.Expect(codeOf(fmt.Errorf("while: %w", fault(boom)))).To(Equal(exitFault))
	g.Expect(codeOf(&exitError{code: exitNo})).To(Equal(exitNo))
	g.Expect((&exitError{code: exitNo}).Error()).To(BeEmpty())
	g.Expect(fault(nil)).To(Succeed())
	g.Expect(fault(boom)).To(MatchError(boom))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestUnwritableOutputIsAFault: it is not the input's.
func TestUnwritableOutputIsAFault(t *testing.T) {
	g := NewWithT(t)
	topology := filepath.Join(t.TempDir(), "t.txt")
	g.Expect(os.WriteFile(topology, []byte("1|2|-1\n"), 0o600)).To(Succeed())
	var stderr bytes.Buffer
	code := run([]string{"routes", "--topology", topology, "--announce", "1=203.0.113.0/24"}, testStreams(brokenWriter{}, &stderr))
	g.Expect(code).To(Equal(exitFault))
	g.Expect(stderr.String()).To(ContainSubstring("writing the result: " + io.ErrClosedPipe.Error()))
}

type panickingWriter struct{}

func (panickingWriter) Write([]byte) (int, error) { panic("no such luck") }

// TestPanicIsAFault: it is reported, with the place, and leaves with code 3.
func TestPanicIsAFault(t *testing.T) {
	g := NewWithT(t)
	var stderr bytes.Buffer
	g.Expect(run([]string{"-h"}, testStreams(panickingWriter{}, &stderr))).To(Equal(exitFault))
	g.Expect(stderr.String()).To(HavePrefix("mpicsim: internal fault: no such luck\n"))
	g.Expect(stderr.String()).To(ContainSubstring("panickingWriter.Write"))
}

func TestColor(t *testing.T) {
	g := NewWithT(t)
	terminal, err := os.OpenFile("/dev/null", os.O_WRONLY, 0) // a character device, as a terminal is
	g.Expect(err).NotTo(HaveOccurred())
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	g.Expect(err).NotTo(HaveOccurred())
	defer file.Close()
	env := func(pairs ...string) func(string) string {
		return func(key string) string {
			for n := 0; n < len(pairs); n += 2 {
				if pairs[n] == key {
					return pairs[n+1]
				}
			}
			return ""
		}
	}
	g.Expect(useColor(terminal, env())).To(BeTrue())
	g.Expect(useColor(terminal, env("NO_COLOR", "1"))).To(BeFalse())
	g.Expect(useColor(terminal, env("TERM", "dumb"))).To(BeFalse())
	g.Expect(useColor(file, env())).To(BeFalse())
	g.Expect(useColor(io.Discard, env())).To(BeFalse())
	g.Expect(bold("x", true)).To(Equal("\x1b[1mx\x1b[0m"))
	g.Expect(bold("x", false)).To(Equal("x"))
}
