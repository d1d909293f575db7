package lake_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

func TestMain(m *testing.M) {
	lake.SmallSizes()
	os.Exit(m.Run())
}

// line is one row of the table of a fakeDB; an empty customer is refused.
type line struct {
	order, customer string
	at              time.Time
	quantity        int
	weight          float64 // rides along, and the digest leaves it out
	number          int     // of the line in its order; 0 takes the id
}

// fakeDB is a database of one table, as plain as can be: the source contract without a
// server, so that the lake's part can be tested by itself.
type fakeDB struct {
	t       *testing.T
	name    string // default shop
	table   string // of the contract
	columns []source.Column
	rows    map[int]line
	changed map[int]bool // since the last pass
	lose    bool         // a broken cursor: no pass sees what changed
	passes  int
	failAt  int           // step that fails, from 1
	sess    *duck.Session // writes and reads Parquet
}

func (f *fakeDB) Name() string     { return cmp.Or(f.name, "shop") }
func (f *fakeDB) TimeZone() string { return "UTC" }
func (f *fakeDB) Close() error     { return nil }
func (f *fakeDB) Check(context.Context, source.Known) (source.Report, error) {
	return source.Report{}, nil
}

// Read gives all rows the first time, then the changed ones, three at a time.
func (f *fakeDB) Read(_ context.Context, known source.Known) (source.Reader, error) {
	f.passes++
	r := &fakeReader{fakeDB: f, mode: source.Merge, pass: f.passes}
	keys := slices.Sorted(maps.Keys(f.changed))
	if known.State(f.table) == "" {
		r.mode, keys = source.Append, slices.Sorted(maps.Keys(f.rows))
	} else if f.lose {
		keys = nil
	}
	keys = slices.DeleteFunc(keys, func(k int) bool { _, ok := f.rows[k]; return !ok })
	r.chunks = slices.Collect(slices.Chunk(keys, 3))
	f.changed = map[int]bool{}
	return r, nil
}

type fakeReader struct {
	*fakeDB
	mode   source.Mode
	pass   int
	step   int
	chunks [][]int
}

func (r *fakeReader) Progress() (int64, int64, string) {
	return int64(r.step), int64(len(r.chunks)), "chunks"
}
func (r *fakeReader) Warnings() []string     { return nil }
func (r *fakeReader) Close() error           { return nil }
func (r *fakeReader) Due() []string          { return []string{r.table} }
func (r *fakeReader) Verified(string) string { return "verified" }
func (r *fakeReader) land(keys []int, dir string) (source.Landed, error) {
	path := filepath.Join(dir, r.table+".parquet")
	r.write(path, keys, "*")
	return source.Landed{Input: source.Input{Name: fmt.Sprintf("%s/%d/%d", r.table, r.pass, r.step), Version: "v"}, Mode: r.mode, Records: int64(len(keys)),
		Tables: map[string]string{r.table: path}, Keys: map[string][]string{r.table: {"id"}}, States: map[string]string{r.table: "loaded"}}, nil
}

func (r *fakeReader) Next(_ context.Context, dir string) (source.Landed, error) {
	if r.failAt > 0 && r.step+1 == r.failAt {
		return source.Landed{}, errors.New("the server went away")
	}
	if r.step == len(r.chunks) {
		return source.Landed{}, io.EOF
	}
	keys := r.chunks[r.step]
	r.step++
	return r.land(keys, dir)
}

var fakeColumns = []source.Column{{Name: "id", Kind: source.Int}, {Name: "order_id"}, {Name: "line_id", Kind: source.Int}, {Name: "customer_id"}, {Name: "ordered_at", Kind: source.Instant},
	{Name: "product_id"}, {Name: "quantity", Kind: source.Int}, {Name: "unit_price", Kind: source.Decimal, Precision: 10, Scale: 2}, {Name: "weight", Kind: source.Float}}

func (r *fakeReader) List(_ context.Context, _, dir string) (source.Listing, error) {
	path := filepath.Join(dir, "list.parquet")
	r.write(path, slices.Sorted(maps.Keys(r.rows)), "id, "+source.DuckDigest(r.columns)+" AS _hash")
	return source.Listing{Files: []string{path}, Keys: []string{"id"}, Rows: int64(len(r.rows))}, nil
}

