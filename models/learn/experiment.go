package learn

import (
	"context"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/rows"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// experiment is what could have been known at the end of some cutoffs: a model chosen,
// fitted and calibrated on them alone, and the best simple rule. Nothing later is in it,
// so later rows may judge it.
type experiment struct {
	task    Task
	options Options
	meter   *choose.Meter
	parts   []rows.Part
	all     rows.Rows
	choice  choose.Result
	model   *Model // chosen, fitted on all, calibrated; without a header
	rule    *Model
}

// learnFrom runs an experiment. The error wraps [models.ErrTooLittle] without both
// outcomes.
func learnFrom(ctx context.Context, t Task, o Options, parts []rows.Part, meter *choose.Meter) (*experiment, error) {
	x := &experiment{task: t, options: o, meter: meter, parts: parts}
	var err error
	if x.all, err = rows.Join(parts); err != nil {
		return nil, err
	}
	if !x.all.BothOutcomes() {
		return nil, fmt.Errorf("training %s: %w: %d rows of %s to %s, %d of them positive; expected both outcomes",
			t.Name, models.ErrTooLittle, x.all.Len(), parts[0].Day(), parts[len(parts)-1].Day(), x.all.Positives())
	}
	if x.rule, err = bestRule(ctx, t, o, x.all, parts); err != nil {
		return nil, err
	}
	x.choice, err = choose.Choose(ctx, parts, o.Candidates, o.choosing(t, meter))
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", t.Name, err)
	}
	c, err := calibration(x.choice.Unseen, parts, o.HorizonDays)
	if err != nil {
		return nil, fmt.Errorf("training %s: %w", t.Name, err)
	}
	e, err := x.fit(ctx, x.choice.Candidate)
	if err != nil {
		return nil, err
	}
	x.model = &Model{Estimator: e, calibrator: c.Calibrator.Calibrator}
	x.model.Report.Calibration = c
	return x, nil
}

func (x *experiment) fit(ctx context.Context, c choose.Candidate) (models.Estimator, error) {
	e := c.New()
	t := x.all.Training(x.options.Threads)
	t.Progress = x.meter.Part(choose.Price(c, x.all.Len(), len(x.all.Frame.Features())))
	if err := e.Fit(ctx, t); err != nil {
		return nil, fmt.Errorf("training %s: %w", x.task.Name, err)
	}
	return e, nil
}

// bestRule searches the simple rules on rows and moves the best one to the level that
// the calibration of a model would have.
func bestRule(ctx context.Context, t Task, o Options, all rows.Rows, parts []rows.Part) (*Model, error) {
	r := rule.New(rule.Params{Features: o.Rules})
	if err := r.Fit(ctx, all.Training(o.Threads)); err != nil {
		return nil, fmt.Errorf("searching the best simple rule of %s: %w", t.Name, err)
	}
	c, err := calibration(nil, parts, o.HorizonDays)
	if err != nil {
		return nil, err
	}
	c.Reason = "A rule's probabilities are the rates of the rows that it was found on."
	m := &Model{Estimator: r, calibrator: c.Calibrator.Calibrator}
	m.Report.Calibration = c
	m.Report.Rule = &RuleReport{Name: r.Name(), Words: r.String(), Tried: r.Tried()}
	return m, nil
}

// predict projects rows onto the model's features and scores them.
func predict(m *Model, f *models.Frame) ([]float64, error) {
	p, err := f.Project(m.Estimator.Features())
	if err != nil {
		return nil, err
	}
	return m.Probability(p)
}

// ownOrder are a model's own probabilities, before calibration: what the rows of a customer
// are ranked by where calibration makes neighbours equal.
func ownOrder(m *Model, f *models.Frame) ([]float64, error) {
	return predict(&Model{Estimator: m.Estimator}, f)
}

// judgement is what later rows say about an experiment.
type judgement struct {
	on        string // "validation 2011-09-01"
	rows      rows.Rows
	model     []float64
	rule      []float64
	metrics   []models.Metric
	againstUs []Against
	rounds    int
}

// judge measures model and rule on later rows, side by side.
func (x *experiment) judge(ctx context.Context, later rows.Rows, on string) (*judgement, error) {
	j := &judgement{on: on, rows: later, rounds: x.options.rounds(later.Len())}
	var err error
	if j.model, err = predict(x.model, later.Frame); err != nil {
		return nil, err
	}
	own, err := ownOrder(x.model, later.Frame)
	if err != nil {
		return nil, err
	}
	if j.rule, err = predict(x.rule, later.Frame); err != nil {
		return nil, err
	}
	if err := x.measure(ctx, j, x.model.Label(), forecast{j.model, own}); err != nil {
		return nil, err
	}
	if err := x.measure(ctx, j, x.rule.Label(), forecast{p: j.rule}); err != nil {
		return nil, err
	}
	return j, x.compare(ctx, j, x.rule.Label(), "found on the same rows as the model", j.rule, j.model)
}

// compare resamples customers for the difference of another (A) to the model (B).
func (x *experiment) compare(ctx context.Context, j *judgement, other, how string, a, b []float64) error {
	c, err := eval.Compare(ctx, j.rows.Codes(), j.rows.Labels, a, b, *x.resampling(j))
	if err != nil {
		return err
	}
	j.againstUs = append(j.againstUs, Against{Other: other, How: how, Comparison: c})
	return nil
}

func (x *experiment) measure(ctx context.Context, j *judgement, estimator string, f forecast) error {
	m, err := x.task.measure(ctx, estimator, j.on, j.rows.Frame.Keys(), j.rows.Labels, f, x.resampling(j))
	j.metrics = append(j.metrics, m...)
	return err
}

func (x *experiment) resampling(j *judgement) *eval.Resampling {
	return &eval.Resampling{Rounds: j.rounds, Seed: x.options.Seed, Threads: x.options.Threads}
}

// pictures fills what a card draws of the later rows.
func (j *judgement) pictures(r *Report) {
	for _, b := range eval.Reliability(j.rows.Labels, j.model, 10) {
		low, high := eval.Wilson(b.Rate, b.Rows, 0.95)
		r.Bins = append(r.Bins, Bin{Rows: b.Rows, Probability: b.Probability, Rate: b.Rate, Low: low, High: high})
	}
	byRule := eval.Gains(j.rows.Labels, j.rule, nil, 10)
	for g, x := range eval.Gains(j.rows.Labels, j.model, nil, 10) {
		r.Gains = append(r.Gains, Gain{Share: x.Share, Captured: x.Captured, Lift: x.Lift, Rule: byRule[g].Captured})
	}
	r.Judged, r.Rounds = j.on, j.rounds
	r.Metrics, r.Against = j.metrics, j.againstUs
}
