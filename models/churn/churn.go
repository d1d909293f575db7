// Package churn predicts which active customers will not order within the
// horizon. It is one task of package learn.
package churn

import (
	"context"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/learn"
)

// Task is churn: one row per active customer, label churned. Its candidate rules
// are recency, frequency and how overdue the next order is.
func Task() learn.Task {
	return learn.Task{
		Name:  "churn",
		Keys:  []string{"customer_id"},
		Label: "churned",
		Of:    "risk",
		Rules: []string{"recency_days", "orders_90", "orders_180", "orders_all", "order_days", "overdue_ratio", "overdue_ratio_max", "silent_share"},
		// Chosen on cutoffs before the ones that results are reported on.
		Forest: golearnx.Params{Trees: 200, MaxDepth: 10, MinLeaf: 40},
	}
}

// Train learns from mature snapshots; see learn.Train.
func Train(ctx context.Context, snapshots []models.Snapshot, o learn.Options, progress func(done, total int)) (*learn.Model, error) {
	return learn.Train(ctx, Task(), snapshots, o, progress)
}

// Load reads a saved churn model.
func Load(path string) (*learn.Model, error) { return learn.Load(Task(), path) }

// Score writes churn_predictions and its reasons; see learn.Output.
func Score(ctx context.Context, m *learn.Model, s models.Snapshot, w explain.Wordings, out learn.Output) (int, error) {
	return learn.Score(ctx, Task(), m, s, w, out)
}

// Judge grades old scores with the labels that have matured; see learn.Judge.
func Judge(ctx context.Context, predictions, labels, estimator, on string) ([]models.Metric, int, error) {
	return learn.Judge(ctx, Task(), predictions, labels, estimator, on)
}
