// Package boost holds gradient boosted trees: many small trees, each grown on what
// the ones before it got wrong, in log-odds (Friedman 2001), with second-order
// gradients and regularised leaves (Chen, Guestrin 2016) over histograms (Ke et al.
// 2017). Missing values go at each split to the side that fits them better.
//
// Gradients are rounded to whole numbers before they are summed (see gradient.go), so
// sums do not depend on their order: any number of goroutines learns the same bytes.
package boost

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/treeshap"
)

// Kind is the Kind of a [Model].
const Kind = "boost"

// Model is an ensemble of boosted trees. It implements [models.Estimator].
type Model struct {
	params  Params
	learned *learned // nil before a fit
}

// learned is what Fit learned; it does not change afterwards.
type learned struct {
	features []string
	base     float64 // log-odds before any tree
	trees    []tree
	scorer   *scorer
	explain  func() (*explainer, error) // made when first asked for
}

var _ models.Estimator = (*Model)(nil)

// New makes an unfitted model.
func New(p Params) *Model { return &Model{params: p.WithDefaults()} }

// Kind is "boost".
func (m *Model) Kind() string { return Kind }

// Params are the hyper-parameters.
func (m *Model) Params() any { return m.params }

// Features are the names learned from; nil before a fit.
func (m *Model) Features() []string {
	if m.learned == nil {
		return nil
	}
	return m.learned.features
}

// Members is the number of trees: Params.Rounds, or fewer when a later time gained
// nothing from more or there was nothing left to learn. A fitted model has at least one.
func (m *Model) Members() int {
	if m.learned == nil {
		return 0
	}
	return len(m.learned.trees)
}

// Fit grows the trees, one after the other. With t.Later it stops once the log loss
// there has not improved for Params.Patience trees, and keeps those up to the best.
func (m *Model) Fit(ctx context.Context, t models.Training) error {
	m.learned = nil
	if err := t.Check(); err != nil {
		return err
	}
	features := t.Frame.Features()
	directions, err := m.params.directions(features)
	if err != nil {
		return fmt.Errorf("fitting boosted trees: %w", err)
	}
	if len(features) > maxFeatures {
		return fmt.Errorf("fitting boosted trees: %d features, expected at most %d", len(features), maxFeatures)
	}
	threads := t.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	b := newBooster(m.params, t, directions, threads)
	defer b.team.dismiss()
	if err := b.run(ctx, t.Progress); err != nil {
		return err
	}
	m.learned, err = newLearned(slices.Clone(features), b.base, b.trees)
	return err
}

func newLearned(features []string, base float64, trees []tree) (*learned, error) {
	s, err := newScorer(len(features), base, trees)
	if err != nil {
		return nil, err
	}
	return &learned{features: features, base: base, trees: trees, scorer: s, explain: lazyExplainer(len(features), trees)}, nil
}

// Tree returns the i-th tree as its nodes, the root first.
func (m *Model) Tree(i int) []treeshap.Node { return m.learned.trees[i].nodes() }

// PredictProba returns the probability of each row.
func (m *Model) PredictProba(f *models.Frame) ([]float64, error) {
	if err := m.ready(f); err != nil {
		return nil, err
	}
	out := make([]float64, f.Rows())
	m.learned.scorer.score(f, out, runtime.GOMAXPROCS(0))
	return out, nil
}

func (m *Model) ready(f *models.Frame) error {
	if m.learned == nil {
		return fmt.Errorf("using boosted trees: %w", models.ErrNotFitted)
	}
	return f.CheckFeatures(m.learned.features)
}

// sigmoid needs no cases: where e^-x overflows, the answer is 0.
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
