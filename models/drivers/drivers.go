// Package drivers tells which features tell some customers from the others, each beside
// all the others: a model learns who is among them, and what it makes of a feature on
// customers that it has not seen is the feature's effect.
//
// The model is gradient boosted trees, the effect the mean size of exact Shapley values in
// log-odds (Lundberg et al. 2020, "From local explanations to global understanding with
// explainable AI for trees"). It says what goes together, not what causes what.
package drivers

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// Least is how many customers of either kind are needed: fewer say nothing.
const Least = 30

// explained is how many customers the effects are means over, at most.
const explained = 3000

// Driver is one feature's part.
type Driver struct {
	Feature string
	// Effect is the mean size of what the feature did to a customer's score, in log-odds;
	// above 0.
	Effect float64
	// Direction is +1 where a higher value makes it likelier to be among them, -1 where
	// it makes it less likely, 0 where neither can be said: by the sign of the
	// correlation of value and effect where the value is known.
	Direction int
}

// Result is what was found.
type Result struct {
	Drivers []Driver // largest effect first; ties by name
	AUC     float64  // of the model on customers that it has not seen, 0 to 1
	N       int      // customers that it learned from
	Inside  int      // of these, those among them
}

// Find learns from two thirds of the rows, every third of which is kept aside, and measures
// on those; rows should come in an order that says nothing. inside has one entry per row.
// The error is [models.ErrTooLittle] where there are too few of either kind.
func Find(ctx context.Context, f *models.Frame, inside []bool, threads int) (Result, error) {
	if len(inside) != f.Rows() {
		return Result{}, fmt.Errorf("finding drivers: %d labels for %d rows", len(inside), f.Rows())
	}
	if p := eval.Positives(inside); p < Least || len(inside)-p < Least {
		return Result{}, fmt.Errorf("finding drivers: %d of %d customers are among them, expected at least %d and as many others: %w", p, len(inside), Least, models.ErrTooLittle)
	}
	learned, later := thirds(f, inside)
	m := boost.New(boost.Params{Rounds: 100, LearningRate: 0.1, MinChildWeight: 4, Columns: 0.5})
	if err := m.Fit(ctx, models.Training{Frame: learned.frame, Labels: learned.inside, Threads: threads}); err != nil {
		return Result{}, fmt.Errorf("finding drivers: %w", err)
	}
	scores, err := m.PredictProba(later.frame)
	if err != nil {
		return Result{}, fmt.Errorf("finding drivers: %w", err)
	}
	found, err := effects(m, later.frame)
	if err != nil {
		return Result{}, fmt.Errorf("finding drivers: %w", err)
	}
	return Result{Drivers: found, AUC: eval.AUC(later.inside, scores), N: learned.frame.Rows(), Inside: eval.Positives(learned.inside)}, nil
}

// labelled are customers, and who of them is among those looked for.
type labelled struct {
	frame  *models.Frame
	inside []bool
}

func thirds(f *models.Frame, inside []bool) (learned, later labelled) {
	var parts [2][]int32
	var labels [2][]bool
	for i := range inside {
		part := 0
		if i%3 == 2 {
			part = 1
		}
		parts[part] = append(parts[part], int32(i))
		labels[part] = append(labels[part], inside[i])
	}
	return labelled{f.Select(parts[0]), labels[0]}, labelled{f.Select(parts[1]), labels[1]}
}

// effects are those of all features that have one.
func effects(m *boost.Model, f *models.Frame) ([]Driver, error) {
	at := rows.Evenly(f.Rows(), explained)
	names := f.Features()
	sizes, slopes := make([]float64, len(names)), make([]slope, len(names))
	one := make([]float64, len(names))
	for _, row := range at {
		if _, err := m.Explain(f, int(row), one); err != nil {
			return nil, err
		}
		for j, e := range one {
			sizes[j] += math.Abs(e)
			if x := f.Column(j).At(int(row)); x == x {
				slopes[j].add(x, e)
			}
		}
	}
	var out []Driver
	for j, sum := range sizes {
		if sum > 0 {
			out = append(out, Driver{Feature: names[j], Effect: sum / float64(len(at)), Direction: slopes[j].sign()})
		}
	}
	slices.SortFunc(out, func(a, b Driver) int {
		return cmp.Or(cmp.Compare(b.Effect, a.Effect), cmp.Compare(a.Feature, b.Feature))
	})
	return out, nil
}

// slope is a running covariance (Welford 1962).
type slope struct{ n, x, y, xy float64 }

func (s *slope) add(x, y float64) {
	s.n++
	dx := x - s.x
	s.x += dx / s.n
	s.y += (y - s.y) / s.n
	s.xy += dx * (y - s.y)
}

func (s *slope) sign() int {
	switch {
	case s.xy > 0:
		return 1
	case s.xy < 0:
		return -1
	}
	return 0
}
