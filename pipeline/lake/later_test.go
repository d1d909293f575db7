package lake_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// table reads a contract table within a window.
func (b *testBundle) table(name, cols, order string, w lake.Window) string {
	b.t.Helper()
	tbl, err := b.lake.Table(b.ctx, name)
	if err != nil {
		b.t.Fatal(err)
	}
	var out any
	query := fmt.Sprintf("SELECT coalesce(string_agg(concat_ws('|', %s), ' ' ORDER BY %s), '') FROM (%s)", cols, order, tbl.Select(w, "Europe/London"))
	if err := open(b.t).Scan(b.ctx, query, &out); err != nil {
		b.t.Fatal(err)
	}
	return out.(string)
}

// What was added to a row after the moment at which it is looked at is hidden: when and
// how much was paid, and what rides along, for nobody says when that was filled.
func TestLaterIsHidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.selects = map[string]string{"payments": "SELECT * FROM input"}
	const header = "payment_id,customer_id,order_id,issued_at,due_on,amount,paid_at,paid_amount,status\n"
	b.write("a.csv", header+
		"early,c1,o1,2024-02-01 09:00:00,2024-02-15,100,2024-02-10 09:00:00,100,paid\n"+
		"last,c1,o2,2024-02-02 09:00:00,2024-02-16,100,2024-02-29 23:59:59,100,paid\n"+
		"border,c1,o3,2024-02-03 09:00:00,2024-02-17,100,2024-03-01 00:00:00,100,paid\n"+
		"open,c1,o4,2024-02-04 09:00:00,2024-02-18,100,,,open\n"+
		"undated,c1,o5,2024-02-05 09:00:00,2024-02-19,100,,40,partly\n"+
		"next,c1,o6,2024-03-05 09:00:00,2024-03-19,100,2024-03-20 09:00:00,100,paid\n")
	b.write("b.csv", header+"open,c1,o4,2024-02-04 09:00:00,2024-02-18,100,2024-04-01 09:00:00,100,paid\n") // paid since
	b.extract()
	march, april := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 4, 1, 0, 0, 0, 0, time.UTC)
	const paid = "payment_id, coalesce(strftime(paid_at, '%m-%d'), '-'), coalesce(paid_amount::INT, 0), coalesce(status, '-')"
	for _, tt := range []struct {
		name string
		w    lake.Window
		want string
	}{
		{"before March", lake.Window{To: march}, "early|02-10|100|paid last|02-29|100|paid border|-|0|- open|-|0|- undated|-|0|-"},
		{"March", lake.Window{From: march, To: april}, "next|03-20|100|paid"},
		{"before April", lake.Window{To: april}, "early|02-10|100|paid last|02-29|100|paid border|03-01|100|paid open|-|0|- undated|-|0|- next|03-20|100|paid"},
		{"the whole lake", lake.Window{}, "early|02-10|100|paid last|02-29|100|paid border|03-01|100|paid open|04-01|100|paid undated|-|40|partly next|03-20|100|paid"},
	} {
		if got := b.table("payments", paid, "issued_at", tt.w); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
	if got, want := b.table("payments", "payment_id, amount::INT, due_on", "issued_at", lake.Window{From: march, To: april}), "next|100|2024-03-19"; got != want {
		t.Errorf("what is known from the start:\n got %s\nwant %s", got, want)
	}
	// Altering what lies at or after the moment changes nothing before it.
	before := b.table("payments", "*COLUMNS(*)", "issued_at", lake.Window{To: march})
	b.write("c.csv", header+"border,c1,o3,2024-02-03 09:00:00,2024-02-17,100,2024-03-09 00:00:00,70,other\nopen,c1,o4,2024-02-04 09:00:00,2024-02-18,100,2024-05-01 09:00:00,1,late\n")
	b.extract()
	if after := b.table("payments", "*COLUMNS(*)", "issued_at", lake.Window{To: march}); after != before {
		t.Errorf("the future shows:\n got %s\nwant %s", after, before)
	}
}

// Dates are days as written, wherever source and business are; what is no date is refused.
func TestDates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.selects = map[string]string{"payments": "SELECT * FROM input"}
	const row = "%d,c1,2024-02-01 09:00:00,%s,100\n"
	text := "payment_id,customer_id,issued_at,due_on,amount\n"
	for i, due := range []string{"2024-02-15", "2024-02-15 18:30:00", "", "15.02.2024", "2024-02-30", "2024-02-15x", "0001-01-01", "1900-01-01", "1970-01-01", "1970-01-02"} {
		text += fmt.Sprintf(row, i, due)
	}
	b.write("a.csv", text)
	got := b.extract()["a.csv/payments"]
	if c := counts(got); c != "10=4+0+6" {
		t.Errorf("got %s", c)
	}
	if got, want := b.table("payments", "payment_id, coalesce(due_on::VARCHAR, '-')", "payment_id", lake.Window{}), "0|2024-02-15 1|2024-02-15 2|- 9|1970-01-02"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Versions of a customer are rows of their own in files: a reader sees those before its
