package learn

import (
	"cmp"
	"math"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/rows"
)

const (
	spreadBins = 10
	// spreadRows bounds the rows per cutoff whose values are spread out: quantiles of
	// more do not differ.
	spreadRows = 20_000
	// scoreRows and scoreBins do the same for scores.
	scoreRows, scoreBins = 5_000, 10
	// importanceRows is on how many rows of the latest cutoff effects are averaged.
	importanceRows = 300
	// topKept is how many features a report ranks.
	topKept = 20
)

// counts are what each cutoff holds.
func (t Task) counts(parts []rows.Part) []gate.Count {
	var out []gate.Count
	for _, p := range parts {
		out = append(out, gate.Count{
			Day: p.Day(), Rows: float64(p.Read), Activity: t.activity(p.Rows.Frame, p.Rows.Weights),
			Rate: float64(p.ReadPositives) / float64(max(p.Read, 1)),
		})
	}
	return out
}

// activity is the sum of the task's activity feature; -1 when there is none.
func (t Task) activity(f *models.Frame, weights []float64) float64 {
	j := f.Find(t.Activity)
	if j < 0 {
		return -1
	}
	sum := 0.0
	for i := range f.Rows() {
		if v := f.Column(j).At(i); v == v {
			if weights != nil {
				v *= weights[i]
			}
			sum += v
		}
	}
	return math.Max(0, sum)
}

// spreads keep how the values of each feature were spread over all cutoffs. They come from
// the rows before thinning: a sample with as many of either outcome is spread otherwise
// than the customers of any night. A feature that was never known is left out: a model has
// learned nothing from it, and windows longer than the history fill one day.
func spreads(parts []rows.Part, features []string) []Spread {
	var out []Spread
	for _, name := range features {
		each := make([][]float64, len(parts))
		for i, p := range parts {
			each[i] = sampled(p.Even.Column(p.Even.Find(name)), p.Even.Rows())
		}
		if s := spread(name, each, spreadBins); !s.unknown() {
			out = append(out, s)
		}
	}
	return out
}

// spread of values over all cutoffs, and how far a single cutoff was from it.
func spread(name string, each [][]float64, bins int) Spread {
	all := slices.Concat(each...)
	s := Spread{Name: name, Distribution: eval.Distribute(all, bins)}
	n := float64(len(each))
	for _, values := range each {
		// A cutoff is part of all: against the others it is off by n/(n-1) times as
		// much, and the index grows with the square.
		if len(each) > 1 && len(values) > 0 {
			s.Usual = math.Max(s.Usual, s.Distribution.Shift(values)*n*n/(n-1)/(n-1))
		}
	}
	return s
}

// unknown tells whether no value was known.
func (s Spread) unknown() bool {
	last, n := len(s.Distribution.Rows)-1, 0
	for _, rows := range s.Distribution.Rows {
		n += rows
	}
	return s.Distribution.Rows[last] == n
}

// scoreSpread is how the model's own scores are spread over the cutoffs that it learned
// from, and how far a single cutoff is from that. Scores of tonight are compared with
// scores of the same model: a fit or a calibration of another day moves them as well, and
// where many are alike (isotonic calibration has steps) it moves many past a border.
func scoreSpread(m *Model, parts []rows.Part) (*Spread, error) {
	each := make([][]float64, len(parts))
	for i, p := range parts {
		at := rows.Evenly(p.Even.Rows(), scoreRows)
		var err error
		if each[i], err = predict(m, p.Even.Select(at)); err != nil {
			return nil, err
		}
	}
	s := spread("probability", each, scoreBins)
	return &s, nil
}

// sampled takes evenly spaced rows of a column.
func sampled(c models.Column, n int) []float64 {
	at := rows.Evenly(n, spreadRows)
	out := make([]float64, len(at))
	for i, row := range at {
		out[i] = c.At(int(row))
	}
	return out
}

