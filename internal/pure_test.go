package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pure are the rooms that compute and do nothing else: no file, no process, no
// network, no clock. The strict ones start no goroutine and share nothing either.
//
// parsers are packages that a room uses for what they parse alone.
var pure = map[string]struct {
	strict  bool
	parsers []string
}{
	"internal/mapper":        {strict: true},
	"internal/runner/search": {strict: true},
	"internal/grant":         {strict: true},
	"internal/remedy":        {strict: true},
	"internal/callwords":     {strict: true},
	"internal/observation":   {strict: true},
	"internal/scenario":      {strict: true},
	"internal/capability":    {strict: true},
	// Docker's own grammars. A relative source of a --mount is taken from the directory that
	// the process is in, there and not by the Client.
	"internal/workload": {parsers: []string{
		"github.com/docker/cli/opts", "github.com/docker/cli/pkg/kvfile", "github.com/docker/go-connections/nat", "github.com/docker/go-units",
		"net", "net/netip",
	}},
	"internal/seccomp":  {}, // reads its default profile once
	"internal/syscalls": {},
}

// impure are packages of the standard library and of others that do input or
// output, or that a strict room has no use for. A prefix ends in a slash.
var impure = []string{
	"os", "os/", "io/", "net", "net/", "bufio", "embed", "log", "log/", "plugin", "runtime/", "testing", "flag",
	"path/filepath", "text/tabwriter", "math/rand", "math/rand/", "crypto/rand", "golang.org/x/sync/",
	"github.com/docker/", "github.com/cilium/", "github.com/spf13/",
}

// concurrent are what a room without goroutines has no use for.
var concurrent = []string{"sync", "sync/", "runtime"}

// clock are the functions of a package that read a clock or wait for one.
var clock = map[string][]string{
	"time":    {"Now", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Since", "Until"},
	"context": {"WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause"},
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == path || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p)
	})
}

// TestThePureRoomsArePure looks at their own imports and at what they use of them.
func TestThePureRoomsArePure(t *testing.T) {
	for _, dir := range slices.Sorted(maps.Keys(pure)) {
		for _, file := range goPackages(t)[dir] {
			if file.isTest() {
				continue
			}
			for _, problem := range effects(file.File, pure[dir].strict, pure[dir].parsers) {
				t.Errorf("%s is a pure room: %s", dir, problem)
			}
		}
	}
}

// effects lists what a file has that a pure room must not have.
func effects(file *ast.File, strict bool, parsers []string) []string {
	var problems []string
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if ours, ok := strings.CutPrefix(path, module+"/"); ok {
			if _, ok := pure[ours]; !ok {
				problems = append(problems, "it imports "+ours+", which is not")
			}
		} else if matches(impure, path) && !slices.Contains(parsers, path) || strict && matches(concurrent, path) {
			problems = append(problems, "it imports "+path)
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if strict {
				problems = append(problems, "it starts a goroutine")
			}
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); ok && slices.Contains(clock[names[from.Name]], n.Sel.Name) {
				problems = append(problems, "it uses "+names[from.Name]+"."+n.Sel.Name)
			}
		}
		return true
	})
	return problems
}

// TestEffectsAreFound holds the rule itself to a file that breaks it in every way.
func TestEffectsAreFound(t *testing.T) {
	const bad = `package bad

import (
	"context"
	"os"
	"sync"
	clock "time"

	"github.com/capprof/capprof/internal/profile"
)

var _ = os.Args

func f(ctx context.Context, m *sync.Mutex) profile.Verdict {
	go m.Lock()
	_, stop := context.WithTimeout(ctx, 5*clock.Second)
	stop()
	return profile.Verdict(clock.Now().String())
}
`
	file, err := parser.ParseFile(token.NewFileSet(), "bad.go", bad, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"it imports os", "it imports sync", "it imports internal/profile, which is not",
		"it starts a goroutine", "it uses context.WithTimeout", "it uses time.Now",
	}
	if got := effects(file, true, nil); !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
