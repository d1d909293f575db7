package calibrate

import (
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// MatchRate finds the shift after which the (weighted) mean probability of these rows is
// rate: the correction for drift once the outcome of recent scores is known. It hits the
// rate also when the probabilities were off to begin with. weights may be nil.
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
