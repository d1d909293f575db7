package lake_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source/files"
)

// testBundle is a lake fed from CSV files in a directory of its own.
type testBundle struct {
	t        *testing.T
	ctx      context.Context
	incoming string
	ledger   *ledger.Ledger
	lake     *lake.Lake
	night    int64
	selects  map[string]string
	source   string
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	dir := t.TempDir()
	ctx := context.Background()
	l, err := ledger.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &testBundle{t: t, ctx: ctx, incoming: t.TempDir(), ledger: l, lake: &lake.Lake{Dir: dir, Ledger: l}}
	b.source = "shop"
	b.selects = map[string]string{"orders": "SELECT * FROM input"}
	return b
}

func (b *testBundle) write(name, content string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.incoming, name), []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// extract runs one night's extraction and returns the accounts by file name.
func (b *testBundle) extract() map[string]ledger.Account {
	b.t.Helper()
	if err := b.tryExtract(); err != nil {
		b.t.Fatal(err)
	}
	accounts, err := b.ledger.Accounts(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[string]ledger.Account{}
	for _, a := range accounts {
		if !a.Input.Replaced {
			out[filepath.Base(a.Input.Name)+"/"+a.Table] = a
		}
	}
	return out
}

func (b *testBundle) tryExtract() error {
	b.t.Helper()
	src, err := files.New(files.Options{Name: b.source, Globs: []string{filepath.Join(b.incoming, "*")}, CSV: files.CSVOptions{Header: true, Quote: `"`}, TimeZone: "Europe/London", Selects: b.selects})
	if err != nil {
		b.t.Fatal(err)
	}
	b.night, err = b.ledger.Begin(b.ctx, ledger.Night{AsOf: "2024-03-01"})
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = lake.Extract(b.ctx, b.lake, src, lake.ExtractOptions{AsOf: "2024-03-01", Night: b.night, Scratch: b.t.TempDir(), MaxQuarantined: 1})
	return err
}

// rows reads orders as of a moment.
func (b *testBundle) rows(cols string, w lake.Window) string {
	b.t.Helper()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	return b.rowsIn(s, cols, w)
}

func (b *testBundle) rowsIn(s *duck.Session, cols string, w lake.Window) string {
	b.t.Helper()
	tbl, err := b.lake.Table(b.ctx, "orders")
	if err != nil {
		b.t.Fatal(err)
	}
	var out any
	if err := s.Scan(b.ctx, fmt.Sprintf("SELECT coalesce(string_agg(concat_ws('|', %s), ' ' ORDER BY order_id, line_id), '') FROM (%s)", cols, tbl.Select(w, "Europe/London")), &out); err != nil {
		b.t.Fatal(err)
	}
	return out.(string)
}

func counts(a ledger.Account) string {
	return fmt.Sprintf("%d=%d+%d+%d", a.Read, a.Stored, a.Duplicates, a.Quarantined)
}

const header = "order_id,line_id,customer_id,ordered_at,product_id,quantity,unit_price,colour\n"

func TestEveryRowIsAccountedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write("a.csv", header+
		"1,1,c1,2024-02-01 10:00:00,p,2,1.50,red\n"+
		"1,1,c1,2024-02-01 10:00:00,p,2,1.50,red\n"+ // exact duplicate
		"2,1,,2024-02-01 10:00:00,p,2,1.50,red\n"+ // no customer
		"3,1,c1,yesterday,p,2,1.50,red\n"+
		"4,1,c1,2024-02-01 10:00:00,p,two,1.50,red\n"+
		"5,1,c1,2024-02-01 10:00:00,p,2,1.123456,red\n"+ // would be bent
		"6,1,c1,2024-02-01 10:00:00,p,2,1.50\n"+ // column missing
		"7,,c1,2024-07-01 00:30:00,p,2,1.50,\n") // line_id falls back; 23:30 UTC the day before
	got := b.extract()
	if c := counts(got["a.csv/orders"]); c != "7=2+1+4" {
		t.Errorf("orders: got %s", c)
	}
	if c := counts(got["a.csv/"+lake.Unparsed]); c != "1=0+0+1" {
		t.Errorf("unparsed: got %s", c)
	}
	if n := got["a.csv/orders"].Input.Rows; n != 8 {
		t.Errorf("records in file: got %d, want 8", n)
	}
	if got, want := b.rows("order_id, line_id, quantity, colour, ordered_at", lake.Window{}), "1|1|2.000|red|2024-02-01 10:00:00 7|p|2.000|2024-07-01 00:30:00"; got != want {
		t.Errorf("rows:\n got %s\nwant %s", got, want)
	}
	b.quarantined(
		"missing_customer_id 2 customer_id is required",
		`bad_ordered_at 3 ordered_at: "yesterday" is not TIMESTAMPTZ`,
		`bad_quantity 4 quantity: "two" is not DECIMAL(18,3)`,
		`bad_unit_price 5 unit_price: "1.123456" has more digits than DECIMAL(18,4) holds; round it in the mapping`,
		"malformed_record  line 8: Expected Number of Columns: 8 Found: 7",
	)
}

