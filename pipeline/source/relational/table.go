package relational

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// table is a mapped table as a reader sees it.
type table struct {
	Table
	d       Dialect
	name    string
	mapping string // fingerprint
	fields  []Field
	key     []int // indices in fields
	cursor  int   // the same; -1 without a cursor
	overlap overlap
	zone    *time.Location

	st      state
	known   bool  // something was read before
	resumed bool  // the pass at hand was begun by an earlier reader
	passed  bool  // nothing more to read in this snapshot
	rows    int64 // estimate; -1 when unknown
	pages   pages
}

// describe looks a mapping up.
func (s *Source) describe(ctx context.Context, sess Session, name string) (*table, error) {
	t := &table{Table: s.o.Tables[name], d: s.d, name: name, mapping: s.mapping[name], cursor: -1, zone: s.zone, rows: -1, pages: newPages(s.limits.QueryTime)}
	var err error
	if t.fields, err = sess.Describe(ctx, t.Select); err != nil {
		return nil, s.explain(t, err)
	}
	return t, t.resolve(s.d.DefaultOverlap())
}

// resolve finds key and cursor among the columns.
func (t *table) resolve(defaultOverlap time.Duration) error {
	for i, f := range t.fields {
		switch {
		case strings.HasPrefix(f.Name, "_"):
			return fmt.Errorf("column %s: names that begin with _ are mainstay's own; give it another one in the select", f.Name)
		case f.Name == "" || f.Name == "?column?":
			return fmt.Errorf("column %d of the select has no name: give it one with AS", i+1)
		case slices.ContainsFunc(t.fields[:i], func(o Field) bool { return strings.EqualFold(o.Name, f.Name) }):
			return fmt.Errorf("column %s is there twice: give one of them another name in the select", f.Name)
		}
	}
	for _, k := range t.Key {
		i := t.index(k)
		if i < 0 {
			return fmt.Errorf("key column %s is not among the columns of the select (%s)", k, t.columnNames())
		}
		if kind := t.fields[i].Kind; kind == source.Float {
			return fmt.Errorf("key column %s is %s: numbers with a floating point do not identify a row; name other columns or cast it", k, t.fields[i].Server)
		}
		t.key = append(t.key, i)
	}
	if t.Cursor == "" {
		return nil
	}
	if t.cursor = t.index(t.Cursor); t.cursor < 0 {
		return fmt.Errorf("cursor column %s is not among the columns of the select (%s)", t.Cursor, t.columnNames())
	}
	return t.setOverlap(defaultOverlap)
}

func (t *table) setOverlap(defaultOverlap time.Duration) error {
	f := t.fields[t.cursor]
	var err error
	switch f.Kind {
	case source.Int, source.Uint:
		t.overlap.Count = 1000
		if t.Overlap != "" {
			if t.overlap.Count, err = strconv.ParseInt(t.Overlap, 10, 64); err != nil {
				return fmt.Errorf("overlap %q: cursor %s is %s, so it must be a count such as 1000", t.Overlap, f.Name, f.Server)
			}
		}
	case source.Date, source.Timestamp, source.Instant:
		t.overlap.Time = defaultOverlap
		if t.Overlap != "" {
			if t.overlap.Time, err = time.ParseDuration(t.Overlap); err != nil {
				return fmt.Errorf("overlap %q: cursor %s is %s, so it must be a duration such as 10m", t.Overlap, f.Name, f.Server)
			}
		}
	default:
		return fmt.Errorf("cursor column %s is %s: a cursor is a timestamp, a date or an integer", f.Name, f.Server)
	}
	return nil
}

func (t *table) index(name string) int {
	return slices.IndexFunc(t.fields, func(f Field) bool { return f.Name == name })
}

func (t *table) columnNames() string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

func (t *table) columns() []source.Column {
	out := make([]source.Column, len(t.fields))
	for i, f := range t.fields {
		out[i] = f.Column
	}
	return out
}

func (t *table) pick(indices []int) []Field {
	out := make([]Field, len(indices))
	for i, at := range indices {
		out[i] = t.fields[at]
	}
	return out
}

