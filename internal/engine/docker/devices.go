package docker

import (
	"io/fs"
	"os"
	"slices"
)

// everywhere are the devices that every container has (the default devices of the
// OCI runtime specification), and what is mounted below /dev, which is no host's.
var everywhere = []string{"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "pts", "shm", "mqueue", "fd"}

// devicesOf lists the other device nodes below a directory such as /dev. What cannot
// be read is left out.
func devicesOf(dir string) []string {
	var nodes []string
	// The function returns no error, so that there is none to return.
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case slices.Contains(everywhere, name) && entry.IsDir():
			return fs.SkipDir
		case err != nil || slices.Contains(everywhere, name):
		case entry.Type()&fs.ModeDevice != 0:
			nodes = append(nodes, dir+"/"+name)
		}
		return nil
	})
	return nodes
}