// quarantined compares what is in quarantine, in the order of its records: reason, order and detail.
func (b *testBundle) quarantined(want ...string) {
	b.t.Helper()
	q, err := b.lake.Quarantine(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := open(b.t).Query(b.ctx, "SELECT reason || ' ' || coalesce(row->>'order_id', '') || ' ' || detail FROM ("+q+") ORDER BY record, reason")
	if err != nil {
		b.t.Fatal(err)
	}
	if len(r.Rows) != len(want) {
		b.t.Fatalf("quarantine: got %d rows %v, want %d", len(r.Rows), r.Rows, len(want))
	}
	for i, row := range r.Rows {
		if row[0] == nil || row[0].(string) != want[i] {
			b.t.Errorf("quarantine %d:\n got %v\nwant %s", i, row[0], want[i])
		}
	}
}

func TestNothingTwiceAndChangesNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	line := "%d,1,c1,2024-02-01 10:00:00,p,%d,1.50,red\n"
	b.write("a.csv", header+fmt.Sprintf(line, 1, 1)+fmt.Sprintf(line, 2, 1))
	b.extract()
	if b.extract(); len(mustInputs(t, b)) != 1 {
		t.Fatal("an unchanged file was read again")
	}
	// Another file brings a newer version of order 2: the newest wins.
	b.write("b.csv", header+fmt.Sprintf(line, 2, 9)+fmt.Sprintf(line, 3, 1))
	b.extract()
	if got, want := b.rows("order_id, quantity::INT", lake.Window{}), "1|1 2|9 3|1"; got != want {
		t.Errorf("after an update: got %s, want %s", got, want)
	}
	// The first file is rewritten: order 1 is gone, order 4 is new.
	b.write("a.csv", header+fmt.Sprintf(line, 4, 4))
	b.extract()
	if got, want := b.rows("order_id, quantity::INT", lake.Window{}), "2|9 3|1 4|4"; got != want {
		t.Errorf("after a rewrite: got %s, want %s", got, want)
	}
}

func mustInputs(t *testing.T, b *testBundle) []ledger.Input {
	t.Helper()
	in, err := b.ledger.Inputs(b.ctx, "shop")
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestSelectIsCutBeforeItDedupes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write("a.csv", header+"1,1,c1,2024-02-01 10:00:00,p,1,1,\n")
	b.extract()
	b.write("b.csv", header+"1,1,c1,2024-02-20 10:00:00,p,2,1,\n")
	b.extract()
	cut := time.Date(2024, 2, 10, 0, 0, 0, 0, time.UTC)
	if got := b.rows("quantity::INT", lake.Window{To: cut}); got != "1" {
		t.Errorf("before the update: got %q, want the version of then", got)
	}
	if got := b.rows("quantity::INT", lake.Window{From: cut}); got != "2" {
		t.Errorf("window after: got %q", got)
	}
	if got := b.rows("quantity::INT", lake.Window{To: cut.AddDate(-1, 0, 0)}); got != "" {
		t.Errorf("before everything: got %q", got)
	}
}

func TestDigestFollowsThePastOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write("a.csv", header+"1,1,c1,2024-02-01 10:00:00,p,1,1,\n")
	b.extract()
	cut := time.Date(2024, 2, 10, 0, 0, 0, 0, time.UTC)
	digest := func() string {
		tbl, err := b.lake.Table(b.ctx, "orders")
		if err != nil {
			t.Fatal(err)
		}
		return tbl.Digest(cut)
	}
	before := digest()
	b.write("b.csv", header+"2,1,c1,2024-02-20 10:00:00,p,2,1,\n")
	b.extract()
	if digest() != before {
		t.Error("a later event changed the digest of the past")
	}
	b.write("c.csv", header+"3,1,c1,2024-02-03 10:00:00,p,2,1,\n")
	b.extract()
	if digest() == before {
		t.Error("a late event before the cutoff did not change the digest")
	}
}

func TestEmptyLake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got := b.rows("order_id", lake.Window{}); got != "" {
		t.Errorf("got %q", got)
	}
}

