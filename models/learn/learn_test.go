package learn

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

var ctx = context.Background()

func churnTask() Task {
	return Task{
		Name: "churn", Keys: []string{"customer_id"}, Label: "churned", Of: "risk",
		Rules: []string{"absent", "noise", "recency_days", "orders_90"}, Forest: golearnx.Params{Trees: 25, MinLeaf: 20},
	}
}

func crossTask() Task {
	return Task{
		Name: "cross_sell", Keys: []string{"customer_id", "category"}, Label: "bought", Of: "chance",
		Rules: []string{"owner_share"}, ExplainTop: 3, Forest: golearnx.Params{Trees: 20, MinLeaf: 20},
	}
}

var options = Options{HorizonDays: 90, Seed: 7}

func TestTrainScoreJudge(t *testing.T) {
	t.Parallel()
	for _, task := range []Task{churnTask(), crossTask()} {
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			s := modeltest.Shop{Dir: t.TempDir(), Customers: 500}
			snapshots := s.Year(t, task.Keys, task.Label, 7)
			last := 0
			m, err := Train(ctx, task, snapshots, options, func(done, total int) {
				if done != last+1 || done > total {
					t.Errorf("progress went from %d to %d of %d", last, done, total)
				}
				last = done
			})
			if err != nil {
				t.Fatal(err)
			}
			checkReport(t, task, m)

			path := filepath.Join(t.TempDir(), "model")
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			loaded, err := Load(task, path)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Header.Version != m.Header.Version || len(loaded.Report.Metrics) != len(m.Report.Metrics) {
				t.Error("a loaded model has another header or report")
			}
			direct, again := scoreFiles(t, task, m, snapshots[6]), scoreFiles(t, task, loaded, snapshots[6])
			if !bytes.Equal(direct, again) {
				t.Error("the saved form scores otherwise")
			}
			known := s.Snapshot(t, task.Keys, task.Label, 7, true)
			out := Output{filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "r")}
			if _, err := Score(ctx, task, loaded, known, nil, out); err != nil {
				t.Fatal(err)
			}
			metrics, unmatched, err := Judge(ctx, task, out.Predictions, known.Labels, "forest", "graded 2011-07-01")
			if err != nil || unmatched != 0 {
				t.Fatalf("grading: %d unmatched, %v", unmatched, err)
			}
			if len(metrics) < 8 || metrics[1].Name != models.AUC || metrics[1].Value < 0.6 {
				t.Errorf("graded %v", metrics)
			}
		})
	}
}

func checkReport(t *testing.T, task Task, m *Model) {
	t.Helper()
	if !strings.Contains(m.Report.Split, "Judged on 2011-06-01 by a model that learned from 2011-01-01, 2011-02-01, 2011-03-01,") {
		t.Errorf("split: %s", m.Report.Split)
	}
	forest, _ := m.Report.Metric("forest", models.AUC)
	rule, ok := m.Report.Metric(m.Report.Rule.Name(), models.AUC)
	if !ok || forest.Value < rule.Value || forest.Value > 0.95 || forest.Data != "validation 2011-06-01" {
		t.Errorf("forest %v, rule %v", forest, rule)
	}
	if ece, ok := m.Report.Metric("forest", models.CalibrationError); !ok || ece.Value > 0.1 {
		t.Errorf("calibration %v", ece)
	}
	if _, ok := m.Report.Metric("forest", models.HitAt3); ok != (len(task.Keys) == 2) {
		t.Errorf("hit at 3 present: %v", ok)
	}
	if m.Header.Rows == 0 || len(m.Header.Cutoffs) != 6 || !strings.HasPrefix(m.Header.Version, "2011-06-01-") {
		t.Errorf("header: %+v", m.Header)
	}
}

// scoreFiles returns both files, one after the other.
func scoreFiles(t *testing.T, task Task, m *Model, s models.Snapshot) []byte {
	t.Helper()
	dir := t.TempDir()
	out := Output{filepath.Join(dir, "predictions.parquet"), filepath.Join(dir, "reasons.parquet")}
	if _, err := Score(ctx, task, m, s, explain.Wordings{"recency_days": {Say: "last order {value} days ago"}}, out); err != nil {
		t.Fatal(err)
	}
	a, err := os.ReadFile(out.Predictions)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out.Reasons)
	if err != nil {
		t.Fatal(err)
	}
	return append(a, b...)
}

func TestSameBytesWithAnyThreads(t *testing.T) {
	t.Parallel()
	task := churnTask()
	snapshots := modeltest.Shop{Dir: t.TempDir(), Customers: 300}.Year(t, task.Keys, task.Label, 6)
	var files [][]byte
	for _, threads := range []int{1, 3} {
		o := options
		o.Threads = threads
		m, err := Train(ctx, task, snapshots, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, append(raw, scoreFiles(t, task, m, snapshots[5])...))
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("one and three threads give different files")
	}
}

