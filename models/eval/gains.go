package eval

import "math"

// Gain is one row of a lift and gain table: one of several equal parts of the rows,
// best scored first.
type Gain struct {
	Share     float64 // of all rows up to and including this part
	Rows      float64 // in this part
	Positives float64 // in this part; rows tied at a border count with their mean
	Rate      float64 // share of positives in this part
	Lift      float64 // Rate over the rate of all rows
	TotalLift float64 // the same of everything up to here
	Captured  float64 // share of all positives that is found up to here (the gain)
	// CapturedAmount is the share of all amount at stake in positives that is found
	// up to here; NaN without amounts.
	CapturedAmount float64
	// Score is the lowest score in this part.
	Score float64
}

// Gains sorts the rows by score and cuts them into equal parts (fewer rows than
// parts: one each). amounts, which may be nil, say what is at stake in each row, such
// as its margin: the table then tells how much of what was lost sat in the rows that
// one would have called first. Without positives lift and gain are NaN.
func Gains(labels []bool, scores, amounts []float64, parts int) []Gain {
	r := rank(labels, scores)
	parts = min(parts, len(labels))
	out := make([]Gain, parts)
	stake := make([]float64, parts)
	size := float64(len(labels)) / float64(max(parts, 1))
	at := int32(0)
	for _, end := range r.ends {
		positives, amount := r.between(at, end, amounts)
		n, from, to := float64(end-at), float64(at), float64(end)
		for g := int(from / size); g < parts && float64(g)*size < to; g++ {
			part := math.Min(float64(g+1)*size, to) - math.Max(float64(g)*size, from)
			if part <= 0 {
				continue
			}
			out[g].Rows += part
			out[g].Positives += part * positives / n
			stake[g] += part * amount / n
			out[g].Score = scores[r.rows[at]]
		}
		at = end
	}
	cumulate(out, stake, amounts != nil)
	return out
}

// between sums positives and their amounts over part of the ranking.
func (r ranked) between(from, to int32, amounts []float64) (positives, amount float64) {
	for _, row := range r.rows[from:to] {
		if r.labels[row] {
			positives++
			if amounts != nil {
				amount += amounts[row]
			}
		}
	}
	return positives, amount
}

func cumulate(gains []Gain, stake []float64, hasAmounts bool) {
	rows, positives, amount := 0.0, 0.0, 0.0
	for g := range gains {
		rows, positives, amount = rows+gains[g].Rows, positives+gains[g].Positives, amount+stake[g]
	}
	if !hasAmounts {
		amount = math.NaN()
	}
	seen, hits, found := 0.0, 0.0, 0.0
	for g := range gains {
		x := &gains[g]
		seen, hits, found = seen+x.Rows, hits+x.Positives, found+stake[g]
		x.Share = seen / rows
		x.Rate = x.Positives / x.Rows
		x.Lift = x.Rate / (positives / rows)
		x.TotalLift = hits / seen / (positives / rows)
		x.Captured = hits / positives
		x.CapturedAmount = found / amount
	}
}
