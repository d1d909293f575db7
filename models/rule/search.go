package rule

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
)

// Tried is one searched rule.
type Tried struct {
	Name string  `json:"name"`
	AUC  float64 `json:"auc"` // mean of either half of the customers ranked by the rates of the other
}

const (
	bins       = 10 // cuts of a feature for rank, threshold and both
	coarseBins = 4  // cuts of a feature for a table
	// leastPerBin is how many rows a bin should hold before there are more of them.
	leastPerBin = 30
	// prior is how many rows of the base rate are added to each cell, so that a cell of
	// few rows promises little.
	prior = 10
	// worthSecond is how much more AUC the second feature must bring.
	worthSecond = 0.005
	// worthRank is the same for ten steps instead of two.
	worthRank = 0.002
	// triedKept is how many of the searched rules a report gets.
	triedKept = 12
)

// Fit searches all rules over the features named in Params that the frame has and keeps
// the one that ranks best: each half of the customers is ranked by the rates of the
// other. A simpler shape wins unless the richer one is clearly better, and of equal ones
// the earlier feature.
func (r *Rule) Fit(ctx context.Context, t models.Training) error {
	r.features, r.table, r.tried = nil, table{}, nil
	if err := t.Check(); err != nil {
		return err
	}
	s := newSearch(t, r.params.Features)
	for i := range s.columns {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.single(i)
		for j := range i {
			s.pair(j, i)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.accept(s.best())
	r.tried = s.tried()
	if t.Progress != nil {
		t.Progress(1, 1)
	}
	return nil
}

// found is a candidate with its score.
type found struct {
	table
	auc float64
}

// search holds the rows, each feature cut once, and what was found.
type search struct {
	weights []float64
	labels  []bool
	half    []uint8 // of the customers
	base    float64
	total   float64 // weight
	columns []column
	found   []found // by shape and features, in order of the search
}

// column is a feature cut finely and coarsely.
type column struct {
	feature      string
	fine, coarse Input
	fineCell     []uint8
	coarseCell   []uint8
}

func newSearch(t models.Training, features []string) *search {
	s := &search{weights: t.Weights, labels: t.Labels}
	if s.weights == nil {
		s.weights = slices.Repeat([]float64{1}, len(t.Labels))
	}
	positives := 0.0
	s.half = make([]uint8, len(t.Labels))
	for i, l := range t.Labels {
		s.half[i] = uint8(i % 2)
		if keys := t.Frame.Keys(); len(keys) > 0 {
			s.half[i] = uint8(keys[0].Codes()[i] % 2)
		}
		s.total += s.weights[i]
		if l {
			positives += s.weights[i]
		}
	}
	s.base = models.ClipProba((positives + 0.5) / (s.total + 1))
	n := len(t.Labels)
	fine := min(bins, max(2, n/leastPerBin))
	for _, name := range features {
		if j := t.Frame.Find(name); j >= 0 {
			s.columns = append(s.columns, newColumn(name, t.Frame.Column(j).AppendTo(make([]float64, 0, n), 0, n), fine))
		}
	}
	return s
}

func newColumn(name string, values []float64, fine int) column {
	c := column{
		feature: name,
		fine:    Input{Feature: name, Edges: quantiles(values, fine)},
		coarse:  Input{Feature: name, Edges: quantiles(values, coarseBins)},
	}
	c.fineCell, c.coarseCell = make([]uint8, len(values)), make([]uint8, len(values))
	for i, v := range values {
		c.fineCell[i], c.coarseCell[i] = uint8(c.fine.cell(v)), uint8(c.coarse.cell(v))
	}
	return c
}

// quantiles are the upper edges of all bins but the last; equal values are never parted.
func quantiles(values []float64, bins int) []float64 {
	sorted := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(sorted)
	edges := []float64{}
	for b := 1; b < bins && len(sorted) > 0; b++ {
		e := sorted[max(0, (b*len(sorted)+bins-1)/bins-1)]
		if e < sorted[len(sorted)-1] && (len(edges) == 0 || e > edges[len(edges)-1]) {
			edges = append(edges, e)
		}
	}
	return edges
}

// cells are weights of all rows and of the positives, apart for either half of the
// customers.
type cells struct{ all, positive [2][]float64 }

func newCells(n int) (c cells) {
	for h := range 2 {
		c.all[h], c.positive[h] = make([]float64, n), make([]float64, n)
	}
	return c
}

// merge adds cell k of other to cell to.
func (c *cells) merge(to int, other cells, k int) {
	for h := range 2 {
		c.all[h][to] += other.all[h][k]
		c.positive[h][to] += other.positive[h][k]
	}
}

// of is cell k of both halves.
func (c cells) of(k int) (all, positive float64) {
	return c.all[0][k] + c.all[1][k], c.positive[0][k] + c.positive[1][k]
}

func (c cells) len() int { return len(c.all[0]) }

func (s *search) count(n int, cell func(i int) int) cells {
	c := newCells(n)
	for i, w := range s.weights {
		k, h := cell(i), s.half[i]
		c.all[h][k] += w
		if s.labels[i] {
			c.positive[h][k] += w
		}
	}
	return c
}

// rate of some rows, drawn towards the base rate.
func (s *search) rate(all, positive float64) float64 {
	return models.ClipProba((positive + prior*s.base) / (all + prior))
}

// keep scores a candidate and keeps it. groups says which cells share a rate; nil: none.
func (s *search) keep(shape Shape, inputs []Input, c cells, group func(cell int) int) {
	if group == nil {
		group = func(cell int) int { return cell }
	}
	n := c.len()
	joint := newCells(n)
	for k := range n {
		joint.merge(group(k), c, k)
	}
	t := table{Shape: shape, Inputs: inputs, Base: s.base, Rates: make([]float64, n), Rows: make([]float64, n)}
	halves := [2][]float64{make([]float64, n), make([]float64, n)}
	for k := range n {
		g := group(k)
		t.Rates[k] = s.rate(joint.of(g))
		t.Rows[k], _ = c.of(k)
		for h := range 2 {
			halves[h][k] = s.rate(joint.all[h][g], joint.positive[h][g])
		}
	}
	// Rates of one half rank the other: a table of many cells must not win by chance.
	auc := (auc(halves[0], c.all[1], c.positive[1]) + auc(halves[1], c.all[0], c.positive[0])) / 2
	s.found = append(s.found, found{t, auc})
}

// auc of cells ranked by rate; NaN with one outcome.
func auc(rates, all, positive []float64) float64 {
	order := make([]int, len(rates))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rates[b], rates[a]) })
	sum, above, below := 0.0, 0.0, 0.0
	for at := 0; at < len(order); {
		n, p, end := 0.0, 0.0, at
		for ; end < len(order) && rates[order[end]] == rates[order[at]]; end++ {
			n, p = n+all[order[end]], p+positive[order[end]]
		}
		sum += (n - p) * (above + p/2)
		above, below, at = above+p, below+n-p, end
	}
	return sum / above / below
}

