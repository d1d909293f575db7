package learn

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/kinds"
	"github.com/mainstay-etl/mainstay/models/rows"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// againstChampion compares the judged model with the one in service on the same later
// rows. That must be fair: a champion that was fitted on outcomes which overlap with
// those of the judging cutoff knows the answers. So it is taken as it is only when all
// that it learned from was known at the judging cutoff. Otherwise its recipe (kind and
// hyper-parameters) learns again from the rows that the new model learned from, and both
// are compared after the straight line in log-odds that suits each best, since the old
// calibrator belongs to another fit. The same recipe needs no comparison: then the new
// model is the old one with more recent outcomes, and better for it. A champion that
// cannot be compared stays: nothing shows that the new model is not worse.
func (x *experiment) againstChampion(ctx context.Context, j *judgement, judged models.Snapshot) (*gate.Finding, error) {
	c := x.options.Champion
	if c == nil || c.Header.Estimator == rule.Kind {
		return nil, nil
	}
	if x.sameRecipe(c) {
		return &gate.Finding{Gate: gate.AgainstOld, Severity: gate.Info, Message: fmt.Sprintf(
			"The champion %s was made by the same recipe from older outcomes: nothing to compare.", c.Header.Version)}, nil
	}
	a, b, how, again, err := x.championScores(ctx, c, j, judged)
	if err != nil {
		return &gate.Finding{Gate: gate.AgainstOld, Severity: gate.Error, Message: fmt.Sprintf(
			"The champion %s could not be compared on the same later rows: %v. The champion stays. To let new models take over without a comparison, move its file away: the column file of model_versions names it.", c.Header.Version, err)}, ctx.Err()
	}
	var order []float64
	if !again { // learned again it is another model, and not calibrated by steps
		if order, err = ownOrder(c, j.rows.Frame); err != nil {
			return nil, err
		}
	}
	if err := x.measure(ctx, j, "champion", forecast{a, order}); err != nil {
		return nil, err
	}
	if again {
		j.metrics = slices.DeleteFunc(j.metrics, func(m models.Metric) bool { // its level was fitted to these very rows
			return m.Estimator == "champion" && slices.Contains(promises, m.Name)
		})
	}
	if err := x.compare(ctx, j, "champion", how, a, b); err != nil {
		return nil, err
	}
	f := gate.CheckChampion(x.model.Label(), c.Header.Version, how, j.againstUs[len(j.againstUs)-1].Comparison, x.options.Limits)
	return &f, nil
}

func (x *experiment) sameRecipe(c *Model) bool {
	params, err := json.Marshal(x.model.Estimator.Params())
	return err == nil && c.Header.Estimator == x.model.Estimator.Kind() && bytes.Equal(params, c.Header.Params)
}

// promises are the metrics of probabilities, not of a ranking.
var promises = []string{models.LogLoss, models.Brier, models.CalibrationError, models.MeanProbability}

// championScores are comparable scores of the champion (a) and of the model (b); again
// tells that it learned again.
func (x *experiment) championScores(ctx context.Context, c *Model, j *judgement, judged models.Snapshot) (a, b []float64, how string, again bool, err error) {
	if knownBy(c.Header, judged.Cutoff) {
		a, err = predict(c, j.rows.Frame)
		return a, j.model, "as it is: all that it learned from was known at the judging cutoff", false, err
	}
	e, err := kinds.New(c.Header.Estimator, c.Header.Params)
	if err != nil {
		return nil, nil, "", true, err
	}
	if err := e.Fit(ctx, x.all.Training(x.options.Threads)); err != nil {
		return nil, nil, "", true, err
	}
	if a, err = predict(&Model{Estimator: e}, j.rows.Frame); err != nil {
		return nil, nil, "", true, err
	}
	if a, err = straighten(a, j.rows); err != nil {
		return nil, nil, "", true, err
	}
	if b, err = predict(&Model{Estimator: x.model.Estimator}, j.rows.Frame); err != nil {
		return nil, nil, "", true, err
	}
	b, err = straighten(b, j.rows)
	return a, b, fmt.Sprintf("its recipe, a %s, learned again from the same rows; both at their best straight line", e.Kind()), true, err
}

// knownBy tells whether all outcomes that a model learned from were complete at a time.
func knownBy(h models.Header, t time.Time) bool {
	for _, day := range h.Cutoffs {
		c, err := time.ParseInLocation(time.DateOnly, day, t.Location())
		if err != nil || c.AddDate(0, 0, h.HorizonDays).After(t) {
			return false
		}
	}
	return len(h.Cutoffs) > 0
}

func straighten(p []float64, r rows.Rows) ([]float64, error) {
	line, err := calibrate.FitPlatt(p, r.Labels, r.Weights)
	return calibrate.All(line, p), err
}
