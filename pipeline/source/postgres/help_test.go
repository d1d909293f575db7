package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// bundle is a server, a source that reads it, and a small lake that keeps the newest
// digest of every key.
type bundle struct {
	testing.TB
	ctx     context.Context
	srv     *dbtest.Server
	address string // of the database, for the source
	o       relational.Options
	duck    *duck.Session
	states  map[string]string
	rows    map[string]map[string]int64 // table -> key -> digest
	dirs    int
	asOf    string
	warned  []string
	stages  []string // names of the inputs of the last drain
}

const selectOrders = "SELECT id AS order_id, customer_id, product_id, ordered_at, quantity, unit_price, updated_at FROM orders"

func setup(t testing.TB) *bundle {
	t.Helper()
	b := &bundle{TB: t, ctx: t.Context(), srv: dbtest.Postgres(t), states: map[string]string{}, rows: map[string]map[string]int64{}, asOf: "2024-03-01"}
	b.address = b.srv.URL
	b.o = relational.Options{Name: "shop", Limits: relational.Limits{Settle: -1},
		Tables: map[string]relational.Table{"orders": {Select: selectOrders, Key: []string{"order_id"}, Cursor: "updated_at", Verify: 1}}}
	var err error
	if b.duck, err = duck.Open(b.ctx, duck.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.duck.Close() })
	return b
}

func (b *bundle) createOrders() {
	b.Helper()
	b.srv.Exec(b, `CREATE TABLE orders (id bigint PRIMARY KEY, customer_id text, product_id text, ordered_at timestamptz, quantity int, unit_price numeric(12,2), updated_at timestamptz)`,
		`CREATE INDEX ON orders (updated_at)`)
}

func (b *bundle) insert(from, to int, updated string) {
	b.Helper()
	b.srv.Exec(b, fmt.Sprintf(`INSERT INTO orders SELECT i, 'C' || i %% 100, 'P' || i %% 7, '2024-01-01'::timestamptz + i * interval '1 minute', i %% 5, i %% 1000 / 100.0, %s FROM generate_series(%d, %d) i`, updated, from, to))
}

func (b *bundle) source() *relational.Source { b.Helper(); return b.sourceOf(b.address) }

func (b *bundle) sourceOf(address string) *relational.Source {
	b.Helper()
	d, err := postgres.New(postgres.Options{URL: address})
	if err != nil {
		b.Fatal(err)
	}
	s, err := relational.New(b.o, d)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bundle) known() source.Known {
	k := source.Nothing(b.asOf)
	k.State = func(table string) string { return b.states[table] }
	return k
}

func (b *bundle) dir() string {
	b.Helper()
	b.dirs++
	dir := filepath.Join(b.TempDir(), fmt.Sprint(b.dirs))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	return dir
}

func (b *bundle) read() source.Verifier {
	b.Helper()
	r, err := b.source().Read(b.ctx, b.known())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { r.Close() })
	return r.(source.Verifier)
}

// pass reads what there is to read and verifies it.
func (b *bundle) pass() {
	b.Helper()
	r := b.read()
	b.drain(r, -1)
	b.verify(r, nil)
	b.warned = r.Warnings()
	if err := r.Close(); err != nil {
		b.Error(err)
	}
}

// drain commits at most n landings, all when it is negative, and tells how many rows
// they had.
func (b *bundle) drain(r source.Reader, n int) (rows int64) {
	b.Helper()
	b.stages = nil
	for ; n != 0; n-- {
		landed, err := r.Next(b.ctx, b.dir())
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			b.Fatal(err)
		}
		b.stages = append(b.stages, landed.Input.Name)
		b.take(landed)
		rows += landed.Records
	}
	return rows
}

func columnsOf(b *bundle, path string) []source.Column {
	b.Helper()
	described, err := b.duck.Columns(b.ctx, "SELECT * EXCLUDE (_row, _unfit) FROM "+duck.ReadParquet([]string{path}))
	if err != nil {
		b.Fatal(err)
	}
	var cols []source.Column
	for _, c := range described {
		cols = append(cols, source.ColumnOf(c.Name, c.Type))
	}
	return cols
}

