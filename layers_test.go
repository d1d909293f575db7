// Package mainstay holds the whole tree together: its only code is the test that keeps
// the layers apart.
package mainstay

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mainstay-etl/mainstay/"

// layer is a rule about what the packages below a folder may import.
type layer struct {
	folder string
	deny   []string
	reason string
}

var layers = []layer{
	{"pipeline", []string{"models", "sql", "shop", "jobs", "cmd"}, "the engine and its parts know nothing of customers; jobs composes them"},
	{"models", []string{"pipeline", "sql", "shop", "jobs", "cmd"}, "models take files and frames, wherever these come from; jobs composes them"},
	{"sql", []string{"pipeline", "models", "shop", "jobs", "cmd"}, "the SQL models are text"},
	{"shop", []string{"pipeline", "models", "sql", "jobs", "cmd"}, "the synthetic shop is a source like any other and must not know who reads it"},
	{"jobs", []string{"shop", "cmd"}, "a night must not know that its data is synthetic, nor how it was started"},
}

// sole says which folders alone may import a module, so that its quirks stay in one
// place.
var sole = map[string][]string{
	"github.com/duckdb/duckdb-go":      {"pipeline/duck"},
	"github.com/sjwhitworth/golearn":   {"models/golearnx"},
	"modernc.org/sqlite":               {"pipeline/ledger"},
	"github.com/robfig/cron":           {"pipeline/schedule"},
	"github.com/spf13/cobra":           {"cmd/mainstay"},
	"github.com/vbauerster/mpb":        {"cmd/mainstay"},
	"github.com/apache/arrow-go":       {"models"},
	"github.com/parquet-go/parquet-go": {"shop", "pipeline/source/landing"},
	"github.com/wneessen/go-mail":      {"pipeline/notify"},
	"github.com/prometheus":            {"pipeline/monitor"},
	"github.com/jackc/pgx":             {"pipeline/source/postgres", "pipeline/push", "pipeline/source/dbtest", "shop/database"},
	"github.com/go-sql-driver/mysql":   {"pipeline/source/mysql", "pipeline/source/dbtest", "shop/database"},
}

func TestLayers(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, imp := range f.Imports {
			checkImport(t, path, dir, strings.Trim(imp.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Fatalf("only %d files found: the test looks in the wrong place", files)
	}
}

func checkImport(t *testing.T, path, dir, imported string) {
	t.Helper()
	for mod, homes := range sole {
		if strings.HasPrefix(imported, mod) && !under(dir, homes) && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s imports %s: only %s may, so that its quirks stay in one place", path, imported, strings.Join(homes, " and "))
		}
	}
	own, ok := strings.CutPrefix(imported, module)
	if !ok {
		return
	}
	for _, l := range layers {
		if dir != l.folder && !strings.HasPrefix(dir, l.folder+"/") {
			continue
		}
		for _, deny := range l.deny {
			if deny == "shop" && strings.HasSuffix(path, "_test.go") {
				continue // tests may live on a generated shop
			}
			if own == "pipeline/source/dbtest" && strings.HasSuffix(path, "_test.go") {
				continue // and on a real server
			}
			if own == deny || strings.HasPrefix(own, deny+"/") {
				t.Errorf("%s imports %s: packages in %s must not: %s", path, own, l.folder, l.reason)
			}
		}
	}
}

// under tells whether a folder is one of the homes or below one.
func under(dir string, homes []string) bool {
	return slices.ContainsFunc(homes, func(home string) bool { return dir == home || strings.HasPrefix(dir, home+"/") })
}
