package main

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/monitor"
	"github.com/mainstay-etl/mainstay/pipeline/scheduler"
)

// serveMetrics serves the metrics of a scheduler for Prometheus until ctx ends, when an
// address is given or configured. That the server fails later is logged: the scheduler
// goes on.
func serveMetrics(ctx context.Context, address string, p *jobs.Project, s *scheduler.Scheduler, log *slog.Logger) error {
	if address = cmp.Or(address, p.Config.Metrics.Listen); address == "" {
		return nil
	}
	o := watched(p)
	o.Alive = s.Alive
	o.Next = func(now time.Time) []monitor.Slot {
		var out []monitor.Slot
		for _, plan := range s.Plans {
			if next := plan.When.Next(now); !next.IsZero() {
				out = append(out, monitor.Slot{Schedule: plan.Name, At: plan.Starts(next, s.Place)})
			}
		}
		return out
	}
	listening, ended, err := monitor.Serve(ctx, address, o)
	if err != nil {
		return err
	}
	log.Info("serving metrics", "address", listening)
	go func() {
		if err := <-ended; err != nil {
			log.Error("the metrics are not served any more", "error", err)
		}
	}()
	return nil
}
