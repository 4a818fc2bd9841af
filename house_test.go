// Package kiebot_test holds the rules that the whole repository keeps.
package kiebot_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "kiebot"

// mayImport says which of our packages each of our packages may import, in
// files that are not tests. What is not here is forbidden.
func mayImport() map[string][]string {
	return map[string][]string{
		"bots/web":                   {"bots", "bots/web/site", "core", "core/media", "kie/catalog"},
		"bots/web/webtest":           {},
		"bots/web/site":              {},
		"bots/web/console":           {"bots", "bots/web/site", "core", "core/media", "kie/catalog"},
		"bots/telegram":              {"bots", "bots/clip", "core", "core/media", "kie/catalog"},
		"bots/discord":               {"bots", "bots/clip", "bots/discord/gateway", "core", "core/media", "kie/catalog"},
		"bots/discord/gateway":       {},
		"bots/discord/discordtest":   {},
		"bots/clip":                  {},
		"bots":                       {"core", "core/media", "kie/catalog"},
		"core":                       {"core/media", "kie", "kie/catalog"},
		"storage/bolt":               {"storage", "storage/group", "core"},
		"storage/group":              {"core"},
		"storage/postgres":           {"storage", "storage/group", "core"},
		"storage/postgres/pgtest":    {},
		"storage":                    {"core"},
		"storage/storagetest":        {"core", "core/media", "kie"},
		"kie/kietest":                {"kie", "kie/catalog"},
		"kie":                        {},
		"kie/catalog":                {},
		"kie/catalog/gen":            {"kie/catalog"},
		"core/media":                 {},
		"bots/telegram/telegramtest": {},
	}
}

type pkg struct {
	Dir         string
	ImportPath  string
	Imports     []string
	GoFiles     []string
	TestGoFiles []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Imports,GoFiles,TestGoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports(t *testing.T) {
	allowed := mayImport()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.HasPrefix(name, "cmd/") || len(p.GoFiles) == 0 {
			continue
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is not in the table of rooms", name)
		}
		for _, imported := range p.Imports {
			ours, is := strings.CutPrefix(imported, module+"/")
			if is && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s, which it must not", name, ours)
			}
		}
	}
}

func TestNoCatchAllPackages(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models"}, filepath.Base(p.ImportPath)) {
			t.Errorf("%s: a package is named for what it is about", p.ImportPath)
		}
	}
}

// Every package has a comment whose first sentence stands alone, and says
// what everything exported is.
func TestDocumentation(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		documented := parse(t, p)
		name := "Package " + documented.Name + " "
		if documented.Name == "main" {
			name = strings.ToUpper(filepath.Base(p.Dir)[:1]) + filepath.Base(p.Dir)[1:] + " "
		}
		if synopsis := documented.Synopsis(documented.Doc); !strings.HasPrefix(synopsis, name) || !strings.HasSuffix(synopsis, ".") {
			t.Errorf("%s: the package comment is %q; want a sentence that begins with %q", p.ImportPath, synopsis, name)
		}
		if documented.Name == "main" {
			continue
		}
		for what, comment := range exported(documented) {
			if strings.TrimSpace(comment) == "" {
				t.Errorf("%s: %s has no comment", p.ImportPath, what)
			}
		}
	}
}

func parse(t *testing.T, p pkg) *doc.Package {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	documented, err := doc.NewFromFiles(fset, files, p.ImportPath)
	if err != nil {
		t.Fatal(err)
	}
	return documented
}

// exported maps what a package exports to its comments.
func exported(p *doc.Package) map[string]string {
	all := map[string]string{}
	for _, f := range p.Funcs {
		all[f.Name] = f.Doc
	}
	for _, ty := range p.Types {
		all[ty.Name] = ty.Doc
		for _, f := range slices.Concat(ty.Funcs, ty.Methods) {
			all[ty.Name+"."+f.Name] = f.Doc
		}
		addValues(all, slices.Concat(ty.Consts, ty.Vars))
	}
	addValues(all, slices.Concat(p.Consts, p.Vars))
	return all
}

// addValues takes a comment on the group, above the name or behind it.
func addValues(all map[string]string, values []*doc.Value) {
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			value := spec.(*ast.ValueSpec)
			for _, name := range value.Names {
				if name.IsExported() {
					all[name.Name] = v.Doc + value.Doc.Text() + value.Comment.Text()
				}
			}
		}
	}
}
