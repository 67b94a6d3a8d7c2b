package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// toStdout says whether the value of -o means standard output.
func toStdout(path string) bool { return path == "" || path == "-" }

// writeOutput calls write with a buffered writer to the file that -o names, or
// to standard output. A file that cannot be created is bad input; one that
// cannot be written is a fault.
func writeOutput(s streams, path string, write func(*bufio.Writer) error) error {
	if toStdout(path) {
		return fault(writeBuffered(s.out, write))
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("-o: %w", err)
	}
	return fault(errors.Join(writeBuffered(f, write), f.Close()))
}

func writeBuffered(out io.Writer, write func(*bufio.Writer) error) error {
	w := bufio.NewWriterSize(out, 1<<16)
	if err := write(w); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
