package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// runOptions are the flags of `mainstay run`.
type runOptions struct {
	projectFlags
	logs   logFlags
	then   afterFlags
	asOf   string
	scope  jobs.Scope
	json   bool
	dryRun bool
	future bool
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

SIGTERM stops a night cleanly: no further job begins, those that run have
resources.grace (20s) to end and are abandoned then. Ctrl-C abandons them at once.
Pressed again it ends the process where it stands, which loses no data either.

With --only, just the tables that are named and what they need are made and
audited. Nothing is published: the tables are left in warehouse.duckdb.partial
in the data directory, to look into, and the next whole night reuses the work.

The warehouse shows the newest day that was published. A night of an older day
publishes its Parquet tables only (tables/as_of=DAY), unless --publish says that
the warehouse is to show it. A day after today is refused, unless --future allows it:
no night of today would be shown until that day has come.

` + exitHelp,
		Example: `  mainstay run
  mainstay run --project shop --as-of 2024-03-01
  mainstay run --only churn_scores,customer_value   make and audit these, publish nothing
  mainstay run --from customer_features             make it and all that comes after it anew
  mainstay run --retrain                            learn the models anew
  mainstay run --dry-run                            what would be made, and why
  mainstay run --json                               the outcome as JSON, for machines
  0 2 * * *  mainstay run --project /srv/shop     (in a crontab)`,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.json {
				return runForMachines(c.Context(), c.OutOrStdout(), o)
			}
			return runRun(c.Context(), c.OutOrStdout(), o)
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.asOf, "as-of", "", "`day` (YYYY-MM-DD) whose night it is: it sees the events before that day (default: today in the project's time zone)")
	addFuture(c, &o.future)
	o.addScope(c)
	o.logs.add(c)
	o.then.add(c)
	return c
}

// addScope adds the flags that say which part of a night is run.
func (o *runOptions) addScope(c *cobra.Command) {
	c.Flags().StringSliceVar(&o.scope.Only, "only", nil, "make and audit only these `tables` and what they need; publish nothing")
	c.Flags().StringSliceVar(&o.scope.From, "from", nil, "make these `tables` and all that come after them anew, even where kept files could be reused")
	c.Flags().BoolVar(&o.json, "json", false, "write the outcome to stdout as JSON")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only say what would be made and what reused, and why")
	c.Flags().BoolVar(&o.scope.Publish, "publish", false, "let the warehouse show this night even if it shows a newer day")
	c.Flags().BoolVar(&o.scope.Retrain, "retrain", false, "learn the models anew, even where kept ones could be reused")
}

// prepare loads the project and checks the flags: nothing is started before.
func (o runOptions) prepare(ctx context.Context) (p *jobs.Project, asOf pipeline.Day, err error) {
	if p, err = o.load(ctx); err != nil {
		if !o.dryRun {
			tellNotStarted(ctx, o.projectFlags, o.then, o.asOf, err)
		}
		return nil, asOf, err
	}
	if err := o.logs.apply(&p.Config.Log); err != nil {
		return nil, asOf, err
	}
	if asOf, err = o.day(p); err != nil {
		return nil, asOf, err
	}
	if err := p.CheckScope(o.scope, nil); err != nil {
		return nil, asOf, usageError{err}
	}
	return p, asOf, nil
}

// night runs the night and does what follows it.
func (o runOptions) night(ctx context.Context, p *jobs.Project, asOf pipeline.Day) endedNight {
	watch, log := follow(os.Stderr, p.Config.Log)
	n := endedNight{asOf: asOf.String(), started: time.Now()}
	work, stop, release := graceful(ctx, time.Duration(p.Config.Resources.Grace), log)
	defer release()
	all, ended := observe(ctx, p, watch, log)
	n.Outcome, n.err = jobs.RunNight(work, p, jobs.Options{AsOf: asOf, Today: today(p), Scope: o.scope, Watch: all, Log: log, Stop: stop})
	n.err = asStopped(ctx, n.err)
	n.Warnings = append(n.Warnings, ended(n.err)...)
	if len(o.scope.Only) == 0 { // a part of a night is of nobody's interest but of whoever runs it
		n.Outcome = after(ctx, p, o.then, n, log)
	}
	logEnd(p.Config.Log, log, n, "night published")
	return n
}

func runRun(ctx context.Context, out io.Writer, o runOptions) error {
	p, asOf, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	if o.dryRun {
		plan, err := p.Plan(ctx, asOf, o.scope, nil)
		if err != nil {
			return err
		}
		return printPlan(out, plan)
	}
	n := o.night(ctx, p, asOf)
	if n.err != nil {
		return logged(p.Config.Log, n.err)
	}
	if c := n.Continues; c != nil {
		fmt.Fprintf(out, "\nThis night went on from night %d (%s): %d of %d tables were reused.\n", c.Night, c.Status, n.Reused(), len(n.Jobs))
	}
	switch {
	case n.Partial != "":
		return reportPartial(out, p, n.Outcome)
	case n.ShownDay != "":
		return reportDay(out, p, n.Outcome)
	}
	return reportNight(ctx, out, p, n.Outcome, false)
}

// reportNight prints a published night. It is published whatever happens now: being
// told to stop, or failing to print, changes nothing about that.
func reportNight(ctx context.Context, out io.Writer, p *jobs.Project, night jobs.Outcome, full bool) error {
	if err := printNight(context.WithoutCancel(ctx), out, p, night, full); err != nil {
		fmt.Fprintln(os.Stderr, "mainstay: the night is published, but printing it failed:", err)
	}
	return warningsOf(p.Config.Log, night.Warnings, "published")
}

// reportPartial says where the tables of a partial run are.
func reportPartial(out io.Writer, p *jobs.Project, night jobs.Outcome) error {
	fmt.Fprintf(out, "\nNothing is published: only some tables of night %s were made. They are audited, and are in\n  %s\n", night.AsOf, filepath.Join(p.DataDir, night.Partial))
	return warningsOf(p.Config.Log, night.Warnings, "made, not published")
}

// reportDay says that an older day did not take the place of a newer one.
func reportDay(out io.Writer, p *jobs.Project, night jobs.Outcome) error {
	fmt.Fprintf(out, "\nNight %s is published in\n  %s\nThe warehouse goes on showing the newer day %s; with --publish it would show this one.\n", night.AsOf,
		filepath.Join(p.DataDir, warehouse.DayDir(night.AsOf.String())), night.ShownDay)
	return warningsOf(p.Config.Log, night.Warnings, "published")
}

// runNight runs a night with progress on the terminal (log lines when there is none).
func runNight(ctx context.Context, p *jobs.Project, asOf pipeline.Day, scope jobs.Scope) (jobs.Outcome, error) {
	watch, log := follow(os.Stderr, p.Config.Log)
	work, stop, release := graceful(ctx, time.Duration(p.Config.Resources.Grace), log)
	defer release()
	return jobs.RunNight(work, p, jobs.Options{AsOf: asOf, Today: today(p), Scope: scope, Watch: watch, Log: log, Stop: stop})
}

// warningsOf prints the warnings of what was done (unless stderr is to be JSON, and
// logEnd has logged them) and turns them into the exit code.
func warningsOf(l config.Log, warnings []string, done string) error {
	if len(warnings) == 0 {
		return nil
	}
	if l.Format != config.LogJSON {
		for _, w := range warnings {
			fmt.Fprintln(os.Stderr, "warning:", w)
		}
	}
	return logged(l, warningsError{len(warnings), done})
}
