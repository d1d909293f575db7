package learn

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// Stake says what was at stake in each scored row, such as the margin that a customer
// brings in a year.
type Stake struct {
	Path   string // Parquet with one row per customer: the task's first key and Column
	Column string
}

// Judge measures old scores once their outcome is known: it reads a predictions file that
// Score wrote and the labels of its cutoff. estimator and on go into the metrics.
// unmatched counts predictions without a label; they are left out.
//
// With a stake (nil: none) three more metrics tell what the scores were worth in money:
// the stake of all rows to which it happened (stake_total), the share of it that sat in
// the tenth of the rows ranked first (stake_top_10), and the largest share that any tenth
// could hold (stake_best_10). A row without a stake, or with one below 0, has none.
func Judge(ctx context.Context, t Task, predictions, labels, estimator, on string, stake *Stake) (metrics []models.Metric, unmatched int, err error) {
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
	var at []int32
	var outcome []bool
	for i, r := range match {
		if r >= 0 {
			at, outcome = append(at, int32(i)), append(outcome, known[r])
		}
	}
	if len(at) == 0 {
		return nil, len(match), fmt.Errorf("grading %s: none of its %d rows has a label in %s", predictions, len(match), labels)
	}
	f = f.Select(at)
	p := f.Column(0).AppendTo(nil, 0, f.Rows())
	metrics, err = t.measure(ctx, estimator, on, f.Keys(), outcome, p, nil)
	if err != nil || stake == nil {
		return metrics, len(match) - len(at), err
	}
	amounts, err := stake.of(ctx, t, f)
	if err != nil {
		return nil, 0, err
	}
	return append(metrics, stakes(estimator, on, outcome, p, amounts)...), len(match) - len(at), nil
}

// of reads the stake of each row.
func (s *Stake) of(ctx context.Context, t Task, f *models.Frame) ([]float64, error) {
	key := func(i int) string { return f.Keys()[0].At(i) }
	table, err := models.ReadFrame(ctx, s.Path, t.Keys[0])
	if err != nil {
		return nil, err
	}
	j := table.Find(s.Column)
	if j < 0 {
		return nil, fmt.Errorf("reading what is at stake from %s: there is no numeric column %s", s.Path, s.Column)
	}
	stake := make(map[string]float64, table.Rows())
	for i := range table.Rows() {
		if v := table.Column(j).At(i); v > 0 {
			stake[table.KeyOf(i)] = v
		}
	}
	out := make([]float64, f.Rows())
	for i := range out {
		out[i] = stake[key(i)]
	}
	return out, nil
}

// stakes are the metrics in money; none when nothing was at stake.
func stakes(estimator, on string, labels []bool, p, amounts []float64) []models.Metric {
	total := 0.0
	lost := make([]float64, len(labels)) // ranking by this knows everything
	for i, l := range labels {
		if l {
			total += amounts[i]
			lost[i] = amounts[i]
		}
	}
	if total == 0 || len(labels) < 10 {
		return nil
	}
	metric := func(name string, v float64) models.Metric {
		return models.Metric{Estimator: estimator, Data: on, Name: name, Value: v, N: len(labels)}
	}
	return []models.Metric{
		metric(models.StakeTotal, total),
		metric(models.StakeTop10, eval.Gains(labels, p, amounts, 10)[0].CapturedAmount),
		metric(models.StakeBest10, eval.Gains(labels, lost, amounts, 10)[0].CapturedAmount),
	}
}
