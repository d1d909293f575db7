// Package rule finds the best simple rule: what a person would do without a model, such
// as calling first whoever has not ordered for long. A model that is not better than the
// best of them is not worth its cost, and where there is too little to learn a model
// from, the rule gives the scores.
//
// Every rule is a table of cells. One or two features are cut at thresholds, each with a
// cell of its own for unknown values, and each cell has the share of the rows in it to
// which it happened. Four shapes are searched; see [Shape].
package rule

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/explain"
)

// Kind is the Kind of a [Rule].
const Kind = "rule"

// Shape says how a rule uses its features.
type Shape string

// The shapes, simplest first.
const (
	Threshold Shape = "threshold" // one feature beyond one value or not
	Rank      Shape = "rank"      // more (or less) of one feature is likelier, in up to ten steps
	Both      Shape = "both"      // two features beyond a value each, both or not
	Table     Shape = "table"     // two features in up to four steps each
)

// Input is a feature and where it is cut. Value v falls into the first cell whose edge
// is >= v, beyond the last edge into the cell after it; unknown values have the last.
type Input struct {
	Feature string    `json:"feature"`
	Edges   []float64 `json:"edges"`
	// More says for the shapes rank, threshold and both which side is likelier.
	More bool `json:"more"`
}

func (in Input) cells() int { return len(in.Edges) + 2 }

func (in Input) cell(v float64) int {
	if v != v {
		return len(in.Edges) + 1
	}
	return sort.SearchFloat64s(in.Edges, v)
}

// table is what a fit learned.
type table struct {
	Shape  Shape     `json:"shape"`
	Inputs []Input   `json:"inputs"` // one or two
	Rates  []float64 `json:"rates"`  // of each cell, the first input's cells outermost
	Rows   []float64 `json:"rows"`   // weight in each cell
	Base   float64   `json:"base"`   // rate of all rows
}

// Params say what to search. They hold no default: a rule without features is fitted as
// the base rate alone.
type Params struct {
	Features []string `json:"features"` // to try, in order of preference
}

// Rule is the best of the searched rules. It implements [models.Estimator].
type Rule struct {
	params   Params
	features []string // of the frames that it takes
	table    table
	tried    []Tried
}

var _ models.Estimator = (*Rule)(nil)

// New makes an unfitted rule.
func New(p Params) *Rule { return &Rule{params: p} }

// Kind is "rule".
func (r *Rule) Kind() string { return Kind }

// Params are the features to search.
func (r *Rule) Params() any { return r.params }

// Features are the names of the features that the rule uses: one or two, none when
// nothing ranked better than chance; nil before a fit.
func (r *Rule) Features() []string { return r.features }

// Members is 1.
func (r *Rule) Members() int {
	if r.features == nil {
		return 0
	}
	return 1
}

// Shape is the shape of the rule found; "" before a fit.
func (r *Rule) Shape() Shape { return r.table.Shape }

// Tried are the rules that were searched, best first, as far as a report wants them;
// nil for a rule that was loaded.
func (r *Rule) Tried() []Tried { return r.tried }

// Name is how tables and people call the rule: "rule: recency_days".
func (r *Rule) Name() string { return r.table.name() }

func (t table) name() string {
	switch {
	case t.Shape == "":
		return "rule"
	case len(t.Inputs) == 0:
		return "rule: everybody alike"
	case t.Shape == Rank:
		return "rule: " + t.Inputs[0].Feature
	case t.Shape == Table:
		return "rule: " + t.Inputs[0].Feature + " by " + t.Inputs[1].Feature
	}
	conditions := make([]string, len(t.Inputs))
	for i, in := range t.Inputs {
		conditions[i] = in.condition()
	}
	return "rule: " + strings.Join(conditions, " and ")
}

func (in Input) condition() string {
	sign := " <= "
	if in.More {
		sign = " > "
	}
	return in.Feature + sign + explain.Format(in.Edges[0], "")
}

