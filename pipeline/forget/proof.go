package forget

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Trace is a place that names one of the people.
type Trace struct {
	Place string // file, and column, line or table
	Rows  int64
	// Other: the column holds names of other things, such as products, of which one is the
	// same as the id.
	Other bool
}

// Proof is what was looked through, and what was found.
type Proof struct {
	Parquet, Columns int // Parquet files, and columns in all of them
	Rows             int64
	Tables           int // of DuckDB files
	Texts            int // other files, read string by string
	Bytes            int64
	Traces           []Trace
}

// Clean tells whether nothing was found but names of other things.
func (p Proof) Clean() bool {
	return !slices.ContainsFunc(p.Traces, func(t Trace) bool { return !t.Other })
}

// Prove looks through every file of the data directory: every column of every Parquet file
// and of every DuckDB file, every text of the ledger, and every string of all other files.
func (f Files) Prove(ctx context.Context) (out Proof, err error) {
	err = filepath.WalkDir(f.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(f.Dir, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out.Bytes += info.Size()
		if f.People.In(filepath.ToSlash(rel)) {
			out.Traces = append(out.Traces, Trace{Place: rel + " (its name)", Rows: 1})
		}
		var found []Trace
		switch {
		case rel == ledger.FileName, rel == ledger.FileName+"-journal":
			return nil // below
		case strings.HasSuffix(path, ".parquet"):
			found, err = f.proveParquet(ctx, path, rel, &out)
		case strings.HasPrefix(rel, warehouse.FileName), strings.HasSuffix(path, ".duckdb"):
			found, err = f.proveDuckDB(ctx, path, rel, &out)
		default:
			out.Texts++
			found, err = f.proveText(path, rel)
		}
		out.Traces = append(out.Traces, found...)
		return errors.Join(err, ctx.Err())
	})
	if err != nil {
		return out, fmt.Errorf("proving that nothing is left: %w", err)
	}
	places := map[string]int64{}
	err = f.Ledger.Words(ctx, false, func(place, text string) string {
		if f.People.In(text) {
			places[place]++
		}
		return text
	})
	for place, n := range places {
		out.Traces = append(out.Traces, Trace{Place: ledger.FileName + ", " + place, Rows: n})
	}
	slices.SortFunc(out.Traces, func(a, b Trace) int { return strings.Compare(a.Place, b.Place) })
	return out, err
}

func (f Files) proveParquet(ctx context.Context, path, rel string, out *Proof) ([]Trace, error) {
	from := duck.ReadParquet([]string{path})
	columns, rows, found, err := f.look(ctx, f.Session, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rel, err)
	}
	out.Parquet, out.Columns, out.Rows = out.Parquet+1, out.Columns+columns, out.Rows+rows
	for i := range found {
		found[i].Place = rel + ", column " + found[i].Place
	}
	return found, nil
}

func (f Files) proveDuckDB(ctx context.Context, path, rel string, out *Proof) (found []Trace, err error) {
	s, err := duck.Open(ctx, duck.Options{Path: path, ReadOnly: true, Threads: 1})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rel, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tables, err := s.Query(ctx, "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY 1")
	if err != nil {
		return nil, err
	}
	for _, row := range tables.Rows {
		table, _ := row[0].(string)
		columns, rows, traces, err := f.look(ctx, s, duck.Ident(table))
		if err != nil {
			return nil, fmt.Errorf("%s, table %s: %w", rel, table, err)
		}
		out.Tables, out.Columns, out.Rows = out.Tables+1, out.Columns+columns, out.Rows+rows
		for _, t := range traces {
			t.Place = rel + ", table " + table + ", column " + t.Place
			found = append(found, t)
		}
	}
	return found, nil
}

// parquet looks for traces in a file, without names of other things.
func (f Files) parquet(ctx context.Context, path string) ([]Trace, error) {
	_, _, found, err := f.look(ctx, f.Session, duck.ReadParquet([]string{path}))
	return slices.DeleteFunc(found, func(t Trace) bool { return t.Other }), err
}

// look looks through every column of a relation.
func (f Files) look(ctx context.Context, s *duck.Session, from string) (columns int, rows int64, found []Trace, err error) {
	cols, err := s.Columns(ctx, "SELECT * FROM "+from)
	if err != nil {
		return 0, 0, nil, err
	}
	others := otherThings()
	counts, names := []string{"count(*)"}, []string{}
	for _, c := range cols {
		if cond := f.People.check(c); cond != "" {
			counts, names = append(counts, "count(*) FILTER ("+cond+")"), append(names, c.Name)
		}
	}
	n := make([]int64, len(counts))
	into := make([]any, len(counts))
	for i := range n {
		into[i] = &n[i]
	}
	if err := s.Scan(ctx, "SELECT "+strings.Join(counts, ", ")+" FROM "+from, into...); err != nil {
		return 0, 0, nil, err
	}
	for i, name := range names {
		if n[i+1] > 0 {
			found = append(found, Trace{Place: name, Rows: n[i+1], Other: contains(others, name)})
		}
	}
	return len(cols), n[0], found, nil
}

// proveText reads a file string by string: in JSON the strings, for a number may be the
// same as an id; of what is no JSON every line.
func (f Files) proveText(path, rel string) (found []Trace, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", rel, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := bufio.NewReaderSize(file, 1<<20)
	for number := 1; ; number++ {
		line, err := r.ReadString('\n')
		if f.People.In(line) && f.named(line, path) {
			found = append(found, Trace{Place: fmt.Sprintf("%s, line %d", rel, number), Rows: 1})
		}
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("reading %s: %w", rel, err)
		}
	}
}

// named tells whether a line that has an id in it names the person.
func (f Files) named(line, path string) bool {
	text, _, _ := strings.Cut(line, "\t") // a line of the redo log ends in a checksum
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return f.inJSON(v)
	}
	if ending := filepath.Ext(path); ending == ".json" || ending == ".model" {
		// A line of a longer document: what stands in quotes.
		parts := strings.Split(line, `"`)
		for i := 1; i < len(parts); i += 2 {
			if f.People.In(parts[i]) {
				return true
			}
		}
		return false
	}
	return true
}

func (f Files) inJSON(v any) bool {
	switch v := v.(type) {
	case string:
		return f.People.In(v)
	case []any:
		return slices.ContainsFunc(v, f.inJSON)
	case map[string]any:
		for k, e := range v {
			if f.People.In(k) || f.inJSON(e) {
				return true
			}
		}
	}
	return false
}

// InWarehouse tells whether a DuckDB file names one of the people.
func (f Files) InWarehouse(ctx context.Context, path string) (bool, error) {
	var p Proof
	found, err := f.proveDuckDB(ctx, path, filepath.Base(path), &p)
	return slices.ContainsFunc(found, func(t Trace) bool { return !t.Other }), err
}
