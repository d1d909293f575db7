package learn

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/rows"
)

// Evaluate runs an experiment as papers do: everything is chosen, fitted and calibrated
// on the train snapshots, and measured on the test snapshots, one after the other. The
// report holds, per test snapshot, the chosen model (under its kind, calibrated), the
// best simple rule, and every candidate fitted on all train rows (under its name, not
// calibrated), so that nobody has to believe that the choice was made without looking.
//
// Every outcome that is learned from must be known at the first test cutoff. progress may
// be nil.
func Evaluate(ctx context.Context, t Task, train, test []models.Snapshot, o Options, progress func(done, total int)) (*Report, error) {
	o, err := o.withDefaults(t)
	if err != nil {
		return nil, err
	}
	if err := apart(t, train, test, o.HorizonDays); err != nil {
		return nil, err
	}
	parts, err := t.reader().ReadParts(ctx, train, o.Seed, o.MaxRows)
	if err != nil {
		return nil, err
	}
	counts := t.counts(parts)
	parts, aside, err := rows.Steady(parts)
	if err != nil {
		return nil, err
	}
	size, width := 0, len(parts[0].Rows.Frame.Features())
	for _, p := range parts {
		size += p.Rows.Len()
	}
	total := choose.Planned(parts, o.Candidates, o.choosing(t, nil))
	for _, c := range o.Candidates { // once by itself, and perhaps in a blend
		total += 2 * choose.Price(c, size, width)
	}
	meter := choose.NewMeter(total, progress)
	defer meter.Finish()
	x, err := learnFrom(ctx, t, o, parts, meter)
	if err != nil {
		return nil, err
	}
	r := &Report{
		Split:  fmt.Sprintf("Chosen, learned and calibrated on %s; tested on %s.", span(train), span(test)),
		Chosen: x.choice.Chosen, Choice: &x.choice, Calibration: x.model.Report.Calibration,
		Rule: x.rule.Report.Rule, Training: counts, Aside: aside, Seed: o.Seed,
	}
	return r, x.test(ctx, test, r)
}

// apart checks that train outcomes were known when the test began.
func apart(t Task, train, test []models.Snapshot, horizonDays int) error {
	if len(train) == 0 || len(test) == 0 {
		return fmt.Errorf("evaluating %s: %w: %d train and %d test snapshots, expected at least one of each", t.Name, models.ErrTooLittle, len(train), len(test))
	}
	for _, s := range append(append([]models.Snapshot{}, train...), test...) {
		if s.Labels == "" {
			return fmt.Errorf("evaluating %s: %w: the outcome of %s is not known yet", t.Name, models.ErrTooLittle, s.Day())
		}
	}
	for _, a := range train {
		for _, b := range test {
			if end := a.Cutoff.AddDate(0, 0, horizonDays); end.After(b.Cutoff) {
				return fmt.Errorf("evaluating %s: the outcome of train cutoff %s was known from %s on, after test cutoff %s: take earlier train cutoffs or later test cutoffs",
					t.Name, a.Day(), end.Format(time.DateOnly), b.Day())
			}
		}
	}
	return nil
}

// test measures on each test snapshot; the pictures are of the last.
func (x *experiment) test(ctx context.Context, test []models.Snapshot, r *Report) error {
	fitted := make([]*Model, len(x.options.Candidates))
	for k, c := range x.options.Candidates {
		e, err := x.fit(ctx, c)
		if err != nil {
			return err
		}
		fitted[k] = &Model{Estimator: e}
	}
	var metrics []models.Metric
	var against []Against
	for _, s := range test {
		later, err := x.task.reader().Read(ctx, s, nil)
		if err != nil {
			return err
		}
		j, err := x.judge(ctx, later, "test "+s.Day())
		if err != nil {
			return err
		}
		for k, m := range fitted {
			p, err := predict(m, later.Frame)
			if err != nil {
				return err
			}
			more, err := x.task.measure(ctx, x.options.Candidates[k].Name, j.on, later.Frame.Keys(), later.Labels, forecast{p: p}, nil)
			if err != nil {
				return err
			}
			j.metrics = append(j.metrics, more...)
		}
		r.Bins, r.Gains = nil, nil
		j.pictures(r)
		metrics, against = append(metrics, j.metrics...), append(against, j.againstUs...)
		if r.Top, err = importance(x.model, later.Frame); err != nil {
			return err
		}
	}
	r.Metrics, r.Against = metrics, against
	return nil
}
