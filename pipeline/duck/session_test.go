package duck

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func (s *Session) must(t testing.TB, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if err := s.Exec(context.Background(), q); err != nil {
			t.Fatal(err)
		}
	}
}

func TestQuoting(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for _, text := range []string{"", "plain", "it's", `say "x"`, `\`, "a\nb", "é", "%s", "--", "; DROP TABLE x"} {
		var got string
		if err := s.Scan(t.Context(), "SELECT "+Quote(text), &got); err != nil || got != text {
			t.Errorf("Quote(%q): got %q, %v", text, got, err)
		}
		if text == "" {
			continue
		}
		cols, err := s.Columns(t.Context(), "SELECT 1 AS "+Ident(text)+", 2.5 AS x;\n")
		if err != nil || !reflect.DeepEqual(cols, []Column{{text, "INTEGER"}, {"x", "DECIMAL(2,1)"}}) {
			t.Errorf("Ident(%q): got %v, %v", text, cols, err)
		}
	}
	if got := Idents([]string{"a", `b"`}); got != `"a", "b"""` {
		t.Errorf("Idents: got %s", got)
	}
}

func TestWriteParquetSameRowsSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	query := "SELECT i, i::DECIMAL(18,4) / 3 AS d, 'customer ' || i % 100 AS c, CASE WHEN i % 7 > 0 THEN i * 0.5 END AS f, TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND AS t FROM range(200000) t(i) ORDER BY i DESC;"
	var files [][]byte
	for i, prepare := range []string{"SELECT 1", "CREATE TABLE noise AS SELECT random() FROM range(1000)"} {
		s := open(t, Options{})
		s.must(t, prepare)
		path := filepath.Join(dir, []string{"a.parquet", "it's [1]*.parquet"}[i])
		rows, err := s.WriteParquet(t.Context(), query, path)
		if err != nil || rows != 200000 {
			t.Fatalf("got %d rows, %v", rows, err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, content)
	}
	if string(files[0]) != string(files[1]) {
		t.Error("the same rows gave other bytes")
	}
	s := open(t, Options{})
	var first int64
	if err := s.Scan(t.Context(), "SELECT first(i) FROM "+ReadParquet([]string{filepath.Join(dir, "it's [1]*.parquet")}), &first); err != nil || first != 199999 {
		t.Errorf("the query's order is kept: got %d first, %v", first, err)
	}
}

func TestParquetErrors(t *testing.T) {
	t.Parallel()
	s, dir := open(t, Options{}), t.TempDir()
	if rows, err := s.WriteParquet(t.Context(), "SELECT 1 AS a LIMIT 0", filepath.Join(dir, "none.parquet")); err != nil || rows != 0 {
		t.Errorf("no rows: got %d, %v", rows, err)
	}
	if _, err := s.WriteParquet(t.Context(), "SELECT 1", filepath.Join(dir, "gone", "x.parquet")); err == nil {
		t.Error("written into a folder that is not there")
	}
	if _, err := s.WriteParquet(t.Context(), "SELECT error('late') FROM range(3)", filepath.Join(dir, "x.parquet")); err == nil || !strings.Contains(err.Error(), "late") {
		t.Errorf("a query that fails: got %v", err)
	}
	if _, err := s.VerifyParquet(t.Context(), filepath.Join(dir, "gone.parquet")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	path := filepath.Join(dir, "cut.parquet")
	if _, err := s.WriteParquet(t.Context(), "SELECT 1 AS a", path); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := s.VerifyParquet(t.Context(), path); err == nil || !strings.Contains(err.Error(), "reading back "+path) {
		t.Errorf("half a file: got %v", err)
	}
}

// failingSink fails at a given call.
type failingSink struct {
	Result
	at string
}

var errSink = errors.New("sink is full")

func (f *failingSink) Header(c, t []string) error {
	if f.at == "header" {
		return errSink
	}
	return f.Result.Header(c, t)
}

func (f *failingSink) Row(v []any) error {
	if f.at == "row" {
		return errSink
	}
	return f.Result.Row(v)
}

func (f *failingSink) End() error {
	if f.at == "end" {
		return errSink
	}
	return nil
}

func TestEach(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for _, at := range []string{"header", "row", "end"} {
		if err := s.Each(t.Context(), "SELECT 1", &failingSink{at: at}); !errors.Is(err, errSink) {
			t.Errorf("sink fails at %s: got %v", at, err)
		}
	}
	if _, err := s.Query(t.Context(), "SELECT gone FROM nowhere"); err == nil || !strings.Contains(err.Error(), "running SQL") || !strings.Contains(err.Error(), "SELECT gone FROM nowhere") {
		t.Errorf("a query that cannot be: got %v", err)
	}
	if _, err := s.Query(t.Context(), "SELECT CASE WHEN i = 100000 THEN error('in the middle') END FROM range(200000) t(i)"); err == nil || !strings.Contains(err.Error(), "in the middle") {
		t.Errorf("a query that fails: got %v", err)
	}
	if err := s.Scan(t.Context(), "SELECT 1 WHERE false", new(int)); err == nil {
		t.Error("no row to scan and no error")
	}
	if err := s.Exec(t.Context(), "SELEC"+strings.Repeat("\nx", 1000)); err == nil || !strings.Contains(err.Error(), "(989 more lines)") || len(err.Error()) > 2000 {
		t.Errorf("long SQL is cut in errors: got %d bytes, %v", len(err.Error()), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Query(ctx, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: got %v", err)
	}
	r, err := s.Query(t.Context(), "SELECT 1 AS a, NULL AS b") // the session works on
	if err != nil || !reflect.DeepEqual(r, Result{Columns: []string{"a", "b"}, Types: []string{"INTEGER", "INTEGER"}, Rows: [][]any{{int32(1), nil}}}) {
		t.Errorf("got %#v, %v", r, err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "it's [a] 100%?#.duckdb")
	w := open(t, Options{Path: path, TimeZone: "Asia/Tokyo", Threads: 2, Memory: "1GB", TempDir: filepath.Join(dir, "it's tmp")})
	r, err := w.Query(t.Context(), "SELECT current_setting('threads'), current_setting('TimeZone'), current_setting('memory_limit'), strftime(TIMESTAMPTZ '2024-01-01 00:00:00+00', '%H')")
	if err != nil || !reflect.DeepEqual(r.Rows, [][]any{{int64(2), "Asia/Tokyo", "953.6 MiB", "09"}}) {
		t.Errorf("settings: got %v, %v", r.Rows, err)
	}
	w.must(t, "CREATE TABLE a AS SELECT 1")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ro := open(t, Options{Path: path, ReadOnly: true})
	if err := ro.Exec(t.Context(), "DROP TABLE a"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("writing to a session that reads: got %v", err)
	}
	for _, o := range []Options{{Path: filepath.Join(dir, "gone", "x")}, {Path: filepath.Join(dir, "x"), ReadOnly: true}, {TimeZone: "Mars/Base"}, {Memory: "lots"}} {
		if s, err := Open(t.Context(), o); err == nil {
			s.Close()
			t.Errorf("%+v: no error", o)
		}
	}
}
