package main

import "errors"

// The exit codes of every command.
const (
	exitDone     = 0
	exitNo       = 1 // the answer is no: refused, non-compliant, not reproduced
	exitBadInput = 2 // flags, arguments, files
	exitFault    = 3 // an internal fault, or output that cannot be written
)

// exitError is an error with the exit code that it leads to. err may be nil: then
// the command has said all there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// fault marks err as an internal fault. It returns nil for nil.
func fault(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFault, err}
}

// codeOf returns the exit code for what a command returned. An error that is not
// marked is bad input: so are the command line library's own.
func codeOf(err error) int {
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitBadInput
}
