package warehouse

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
)

// testBundle is a data directory.
type testBundle struct {
	*testing.T
	dir string
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	return &testBundle{T: t, dir: t.TempDir()}
}

// table writes the rows of a query to a Parquet file of their own.
func (b *testBundle) table(name, query string) Table {
	b.Helper()
	s, err := duck.Open(b.Context(), duck.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(b.TempDir(), "rows.parquet")
	if _, err := s.WriteParquet(b.Context(), query, path); err != nil {
		b.Fatal(err)
	}
	return Table{Name: name, Parquet: path}
}

// publish builds a warehouse with a table of one number and puts it in place.
func (b *testBundle) publish(n int) {
	b.Helper()
	next := filepath.Join(b.dir, "next.duckdb")
	if _, err := Build(b.Context(), next, duck.Options{}, []Table{b.table("t", fmt.Sprintf("SELECT %d AS n FROM range(100000)", n))}, nil); err != nil {
		b.Fatal(err)
	}
	if err := durable.Move(next, filepath.Join(b.dir, FileName)); err != nil {
		b.Fatal(err)
	}
}

func query(t *testing.T, s *duck.Session, q string) [][]any {
	t.Helper()
	r, err := s.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r.Rows
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.table("one", `SELECT 1 AS id, 'x' AS "Kind x"`)
	one.About, one.Columns = "It's a table.", map[string]string{"id": "The key.", "Kind x": `A "kind".`, "gone": "no such column"}
	two := b.table("two; DROP TABLE one", "SELECT NULL AS id FROM range(3)")
	file := filepath.Join(b.dir, "new.duckdb")
	for _, rubbish := range []string{file, file + ".wal"} { // as a crash leaves it
		if err := os.WriteFile(rubbish, []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checks := []duck.Check{duck.NotNull("one", "id"), duck.NotNull(two.Name, "id")}
	checks[1].Severity = "error"
	found, err := Build(t.Context(), file, duck.Options{}, []Table{one, two}, checks)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Rows != 0 || found[1].Rows != 3 {
		t.Errorf("findings: got %+v", found)
	}
	if got := Failures(found, "error"); got != "two; DROP TABLE one: not null: id: 3 rows fail: id=NULL; id=NULL; id=NULL" {
		t.Errorf("failures: got %s", got)
	}
	if got := Failures(found, "warn"); got != "" {
		t.Errorf("warnings: got %s", got)
	}
	if _, err := os.Stat(file + ".wal"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is not complete: there is a log beside it: %v", err)
	}
	s, err := duck.Open(t.Context(), duck.Options{Path: file, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := query(t, s, "SELECT table_name, comment, estimated_size FROM duckdb_tables() ORDER BY 1")
	if want := [][]any{{"one", "It's a table.", int64(1)}, {two.Name, nil, int64(3)}}; !reflect.DeepEqual(got, want) {
		t.Errorf("tables: got %v", got)
	}
	got = query(t, s, "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'one' ORDER BY 1")
	if want := [][]any{{"Kind x", `A "kind".`}, {"id", "The key."}}; !reflect.DeepEqual(got, want) {
		t.Errorf("columns: got %v", got)
	}
}

func TestBuildErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.table("good", "SELECT 1 AS id")
	for name, c := range map[string]struct {
		file   string
		tables []Table
		checks []duck.Check
		want   string
	}{
		"no such file":      {"a.duckdb", []Table{{Name: "t", Parquet: filepath.Join(b.dir, "gone.parquet")}}, nil, "loading table t"},
		"table twice":       {"b.duckdb", []Table{good, good}, nil, "loading table good"},
		"check of no table": {"c.duckdb", []Table{good}, []duck.Check{duck.NotNull("gone", "id")}, "gone"},
		"no such folder":    {"gone/d.duckdb", nil, nil, "d.duckdb"},
	} {
		if _, err := Build(t.Context(), filepath.Join(b.dir, c.file), duck.Options{}, c.tables, c.checks); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if got := Failures([]duck.Finding{{Check: duck.Check{Table: "b", Name: "x", Severity: "warn"}, Rows: 1}, {Check: duck.Check{Table: "a", Name: "y", Severity: "warn"}, Rows: 2}, {Check: duck.Check{Table: "c", Severity: "warn"}}}, "warn"); got != "a: y: 2 rows fail: \nb: x: 1 rows fail: " {
		t.Errorf("failures are sorted: got %q", got)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := Open(t.Context(), b.dir)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no warehouse in "+b.dir+": no night was published there yet (run `mainstay run`, or name the directory with --data)") {
		t.Errorf("no warehouse: got %v", err)
	}
	b.publish(1)
	s, err := Open(t.Context(), b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Exec(t.Context(), "DROP TABLE t"); err == nil {
		t.Error("the published warehouse was changed")
	}
}

// A reader keeps the night that it opened; who opens afterwards has the new one.
func TestReadersAcrossASwap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(1)
	old, err := Open(t.Context(), b.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	sum := func(s *duck.Session) int64 { return query(t, s, "SELECT sum(n)::BIGINT FROM t")[0][0].(int64) }
	for n := 2; n < 4; n++ {
		b.publish(n)
		if got := sum(old); got != 100000 {
			t.Errorf("the reader of night 1 reads %d after the swap to night %d", got, n)
		}
		s, err := Open(t.Context(), b.dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(s); got != int64(n)*100000 {
			t.Errorf("a new reader reads %d after the swap to night %d", got, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPublishParquet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := func(dir string) any {
		s, err := duck.Open(t.Context(), duck.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return query(t, s, "SELECT string_agg(id, ',' ORDER BY id) FROM "+duck.ReadParquet([]string{filepath.Join(dir, "t.parquet")}))[0][0]
	}
	publish := func(day string, night int64, rows string, more ...Table) {
		if err := publishParquet(b.dir, day, night, append(more, b.table("t", "SELECT '"+rows+"' AS id"))); err != nil {
			t.Fatal(err)
		}
		if got := ids(filepath.Join(b.dir, TablesDir, "as_of="+day)); got != rows {
			t.Errorf("night %d: got %v, want %s", night, got, rows)
		}
	}
	publish("2024-03-01", 1, "first", b.table("gone", "SELECT 1"))
	publish("2024-03-02", 2, "second")
	publish("2024-03-01", 3, "first again") // replaces the whole day, with what it no longer has
	day := filepath.Join(b.dir, TablesDir, "as_of=2024-03-01")
	if left, err := os.ReadDir(day); err != nil || len(left) != 1 {
		t.Errorf("the day has %v, %v; want the one table of its last night", left, err)
	}
	if to, err := os.Readlink(day); err != nil || to != ".night-000003" {
		t.Errorf("the day points to %q, %v; want a relative name, so that the data directory can move", to, err)
	}
	// Who had the day open goes on with the night that it opened.
	if got := ids(filepath.Join(b.dir, TablesDir, ".night-000001")); got != "first" {
		t.Errorf("night 1: got %v", got)
	}
	if got := ids(filepath.Join(b.dir, TablesDir, "as_of=2024-03-02")); got != "second" {
		t.Errorf("another day: got %v", got)
	}
	publish("2024-03-01", 3, "once more") // the same night, after a crash before its end
	entries, err := os.ReadDir(filepath.Join(b.dir, TablesDir))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 5 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLinkOrCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from := filepath.Join(dir, "from")
	for _, f := range []string{from, filepath.Join(dir, "copied")} { // no link over what is there
		if err := os.WriteFile(f, []byte("rows of "+f), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"linked", "copied"} {
		if err := linkOrCopy(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, to)); err != nil || string(got) != "rows of "+from {
			t.Errorf("%s: got %q, %v", to, got, err)
		}
	}
}

// A night that cannot be published leaves the day as it was.
func TestPublishParquetThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.table("t", "SELECT 1 AS id")
	if err := publishParquet(b.dir, "2024-03-01", 1, []Table{good}); err != nil {
		t.Fatal(err)
	}
	err := publishParquet(b.dir, "2024-03-01", 2, []Table{good, {Name: "u", Parquet: filepath.Join(b.dir, "gone.parquet")}})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "publishing u") {
		t.Errorf("got %v", err)
	}
	if to, err := os.Readlink(filepath.Join(b.dir, TablesDir, "as_of=2024-03-01")); err != nil || to != ".night-000001" {
		t.Errorf("the day points to %q, %v", to, err)
	}
}

// publishParquet is both steps of publication.
func publishParquet(dataDir, asOf string, night int64, tables []Table) error {
	if err := GatherParquet(dataDir, night, tables); err != nil {
		return err
	}
	return LinkDay(dataDir, asOf, night)
}
