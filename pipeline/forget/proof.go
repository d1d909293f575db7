package forget

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Trace is a place where something is.
type Trace struct {
	Place string // file, and column, line or table
	Rows  int64
}

// Proof is what was looked through, and what was found.
type Proof struct {
	Parquet, Columns int // Parquet files, and columns in all of them
	Rows             int64
	Tables           int // of DuckDB files
	Texts            int // other files, read string by string
	Bytes            int64
	Traces           []Trace // that name one of the people
	// Mentions are texts with an id that need not mean the person: a name of another
	// thing, a number. They are added up by kind of table and column.
	Mentions []Trace

	mentions map[string]int64
}

// Clean tells whether nothing was found that names one of the people.
func (p Proof) Clean() bool { return len(p.Traces) == 0 }

func (p *Proof) trace(place string, rows int64) {
	if rows > 0 {
		p.Traces = append(p.Traces, Trace{place, rows})
	}
}

func (p *Proof) mention(place string, rows int64) {
	if rows > 0 {
		p.mentions[place] += rows
	}
}

// Prove looks through every file of the data directory: every column of every Parquet file
// and of every DuckDB file, every text of the ledger, and every string of all other files.
func (f Files) Prove(ctx context.Context) (out Proof, err error) {
	out.mentions = map[string]int64{}
	err = filepath.WalkDir(f.Dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != f.Dir {
			return nil // on its way: only what may not hold the lease comes and goes
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return errors.Join(f.proveFile(ctx, path, d, &out), ctx.Err())
	})
	if err != nil {
		return out, fmt.Errorf("proving that nothing is left: %w", err)
	}
	named := map[string]int64{}
	err = f.Ledger.Words(ctx, false, func(place, text string) string {
		switch place = ledger.FileName + ", " + place; {
		case f.People.Named(text):
			named[place]++
		case f.People.Mentioned(text):
			out.mention(place, 1)
		}
		return text
	})
	for place, n := range named {
		out.trace(place, n)
	}
	for _, place := range slices.Sorted(maps.Keys(out.mentions)) {
		out.Mentions = append(out.Mentions, Trace{place, out.mentions[place]})
	}
	slices.SortStableFunc(out.Mentions, func(a, b Trace) int { return int(b.Rows - a.Rows) })
	slices.SortFunc(out.Traces, func(a, b Trace) int { return strings.Compare(a.Place, b.Place) })
	return out, err
}

