package main

import (
	"slices"
	"testing"
)

func TestSplitWorkload(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		image   string
		command []string
	}{
		{"nothing", nil, "", nil},
		{"image", []string{"img"}, "img", nil},
		{"flags of the workload", []string{"img", "npm", "test", "--coverage"}, "img", []string{"npm", "test", "--coverage"}},
		{"dashes", []string{"img", "--", "npm", "test"}, "img", []string{"npm", "test"}},
		{"only one pair is dropped", []string{"img", "--", "--", "x"}, "img", []string{"--", "x"}},
		{"dashes of the workload", []string{"img", "sh", "--", "x"}, "img", []string{"sh", "--", "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, command, err := splitWorkload(c.args)
			if err != nil || image != c.image || !slices.Equal(command, c.command) {
				t.Fatalf("%q, %q, %v; want %q, %q", image, command, err, c.image, c.command)
			}
		})
	}
}