// still tells whether the values had been all the same, or all missing: nothing was
// learned from them, such as from a window that was longer than the history.
func (s Spread) still() bool {
	occupied := 0
	for _, rows := range s.Distribution.Rows {
		if rows > 0 {
			occupied++
		}
	}
	return occupied < 2
}

// shift of later values against a spread.
func (s Spread) shift(values []float64) gate.Shift {
	n := 0
	for _, rows := range s.Distribution.Rows {
		n += rows
	}
	g := gate.Shift{Name: s.Name, Index: s.Distribution.Shift(values), Usual: s.Usual}
	if n > 0 && len(values) > 0 {
		g.Chance = float64(len(s.Distribution.Rows)-1) * (1/float64(n) + 1/float64(len(values)))
	}
	return g
}

// watch compares the rows to be scored with what the model learned from.
func (t Task) watch(m *Model, day string, f *models.Frame, p []float64) []gate.Finding {
	r := m.Report
	var out []gate.Finding
	if len(r.Training) > 0 {
		counts := append(slices.Clone(r.Training), gate.Count{Day: day, Rows: float64(f.Rows()), Activity: t.activity(f, nil), Rate: -1})
		for _, c := range gate.CheckVolume(counts, t.Activity, gate.Limits{}.WithDefaults()) {
			if c.Day == day { // holes further back were found when the model was made
				out = append(out, c)
			}
		}
	}
	if f.Rows() == 0 {
		return out
	}
	var shifts []gate.Shift
	for _, s := range r.byImportance() {
		if j := f.Find(s.Name); j >= 0 && !s.still() {
			shifts = append(shifts, s.shift(sampled(f.Column(j), f.Rows())))
		}
	}
	out = append(out, gate.CheckFeatures(shifts)...)
	if r.Scores != nil {
		out = append(out, gate.CheckScores(r.Scores.shift(p))...)
	}
	return out
}

// byImportance lists the spreads of features, those that move scores most first.
func (r Report) byImportance() []Spread {
	rank := map[string]int{}
	for i, x := range r.Top {
		rank[x.Feature] = i - len(r.Top)
	}
	out := slices.Clone(r.Drift)
	slices.SortStableFunc(out, func(a, b Spread) int { return cmp.Compare(rank[a.Name], rank[b.Name]) })
	return out
}

// importance averages the effects of features over evenly spaced rows.
func importance(m *Model, f *models.Frame) ([]Importance, error) {
	f, err := f.Project(m.Estimator.Features())
	if err != nil {
		return nil, err
	}
	features := f.Features()
	at := rows.Evenly(f.Rows(), importanceRows)
	effects, values := make([][]float64, len(features)), make([][]float64, len(features))
	one := make([]float64, len(features))
	for _, row := range at {
		if _, err := m.Explain(f, int(row), one); err != nil {
			return nil, err
		}
		for j, e := range one {
			effects[j], values[j] = append(effects[j], e), append(values[j], f.Column(j).At(int(row)))
		}
	}
	var out []Importance
	for j, name := range features {
		x := Importance{Feature: name, Direction: correlation(values[j], effects[j])}
		for _, e := range effects[j] {
			x.Effect += math.Abs(e) / float64(len(at))
		}
		if x.Effect > 0 {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b Importance) int { return cmp.Compare(b.Effect, a.Effect) })
	return out[:min(topKept, len(out))], nil
}

// correlation of the pairs whose value is known; 0 when either stands still.
func correlation(x, y []float64) float64 {
	var sx, sy, n float64
	for i := range x {
		if x[i] == x[i] {
			sx, sy, n = sx+x[i], sy+y[i], n+1
		}
	}
	var xx, yy, xy float64
	for i := range x {
		if x[i] == x[i] {
			a, b := x[i]-sx/n, y[i]-sy/n
			xx, yy, xy = xx+a*a, yy+b*b, xy+a*b
		}
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return math.Max(-1, math.Min(1, xy/math.Sqrt(xx*yy)))
}
