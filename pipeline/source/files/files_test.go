package files_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/files"
	"github.com/mainstay-etl/mainstay/pipeline/source/sourcetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	csv := "a,b\n1,2\n3\n5,6\n\"x\ny\",\n7,8,9\n"
	jsonl := "{\"a\": 1, \"b\": {\"c\": [1]}}\nnonsense\n\n{\"b\": null}\n"
	for name, content := range map[string]map[string][]byte{
		"csv":       {"one.csv": []byte(csv), "two.csv": []byte("a,b\n"), "three.csv": nil},
		"gz csv":    {"one.csv.gz": zip(t, csv), "two.csv.gz": zip(t, "a,b\n1,2\n")},
		"mixed csv": {"one.csv": []byte("a,b\r\n1,2\n3\n4,5\r\n"), "two.csv": []byte("a,b\n1,\r2\n")},
		"jsonl":     {"one.jsonl": []byte(jsonl), "two.ndjson": []byte(`{"a": 1, "b": 2}`), "three.jsonl": nil},
		"gz jsonl":  {"one.jsonl.gz": zip(t, jsonl), "two.jsonl": []byte("{\"a\": 1, \"b\": 2}\r\n{\"a\": 2}\n")},
		"parquet":   {"one.parquet": parquet(t, "SELECT i AS a, i::VARCHAR AS b FROM range(1000) t(i)"), "two.parquet": parquet(t, "SELECT 1 AS a, NULL AS b LIMIT 0")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for file, c := range content {
				b.write(file, string(c))
			}
			b.o.Selects = map[string]string{"orders": "SELECT a AS order_id, b, _file, _row FROM input", "interactions": "SELECT a AS kind FROM input WHERE b IS NOT NULL;"}
			sourcetest.Run(t, func(t testing.TB) source.Source { return b.open() })
		})
	}
}

// testBundle is a directory of files and a source of them.
type testBundle struct {
	*testing.T
	dir  string
	o    files.Options
	sess *duck.Session // reads what landed
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{T: t, dir: t.TempDir()}
	b.o = files.Options{Name: "shop", Globs: []string{filepath.Join(b.dir, "*")}, TimeZone: "Europe/London",
		CSV: files.CSVOptions{Header: true, Quote: `"`}, Selects: map[string]string{"orders": "SELECT * FROM input"}}
	return b
}

