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

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

func newScheduleCommand() *cobra.Command {
	var o projectFlags
	var next int
	c := &cobra.Command{
		Use:   "schedule",
		Short: "Run nights by the cron expression in mainstay.yaml, until stopped",
		Long: `Start every night at its time (schedule.cron and schedule.time_zone in
mainstay.yaml), each as a child process, the same one-shot "mainstay run" that cron
would start: a crash ends that night, never the schedule. Its as-of day is the date
of the slot in the business time zone. Nights never overlap. SIGTERM asks a running night to stop, waits
for it, and ends the schedule.

` + exitHelp,
		Example: `  mainstay schedule --project /srv/shop
  mainstay schedule --next 5            only show when the next nights start`,
		RunE: func(c *cobra.Command, _ []string) error { return runSchedule(c.Context(), c, o, next) },
	}
	o.add(c)
	c.Flags().IntVar(&next, "next", 0, "show when the next `N` nights start, and end")
	return c
}

func runSchedule(ctx context.Context, c *cobra.Command, o projectFlags, next int) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	plan, err := p.Config.Plan()
	if err != nil {
		return usageError{err}
	}
	if c.Flags().Changed("next") {
		if next < 1 {
			return usageError{fmt.Errorf("--next: %d is out of range; expected at least 1", next)}
		}
		slot := time.Now()
		for range next {
			slot = plan.Next(slot)
			fmt.Fprintf(c.OutOrStdout(), "%s  night %s\n", slot.Format(time.RFC3339), pipeline.DayOf(slot, p.Config.Location()))
		}
		return nil
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program to start nights with: %w", err)
	}
	project, err := filepath.Abs(o.project)
	if err != nil {
		return fmt.Errorf("finding the project: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	log.Info("schedule started", "schedule", plan.String(), "project", project, "data", p.DataDir)
	return schedule.Loop(ctx, schedule.SystemClock(), plan, func(ctx context.Context, slot time.Time) error {
		asOf := pipeline.DayOf(slot, p.Config.Location())
		err := schedule.RunChild(ctx, exe, "run", "--project", project, "--data", p.DataDir, "--as-of", asOf.String())
		var child *schedule.ChildError
		if errors.As(err, &child) && child.Code == exitWarnings {
			log.Warn("the night is published, with warnings to read", "night", asOf)
			return nil
		}
		return err
	}, log)
}
