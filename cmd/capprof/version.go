package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

const versionSynopsis = "version"

// version is set by the build (-ldflags "-X main.version=..."); otherwise the
// module's or the commit's is used.
var version string

func capprofVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "devel"
}

func versionCommand(_ context.Context, args []string, std stdio) error {
	flags := newFlags(help{synopsis: versionSynopsis, about: "Prints the version."})
	if err := flags.parse(args, "version", std); err != nil {
		return err
	}
	if err := flags.noArguments("version"); err != nil {
		return err
	}
	_, err := fmt.Fprintf(std.out, "capprof %s %s/%s %s\n", capprofVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}
