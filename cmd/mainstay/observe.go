package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// observers are told one after the other.
type observers []pipeline.Observer

func (o observers) NightStarted(n *pipeline.Night, jobs []pipeline.Job) {
	for _, x := range o {
		x.NightStarted(n, jobs)
	}
}

func (o observers) JobStarted(j pipeline.Job) {
	for _, x := range o {
		x.JobStarted(j)
	}
}

func (o observers) JobProgress(j pipeline.Job, done, total int, step string) {
	for _, x := range o {
		x.JobProgress(j, done, total, step)
	}
}

func (o observers) JobEnded(j pipeline.Job, r ledger.JobResult, err error) {
	for _, x := range o {
		x.JobEnded(j, r, err)
	}
}

func (o observers) NightEnded() {
	for _, x := range o {
		x.NightEnded()
	}
}

// observe adds the events of lineage, where they are wanted, to what is told of a night.
// ended must be called with how the night ended; it gives a warning when events did not
// arrive, which changes nothing about the night.
func observe(ctx context.Context, p *jobs.Project, watch pipeline.Observer, log *slog.Logger) (all pipeline.Observer, ended func(error) []string) {
	e, err := p.Lineage(ctx)
	warning := func(err error) []string {
		if err == nil {
			return nil
		}
		log.Warn("lineage", "error", err)
		return []string{fmt.Sprint("lineage: ", err)}
	}
	switch {
	case err != nil:
		return watch, func(error) []string { return warning(err) }
	case e == nil:
		return watch, func(error) []string { return nil }
	}
	return observers{watch, e}, func(night error) []string { return warning(e.Close(night)) }
}