func pick(cols []source.Column, names []string) []source.Column {
	var out []source.Column
	for _, name := range names {
		for _, c := range cols {
			if c.Name == name {
				out = append(out, c)
			}
		}
	}
	return out
}

// take does what the lake would.
func (b *bundle) take(landed source.Landed) {
	b.Helper()
	maps.Copy(b.states, landed.States)
	for table, path := range landed.Tables {
		cols := columnsOf(b, path)
		got := b.digests(fmt.Sprintf("SELECT %s, %s FROM %s", source.DuckKey(pick(cols, landed.Keys[table])), source.DuckDigest(cols), duck.ReadParquet([]string{path})))
		if int64(len(got)) != landed.Records {
			b.Errorf("%s: %d records, but %d keys", landed.Input.Name, landed.Records, len(got))
		}
		if b.rows[table] == nil {
			b.rows[table] = map[string]int64{}
		}
		for key, digest := range got {
			if _, twice := b.rows[table][key]; twice && landed.Mode == source.Append {
				b.Errorf("%s: appends key %q, which was read before", landed.Input.Name, key)
			}
			b.rows[table][key] = digest
		}
	}
}

func (b *bundle) digests(query string) map[string]int64 {
	b.Helper()
	res, err := b.duck.Query(b.ctx, query)
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]int64{}
	for _, row := range res.Rows {
		key, ok := row[0].(string)
		if !ok {
			b.Fatalf("a key is %v", row[0])
		}
		if _, twice := out[key]; twice {
			b.Errorf("key %q is there twice", key)
		}
		out[key] = row[1].(int64)
	}
	return out
}

// verify compares the lake with the source by digests. Differences are for fix; without
// it they are errors.
func (b *bundle) verify(r source.Verifier, fix func(table string, differ []string)) {
	b.Helper()
	for table := range b.o.Tables {
		source := b.list(r, table)
		var differ []string
		for key, digest := range source {
			if got, ok := b.rows[table][key]; !ok || got != digest {
				differ = append(differ, key)
			}
		}
		for key := range b.rows[table] {
			if _, ok := source[key]; !ok {
				differ = append(differ, key)
			}
		}
		if fix != nil {
			fix(table, differ)
		} else if len(differ) > 0 {
			b.Errorf("%s: %d of %d rows differ from the source's %d: %.200q", table, len(differ), len(b.rows[table]), len(source), differ)
		}
	}
}

func (b *bundle) list(r source.Verifier, table string) map[string]int64 {
	b.Helper()
	listing, err := r.List(b.ctx, table, b.dir())
	if err != nil {
		b.Fatal(err)
	}
	described, err := b.duck.Columns(b.ctx, "SELECT * FROM "+duck.ReadParquet(listing.Files))
	if err != nil {
		b.Fatal(err)
	}
	var cols []source.Column
	for _, c := range described {
		cols = append(cols, source.ColumnOf(c.Name, c.Type))
	}
	out := b.digests(fmt.Sprintf("SELECT %s, _hash FROM %s", source.DuckKey(pick(cols, listing.Keys)), duck.ReadParquet(listing.Files)))
	if int64(len(out)) != listing.Rows {
		b.Errorf("%s: the listing has %d keys of %d rows", table, len(out), listing.Rows)
	}
	return out
}

// failing runs a pass that must fail, and gives the error's text.
func (b *bundle) failing(address string) string {
	b.Helper()
	r, err := b.sourceOf(address).Read(b.ctx, b.known())
	for err == nil {
		var landed source.Landed
		if landed, err = r.Next(b.ctx, b.dir()); err == nil {
			b.take(landed)
		}
	}
	if r != nil {
		r.Close()
	}
	if errors.Is(err, io.EOF) {
		b.Fatal("no error")
	}
	return err.Error()
}

func (b *bundle) wantText(text string, parts ...string) {
	b.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			b.Errorf("%q is missing in: %s", part, text)
		}
	}
}
