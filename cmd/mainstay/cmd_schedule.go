package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/scheduler"
)

// scheduleOptions are the flags of `mainstay schedule`.
type scheduleOptions struct {
	projectFlags
	logs   logFlags
	listen string
}

func newScheduleCommand() *cobra.Command {
	var o scheduleOptions
	var next int
	c := &cobra.Command{
		Use:   "schedule",
		Short: "Start nights by the schedules in mainstay.yaml, until stopped",
		Long: `Start work at the times that the schedules in mainstay.yaml name (schedule, or
schedules), each as a child process, the same one-shot "mainstay run" or
"mainstay extract" that cron would start: a crash ends that night, never the
schedule. The as-of day of a night is the date of its time in the business time
zone. One work runs at a time.

Every time is in the ledger before its work starts: a restart, or a second
scheduler on the same data directory, neither loses one nor repeats one. Times
missed in a downtime are caught up in order, at most catch_up of them. A time
that a clock change skips or repeats is run once.

SIGTERM asks the work that runs to stop, waits for it (resources.grace and twenty
seconds, then it is killed) and ends the schedule; the work goes on when a
scheduler starts again. mainstay.yaml is read at the start: after a change of the
schedules start the scheduler anew. Everything else a night reads for itself.

` + exitHelp,
		Example: `  mainstay schedule --project /srv/shop
  mainstay schedule --listen :9187      serve metrics for Prometheus
  mainstay schedule --next 5            only show when the next work starts
  mainstay schedule status              what was done, what waits, what comes next`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("next") {
				return showNext(c.Context(), c.OutOrStdout(), o.projectFlags, next)
			}
			return runSchedule(c.Context(), o)
		},
	}
	o.add(c)
	o.logs.add(c)
	c.Flags().StringVar(&o.listen, "listen", "", "`address` such as :9187 on which to serve /metrics, /healthz and /readyz (default: metrics.listen in mainstay.yaml)")
	c.Flags().IntVar(&next, "next", 0, "show when the next `N` works start, and end")
	status := newScheduleStatusCommand()
	status.Args = usageArgs(status.Args)
	c.AddCommand(status)
	return c
}

// loadSchedules reads the configuration and no more: that the SQL is in order matters
// when a night starts, and a scheduler that waits must not end for it.
func loadSchedules(o projectFlags) (*jobs.Project, error) {
	p, err := jobs.LoadForExtraction(o.project, o.data)
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

// killAfter is how much longer than its own grace a night has before it is killed.
const killAfter = 20 * time.Second

func runSchedule(ctx context.Context, o scheduleOptions) error {
	p, err := loadSchedules(o.projectFlags)
	if err != nil {
		return err
	}
	if err := o.logs.apply(&p.Config.Log); err != nil {
		return err
	}
	log := newLogger(os.Stderr, p.Config.Log)
	s, err := newScheduler(p, o.project, log, o.logs.args()...)
	if err != nil {
		return err
	}
	for _, plan := range s.Plans {
		log.Info("schedule", "name", plan.Name, "cron", plan.When.String(), "runs", plan.Work, "next", plan.When.Next(time.Now()))
	}
	if err := serveMetrics(ctx, o.listen, p, s, log); err != nil {
		return usageError{err}
	}
	m := &mourner{p: p, project: o.projectFlags, log: log}
	s.Ended = m.ended
	defer m.wg.Wait()
	return s.Loop(ctx)
}

// newScheduler makes the scheduler of a project, which starts this very program, with
// more arguments behind those of the work.
func newScheduler(p *jobs.Project, project string, log *slog.Logger, more ...string) (*scheduler.Scheduler, error) {
	plans, err := p.Config.Plans()
	if err != nil {
		return nil, usageError{err}
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program to start nights with: %w", err)
	}
	if project, err = filepath.Abs(project); err != nil {
		return nil, fmt.Errorf("finding the project: %w", err)
	}
	patience := time.Duration(p.Config.Resources.Grace) + killAfter
	return &scheduler.Scheduler{
		Plans: plans, Dir: p.DataDir, Zone: p.Config.Location(), Place: placeOf(p), Log: log,
		Run: func(ctx context.Context, slot ledger.Slot) scheduler.Outcome {
			return outcomeOf(ctx, scheduler.RunChild(ctx, patience, exe, append(childArgs(slot, project, p.DataDir), more...)...))
		},
	}, nil
}

// placeOf makes the jitter of projects and machines differ.
func placeOf(p *jobs.Project) string {
	host, _ := os.Hostname() // without a name all such machines have the same
	return host + " " + p.DataDir
}

// childArgs is the command line of a slot's work.
func childArgs(s ledger.Slot, project, data string) []string {
	args := []string{"run", "--project", project, "--data", data, "--as-of", s.AsOf}
	switch s.Work {
	case ledger.WorkExtract:
		args[0] = "extract"
	case ledger.WorkRetrain:
		args = append(args, "--retrain")
	}
	return args
}

// outcomeOf reads how the child ended.
func outcomeOf(ctx context.Context, err error) scheduler.Outcome {
	var child *scheduler.ChildError
	if err == nil {
		return scheduler.Outcome{Ending: scheduler.Done, Code: exitPublished}
	}
	if !errors.As(err, &child) {
		if ctx.Err() != nil {
			return scheduler.Outcome{Ending: scheduler.Stopped, Code: -1}
		}
		return scheduler.Outcome{Ending: scheduler.Failed, Code: -1, Note: err.Error()}
	}
	out := scheduler.Outcome{Ending: scheduler.Failed, Code: child.Code}
	switch child.Code {
	case exitWarnings:
		out.Ending, out.Note = scheduler.Done, "with warnings to read"
	case exitHeld:
		out.Ending = scheduler.Busy
	case exitStopped:
		out.Ending, out.Note = scheduler.Stopped, "stopped by a signal"
	case exitUsage:
		out.Note = "bad usage or configuration; nothing was started"
	case -1:
		out.Note = child.State
		if ctx.Err() != nil { // it was killed because it did not stop in time
			out.Ending = scheduler.Stopped
		}
	}
	return out
}

// dueSlot is a time at which a schedule will start work.
type dueSlot struct {
	schedule, work, asOf string
	at, starts           time.Time
}

// nextSlots lists the next n slots of all schedules after a moment, in order.
func nextSlots(c *config.Config, place string, after time.Time, n int) ([]dueSlot, error) {
	plans, err := c.Plans()
	if err != nil {
		return nil, usageError{err}
	}
	heads := make([]time.Time, len(plans))
	for i, p := range plans {
		heads[i] = p.When.Next(after)
	}
	var out []dueSlot
	for len(out) < n {
		first := -1
		for i, h := range heads {
			if !h.IsZero() && (first < 0 || h.Before(heads[first])) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		p, at := plans[first], heads[first]
		out = append(out, dueSlot{p.Name, string(p.Work), at.In(c.Location()).Format(time.DateOnly), at, p.Starts(at, place)})
		heads[first] = p.When.Next(at)
	}
	return out, nil
}
