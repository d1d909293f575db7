package churn

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// TestChurn goes the whole way with the task as it is used.
func TestChurn(t *testing.T) {
	t.Parallel()
	ctx, task, dir := context.Background(), Task(), t.TempDir()
	shop := modeltest.Shop{Dir: dir, Customers: 600}
	trained, err := learn.Train(ctx, Task(), shop.Year(t, task.Keys, task.Label, 7), learn.Options{HorizonDays: 90, Seed: 1, Rounds: 200}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := trained.Serve(nil)
	if err := m.Save(filepath.Join(dir, "model")); err != nil {
		t.Fatal(err)
	}
	if m, err = learn.Load(Task(), filepath.Join(dir, "model")); err != nil {
		t.Fatal(err)
	}
	now := shop.Snapshot(t, task.Keys, task.Label, 8, true)
	out := learn.Output{Predictions: filepath.Join(dir, "p.parquet"), Reasons: filepath.Join(dir, "r.parquet")}
	words := explain.Wordings{"recency_days": {Say: "last order {value} days ago"}}
	if got, err := learn.Score(ctx, Task(), m, now, words, out); err != nil || got.Rows != 600 {
		t.Fatalf("scored %d, %v", got.Rows, err)
	}
	metrics, _, err := learn.Judge(ctx, Task(), learn.Grading{Predictions: out.Predictions, Labels: now.Labels, Estimator: m.Label(), On: "graded"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range metrics {
		if x.Name == models.AUC && x.Value < 0.7 {
			t.Errorf("AUC %.3f", x.Value)
		}
	}
	reasons, err := models.ReadFrame(ctx, out.Reasons, "customer_id", "feature", "direction", "sentence")
	if err != nil {
		t.Fatal(err)
	}
	if reasons.Rows() != 1800 {
		t.Errorf("%d reasons for 600 customers", reasons.Rows())
	}
	for i := range reasons.Rows() {
		key := strings.Split(reasons.KeyOf(i), "\x00")
		if key[1] == "recency_days" && (!strings.HasPrefix(key[3], "last order ") || !strings.HasSuffix(key[3], "("+key[2]+" the risk)")) {
			t.Fatalf("reason %q", key)
		}
	}
}

func TestChurnWithoutHistory(t *testing.T) {
	t.Parallel()
	out, err := learn.Train(context.Background(), Task(), nil, learn.Options{HorizonDays: 90}, nil)
	if err != nil || out.Verdict.Use != gate.UseNone || out.Serve(nil) != nil {
		t.Errorf("without snapshots: %+v, %v", out, err)
	}
}
