package jobs_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// setupMaster is a project whose sources also give customers, products and payments.
func setupMaster(t *testing.T, customers int) *testBundle {
	t.Helper()
	b := setup(t, customers)
	sources := ""
	for _, table := range []string{"customers", "products", "payments"} {
		sources += "  - name: " + table + "\n    files: ./incoming/" + table + "/*.csv\n    tables:\n      " + table + ": {select: SELECT * FROM input}\n"
	}
	b.write("mainstay.yaml", strings.Replace(testConfig, "sources:\n", "sources:\n"+sources, 1))
	if _, err := b.shop(customers).WriteMaster(b.ctx, filepath.Join(b.dir, "incoming"), shopStart, must(time.Parse(time.DateOnly, firstAsOf))); err != nil {
		t.Fatal(err)
	}
	return b
}

// Master data and payments are seen as they were: versions recorded later, invoices issued
// later and payments made later change no table, though the row of such an invoice is
// one of the past.
func TestNoFutureInMasterData(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := setupMaster(t, 100)
	const cutoff = "2023-10-01"
	b.mustRun(cutoff, "")
	for _, query := range []string{
		"SELECT count(*) FROM customer_features WHERE standing IS NOT NULL AND has_key_contact",
		"SELECT count(*) FROM customer_features WHERE overdue_amount > 0 AND days_late_max > 0",
		"SELECT count(*) FROM customer_features WHERE payments_180 > 0",
	} {
		if scan[int64](b, query) == 0 {
			t.Errorf("none: %s", query)
		}
	}
	b.explainsMasterData(cutoff)
	with := tables(t, b.data, cutoff)
	at := must(pipeline.ParseDay(cutoff)).Start(must(time.LoadLocation("Europe/London")))
	for table, column := range map[string]string{"customers": "recorded_at", "products": "recorded_at", "payments": "issued_at"} {
		removed, path := 0, filepath.Join(b.dir, "incoming", table, "2024-01-31.csv")
		if removed = b.cutFile(path, column, func(when time.Time) bool { return !when.Before(at) }); removed == 0 && table != "products" { // prices change in January
			t.Fatalf("no future %s to delete: the test shows nothing", table)
		}
		if table == "payments" && b.unpay(path, at) < 10 {
			t.Fatal("hardly a payment of the future to take back: the test shows nothing")
		}
	}
	elsewhere := t.TempDir()
	b.mustRun(cutoff, elsewhere)
	without := tables(t, elsewhere, cutoff)
	for _, name := range []string{"nights.parquet", "row_accounts.parquet", "quarantine.parquet"} { // these do know of the rows
		delete(with, name)
		delete(without, name)
	}
	same(t, "without the future", with, without)
}

// unpay takes back what was paid at or after a moment.
func (b *testBundle) unpay(path string, at time.Time) (unpaid int) {
	b.t.Helper()
	rows := must(csv.NewReader(bytes.NewReader(must(os.ReadFile(path)))).ReadAll())
	paidAt, paid := slices.Index(rows[0], "paid_at"), slices.Index(rows[0], "paid_amount")
	for _, row := range rows[1:] {
		if when, err := time.Parse(time.RFC3339, row[paidAt]); err == nil && !when.Before(at) {
			row[paidAt], row[paid] = "", ""
			unpaid++
		}
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return unpaid
}

// explainsMasterData wants the invoices and the master data behind a score, with where each
// row came from, as they were known at the cutoff: of an invoice that is paid by now, that
// it was not.
func (b *testBundle) explainsMasterData(cutoff string) {
	b.t.Helper()
	customers := strings.Fields(scan[string](b, "SELECT string_agg(customer_id, ' ' ORDER BY customer_id) FROM customer_features WHERE open_amount > 0 AND payments_180 > 1"))
	if len(customers) == 0 {
		b.t.Fatal("nobody owes anything")
	}
	story := b.explain(customers[0], cutoff)
	said := map[string]string{}
	for _, e := range story.Events {
		for _, r := range e.Latest {
			if r.At >= cutoff || r.Source != e.Table || r.Input == "" || r.Record == 0 {
				b.t.Errorf("a row of %s before %s: %+v", e.Table, cutoff, r)
			}
			said[e.Table] += r.What + "\n"
		}
	}
	if !strings.Contains(said["payments"], "not paid yet") || !strings.Contains(said["payments"], "invoice ") || !strings.Contains(said["customers"], "known since, ") {
		b.t.Errorf("of customer %s: %v", customers[0], said)
	}
}
