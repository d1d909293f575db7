package jobs_test

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/card"
	"github.com/mainstay-etl/mainstay/models/gate"
)

// tellNextOrders adds to every order line when its customer orders next, as an export does
// that was made later and updates old rows.
func (b *testBundle) tellNextOrders() {
	b.t.Helper()
	paths := must(filepath.Glob(filepath.Join(b.dir, "incoming", "orders", "*.csv")))
	files := make([][][]string, len(paths))
	times := map[string][]string{}
	customer, at := -1, -1
	for i, path := range paths {
		files[i] = must(csv.NewReader(bytes.NewReader(must(os.ReadFile(path)))).ReadAll())
		customer, at = slices.Index(files[i][0], "customer_id"), slices.Index(files[i][0], "ordered_at")
		for _, row := range files[i][1:] {
			times[row[customer]] = append(times[row[customer]], row[at])
		}
	}
	for _, all := range times {
		slices.Sort(all)
	}
	for i, rows := range files {
		rows[0] = append(rows[0], "next_order_at")
		for k, row := range rows[1:] {
			all, next := times[row[customer]], ""
			if later, _ := slices.BinarySearchFunc(all, row[at], func(a, b string) int { return cmp.Or(strings.Compare(a, b), -1) }); later < len(all) {
				next = strings.TrimSuffix(strings.Replace(all[later], "T", " ", 1), "Z")
			}
			rows[k+1] = append(row, next)
		}
		var out bytes.Buffer
		if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(paths[i], out.Bytes(), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// A leak ends the night, and what was judged stays to be looked at: the version that the
// error names has a card, which says what it goes by.
func TestLeakLeavesACard(t *testing.T) {
	t.Parallel()
	b := setup(t, 300)
	b.write("mainstay.yaml", strings.Replace(testConfig, "max_cutoffs: 3", "max_cutoffs: 6", 1)) // some to learn from, one to judge on
	b.tellNextOrders()
	b.write("sql/features/export.sql", `SELECT
    customer_id,
    COUNT(*) FILTER (
        WHERE CAST(next_order_at AS TIMESTAMP) >= cutoff()
        AND CAST(next_order_at AS TIMESTAMP) < cutoff() + TO_DAYS(horizon_days())
    ) > 0 AS orders_again
FROM orders INNER JOIN population USING (customer_id)
GROUP BY customer_id`)
	_, err := b.run(firstAsOf, "")
	var tooGood *models.TooGoodError
	if !errors.As(err, &tooGood) || tooGood.Task != "churn" || tooGood.Suspects[0] != "orders_again" {
		t.Fatalf("a planted leak gives %v", err)
	}
	churn := func() []jobs.ModelVersion { // the other model may be learned meanwhile, or not
		all := must(jobs.ModelVersions(b.ctx, b.data))
		return slices.DeleteFunc(all, func(v jobs.ModelVersion) bool { return v.Task != "churn" })
	}
	versions := churn()
	if len(versions) != 1 {
		t.Fatalf("%d versions are kept, want the one that stopped the night", len(versions))
	}
	v := versions[0]
	if !strings.Contains(err.Error(), "`mainstay models show "+v.Version+"`") {
		t.Errorf("the error does not name %s: %v", v.Version, err)
	}
	if v.Broken != nil || v.Served != nil || v.Made.Night != 1 || v.Made.At.IsZero() || !v.Report.Verdict.Refused(gate.TooGood) || v.Report.Top[0].Feature != "orders_again" {
		t.Errorf("kept: %+v, made %+v, top %v", v.Report.Verdict, v.Made, v.Report.Top)
	}
	for _, text := range [][]byte{card.Markdown(v.Header, v.Report, v.Made), card.HTML(v.Header, v.Report, v.Made)} {
		for _, want := range []string{"Too good to be true", "orders_again", v.Version} {
			if !bytes.Contains(text, []byte(want)) {
				t.Errorf("the card does not say %q", want)
			}
		}
	}
	// The same again learns the same, and keeps one file.
	if _, err := b.run(firstAsOf, ""); !errors.Is(err, models.ErrTooGood) || len(churn()) != 1 {
		t.Errorf("again: %v", err)
	}
}
