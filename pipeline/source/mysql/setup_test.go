package mysql

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/landing"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// bundle is a database of a test, and a dialect and a session that read it.
type bundle struct {
	*testing.T
	server  *dbtest.Server
	dialect *Dialect
	*session
	duck *duck.Session
}

func setup(t *testing.T, ddl ...string) *bundle {
	t.Helper()
	t.Parallel()
	b := &bundle{T: t, server: dbtest.MySQL(t)}
	b.server.Exec(t, append([]string{"SET sql_mode = 'ALLOW_INVALID_DATES'", "SET time_zone = '+00:00'"}, ddl...)...)
	b.dialect, b.session = b.connect(b.server.URL, relational.Limits{})
	return b
}

// connect opens a session of its own.
func (b *bundle) connect(url string, l relational.Limits) (*Dialect, *session) {
	b.Helper()
	d, err := New(Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	s, err := d.Connect(context.Background(), l)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return d, s.(*session)
}

func (b *bundle) begin() relational.Moment {
	b.Helper()
	m, err := b.Begin(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func (b *bundle) describe(query string) []relational.Field {
	b.Helper()
	fields, err := b.Describe(b.Context(), query)
	if err != nil {
		b.Fatal(err)
	}
	return fields
}

// query wraps a mapping as the engine does.
func (b *bundle) query(fields []relational.Field, mapping, rest string) string {
	var list []string
	for _, f := range fields {
		list = append(list, b.dialect.Select(f))
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM (" + mapping + "\n) AS m " + rest
}

// land writes the rows of a mapping to a landing file.
func (b *bundle) land(fields []relational.Field, mapping, rest string) string {
	b.Helper()
	var cols []source.Column
	for _, f := range fields {
		cols = append(cols, f.Column)
	}
	path := filepath.Join(b.TempDir(), "landing.parquet")
	w, err := landing.Create(path, cols, landing.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := b.Rows(b.Context(), b.query(fields, mapping, rest), fields, w); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// read gives the rows of DuckDB's query as text, NULL as "NULL".
func (b *bundle) read(query string) [][]string {
	b.Helper()
	if b.duck == nil {
		var err error
		if b.duck, err = duck.Open(context.Background(), duck.Options{}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { b.duck.Close() })
	}
	r, err := b.duck.Query(b.Context(), query)
	if err != nil {
		b.Fatal(err)
	}
	var rows [][]string
	for _, row := range r.Rows {
		var vals []string
		for _, v := range row {
			if v == nil {
				v = "NULL"
			}
			vals = append(vals, fmt.Sprint(v))
		}
		rows = append(rows, vals)
	}
	return rows
}

func (b *bundle) fails(err error, class relational.Class, words ...string) {
	b.Helper()
	if err == nil {
		b.Errorf("no error, want one of class %d with %q", class, words)
		return
	}
	if got := b.dialect.Class(err); got != class {
		b.Errorf("class %d, want %d: %v", got, class, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			b.Errorf("%q is not in: %v", w, err)
		}
	}
}

// short limits for tests that wait for them.
func short() relational.Limits {
	return relational.Limits{StatementTimeout: 300 * time.Millisecond, LockTimeout: time.Second}
}

// none takes rows and forgets them.
type none struct{ relational.Sink }

func (none) Null(int)         {}
func (none) Int(int, int64)   {}
func (none) Text(int, []byte) {}
func (none) EndRow() error    { return nil }
