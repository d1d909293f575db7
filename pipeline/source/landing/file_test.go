package landing

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// TestLargeValues looks that memory does not grow with the file.
func TestLargeValues(t *testing.T) {
	b := setup(t)
	w := b.create(Options{}, source.Column{Name: "id", Kind: source.Int}, source.Column{Name: "text"})
	text := bytes.Repeat([]byte("0123456789abcdef"), 10<<16)
	var most uint64
	for i := range 8 {
		w.Int(0, int64(i))
		w.Text(1, text)
		b.end(w)
		if w.arena != nil {
			t.Fatal("the arena keeps a large text")
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	if most > 120<<20 {
		t.Errorf("%d MB in use", most>>20)
	}
	if want := int64(8 * (len(text) + 8)); w.Bytes() < want || w.Bytes() > want+2000 {
		t.Errorf("Bytes() = %d, want about %d", w.Bytes(), want)
	}
	b.close(w)
	b.same("SELECT count(*), min(length(text)), max(length(text)) FROM landing", fmt.Sprintf("8|%d|%d", len(text), len(text)))
	b.same("SELECT count(DISTINCT row_group_id) FROM parquet_metadata("+duck.Quote(b.path)+")", "8")
}

func TestGroupsEndByBytesAndRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.create(Options{GroupRows: 1000}, source.Column{Name: "id", Kind: source.Int})
	for range 3500 {
		b.end(w)
	}
	b.close(w)
	groups := "SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata(" + duck.Quote(b.path) + ") ORDER BY 1"
	b.same(groups, "0|1000", "1|1000", "2|1000", "3|500")
	w = b.create(Options{GroupBytes: 10000}, source.Column{Name: "id", Kind: source.Int})
	for i := range 1000 {
		w.Int(0, int64(i))
		b.end(w)
	}
	b.close(w)
	if n := len(b.read(groups)); n < 3 || n > 5 {
		t.Errorf("%d row groups, want about 4", n)
	}
}

func TestBare(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.create(Options{Bare: true}, source.Column{Name: "id", Kind: source.Int}, source.Column{Name: source.ColHash, Kind: source.Int})
	w.Int(0, 1)
	w.Int(1, 2)
	b.end(w)
	b.close(w)
	b.same("SELECT * FROM landing", "1|2")
	w = b.create(Options{Bare: true}, source.Column{Name: "id"})
	w.Text(0, []byte{0xff})
	if err := w.EndRow(); err == nil || !strings.Contains(err.Error(), "column id cannot hold") {
		t.Error(err)
	}
}

func TestEmptyFileHasItsColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.close(b.create(Options{}, source.Column{Name: "id", Kind: source.Int}))
	b.same("SELECT count(*) FROM landing", "0")
	b.same("SELECT column_name FROM (DESCRIBE FROM landing)", "id", ColRow, source.ColUnfit)
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, cols := range map[string][]source.Column{
		"no columns":                    nil,
		"differ in case at most":        {{Name: "a"}, {Name: "A"}},
		`"_row" and "_ROW"`:             {{Name: "_ROW"}},
		"a name that is empty":          {{Name: ""}},
		`column "a=b"`:                  {{Name: "a=b"}},
		"DECIMAL(39,0) is no type":      {{Name: "n", Kind: source.Decimal, Precision: 39}},
		"column n: DECIMAL(3,4) is no ": {{Name: "n", Kind: source.Decimal, Precision: 3, Scale: 4}},
	} {
		path := filepath.Join(t.TempDir(), "x.parquet")
		if _, err := Create(path, cols, Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want %q", cols, err, name)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%v: a file is there", cols)
		}
	}
}

func TestWrongSetterIsAnError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.create(Options{}, source.Column{Name: "id", Kind: source.Int})
	w.Text(0, []byte("x"))
	if err := w.EndRow(); err == nil || !strings.Contains(err.Error(), "column id is BIGINT") {
		t.Error(err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close forgets the error")
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	w, err := Create("/dev/full", []source.Column{{Name: "id", Kind: source.Int}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Int(0, 1)
	if err := w.EndRow(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Error(err)
	}
}
