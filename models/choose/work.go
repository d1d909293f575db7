package choose

import (
	"slices"

	"github.com/mainstay-etl/mainstay/models/rows"
)

// DefaultWork is the bound on rows x features x passes that choosing may cost. Work, not
// time, is bounded, and decided before it starts: a clock would make the choice depend on
// how busy the machine is. One core does roughly 300 million of these a second, so this
// is about two minutes of one core.
const DefaultWork = 4e10

const (
	// leastRows is how many rows of a fold are learned from at least: what suits few rows
	// is firmer than what suits many, so rather than going below, candidates are dropped.
	leastRows = 30_000
	// leastFolds is how many folds there should be before rows are thinned.
	leastFolds = 3
)

// Work is what choosing was allowed to cost and what it cost. The unit is one look at one
// value: rows x features x passes.
type Work struct {
	Bound float64 `json:"bound"`
	Done  float64 `json:"done"`
	// FoldsLeftOut, Share (of the rows of each fold that was learned from) and Dropped
	// (candidates too dear to try, the last of a kind last) are how it stayed inside the
	// bound, in this order: none is dropped while fewer rows would do.
	FoldsLeftOut int      `json:"folds_left_out,omitempty"`
	Share        float64  `json:"share"`
	Dropped      []string `json:"dropped,omitempty"`
}

// afford decides what is tried on what. Folds by customer are the first to go: with many
// rows each of them is evidence enough.
func (r *run) afford(candidates []Candidate) ([]Candidate, Work) {
	w := Work{Bound: r.options.Work, Share: 1}
	if !(w.Bound > 0) {
		w.Bound = DefaultWork
	}
	for len(r.folds) > leastFolds && r.price(candidates, 1) > w.Bound {
		r.folds = r.folds[:len(r.folds)-1]
		w.FoldsLeftOut++
	}
	largest := 0
	for _, f := range r.folds {
		largest = max(largest, f.size)
	}
	floor := min(1, leastRows/float64(max(largest, 1)))
	for len(candidates) > 1 && r.price(candidates, floor) > w.Bound {
		k := spared(candidates)
		w.Dropped = append(w.Dropped, candidates[k].Name)
		candidates = slices.Delete(slices.Clone(candidates), k, k+1)
	}
	if full := r.price(candidates, 1); full > w.Bound {
		w.Share = max(floor, w.Bound/full)
	}
	w.Done = r.price(candidates, w.Share)
	return candidates, w
}

// spared is the candidate to go first: the dearest of those whose kind has others, since
// unlike kinds are worth more than one more setting of the same; when every kind is down
// to one, the dearest. Of equals the first and the last go in turn, so that the middle of
// a grid stays longest.
func spared(candidates []Candidate) int {
	of := make([]string, len(candidates))
	count := map[string]int{}
	for k, c := range candidates {
		of[k] = c.New().Kind()
		count[of[k]]++
	}
	crowded := len(count) < len(candidates)
	var dearest []int
	for k, c := range candidates {
		if crowded && count[of[k]] == 1 {
			continue
		}
		if len(dearest) > 0 && c.Passes > candidates[dearest[0]].Passes {
			dearest = dearest[:0]
		}
		if len(dearest) == 0 || c.Passes == candidates[dearest[0]].Passes {
			dearest = append(dearest, k)
		}
	}
	if len(dearest)%2 == 1 {
		return dearest[0]
	}
	return dearest[len(dearest)-1]
}

// price of all fits on a share of the rows.
func (r *run) price(candidates []Candidate, share float64) (sum float64) {
	for i := range r.folds {
		for _, c := range candidates {
			sum += r.folds[i].price(c, r.width, share)
		}
	}
	return sum
}

// price of fitting a candidate on a share of the fold.
func (f *fold) price(c Candidate, features int, share float64) float64 {
	return share * float64(f.size) * float64(features) * c.Passes
}

// Price of fitting c once on these many rows.
func Price(c Candidate, rows, features int) float64 {
	return float64(rows) * float64(features) * c.Passes
}

// Planned is what Choose will cost, so that a caller can tell how far it is.
func Planned(parts []rows.Part, candidates []Candidate, o Options) float64 {
	r := &run{options: o, folds: plan(parts, o), width: len(parts[0].Rows.Frame.Features())}
	_, w := r.afford(candidates)
	return w.Done
}
