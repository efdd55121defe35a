package main

import (
	"errors"
	"fmt"

	"github.com/capprof/capprof/internal/engine"
)

// exitCode is what the process ends with.
type exitCode int

// The exit codes. Those of 125 and above mean what they mean to docker run.
const (
	exitOK         exitCode = 0
	exitError      exitCode = 1   // diff, check: the profiles cannot be compared
	exitDrift      exitCode = 3   // diff, check: the sets differ
	exitFailed     exitCode = 4   // run: no allowed set makes the workload pass
	exitIncomplete exitCode = 5   // run: something was lost, or stopped before its end
	exitUnfit      exitCode = 125 // usage, engine, image or privileges
	exitNotRun     exitCode = 126 // the workload's command cannot be executed
	exitNotFound   exitCode = 127 // the workload's command does not exist
	exitInterrupt  exitCode = 130 // interrupted
)

// unfitMeaning says what 125 stands for.
const unfitMeaning = "wrong usage, or a problem with the engine, the image or privileges"

// runCodes are the exit codes of run.
var runCodes = []codeMeaning{
	{exitOK, "the result is proven, or confirmed with --no-prove or --strict"},
	{exitFailed, "no allowed set makes the workload pass"},
	{exitIncomplete, "the result is incomplete"},
	{exitUnfit, unfitMeaning},
	{exitNotRun, "the workload's command cannot be executed"},
	{exitNotFound, "the workload's command was not found"},
	{exitInterrupt, "interrupted"},
}

// driftCodes are the exit codes of check and diff.
var driftCodes = []codeMeaning{
	{exitOK, "the sets are the same"},
	{exitError, "the profiles cannot be compared: one cannot be read, or is incomplete, failed or unconfirmed"},
	{exitDrift, "drift: the sets differ"},
	{exitUnfit, unfitMeaning},
	{exitInterrupt, "interrupted"},
}

// codedError is an error with its exit code.
type codedError struct {
	code exitCode
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }

func (e *codedError) Unwrap() error { return e.err }

func coded(code exitCode, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code, err}
}

// usageError is a mistake on the command line.
func usageError(format string, args ...any) error {
	return coded(exitUnfit, fmt.Errorf(format, args...))
}

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// codeOf finds the exit code of an error.
func codeOf(err error) exitCode {
	var withCode *codedError
	var start *engine.StartError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupt
	case errors.As(err, &withCode):
		return withCode.code
	case errors.As(err, &start):
		return exitCode(start.Code)
	default:
		return exitUnfit
	}
}

// errSilent carries an exit code whose reason has been written already.
var errSilent = errors.New("")
