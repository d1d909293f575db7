package golearnx

import (
	"context"
	"math"
	"slices"
	"sort"

	"github.com/mainstay-etl/mainstay/models"
)

// Bins of a feature: bin 0 is "missing", the others are ranges of values cut at
// quantiles of the training rows (at every value where there are few). A row's
// bin fits a byte, and a split between two bins is a threshold that golearn's
// rule "value > threshold goes to 1" repeats exactly: cuts[b] lies between bins
// b and b+1.
const maxBins = 255

// belowAll is the threshold that separates missing (NaN, which golearn sends to
// "0") from every value.
const belowAll = -math.MaxFloat64

// trainingData is what all trees share, read-only.
type trainingData struct {
	rows    int
	bins    [][]uint8   // [feature][row]
	cuts    [][]float64 // [feature][bin]
	packed  []uint64    // [row]: weight units, and again in the upper half when the label is 1
	minUnit float64     // weight units of one row of average weight
}

func newTrainingData(t models.Training, threads int) *trainingData {
	n := t.Frame.Rows()
	d := &trainingData{rows: n, packed: make([]uint64, n)}
	d.bins, d.cuts = make([][]uint8, len(t.Frame.Features())), make([][]float64, len(t.Frame.Features()))
	_ = parallel(context.Background(), threads, len(d.bins), nil, func() func(int) {
		buf := make([]float64, 0, n)
		return func(j int) {
			c := t.Frame.Column(j)
			buf = buf[:0]
			for i := range n {
				if v := c.At(i); v == v {
					buf = append(buf, v)
				}
			}
			d.cuts[j] = cutPoints(buf)
			d.bins[j] = assignBins(c, n, d.cuts[j])
		}
	})
	units, total := weightUnits(t.Weights, n), 0.0
	for i, u := range units {
		d.packed[i] = u
		if t.Labels[i] {
			d.packed[i] |= u << 32
		}
		total += float64(u)
	}
	d.minUnit = total / float64(n)
	return d
}

// cutPoints sorts values (it may reorder them) and returns the cuts.
func cutPoints(values []float64) []float64 {
	slices.Sort(values)
	cuts := []float64{belowAll}
	if len(values) == 0 {
		return cuts
	}
	distinct := 1
	for i := 1; i < len(values); i++ {
		if values[i] != values[i-1] {
			distinct++
		}
	}
	if distinct < maxBins {
		for i := 1; i < len(values); i++ {
			if values[i] != values[i-1] {
				cuts = append(cuts, between(values[i-1], values[i]))
			}
		}
		return cuts
	}
	for q := 1; q < maxBins-1; q++ {
		i := q * len(values) / (maxBins - 1)
		for i < len(values) && i > 0 && values[i] == values[i-1] { // to the next change of value
			i++
		}
		if i == len(values) {
			break
		}
		if cut := between(values[i-1], values[i]); cut > cuts[len(cuts)-1] {
			cuts = append(cuts, cut)
		}
	}
	return cuts
}

// between returns a threshold t with low <= t < high.
func between(low, high float64) float64 {
	if mid := low/2 + high/2; mid >= low && mid < high {
		return mid
	}
	return low
}

func assignBins(c models.Column, n int, cuts []float64) []uint8 {
	bins := make([]uint8, n)
	last, lastBin := math.NaN(), uint8(0)
	for i := range bins {
		v := c.At(i)
		if v != last { // runs of equal values are common in joined columns
			last = v
			lastBin = uint8(sort.Search(len(cuts), func(k int) bool { return !(v > cuts[k]) }))
		}
		bins[i] = lastBin
	}
	return bins
}

// weightUnits turns weights into whole numbers whose sum is at most 2^28 (or n),
// so that class counts are integers, as golearn's ClassDist wants them, sums do
// not depend on their order, and two of them fit one word even if a row is drawn
// maxDraws times. Equal weights become 1.
func weightUnits(weights []float64, n int) []uint64 {
	units := make([]uint64, n)
	sum, whole := 0.0, true
	for _, w := range weights {
		sum += w
		whole = whole && w == math.Trunc(w)
	}
	same := true
	for _, w := range weights {
		same = same && w == weights[0]
	}
	scale := 1.0
	if !same && (!whole || sum > 1<<28) {
		scale = (1 << 28) / sum
		if scale > 1 {
			scale = math.Exp2(math.Floor(math.Log2(scale)))
		}
	}
	for i := range units {
		switch {
		case weights == nil || same:
			units[i] = 1
		case weights[i] > 0:
			units[i] = max(1, uint64(math.Round(weights[i]*scale)))
		}
	}
	return units
}

// maxDraws is the most often that the bootstrap takes one row; more has a
// probability below 1e-13.
const maxDraws = 15
