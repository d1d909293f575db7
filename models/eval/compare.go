package eval

import (
	"context"
	"math"
)

// Difference compares one figure of two scorers on the same rows.
type Difference struct {
	A          float64 `json:"a"`
	B          float64 `json:"b"`
	Difference float64 `json:"difference"` // B - A
	Low        float64 `json:"low"`        // of the interval of the difference
	High       float64 `json:"high"`
	// Share is a two-sided p-value of the bootstrap: twice the share of rounds in
	// which the difference was on the other side of 0 (those at 0 count on either
	// side), with one round added to either side, so never 0; at most 1.
	Share float64 `json:"share"`
	// BBetter is the share of rounds in which B was the better one, ties counting half.
	BBetter float64 `json:"b_better"`
}

// Comparison of two scorers. Less log loss is better, more AUC is.
type Comparison struct {
	LogLoss Difference `json:"log_loss"`
	AUC     Difference `json:"auc"`
}

// Compare resamples customers (see [Bootstrap]) and computes in each round log loss and
// AUC of both scorers on the same rows: what the rows have in common cancels out, so the
// interval of the difference is far narrower than those of the two figures. a and b are
// probabilities.
func Compare(ctx context.Context, customer []int32, labels []bool, a, b []float64, o Resampling) (Comparison, error) {
	o = o.withDefaults()
	statistics := []Statistic{LogLossOf(labels, a), LogLossOf(labels, b), AUCOf(labels, a), AUCOf(labels, b)}
	rounds, err := o.replicate(ctx, customer, statistics)
	if err != nil {
		return Comparison{}, err
	}
	compare := func(k int, better float64) Difference {
		return o.difference(statistics[k](o.Weights), statistics[k+1](o.Weights), rounds[k], rounds[k+1], better)
	}
	return Comparison{LogLoss: compare(0, -1), AUC: compare(2, 1)}, nil
}

// difference sums up; better is the sign of an improvement.
func (o Resampling) difference(a, b float64, as, bs []float64, better float64) Difference {
	d := make([]float64, len(as))
	above, below, equal := 0.0, 0.0, 0.0
	for r := range d {
		d[r] = bs[r] - as[r]
		switch {
		case d[r]*better > 0:
			above++
		case d[r]*better < 0:
			below++
		case d[r] == 0:
			equal++
		}
	}
	i, n := o.interval(b-a, d), above+below+equal
	return Difference{
		A: a, B: b, Difference: b - a, Low: i.Low, High: i.High,
		Share:   math.Min(1, 2*(math.Min(above, below)+equal+1)/(n+1)),
		BBetter: (above + equal/2) / n,
	}
}
