package eval

import "math"

// WeightedReliability is [Reliability] of weighted rows: bins of equal weight,
// highest probability first; rows tied at a border are shared out. Bin.Rows is a
// weight. Nil weights mean 1 each.
func WeightedReliability(labels []bool, probabilities, weights []float64, bins int) []Bin {
	return rank(labels, probabilities).reliability(probabilities, weights, min(bins, len(labels)))
}

func (r ranked) reliability(probabilities, weights []float64, bins int) []Bin {
	total, _ := r.totals(weights)
	out := make([]Bin, bins)
	seen, b, run := 0.0, 0, 0
	r.runs(weights, func(all, positive float64) {
		p := probabilities[r.rows[r.ends[run]-1]]
		run++
		for left := all; left > 0; {
			room := total*float64(b+1)/float64(bins) - seen
			part := left
			if b < bins-1 && room < left {
				part = math.Max(0, room)
			}
			out[b].Rows += part
			out[b].Probability += part * p
			out[b].Rate += part * positive / all
			seen, left = seen+part, left-part
			if left > 0 {
				b++
			}
		}
	})
	for b := range out {
		out[b].Probability /= out[b].Rows
		out[b].Rate /= out[b].Rows
	}
	return out
}

// WeightedCalibrationError is [CalibrationError] of weighted rows.
func WeightedCalibrationError(labels []bool, probabilities, weights []float64) float64 {
	return CalibrationErrorOf(labels, probabilities)(weights)
}

func calibrationError(bins []Bin) float64 {
	sum, total := 0.0, 0.0
	for _, b := range bins {
		if b.Rows > 0 {
			sum += b.Rows * math.Abs(b.Probability-b.Rate)
			total += b.Rows
		}
	}
	return sum / total
}

// Wilson is the score interval (Wilson 1927) of a share of which rows rows were
// seen, at the given level such as 0.95: the whisker of a reliability plot. It
// takes rows as independent; for rows of the same customers it is too narrow.
func Wilson(rate, rows, level float64) (low, high float64) {
	z := math.Sqrt2 * math.Erfinv(level)
	centre := (rate + z*z/(2*rows)) / (1 + z*z/rows)
	half := z / (1 + z*z/rows) * math.Sqrt(rate*(1-rate)/rows+z*z/(4*rows*rows))
	return math.Max(0, centre-half), math.Min(1, centre+half)
}
