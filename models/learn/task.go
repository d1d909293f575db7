// Package learn is what the churn and the cross-sell model share: choosing among models
// on the past, judging the choice on a later time beside the best simple rule and the
// model in service, calibrating it, saying whether it may take over, scoring with
// reasons, and grading old scores.
package learn

import (
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// Task says what is predicted and how its tables look.
type Task struct {
	Name string // "churn"
	// Keys name a row; the first is the customer. With two, the rows come from the
	// snapshot's CategoryFeatures and get the customer's features by lookup.
	Keys  []string
	Label string // column of the labels file, 0 or 1
	Of    string // what reasons raise or lower: "risk", "chance"
	// Rules are the features that a person would go by; those that a snapshot lacks are
	// left out. See package rule for what is made of them.
	Rules []string
	// Activity is a feature that counts what happened just before the cutoff, such as
	// orders_30: when its sum collapses, data are missing. "": none.
	Activity string
	// ExplainTop is how many of a customer's best rows get reasons; 0: every row.
	ExplainTop int
	// Forest are the hyper-parameters of the forest among the candidates.
	Forest golearnx.Params
	// By is what the candidates are compared by, default choose.ByLogLoss.
	By choose.Criterion
}

func (t Task) reader() rows.Reader { return rows.Reader{Keys: t.Keys, Label: t.Label} }

// Options of a training. Zero values mean the defaults.
type Options struct {
	HorizonDays int    // how far labels look; must be set
	MaxRows     int    // rows learned from, default 500,000; the rest is thinned with weights
	Seed        uint64 // of the sample, the folds, the models and the bootstrap
	Threads     int    // default one per CPU; changes no result
	// Rules are used instead of the task's, Forest instead of the task's forest.
	Rules  []string
	Forest *golearnx.Params
	// Candidates are used instead of those of Candidates.
	Candidates []choose.Candidate
	Work       float64 // bound on what choosing costs; see package choose
	Rounds     int     // of the bootstrap, default 1000, fewer for many rows
	Limits     gate.Limits
	// MaxAUC is Limits.MaxAUC, kept apart since it stops a night; it wins when both are set.
	MaxAUC float64
	// Champion is the model in service; nil: none. It is not changed.
	Champion *Model
	// FirstCutoff is the first cutoff that there is or will be, for messages about when
	// there will be enough; zero: not known.
	FirstCutoff time.Time
}

func (o Options) withDefaults(t Task) (Options, error) {
	if o.HorizonDays <= 0 {
		return o, fmt.Errorf("training %s: the horizon is %d days, expected at least 1", t.Name, o.HorizonDays)
	}
	if o.MaxRows <= 0 {
		o.MaxRows = 500_000
	}
	if o.MaxAUC > 0 {
		o.Limits.MaxAUC = o.MaxAUC
	}
	o.Limits = o.Limits.WithDefaults()
	if o.Rules == nil {
		o.Rules = t.Rules
	}
	if o.Candidates == nil {
		forest := t.Forest
		if o.Forest != nil {
			forest = *o.Forest
		}
		forest.Seed = o.Seed
		o.Candidates = Candidates(forest, o.Seed)
	}
	return o, nil
}

func (o Options) choosing(t Task, meter *choose.Meter) choose.Options {
	return choose.Options{By: t.By, HorizonDays: o.HorizonDays, Seed: o.Seed, Threads: o.Threads, Work: o.Work, Meter: meter}
}

// rounds of the bootstrap: many rows need fewer, since their intervals are narrow.
func (o Options) rounds(rows int) int {
	if o.Rounds > 0 {
		return o.Rounds
	}
	return min(1000, max(200, 50_000_000/max(rows, 1)))
}

// span names snapshots by their first and last day.
func span(snapshots []models.Snapshot) string {
	first, last := snapshots[0].Day(), snapshots[len(snapshots)-1].Day()
	if first == last {
		return first
	}
	return first + " to " + last
}
