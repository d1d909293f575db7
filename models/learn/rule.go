package learn

import (
	"fmt"
	"math"
	"sort"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// Rule ranks by one feature: what a person would do without a model. A model
// that does not beat the best of them is not worth its cost.
type Rule struct {
	Feature      string    `json:"feature"`
	Less         bool      `json:"less"`          // less of it is likelier
	MissingFirst bool      `json:"missing_first"` // rows without a value are likeliest
	AUC          float64   `json:"auc"`           // on the rows it was found on
	Edges        []float64 `json:"edges"`         // upper ends of the bins of the score
	Rates        []float64 `json:"rates"`         // share of positives in each bin
}

// ruleBins is the number of bins that give a rule its probabilities.
const ruleBins = 10

// Name is how metrics call the rule.
func (r Rule) Name() string { return "rule: " + r.Feature }

func (r Rule) String() string {
	more, missing := "more", ""
	if r.Less {
		more = "less"
	}
	if r.MissingFirst {
		missing = ", unknown first"
	}
	return fmt.Sprintf("%s %s first%s", more, r.Feature, missing)
}

// findRule tries each candidate that the frame has, in both directions, unknown
// values first or last, and returns the one with the best AUC on these rows; ok
// is false when no candidate is there. Ties go to the earlier candidate.
func findRule(d data, candidates []string) (best Rule, ok bool) {
	for _, feature := range candidates {
		if d.frame.Find(feature) < 0 {
			continue
		}
		for _, less := range []bool{false, true} {
			for _, missingFirst := range []bool{false, true} {
				r := Rule{Feature: feature, Less: less, MissingFirst: missingFirst}
				scores, missing := r.scores(d.frame)
				if missingFirst && !missing {
					continue
				}
				if r.AUC = eval.AUC(d.labels, scores); !ok || r.AUC > best.AUC {
					best, ok = r, true
				}
			}
		}
	}
	if ok {
		best.calibrate(d)
	}
	return best, ok
}

// scores are the values to rank by; unknown ones go to the end that the rule says.
func (r Rule) scores(f *models.Frame) (scores []float64, missing bool) {
	c := f.Column(f.Find(r.Feature))
	scores = make([]float64, f.Rows())
	for i := range scores {
		v := c.At(i)
		if r.Less {
			v = -v
		}
		if v != v {
			missing = true
			v = -math.MaxFloat64
			if r.MissingFirst {
				v = math.MaxFloat64
			}
		}
		scores[i] = v
	}
	return scores, missing
}

// calibrate cuts the rows into bins of about equal weight by score and keeps the
// share of positives of each, as if each bin had one more row of either outcome.
func (r *Rule) calibrate(d data) {
	scores, _ := r.scores(d.frame)
	rows := make([]int, len(scores))
	for i := range rows {
		rows[i] = i
	}
	sort.SliceStable(rows, func(a, b int) bool { return scores[rows[a]] < scores[rows[b]] })
	weight := func(i int) float64 {
		if d.weights == nil {
			return 1
		}
		return d.weights[i]
	}
	total := 0.0
	for i := range rows {
		total += weight(i)
	}
	seen, w, p := 0.0, 0.0, 0.0
	for at, i := range rows {
		w += weight(i)
		if d.labels[i] {
			p += weight(i)
		}
		last := at+1 == len(rows)
		if full := seen+w >= total*float64(len(r.Edges)+1)/ruleBins; last || full && scores[rows[at+1]] != scores[i] {
			r.Edges, r.Rates = append(r.Edges, scores[i]), append(r.Rates, (p+1)/(w+2))
			seen, w, p = seen+w, 0, 0
		}
	}
}

// Predict returns the scores to rank by and the probabilities of the rule.
func (r Rule) Predict(f *models.Frame) (scores, probabilities []float64, err error) {
	if f.Find(r.Feature) < 0 {
		return nil, nil, fmt.Errorf("applying %s: %w: %s", r.Name(), models.ErrMissingFeature, r.Feature)
	}
	scores, _ = r.scores(f)
	probabilities = make([]float64, len(scores))
	for i, s := range scores {
		bin := min(sort.SearchFloat64s(r.Edges, s), len(r.Rates)-1)
		probabilities[i] = models.ClipProba(r.Rates[bin])
	}
	return scores, probabilities, nil
}
