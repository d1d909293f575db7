package forget

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// people are ids that a shop may give: numbers, a day, a name of several parts.
var people = []string{"10", "2024", "2024-10-01", "17850", `O'Brien "Jo", Ltd.`, "Zoë Ångström", "日本", "C-000123"}

// bundle is a data directory with one published night.
type bundle struct {
	*testing.T
	Files
	night int64
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{T: t}
	b.Dir = t.TempDir()
	var err error
	if b.Ledger, err = ledger.Open(t.Context(), b.Dir, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Ledger.Close() })
	if b.Session, err = duck.Open(t.Context(), duck.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Session.Close() })
	if b.night, err = b.Ledger.Begin(t.Context(), ledger.Night{AsOf: "2024-10-01", Version: "7.10"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) path(table string) string {
	return filepath.Join(b.Dir, warehouse.TablesDir, warehouse.NightDir(b.night), table+".parquet")
}

// publish writes the tables of queries as the night published them.
func (b *bundle) publish(tables map[string]string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path("")), 0o755); err != nil {
		b.Fatal(err)
	}
	var recorded []ledger.NightTable
	for name, query := range tables {
		rows, err := b.Session.WriteParquet(b.Context(), query, b.path(name))
		if err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		sum, _, err := durable.Digest(b.path(name))
		if err != nil {
			b.Fatal(err)
		}
		recorded = append(recorded, ledger.NightTable{Name: name, SHA256: sum, Rows: rows})
	}
	if err := b.Ledger.Publishing(b.Context(), ledger.Night{ID: b.night, AsOf: "2024-10-01", Directory: warehouse.DayDir("2024-10-01")}, "", recorded); err != nil {
		b.Fatal(err)
	}
}

// rest is a column of a published table, in its order.
func (b *bundle) rest(table, column string) string {
	b.Helper()
	var out string
	if err := b.Session.Scan(b.Context(), fmt.Sprintf("SELECT coalesce(string_agg(CAST(%s AS VARCHAR), '|'), '') FROM %s", column, duck.ReadParquet([]string{b.path(table)})), &out); err != nil {
		b.Fatal(err)
	}
	return out
}

// refusedRow is a row of the quarantine.
func refusedRow(id, table, row, detail string) string {
	return fmt.Sprintf("SELECT %s AS id, 'shop' AS source, %s AS table_name, 'orders/2024-10-01.csv' AS input, 10::BIGINT AS record, 'bad_quantity' AS reason, %s AS detail, %s AS \"row\", DATE '2024-10-01' AS as_of",
		duck.Quote(id), duck.Quote(table), duck.Quote(detail), row)
}

func object(parts ...string) string {
	for i := range parts {
		parts[i] = duck.Quote(parts[i])
	}
	return "CAST(json_object(" + strings.Join(parts, ", ") + ") AS VARCHAR)"
}