// A number is stored as it is or refused, never rounded, whatever type it lands in.
func TestNothingIsBent(t *testing.T) {
	t.Parallel()
	for expr, good := range map[string]bool{
		"'1.5'": true, "'1.1234'": true, "'1.12345'": false, "'1.00000'": true, "'0.00000000001'": false, "'1.000000000000000000000000000001'": false,
		"'1e2'": true, "'1e-9'": false, "'99999999999999.9999'": true, "'100000000000000'": false, "'NaN'": false, "'inf'": false, "''": false,
		"1.5::DECIMAL(5,1)": true, "1.23456::DECIMAL(9,5)": false, "1.23400::DECIMAL(9,5)": true, "0.1::DOUBLE": true, "0.12345::DOUBLE": false, "'nan'::DOUBLE": false, "7::BIGINT": true,
		"18446744073709551615::UBIGINT": false, "12::UTINYINT": true, "true": true, "1e30::DOUBLE": false,
	} {
		b := setup(t)
		b.selects["orders"] = "SELECT * REPLACE (" + expr + " AS unit_price) FROM input"
		b.write("a.csv", header+"1,1,c1,2024-02-01 10:00:00,p,1,1.50,red\n")
		want := "1=0+0+1"
		if good {
			want = "1=1+0+0"
		}
		if got := counts(b.extract()["a.csv/orders"]); got != want {
			t.Errorf("unit_price %s: got %s, want %s", expr, got, want)
		}
	}
}

// Extra columns may be named like anything but mainstay's own columns, and contract
// columns in any case.
func TestExtraColumnNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.selects["orders"] = "SELECT * RENAME (order_id AS Order_ID), 'r' AS reason, 'c' AS copy, 'd' AS day, 'w' AS raw, 'o' AS row, 'e' AS detail, 'i' AS input, 'n' AS name FROM input"
	line := "1,1,c1,2024-02-01 10:00:00,p,1,1.50,red\n"
	b.write("a.csv", header+line+line)
	if got := counts(b.extract()["a.csv/orders"]); got != "2=1+1+0" {
		t.Errorf("got %s", got)
	}
	if got, want := b.rows(`order_id, reason, copy, day, raw, "row", detail, input, name`, lake.Window{}), "1|r|c|d|w|o|e|i|n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Rows of two sources with one key are different rows: neither may hide the other.
func TestTwoSourcesOneKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write("a.csv", header+"1,1,c1,2024-02-01 10:00:00,p,1,1.50,red\n")
	b.extract()
	b.source, b.incoming = "other", t.TempDir()
	b.write("b.csv", header+"1,1,c9,2024-02-02 10:00:00,p,1,1.50,red\n2,1,c9,2024-02-02 10:00:00,p,1,1.50,red\n")
	err := b.tryExtract()
	if err == nil || !strings.Contains(err.Error(), `such as order_id "1", came from another source already`) {
		t.Errorf("got %v", err)
	}
	if got := b.rows("order_id, customer_id", lake.Window{}); got != "1|c1" {
		t.Errorf("the lake holds %s", got)
	}
}

// A file may hold rows of a whole month: the newest before a moment within it is asked for.
func TestNewest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write("a.csv", header+"1,1,c,2024-02-01 10:00:00,p,1,1,\n2,1,c,2024-02-03 11:30:00,p,1,1,\n3,1,c,2024-02-20 10:00:00,p,1,1,\n")
	b.extract()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tbl, err := b.lake.Table(b.ctx, "orders")
	if err != nil {
		t.Fatal(err)
	}
	day := func(d int) time.Time { return time.Date(2024, 2, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		before time.Time
		want   time.Time
	}{{day(1), time.Time{}}, {day(3), day(1).Add(10 * time.Hour)}, {day(10), day(3).Add(11*time.Hour + 30*time.Minute)}, {day(29), day(20).Add(10 * time.Hour)}} {
		got, err := tbl.Newest(b.ctx, s, c.before)
		if err != nil || !got.Equal(c.want) {
			t.Errorf("before %s: got %s, %v, want %s", c.before, got, err, c.want)
		}
	}
}

// What systems write where they have no date is none, in whatever time zone it was midnight;
// the first real days are.
func TestDatesThatMeanNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dates := []string{"0001-01-01", "infinity", "-infinity", "1753-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1900-01-01T00:00:00+01:00", "epoch",
		"1970-01-01", "1970-01-01T00:00:00-12:00", "1970-01-01T00:00:00+14:00", "1969-12-31T16:00:00-08:00", "1970-01-01 23:59:59.999999+00",
		"9999-12-31", "2200-01-01T00:00:00+00", "1970-01-02T00:00:00+00", "2024-02-01", "2199-12-31T23:59:59+00"}
	text := header
	for i, d := range dates {
		text += fmt.Sprintf("%d,1,c,%s,p,1,1,\n", i, d)
	}
	b.write("a.csv", text)
	if got := counts(b.extract()["a.csv/orders"]); got != "19=3+0+16" {
		t.Errorf("got %s", got)
	}
	if got := b.table("orders", "order_id", "order_id", lake.Window{}); got != "16 17 18" {
		t.Errorf("stored are %s", got)
	}
}
