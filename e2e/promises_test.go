package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// The models are at least as good on real orders as the reference in Python, on the same
// cutoffs and the same customers: the command and the settings of docs/models.md.
func TestReferenceExperiment(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	if _, err := os.Stat(onlineRetail); err != nil {
		t.Skipf("the Online Retail data is not at %s: the experiment is skipped", onlineRetail)
	}
	out := mainstay(t, []string{"ONLINE_RETAIL_DIR=" + onlineRetail}, "eval", "--json", "--project", "../examples/online-retail", "--data", t.TempDir(),
		"--train", "2011-03-01,2011-04-01,2011-05-01,2011-06-01", "--test", "2011-09-01").ok(t).stdout
	var reports map[string]learn.Report
	if err := json.Unmarshal([]byte(out), &reports); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		task, metric string
		rows         int
		good         func(v float64) bool
		least        string
	}{
		{"churn", models.AUC, 2772, func(v float64) bool { return v >= 0.749 }, "at least 0.749"},
		{"churn", models.LogLoss, 2772, func(v float64) bool { return v <= 0.572 }, "at most 0.572"},
		{"cross_sell", models.AUC, 61619, func(v float64) bool { return v >= 0.701 }, "at least 0.701"},
		{"cross_sell", models.HitAt3, 0, func(v float64) bool { return v >= 0.69 }, "at least 0.69"},
	} {
		r := reports[want.task]
		if len(r.Metrics) == 0 {
			t.Fatalf("%s was not judged", want.task)
		}
		m, ok := r.Metric(r.Metrics[0].Estimator, want.metric) // the chosen model comes first
		if !ok || !want.good(m.Value) || want.rows > 0 && m.N != want.rows {
			t.Errorf("%s: %s of %s is %.4f on %d rows, want %s on %d", want.task, want.metric, m.Estimator, m.Value, m.N, want.least, want.rows)
		}
		t.Logf("%s: %s of %s (%s) is %.4f (%.3f to %.3f)", want.task, want.metric, m.Estimator, r.Chosen, m.Value, m.Low, m.High)
	}
}

// On generated shops the churn model finds at least nine tenths of the AUC that the
// shop's own hidden state allows, and its probabilities are right. So many customers are
// needed since chance alone gives a calibration error of some 0.01 with them.
func TestGeneratedShops(t *testing.T) {
	longtest.Thorough(t)
	for _, seed := range []int{1, 2} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "shop")
			mainstay(t, nil, "demo", "--dir", dir, "--customers", "20000", "--seed", strconv.Itoa(seed)).published(t)
			data := filepath.Join(dir, "data")
			judged := strings.TrimPrefix(query(t, data, "SELECT max(data) FROM model_metrics WHERE task = 'churn'"), "validation ")
			of := func(metric string) float64 {
				text := query(t, data, "SELECT value FROM model_metrics WHERE task = 'churn' AND metric = '"+metric+"' AND estimator NOT LIKE 'rule%' AND estimator <> 'champion'")
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatalf("%s of the churn model is %q", metric, text)
				}
				return v
			}
			allowed := attainable(t, dir, judged, 90)
			found, off := of(models.AUC), of(models.CalibrationError)
			if found < 0.9*allowed || found > allowed+0.01 {
				t.Errorf("AUC %.4f, the truth allows %.4f: want nine tenths of it, and no more than it", found, allowed)
			}
			if off >= 0.02 {
				t.Errorf("calibration error %.4f, want less than 0.02", off)
			}
			t.Logf("judged on %s: AUC %.4f of %.4f (%.0f %%), calibration error %.4f", judged, found, allowed, 100*found/allowed, off)
		})
	}
}

// attainable is the AUC, at a cutoff, of the probability that follows from the shop's own
// state. Who has left orders no more; with a rate of orders l and a hazard of leaving m,
// nobody else orders within h days with probability e^-(l+m)h + m/(l+m) (1 - e^-(l+m)h).
func attainable(t *testing.T, dir, cutoff string, horizon int) float64 {
	t.Helper()
	labels, err := filepath.Glob(filepath.Join(dir, "data", "snapshots", "churn_labels", "cutoff="+cutoff, "*.parquet"))
	if err != nil || len(labels) != 1 {
		t.Fatalf("labels of %s: %v (%v)", cutoff, labels, err)
	}
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// The share of pairs of one who stayed and one who left that are in order, by ranks.
	var auc float64
	if err := s.Scan(t.Context(), fmt.Sprintf(`WITH customers AS (
		SELECT customer_id, left_on, purchase_rate_per_day AS l, dropout_hazard_per_day AS m FROM read_csv(%s)
	), scored AS (
		SELECT churned::BOOLEAN AS churned, CASE WHEN left_on <= DATE '%s' THEN 1 ELSE exp(-%d * (l + m)) + m / (l + m) * (1 - exp(-%[3]d * (l + m))) END AS p
		FROM customers JOIN %s USING (customer_id)
	), ranked AS (
		SELECT churned, rank() OVER (ORDER BY p) + (count(*) OVER (PARTITION BY p) - 1) / 2 AS r FROM scored
	)
	SELECT (sum(r) FILTER (WHERE churned) - count(*) FILTER (WHERE churned) * (count(*) FILTER (WHERE churned) + 1) / 2)
		/ (count(*) FILTER (WHERE churned) * count(*) FILTER (WHERE NOT churned)) FROM ranked`,
		duck.Quote(filepath.Join(dir, "truth", "customers.csv")), cutoff, horizon, duck.ReadParquet(labels)), &auc); err != nil {
		t.Fatal(err)
	}
	return auc
}
