package eval

import "math"

// BestShare tells of each row what part of it is among the best share of all rows by
// score, as in [Gains]: 1, 0, or for rows tied at the border what is left for each.
func BestShare(scores []float64, share float64) []float64 {
	return best(scores, share*float64(len(scores)))
}

// BestWithin is the same of the k best rows of each customer; customer has a code per row.
func BestWithin(customer []int32, scores []float64, k int) []float64 {
	out := make([]float64, len(scores))
	var own []float64
	for _, rows := range group(customer) {
		own = own[:0]
		for _, i := range rows {
			own = append(own, scores[i])
		}
		for j, part := range best(own, float64(k)) {
			out[rows[j]] = part
		}
	}
	return out
}

// best tells what part of each row is among the best n.
func best(scores []float64, n float64) []float64 {
	out := make([]float64, len(scores))
	r := rank(make([]bool, len(scores)), scores)
	at := int32(0)
	for _, end := range r.ends {
		part := math.Min(1, math.Max(0, (n-float64(at))/float64(end-at)))
		for _, row := range r.rows[at:end] {
			out[row] = part
		}
		at = end
	}
	return out
}

// SumOf is the weighted sum of values as a statistic.
func SumOf(values []float64) Statistic {
	return func(weights []float64) float64 {
		sum := 0.0
		for i, v := range values {
			sum += weightOf(weights, i) * v
		}
		return sum
	}
}

// CapturedOf is the share of the weighted sum of amounts that lies in the picked part of
// each row, as a statistic: which rows were picked stays as it was, who is among the
// customers varies.
func CapturedOf(amounts, picked []float64) Statistic {
	return func(weights []float64) float64 {
		sum, total := 0.0, 0.0
		for i, a := range amounts {
			w := weightOf(weights, i) * a
			sum, total = sum+w*picked[i], total+w
		}
		return sum / total
	}
}

func weightOf(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}
