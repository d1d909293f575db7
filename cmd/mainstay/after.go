package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/monitor"
)

// afterFlags say what follows a night.
type afterFlags struct {
	silent  bool
	metrics string // file
}

func (f *afterFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.silent, "no-notify", false, "tell nobody how it went")
	c.Flags().StringVar(&f.metrics, "metrics-file", "", "`file` (*.prom) for Prometheus to write when it ended (default: metrics.textfile in mainstay.yaml)")
}

// endedNight is a night that has ended, well or not.
type endedNight struct {
	jobs.Outcome
	asOf    string
	started time.Time
	err     error
}

// after does what follows a night, however it ended: what readers see is published
// elsewhere as well, and people are told. Nothing of it changes what was published; what
// goes wrong is added to the warnings of the night.
func after(ctx context.Context, p *jobs.Project, f afterFlags, n endedNight, log *slog.Logger) jobs.Outcome {
	out := n.Outcome
	if p.Config.Publish.Postgres.URL != "" && (ctx.Err() == nil || n.err == nil) {
		if w := pushAfter(ctx, p, log); w != "" {
			out.Warnings = append(out.Warnings, w)
		}
	}
	if !f.silent {
		out.Warnings = append(out.Warnings, jobs.Tell(ctx, jobs.Telling{
			Config: p.Config, DataDir: p.DataDir, AsOf: n.asOf, Night: out.Night, Err: n.err, Warnings: out.Warnings,
			ExitCode: nightCode(n.err, out.Warnings), Started: n.started, Finished: time.Now(),
		}, log)...)
	}
	if file := cmp.Or(f.metrics, string(p.Config.Metrics.Textfile)); file != "" {
		if err := monitor.WriteTextfile(watched(p), file); err != nil {
			out.Warnings = append(out.Warnings, err.Error())
			log.Warn("the metrics are not written", "file", file, "error", err)
		}
	}
	return out
}

// watched says what the monitor watches.
func watched(p *jobs.Project) monitor.Options {
	return monitor.Options{Dir: p.DataDir, Project: p.Config.Name, Version: jobs.Version}
}

// pushAfter puts what readers see into PostgreSQL, unless it is there. It gives a
// warning when it is not there then.
func pushAfter(ctx context.Context, p *jobs.Project, log *slog.Logger) string {
	pushed, err := p.Push(ctx, jobs.PushOptions{Log: log})
	for _, note := range pushed.Notes {
		log.Warn(note)
	}
	if err == nil || errors.Is(err, jobs.ErrNothingToPush) {
		return ""
	}
	return fmt.Sprintf("the night that readers see is not in PostgreSQL, where the one before stands (the next run tries again, or `mainstay publish push`): %v", err)
}

// nightCode is the exit code that a night is about to end with.
func nightCode(err error, warnings []string) int {
	if err == nil && len(warnings) > 0 {
		return exitWarnings
	}
	return exitCode(err)
}

// tellNotStarted tells people that a night could not even start, as far as the
// configuration says whom to tell.
func tellNotStarted(ctx context.Context, o projectFlags, f afterFlags, asOf string, cause error) {
	c, ok := config.LoadForTelling(o.project, os.LookupEnv)
	if !ok || f.silent {
		return
	}
	data := o.data
	if data == "" {
		data = string(c.Data)
	}
	if abs, err := filepath.Abs(data); err == nil {
		data = abs
	}
	now := time.Now()
	jobs.Tell(ctx, jobs.Telling{Config: c, DataDir: data, AsOf: asOf, Err: cause, ExitCode: exitCode(cause), Started: now, Finished: now}, newLogger(os.Stderr, c.Log))
}

// showAfter prints what followed a night: where else it was published, and who was told.
func showAfter(ctx context.Context, out io.Writer, l *ledger.Ledger, night int64) error {
	pushes, err := l.Pushes(ctx, 0)
	if err != nil {
		return err
	}
	notices, err := l.Notices(ctx, 0)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := "\nAFTERWARDS\tAT\tWHAT"
	line := func(what string, at time.Time, text string) {
		if head != "" {
			fmt.Fprintln(tw, head)
			head = ""
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", what, at.Local().Format(time.DateTime), text)
	}
	for _, p := range slices.Backward(pushes) {
		if p.Night == night {
			line("push to "+p.Target, p.At, cmp.Or(p.Error, fmt.Sprintf("%d tables, %s rows, %.1f s", p.Tables, thousands(p.Rows), p.Seconds)))
		}
	}
	for _, n := range slices.Backward(notices) {
		if n.Night == night {
			line("told "+n.Channel, n.At, n.Event+": "+cmp.Or(n.Error, "delivered"))
		}
	}
	return tw.Flush()
}
