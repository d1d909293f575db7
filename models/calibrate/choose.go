package calibrate

import (
	"fmt"
	"hash/fnv"
	"math"

	"github.com/mainstay-etl/mainstay/models/eval"
)

// Folds is how many parts the rows are cut into for cross-fitting.
const Folds = 5

// LeastOutcomes is how many rows of either outcome it takes to calibrate at all.
const LeastOutcomes = 20

// Candidate is how one calibrator did on rows that it was not fitted on.
type Candidate struct {
	Name             string  `json:"name"`
	LogLoss          float64 `json:"log_loss"`
	CalibrationError float64 `json:"calibration_error"`
}

// Choice is the calibrator to use and why.
type Choice struct {
	Calibrator Saved       `json:"calibrator"` // fitted on all rows
	Candidates []Candidate `json:"candidates,omitempty"`
	Reason     string      `json:"reason"` // a sentence
}

// fitter makes one kind of calibrator.
type fitter struct {
	name string
	fit  func(p []float64, labels []bool, w []float64) (Calibrator, error)
}

// fitters are the candidates, simplest first.
func fitters() []fitter {
	return []fitter{
		{NameIdentity, func([]float64, []bool, []float64) (Calibrator, error) { return Identity{}, nil }},
		{NamePlatt, func(p []float64, l []bool, w []float64) (Calibrator, error) { return FitPlatt(p, l, w) }},
		{NameIsotonic, func(p []float64, l []bool, w []float64) (Calibrator, error) { return FitIsotonic(p, l, w) }},
	}
}

// Choose fits each kind on four fifths of the customers and measures it on the others,
// five times over, and takes the one with the least log loss; isotonic, which has many
// more degrees of freedom and makes ties, only when it beats the better of the other two
// by more than the standard error of the difference over customers. The chosen kind is
// then fitted on all rows.
//
// The rows are those of a validation at a later time. customers names the customer of
// each row: all rows of one fall into the same fold, chosen by a hash of the name, so that
// neither order nor other rows matter; nil takes every row for a customer of its own.
// weights may be nil. With fewer than LeastOutcomes rows of either outcome the choice is
// the identity.
func Choose(p []float64, labels []bool, weights []float64, customers []string) (Choice, error) {
	w, err := checkRows(p, labels, weights)
	if err != nil {
		return Choice{}, err
	}
	if customers != nil && len(customers) != len(p) {
		return Choice{}, fmt.Errorf("calibrating: %d customers for %d rows", len(customers), len(p))
	}
	t := trial{p: p, labels: labels, weights: w, fold: folds(len(p), customers), customer: number(len(p), customers)}
	if n, rarer := t.rarerOutcome(); rarer < LeastOutcomes {
		return Choice{
			Calibrator: Saved{Identity{}},
			Reason:     fmt.Sprintf("Not calibrated: of %d rows only %d had the rarer outcome, and it takes %d.", n, rarer, LeastOutcomes),
		}, nil
	}
	return t.choose()
}

// trial holds the rows and what came of the candidates.
type trial struct {
	p        []float64
	labels   []bool
	weights  []float64
	fold     []int
	customer []int
	crossed  [][]float64 // per candidate
	results  []Candidate
}

func (t *trial) rarerOutcome() (rows, rarer int) {
	count := map[bool]int{}
	for i, l := range t.labels {
		if t.weights[i] > 0 {
			count[l]++
		}
	}
	return count[true] + count[false], min(count[true], count[false])
}

func (t *trial) choose() (Choice, error) {
	all := fitters()
	for _, f := range all {
		crossed, err := t.crossFit(f)
		if err != nil {
			return Choice{}, err
		}
		t.crossed = append(t.crossed, crossed)
		t.results = append(t.results, Candidate{
			Name: f.name, LogLoss: eval.WeightedLogLoss(t.labels, crossed, t.weights),
			CalibrationError: eval.WeightedCalibrationError(t.labels, crossed, t.weights),
		})
	}
	best, reason := t.judge()
	c, err := all[best].fit(t.p, t.labels, t.weights)
	return Choice{Calibrator: Saved{c}, Candidates: t.results, Reason: reason}, err
}

// crossFit calibrates each fold by what was fitted on the others.
func (t *trial) crossFit(f fitter) ([]float64, error) {
	out := make([]float64, len(t.p))
	for k := range Folds {
		w := make([]float64, len(t.p)) // weight 0 is absence
		left := 0.0
		for i := range w {
			if t.fold[i] != k {
				w[i] = t.weights[i]
				left += w[i]
			}
		}
		var c Calibrator = Identity{}
		if left > 0 {
			var err error
			if c, err = f.fit(t.p, t.labels, w); err != nil {
				return nil, err
			}
		}
		for i, v := range t.p {
			if t.fold[i] == k {
				out[i] = c.Apply(v)
			}
		}
	}
	return out, nil
}

// judge picks a candidate by the rule that Choose states.
func (t *trial) judge() (best int, reason string) {
	const identity, platt, isotonic = 0, 1, 2
	loss := func(k int) float64 { return t.results[k].LogLoss }
	if loss(platt) < loss(identity) {
		best = platt
	}
	figures := fmt.Sprintf("Log loss on customers that it was not fitted on: %.4f as it is, %.4f Platt, %.4f isotonic.",
		loss(identity), loss(platt), loss(isotonic))
	gain, se := t.gain(best, isotonic)
	switch {
	case gain > se:
		return isotonic, "Isotonic. " + figures
	case gain > 0:
		figures += fmt.Sprintf(" Isotonic is better by %.5f, less than the standard error of that, %.5f.", gain, se)
	}
	return best, []string{"Left as it is. ", "Platt. "}[best] + figures
}

// gain is how much less log loss b has than a, and its standard error over customers.
func (t *trial) gain(a, b int) (gain, se float64) {
	var sums []float64
	total := 0.0
	for i, w := range t.weights {
		for len(sums) <= t.customer[i] {
			sums = append(sums, 0)
		}
		if w > 0 {
			one := t.labels[i : i+1]
			sums[t.customer[i]] += w * (eval.LogLoss(one, t.crossed[a][i:i+1]) - eval.LogLoss(one, t.crossed[b][i:i+1]))
			total += w
		}
	}
	n := float64(len(sums))
	mean, square := eval.Mean(sums), 0.0
	for _, s := range sums {
		square += (s - mean) * (s - mean)
	}
	return mean * n / total, math.Sqrt(square*n/math.Max(n-1, 1)) / total
}

// folds gives each row the part of its customer.
func folds(n int, customers []string) []int {
	out := make([]int, n)
	for i := range out {
		h := fnv.New64a()
		if customers != nil {
			h.Write([]byte(customers[i]))
		} else {
			fmt.Fprint(h, i)
		}
		u := h.Sum64()
		u = (u ^ u>>32) * 0xd6e8feb86659fd93 // FNV alone leaves the upper bits uneven
		u = (u ^ u>>32) * 0xd6e8feb86659fd93
		out[i] = int((u ^ u>>32) % Folds)
	}
	return out
}

// number gives each customer a number, in order of first appearance.
func number(n int, customers []string) []int {
	out := make([]int, n)
	at := map[string]int{}
	for i := range out {
		if customers == nil {
			out[i] = i
			continue
		}
		k, ok := at[customers[i]]
		if !ok {
			k = len(at)
			at[customers[i]] = k
		}
		out[i] = k
	}
	return out
}
