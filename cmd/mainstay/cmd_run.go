package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// runOptions are the flags of `mainstay run`.
type runOptions struct {
	projectFlags
	asOf string
}

func newRunCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run",
		Short: "Run one night and publish it",
		Long: `Run one night: extract what is new, compute features, learn, score, audit and
publish. It may be run again for the same day: what has not changed is reused
and the same inputs give the same tables. When it fails, or is killed, the last
published night stays and the next run continues where it can.

` + exitHelp,
		Example: `  mainstay run
  mainstay run --project shop --as-of 2024-03-01
  0 2 * * *  mainstay run --project /srv/shop     (in a crontab)`,
		RunE: func(c *cobra.Command, _ []string) error { return runRun(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	c.Flags().StringVar(&o.asOf, "as-of", "", "`day` (YYYY-MM-DD) whose night it is: it sees the events before that day (default: today in the project's time zone)")
	return c
}

func runRun(ctx context.Context, out io.Writer, o runOptions) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	asOf, err := o.day(p)
	if err != nil {
		return err
	}
	night, err := runNight(ctx, p, asOf)
	if err != nil {
		return err
	}
	return reportNight(ctx, out, p, night, false)
}

// reportNight prints a published night. It is published whatever happens now: being
// told to stop, or failing to print, changes nothing about that.
func reportNight(ctx context.Context, out io.Writer, p *jobs.Project, night jobs.Outcome, full bool) error {
	if err := printNight(context.WithoutCancel(ctx), out, p, night, full); err != nil {
		fmt.Fprintln(os.Stderr, "mainstay: the night is published, but printing it failed:", err)
	}
	return warningsOf(night.Warnings, "published")
}

// runNight runs a night with progress on the terminal (plain lines when there is none).
func runNight(ctx context.Context, p *jobs.Project, asOf pipeline.Day) (jobs.Outcome, error) {
	watch := newWatch(os.Stderr)
	return jobs.RunNight(ctx, p, jobs.Options{AsOf: asOf, Watch: watch, Log: slog.New(slog.NewTextHandler(watch, nil))})
}

// warningsOf prints the warnings of what was done and turns them into the exit code.
func warningsOf(warnings []string, done string) error {
	if len(warnings) == 0 {
		return nil
	}
	for _, w := range warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	return warningsError{len(warnings), done}
}