// moment.
func TestVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.selects = map[string]string{"customers": "SELECT * FROM input"}
	b.write("a.csv", "customer_id,recorded_at,segment\nc1,2024-01-01,small\nc1,2024-02-01,large\nc2,2024-02-10,small\n")
	b.write("b.csv", "customer_id,recorded_at,segment\nc1,2024-02-01,huge\n") // the same version, corrected
	b.extract()
	for _, tt := range []struct {
		day  time.Time
		want string
	}{
		{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC), "c1|01-01|small"},
		{time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC), "c1|01-01|small c1|02-01|huge"},
		{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), "c1|01-01|small c1|02-01|huge c2|02-10|small"},
	} {
		if got := b.table("customers", "customer_id, strftime(recorded_at, '%m-%d'), segment", "customer_id, recorded_at", lake.Window{To: tt.day}); got != tt.want {
			t.Errorf("before %s: got %q, want %q", tt.day.Format(time.DateOnly), got, tt.want)
		}
	}
}

// A table whose event time is part of its key follows a database like any other: what
// the database overwrites is overwritten, and the certificate says so.
func TestDatabaseVersions(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	b.db.table = "customers"
	b.db.columns = []source.Column{{Name: "id", Kind: source.Int}, {Name: "customer_id"}, {Name: "recorded_at", Kind: source.Instant}}
	at := func(day int) time.Time { return base.AddDate(0, 0, day) }
	b.set(1, line{customer: "c1", at: at(0)})
	b.set(2, line{customer: "c1", at: at(5)}) // a second version, in a row of its own
	b.set(3, line{customer: "c3", at: at(3)})
	b.set(4, line{at: at(3)}) // refused
	for _, step := range []struct {
		name, want string
		do         func()
	}{
		{"load", "c1|02-01 c1|02-06 c3|02-04", func() {}},
		{"a row is overwritten by its next version", "c1|02-01 c1|02-06 c3|02-11", func() { b.set(3, line{customer: "c3", at: at(10)}) }},
		{"mended", "c1|02-01 c1|02-06 c3|02-11 c4|02-04", func() { b.set(4, line{customer: "c4", at: at(3)}) }},
		{"overwritten, and no cursor saw it", "c1|02-01 c1|02-06 c3|02-12 c4|02-04", func() { b.db.lose = true; b.set(3, line{customer: "c3", at: at(11)}) }},
		{"deleted", "c1|02-01 c3|02-12 c4|02-04", func() { delete(b.db.rows, 2) }},
	} {
		step.do()
		x := b.mustNight()
		if len(x.Certificates) != 1 || !x.Certificates[0].Matches() || x.Certificates[0].SourceRows != int64(len(b.db.rows)) {
			t.Fatalf("%s: certificate %+v", step.name, x.Certificates)
		}
		if got := b.table("customers", "customer_id, strftime(recorded_at, '%m-%d')", "customer_id, recorded_at", lake.Window{}); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

// Of a database, too: an invoice that is paid is a new version of its row.
func TestDatabaseLater(t *testing.T) {
	t.Parallel()
	b := setupDB(t)
	b.db.table = "payments"
	b.db.columns = []source.Column{{Name: "id", Kind: source.Int}, {Name: "payment_id"}, {Name: "customer_id"}, {Name: "issued_at", Kind: source.Instant},
		{Name: "amount", Kind: source.Decimal, Precision: 10, Scale: 2}, {Name: "paid_at", Kind: source.Instant}}
	b.set(1, line{order: "p1", customer: "c1", at: base, quantity: 5})  // paid on the 6th
	b.set(2, line{order: "p2", customer: "c1", at: base, quantity: 40}) // in March
	month := lake.Window{To: base.AddDate(0, 0, 28)}
	for _, step := range []struct {
		name, want string
		do         func()
	}{
		{"load", "p1|02-06 p2|-", func() {}},
		{"paid earlier than was said", "p1|02-06 p2|02-11", func() { b.set(2, line{order: "p2", customer: "c1", at: base, quantity: 10}) }},
		{"and later after all", "p1|02-06 p2|-", func() { b.set(2, line{order: "p2", customer: "c1", at: base, quantity: 28}) }},
		{"deleted", "p1|02-06", func() { delete(b.db.rows, 2) }},
	} {
		step.do()
		b.mustNight()
		if got := b.table("payments", "payment_id, coalesce(strftime(paid_at, '%m-%d'), '-')", "payment_id", month); got != step.want {
			t.Errorf("%s: got %s, want %s", step.name, got, step.want)
		}
	}
}

// Master data that was known for ever may say so with the epoch; a day that was never filled in
// is none there either, and what to do is said.
func TestVersionsOfLongAgo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.selects = map[string]string{"customers": "SELECT * FROM input"}
	b.write("a.csv", "customer_id,recorded_at,key_contact,key_contact_since\nc1,1970-01-01,Ann,2020-01-01\nc2,1900-01-02,Ann,\nc3,1899-12-31,Ann,\nc4,1970-01-01,Ann,1900-01-01\n")
	if got := counts(b.extract()["a.csv/customers"]); got != "4=2+0+2" {
		t.Errorf("got %s", got)
	}
	if got, want := b.table("customers", "customer_id", "customer_id", lake.Window{}), "c1 c2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.quarantined(
		`bad_recorded_at  recorded_at: "1899-12-31" is not between 1900-01-01 and 2200-01-01, so it stands for no date: map the true one, or leave such rows out`,
		`bad_key_contact_since  key_contact_since: "1900-01-01" is not between 1970-01-02 and 2200-01-01, so it stands for no date: map the true one, or NULL`)
}
