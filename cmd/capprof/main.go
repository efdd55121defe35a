// Command capprof finds the capabilities that a container needs, proves them, and
// writes the flags that grant them.
package main

import (
	"context"
	"os"

	"github.com/capprof/capprof/internal/engine/host/inside"
)

func main() {
	// With --engine host this executable is also what runs in the namespaces that it makes.
	inside.Main()
	os.Exit(int(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})))
}
