package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// backfillOptions are the flags of `mainstay backfill`.
type backfillOptions struct {
	projectFlags
	from, to, every string
	dryRun, verbose bool
	future          bool
}

func newBackfillCommand() *cobra.Command {
	var o backfillOptions
	c := &cobra.Command{
		Use:   "backfill",
		Short: "Run the nights of past days, in order",
		Long: `Run the nights of past days, oldest first, each as a process of its own, the same
"mainstay run" that a schedule starts. Days that are published already, by the same
program, configuration and SQL, are skipped: after an interruption the same command
goes on where it was. It stops at the first night that fails. Nobody is told of
single nights.

The warehouse goes on showing the newest day; older days get their Parquet tables
(tables/as_of=DAY).

` + exitHelp,
		Example: `  mainstay backfill --from 2024-01-01 --to 2024-03-31 --dry-run
  mainstay backfill --from 2024-01-01 --to 2024-03-31
  mainstay backfill --from 2022-01-01 --to 2024-03-31 --every month`,
		RunE: func(c *cobra.Command, _ []string) error { return runBackfill(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	c.Flags().StringVar(&o.from, "from", "", "first `day` (YYYY-MM-DD)")
	c.Flags().StringVar(&o.to, "to", "", "last `day` (YYYY-MM-DD; default: --from)")
	c.Flags().StringVar(&o.every, "every", jobs.EveryDay, "`step`: day, week (counted from the first day) or month (first days of months)")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say which days would be run, and why")
	addFuture(c, &o.future)
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show the progress of each night")
	return c
}

// days reads the flags.
func (o backfillOptions) days() ([]pipeline.Day, error) {
	if o.from == "" {
		return nil, usageError{errors.New("--from is missing; expected the first day, such as 2024-01-01")}
	}
	from, err := pipeline.ParseDay(o.from)
	if err != nil {
		return nil, usageError{fmt.Errorf("--from: %w", err)}
	}
	to := from
	if o.to != "" {
		if to, err = pipeline.ParseDay(o.to); err != nil {
			return nil, usageError{fmt.Errorf("--to: %w", err)}
		}
	}
	days, err := jobs.BackfillDays(from, to, o.every)
	if err != nil {
		return nil, usageError{fmt.Errorf("--from, --to, --every: %w", err)}
	}
	return days, nil
}

func runBackfill(ctx context.Context, out io.Writer, o backfillOptions) error {
	days, err := o.days()
	if err != nil {
		return err
	}
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	if last := days[len(days)-1]; !o.future {
		if err := notAfter(last, today(p), p); err != nil {
			return usageError{fmt.Errorf("--to: %w", err)}
		}
	}
	plan, err := p.PlanBackfill(ctx, days)
	if err != nil {
		return err
	}
	if o.dryRun {
		return printBackfill(out, plan)
	}
	var todo []jobs.BackfillDay
	for _, d := range plan {
		if !d.Skip {
			todo = append(todo, d)
		}
	}
	fmt.Fprintf(out, "%s to run, %d published already\n", plural(len(todo), "day"), len(plan)-len(todo))
	b := &backfill{o: o, p: p, out: out}
	for i, d := range todo {
		if err := b.run(ctx, d, i+1, len(todo)); err != nil {
			fmt.Fprintf(out, "stopped at %s, %d of %d days done; once the cause is mended, the same command goes on from there\n", d.AsOf, i, len(todo))
			return err
		}
	}
	if b.warned > 0 {
		return warningsError{b.warned, "every day is published"}
	}
	return nil
}

func printBackfill(out io.Writer, plan []jobs.BackfillDay) error {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range plan {
		what := "run"
		if d.Skip {
			what = "skip"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", d.AsOf, what, d.Why)
	}
	return tw.Flush()
}

// backfill runs nights one after the other.
type backfill struct {
	o      backfillOptions
	p      *jobs.Project
	out    io.Writer
	warned int // warnings of the nights so far
}

// run runs one night and prints a line about it.
func (b *backfill) run(ctx context.Context, d jobs.BackfillDay, i, of int) error {
	doc, err := b.child(ctx, d.AsOf)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("%d/%d  %s  %s", i, of, d.AsOf, doc.Status)
	if doc.Night > 0 {
		line += fmt.Sprintf("  night %d  %.1fs", doc.Night, doc.Seconds)
	}
	if n := len(doc.Warnings); n > 0 && doc.Error == nil {
		line += "  " + plural(n, "warning") + fmt.Sprintf(" (mainstay nights show %d)", doc.Night)
		b.warned += n
	}
	fmt.Fprintln(b.out, line)
	if doc.Error == nil {
		return nil
	}
	return childError{day: d.AsOf.String(), text: *doc.Error, code: doc.ExitCode}
}

// childError is how the night of a day failed, as its own process told.
type childError struct {
	day, text string
	code      int
}

func (e childError) Error() string { return "night " + e.day + ": " + e.text }

// child runs the night of a day as a process of its own. When this one is told to stop the
// child is, too, and is waited for.
func (b *backfill) child(ctx context.Context, day pipeline.Day) (doc runDocument, err error) {
	exe, err := os.Executable()
	if err != nil {
		return doc, fmt.Errorf("finding the program to start nights with: %w", err)
	}
	project, err := filepath.Abs(b.o.project)
	if err != nil {
		return doc, fmt.Errorf("finding the project: %w", err)
	}
	args := []string{"run", "--project", project, "--data", b.p.DataDir, "--as-of", day.String(), "--json", "--no-notify"}
	if b.o.future {
		args = append(args, "--future")
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if b.o.verbose {
		cmd.Stderr = os.Stderr
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Duration(b.p.Config.Resources.Grace) + killAfter
	err = cmd.Run()
	if jsonErr := json.Unmarshal(stdout.Bytes(), &doc); jsonErr != nil {
		return doc, errors.Join(ctx.Err(), fmt.Errorf("night %s ended without a word: %w", day, errors.Join(err, jsonErr)))
	}
	if ctx.Err() != nil {
		return doc, ctx.Err()
	}
	return doc, nil
}
