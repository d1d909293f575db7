package jobs_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// shows is the day that the warehouse shows, as its own tables say.
func (b *testBundle) shows() string {
	b.t.Helper()
	return scan[string](b, "SELECT max(as_of)::VARCHAR FROM customer_features")
}

// recorded is the night that the ledger says the warehouse shows.
func (b *testBundle) recorded() (night int64, asOf string) {
	b.t.Helper()
	l := must(ledger.OpenExisting(b.ctx, b.data))
	defer l.Close()
	p, ok, err := l.Shown(b.ctx)
	if err != nil || !ok {
		b.t.Fatalf("nothing is shown: %v", err)
	}
	return p.Night, p.AsOf
}

// The warehouse shows the newest day; an older one gets its Parquet tables only, unless
// it is asked for.
func TestOlderDayLeavesTheWarehouse(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 30, "2023-04-15")
	out := must(jobs.RunNight(b.ctx, must(b.load()), jobs.Options{AsOf: must(day("2023-04-10")), Today: must(day("2023-04-10")), Watch: silent{}, Log: quiet}))
	b.saysFuture(out)
	if out.ShownDay != "2023-04-15" || b.shows() != "2023-04-15" {
		t.Errorf("the warehouse shows %s, the outcome says %q", b.shows(), out.ShownDay)
	}
	if n := len(tables(t, b.data, "2023-04-10")); n < 40 {
		t.Errorf("the older day has %d tables", n)
	}
	if left := must(filepath.Glob(filepath.Join(b.data, warehouse.FileName+".next*"))); len(left) > 0 {
		t.Errorf("the candidate is left behind: %v", left)
	}
	if out = must(b.scoped("2023-04-10", jobs.Scope{Publish: true})); out.ShownDay != "" || b.shows() != "2023-04-10" {
		t.Errorf("asked for, the older day is not shown: %s", b.shows())
	}
	if _, day := b.recorded(); day != "2023-04-10" {
		t.Errorf("the ledger says %s", day)
	}
	b.mustRun("2023-04-14", "") // newer than what is shown, not than what was
	if b.shows() != "2023-04-14" {
		t.Errorf("the next night is not shown: %s", b.shows())
	}
}

func TestRollback(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	first := tables(t, b.data, "2023-04-15")
	b.write("sql/marts/extra.sql", "SELECT customer_id, 1 AS one FROM customer_features\n")
	b.mustRun("2023-04-15", "")
	b.mustRun("2023-05-20", "")
	comments := "SELECT count(*) FROM duckdb_columns() WHERE comment IS NOT NULL AND table_name = 'churn_scores'"
	said := scan[int64](b, comments)

	back := must(jobs.RollBack(b.ctx, b.data, "1", nil))
	if back.Night.ID != 1 || back.Before != "2023-05-20" || !slices.Equal(back.Later, []string{"2023-05-20"}) || back.Tables != len(first) {
		t.Errorf("got %+v", back)
	}
	if night, _ := b.recorded(); night != 1 || b.shows() != "2023-04-15" {
		t.Errorf("readers see night %d of %s", night, b.shows())
	}
	same(t, "the day's link", first, tables(t, b.data, "2023-04-15"))
	if n := scan[int64](b, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'extra'"); n != 0 {
		t.Error("the warehouse has a table that night 1 did not publish")
	}
	if n := scan[int64](b, comments); n == 0 || n != said {
		t.Errorf("%d columns of churn_scores have comments, want %d", n, said)
	}

	// A file that is not what was published is named, and nothing changes.
	bad := filepath.Join(b.data, "tables", ".night-000002", "churn_scores.parquet")
	must(0, os.Rename(bad, bad+".kept"))
	must(0, os.WriteFile(bad, []byte("PAR1"), 0o644))
	if _, err := jobs.RollBack(b.ctx, b.data, "2", nil); err == nil || !strings.Contains(err.Error(), bad+" is not what night 2 published") {
		t.Errorf("damaged: %v", err)
	}
	must(0, os.Rename(bad+".kept", bad))
	if night, _ := b.recorded(); night != 1 || b.shows() != "2023-04-15" {
		t.Error("a rollback that failed changed what readers see")
	}
	for _, which := range []string{"99", "2020-01-01", "yesterday"} {
		if _, err := jobs.RollBack(b.ctx, b.data, which, nil); !errors.Is(err, jobs.ErrNoNight) {
			t.Errorf("%s: %v", which, err)
		}
	}

	// A day means what it shows: night 1, since it was brought back. The number still
	// reaches night 2.
	if back = must(jobs.RollBack(b.ctx, b.data, "2023-04-15", nil)); back.Night.ID != 1 {
		t.Errorf("2023-04-15 is night %d, want 1", back.Night.ID)
	}
	if back = must(jobs.RollBack(b.ctx, b.data, "2", nil)); back.Night.ID != 2 || scan[int64](b, "SELECT count(*) FROM extra") == 0 {
		t.Errorf("night 2: %+v", back)
	}
	b.mustRun("2023-05-21", "")
	if b.shows() != "2023-05-21" {
		t.Errorf("the next night is not published as usual: %s", b.shows())
	}
}

