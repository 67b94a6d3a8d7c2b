package main

import (
	"io"
	"os"
)

// isTerminal says whether w is a character device, such as a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	stat, err := f.Stat()
	return err == nil && stat.Mode()&os.ModeCharDevice != 0
}

// useColor says whether text for w may hold colour: on a terminal that can show
// it, unless NO_COLOR is set (no-color.org).
func useColor(w io.Writer, env func(string) string) bool {
	return env("NO_COLOR") == "" && env("TERM") != "dumb" && isTerminal(w)
}

// bold returns s in bold type if on is true.
func bold(s string, on bool) string {
	if !on {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}
