// Package programs holds the scripts that run well-known programs in a container of
// the tests: each does what its package is for and checks that it worked.
package programs

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// A script is run by bash as process 1. None waits for a time where there is
// something to wait for.
//
//go:embed *.sh
var scripts embed.FS

const suffix = ".sh"

// Names lists the scripts, sorted.
func Names() []string {
	files, err := scripts.ReadDir(".")
	if err != nil {
		panic(err) // the directory is part of the program
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), suffix))
	}
	slices.Sort(names)
	return names
}

// Command is what runs a script.
func Command(name string) ([]string, error) {
	text, err := scripts.ReadFile(name + suffix)
	if err != nil {
		return nil, fmt.Errorf("reading a program: %w", err)
	}
	return []string{"bash", "-c", string(text)}, nil
}