func TestTooGood(t *testing.T) {
	t.Parallel()
	task := churnTask()
	m, err := Train(ctx, task, modeltest.Shop{Dir: t.TempDir(), Customers: 200, Leak: true}.Year(t, task.Keys, task.Label, 7), options, nil)
	var tooGood *models.TooGoodError
	if !errors.Is(err, models.ErrTooGood) || !errors.As(err, &tooGood) || tooGood.AUC < 0.95 {
		t.Fatalf("a planted leak gives %v", err)
	}
	if m == nil || len(m.Report.Metrics) == 0 || m.Estimator != nil {
		t.Error("the report should come with the error, the model not")
	}
}

func TestTooLittle(t *testing.T) {
	t.Parallel()
	task := churnTask()
	if _, err := Train(ctx, task, nil, options, nil); !errors.Is(err, models.ErrTooLittle) {
		t.Errorf("no snapshots: %v", err)
	}
	one := modeltest.Shop{Dir: t.TempDir(), Customers: 100, OneClass: true}
	if _, err := Train(ctx, task, one.Year(t, task.Keys, task.Label, 7), options, nil); !errors.Is(err, models.ErrTooLittle) {
		t.Errorf("one outcome: %v", err)
	}
	short := modeltest.Shop{Dir: t.TempDir(), Customers: 200}
	m, err := Train(ctx, task, short.Year(t, task.Keys, task.Label, 3), options, nil)
	if err != nil || len(m.Report.Metrics) != 0 || !strings.Contains(m.Report.Split, "Not validated") {
		t.Errorf("a short history: %v, %v", m, err)
	}
	if _, err := Train(ctx, task, nil, Options{}, nil); err == nil || !strings.Contains(err.Error(), "horizon") {
		t.Errorf("no horizon: %v", err)
	}
}

// TestSample checks that thinning keeps the counts promised and that weights
// give back the base rate.
func TestSample(t *testing.T) {
	t.Parallel()
	task := churnTask()
	s := modeltest.Shop{Dir: t.TempDir(), Customers: 3000}
	snapshots := s.Year(t, task.Keys, task.Label, 5)[:4]
	all, err := task.readAll(ctx, snapshots, Options{MaxRows: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	thin, err := task.readAll(ctx, snapshots, Options{MaxRows: 4000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(thin.labels); n < 3800 || n > 4200 || thin.frame.Rows() != n {
		t.Errorf("%d rows, wanted about 4000", n)
	}
	sum, positive := 0.0, 0.0
	for i, w := range thin.weights {
		sum += w
		if thin.labels[i] {
			positive += w
		}
	}
	want := float64(all.positives()) / float64(len(all.labels))
	if math.Abs(positive/sum-want) > 0.01 || math.Abs(sum/float64(len(all.labels))-1) > 0.05 {
		t.Errorf("weighted base rate %.3f, want %.3f; weights sum to %.0f", positive/sum, want, sum)
	}
	again, _ := task.readAll(ctx, snapshots, Options{MaxRows: 4000, Seed: 1})
	if again.frame.KeyOf(100) != thin.frame.KeyOf(100) {
		t.Error("the same seed takes other rows")
	}
	for _, c := range []struct {
		p, n, max    int
		wantP, wantN float64
	}{{10, 90, 100, 1, 1}, {10, 190, 100, 1, 90. / 190}, {190, 10, 100, 90. / 190, 1}, {100, 300, 100, 0.5, 50. / 300}} {
		if got := newSample(0, c.p, c.n, c.max); got.positive != c.wantP || got.negative != c.wantN {
			t.Errorf("%d and %d rows, at most %d: keeps %v", c.p, c.n, c.max, got)
		}
	}
}

func TestLoadChecksTheTask(t *testing.T) {
	t.Parallel()
	task := churnTask()
	m, err := Train(ctx, task, modeltest.Shop{Dir: t.TempDir(), Customers: 100}.Year(t, task.Keys, task.Label, 3), options, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(crossTask(), path); err == nil || !strings.Contains(err.Error(), "predicts churn, expected cross_sell") {
		t.Errorf("another task: %v", err)
	}
}

func TestMissingColumnIsNamed(t *testing.T) {
	t.Parallel()
	task := churnTask()
	with := modeltest.Shop{Dir: t.TempDir(), Customers: 200, Leak: true}
	o := options
	o.MaxAUC = 2
	m, err := Train(ctx, task, with.Year(t, task.Keys, task.Label, 3), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	without := modeltest.Shop{Dir: t.TempDir(), Customers: 200}.Snapshot(t, task.Keys, task.Label, 4, false)
	_, err = Score(ctx, task, m, without, nil, Output{filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "r")})
	if !errors.Is(err, models.ErrMissingFeature) || !strings.Contains(err.Error(), "leak") {
		t.Errorf("scoring without a column: %v", err)
	}
}
