package jobs_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// scan reads one value from the published warehouse, beside files of the test.
func scan[T any](b *testBundle, query string) T {
	b.t.Helper()
	s, err := duck.Open(b.ctx, duck.Options{Path: filepath.Join(b.data, warehouse.FileName), ReadOnly: true})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	var v T
	if err := s.Scan(b.ctx, query, &v); err != nil {
		b.t.Fatal(err)
	}
	return v
}

func TestNightPublishesWhatItPromises(t *testing.T) {
	t.Parallel()
	b := after(t, 300, firstAsOf)
	out := b.mustRun(firstAsOf, "")
	for _, table := range []string{"churn_scores", "cross_sell_scores", "customer_features", "model_metrics", "nights", "row_accounts", "quarantine"} {
		if n := scan[int64](b, "SELECT count(*) FROM "+table); n == 0 {
			t.Errorf("%s is empty", table)
		}
	}
	for _, w := range out.Warnings {
		// A model for 300 customers need not be better than a rule, and seasons change.
		if !strings.HasPrefix(w, "churn: ") && !strings.HasPrefix(w, "cross_sell: ") {
			t.Errorf("warning: %s", w)
		}
	}
	if n := scan[int64](b, "SELECT count(*) FROM churn_scores FULL JOIN customer_features USING (customer_id) WHERE churn_probability IS NULL OR churn_scores.customer_id IS NULL"); n > 0 {
		t.Errorf("%d customers are scored without features or the other way round", n)
	}
	if n := scan[int64](b, "SELECT count(*) FROM row_accounts WHERE rows_read <> rows_stored + rows_duplicate + rows_quarantined"); n > 0 {
		t.Errorf("%d accounts do not add up", n)
	}
	if n := scan[int64](b, "SELECT count(*) FROM churn_scores WHERE reason_1 IS NULL OR churn_probability NOT BETWEEN 0 AND 1"); n > 0 {
		t.Errorf("%d scores without a reason or out of range", n)
	}
	if auc := scan[float64](b, "SELECT value FROM model_metrics WHERE task = 'churn' AND NOT starts_with(estimator, 'rule') AND metric = 'auc'"); auc < 0.6 || auc > 0.95 {
		t.Errorf("churn AUC on later data is %.3f: a shop with real signal gives 0.6 to 0.95", auc)
	}
	l := must(ledger.OpenExisting(b.ctx, b.data))
	defer l.Close()
	kept := must(l.ModelMetrics(b.ctx, out.Night))
	if n := scan[int64](b, "SELECT count(*) FROM model_metrics WHERE isfinite(value)"); n == 0 || int64(len(kept)) != n || kept[0].Task == "" || kept[0].Metric == "" {
		t.Errorf("the ledger has %d of %d metrics of the models: %+v", len(kept), n, kept)
	}
	if about := scan[string](b, "SELECT comment FROM duckdb_columns() WHERE table_name = 'row_accounts' AND column_name = 'rows_read'"); about == "" {
		t.Error("columns have no comments in the warehouse")
	}
}

// A night is a pure function: the same inputs give the same bytes, in the same data
// directory and in another, whatever the number of workers and threads.
func TestSameNightSameBytes(t *testing.T) {
	t.Parallel()
	b := after(t, 300, firstAsOf)
	first := tables(t, b.data, firstAsOf)
	b.mustRun(firstAsOf, "")
	same(t, "run again", first, tables(t, b.data, firstAsOf))
	other := t.TempDir()
	b.write("mainstay.yaml", strings.Replace(testConfig, "workers: 2", "workers: 1, memory: 256MiB, disk: 10GB", 1))
	alone := exec.Command(os.Args[0])
	alone.Env = append(os.Environ(), "GOMAXPROCS=1", nightOf+"="+strings.Join([]string{b.dir, other, firstAsOf}, "\n"))
	if out, err := alone.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	same(t, "run elsewhere, with one worker and one thread", first, tables(t, other, firstAsOf))
}

