package learn

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// measure computes every metric of the task. Scores rank; probabilities, which
// may be the same slice, promise.
func (t Task) measure(estimator, on string, keys []models.Key, labels []bool, scores, probabilities []float64) []models.Metric {
	n := len(labels)
	var out []models.Metric
	add := func(name string, value float64, n int) {
		out = append(out, models.Metric{Estimator: estimator, Data: on, Name: name, Value: value, N: n})
	}
	add(models.BaseRate, float64(eval.Positives(labels))/float64(n), n)
	add(models.AUC, eval.AUC(labels, scores), n)
	add(models.AveragePrecision, eval.AveragePrecision(labels, scores), n)
	add(models.LiftTop10, eval.Lift(labels, scores, 0.1), n)
	add(models.LogLoss, eval.LogLoss(labels, probabilities), n)
	add(models.Brier, eval.Brier(labels, probabilities), n)
	add(models.CalibrationError, eval.CalibrationError(labels, probabilities), n)
	add(models.MeanProbability, eval.Mean(probabilities), n)
	if len(t.Keys) > 1 {
		w := eval.ByCustomer(keys[0].Codes(), labels, scores, 3)
		add(models.HitAt3, w.Hit, w.HitN)
		add(models.AUCWithin, w.AUC, w.AUCN)
	}
	return defined(out)
}

// Judge measures old scores once their outcome is known: it reads a predictions
// file that Score wrote and the labels of its cutoff. estimator and on go into
// the metrics. unmatched counts predictions without a label; they are left out.
func Judge(ctx context.Context, t Task, predictions, labels, estimator, on string) (metrics []models.Metric, unmatched int, err error) {
	f, err := models.ReadFrame(ctx, predictions, t.Keys...)
	if err != nil {
		return nil, 0, err
	}
	if f, err = f.Project([]string{probability}); err != nil {
		return nil, 0, err
	}
	keys, known, err := models.ReadLabels(ctx, labels, t.Label, t.Keys...)
	if err != nil {
		return nil, 0, err
	}
	match, err := f.Match(keys)
	if err != nil {
		return nil, 0, err
	}
	var rows []int32
	var outcome []bool
	for i, r := range match {
		if r >= 0 {
			rows, outcome = append(rows, int32(i)), append(outcome, known[r])
		}
	}
	if len(rows) == 0 {
		return nil, len(match), fmt.Errorf("grading %s: none of its %d rows has a label in %s", predictions, len(match), labels)
	}
	f = f.Select(rows)
	p := f.Column(0).AppendTo(nil, 0, f.Rows())
	return t.measure(estimator, on, f.Keys(), outcome, p, p), len(match) - len(rows), nil
}
