package lake_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
)

// A bit that is flipped anywhere in a file, and a file that is cut short or gone, is
// noticed before the file is read, and before it is merged.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	for what, harm := range map[string]func(path string, text []byte) error{
		"a bit": func(path string, text []byte) error {
			text[rand.IntN(len(text))] ^= 1 << rand.IntN(8)
			return os.WriteFile(path, text, 0o644)
		},
		"cut short": func(path string, text []byte) error { return os.WriteFile(path, text[:len(text)-1], 0o644) },
		"gone":      func(path string, _ []byte) error { return os.Remove(path) },
	} {
		b := setup(t)
		for i := range 3 {
			b.write(fmt.Sprintf("%d.csv", i), header+fmt.Sprintf("%d,1,c1,2024-02-01 1%d:00:00,p,2,1.50,red\n", i, i))
			b.extract()
		}
		tbl, err := b.lake.Table(b.ctx, contract.Orders.Name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(b.lake.Dir, tbl.Files[1].Path)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := harm(path, append([]byte(nil), text...)); err != nil {
			t.Fatal(err)
		}
		var damaged *lake.DamagedError
		if _, err := b.lake.Table(b.ctx, contract.Orders.Name); !errors.As(err, &damaged) || damaged.Path != path || !strings.Contains(err.Error(), "backup") {
			t.Errorf("%s: got %v, want a *DamagedError for %s", what, err, path)
		}
		if got, err := b.lake.Compact(b.ctx, lake.CompactOptions{Scratch: t.TempDir(), MinFiles: 2}); !errors.As(err, &damaged) {
			t.Errorf("%s: merged %+v, %v", what, got, err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := b.lake.Table(b.ctx, contract.Orders.Name); err != nil {
			t.Errorf("%s: restored: %v", what, err)
		}
	}
}

// Rows of a database that were in a file that was taken out of the lake come back when the
// table is verified.
func TestDroppedFileOfADatabase(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	for id := range 20 {
		b.set(id, line{order: fmt.Sprint("o", id), customer: "c1", at: base, quantity: 1})
	}
	b.mustNight()
	b.set(3, line{order: "o3", customer: "c1", at: base, quantity: 7})
	b.mustNight()
	files, err := b.ledger.LakeFiles(b.ctx, contract.Orders.Name)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		inputs, err := b.ledger.DropLakeFile(b.ctx, f)
		if err != nil || len(inputs) == 0 {
			t.Fatalf("inputs %v, %v", inputs, err)
		}
		if err := os.Remove(filepath.Join(b.lake.Dir, f.Path)); err != nil {
			t.Fatal(err)
		}
		b.mustNight()
		b.agree()
	}
}