func (b *testBundle) write(name, content string) string {
	b.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

func (b *testBundle) open() *files.Source {
	b.Helper()
	s, err := files.New(b.o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// land lands one file and gives the rows of orders, a line each, and the malformed
// records as number, detail and text.
func (b *testBundle) land(path string) (rows, malformed []string, err error) {
	b.Helper()
	s := b.open()
	defer s.Close()
	landed, err := s.Land(context.Background(), source.Input{Name: path}, b.TempDir())
	if err != nil {
		return nil, nil, err
	}
	if p := landed.Tables["orders"]; p != "" {
		rows = b.read("SELECT * EXCLUDE (_file) FROM " + duck.ReadParquet([]string{p}))
	}
	if landed.Malformed != "" {
		malformed = b.read("SELECT _row, detail, row FROM " + duck.ReadParquet([]string{landed.Malformed}))
	}
	if int(landed.MalformedRecords) != len(malformed) || int(landed.Records) != len(rows)+len(malformed) {
		b.Errorf("accounts: %d records, %d malformed; landed %d rows, %d malformed", landed.Records, landed.MalformedRecords, len(rows), len(malformed))
	}
	return rows, malformed, nil
}

func (b *testBundle) read(query string) []string {
	b.Helper()
	if b.sess == nil {
		var err error
		if b.sess, err = duck.Open(context.Background(), duck.Options{}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { b.sess.Close() })
	}
	r, err := b.sess.Query(context.Background(), query)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, row := range r.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			if cells[i] = fmt.Sprintf("%v", v); v == nil {
				cells[i] = "NULL"
			}
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func zip(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func parquet(t *testing.T, query string) []byte {
	t.Helper()
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(t.TempDir(), "x.parquet")
	if _, err := s.WriteParquet(t.Context(), query, path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*files.Options)
		want   string
	}{
		"no files":      {func(o *files.Options) { o.Globs = nil }, "needs files"},
		"no select":     {func(o *files.Options) { o.Selects = nil }, "needs files and at least one table"},
		"bad pattern":   {func(o *files.Options) { o.Globs = []string{"/a[b"} }, `"/a[b" is not a file pattern`},
		"long delim":    {func(o *files.Options) { o.CSV.Delimiter = "||" }, "one ASCII character"},
		"quote of two":  {func(o *files.Options) { o.CSV.Quote = "''" }, "one ASCII character"},
		"rune as delim": {func(o *files.Options) { o.CSV.Delimiter = "§" }, "one ASCII character"},
	} {
		o := setup(t).o
		c.change(&o)
		if _, err := files.New(o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "source shop") {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// list gives the base names of the inputs that are new or changed.
func (b *testBundle) list(s *files.Source, known map[string]source.Input) string {
	b.Helper()
	k := source.Nothing("")
	k.Input = func(name string) (source.Input, bool) { in, ok := known[name]; return in, ok }
	in, err := s.Inputs(context.Background(), k)
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, i := range in {
		names = append(names, filepath.Base(i.Name))
		known[i.Name] = i
	}
	return strings.Join(names, " ")
}

func TestChangedFilesAreNoticedByContent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.write("one.csv", "a\n1\n")
	b.write("two.csv", "a\n2\n")
	if err := os.Mkdir(filepath.Join(b.dir, "folder.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	known := map[string]source.Input{}
	touch := func(to time.Time) {
		if err := os.Chtimes(one, to, to); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		name, want string
		do         func()
	}{
		{"first look, folders passed over", "one.csv two.csv", func() {}},
		{"nothing new", "", func() {}},
		{"touched", "", func() { touch(time.Unix(1e9, 5)) }},
		{"other content of the same size", "one.csv", func() { b.write("one.csv", "a\n9\n") }},
		{"longer", "one.csv", func() { b.write("one.csv", "a\n9\n9\n") }},
		{"a third file", "three.csv", func() { b.write("three.csv", "a\n") }},
		{"another SELECT", "one.csv three.csv two.csv", func() { b.o.Selects = map[string]string{"orders": "SELECT a FROM input"} }},
		{"the same again", "", func() {}},
		{"another time zone", "one.csv three.csv two.csv", func() { b.o.TimeZone = "UTC" }},
		{"other null strings", "one.csv three.csv two.csv", func() { b.o.CSV.NullStrings = []string{"", "NA"} }},
	}
	for _, s := range steps {
		s.do()
		if got := b.list(b.open(), known); got != s.want {
			t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.write("one.csv", "a\n")
	none := filepath.Join(b.dir, "*.txt")
	b.o.Globs = []string{filepath.Join(b.dir, "*.csv"), one, none}
	if got, err := b.open().Paths(); err != nil || len(got) != 1 || got[0] != one {
		t.Errorf("a file that two patterns match: got %v, %v, want it once", got, err)
	}
	if got := b.open().Missing(); len(got) != 1 || got[0] != none {
		t.Errorf("Missing: got %v, want %s", got, none)
	}
	b.o.Globs = []string{filepath.Join(b.dir, "gone.csv")}
	if _, err := b.open().Inputs(t.Context(), source.Nothing("")); err == nil || !strings.Contains(err.Error(), "no file "+b.o.Globs[0]) {
		t.Errorf("a file that is not there: got %v", err)
	}
	if _, _, err := b.land(b.write("notes.txt", "a\n")); err == nil || !strings.Contains(err.Error(), "set the source's format") {
		t.Errorf("unknown extension: got %v", err)
	}
	b.o.Format = files.CSV
	if rows, _, err := b.land(b.write("notes.txt", "a\n1\n")); err != nil || len(rows) != 1 {
		t.Errorf("with a format: got %v, %v", rows, err)
	}
}

// A name with pattern characters must not read the files that it would match.
func TestFileNamesAreNoPatterns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, ext := range []string{".csv", ".jsonl", ".parquet"} {
		content := func(v int) string {
			switch ext {
			case ".csv":
				return fmt.Sprintf("a\n%d\n", v)
			case ".jsonl":
				return fmt.Sprintf(`{"a": %d}`, v)
			}
			return string(parquet(t, fmt.Sprintf("SELECT %d AS a", v)))
		}
		b.write("s1"+ext, content(8))
		b.write("sxxs"+ext, content(8))
		for _, name := range []string{"s[1]", "s*s", "s?", "it's", "a b", "ü%20"} {
			rows, _, err := b.land(b.write(name+ext, content(7)))
			if err != nil || len(rows) != 1 || !strings.Contains(rows[0], "7") {
				t.Errorf("%s%s: got %v, %v", name, ext, rows, err)
			}
		}
	}
}

func TestMappingErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sel, want string }{
		"no such column": {"SELECT order_number AS order_id FROM input", `"order_number" not found`},
		"syntax":         {"SELEC a FROM input", "syntax error"},
		"twice":          {"SELECT *, upper(a) AS A FROM input", "gives the column A twice"},
		"while running":  {"SELECT error('no ' || a) FROM input", "no 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.o.Selects["orders"] = c.sel
			path := b.write("one.csv", "a\n1\n")
			_, _, err := b.land(path)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range []string{"source shop", "mapping " + path, "table orders", c.want} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if name != "twice" && !strings.Contains(err.Error(), c.sel) {
				t.Errorf("got %v, want the SQL in it", err)
			}
		})
	}
}
