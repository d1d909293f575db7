package eval

import "math"

// Bin is one row of a reliability table.
type Bin struct {
	Rows        float64 // rows tied at a border are shared out
	Probability float64 // mean predicted
	Rate        float64 // share of positives
}

// Reliability sorts the rows by probability and cuts them into bins of equal
// size (fewer rows than bins: one each), highest probability first.
func Reliability(labels []bool, probabilities []float64, bins int) []Bin {
	n, rows := len(labels), order(probabilities)
	bins = min(bins, n)
	out := make([]Bin, bins)
	ties(labels, probabilities, func(before, size, positives int) {
		p, rate := probabilities[rows[before]], float64(positives)/float64(size)
		from, to := float64(before), float64(before+size)
		for b := before * bins / n; b < bins && b*n < (before+size)*bins; b++ {
			low, high := float64(b)*float64(n)/float64(bins), float64(b+1)*float64(n)/float64(bins)
			part := math.Max(0, math.Min(high, to)-math.Max(low, from))
			out[b].Rows += part
			out[b].Probability += part * p
			out[b].Rate += part * rate
		}
	})
	for b := range out {
		out[b].Probability /= out[b].Rows
		out[b].Rate /= out[b].Rows
	}
	return out
}

// CalibrationError is the expected calibration error: the mean distance between
// probability and rate over ten bins of equal size.
func CalibrationError(labels []bool, probabilities []float64) float64 {
	sum := 0.0
	for _, b := range Reliability(labels, probabilities, 10) {
		sum += b.Rows * math.Abs(b.Probability-b.Rate)
	}
	return sum / float64(len(labels))
}