func (f Files) proveFile(ctx context.Context, path string, d fs.DirEntry, out *Proof) error {
	rel, err := filepath.Rel(f.Dir, path)
	if err != nil {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	out.Bytes += info.Size()
	if f.People.Named(filepath.ToSlash(rel)) {
		out.trace(rel+" (its name)", 1)
	}
	switch {
	case rel == ledger.FileName, rel == ledger.FileName+"-journal":
		return nil // Words reads them
	case strings.HasSuffix(path, ".parquet"):
		return f.proveParquet(ctx, path, rel, out)
	case strings.HasPrefix(rel, warehouse.FileName), strings.HasSuffix(path, ".duckdb"):
		return f.proveDuckDB(ctx, path, rel, out)
	}
	out.Texts++
	return f.proveText(path, rel, out)
}

// kindOf is what a file has a table of, without day, night and name of the file.
func kindOf(rel string) string {
	parts := strings.Split(filepath.ToSlash(rel), "/")
	dirs := slices.DeleteFunc(slices.Clone(parts[:len(parts)-1]), func(part string) bool { return strings.ContainsAny(part, "=.") })
	if len(dirs) == 0 || parts[0] == warehouse.TablesDir {
		dirs = append(dirs, parts[len(parts)-1])
	}
	return strings.TrimSuffix(strings.Join(dirs, "/"), ".parquet")
}

func (f Files) proveParquet(ctx context.Context, path, rel string, out *Proof) error {
	r, err := f.look(ctx, f.Session, duck.ReadParquet([]string{path}))
	if err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	out.Parquet++
	out.add(r, rel+", column ", kindOf(rel)+", column ")
	return nil
}

func (p *Proof) add(r relation, trace, mention string) {
	p.Columns, p.Rows = p.Columns+r.columns, p.Rows+r.rows
	for _, c := range r.found {
		p.trace(trace+c.name, c.named)
		p.mention(mention+c.name, c.has-c.named)
	}
}

func (f Files) proveDuckDB(ctx context.Context, path, rel string, out *Proof) error {
	return f.inDuckDB(ctx, path, rel, func(table string, r relation) {
		out.Tables++
		out.add(r, rel+", table "+table+", column ", rel+", table "+table+", column ")
	})
}

// inDuckDB looks through every table of a DuckDB file.
func (f Files) inDuckDB(ctx context.Context, path, rel string, found func(table string, r relation)) (err error) {
	s, err := duck.Open(ctx, duck.Options{Path: path, ReadOnly: true, Threads: 1})
	if err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	tables, err := s.Query(ctx, "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY 1")
	if err != nil {
		return err
	}
	for _, row := range tables.Rows {
		table, _ := row[0].(string)
		r, err := f.look(ctx, s, duck.Ident(table))
		if err != nil {
			return fmt.Errorf("%s, table %s: %w", rel, table, err)
		}
		found(table, r)
	}
	return nil
}

// relation is what was found in one.
type relation struct {
	columns int
	rows    int64
	found   []column
}

// column is how many rows name people, and how many have their ids, in a column.
type column struct {
	name       string
	named, has int64
}

func (r relation) names() bool {
	return slices.ContainsFunc(r.found, func(c column) bool { return c.named > 0 })
}

// look looks through every column of a relation.
func (f Files) look(ctx context.Context, s *duck.Session, from string) (r relation, err error) {
	cols, err := s.Columns(ctx, "SELECT * FROM "+from)
	if err != nil {
		return r, err
	}
	r.columns = len(cols)
	var names []string
	var looks []look
	for _, c := range cols {
		if l := f.People.in(c); l.may != "" {
			names, looks = append(names, c.Name), append(looks, l)
		}
	}
	if refusals(cols) {
		refused := f.People.refused()
		names, looks = append(names, "row (by its customer_id)"), append(looks, look{may: refused, named: refused})
	}
	may := make([]string, len(looks))
	for i, l := range looks {
		may[i] = l.may
	}
	may = append(may, "true")
	counts, err := count(ctx, s, from, may)
	if err != nil {
		return r, err
	}
	r.rows = counts[len(looks)]
	var closer []string
	for i, l := range looks {
		if counts[i] > 0 {
			r.found = append(r.found, column{name: names[i]})
			closer = append(closer, cmp.Or(l.named, "false"), cmp.Or(l.has, "false"))
		}
	}
	if len(closer) == 0 {
		return r, nil
	}
	if counts, err = count(ctx, s, from, closer); err != nil {
		return r, err
	}
	for i := range r.found {
		r.found[i].named, r.found[i].has = counts[2*i], counts[2*i+1]
	}
	return r, nil
}

// count counts the rows of a relation that conditions choose, in one pass.
func count(ctx context.Context, s *duck.Session, from string, conditions []string) ([]int64, error) {
	counts, into, columns := make([]int64, len(conditions)), make([]any, len(conditions)), make([]string, len(conditions))
	for i, cond := range conditions {
		into[i], columns[i] = &counts[i], "count(*) FILTER ("+cond+")"
	}
	return counts, s.Scan(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+from, into...)
}

// names tells whether a Parquet file names one of the people.
func (f Files) names(ctx context.Context, path string) (bool, error) {
	r, err := f.look(ctx, f.Session, duck.ReadParquet([]string{path}))
	return r.names(), err
}

// InWarehouse tells whether a DuckDB file names one of the people.
func (f Files) InWarehouse(ctx context.Context, path string) (found bool, err error) {
	err = f.inDuckDB(ctx, path, filepath.Base(path), func(_ string, r relation) { found = found || r.names() })
	return found, err
}
