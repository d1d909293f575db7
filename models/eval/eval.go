// Package eval measures predictions. Labels are true where it happened; scores
// rank (more is likelier), probabilities also promise. Ties never depend on the
// order of rows: where an order is needed, the value is the expectation over all
// orders of the tied rows. A value that is not defined (only one outcome, no
// rows) is NaN. Values agree with scikit-learn's; see testdata/golden.py.
package eval

import (
	"cmp"
	"math"
	"slices"
)

// order sorts row numbers by falling score.
func order(scores []float64) []int {
	rows := make([]int, len(scores))
	for i := range rows {
		rows[i] = i
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return rows
}

// ties calls visit for each run of equal scores, best first: how many rows were
// before it, how many it has and how many of those are positive. Scores that are NaN are
// equal to each other and come last.
func ties(labels []bool, scores []float64, visit func(before, n, positives int)) {
	rows := order(scores)
	for i := 0; i < len(rows); {
		j, positives := i, 0
		for ; j < len(rows) && cmp.Compare(scores[rows[j]], scores[rows[i]]) == 0; j++ {
			if labels[rows[j]] {
				positives++
			}
		}
		visit(i, j-i, positives)
		i = j
	}
}

// Positives counts the true labels.
func Positives(labels []bool) int {
	n := 0
	for _, l := range labels {
		if l {
			n++
		}
	}
	return n
}

// AUC is the probability that a positive is scored above a negative, a tie
// counting half (area under the ROC curve).
func AUC(labels []bool, scores []float64) float64 {
	p := Positives(labels)
	n := len(labels) - p
	if p == 0 || n == 0 {
		return math.NaN()
	}
	sum, above := 0.0, 0 // above: positives with a higher score
	ties(labels, scores, func(_, size, positives int) {
		sum += float64(size-positives) * (float64(above) + float64(positives)/2)
		above += positives
	})
	return sum / float64(p) / float64(n)
}

// AveragePrecision is the precision at each score, weighted by the recall that
// it adds (no interpolation).
func AveragePrecision(labels []bool, scores []float64) float64 {
	p := Positives(labels)
	if p == 0 {
		return math.NaN()
	}
	sum, hits := 0.0, 0
	ties(labels, scores, func(before, size, positives int) {
		hits += positives
		sum += float64(positives) * float64(hits) / float64(before+size)
	})
	return sum / float64(p)
}

// LogLoss is the mean negative log likelihood (natural logarithm) of
// probabilities, clipped to [1e-6, 1-1e-6].
func LogLoss(labels []bool, probabilities []float64) float64 {
	sum := 0.0
	for i, p := range probabilities {
		sum += loss(labels[i], p)
	}
	return sum / float64(len(labels))
}

// loss is the negative log likelihood of one row, its probability clipped as in [LogLoss].
func loss(label bool, p float64) float64 {
	p = math.Min(math.Max(p, 1e-6), 1-1e-6)
	if label {
		return -math.Log(p)
	}
	return -math.Log1p(-p)
}

// Brier is the mean squared distance between probability and outcome.
func Brier(labels []bool, probabilities []float64) float64 {
	sum := 0.0
	for i, p := range probabilities {
		if labels[i] {
			p = 1 - p
		}
		sum += p * p
	}
	return sum / float64(len(labels))
}

// Mean of values; NaN for none.
func Mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Lift is how many times more positives the best-scored share of the rows
// (rounded up) holds than an equally large random part. Rows tied at the border
// count with their mean.
func Lift(labels []bool, scores []float64, share float64) float64 {
	p := Positives(labels)
	if p == 0 {
		return math.NaN()
	}
	k := int(math.Ceil(float64(len(labels))*share - 1e-9))
	hits := 0.0
	ties(labels, scores, func(before, size, positives int) {
		if taken := min(k-before, size); taken > 0 {
			hits += float64(positives) * float64(taken) / float64(size)
		}
	})
	return hits / float64(k) / (float64(p) / float64(len(labels)))
}
