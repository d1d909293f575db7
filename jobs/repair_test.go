package jobs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// damaged is what repair says of what is published.
func (b *testBundle) damaged() string {
	b.t.Helper()
	r := must(jobs.RepairData(b.ctx, b.data, jobs.RepairOptions{DryRun: true}))
	return strings.Join(r.Published, "|")
}

// aside moves a file or folder away, and returns what brings it back.
func (b *testBundle) aside(name string) func() {
	b.t.Helper()
	path := filepath.Join(b.data, name)
	must(0, os.Rename(path, path+".kept"))
	return func() {
		b.t.Helper()
		must(0, os.RemoveAll(path))
		must(0, os.Rename(path+".kept", path))
	}
}

// What is published is looked at also after a night was brought back: the warehouse, and
// days whose tables are gone.
func TestRepairAfterRollback(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	must(jobs.RollBack(b.ctx, b.data, "1", nil))
	if got := b.damaged(); got != "" {
		t.Fatalf("nothing was harmed: %s", got)
	}
	for _, harm := range []string{"cut short", "gone"} {
		back := b.aside(warehouse.FileName)
		if harm == "cut short" {
			text := must(os.ReadFile(filepath.Join(b.data, warehouse.FileName+".kept")))
			must(0, os.WriteFile(filepath.Join(b.data, warehouse.FileName), text[:len(text)/2], 0o644))
		}
		if got := b.damaged(); !strings.HasPrefix(got, "warehouse.duckdb (should show night 1, 2023-04-15: ") {
			t.Errorf("warehouse %s: %q", harm, got)
		}
		back()
	}
	back := b.aside(warehouse.TablesDir)
	if got := b.damaged(); !strings.HasPrefix(got, "tables/as_of=2023-04-15 (") || !strings.HasSuffix(got, " tables of night 1)") {
		t.Errorf("all tables gone: %q", got)
	}
	back()

	// As an earlier mainstay recorded it: no digest, so tables and rows must do.
	l := must(ledger.OpenExisting(b.ctx, b.data))
	must(0, l.BringingBack(b.ctx, 1, ledger.BroughtBackFile{}))
	must(0, l.EndBringingBack(b.ctx, 1, true))
	tables := must(l.NightTables(b.ctx, 1))
	must(0, l.Close())
	if got := b.damaged(); got != "" {
		t.Errorf("without a digest: %s", got)
	}
	back = b.aside(warehouse.FileName)
	must(warehouse.Build(b.ctx, filepath.Join(b.data, warehouse.FileName), duck.Options{}, []warehouse.Table{{Name: tables[0].Name, Parquet: filepath.Join(b.data, warehouse.DayDir("2023-04-15"), tables[0].Name+".parquet")}}, nil))
	if got := b.damaged(); !strings.Contains(got, tables[1].Name) {
		t.Errorf("without a digest and most tables: %q", got)
	}
	back()
	if d := b.says("warehouse"); !strings.Contains(d, "which was brought back") {
		t.Errorf("the doctor says: %s", d)
	}
}

// says is what the doctor finds about a subject.
func (b *testBundle) says(subject string) string {
	b.t.Helper()
	for _, s := range jobs.Examine(b.ctx, b.dir, b.data, time.Now()) {
		if s.Subject == subject {
			return s.Found + ": " + s.Advice
		}
	}
	return ""
}

