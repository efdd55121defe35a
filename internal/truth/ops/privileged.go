package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// openedOperations are those for which workloads get --privileged. Each leaves the
// host as it was.
var openedOperations = map[string]operation{
	"rewrite":      onPath(rewrite),
	"read-content": onPath(readContent),
	"make-node":    makeNode,
	"make-group":   makeGroup,
	"change-owner": onPath(func(path string) error { return os.Chown(path, other, other) }),
}

// rewrite writes what a file holds into it.
func rewrite(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0)
}

// readContent fails where a file has nothing in it, as a masked one.
func readContent(path string) error {
	text, err := os.ReadFile(path)
	if err == nil && len(bytes.TrimSpace(text)) == 0 {
		return errors.New("the file is empty")
	}
	return err
}

// makeNode makes the node of a character device, of a path and two numbers.
func makeNode(args []string) error {
	if len(args) != 3 {
		return errors.New("a path and two numbers are needed")
	}
	major, err := strconv.ParseUint(args[1], 10, 12)
	if err != nil {
		return err
	}
	minor, err := strconv.ParseUint(args[2], 10, 20)
	if err != nil {
		return err
	}
	return unix.Mknod(args[0], unix.S_IFCHR|0o600, int(unix.Mkdev(uint32(major), uint32(minor))))
}

// makeGroup makes a control group, and removes it.
func makeGroup([]string) error {
	above := "/sys/fs/cgroup/freezer" // version 1
	if _, err := os.Stat(above); err != nil {
		above = "/sys/fs/cgroup"
	}
	group, err := os.MkdirTemp(above, "capprof-truth-")
	if err != nil {
		return err
	}
	return unix.Rmdir(group)
}