// A rollback whose process dies is settled by the next one who takes the lease: it was
// done if its warehouse is in place, and else never began.
func TestRollbackThatDied(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 30, "2023-04-15")
	old, file := filepath.Join(b.dir, "old.duckdb"), filepath.Join(b.data, warehouse.FileName)
	must(0, os.Link(file, old))
	sum, _, err := durable.Digest(old)
	if err != nil {
		t.Fatal(err)
	}
	b.mustRun("2023-04-16", "")
	for _, c := range []struct {
		swapped bool
		want    int64
	}{{false, 2}, {true, 1}} {
		l := must(ledger.OpenExisting(b.ctx, b.data))
		must(0, l.BringingBack(b.ctx, 1, ledger.BroughtBackFile{SHA256: sum, Why: ledger.ForRollback}))
		l.Close()
		if c.swapped {
			must(0, durable.Move(old, file))
		}
		must(jobs.RunExtraction(b.ctx, must(b.load()), jobs.ExtractionOptions{Options: jobs.Options{AsOf: must(day("2023-04-17")), Watch: silent{}, Log: quiet}}))
		if night, _ := b.recorded(); night != c.want {
			t.Errorf("swapped %t: the ledger says night %d, want %d", c.swapped, night, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 300, firstAsOf)
	b.write("sql/marts/extra.sql", "SELECT customer_id, 1 AS one FROM customer_features\n")
	b.mustRun("2024-02-29", "")
	p := must(b.load())
	d := must(p.Diff(b.ctx, "1", "2024-02-29", ""))
	if !slices.Equal(d.OnlyTo, []string{"extra"}) || len(d.OnlyFrom) != 0 || len(d.Tables) == 0 || len(d.Transitions) == 0 {
		t.Fatalf("only from %v, only to %v, %d tables, %d transitions", d.OnlyFrom, d.OnlyTo, len(d.Tables), len(d.Transitions))
	}
	a, z := filepath.Join(b.data, "tables", ".night-000001"), filepath.Join(b.data, "tables", ".night-000002")
	for _, x := range d.Tables {
		if x.RowsTo-x.RowsFrom != x.Added-x.Removed {
			t.Errorf("%s: from %d to %d rows, but %d added and %d removed", x.Name, x.RowsFrom, x.RowsTo, x.Added, x.Removed)
		}
		if x.Name != "churn_scores" {
			continue
		}
		both := scan[int64](b, "SELECT count(*) FROM '"+a+"/churn_scores.parquet' a JOIN '"+z+"/churn_scores.parquet' b USING (customer_id) WHERE a.churn_probability <> b.churn_probability")
		i := slices.IndexFunc(x.ChangedColumns, func(c jobs.ColumnChange) bool { return c.Column == "churn_probability" })
		if i < 0 || x.ChangedColumns[i].Rows != both || both == 0 || x.Changed < both {
			t.Errorf("churn_scores: %d probabilities changed, got %+v", both, x)
		}
		if len(x.Examples) == 0 {
			t.Error("no example is named")
		}
	}
	var crossed int64
	for _, x := range d.Transitions {
		if x.Column == "stage" {
			crossed += x.Customers
		}
	}
	if want := scan[int64](b, "SELECT count(*) FROM '"+a+"/customer_stage.parquet' a JOIN '"+z+"/customer_stage.parquet' b USING (customer_id) WHERE a.stage <> b.stage"); crossed != want || want == 0 {
		t.Errorf("%d customers crossed a stage, want %d", crossed, want)
	}
	if d = must(p.Diff(b.ctx, "1", "1", "")); len(d.Tables)+len(d.Transitions)+len(d.OnlyFrom)+len(d.OnlyTo) != 0 || len(d.Same) < 40 {
		t.Errorf("a night differs from itself: %+v", d.Tables)
	}
	if d = must(p.Diff(b.ctx, "1", "2", "churn_scores")); len(d.Tables) != 1 || len(d.Same) != 0 {
		t.Errorf("one table: %d differ, %d the same", len(d.Tables), len(d.Same))
	}
	if _, err := p.Diff(b.ctx, "1", "2", "nothing"); !errors.Is(err, jobs.ErrScope) {
		t.Errorf("a table that is not there: %v", err)
	}
}
