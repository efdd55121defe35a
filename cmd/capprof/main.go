// Command capprof finds the capabilities that a container needs, proves them, and
// writes the flags that grant them.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(int(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr})))
}