// Whatever the id looks like, the rows of the customer go, from every table, and nobody
// else's; and the proof is satisfied by that.
func TestForgetWhateverTheID(t *testing.T) {
	t.Parallel()
	for _, id := range people {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			q, of := duck.Quote(id), func(others string) string { return "SELECT unnest([" + duck.Quote(id) + ", " + others + "]) AS " }
			telling := id == "Zoë Ångström" || id == "C-000123" || strings.HasPrefix(id, "O'B")
			same := id // what another row may have without being of the customer
			if telling {
				same = "other"
			}
			tables := map[string]string{
				"customer_360":  of("'11', 'C-0001234', 'x10y', '102024', NULL") + "customer_id, '" + strings.ReplaceAll(same, "'", "''") + " days ago' AS reason",
				"upper":         of("'11'") + "\"Customer_ID\"",
				"referrals":     of("'11'") + "referred_by_customer_id, 'x' AS note",
				"nights":        "SELECT DATE '2024-10-01' AS as_of, '7.10' AS mainstay_version, 'tables/as_of=2024-10-01' AS directory",
				"model_metrics": "SELECT 'churn' AS task, 'validation 2024-10-01' AS data, 10 AS rows, 'top 7 of 2024, 17850 in all' AS metric, 12345678 AS value",
				"row_accounts":  "SELECT 'input' AS kind, 'orders/2024-10-01.csv' AS input, 'orders' AS table_name, 10 AS rows_read",
				"quarantine": strings.Join([]string{
					refusedRow("theirs", "orders", object("order_id", "5", "customer_id", id), ""),
					refusedRow("theirs too", "orders", object("CUSTOMER_ID", id, "quantity", "x"), "quantity"),
					refusedRow("another's", "orders", object("order_id", same, "customer_id", "11", "quantity", same), same),
					refusedRow("nobody's", "products", object("product_id", same), ""),
					refusedRow("apart", contract.Unparsed, object("record", same+",1,11,2024-10-01"), "line 10"),
					refusedRow("empty", "orders", "''", ""),
				}, " UNION ALL "),
			}
			b.publish(tables)
			b.People = Find([]string{id})
			if number := len(id) < 9 && strings.Trim(id, "0123456789") == ""; number {
				b.publishMore("numbers", "SELECT unnest(["+id+", 11])::BIGINT AS customer_id, "+id+" AS n")
			}
			b.DryRun = true
			would, _, err := b.Published(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if proof, err := b.Prove(t.Context()); err != nil || proof.Clean() {
				t.Fatalf("before: %+v, %v", proof, err)
			}
			b.DryRun = false
			gone, nights, err := b.Published(t.Context())
			if err != nil || gone != would || gone < 5 || nights != 1 {
				t.Errorf("%d rows of %d nights went, %d would have: %v", gone, nights, would, err)
			}
			for table, want := range map[string][2]string{
				"customer_360": {"customer_id", "11|C-0001234|x10y|102024"}, "upper": {"Customer_ID", "11"}, "referrals": {"referred_by_customer_id", "11"},
				"nights": {"as_of", "2024-10-01"}, "model_metrics": {"task", "churn"}, "row_accounts": {"kind", "input"},
				"quarantine": {"id", "another's|nobody's|apart|empty"},
			} {
				if got := b.rest(table, want[0]); got != want[1] {
					t.Errorf("%s: %s are left, want %s (%s is forgotten)", table, got, want[1], q)
				}
			}
			proof, err := b.Prove(t.Context())
			if err != nil || !proof.Clean() {
				t.Errorf("left: %+v, %v", proof.Traces, err)
			}
			if !telling && len(proof.Mentions) == 0 {
				t.Errorf("no mention is told: %+v", proof)
			}
			if err := Settle(t.Context(), b.Ledger, b.Dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// publishMore adds a table to those of the night.
func (b *bundle) publishMore(name, query string) {
	b.Helper()
	if _, err := b.Session.WriteParquet(b.Context(), query, b.path(name)); err != nil {
		b.Fatal(err)
	}
}

// A record that could not be taken apart has no columns: a telling id means the customer
// there, any other does when it is said to.
func TestMalformedRecords(t *testing.T) {
	t.Parallel()
	rows := strings.Join([]string{
		refusedRow("17850", contract.Unparsed, object("record", `536365,85123A,WHITE "HANGING,6,17850,United Kingdom`), ""),
		refusedRow("C-000123", contract.Unparsed, object("record", `1,"C-000123"x`), ""),
		refusedRow("Zoë Ångström", contract.Unparsed, object("record", `1,"Zoë Ångström",x`), ""),
		refusedRow("none", contract.Unparsed, object("record", `1,178501,2`), ""),
	}, " UNION ALL ")
	for _, c := range []struct {
		malformed bool
		want      string
	}{{false, "17850|none"}, {true, "none"}} {
		b := setup(t)
		b.publish(map[string]string{"quarantine": rows})
		b.People = Find([]string{"17850", "C-000123", "Zoë Ångström"})
		b.People.Malformed = c.malformed
		if _, _, err := b.Published(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.rest("quarantine", "id"); got != c.want {
			t.Errorf("malformed %t: %s are left, want %s", c.malformed, got, c.want)
		}
		if proof, err := b.Prove(t.Context()); err != nil || !proof.Clean() {
			t.Errorf("malformed %t: left: %+v, %v", c.malformed, proof.Traces, err)
		}
	}
}

// What is found where forgetting does not reach: a telling id anywhere, any id in a column
// of customers.
func TestTraces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.publish(map[string]string{"extra": "SELECT 'x' AS customer_id, '17850' AS sent_to_customer_id, 'for C-000123, 17850' AS note, 'C-000123' AS product_id, 17850 AS n"})
	if err := os.WriteFile(filepath.Join(b.Dir, "C-000123.log"), []byte("nothing\n17850 left\ncustomer_id: 17850\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.People = Find([]string{"17850", "C-000123"})
	proof, err := b.Prove(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var traces, mentions []string
	for _, x := range proof.Traces {
		traces = append(traces, filepath.Base(x.Place))
	}
	for _, x := range proof.Mentions {
		mentions = append(mentions, fmt.Sprint(x.Place, " ", x.Rows))
	}
	if got, want := strings.Join(traces, "|"), "C-000123.log (its name)|C-000123.log, line 3|extra.parquet, column note|extra.parquet, column sent_to_customer_id"; got != want {
		t.Errorf("traces:\n got %s\nwant %s", got, want)
	}
	if got, want := strings.Join(mentions, "|"), "C-000123.log 1|tables/extra, column product_id 1"; got != want {
		t.Errorf("mentions:\n got %s\nwant %s", got, want)
	}
}
