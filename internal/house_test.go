package internal

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
)

const (
	root = ".."
	// mostLines is how long a file may be, and mostMethods how many a type may have.
	mostLines   = 400
	mostMethods = 20
)

// longFiles may have more lines, for the reason given.
var longFiles = map[string]string{}

// largeTypes may have more methods, for the reason given.
var largeTypes = map[string]string{}

// source is a file of the tree.
type source struct {
	// path is relative to the root, with slashes.
	path string
	text []byte
}

// generated is the mark that Go's tools know (go help generate).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// sources are all Go and C files that people wrote.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && strings.HasPrefix(name, ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".c", ".h", ".s"}, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil || generated.Match(text) {
			return err
		}
		relative, err := filepath.Rel(root, path)
		all = append(all, source{filepath.ToSlash(relative), text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parsed is a Go file.
type parsed struct {
	*ast.File
	path string
}

func (p parsed) isTest() bool { return strings.HasSuffix(p.path, "_test.go") }

// goPackages parses the Go files, by directory and package name: the tests of an
// external test package are a package of their own.
func goPackages(t *testing.T) map[string][]parsed {
	t.Helper()
	all := map[string][]parsed{}
	for _, s := range sources(t) {
		if !strings.HasSuffix(s.path, ".go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), s.path, s.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		dir := strings.TrimSuffix(s.path[:strings.LastIndex(s.path, "/")+1], "/")
		if strings.HasSuffix(file.Name.Name, "_test") {
			dir += "_test"
		}
		all[dir] = append(all[dir], parsed{file, s.path})
	}
	return all
}

// keepTo compares what is over a limit with the exceptions. An exception that is of
// no more use is an error as well, so that the list only gets shorter.
func keepTo(t *testing.T, limit int, what string, counts map[string]int, exceptions map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > limit && exceptions[name] == "" {
			t.Errorf("%s has %d %s, and %d are the most: split it by idea", name, counts[name], what, limit)
		}
	}
	for name := range exceptions {
		if counts[name] <= limit {
			t.Errorf("%s has no more than %d %s: take it off the exceptions in house_test.go", name, limit, what)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	lines := map[string]int{}
	for _, s := range sources(t) {
		lines[s.path] = bytes.Count(s.text, []byte("\n"))
	}
	keepTo(t, mostLines, "lines", lines, longFiles)
}

func TestTypesAreSmall(t *testing.T) {
	methods := map[string]int{}
	for dir, files := range goPackages(t) {
		for _, file := range files {
			for _, declaration := range file.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv != nil {
					methods[dir+"."+receiver(f.Recv.List[0].Type)]++
				}
			}
			ast.Inspect(file.File, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok {
					if i, ok := spec.Type.(*ast.InterfaceType); ok {
						methods[dir+"."+spec.Name.Name] += i.Methods.NumFields()
					}
				}
				return true
			})
		}
	}
	keepTo(t, mostMethods, "methods", methods, largeTypes)
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

// TestPackagesSayWhatTheyAre: the first sentence is what go doc lists, so it must
// name the package, say what it is, and end where a line or two ends.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	for dir, files := range goPackages(t) {
		if strings.HasSuffix(dir, "_test") {
			continue
		}
		var comments []string
		for _, file := range files {
			if file.Doc != nil {
				comments = append(comments, file.Doc.Text())
			}
		}
		if len(comments) != 1 {
			t.Errorf("%s has %d package comments, want one", dir, len(comments))
			continue
		}
		name := files[0].Name.Name
		start := "Package " + name + " "
		if name == "main" {
			start = "Command " + dir[strings.LastIndex(dir, "/")+1:] + " "
		}
		sentence := new(doc.Package).Synopsis(comments[0])
		words := len(strings.Fields(sentence))
		if !strings.HasPrefix(sentence, start) || !strings.HasSuffix(sentence, ".") || words < 5 || words > 40 {
			t.Errorf("%s: the comment does not begin with a sentence %q... of at most 40 words: %q", dir, start, sentence)
		}
	}
}

// TestRecordedProfilesAreRead: what stands in profiles is what users keep, so each
// is read as theirs are, by the version that has come since.
func TestRecordedProfilesAreRead(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "profiles", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range paths {
		if strings.HasPrefix(filepath.Base(path), "schema-") {
			continue
		}
		read++
		document, err := profile.Load(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if !document.Verdict.Answers() {
			t.Errorf("%s has no answer: %s", path, document.Verdict)
		}
	}
	if read == 0 {
		t.Error("profiles has no profile")
	}
}
