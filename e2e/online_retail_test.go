package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

// onlineRetail is where the real data lies beside a checkout; it is not committed.
const onlineRetail = "../../shared/data/online-retail"

// The numbers of the reference experiment on the real data.
func TestOnlineRetail(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	if _, err := os.Stat(onlineRetail); err != nil {
		t.Skipf("the Online Retail data is not at %s: the test on real data is skipped (UCI Online Retail, as one CSV per day)", onlineRetail)
	}
	data := t.TempDir()
	project := smallForests(t)
	night := func(asOf, data string) result {
		return mainstay(t, []string{"ONLINE_RETAIL_DIR=" + onlineRetail}, "run", "--project", project, "--data", data, "--as-of", asOf).published(t)
	}
	night("2011-09-01", data).has(t, "2,772 active customers", "61,619 pairs", "541,909", "135,080 rows, missing customer id")
	for _, q := range [][2]string{
		{"SELECT count(*) FROM churn_scores", "2772"},
		{"SELECT count(*) FROM cross_sell_scores", "61619"},
		{"SELECT sum(rows_read), sum(rows_stored) + sum(rows_duplicate) + sum(rows_quarantined) FROM row_accounts", "541909,541909"},
		{"SELECT reason, count(*) FROM quarantine GROUP BY ALL", "missing_customer_id,135080"},
		{"SELECT count(*) FROM customer_features WHERE bulk_line_share IS NOT NULL", "2772"},
	} {
		if got := query(t, data, q[0]); got != q[1] {
			t.Errorf("%s: got %s, want %s", q[0], got, q[1])
		}
	}
	first := files(t, data, "2011-09-01")
	night("2011-09-01", data)
	same(t, "the same night again", first, files(t, data, "2011-09-01"))

	// When the horizon has passed, the scores meet what happened.
	night("2011-12-10", data)
	auc := query(t, data, "SELECT value FROM score_grades WHERE scored_as_of = '2011-09-01' AND task = 'churn' AND metric = 'auc'")
	if v, err := strconv.ParseFloat(strings.TrimSpace(auc), 64); err != nil || v < 0.72 || v >= 0.95 {
		t.Errorf("churn AUC of the scores of 2011-09-01 is %q, want 0.72 to 0.95 (xgboost with 77 features: 0.7488)", auc)
	}
	rate := query(t, data, "SELECT round(value, 4) FROM score_grades WHERE scored_as_of = '2011-09-01' AND task = 'churn' AND metric = 'base_rate'")
	if rate != "0.3929" {
		t.Errorf("churn rate at 2011-09-01 is %s, want 0.3929", rate)
	}
	same(t, "the past after a later night", first, files(t, data, "2011-09-01"))
	workedExample(t, data)
}

// smallForests is the example with fewer trees: the test asks for the right rows and
// for signal, not for the last digit.
func smallForests(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "online-retail")
	copyTree(t, "../examples/online-retail", dir)
	path := filepath.Join(dir, "mainstay.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(text), "\nmodels:")
	if !ok {
		t.Fatal("the example has no models section to replace")
	}
	text = []byte(before + "\nmodels: {search: 0, churn: {trees: 50}, cross_sell: {trees: 10, max_rows: 100000}}\n")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
