package mapper

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The mapper says what is at fault and which remedy there is; the words and options of
// a platform are internal/advice's.
func TestNoWordsOfAPlatform(t *testing.T) {
	platform := regexp.MustCompile(`(^|\W)--[a-z]|Dockerfile|[Dd]ocker|compose|[Kk]ubernetes`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literals := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if literals++; platform.MatchString(literal.Value) {
					t.Errorf("%s: %s", name, literal.Value)
				}
			}
			return true
		})
	}
	if literals < 500 {
		t.Errorf("only %d words were looked at", literals)
	}
}
