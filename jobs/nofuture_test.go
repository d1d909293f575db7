package jobs_test

import (
	"bytes"
	"encoding/csv"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// Every mart is made from before the cutoff alone: deleting and altering what happens from
// the cutoff on changes none of them. A planted leak, a mart over a catalogue table (which
// is made from the whole lake), does change: the test would see one.
func TestNoFutureInMarts(t *testing.T) {
	t.Parallel()
	const cutoff = "2023-12-01"
	b := setup(t, 120)
	b.write("sql/catalogue/ever_ordered.sql", "SELECT customer_id, count(*) AS lines, sum(quantity) AS units FROM orders GROUP BY customer_id\n")
	b.write("sql/marts/leak.sql", "SELECT customer_id, lines, units FROM ever_ordered\n")
	b.mustRun(cutoff, "")
	for _, table := range []string{"customer_stage", "alerts", "complaints", "complaints_by_customer", "contact_fatigue", "kpis_daily", "kpis_monthly", "cohorts", "what_if", "value_drivers", "customer_360"} {
		if scan[int64](b, "SELECT count(*) FROM "+table) == 0 {
			t.Errorf("%s is empty: for it the test shows nothing", table)
		}
	}
	before := tables(t, b.data, cutoff)
	b.alterFiles(cutoff)
	other := t.TempDir()
	b.mustRun(cutoff, other)
	after := tables(t, other, cutoff)

	models, err := sqlfiles.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models.Layer(sqlfiles.Marts) {
		file := m.Name + ".parquet"
		switch was, is := before[file], after[file]; {
		case was == "" || is == "":
			t.Errorf("%s is not published", m.Name)
		case was != is:
			t.Errorf("%s changes with what happens after the cutoff", m.Name)
		}
	}
	if before["leak.parquet"] == after["leak.parquet"] {
		t.Error("the planted leak was not seen: the test shows nothing")
	}
}

// A label knows the horizon after its cutoff and nothing beyond: deleting and altering what
// happens from the horizon's end on changes none. It does change the labels of the next
// cutoff, whose horizon reaches there, and a planted leak, a label made of the whole lake.
func TestNoLabelKnowsBeyondItsHorizon(t *testing.T) {
	t.Parallel()
	const (
		cutoff, end, next = "2023-12-01", "2023-12-31", "2024-01-01" // horizon: 30 days
		planted           = "SELECT p.customer_id, CASE WHEN e.lines > 20 THEN 0 ELSE 1 END AS churned FROM population AS p LEFT JOIN ever_ordered AS e ON p.customer_id = e.customer_id\n"
	)
	b := setup(t, 120)
	b.write("sql/catalogue/ever_ordered.sql", "SELECT customer_id, count(*) AS lines FROM orders GROUP BY customer_id\n")
	models := must(sqlfiles.Load(nil)).Layer(sqlfiles.Labels)
	labels := func(planted ...string) map[string]string {
		b.data = t.TempDir()
		var names []string
		for _, m := range models {
			names = append(names, m.Name)
		}
		if len(planted) > 0 {
			names = planted
		}
		p := must(jobs.Load(b.ctx, b.dir, b.data))
		must(jobs.RunNight(b.ctx, p, jobs.Options{AsOf: must(pipeline.ParseDay(firstAsOf)), Scope: jobs.Scope{Only: names}, Watch: silent{}, Log: slog.New(slog.DiscardHandler)}))
		found := map[string]string{}
		for _, name := range names {
			for _, at := range []string{cutoff, next} {
				for _, path := range must(filepath.Glob(filepath.Join(b.data, "snapshots", name, "cutoff="+at, "*.parquet"))) {
					found[name+" "+at] += string(must(os.ReadFile(path)))
				}
				if found[name+" "+at] == "" {
					t.Fatalf("there is no %s of %s", name, at)
				}
			}
		}
		return found
	}
	const label = "sql/labels/churn_labels.sql"
	before := labels()
	b.write(label, planted)
	leakBefore := labels("churn_labels")
	b.alterFiles(end)
	leakAfter := labels("churn_labels")
	if err := os.Remove(filepath.Join(b.dir, label)); err != nil {
		t.Fatal(err)
	}
	after := labels()

	for _, m := range models {
		if before[m.Name+" "+cutoff] != after[m.Name+" "+cutoff] {
			t.Errorf("%s of %s change with what happens from %s on", m.Name, cutoff, end)
		}
		if before[m.Name+" "+next] == after[m.Name+" "+next] {
			t.Errorf("%s of %s do not change with their own horizon: the test shows nothing", m.Name, next)
		}
	}
	if at := "churn_labels " + cutoff; leakBefore[at] == leakAfter[at] {
		t.Error("the planted leak was not seen: the test shows nothing")
	}
}

// alterFiles deletes every second record at or after the cutoff, and gives the others
// another customer, quantity and kind.
func (b *testBundle) alterFiles(cutoff string) {
	b.t.Helper()
	at := must(pipeline.ParseDay(cutoff)).Start(must(time.LoadLocation("Europe/London")))
	for table, event := range map[string]string{"orders": "ordered_at", "interactions": "occurred_at"} {
		altered := 0
		for _, path := range must(filepath.Glob(filepath.Join(b.dir, "incoming", table, "*.csv"))) {
			altered += b.alterFile(path, event, at)
		}
		if altered == 0 {
			b.t.Fatalf("no future %s to alter: the test shows nothing", table)
		}
	}
}

func (b *testBundle) alterFile(path, event string, at time.Time) (altered int) {
	b.t.Helper()
	rows := must(csv.NewReader(bytes.NewReader(must(os.ReadFile(path)))).ReadAll())
	column := func(name string) int { return slices.Index(rows[0], name) }
	set := func(row []string, name, value string) {
		if i := column(name); i >= 0 {
			row[i] = value
		}
	}
	kept := rows[:1:1]
	for i, row := range rows[1:] {
		when, err := time.Parse(time.RFC3339, row[column(event)])
		if err != nil || when.Before(at) {
			kept = append(kept, row)
			continue
		}
		if altered++; i%2 == 0 {
			continue
		}
		set(row, "customer_id", "C000001")
		set(row, "quantity", "99")
		set(row, "kind", "complaint")
		kept = append(kept, row)
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(kept); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return altered
}
