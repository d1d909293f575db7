// Package models holds what every model of the project shares: the [Estimator]
// contract, the [Frame] that carries features from Parquet files, the split by
// time, the metric rows of a report and the saved model file.
//
// Models read Parquet files and write Parquet files. They know neither where
// features come from nor who runs them: no database, no clock, no environment.
package models

import (
	"context"
	"encoding"
	"fmt"
	"math"
)

// Classes is the order of the two classes of every model: "0" did not happen,
// "1" did. Saved models hold it, and loading checks it.
var Classes = []string{"0", "1"}

// Training is what an estimator learns from. It is a struct so that later
// estimators can ask for more (such as rows of a later time for early stopping)
// without changing the interface.
type Training struct {
	Frame  *Frame
	Labels []bool // true: it happened; one per row of Frame
	// Weights says how many rows of reality a row stands for: finite, not
	// negative, not all zero. Nil means 1 for each.
	Weights []float64
	// Later are rows with known outcome of a later time, for estimators that learn
	// step by step and stop when a later time gains nothing more; nothing else is
	// learned from them. Nil: none. Estimators that cannot use them ignore them.
	Later *Later
	// Threads bounds the goroutines; 0 means one per CPU. It never changes what is learned.
	Threads int
	// Progress, when set, is called from one goroutine at a time as work gets done.
	Progress func(done, total int)
}

// Later are rows with known outcome that come after those of a [Training].
type Later struct {
	Frame   *Frame    // the features of the training's frame, in its order
	Labels  []bool    // one per row of Frame
	Weights []float64 // as in Training
}

// Check reports the first thing that no estimator could learn from.
func (t Training) Check() error {
	if err := checkRows("training rows", t.Frame, t.Labels, t.Weights); err != nil {
		return err
	}
	if t.Later == nil {
		return nil
	}
	if err := checkRows("rows of a later time", t.Later.Frame, t.Later.Labels, t.Later.Weights); err != nil {
		return err
	}
	return t.Later.Frame.CheckFeatures(t.Frame.Features())
}

func checkRows(what string, f *Frame, labels []bool, weights []float64) error {
	n := 0
	if f != nil {
		n = f.Rows()
	}
	switch {
	case n == 0:
		return fmt.Errorf("checking %s: there are none", what)
	case len(f.Features()) == 0:
		return fmt.Errorf("checking %s: there is no feature column", what)
	case len(labels) != n:
		return fmt.Errorf("checking %s: %d labels for %d rows", what, len(labels), n)
	case weights != nil && len(weights) != n:
		return fmt.Errorf("checking %s: %d weights for %d rows", what, len(weights), n)
	}
	if weights == nil {
		return nil
	}
	sum := 0.0
	for i, w := range weights {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("checking %s: the weight of row %d is %v, expected a finite number >= 0", what, i, w)
		}
		sum += w
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return fmt.Errorf("checking %s: the weights sum to %v", what, sum)
	}
	return nil
}

// Estimator learns the probability of a yes/no outcome from numeric features.
//
// A constructor takes hyper-parameters only; data goes only to Fit. modeltest
// checks every implementation against this contract:
//
//   - Fit may be called again; it forgets everything learned before. When it
//     returns an error the estimator is unfitted.
//   - PredictProba, Explain and MarshalBinary return [ErrNotFitted] before a fit.
//   - NaN is a missing value, allowed everywhere; infinities are not (Frame
//     rejects them). Constant columns and a single class are no errors.
//   - Equal hyper-parameters, rows and seed give equal bytes from MarshalBinary
//     and equal probabilities, whatever Threads is.
//   - Fit is not safe for concurrent use; PredictProba and Explain are.
type Estimator interface {
	// Kind is the stable name of the implementation, such as "forest".
	Kind() string
	// Params are the hyper-parameters, ready for encoding/json.
	Params() any
	// Fit learns. Cancelling ctx stops it with ctx's error.
	Fit(ctx context.Context, t Training) error
	// Features are the names learned from, in order; nil before a fit.
	Features() []string
	// Members counts the parts that are summed or averaged: the trees of a
	// forest, 1 for a formula, 0 before a fit. A saved model holds it, so that
	// a truncated one cannot load silently.
	Members() int
	// PredictProba returns P(label is true) for each row, in [MinProba, 1-MinProba].
	// The frame's features must be Features(), in that order (see Frame.Project).
	PredictProba(f *Frame) ([]float64, error)
	Explainer
	// MarshalBinary and UnmarshalBinary save and restore what Fit learned,
	// exactly; UnmarshalBinary returns an error that wraps [ErrCorrupt] for
	// bytes that MarshalBinary cannot have written.
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Explainer splits a score into what each feature did to it.
type Explainer interface {
	// Explain writes one effect in log-odds per feature into effects (length of
	// Features()) and returns the base in log-odds, so that
	// base + sum(effects) = Logit(probability) up to rounding.
	Explain(f *Frame, row int, effects []float64) (base float64, err error)
}

// MinProba keeps probabilities away from 0 and 1: no finite past proves
// certainty, and log-odds stay finite.
const MinProba = 1e-6

// ClipProba moves p into [MinProba, 1-MinProba].
func ClipProba(p float64) float64 { return math.Min(math.Max(p, MinProba), 1-MinProba) }

// Logit is the log-odds of p after ClipProba.
func Logit(p float64) float64 {
	p = ClipProba(p)
	return math.Log(p) - math.Log1p(-p)
}
