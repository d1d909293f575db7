package relational

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/landing"
)

// Due lists the tables to verify.
func (r *reader) Due() []string {
	var out []string
	for _, t := range r.tables {
		if t.due(r.asOf) {
			out = append(out, t.name)
		}
	}
	return out
}

func (t *table) due(asOf string) bool {
	if t.st.Pass != nil || t.mustLoad() && !t.passed {
		return false
	}
	if t.cursor < 0 {
		return true
	}
	if t.Verify == 0 {
		return false
	}
	last, err1 := time.Parse(dateLayout, t.st.Verified)
	day, err2 := time.Parse(dateLayout, asOf)
	if err1 != nil || err2 != nil {
		return true
	}
	days := int(day.Sub(last).Hours() / 24)
	return days < 0 || days >= t.Verify
}

// Verified gives the state to commit with a certificate that matches.
func (r *reader) Verified(name string) string {
	t, err := r.table(name)
	if err != nil {
		return ""
	}
	t.st.Verified = r.asOf
	return t.st.text()
}

func (r *reader) table(name string) (*table, error) {
	for _, t := range r.tables {
		if t.name == name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("source %s: it has no table %s", r.o.Name, name)
}

// List writes keys and digests.
func (r *reader) List(ctx context.Context, name, dir string) (source.Listing, error) {
	t, err := r.table(name)
	if err != nil {
		return source.Listing{}, err
	}
	listing, err := r.list(ctx, t, dir)
	if err != nil {
		return source.Listing{}, fmt.Errorf("source %s: listing %s: %w", r.o.Name, name, r.explain(t, err))
	}
	return listing, nil
}

func (r *reader) list(ctx context.Context, t *table, dir string) (source.Listing, error) {
	keys := t.pick(t.key)
	fields := append(t.pick(t.key), r.d.IntField(source.ColHash))
	cols := make([]source.Column, len(fields))
	for i, f := range fields {
		cols[i] = f.Column
	}
	path := filepath.Join(dir, t.name+"-keys.parquet")
	w, err := landing.Create(path, cols, landing.Options{Bare: true})
	if err != nil {
		return source.Listing{}, err
	}
	defer w.Close()
	lister := *t // its pages are of another width
	lister.pages = newPages(r.limits.QueryTime)
	selects := append(t.selects(keys), r.d.Digest(t.fields))
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	c := newCapture(len(fields), order)
	c.check = t.strictlyAfter(keys)
	var at []string
	for more := true; more; {
		more, err = lister.page(ctx, r.d, r.sess, w, c, fields, func(limit int) string {
			var where []string
			if at != nil {
				where = append(where, r.d.After(keys, at))
			}
			return t.query(selects, where, keys, limit)
		})
		if err != nil {
			return source.Listing{}, err
		}
		if c.rows > 0 {
			at = values(keys, c.last)
		}
	}
	if err := w.Close(); err != nil {
		return source.Listing{}, err
	}
	rows, err := r.count(ctx, t, "")
	if err != nil {
		return source.Listing{}, err
	}
	if rows != w.Rows() {
		return source.Listing{}, fmt.Errorf("the source counts %d rows, but gives %d with keys %s in their order: a key that is NULL or there more than once, or text that two orders compare differently; name columns that identify every row", rows, w.Rows(), t.keyText())
	}
	return source.Listing{Files: []string{path}, Keys: t.Key, Rows: rows}, nil
}

// count asks the source how many rows it has, of those that a condition is true for.
func (r *reader) count(ctx context.Context, t *table, condition string) (int64, error) {
	var where []string
	if condition != "" {
		where = append(where, condition)
	}
	c := newCapture(1, []int{0})
	c.page(nowhere{}, math.MaxInt)
	if err := r.sess.Rows(ctx, t.query([]string{"count(*)"}, where, nil, 0), []Field{r.d.IntField("rows")}, c); err != nil {
		return 0, fmt.Errorf("counting rows: %w", err)
	}
	if c.rows != 1 || c.last[0].is != cellNumber {
		return 0, fmt.Errorf("counting rows: the server gave no number")
	}
	return c.last[0].n, nil
}

// Fetch lands rows by their keys.
func (r *reader) Fetch(ctx context.Context, name, keys, dir string) (source.Landed, error) {
	t, err := r.table(name)
	if err != nil {
		return source.Landed{}, err
	}
	f, err := t.create(dir, t.columns(), landing.Options{})
	if err == nil {
		defer f.w.Close()
		err = r.fetch(ctx, t, keys, f.w)
	}
	if err != nil {
		return source.Landed{}, fmt.Errorf("source %s: fetching rows of %s: %w", r.o.Name, name, r.explain(t, err))
	}
	landed, err := r.finish(t, f, "fetch", source.Merge)
	if err != nil {
		return source.Landed{}, fmt.Errorf("source %s: fetching rows of %s: %w", r.o.Name, name, err)
	}
	return landed, nil
}

func (r *reader) fetch(ctx context.Context, t *table, keys string, w *landing.Writer) error {
	o := r.o.Session
	o.TimeZone = "UTC"
	db, err := duck.Open(ctx, o)
	if err != nil {
		return err
	}
	defer db.Close()
	query := "SELECT "
	for i, f := range t.pick(t.key) {
		if i > 0 {
			query += ", "
		}
		query += duckValue(f.Column)
	}
	batch := &fetcher{ctx: ctx, r: r, t: t, w: w}
	return db.Each(ctx, query+" FROM "+duck.ReadParquet([]string{keys}), batch)
}

// duckValue writes the text by which a dialect takes a value.
func duckValue(c source.Column) string {
	name := duck.Ident(c.Name)
	switch c.Kind {
	case source.Text:
		return name
	case source.Bool:
		return "CAST(CAST(" + name + " AS INTEGER) AS VARCHAR)"
	case source.Bytes:
		return "lower(hex(" + name + "))"
	}
	return "CAST(" + name + " AS VARCHAR)"
}

// fetcher reads the rows of keys, some at a time.
type fetcher struct {
	ctx  context.Context
	r    *reader
	t    *table
	w    *landing.Writer
	keys [][]string
}

// fetchKeys go into one query.
const fetchKeys = 500

// Header takes the columns.
func (f *fetcher) Header(_, _ []string) error { return nil }

// Row takes a key.
func (f *fetcher) Row(vals []any) error {
	key := make([]string, len(vals))
	for i, v := range vals {
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("key column %s is NULL in the list of keys", f.t.Key[i])
		}
		key[i] = text
	}
	if f.keys = append(f.keys, key); len(f.keys) < fetchKeys {
		return nil
	}
	return f.End()
}

// End reads the last keys.
func (f *fetcher) End() error {
	if len(f.keys) == 0 {
		return nil
	}
	keys := f.t.pick(f.t.key)
	query := f.t.query(f.t.selects(f.t.fields), []string{f.r.d.In(keys, f.keys)}, nil, 0)
	f.keys = f.keys[:0]
	return f.r.sess.Rows(f.ctx, query, f.t.fields, f.w)
}
