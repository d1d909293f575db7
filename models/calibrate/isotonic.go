package calibrate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/mainstay-etl/mainstay/models"
)

// Isotonic is the rising curve that fits best (Zadrozny, Elkan 2002). Fitting gives
// steps: blocks of neighbouring scores with one rate each. X holds the mean score of each
// block and Y its rate; between two of them the curve is the straight line. The lines
// cost nothing where data are dense and keep the model's order inside a step, which the
// steps themselves would lose. So that the best customers do not all end up equal, the
// first and the last line go on to the lowest and the highest score that was seen; the
// curve is flat only beyond these.
type Isotonic struct{ X, Y []float64 }

// Apply reads the curve.
func (c Isotonic) Apply(p float64) float64 {
	n := len(c.X)
	if n == 0 {
		return models.ClipProba(p)
	}
	i := sort.SearchFloat64s(c.X, p) // the first knot at or after p
	switch {
	case i == 0:
		return models.ClipProba(c.Y[0])
	case i == n:
		return models.ClipProba(c.Y[n-1])
	}
	low, high := c.Y[i-1], c.Y[i]
	y := low + (high-low)*((p-c.X[i-1])/(c.X[i]-c.X[i-1]))
	return models.ClipProba(math.Min(math.Max(y, low), high))
}

// Name is "isotonic".
func (Isotonic) Name() string { return NameIsotonic }

func (c Isotonic) check() error {
	if len(c.X) != len(c.Y) || len(c.X) == 0 {
		return fmt.Errorf("isotonic with %d and %d numbers", len(c.X), len(c.Y))
	}
	for i := range c.X {
		if !(c.Y[i] > 0 && c.Y[i] < 1) || i > 0 && !(c.X[i] > c.X[i-1] && c.Y[i] >= c.Y[i-1]) {
			return fmt.Errorf("isotonic that does not rise inside (0, 1) at %d", i)
		}
	}
	return nil
}

// block is a run of neighbouring scores.
type block struct {
	low, high float64 // scores
	score     float64 // sum of weight * score
	weight    float64
	positive  float64 // weight of positives
}

func (b block) rate() float64 { return b.positive / b.weight }

func (b block) mean() float64 { return math.Min(math.Max(b.score/b.weight, b.low), b.high) }

func (b block) join(c block) block {
	return block{b.low, c.high, b.score + c.score, b.weight + c.weight, b.positive + c.positive}
}

// FitIsotonic pools adjacent violators (Ayer and others 1955), which gives the rising
// step function with the least weighted squared error, and the greatest likelihood too.
// Rows of equal score are one from the start. A finite past proves no certainty: a block
// of n rows with one outcome only, which can be the first and the last, gets 1/(n+2) or
// (n+1)/(n+2) (Laplace), but never passes its neighbour; the lines that go on beyond the
// outer blocks end at these limits too.
func FitIsotonic(p []float64, labels []bool, weights []float64) (Isotonic, error) {
	w, err := checkRows(p, labels, weights)
	if err != nil {
		return Isotonic{}, err
	}
	blocks := pool(ties(p, labels, w))
	var c Isotonic
	for _, b := range blocks {
		c.X, c.Y = append(c.X, b.mean()), append(c.Y, b.rate())
	}
	last := len(blocks) - 1
	first, end := blocks[0], blocks[last]
	lowest, highest := 1/(first.weight+2), (end.weight+1)/(end.weight+2)
	if end.positive >= end.weight {
		c.Y[last] = highest
		if last > 0 {
			c.Y[last] = math.Max(highest, c.Y[last-1])
		}
	}
	if first.positive <= 0 {
		c.Y[0] = lowest
		if last > 0 {
			c.Y[0] = math.Min(lowest, c.Y[1])
		}
	}
	if last > 0 {
		c.extend(first.low, end.high, lowest, highest)
	}
	return c, nil
}

// extend continues the outer lines to the scores low and high, within the limits.
func (c *Isotonic) extend(low, high, lowest, highest float64) {
	n := len(c.X)
	slope := func(i int) float64 { return (c.Y[i+1] - c.Y[i]) / (c.X[i+1] - c.X[i]) }
	start := math.Min(c.Y[0], math.Max(lowest, c.Y[0]-slope(0)*(c.X[0]-low)))
	end := math.Max(c.Y[n-1], math.Min(highest, c.Y[n-1]+slope(n-2)*(high-c.X[n-1])))
	if low < c.X[0] {
		c.X, c.Y = append([]float64{low}, c.X...), append([]float64{start}, c.Y...)
	}
	if last := len(c.X) - 1; high > c.X[last] {
		c.X, c.Y = append(c.X, high), append(c.Y, end)
	}
}

// ties sorts the rows by score and makes one block of each distinct score.
func ties(p []float64, labels []bool, w []float64) []block {
	rows := make([]int, 0, len(p))
	for i := range p {
		if w[i] > 0 {
			rows = append(rows, i)
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var out []block
	for _, i := range rows {
		b := block{low: p[i], high: p[i], score: w[i] * p[i], weight: w[i]}
		if labels[i] {
			b.positive = w[i]
		}
		if n := len(out); n > 0 && out[n-1].high == p[i] {
			out[n-1] = out[n-1].join(b)
			continue
		}
		out = append(out, b)
	}
	return out
}

// pool joins neighbours until rates rise strictly.
func pool(in []block) []block {
	var out []block
	for _, b := range in {
		for len(out) > 0 && out[len(out)-1].rate() >= b.rate() {
			b = out[len(out)-1].join(b)
			out = out[:len(out)-1]
		}
		out = append(out, b)
	}
	return out
}
