package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// EvaluationOptions say what to learn from and what to judge on.
type EvaluationOptions struct {
	Options
	Tasks       []string // none means all
	Train, Test []pipeline.Day
}

// Evaluation is how good the models of one task are.
type Evaluation struct {
	Task   string
	Report *learn.Report
}

// Evaluate learns from the cutoffs of Train alone, chooses among the models by what these
// cutoffs tell, and judges all of them on those of Test. It publishes nothing. The as-of
// day is the one on which the last outcome is known, whatever Options says.
func Evaluate(ctx context.Context, p *Project, o EvaluationOptions) ([]Evaluation, error) {
	if err := p.checkEvaluation(o); err != nil {
		return nil, err
	}
	all := slices.Concat(o.Train, o.Test)
	horizon := p.Config.History.HorizonDays
	o.AsOf = slices.MaxFunc(all, func(a, b pipeline.Day) int { return a.Since(b) }).AddDays(horizon)
	p.only = all
	defer func() { p.only = nil }()
	g, err := p.Graph(nil)
	if err != nil {
		return nil, err
	}
	var out []Evaluation
	err = p.attempt(ctx, o.Options, ledger.KindExtraction, func(ctx context.Context, n *pipeline.Night, _ *ledger.Night) error {
		tables, err := n.Build(ctx, g.For(customerFeatures, customerCategoryFeatures, churnLabels, crossSellLabels))
		if err != nil {
			return err
		}
		known, err := p.known(ctx, &pipeline.Run{Night: n})
		if err != nil {
			return err
		}
		for _, day := range all {
			if !p.mature(day, known) {
				return fmt.Errorf("the outcome of cutoff %s is not known: it takes the %d days from it on, and orders are known up to %s", day, horizon, known)
			}
		}
		for _, pr := range predictions() {
			if len(o.Tasks) > 0 && !slices.Contains(o.Tasks, pr.task.Name) {
				continue
			}
			e, err := p.evaluate(ctx, n, tables, pr, o)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

// ErrBadSplit is wrapped by the errors about cutoffs that cannot be learned from and
// judged on together.
var ErrBadSplit = errors.New("these cutoffs do not make an evaluation")

// checkEvaluation makes sure that no day is both learned from and judged on.
func (p *Project) checkEvaluation(o EvaluationOptions) error {
	if len(o.Train) == 0 || len(o.Test) == 0 {
		return fmt.Errorf("%w: it takes some to train on and some to test on", ErrBadSplit)
	}
	horizon := p.Config.History.HorizonDays
	for _, train := range o.Train {
		for _, test := range o.Test {
			if end := train.AddDays(horizon); test.Before(end) {
				return fmt.Errorf("%w: train cutoff %s looks at outcomes until %s, after test cutoff %s, so what is judged on would be learned from; leave %d days between them", ErrBadSplit, train, end, test, horizon)
			}
		}
	}
	return nil
}

func (p *Project) evaluate(ctx context.Context, n *pipeline.Night, tables pipeline.Tables, pr prediction, o EvaluationOptions) (Evaluation, error) {
	r := &pipeline.Run{Night: n, Job: pipeline.Job{Name: "evaluate " + pr.task.Name, Kind: pipeline.Model}, In: tables}
	n.Watch.JobStarted(r.Job)
	snapshots := func(days []pipeline.Day) []models.Snapshot {
		var out []models.Snapshot
		for _, day := range days {
			s, _ := p.snapshot(r, pr, day)
			part, _ := tables[pr.labels].At(day.String(), "")
			s.Labels = part.Path
			out = append(out, s)
		}
		return out
	}
	report, err := learn.Evaluate(ctx, pr.task, snapshots(o.Train), snapshots(o.Test), p.learnOptions(pr, nil, pipeline.Day{}), func(done, total int) { r.Progress(done, total, "learning") })
	result := ledger.JobResult{Name: r.Job.Name, Status: ledger.JobDone}
	if err != nil {
		result.Status, result.Note = ledger.JobFailed, err.Error()
	}
	n.Watch.JobEnded(r.Job, result, err)
	if err != nil {
		return Evaluation{}, err
	}
	return Evaluation{Task: pr.task.Name, Report: report}, nil
}
