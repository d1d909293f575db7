package crosssell

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// TestCrossSell goes the whole way with the task as it is used.
func TestCrossSell(t *testing.T) {
	t.Parallel()
	ctx, task, dir := context.Background(), Task(), t.TempDir()
	shop := modeltest.Shop{Dir: dir, Customers: 400}
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
	if got, err := learn.Score(ctx, Task(), m, now, nil, out); err != nil || got.Rows != 1600 {
		t.Fatalf("scored %d, %v", got.Rows, err)
	}
	metrics, unmatched, err := learn.Judge(ctx, Task(), learn.Grading{Predictions: out.Predictions, Labels: now.Labels, Estimator: m.Label(), On: "graded"})
	if err != nil || unmatched != 0 {
		t.Fatal(err, unmatched)
	}
	if last := metrics[len(metrics)-1]; last.Name != models.AUCWithin || last.Value < 0.55 {
		t.Errorf("within customers: %v", last)
	}
	checkTopThree(t, ctx, out)
}

// checkTopThree: each customer's three likeliest categories have reasons, the
// fourth has none.
func checkTopThree(t *testing.T, ctx context.Context, out learn.Output) {
	t.Helper()
	p, err := models.ReadFrame(ctx, out.Predictions, "customer_id", "category")
	if err != nil {
		t.Fatal(err)
	}
	r, err := models.ReadFrame(ctx, out.Reasons, "customer_id", "category")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for i := range r.Rows() {
		explained[r.KeyOf(i)] = true
	}
	if len(explained) != 1200 {
		t.Errorf("%d pairs have reasons, want 3 for each of 400 customers", len(explained))
	}
	proba := p.Column(p.Find("probability"))
	for i := 0; i < p.Rows(); i += 4 {
		for j := i; j < i+4; j++ {
			for k := i; k < i+4; k++ {
				if !explained[p.KeyOf(j)] && explained[p.KeyOf(k)] && proba.At(j) > proba.At(k) {
					t.Fatalf("row %d is likelier than row %d but has no reasons", j, k)
				}
			}
		}
	}
}
