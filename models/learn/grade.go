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
	Path   string   // Parquet with one row per key and Column
	Keys   []string // columns that name a row: the first of the task's keys, or all of them
	Column string
}

// Grading says which old scores are to be judged by which outcomes.
type Grading struct {
	// Predictions is a file with the task's keys and probability. The column rank, where
	// there is one, is the order in which a customer's rows were offered, 1 first; without
	// it they are ranked by probability.
	Predictions   string
	Labels        string // labels of the same cutoff
	Estimator, On string // go into the metrics
	Stake         *Stake // nil: none
	Seed          uint64 // of the bootstrap
}

// Judge measures old scores once their outcome is known, with intervals by resampled
// customers. unmatched counts predictions without a label; they are left out.
//
// With a stake more metrics tell what the scores were worth in money. A row without a
// stake, or with one below 0, has none. Of a task whose rows are customers: the stake of
// all to whom it happened (stake_total), the share of it that sat in the tenth of the rows
// ranked first (stake_top_10), and the largest share that any tenth could hold
// (stake_best_10). Of a task with several rows per customer the same of each customer's
// first three rows (stake_top_3, stake_best_3).
func Judge(ctx context.Context, t Task, g Grading) (metrics []models.Metric, unmatched int, err error) {
	all, err := models.ReadFrame(ctx, g.Predictions, t.Keys...)
	if err != nil {
		return nil, 0, err
	}
	keys, known, err := models.ReadLabels(ctx, g.Labels, t.Label, t.Keys...)
	if err != nil {
		return nil, 0, err
	}
	match, err := all.Match(keys)
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
	unmatched = len(match) - len(at)
	if len(at) == 0 {
		return nil, unmatched, fmt.Errorf("grading %s: none of its %d rows has a label in %s", g.Predictions, len(match), g.Labels)
	}
	all = all.Select(at)
	f, err := readForecast(all)
	if err != nil {
		return nil, unmatched, err
	}
	m := t.measuring(g.Estimator, g.On, all.Keys(), outcome, f)
	customers := codes(all.Keys(), len(outcome))
	if g.Stake != nil {
		amounts, err := g.Stake.of(ctx, all)
		if err != nil {
			return nil, unmatched, err
		}
		m.stakes(t, customers, outcome, f, amounts)
	}
	metrics, err = m.finish(ctx, customers, &eval.Resampling{Rounds: gradeRounds(len(outcome)), Seed: g.Seed})
	return metrics, unmatched, err
}

// gradeRounds bounds the work of grading a day, which every night may have to do.
func gradeRounds(rows int) int { return min(400, max(100, 20_000_000/max(rows, 1))) }

// offerRank is the column of a predictions file that ranks the rows of a customer.
const offerRank = "rank"

func readForecast(f *models.Frame) (forecast, error) {
	p, err := f.Project([]string{probability})
	if err != nil {
		return forecast{}, err
	}
	out := forecast{p: p.Column(0).AppendTo(nil, 0, f.Rows())}
	if j := f.Find(offerRank); j >= 0 {
		out.order = f.Column(j).AppendTo(nil, 0, f.Rows())
		for i := range out.order {
			out.order[i] *= -1
		}
	}
	return out, nil
}

// of reads the stake of each row.
func (s *Stake) of(ctx context.Context, f *models.Frame) ([]float64, error) {
	table, err := models.ReadFrame(ctx, s.Path, s.Keys...)
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
		if len(s.Keys) == 1 {
			out[i] = stake[f.Keys()[0].At(i)]
		} else {
			out[i] = stake[f.KeyOf(i)]
		}
	}
	return out, nil
}

// stakes adds the metrics in money; none when nothing was at stake.
func (m *measuring) stakes(t Task, customers []int32, labels []bool, f forecast, amounts []float64) {
	happened := make([]float64, len(labels)) // ranking by this knows everything
	total := 0.0
	for i, l := range labels {
		if l {
			happened[i] = amounts[i]
			total += amounts[i]
		}
	}
	if total == 0 || len(labels) < 10 {
		return
	}
	n := len(labels)
	m.resampled(models.StakeTotal, eval.SumOf(happened), n)
	if len(t.Keys) == 1 {
		m.resampled(models.StakeTop10, eval.CapturedOf(happened, eval.BestShare(f.p, 0.1)), n)
		m.resampled(models.StakeBest10, eval.CapturedOf(happened, eval.BestShare(happened, 0.1)), n)
		return
	}
	m.resampled(models.StakeTop3, eval.CapturedOf(happened, eval.BestWithin(customers, f.within(), 3)), n)
	m.resampled(models.StakeBest3, eval.CapturedOf(happened, eval.BestWithin(customers, happened, 3)), n)
}
