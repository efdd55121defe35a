package main

import "fmt"

// argv is the command as the container gets it.
func (k kase) argv() ([]string, error) {
	if k.script == "" {
		return k.command, nil
	}
	return nil, fmt.Errorf("no script %s", k.script)
}

func programCases() ([]kase, error) { return nil, nil }
