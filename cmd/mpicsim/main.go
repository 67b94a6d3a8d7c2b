// Mpicsim tells whether Multi-Perspective Issuance Corroboration (MPIC, BR
// 3.2.2.9) stops a certificate for somebody who hijacks a prefix with BGP.
//
// Each command has a file of its own, with a constructor that is given all that
// it touches outside of its flags: see [streams]. Exit codes are in exit.go.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// gcPercent lets the heap grow to five times what is live before it is collected:
// a command runs for seconds on tens of megabytes, and packets are short-lived.
// GOGC in the environment wins.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run(os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv}))
}

// streams is a command's view of the process.
type streams struct {
	in  io.Reader
	out io.Writer               // results
	err io.Writer               // everything else: notes, progress, errors
	env func(key string) string // the environment
}

// notef prints to s.err. Where standard error is gone there is nobody to tell.
func (s streams) notef(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format, args...)
}

// run executes one command line and returns the exit code. An interrupt cancels
// the command's context; a second one ends the process.
func run(args []string, s streams) (code int) {
	defer func() {
		if fault := recover(); fault != nil {
			s.notef("mpicsim: internal fault: %v\n%s", fault, debug.Stack())
			code = exitFault
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	root := newRootCommand(s)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	code = codeOf(err)
	if err != nil && err.Error() != "" {
		s.notef("mpicsim: %v\n", err)
	}
	if code == exitBadInput {
		s.notef("See '%s -h'.\n", cmd.CommandPath())
	}
	return code
}