// SQL sees only the past: deleting every row at or after the cutoff, or adding rows
// there, changes no feature and no score.
func TestNoFuture(t *testing.T) {
	t.Parallel()
	cutoff := "2023-12-01"
	b := after(t, 300, cutoff)
	with := tables(t, b.data, cutoff)
	b.cutFiles(cutoff)
	without := t.TempDir()
	b.mustRun(cutoff, without)
	cut := tables(t, without, cutoff)
	for name := range maps.Clone(with) {
		// What a night tells about its extraction does know of the rows.
		if name == "nights.parquet" || name == "row_accounts.parquet" || name == "quarantine.parquet" {
			delete(with, name)
			delete(cut, name)
		}
	}
	same(t, "without the future", with, cut)
}

// cutFiles deletes every record at or after the cutoff from the incoming files.
func (b *testBundle) cutFiles(cutoff string) {
	b.t.Helper()
	zone := must(time.LoadLocation("Europe/London"))
	at := must(pipeline.ParseDay(cutoff)).Start(zone)
	for _, table := range []struct{ glob, column string }{{"orders", "ordered_at"}, {"interactions", "occurred_at"}} {
		paths := must(filepath.Glob(filepath.Join(b.dir, "incoming", table.glob, "*.csv")))
		removed := 0
		for _, path := range paths {
			removed += b.cutFile(path, table.column, func(when time.Time) bool { return !when.Before(at) })
		}
		if removed == 0 {
			b.t.Fatalf("no future %s to delete: the test shows nothing", table.glob)
		}
	}
}

