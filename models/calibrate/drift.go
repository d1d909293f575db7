package calibrate

import (
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// PriorShift moves a probability from a world with base rate from to one with base rate
// to, both in (0, 1), when only the rate changed and not how customers of either outcome
// look (Elkan 2001; Saerens, Latinne, Decaestecker 2002, equation 2.4). In log-odds that
// is one number for all rows:
//
//	Logit(p') = Logit(p) + Logit(to) - Logit(from)
func PriorShift(p, from, to float64) float64 { return Priors(from, to).Apply(p) }

// Priors is PriorShift as a calibrator.
func Priors(from, to float64) Shift { return Shift{models.Logit(to) - models.Logit(from)} }

// EstimatePrior estimates the base rate of rows without known outcome from calibrated
// probabilities of a model whose own base rate was from: the iteration of Saerens and
// others (2002), which is expectation maximisation. Repeated until the rate stands still:
//
//	rate = mean of PriorShift(p, from, rate)
//
// It trusts the probabilities altogether; a rate counted on rows that have matured since
// is better evidence (see MatchRate).
func EstimatePrior(p []float64, from float64) (float64, error) {
	if len(p) == 0 || !(from > 0 && from < 1) {
		return 0, fmt.Errorf("estimating a base rate: %d rows, old rate %v", len(p), from)
	}
	rate := from
	for range 10_000 {
		shift, sum := Priors(from, rate), 0.0
		for _, v := range p {
			sum += shift.Apply(v)
		}
		next := models.ClipProba(sum / float64(len(p)))
		if math.Abs(next-rate) < 1e-10 {
			return next, nil
		}
		rate = next
	}
	return rate, nil
}

// MatchRate finds the shift after which the (weighted) mean probability of these rows is
// rate: the correction for drift once the outcome of recent scores is known. Unlike
// Priors it hits the rate also when the probabilities were off to begin with. weights may
// be nil.
func MatchRate(p, weights []float64, rate float64) (Shift, error) {
	w, err := checkRows(p, make([]bool, len(p)), weights)
	if err != nil {
		return Shift{}, err
	}
	if !(rate > 0 && rate < 1) {
		return Shift{}, fmt.Errorf("matching a base rate: it is %v, expected a number between 0 and 1", rate)
	}
	x, total := make([]float64, len(p)), 0.0
	for i, v := range p {
		x[i] = models.Logit(v)
		total += w[i]
	}
	low, high, d := -40.0, 40.0, 0.0
	for range 200 { // Newton, kept inside a bracket that shrinks
		excess, slope := -rate*total, 0.0
		for i := range x {
			q := 1 / (1 + math.Exp(-(x[i] + d)))
			excess += w[i] * q
			slope += w[i] * q * (1 - q)
		}
		if excess > 0 {
			high = d
		} else {
			low = d
		}
		next := d - excess/slope
		if !(next > low && next < high) {
			next = low/2 + high/2
		}
		if math.Abs(next-d) < 1e-13 {
			return Shift{next}, nil
		}
		d = next
	}
	return Shift{d}, nil
}
