package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func newExtractCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "extract [SOURCE...]",
		Short: "Take what is new in the sources into the lake, and stop there",
		Long: `Take what is new in the sources (all of them, or those named) into the lake and
publish nothing: the next night finds it. Use it for a first load of a large
database, or by the hour, so that the night has less to do. When it fails, or is
killed, what was committed stays and the next extraction goes on there.

` + exitHelp,
		Example: `  mainstay extract
  mainstay extract shop --project /srv/shop`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return runExtract(c.Context(), c.OutOrStdout(), o, args) },
	}
	o.add(c)
	c.Flags().StringVar(&o.asOf, "as-of", "", "`day` (YYYY-MM-DD) that the extraction is recorded for (default: today in the project's time zone)")
	addFuture(c, &o.future)
	o.logs.add(c)
	return c
}

// goGrowth makes Go collect garbage sooner than by default (100): an extraction is to
// run beside other things on a small machine, and has little to collect.
const goGrowth = 40

func runExtract(ctx context.Context, out io.Writer, o runOptions, sources []string) error {
	p, err := jobs.LoadForExtraction(o.project, o.data)
	if err != nil {
		return usageError{err}
	}
	if err := o.logs.apply(&p.Config.Log); err != nil {
		return err
	}
	p.Hold()
	asOf, err := o.day(p)
	if err != nil {
		return err
	}
	mapSparingly()
	duck.Frugal()
	debug.SetGCPercent(goGrowth)
	watch, log := follow(os.Stderr, p.Config.Log)
	work, stop, release := graceful(ctx, time.Duration(p.Config.Resources.Grace), log)
	defer release()
	n := endedNight{asOf: asOf.String(), started: time.Now()}
	all, ended := observe(ctx, p, watch, log)
	got, err := jobs.RunExtraction(work, p, jobs.ExtractionOptions{Sources: sources, Options: jobs.Options{AsOf: asOf, Today: today(p), Watch: all, Log: log, Stop: stop}})
	got.Warnings = append(got.Warnings, ended(err)...)
	n.Night, n.Warnings, n.err = got.Night, got.Warnings, err
	logEnd(p.Config.Log, log, n, "extracted")
	if err != nil {
		return logged(p.Config.Log, err)
	}
	for _, note := range got.Notes {
		fmt.Fprintln(out, note)
	}
	if err := printCertificates(out, got.Certificates); err != nil {
		return err
	}
	return warningsOf(p.Config.Log, got.Warnings, "extracted")
}

// day is --as-of, or today.
func (o runOptions) day(p *jobs.Project) (pipeline.Day, error) {
	if o.asOf == "" {
		return today(p), nil
	}
	day, err := pipeline.ParseDay(o.asOf)
	if err == nil && !o.future {
		err = notAfter(day, today(p), p)
	}
	if err != nil {
		return day, usageError{fmt.Errorf("--as-of: %w", err)}
	}
	return day, nil
}

// printCertificates shows what was proven, a line per table.
func printCertificates(out io.Writer, certificates []ledger.Certificate) error {
	if len(certificates) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nCERTIFICATE\tIN SOURCE\tIN LAKE\tREFUSED\tREAD AGAIN\tDELETED\tCHECKSUM OF SOURCE\tOF LAKE\t")
	for _, c := range certificates {
		verdict := "matches"
		if c.SourceRows != c.LakeRows+c.Refused || c.SourceSum != c.LakeSum {
			verdict = "DIFFERS"
		}
		fmt.Fprintf(tw, "%s.%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Source, c.Table, thousands(c.SourceRows), thousands(c.LakeRows), thousands(c.Refused), thousands(c.Differing), thousands(c.Deleted), c.SourceSum, c.LakeSum, verdict)
	}
	return tw.Flush()
}
