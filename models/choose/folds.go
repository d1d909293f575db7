package choose

import (
	"fmt"
	"math"
	"strings"

	"github.com/mainstay-etl/mainstay/models/rows"
)

const (
	// timeFolds is how many folds by time there are at most: the latest, which have most
	// to learn from and are likest to what comes.
	timeFolds = 3
	// enoughTimeFolds is from how many ripe folds by time on none by customer are added.
	enoughTimeFolds = 2
	// ripeShare is the share of all rows that a fold must learn from to stand for a model
	// that learns from all: what suits few rows is firmer.
	ripeShare = 0.4
	// ripeRows are enough whatever their share. A little below leastRows, since thinning
	// keeps whole customers and so misses its aim by some.
	ripeRows = leastRows * 5 / 6
	// customerFolds is into how many parts the customers are cut.
	customerFolds = 4
)

// Ripe tells whether predictions of a model that learned from some rows stand for those of
// a model that learns from all: it had ripeShare of them, or as many as the work bound
// leaves a fold at least. Both counts are rows that a fit was given, thinned or not.
func Ripe(learned, all int) bool {
	return float64(learned) >= math.Min(ripeShare*float64(all), ripeRows)
}

// Fold is one way to part what is known into rows to learn from and rows to judge on.
type Fold struct {
	Learn     string `json:"learn"`
	Judge     string `json:"judge"`
	TrainRows int    `json:"learn_rows"`
	JudgeRows int    `json:"judge_rows"`
	Skipped   string `json:"skipped,omitempty"` // why it was not used
}

// fold knows its rows.
type fold struct {
	Fold
	day    string // cutoff judged; "" for a fold by customer
	parts  []rows.Part
	judge  rows.Part
	others []rows.Part // judged in a fold by customer; nil in one by time
	part   int         // of the customers
	size   int         // rows to learn from, before thinning
}

// plan makes the folds. A fold by time judges one cutoff by what was known then: the
// cutoffs whose outcomes were complete (rolling origin). Where history is too short for
// two ripe ones of these, folds by customer are added: each learns from three quarters of
// the customers at all cutoffs but the latest and is judged on the others at the latest.
// They look a month ahead, not a horizon, but they learn from about as many rows as the
// model to be published, and a model that has learned its season by heart does not shine
// in them, as it would if both sides were of the same cutoffs. With two cutoffs or one
// there is no choice but these.
func plan(parts []rows.Part, o Options) []fold {
	var out []fold
	ripe := 0
	for j := len(parts) - 1; j >= 0 && len(out) < timeFolds; j-- {
		n := 0
		for n < j && !parts[n].Snapshot.Cutoff.AddDate(0, 0, o.HorizonDays).After(parts[j].Snapshot.Cutoff) {
			n++
		}
		if n > 0 {
			out = append(out, fold{
				Fold: Fold{Learn: days(parts[:n]), Judge: parts[j].Day()},
				day:  parts[j].Day(), parts: parts[:n], judge: parts[j], size: total(parts[:n]),
			})
			if float64(total(parts[:n])) >= ripeShare*float64(total(parts)) {
				ripe++
			}
		}
	}
	if ripe >= enoughTimeFolds {
		return out
	}
	learn, judge := parts, parts
	if n := len(parts); n > 2 {
		learn, judge = parts[:n-1], parts[n-1:]
	}
	for k := range customerFolds {
		out = append(out, fold{
			Fold: Fold{
				Learn: fmt.Sprintf("three quarters of the customers at %s", days(learn)),
				Judge: fmt.Sprintf("quarter %d of the customers at %s", k+1, days(judge)),
			},
			parts: learn, others: judge, part: k, size: total(learn) * (customerFolds - 1) / customerFolds,
		})
	}
	return out
}

// rows are what the fold learns from, a share of it, and what it is judged on.
func (f *fold) rows(share float64, seed uint64) (train, judge rows.Rows, err error) {
	if train, err = rows.Join(f.parts); err != nil {
		return train, judge, err
	}
	judge = f.judge.Rows
	if f.others != nil {
		if judge, err = rows.Join(f.others); err != nil {
			return train, judge, err
		}
		train, judge = f.side(train, seed, false), f.side(judge, seed, true)
	}
	return train.Thin(seed, share), judge, nil
}

// side takes the customers that are judged, or all the others.
func (f *fold) side(r rows.Rows, seed uint64, judged bool) rows.Rows {
	var at []int32
	for i, k := range r.Fold(seed, customerFolds) {
		if (k == f.part) == judged {
			at = append(at, int32(i))
		}
	}
	return r.Select(at)
}

func total(parts []rows.Part) int {
	n := 0
	for _, p := range parts {
		n += p.Rows.Len()
	}
	return n
}

func days(parts []rows.Part) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.Day()
	}
	return strings.Join(out, ", ")
}
