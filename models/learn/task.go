// Package learn is what the churn and the cross-sell model share: reading
// snapshots, sampling, learning over time, the best simple rule beside the
// model, scoring with reasons, and grading old scores.
package learn

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/golearnx"
)

// Task says what is predicted and how its tables look.
type Task struct {
	Name string // "churn"
	// Keys name a row; the first is the customer. With two, the rows come from the
	// snapshot's CategoryFeatures and get the customer's features by lookup.
	Keys  []string
	Label string // column of the labels file, 0 or 1
	Of    string // what reasons raise or lower: "risk", "chance"
	// Rules are the features that a person would sort by; those that a snapshot
	// lacks are left out.
	Rules []string
	// ExplainTop is how many of a customer's best rows get reasons; 0: every row.
	ExplainTop int
	// Forest are the hyper-parameters used unless Options says otherwise.
	Forest golearnx.Params
}

// Options of a training. Zero values mean the defaults.
type Options struct {
	HorizonDays       int      // how far labels look; must be set
	ValidationCutoffs int      // latest mature cutoffs to judge on, default 1
	MaxRows           int      // rows learned from, default 500,000; see sample
	MaxAUC            float64  // ErrTooGood from here on, default 0.95
	Seed              uint64   // of the sample and the model
	Threads           int      // default one per CPU; changes no result
	Rules             []string // instead of the task's
	// New makes the estimator, unfitted; default the task's forest with Seed.
	New func() models.Estimator
}

func (o Options) withDefaults(t Task) (Options, error) {
	if o.HorizonDays <= 0 {
		return o, fmt.Errorf("training %s: the horizon is %d days, expected at least 1", t.Name, o.HorizonDays)
	}
	if o.ValidationCutoffs <= 0 {
		o.ValidationCutoffs = 1
	}
	if o.MaxRows <= 0 {
		o.MaxRows = 500_000
	}
	if o.MaxAUC <= 0 {
		o.MaxAUC = 0.95
	}
	if o.Rules == nil {
		o.Rules = t.Rules
	}
	if o.New == nil {
		p := t.Forest
		p.Seed = o.Seed
		o.New = func() models.Estimator { return golearnx.NewForest(p) }
	}
	return o, nil
}

// features reads the model inputs of a snapshot.
func (t Task) features(ctx context.Context, s models.Snapshot) (*models.Frame, error) {
	if len(t.Keys) == 1 {
		return models.ReadFrame(ctx, s.CustomerFeatures, t.Keys...)
	}
	pairs, err := models.ReadFrame(ctx, s.CategoryFeatures, t.Keys...)
	if err != nil {
		return nil, err
	}
	customers, err := models.ReadFrame(ctx, s.CustomerFeatures, t.Keys[0])
	if err != nil {
		return nil, err
	}
	return pairs.Join(customers, t.Keys[0])
}