// String tells the rule in words.
func (r *Rule) String() string {
	t := r.table
	switch {
	case t.Shape == "":
		return "no rule yet"
	case len(t.Inputs) == 0:
		return "everybody alike"
	case t.Shape == Rank && t.Inputs[0].More:
		return "more " + t.Inputs[0].Feature + " is likelier"
	case t.Shape == Rank:
		return "less " + t.Inputs[0].Feature + " is likelier"
	case t.Shape == Table:
		return fmt.Sprintf("the rate of each cell of a table of %s by %s", t.Inputs[0].Feature, t.Inputs[1].Feature)
	}
	return strings.TrimPrefix(t.name(), "rule: ") + " is likelier"
}

// PredictProba returns the rate of each row's cell.
func (r *Rule) PredictProba(f *models.Frame) ([]float64, error) {
	if err := r.ready(f); err != nil {
		return nil, err
	}
	out := make([]float64, f.Rows())
	for i := range out {
		out[i] = models.ClipProba(r.table.Rates[r.table.at(f, i)])
	}
	return out, nil
}

// at is the cell of a row.
func (t table) at(f *models.Frame, row int) int {
	cell := 0
	for j, in := range t.Inputs {
		cell = cell*in.cells() + in.cell(f.Column(j).At(row))
	}
	return cell
}

// Explain gives each feature its Shapley value (Shapley 1953) of the table: with one
// feature, the distance of its cell from the base rate in log-odds; with two, the mean of
// what a feature adds before and after the other is known.
func (r *Rule) Explain(f *models.Frame, row int, effects []float64) (float64, error) {
	if err := r.ready(f); err != nil {
		return 0, err
	}
	if len(effects) != len(r.features) {
		return 0, fmt.Errorf("explaining row %d: room for %d effects, expected %d", row, len(effects), len(r.features))
	}
	t := r.table
	base, cell := models.Logit(t.Base), t.at(f, row)
	score := models.Logit(t.Rates[cell])
	switch len(t.Inputs) {
	case 1:
		effects[0] = score - base
	case 2:
		width := t.Inputs[1].cells()
		first, second := models.Logit(t.marginal(0, cell/width)), models.Logit(t.marginal(1, cell%width))
		effects[0] = (first - base + score - second) / 2
		effects[1] = score - base - effects[0]
	}
	return base, nil
}

// marginal is the rate of one cell of one of two inputs, whatever the other is.
func (t table) marginal(input, cell int) float64 {
	width := t.Inputs[1].cells()
	sum, total := 0.0, 0.0
	for k, w := range t.Rows {
		if at := [2]int{k / width, k % width}; at[input] == cell {
			sum += w * t.Rates[k]
			total += w
		}
	}
	if total == 0 {
		return t.Base
	}
	return sum / total
}

func (r *Rule) ready(f *models.Frame) error {
	if r.features == nil {
		return fmt.Errorf("using a rule: %w", models.ErrNotFitted)
	}
	return f.CheckFeatures(r.features)
}

// check finds what no fit can have made.
func (t table) check() error {
	cells := 1
	for _, in := range t.Inputs {
		cells *= in.cells()
		if !slices.IsSorted(in.Edges) || in.Feature == "" {
			return fmt.Errorf("its input %q is cut at %v", in.Feature, in.Edges)
		}
	}
	single := t.Shape == Threshold || t.Shape == Rank
	switch {
	case len(t.Inputs) > 2 || len(t.Inputs) == 2 && single || len(t.Inputs) == 1 && !single,
		!slices.Contains([]Shape{Threshold, Rank, Both, Table}, t.Shape):
		return fmt.Errorf("it is a %q of %d features", t.Shape, len(t.Inputs))
	case len(t.Rates) != cells || len(t.Rows) != cells:
		return fmt.Errorf("it has %d rates and %d counts for %d cells", len(t.Rates), len(t.Rows), cells)
	}
	for k, rate := range append([]float64{t.Base}, t.Rates...) {
		if !(rate > 0 && rate < 1) || k > 0 && !(t.Rows[k-1] >= 0 && !math.IsInf(t.Rows[k-1], 0)) {
			return fmt.Errorf("cell %d has the rate %v", k-1, rate)
		}
	}
	return nil
}