// best is the winner: everybody alike when nothing was found or there is one outcome.
func (s *search) best() table {
	none := table{Shape: Rank, Inputs: []Input{}, Rates: []float64{s.base}, Rows: []float64{s.total}, Base: s.base}
	winner, need := found{table: none, auc: 0.5}, 0.0
	for _, shape := range []Shape{Threshold, Rank, Both, Table} {
		switch shape {
		case Rank:
			need = worthRank
		case Both, Table:
			need = worthSecond
		}
		at := -1
		for k, f := range s.found {
			if f.Shape == shape && f.auc > 0.5 && (at < 0 || f.auc > s.found[at].auc) {
				at = k
			}
		}
		if at >= 0 && s.found[at].auc > winner.auc+need {
			winner = s.found[at]
		}
	}
	return winner.table
}

// tried lists the best rules, and of each shape and set of features the best only.
func (s *search) tried() []Tried {
	order := slices.Clone(s.found)
	slices.SortStableFunc(order, func(a, b found) int { return cmp.Compare(b.auc, a.auc) })
	var out []Tried
	seen := map[string]bool{}
	for _, f := range order {
		key := string(f.Shape)
		for _, in := range f.Inputs {
			key += "\x00" + in.Feature
		}
		if len(out) < triedKept && !seen[key] && f.auc == f.auc {
			seen[key] = true
			out = append(out, Tried{fmt.Sprintf("%s (%s)", f.name(), f.Shape), f.auc})
		}
	}
	return out
}
