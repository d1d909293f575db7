package learn

import (
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// calibration learns the shape from predictions for rows that the model had not learned
// from, and the level from how base rates have moved.
//
// The two are kept apart: the predictions of each later cutoff are first moved to that
// cutoff's own rate. A quarter in which everybody buys less would else pass for a model
// that is too sure, and be carried into the next quarter, where it is wrong. Predictions
// of models that learned from too few rows (see choose.Ripe) are left out: a model of few
// rows is shrunk more than the one to be published, and needs another calibrator.
func calibration(unseen []choose.Unseen, parts []rows.Part, horizonDays int) (*Calibration, error) {
	var p, weights []float64
	var labels []bool
	var customers []string
	all := 0
	for _, part := range parts {
		all += part.Rows.Len()
	}
	for _, u := range unseen {
		rate := u.Rows.Rate()
		if !(rate > 0 && rate < 1) || !choose.Ripe(u.Learned, all) {
			continue
		}
		shift, err := calibrate.MatchRate(u.Probability, u.Rows.Weights, rate)
		if err != nil {
			return nil, err
		}
		p = append(p, calibrate.All(shift, u.Probability)...)
		labels = append(labels, u.Rows.Labels...)
		customers = append(customers, names(u.Rows)...)
		for i := range u.Rows.Labels {
			w := 1.0
			if u.Rows.Weights != nil {
				w = u.Rows.Weights[i]
			}
			weights = append(weights, w)
		}
	}
	c := &Calibration{Calibrator: calibrate.Saved{Calibrator: calibrate.Identity{}}, Level: levelOf(parts, horizonDays)}
	c.Reason = "Not calibrated: there are no predictions for new rows by a model that had learned from enough."
	if len(p) > 0 {
		choice, err := calibrate.Choose(p, labels, weights, customers)
		if err != nil {
			return nil, err
		}
		c.Calibrator, c.Candidates, c.Reason = choice.Calibrator, choice.Candidates, choice.Reason
	}
	if c.Level.Shift != 0 {
		c.Calibrator = calibrate.Saved{Calibrator: calibrate.Chain{c.Calibrator.Calibrator, calibrate.Shift{Delta: c.Level.Shift}}}
	}
	return c, nil
}

// names are the customers of rows.
func names(r rows.Rows) []string {
	if c := r.Customers(); c != nil {
		return c
	}
	out := make([]string, r.Len())
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// Level is the correction for a base rate that drifts, in log-odds.
type Level struct {
	Shift float64 `json:"shift"` // added to every score
	// Persistence is the share of a recent move that was still there a horizon later,
	// 0 to 1, as far as the past shows; Pairs is on how many later cutoffs that rests.
	Persistence float64 `json:"persistence"`
	Pairs       int     `json:"pairs"`
	Reason      string  `json:"reason"`
}

// doubt is how many pairs without any persistence are assumed beside those seen.
const doubt = 2

// levelOf asks the past whether a base rate that has moved stays moved. When a cutoff was
// scored, the newest known outcome was a horizon old. How far had its rate moved from the
// mean of all outcomes known then, and how much of that move was still there at the
// cutoff? A trend persists, a season turns. The share that persisted, drawn towards none
// while there are few cutoffs to learn it from, is applied to the newest move.
func levelOf(parts []rows.Part, horizonDays int) Level {
	var xy, xx float64
	var l Level
	for j := range parts {
		n := 0
		for n < j && !parts[n].Snapshot.Cutoff.AddDate(0, 0, horizonDays).After(parts[j].Snapshot.Cutoff) {
			n++
		}
		if n < 2 {
			continue
		}
		x, y := moved(parts[:n], parts[n-1]), moved(parts[:n], parts[j])
		xy, xx, l.Pairs = xy+x*y, xx+x*x, l.Pairs+1
	}
	if l.Pairs == 0 || xx == 0 {
		l.Reason = "Left at the mean rate of what was learned from: history is too short to tell a trend from a season."
		return l
	}
	l.Persistence = math.Min(1, math.Max(0, xy/(xx*(1+doubt/float64(l.Pairs)))))
	last := parts[len(parts)-1]
	move := moved(parts, last)
	l.Shift = l.Persistence * move
	l.Reason = fmt.Sprintf("The rate of %s is off the mean of all by %+.3f in log-odds; of such moves %.0f %% were still there a horizon later (%d later cutoffs), so scores are moved by %+.3f.",
		last.Day(), move, 100*l.Persistence, l.Pairs, l.Shift)
	if l.Persistence == 0 {
		l.Shift = 0 // and not -0
		l.Reason = fmt.Sprintf("Left at the mean rate of what was learned from: when a rate had moved, nothing of that was still there a horizon later (%d later cutoffs).", l.Pairs)
	}
	return l
}

// moved is how far the rate of one part is from the rate of all, in log-odds.
func moved(all []rows.Part, one rows.Part) float64 {
	read, positives := 0, 0
	for _, p := range all {
		read, positives = read+p.Read, positives+p.ReadPositives
	}
	return logit(one.ReadPositives, one.Read) - logit(positives, read)
}

// logit of a rate, as if there had been one more row of either outcome.
func logit(positives, rows int) float64 {
	return models.Logit((float64(positives) + 1) / (float64(rows) + 2))
}
