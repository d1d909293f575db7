package learn

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

var ctx = context.Background()

func churnTask() Task {
	return Task{
		Name: "churn", Keys: []string{"customer_id"}, Label: "churned", Of: "risk", Activity: "orders_30",
		Rules: []string{"absent", "noise", "recency_days", "orders_90"}, Forest: golearnx.Params{Trees: 25, MinLeaf: 20},
	}
}

func crossTask() Task {
	return Task{
		Name: "cross_sell", Keys: []string{"customer_id", "category"}, Label: "bought", Of: "chance",
		Rules: []string{"owner_share"}, ExplainTop: 3, Forest: golearnx.Params{Trees: 20, MinLeaf: 20},
	}
}

// options with few candidates, so that tests are quick.
var options = Options{HorizonDays: 90, Seed: 7, Rounds: 200, Candidates: []choose.Candidate{
	linearOf(0.01), {Name: "forest", Passes: 60, New: func() models.Estimator {
		return golearnx.NewForest(golearnx.Params{Trees: 20, MaxDepth: 5, MinLeaf: 20, Seed: 7})
	}},
}}

func TestTrainScoreJudge(t *testing.T) {
	t.Parallel()
	for _, task := range []Task{churnTask(), crossTask()} {
		t.Run(task.Name, func(t *testing.T) {
			t.Parallel()
			s := modeltest.Shop{Dir: t.TempDir(), Customers: 500}
			snapshots := s.Year(t, task.Keys, task.Label, 7)
			last := 0
			out, err := Train(ctx, task, snapshots, options, func(done, total int) {
				if done <= last || done > total {
					t.Errorf("progress went from %d to %d of %d", last, done, total)
				}
				last = done
			})
			if err != nil {
				t.Fatal(err)
			}
			if last != 1000 {
				t.Errorf("progress ended at %d", last)
			}
			m := out.Serve(nil)
			checkReport(t, task, m)
			path := filepath.Join(t.TempDir(), "model")
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			loaded, err := Load(task, path)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Header.Version != m.Header.Version || len(loaded.Report.Metrics) != len(m.Report.Metrics) || loaded.Label() != m.Label() {
				t.Error("a loaded model has another header or report")
			}
			direct, again := scoreFiles(t, task, m, snapshots[6]), scoreFiles(t, task, loaded, snapshots[6])
			if !bytes.Equal(direct, again) {
				t.Error("the saved form scores otherwise")
			}
			known := s.Snapshot(t, task.Keys, task.Label, 7, true)
			files := Output{filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "r")}
			if _, err := Score(ctx, task, loaded, known, nil, files); err != nil {
				t.Fatal(err)
			}
			metrics, unmatched, err := Judge(ctx, task, Grading{Predictions: files.Predictions, Labels: known.Labels, Estimator: "blend", On: "graded 2011-07-01"})
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
	r := m.Report
	if !strings.Contains(r.Split, "Judged on 2011-06-01 by a model that learned from 2011-01-01, 2011-02-01, 2011-03-01,") {
		t.Errorf("split: %s", r.Split)
	}
	model, _ := r.Metric(m.Label(), models.AUC)
	rule, ok := r.Metric(r.Against[0].Other, models.AUC)
	if !ok || model.Value < rule.Value || model.Value > 0.95 || model.Data != "validation 2011-06-01" || !(model.Low < model.Value && model.Value < model.High) {
		t.Errorf("model %v, rule %v", model, rule)
	}
	if ece, ok := r.Metric(m.Label(), models.CalibrationError); !ok || ece.Value > 0.05 {
		t.Errorf("calibration %v", ece)
	}
	if _, ok := r.Metric(m.Label(), models.HitAt3); ok != (len(task.Keys) == 2) {
		t.Errorf("hit at 3 present: %v", ok)
	}
	if len(r.Choice.Tried) != 3 || r.Choice.Chosen != r.Chosen || len(r.Choice.Folds) == 0 {
		t.Errorf("tried %v", r.Choice.Tried)
	}
	if len(r.Bins) != 10 || len(r.Gains) != 10 || r.Gains[9].Captured != 1 || len(r.Top) == 0 || len(r.Drift) != len(m.Header.Features) || len(r.Training) != 6 {
		t.Errorf("%d bins, %d gains, %d features", len(r.Bins), len(r.Gains), len(r.Top))
	}
	if n := len(m.Header.Report); n > 30_000 {
		t.Errorf("the report has %d bytes", n)
	}
	if m.Header.Rows == 0 || len(m.Header.Cutoffs) != 6 || !strings.HasPrefix(m.Header.Version, "2011-06-01-"+m.Estimator.Kind()+"-") {
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
		m := train(t, task, snapshots, o).Challenger
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

func TestLoadChecksTheTask(t *testing.T) {
	t.Parallel()
	task := churnTask()
	m := train(t, task, modeltest.Shop{Dir: t.TempDir(), Customers: 100}.Year(t, task.Keys, task.Label, 3), options).Serve(nil)
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
	m := train(t, task, with.Year(t, task.Keys, task.Label, 7), o).Challenger
	without := modeltest.Shop{Dir: t.TempDir(), Customers: 200}.Snapshot(t, task.Keys, task.Label, 4, false)
	_, err := Score(ctx, task, m, without, nil, Output{filepath.Join(t.TempDir(), "p"), filepath.Join(t.TempDir(), "r")})
	if !errors.Is(err, models.ErrMissingFeature) || !strings.Contains(err.Error(), "leak") {
		t.Errorf("scoring without a column: %v", err)
	}
}
