package eval

import "math"

// ranked are scored rows sorted once, so that many weightings of the same rows (the
// rounds of a bootstrap) cost one pass each.
type ranked struct {
	labels []bool
	rows   []int32 // by falling score
	ends   []int32 // where each run of equal scores ends in rows
}

func rank(labels []bool, scores []float64) ranked {
	r := ranked{labels: labels, rows: make([]int32, len(labels))}
	for at, i := range order(scores) {
		r.rows[at] = int32(i)
		if at > 0 && scores[i] != scores[r.rows[at-1]] {
			r.ends = append(r.ends, int32(at))
		}
	}
	if len(labels) > 0 {
		r.ends = append(r.ends, int32(len(labels)))
	}
	return r
}

// runs calls visit for each run of equal scores, best first, with the weight of its
// rows and of its positives. Nil weights are 1 each.
func (r ranked) runs(weights []float64, visit func(all, positive float64)) {
	at := int32(0)
	for _, end := range r.ends {
		all, positive := 0.0, 0.0
		for _, row := range r.rows[at:end] {
			w := 1.0
			if weights != nil {
				w = weights[row]
			}
			all += w
			if r.labels[row] {
				positive += w
			}
		}
		visit(all, positive)
		at = end
	}
}

// totals are the weights of all rows and of the positives.
func (r ranked) totals(weights []float64) (all, positive float64) {
	r.runs(weights, func(a, p float64) { all, positive = all+a, positive+p })
	return all, positive
}

func (r ranked) auc(weights []float64) float64 {
	sum, above, below := 0.0, 0.0, 0.0
	r.runs(weights, func(all, positive float64) {
		sum += (all - positive) * (above + positive/2)
		above, below = above+positive, below+all-positive
	})
	return sum / above / below
}

func (r ranked) averagePrecision(weights []float64) float64 {
	sum, hits, seen := 0.0, 0.0, 0.0
	r.runs(weights, func(all, positive float64) {
		hits, seen = hits+positive, seen+all
		if seen > 0 {
			sum += positive * hits / seen
		}
	})
	return sum / hits
}

func (r ranked) lift(share float64) Statistic {
	return func(weights []float64) float64 {
		all, positive := r.totals(weights)
		border := math.Ceil(all*share - 1e-9)
		seen, hits := 0.0, 0.0
		r.runs(weights, func(a, p float64) {
			if taken := math.Min(border-seen, a); taken > 0 {
				hits += p * taken / a
			}
			seen += a
		})
		return hits / border / (positive / all)
	}
}

// WeightedAUC is [AUC] where each row stands for weights[i] rows; nil means 1 each.
func WeightedAUC(labels []bool, scores, weights []float64) float64 {
	return rank(labels, scores).auc(weights)
}

// WeightedAveragePrecision is [AveragePrecision] of weighted rows.
func WeightedAveragePrecision(labels []bool, scores, weights []float64) float64 {
	return rank(labels, scores).averagePrecision(weights)
}

// WeightedLift is [Lift] of weighted rows: the best share of the weight, rounded up
// to a whole row of weight 1.
func WeightedLift(labels []bool, scores, weights []float64, share float64) float64 {
	return rank(labels, scores).lift(share)(weights)
}

// WeightedLogLoss is [LogLoss] of weighted rows.
func WeightedLogLoss(labels []bool, probabilities, weights []float64) float64 {
	return LogLossOf(labels, probabilities)(weights)
}

// WeightedBrier is [Brier] of weighted rows.
func WeightedBrier(labels []bool, probabilities, weights []float64) float64 {
	return BrierOf(labels, probabilities)(weights)
}

// WeightedMean is [Mean] of weighted values.
func WeightedMean(values, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, v := range values {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum += w * v
		total += w
	}
	return sum / total
}
