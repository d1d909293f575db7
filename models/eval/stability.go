package eval

import (
	"math"
	"slices"
	"sort"
)

// Distribution is how values were spread at one time, small enough to keep with a
// model: bins of about equal size, cut at quantiles, and one bin for missing (NaN).
type Distribution struct {
	Edges []float64 `json:"edges"` // upper ends, inclusive, of all bins but the last; rising
	Rows  []int     `json:"rows"`  // in each bin; the last number is that of missing values
}

// Bounds of the population stability index that are in common use (Siddiqi 2006).
const (
	StabilityWatch = 0.10 // from here on the values have shifted somewhat
	StabilityAlarm = 0.25 // from here on they are another population
)

// Distribute cuts values into at most bins parts. Equal values are never parted, so
// a column of few distinct values gets a bin for each common one.
func Distribute(values []float64, bins int) Distribution {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(sorted)
	n := len(sorted)
	d := Distribution{Edges: []float64{}}
	for b := 1; b < bins && n > 0; b++ {
		edge := sorted[max(0, (b*n+bins-1)/bins-1)]
		if edge < sorted[n-1] && (len(d.Edges) == 0 || edge > d.Edges[len(d.Edges)-1]) {
			d.Edges = append(d.Edges, edge)
		}
	}
	d.Rows = d.count(values)
	return d
}

func (d Distribution) count(values []float64) []int {
	rows := make([]int, len(d.Edges)+2)
	for _, v := range values {
		if v != v {
			rows[len(rows)-1]++
			continue
		}
		rows[sort.SearchFloat64s(d.Edges, v)]++
	}
	return rows
}

// Shift is the population stability index of later values against d:
//
//	sum over bins of (actual - expected) * ln(actual / expected)
//
// where the two are shares of rows, each bin with half a row added so that an empty one
// stays finite; a bin that is empty both times is left out. 0 means no change; see
// [StabilityWatch]. The expected value without any change is about
// (bins - 1) * (1/n1 + 1/n2): a few hundred rows look shifted by chance. NaN when
// either side has no rows.
func (d Distribution) Shift(values []float64) float64 {
	actual := d.count(values)
	bins, n, m := 0, 0, 0
	for b, rows := range d.Rows {
		n, m = n+rows, m+actual[b]
		if rows > 0 || actual[b] > 0 {
			bins++
		}
	}
	if n == 0 || m == 0 {
		return math.NaN()
	}
	sum := 0.0
	for b, rows := range d.Rows {
		if rows == 0 && actual[b] == 0 {
			continue
		}
		e := (float64(rows) + 0.5) / (float64(n) + 0.5*float64(bins))
		a := (float64(actual[b]) + 0.5) / (float64(m) + 0.5*float64(bins))
		sum += (a - e) * math.Log(a/e)
	}
	return sum
}

// StabilityIndex is the population stability index of actual against expected values
// in ten bins; see [Distribution.Shift].
func StabilityIndex(expected, actual []float64) float64 {
	return Distribute(expected, 10).Shift(actual)
}