// What an audit held back, and what killed pushes and repairs left, is garbage; the first
// only once another night was published.
func TestGarbageThatWasPutAside(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	published := must(os.Stat(filepath.Join(b.data, warehouse.FileName))).ModTime()
	want := []string{"ledger.sqlite.rebuilt", "push.tmp/push-1", "redo/compare.sqlite"}
	for _, name := range append(want, "warehouse.rejected.duckdb", "push.tmp/push-1/push.csv") {
		path := filepath.Join(b.data, name)
		if filepath.Base(name) == "push-1" {
			must(0, os.MkdirAll(path, 0o755))
			continue
		}
		must(0, os.WriteFile(path, []byte("C-000001"), 0o644))
		must(0, os.Chtimes(path, published.Add(time.Hour), time.Now().Add(-2*time.Hour)))
	}
	held := filepath.Join(b.data, "warehouse.rejected.duckdb")
	must(0, os.Chtimes(held, published, published.Add(time.Minute)))
	garbage := func(dryRun bool) []string {
		return slices.Sorted(slices.Values(must(jobs.CollectGarbage(b.ctx, b.data, nil, must(day("2023-04-16")), dryRun)).Files))
	}
	if got := garbage(true); !slices.Equal(got, want) {
		t.Errorf("held back last: %v, want %v", got, want)
	}
	if d := b.says("leftovers"); !strings.Contains(d, "once a night is published, mainstay gc removes it") {
		t.Errorf("held back last: the doctor says: %s", d)
	}
	want = append(want[:2], "warehouse.rejected.duckdb") // the doctor has compared the ledger, and cleared that away
	must(0, os.Chtimes(held, published, published.Add(-time.Minute)))
	if d := b.says("leftovers"); !strings.Contains(d, "a night was published since: mainstay gc removes it") {
		t.Errorf("held back before: the doctor says: %s", d)
	}
	for _, dryRun := range []bool{true, false} {
		if got := garbage(dryRun); !slices.Equal(got, want) {
			t.Errorf("dry run %t: %v, want %v", dryRun, got, want)
		}
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(b.data, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if got := garbage(true); len(got) > 0 {
		t.Errorf("there is more: %v", got)
	}
}

// The customers of a shop have numbers for ids. One of them, who has the number of a day
// and of a month, is forgotten: every other row of every table stays, and what a push left
// behind goes.
func TestForgetNumber(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := setup(t, 30)
	const number = "SELECT * REPLACE (CAST(CAST(right(customer_id, 6) AS INTEGER) AS VARCHAR) AS customer_id) FROM input"
	b.write("mainstay.yaml", strings.ReplaceAll(testConfig, "SELECT * FROM input", `"`+number+`"`))
	b.mustRun("2023-04-15", "")
	push := filepath.Join(b.data, "push.tmp", "push-1")
	must(0, os.MkdirAll(push, 0o755))
	must(0, os.WriteFile(filepath.Join(push, "push.csv"), []byte(`"10","5"`), 0o644))
	rows := func(where string) string {
		return scan[string](b, "SELECT string_agg(table_name || ' ' || n, ' ' ORDER BY table_name) FROM ("+b.rowsOfTables(where)+")")
	}
	theirs, others := rows("customer_id = '10'"), rows("customer_id IS DISTINCT FROM '10'")
	if !strings.Contains(theirs, "customer_360 1 ") {
		t.Fatalf("there is no customer 10: %s", theirs)
	}
	f := must(jobs.Forget(b.ctx, b.data, []string{"10"}, jobs.ForgetOptions{}))
	if !f.Proof.Clean() || f.Rows == 0 || !slices.Contains(f.Removed, "push.tmp/push-1") || len(f.Proof.Mentions) == 0 {
		t.Errorf("got %+v", f)
	}
	if got := rows("customer_id IS DISTINCT FROM '10'"); got != others {
		t.Errorf("of the others:\n%s are left of\n%s", got, others)
	}
	if got := scan[int64](b, "SELECT count(*) FROM customer_360 WHERE customer_id = '10'"); got != 0 {
		t.Errorf("%d rows are left", got)
	}
	if d := b.says("warehouse"); !strings.Contains(d, "built anew by mainstay forget") {
		t.Errorf("the doctor says: %s", d)
	}
	if got := b.damaged(); got != "" {
		t.Errorf("repair says %s", got)
	}
	again := must(jobs.Forget(b.ctx, b.data, []string{"10"}, jobs.ForgetOptions{}))
	if again.Rows != 0 || len(again.Lake.Rows) > 0 || again.Artifacts != 0 || again.Warehouse || !again.Proof.Clean() {
		t.Errorf("again: %+v", again)
	}
	b.mustRun("2023-04-16", "")
	if got := scan[int64](b, "SELECT count(*) FROM customer_360 WHERE customer_id = '10'"); got != 0 {
		t.Error("the next night brings the customer back")
	}
}

// rowsOfTables counts the rows of all tables of the warehouse; in those with customers,
// those that a condition chooses.
func (b *testBundle) rowsOfTables(where string) string {
	b.t.Helper()
	var parts []string
	for _, name := range strings.Fields(scan[string](b, "SELECT string_agg(table_name, ' ' ORDER BY table_name) FROM duckdb_tables() WHERE NOT internal")) {
		cond := "true"
		if scan[int64](b, "SELECT count(*) FROM duckdb_columns() WHERE table_name = '"+name+"' AND column_name = 'customer_id'") > 0 {
			cond = where
		}
		parts = append(parts, "SELECT '"+name+"' AS table_name, count(*) AS n FROM \""+name+"\" WHERE "+cond)
	}
	return strings.Join(parts, " UNION ALL ")
}