func (r *fakeReader) Fetch(_ context.Context, _, keys, dir string) (source.Landed, error) {
	res, err := r.sess.Query(r.t.Context(), "SELECT id FROM "+duck.ReadParquet([]string{keys}))
	if err != nil {
		return source.Landed{}, err
	}
	var ids []int
	for _, row := range res.Rows {
		ids = append(ids, int(row[0].(int64)))
	}
	r.step++
	r.mode = source.Merge
	landed, err := r.land(ids, dir)
	landed.States = nil
	return landed, err
}

func open(t *testing.T) *duck.Session {
	t.Helper()
	s, err := duck.Open(context.Background(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// write lands rows in the landing types.
func (r *fakeReader) write(path string, keys []int, cols string) {
	values := []string{"(0, 0, '', 0, '', NULL, '', 0, 0, 0.0, NULL)"}
	for i, k := range keys {
		l := r.rows[k]
		values = append(values, fmt.Sprintf("(%d, %d, %s, %d, %s, TIMESTAMPTZ %s, 'p', %d, 2.50, %v, NULL)", i+1, k, duck.Quote(l.order), cmp.Or(l.number, k), duck.Quote(l.customer), duck.Quote(l.at.Format("2006-01-02 15:04:05+00")), l.quantity, l.weight))
	}
	casts := []string{"CAST(_row AS BIGINT) AS _row"}
	for _, c := range r.columns {
		casts = append(casts, fmt.Sprintf("CAST(nullif(CAST(%[1]s AS VARCHAR), '') AS %[2]s) AS %[1]s", c.Name, c.Type()))
	}
	casts = append(casts, "CAST(_unfit AS VARCHAR) AS _unfit")
	query := fmt.Sprintf("SELECT %s FROM (SELECT %s FROM (SELECT *, ordered_at AS recorded_at, order_id AS payment_id, ordered_at AS issued_at, unit_price AS amount, CAST(ordered_at AS TIMESTAMPTZ) + to_days(quantity) AS paid_at FROM (VALUES %s) AS v(_row, id, order_id, line_id, customer_id, ordered_at, product_id, quantity, unit_price, weight, _unfit))) WHERE _row > 0", "*", strings.Join(casts, ", "), strings.Join(values, ", "))
	if cols != "*" {
		query = "SELECT " + cols + " FROM (" + query + ")"
	}
	if _, err := r.sess.WriteParquet(r.t.Context(), query, path); err != nil {
		r.t.Fatal(err)
	}
}

// dbBundle is a lake fed from a fakeDB.
type dbBundle struct {
	*testBundle
	db         *fakeDB
	maxDeleted float64
}

func setupDB(t *testing.T) *dbBundle {
	b := &dbBundle{testBundle: setup(t)}
	b.db = &fakeDB{t: t, table: "orders", columns: fakeColumns, rows: map[int]line{}, changed: map[int]bool{}, sess: open(t)}
	return b
}

func (b *dbBundle) set(id int, l line) {
	b.db.rows[id] = l
	b.db.changed[id] = true
}

func (b *dbBundle) night() (lake.Extracted, error) {
	b.t.Helper()
	id, err := b.ledger.Begin(b.ctx, ledger.Night{AsOf: "2024-03-01"})
	if err != nil {
		b.t.Fatal(err)
	}
	return lake.Extract(b.ctx, b.lake, b.db, lake.ExtractOptions{AsOf: "2024-03-01", Night: id, Scratch: b.t.TempDir(), MaxQuarantined: 1, MaxDeleted: b.maxDeleted})
}

func (b *dbBundle) mustNight() lake.Extracted {
	b.t.Helper()
	x, err := b.night()
	if err != nil {
		b.t.Fatal(err)
	}
	return x
}

// agree compares lake and quarantine with the database, for all time and before and
// after some moments.
func (b *dbBundle) agree() {
	b.t.Helper()
	want := func(w lake.Window) string {
		var out []string
		for id, l := range b.db.rows {
			if l.customer != "" && !l.at.Before(w.From) && (w.To.IsZero() || l.at.Before(w.To)) {
				out = append(out, fmt.Sprintf("%s|%d|%s|%s|%d|%.1f", l.order, cmp.Or(l.number, id), l.customer, l.at.Format(time.DateTime), l.quantity, l.weight))
			}
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for day := range 3 {
		at := base.AddDate(0, 0, 9*day)
		for _, w := range []lake.Window{{}, {To: at}, {From: at}, {From: at, To: at.AddDate(0, 0, 9)}} {
			got := strings.Split(b.rowsIn(b.db.sess, "order_id, line_id, customer_id, strftime(ordered_at, '%Y-%m-%d %H:%M:%S'), quantity::INT, weight::DECIMAL(9,1)", w), " ")
			got = join(got)
			slices.Sort(got)
			if g, w2 := strings.Join(got, " "), want(w); g != w2 {
				b.t.Fatalf("window %v:\n got %s\nwant %s", w, g, w2)
			}
		}
	}
	var refused []string
	for id, l := range b.db.rows {
		if l.customer == "" {
			refused = append(refused, fmt.Sprint(id))
		}
	}
	slices.Sort(refused)
	q, err := b.lake.Quarantine(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	var got any
	if err := b.db.sess.Scan(b.ctx, "SELECT coalesce(string_agg(row->>'id', ' ' ORDER BY row->>'id'), '') FROM ("+q+")", &got); err != nil {
		b.t.Fatal(err)
	}
	if got != strings.Join(refused, " ") {
		b.t.Fatalf("quarantine holds %v, want %v", got, refused)
	}
}

// join puts date and time together again, which a blank parted.
func join(words []string) []string {
	var out []string
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, words[i]+" "+words[i+1])
	}
	return out
}

var base = time.Date(2024, 2, 1, 10, 0, 0, 0, time.UTC)

func TestDatabaseRowsChange(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	at := func(day int) time.Time { return base.AddDate(0, 0, day) }
	for id := range 7 {
		b.set(id, line{order: fmt.Sprint("o", id/2), customer: "c1", at: at(id), quantity: 1})
	}
	b.set(7, line{order: "o7", at: at(7), quantity: 1})
	steps := []struct {
		name string
		do   func()
	}{
		{"load", func() {}},
		{"nothing new", func() {}},
		{"an update", func() { b.set(1, line{order: "o0", customer: "c1", at: at(1), quantity: 9}) }},
		{"a float that the digest leaves out", func() { b.set(1, line{order: "o0", customer: "c1", at: at(1), quantity: 9, weight: 2.5}) }},
		{"a moved event time", func() { b.set(2, line{order: "o1", customer: "c1", at: at(20), quantity: 1}) }},
		{"moved back", func() { b.set(2, line{order: "o1", customer: "c1", at: at(2), quantity: 1}) }},
		{"another key in the contract", func() { b.set(3, line{order: "o9", customer: "c1", at: at(3), quantity: 1}) }},
		{"two rows swap their orders", func() {
			four, five := b.db.rows[4], b.db.rows[5]
			four.order, five.order = five.order, four.order
			b.set(4, four)
			b.set(5, five)
		}},
		{"a good row that is spoiled", func() { b.set(6, line{order: "o3", at: at(6), quantity: 1}) }},
		{"mended again", func() { b.set(6, line{order: "o3", customer: "c3", at: at(6), quantity: 1}) }},
		{"the refused row mended", func() { b.set(7, line{order: "o7", customer: "c7", at: at(7), quantity: 1}) }},
		{"met again unchanged", func() { b.set(0, b.db.rows[0]); b.set(7, b.db.rows[7]) }},
		{"deleted", func() { delete(b.db.rows, 0) }},
		{"back from the dead", func() { b.set(0, line{order: "o0", customer: "c1", at: at(0), quantity: 5}) }},
		{"a refused row that is deleted", func() { b.set(8, line{order: "o8", at: at(8)}) }},
		{"gone", func() { delete(b.db.rows, 8) }},
		{"an update that no cursor saw", func() { b.db.lose = true; b.set(4, line{order: "o2", customer: "c4", at: at(25), quantity: 4}) }},
		{"deleted, and inserted again under another id", func() {
			b.db.lose = false
			delete(b.db.rows, 3)
			b.set(30, line{order: "o9", customer: "c1", at: at(3), quantity: 1, number: 3})
		}},
		{"lines are numbered anew", func() {
			for id := 40; id < 52; id++ {
				b.set(id, line{order: "o40", customer: "c1", at: at(4), quantity: 1, number: id - 39})
			}
		}},
		{"and shifted by one", func() {
			for id := 40; id < 52; id++ {
				b.set(id, line{order: "o40", customer: "c1", at: at(4), quantity: 1, number: id - 38})
			}
		}},
		{"shifted back, and no cursor saw it", func() {
			b.db.lose = true
			for id := 40; id < 52; id++ {
				b.set(id, line{order: "o40", customer: "c1", at: at(4), quantity: 1, number: id - 39})
			}
		}},
		{"all deleted", func() { b.db.rows = map[int]line{} }},
	}
	for _, s := range steps {
		s.do()
		x := b.mustNight()
		if len(x.Certificates) != 1 || !x.Certificates[0].Matches() || x.Certificates[0].SourceRows != int64(len(b.db.rows)) {
			t.Fatalf("%s: certificate %+v", s.name, x.Certificates)
		}
		t.Log(s.name)
		b.agree()
	}
}

// A row that one source has deleted may come from another; one that it still has may not.
func TestRowMovesBetweenSources(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	row := line{order: "o1", customer: "c1", at: base, quantity: 1, number: 1}
	b.set(1, row)
	b.set(2, line{order: "o2", customer: "c1", at: base, quantity: 1, number: 1})
	b.mustNight()
	other := &fakeDB{t: t, name: "archive", table: "orders", columns: fakeColumns, rows: map[int]line{7: row}, changed: map[int]bool{}, sess: open(t)}
	b.db, other = other, b.db
	if _, err := b.night(); err == nil || !strings.Contains(err.Error(), `such as order_id "o1", came from another source already`) {
		t.Fatalf("a row that both have: %v", err)
	}
	b.db, other = other, b.db
	delete(b.db.rows, 1)
	b.mustNight()
	b.db = other
	b.mustNight()
	if got, want := b.rows("order_id", lake.Window{}), "o1 o2"; got != want {
		t.Errorf("the lake holds %s, want %s", got, want)
	}
}

// However rows change, be lost by a cursor or be deleted, and however passes fail and
// files are merged, each night ends with the lake equal to the database.
func TestDatabaseProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := setupDB(t)
		b.set(100, line{order: "o100", customer: "c1", at: base, quantity: 1}) // the lake is never empty
		for night := range 6 {
			for range r.IntN(12) {
				id := r.IntN(15)
				if r.IntN(4) == 0 {
					delete(b.db.rows, id)
					continue
				}
				l := line{order: fmt.Sprint("o", id), customer: []string{"", "c1", "c2"}[r.IntN(3)], at: base.AddDate(0, 0, r.IntN(28)), quantity: r.IntN(3), weight: float64(r.IntN(3)) / 2}
				b.set(id, l)
			}
			b.db.lose = r.IntN(3) == 0
			if b.db.failAt = r.IntN(4); b.db.failAt > 0 {
				changed := maps.Clone(b.db.changed)
				if _, err := b.night(); err != nil {
					b.db.changed = changed // a cursor goes on where the last commit was
				}
				b.db.failAt = 0
			}
			b.mustNight()
			b.agree()
			if _, err := b.lake.Compact(b.ctx, lake.CompactOptions{Scratch: t.TempDir(), MinFiles: 2 + r.IntN(3)}); err != nil {
				t.Fatalf("seed %d, night %d: %v", seed, night, err)
			}
			if r.IntN(2) == 0 {
				if _, err := b.lake.Sweep(b.ctx, false); err != nil {
					t.Fatal(err)
				}
			}
			b.agree()
		}
	}
}

// Rows that are gone in masses stop the night: nothing is deleted, until somebody says
// that it may be.
func TestMassDeletion(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	for id := range 210 {
		b.set(id, line{order: fmt.Sprint("o", id), customer: "c1", at: base, quantity: 1})
	}
	b.mustNight()
	for id := range 150 {
		delete(b.db.rows, id)
	}
	b.maxDeleted = 0.5
	if _, err := b.night(); err == nil || !strings.Contains(err.Error(), "150 of 210 rows are gone") {
		t.Fatalf("got %v", err)
	}
	if n := strings.Count(b.rows("order_id", lake.Window{}), "o"); n != 210 {
		t.Errorf("%d rows are left, want all 210", n)
	}
	b.maxDeleted = 1
	b.mustNight()
	b.agree()
}

// A certificate that cannot match fails the night.
func TestCertificateThatDiffers(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	b.set(1, line{order: "o1", customer: "c1", at: base, quantity: 1})
	b.mustNight()
	b.db.rows[2] = line{order: "o2", customer: "c1", at: base, quantity: 1}
	broken := &deafDB{b.db}
	id, err := b.ledger.Begin(b.ctx, ledger.Night{AsOf: "2024-03-02"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = lake.Extract(b.ctx, b.lake, broken, lake.ExtractOptions{AsOf: "2024-03-02", Night: id, Scratch: t.TempDir(), MaxQuarantined: 1})
	if err == nil || !strings.Contains(err.Error(), "the lake does not hold what the source holds") {
		t.Fatalf("got %v", err)
	}
	certs, err := b.ledger.Certificates(b.ctx, id)
	if err != nil || len(certs) != 1 || certs[0].SourceRows != 2 || certs[0].LakeRows != 1 {
		t.Errorf("the ledger has %+v, %v", certs, err)
	}
}

// deafDB never gives a row that it is asked for.
type deafDB struct{ *fakeDB }

func (d *deafDB) Read(ctx context.Context, known source.Known) (source.Reader, error) {
	d.changed = map[int]bool{}
	r, err := d.fakeDB.Read(ctx, known)
	return &deafReader{r.(*fakeReader)}, err
}

type deafReader struct{ *fakeReader }

func (d *deafReader) Fetch(_ context.Context, _, _, dir string) (source.Landed, error) {
	d.step++
	d.mode = source.Merge
	return d.land(nil, dir)
}

// Merging files changes neither what readers see nor what the night's keys are made of.
func TestCompactionIsNotNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 5 {
		b.write(fmt.Sprintf("%d.csv", i), header+fmt.Sprintf("%d,1,c1,2024-02-01 1%d:00:00,p,2,1.50,red\n0,1,c1,2024-02-01 10:00:00,p,%d,1.50,red\n", i+1, i, i))
		b.extract()
	}
	tbl := func() *lake.Table {
		out, err := b.lake.Table(b.ctx, contract.Orders.Name)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	noon := time.Date(2024, 2, 1, 12, 30, 0, 0, time.UTC)
	rows, all, some, files := b.rows("order_id, quantity::INT", lake.Window{}), tbl().Digest(time.Time{}), tbl().Digest(noon), len(tbl().Files)
	got, err := b.lake.Compact(b.ctx, lake.CompactOptions{Scratch: t.TempDir(), MinFiles: 3})
	if err != nil || got.Files != 5 || files != 5 || len(tbl().Files) != 1 {
		t.Fatalf("merged %+v of %d files, %d left: %v", got, files, len(tbl().Files), err)
	}
	if after := b.rows("order_id, quantity::INT", lake.Window{}); after != rows {
		t.Errorf("rows: got %s, want %s", after, rows)
	}
	if tbl().Digest(time.Time{}) != all || tbl().Digest(noon) != some {
		t.Error("merging changed the digest")
	}
	swept, err := b.lake.Sweep(b.ctx, true)
	if err != nil || len(swept) != 5 {
		t.Errorf("to sweep: %v, %v", swept, err)
	}
	if _, err := b.lake.Sweep(b.ctx, false); err != nil {
		t.Fatal(err)
	}
	if after := b.rows("order_id, quantity::INT", lake.Window{}); after != rows {
		t.Errorf("rows after the sweep: got %s, want %s", after, rows)
	}
}