// position is the order of an increment: the cursor, then the key.
func (t *table) position() []int {
	out := []int{t.cursor}
	for _, k := range t.key {
		if k != t.cursor {
			out = append(out, k)
		}
	}
	return out
}

// query writes a query on the mapping.
func (t *table) query(selects []string, where []string, order []Field, limit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SELECT %s FROM (%s\n) AS m", strings.Join(selects, ", "), t.Select)
	if len(where) > 0 {
		b.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	if len(order) > 0 {
		b.WriteString(" ORDER BY " + t.d.Order(order))
	}
	if limit > 0 {
		fmt.Fprintf(&b, " LIMIT %d", limit)
	}
	return b.String()
}

func (t *table) selects(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = t.d.Select(f)
	}
	return out
}

// keyText names the key in messages.
func (t *table) keyText() string { return "[" + strings.Join(t.Key, ", ") + "]" }

// indexesText names the indexes that pages go along.
func (t *table) indexesText() string {
	if t.Cursor == "" {
		return "an index that begins with its key " + t.keyText()
	}
	return fmt.Sprintf("indexes that begin with its key %s and with its cursor [%s]", t.keyText(), t.Cursor)
}

// strictlyAfter is the check of every row that is read in the order of columns which
// include the key.
func (t *table) strictlyAfter(fields []Field) func(now, last []cell) error {
	return func(now, last []cell) error {
		for i := range now {
			if (now[i].is == cellNull || now[i].is == cellUnfit) && slices.Contains(t.Key, fields[i].Name) {
				what := "NULL"
				if now[i].is == cellUnfit {
					what = string(now[i].bytes)
				}
				return fmt.Errorf("key %s of table %s: %s is %s in some row: name columns that identify every row", t.keyText(), t.name, fields[i].Name, what)
			}
		}
		if last == nil {
			return nil
		}
		for i := range now {
			if !now[i].equal(&last[i]) {
				return nil
			}
		}
		return fmt.Errorf("key %s of table %s is not unique: %s is there more than once; name columns that identify a row", t.keyText(), t.name, describeCells(fields, now))
	}
}

func describeCells(fields []Field, cells []cell) string {
	parts := make([]string, len(cells))
	for i := range cells {
		parts[i] = fmt.Sprintf("%s = %.60s", fields[i].Name, cells[i].value(fields[i].Column))
	}
	return strings.Join(parts, ", ")
}

func values(fields []Field, cells []cell) []string {
	out := make([]string, len(cells))
	for i := range cells {
		out[i] = cells[i].value(fields[i].Column)
	}
	return out
}

// explain adds to an error of the server what to do about it.
func (s *Source) explain(t *table, err error) error {
	var advice string
	switch s.d.Class(err) {
	case Denied:
		advice = "grant the role what the select of the mapping reads (SELECT on its tables, USAGE on their schemas)"
	case Absent:
		advice = "correct the select of the mapping"
	case Locked:
		advice = fmt.Sprintf("somebody changes the table: waiting for it was given up after %s (lock_timeout); run again later", s.limits.LockTimeout)
	case Timeout:
		advice = fmt.Sprintf("the server ended a query after %s (statement_timeout): simplify the select, create %s, or raise limits.statement_timeout", s.limits.StatementTimeout, t.indexesText())
	case Lost:
		advice = "the connection was lost; the next extraction goes on behind what was committed"
	case Busy:
		advice = "the server is busy; run again later"
	default:
		return err
	}
	return advised{err, advice}
}

// Passing tells whether the cause of an error that the source returned can pass without
// anybody's doing: connections that were lost or refused, locks, timeouts, a busy server.
func (s *Source) Passing(err error) bool {
	switch s.d.Class(err) {
	case Lost, Locked, Timeout, Busy:
		return true
	}
	return false
}

// advised is an error and what to do about it.
type advised struct {
	error
	advice string
}

func (e advised) Unwrap() error { return e.error }
func (e advised) Error() string { return e.error.Error() + ": " + e.advice }
