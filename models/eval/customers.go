package eval

import "math"

// WithinCustomers are metrics of rankings made inside each customer.
type WithinCustomers struct {
	Hit       float64 // share of customers with a positive among their k best rows
	HitN      int     // customers with a positive at all
	AUC       float64 // mean AUC inside a customer
	AUCN      int     // customers with positives and negatives
	Customers int
}

// ByCustomer measures the rows of each customer alone. customer has a code per
// row (the same code, the same customer; any order). Ties at the border of the k
// best count with the probability that a random order puts a positive there.
func ByCustomer(customer []int32, labels []bool, scores []float64, k int) WithinCustomers {
	var out WithinCustomers
	hits, aucs := 0.0, 0.0
	eachCustomer(customer, labels, scores, func(_ int, l []bool, s []float64) {
		out.Customers++
		p := Positives(l)
		if p == 0 {
			return
		}
		out.HitN++
		hits += hitProbability(l, s, k)
		if p < len(l) {
			out.AUCN++
			aucs += AUC(l, s)
		}
	})
	out.Hit, out.AUC = hits/float64(out.HitN), aucs/float64(out.AUCN)
	return out
}

// AUCByCustomer is the AUC inside each customer that has positives and negatives, by code.
func AUCByCustomer(customer []int32, labels []bool, scores []float64) map[int32]float64 {
	out := map[int32]float64{}
	eachCustomer(customer, labels, scores, func(first int, l []bool, s []float64) {
		if p := Positives(l); p > 0 && p < len(l) {
			out[customer[first]] = AUC(l, s)
		}
	})
	return out
}

// eachCustomer hands on the rows of each code, and the number of the first of them.
func eachCustomer(customer []int32, labels []bool, scores []float64, do func(first int, labels []bool, scores []float64)) {
	var l []bool
	var s []float64
	for _, rows := range group(customer) {
		l, s = l[:0], s[:0]
		for _, i := range rows {
			l, s = append(l, labels[i]), append(s, scores[i])
		}
		do(rows[0], l, s)
	}
}

// group lists the rows of each code, codes in order of first appearance.
func group(codes []int32) [][]int {
	at := map[int32]int{}
	var out [][]int
	for i, c := range codes {
		g, ok := at[c]
		if !ok {
			g = len(out)
			at[c] = g
			out = append(out, nil)
		}
		out[g] = append(out[g], i)
	}
	return out
}

// hitProbability is the chance that the best k rows, ties in random order, hold
// a positive.
func hitProbability(labels []bool, scores []float64, k int) float64 {
	miss := 1.0
	ties(labels, scores, func(before, size, positives int) {
		if taken := min(k-before, size); taken > 0 {
			miss *= missProbability(size, positives, taken)
		}
	})
	return math.Min(1, 1-miss)
}

// missProbability is C(n-p, m) / C(n, m): m drawn from n miss all p.
func missProbability(n, p, m int) float64 {
	q := 1.0
	for i := range m {
		q *= math.Max(0, float64(n-p-i)) / float64(n-i)
	}
	return q
}