// cutFile deletes the records of a file whose time is to be cut.
func (b *testBundle) cutFile(path, column string, cut func(time.Time) bool) (removed int) {
	b.t.Helper()
	rows := must(csv.NewReader(bytes.NewReader(must(os.ReadFile(path)))).ReadAll())
	col := -1
	for i, name := range rows[0] {
		if name == column {
			col = i
		}
	}
	kept := rows[:1]
	for _, row := range rows[1:] {
		if when, err := time.Parse(time.RFC3339, row[col]); err == nil && cut(when) {
			removed++
			continue
		}
		kept = append(kept, row)
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.WriteAll(kept); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return removed
}

// Features that look ahead must be caught: the test of the test.
func TestModelsCannotReadTheFuture(t *testing.T) {
	t.Parallel()
	b := setup(t, 50)
	b.write("sql/features/leak.sql", "SELECT customer_id, count(*) AS orders_to_come FROM future_orders GROUP BY customer_id\n")
	_, err := b.load()
	if err == nil || !strings.Contains(err.Error(), "only models in labels/ may look past the cutoff") {
		t.Errorf("got %v", err)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, 30)
	for name, c := range map[string]struct{ file, content, want string }{
		"two statements":   {"mainstay.yaml", strings.Replace(testConfig, "SELECT * FROM input", "SELECT * FROM input; SELECT 1", 1), "source orders, table orders: select"},
		"not from input":   {"mainstay.yaml", strings.Replace(testConfig, "SELECT * FROM input", "SELECT * FROM inptu", 1), "it reads [inptu]; expected a SELECT from input"},
		"no customer":      {"mainstay.yaml", strings.Replace(testConfig, "SELECT * FROM input", "SELECT * EXCLUDE (customer_id) FROM input", 1), "gives no column customer_id, which is required"},
		"column of others": {"sql/features/mine.sql", `SELECT customer_id, count(*) AS "Orders_90" FROM orders GROUP BY customer_id`, "names of features are unique"},
		"no customer_id":   {"sql/features/mine.sql", "SELECT count(*) AS n FROM orders", "has no column customer_id"},
		"two rows per key": {"sql/features/mine.sql", "SELECT customer_id, order_id AS o FROM orders", "gives several rows for one customer_id"},
	} {
		b.write("mainstay.yaml", testConfig)
		b.write("sql/features/mine.sql", "SELECT customer_id, count(*) AS mine FROM orders GROUP BY customer_id")
		b.write(c.file, c.content)
		p, err := b.load()
		if err == nil {
			_, err = b.runProject(p, "2023-04-15")
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// A model is made of the night's tables alone.
func TestModelsHaveNoHiddenInputs(t *testing.T) {
	t.Parallel()
	b := setup(t, 50)
	b.write("sql/features/luck.sql", "SELECT customer_id, max(random()) AS luck, max(today()) AS day FROM orders GROUP BY customer_id\n")
	if _, err := b.load(); err == nil || !strings.Contains(err.Error(), "luck.sql uses random, today") {
		t.Errorf("got %v", err)
	}
}

// Who writes a mapping runs the same day many times: every change reads the files anew,
// and the accounts still add up.
func TestMappingChangedTwiceInADay(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	for _, mapping := range []string{"SELECT *, 1 AS one", "SELECT *, 1 AS one, 2 AS two"} {
		b.write("mainstay.yaml", strings.Replace(testConfig, "orders: {select: SELECT * FROM input}", `orders: {select: "`+mapping+` FROM input"}`, 1))
		b.mustRun("2023-04-15", "")
	}
	if n := scan[int64](b, "SELECT count(DISTINCT replaced) FROM row_accounts"); n != 2 {
		t.Error("no reading was replaced: the test shows nothing")
	}
	if n := scan[int64](b, "SELECT sum(rows_stored)::BIGINT FROM row_accounts WHERE table_name = 'orders' AND NOT replaced"); n == 0 {
		t.Error("nothing is current")
	}
}

// When deliveries stop, nobody has left: what is not known is not learned.
func TestDeliveriesStop(t *testing.T) {
	t.Parallel()
	b := setup(t, 100)
	out := b.mustRun("2024-04-15", "") // the files end on 2024-01-31
	for _, part := range out.Tables["churn_labels"].Parts {
		if part.Cutoff > "2024-01-01" {
			t.Errorf("labels at %s look at days without deliveries", part.Cutoff)
		}
	}
	if len(out.Warnings) == 0 || !strings.Contains(out.Warnings[0], "have deliveries stopped?") {
		t.Errorf("warnings: %q", out.Warnings)
	}
}

func TestNewcomerAddsAFeature(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	b.write("sql/features/night_owl.sql", "SELECT customer_id, sum(CASE WHEN hour(ordered_at) >= 22 THEN 1 ELSE 0 END) AS late_orders FROM orders GROUP BY customer_id\n")
	b.mustRun("2023-04-15", "")
	if n := scan[int64](b, "SELECT count(*) FROM customer_features WHERE late_orders IS NOT NULL"); n == 0 {
		t.Error("the new feature has no values")
	}
	// A project's table of its own is part of the night, too.
	b.write("sql/marts/late_buyers.sql", "SELECT customer_id, late_orders FROM customer_features WHERE late_orders > 0\n")
	b.mustRun("2023-04-15", "")
	if n := scan[int64](b, "SELECT count(*) FROM late_buyers"); n == 0 {
		t.Error("the new table is empty")
	}
}

func TestConsecutiveNights(t *testing.T) {
	t.Parallel()
	b := after(t, 300, firstAsOf)
	s := b.shop(300)
	from := must(time.Parse(time.DateOnly, firstAsOf))
	before := scan[int64](b, "SELECT sum(rows_read)::BIGINT FROM row_accounts")
	if _, err := s.WriteDays(b.ctx, filepath.Join(b.dir, "incoming"), from, from.AddDate(0, 0, 1), nil); err != nil {
		t.Fatal(err)
	}
	out := b.mustRun("2024-02-02", "")
	if after := scan[int64](b, "SELECT sum(rows_read)::BIGINT FROM row_accounts"); after <= before {
		t.Errorf("the day's new files were not read: %d rows before, %d after", before, after)
	}
	made := 0
	for _, part := range out.Tables["customer_features"].Parts {
		if !part.Reused {
			made++
		}
	}
	if made != 1 {
		t.Errorf("the second night made %d snapshots of customer_features, want 1: the earlier ones are to be reused", made)
	}
	if !out.Tables["churn_model"].Parts[0].Reused {
		t.Error("the model was trained again although nothing new had matured")
	}
	if n := scan[int64](b, "SELECT count(*) FROM nights"); n != 2 {
		t.Errorf("nights: got %d, want 2", n)
	}
}

// The generated shop knows who has really left, how often everybody buys and what they
// like: the scores must find nearly all of it that can be found.
func TestScoresFindTheTruth(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	const customers = 1500
	b := setup(t, customers)
	// A year's worth of learning: the tests' usual few snapshots are too few to find much.
	b.write("mainstay.yaml", strings.NewReplacer("max_cutoffs: 3", "max_cutoffs: 8", "trees: 20", "trees: 60", "search: 0", "search: 1").Replace(testConfig))
	if err := b.shop(customers).WriteTruth(b.ctx, b.dir); err != nil {
		t.Fatal(err)
	}
	b.mustRun(firstAsOf, "")
	truth := func(name string) string { return "read_csv(" + duck.Quote(filepath.Join(b.dir, "truth", name)) + ")" }
	// Share of pairs (one true, one not) in which the true one has the higher score.
	auc := func(scored string) float64 {
		return scan[float64](b, "WITH s AS ("+scored+"), p AS (SELECT score FROM s WHERE truth), n AS (SELECT score FROM s WHERE NOT truth) "+
			"SELECT avg(CASE WHEN p.score > n.score THEN 1.0 WHEN p.score = n.score THEN 0.5 ELSE 0 END) FROM p, n")
	}
	left := auc("SELECT churn_probability AS score, coalesce(left_on <= DATE '" + firstAsOf + "', false) AS truth FROM churn_scores JOIN " + truth("customers.csv") + " USING (customer_id)")
	if left < 0.75 {
		t.Errorf("customers who had really left rank above the others in %.3f of pairs, want 0.75", left)
	}
	liked := auc("SELECT s.probability AS score, t.weight > 0.15 AS truth FROM cross_sell_scores s JOIN " + truth("tastes.csv") + " t USING (customer_id, category)")
	if liked < 0.6 {
		t.Errorf("categories that customers truly like rank above the others in %.3f of pairs, want 0.6", liked)
	}

	// What the shop's own state at the judging cutoff can tell of its outcomes: who has
	// left orders no more; with a rate of orders l and a hazard of leaving m, nobody else
	// orders within h days with probability e^-(l+m)h + m/(l+m) (1 - e^-(l+m)h).
	const judged = "2024-01-01"
	labels := must(filepath.Glob(filepath.Join(b.data, "snapshots", "churn_labels", "cutoff="+judged, "*.parquet")))
	if len(labels) != 1 {
		t.Fatalf("labels of %s: %v", judged, labels)
	}
	attainable := auc("SELECT CASE WHEN left_on <= DATE '" + judged + "' THEN 1 ELSE exp(-30 * (l + m)) + m / (l + m) * (1 - exp(-30 * (l + m))) END AS score, churned::BOOLEAN AS truth FROM " +
		"(SELECT customer_id, left_on, purchase_rate_per_day AS l, dropout_hazard_per_day AS m FROM " + truth("customers.csv") + ") JOIN " + duck.ReadParquet(labels) + " USING (customer_id)")
	found := scan[float64](b, "SELECT value FROM model_metrics WHERE task = 'churn' AND data = 'validation "+judged+"' AND metric = 'auc' AND estimator NOT LIKE 'rule%' AND estimator <> 'champion'")
	if found < 0.9*attainable || found > attainable+0.02 {
		t.Errorf("churn AUC %.4f, the truth allows %.4f: want nine tenths of it, and no more than it", found, attainable)
	}
	t.Logf("left %.3f, liked %.3f, churn AUC %.4f of %.4f", left, liked, found, attainable)
}

// When the horizon of published scores has passed, they meet what happened, as far as
// anything is known of it.
func TestScoresAreGraded(t *testing.T) {
	t.Parallel()
	b := after(t, 300, "2023-12-01")
	b.mustRun("2023-12-30", "")
	if n := scan[int64](b, "SELECT count(*) FROM score_grades"); n != 0 {
		t.Errorf("%d grades before the horizon has passed", n)
	}
	out := b.mustRun(firstAsOf, "")
	of := func(what, where string) float64 {
		return scan[float64](b, "SELECT coalesce(max("+what+"), -1)::DOUBLE FROM score_grades WHERE scored_as_of = '2023-12-01' AND "+where)
	}
	for _, task := range []string{"churn", "cross_sell"} {
		auc := "metric = 'auc' AND task = '" + task + "'"
		if v := of("value", auc); v < 0.55 || v > 0.97 || !(of("low", auc) < v && v < of("high", auc)) {
			t.Errorf("%s: AUC of the scores of 2023-12-01 is %v (%v to %v)", task, v, of("low", auc), of("high", auc))
		}
		if total := of("value", "metric = 'stake_total' AND task = '"+task+"'"); task == "churn" && total <= 0 {
			t.Errorf("%s: at stake was %v", task, total)
		}
	}
	// What the first three offers held of the first-year margin of all that was bought.
	hit := of("value", "metric = 'hit_at_3'")
	if top, best := of("value", "metric = 'stake_top_3'"), of("value", "metric = 'stake_best_3'"); top < 0 || top > best || best > 1 || hit <= 0 {
		t.Errorf("the first three offers: %v of the stake, at best %v, a hit for %v of the customers", top, best, hit)
	}
	if n := scan[int64](b, "SELECT count(DISTINCT scored_as_of) FROM score_grades"); n != 2 {
		t.Errorf("%d score days graded, want 2", n)
	}
	if n := scan[int64](b, "SELECT count(*) FROM score_grades WHERE metric = 'unmatched'"); n != 0 || strings.Contains(strings.Join(out.Warnings, " "), "have no outcome") {
		t.Errorf("scores without an outcome: %d, warnings %q", n, out.Warnings)
	}

	// Orders that are taken back later take customers out of that day's population.
	from, to := must(time.Parse(time.DateOnly, "2023-11-01")), must(time.Parse(time.DateOnly, "2023-11-20"))
	for _, path := range must(filepath.Glob(filepath.Join(b.dir, "incoming", "orders", "*.csv"))) {
		b.cutFile(path, "ordered_at", func(when time.Time) bool { return !when.Before(from) && when.Before(to) })
	}
	out = b.mustRun(firstAsOf, "")
	lost, all := of("value", "task = 'churn' AND metric = 'unmatched'"), of("n", "task = 'churn' AND metric = 'unmatched'")
	if said := fmt.Sprintf("%.0f of the %.0f churn scores of 2023-12-01 have no outcome", lost, all); lost < 2 || lost >= all || !strings.Contains(strings.Join(out.Warnings, "\n"), said) {
		t.Errorf("want a warning %q, got %q", said, out.Warnings)
	}
}

func TestShortHistoryIsSaidNotFaked(t *testing.T) {
	t.Parallel()
	b := setup(t, 50)
	out := b.mustRun("2023-03-01", "")
	if !strings.Contains(strings.Join(out.Warnings, " "), "No outcome is known yet") {
		t.Errorf("warnings: %q", out.Warnings)
	}
	if n := scan[int64](b, "SELECT count(*) FROM churn_scores"); n != 0 {
		t.Errorf("%d scores without a model", n)
	}
	if n := scan[int64](b, "SELECT count(*) FROM customer_features"); n == 0 {
		t.Error("features need no model, but there are none")
	}
}

func TestFailedAuditKeepsTheLastNight(t *testing.T) {
	t.Parallel()
	b := after(t, 30, "2023-04-15")
	b.write("sql/marts/broken.sql", "SELECT 1 AS id UNION ALL SELECT 1\n")
	b.write("sql/marts/broken.yml", "grain: One row per id.\nkey: [id]\ncolumns: {id: {meaning: An id.}}\nchecks:\n  - unique: [id]\n")
	_, err := b.run("2023-04-16", "")
	if err == nil || !strings.Contains(err.Error(), "broken: unique: id") {
		t.Fatalf("got %v", err)
	}
	if asOf := scan[time.Time](b, "SELECT max(as_of) FROM nights"); asOf.Format(time.DateOnly) != "2023-04-15" {
		t.Errorf("published is %s", asOf)
	}
	s, err := duck.Open(b.ctx, duck.Options{Path: filepath.Join(b.data, "warehouse.rejected.duckdb"), ReadOnly: true})
	if err != nil {
		t.Fatalf("the rejected warehouse is not kept: %v", err)
	}
	s.Close()
}
