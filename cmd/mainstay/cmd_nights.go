package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func newNightsCommand() *cobra.Command {
	var o projectFlags
	var limit int
	var missing bool
	c := &cobra.Command{
		Use:   "nights [show ID]",
		Short: "Show the history of nights, or one night in detail",
		Long: `Show the attempts at nights, newest first. READERS says where a night can be
seen: "day" in the link of its day (tables/as_of=DAY), "warehouse" in
warehouse.duckdb. Days that the schedules name between the first and the last
night, and that no night was published of, are named below; --missing lists them.`,
		Example: `  mainstay nights
  mainstay nights show 12
  mainstay nights --missing`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if missing {
				return listMissing(c.Context(), c.OutOrStdout(), o)
			}
			return runNights(c.Context(), c.OutOrStdout(), o, limit, args)
		},
	}
	o.add(c)
	c.Flags().BoolVar(&missing, "missing", false, "only list the days that are missing by the schedules, one per line")
	c.Flags().IntVarP(&limit, "limit", "n", 20, "how many nights to list, newest first; 0 lists all")
	return c
}

func runNights(ctx context.Context, out io.Writer, o projectFlags, limit int, args []string) error {
	id, err := showArgument(args)
	if err != nil {
		return err
	}
	l, err := openLedger(ctx, o)
	if err != nil {
		return err
	}
	defer l.Close()
	if id > 0 {
		return showNight(ctx, out, l, id)
	}
	held, err := l.Holder(ctx)
	if err != nil {
		return err
	}
	if held != nil {
		fmt.Fprintf(out, "running now: %s, process %d on %s, since %s\n\n", held.Holder, held.PID, held.Host, held.Since.Local().Format(time.DateTime))
	}
	nights, err := l.Nights(ctx, limit)
	if err != nil {
		return err
	}
	seen, err := seenBy(ctx, l)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "NIGHT\tAS OF\tKIND\tSTATUS\tREADERS\tSTARTED\tTOOK\tWARNINGS\tNOTE")
	for _, n := range nights {
		note, _, _ := strings.Cut(n.Error, "\n")
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", n.ID, n.AsOf, n.Kind, statusOf(n), seen[n.ID], n.StartedAt.Local().Format(time.DateTime), took(n), n.Warnings, note)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return noteMissing(ctx, out, l, o)
}

// seenBy says where readers see which night: in the warehouse, in its day's link, or in
// both.
func seenBy(ctx context.Context, l *ledger.Ledger) (map[int64]string, error) {
	days, err := l.PublishedNights(ctx)
	if err != nil {
		return nil, err
	}
	out := map[int64]string{}
	for _, n := range days {
		out[n.ID] = "day"
	}
	shown, ok, err := l.Shown(ctx)
	if ok {
		out[shown.Night] = strings.TrimPrefix(out[shown.Night]+", warehouse", ", ")
	}
	return out, err
}

func showArgument(args []string) (int64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	if args[0] != "show" || len(args) != 2 {
		return 0, usageError{fmt.Errorf("expected `mainstay nights` or `mainstay nights show ID`")}
	}
	id, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || id < 1 {
		return 0, usageError{fmt.Errorf("%q is no night's number; `mainstay nights` lists them", args[1])}
	}
	return id, nil
}

// openLedger opens the ledger of a project's data directory; with --data the project
// need not be there.
func openLedger(ctx context.Context, o projectFlags) (*ledger.Ledger, error) {
	dir, err := o.dataDir(ctx)
	if err != nil {
		return nil, err
	}
	l, err := ledger.OpenExisting(ctx, dir)
	if err != nil {
		return nil, usageError{err}
	}
	return l, nil
}

// dataDir is --data, or what the project's configuration says.
func (f *projectFlags) dataDir(ctx context.Context) (string, error) {
	if f.data != "" {
		return filepath.Abs(f.data)
	}
	p, err := f.load(ctx)
	if err != nil {
		return "", err
	}
	return p.DataDir, nil
}

func took(n ledger.Night) string {
	if n.FinishedAt.IsZero() {
		return "-"
	}
	return n.FinishedAt.Sub(n.StartedAt).Round(100 * time.Millisecond).String()
}

func showNight(ctx context.Context, out io.Writer, l *ledger.Ledger, id int64) error {
	nights, err := l.Nights(ctx, 0)
	if err != nil {
		return err
	}
	for _, n := range nights {
		if n.ID != id {
			continue
		}
		fmt.Fprintf(out, "%s %d as of %s: %s\nstarted %s on %s (process %d), took %s\nmainstay %s, config %s, lake %s\n", n.Kind, n.ID, n.AsOf, statusOf(n), n.StartedAt.Local().Format(time.DateTime), n.Host, n.PID, took(n), n.Version, n.Config, n.Lake)
		if n.Error != "" {
			fmt.Fprintf(out, "error: %s\n", n.Error)
		}
		if err := showNightDetails(ctx, out, l, n); err != nil {
			return err
		}
		return showAfter(ctx, out, l, n.ID)
	}
	return usageError{fmt.Errorf("there is no night %d; `mainstay nights` lists them", id)}
}

// statusOf is a night's status in a reader's words: extractions and partial nights publish nothing.
func statusOf(n ledger.Night) string {
	if n.Kind != ledger.KindNight && n.Status == ledger.Published {
		return "done"
	}
	return n.Status
}

func showNightDetails(ctx context.Context, out io.Writer, l *ledger.Ledger, n ledger.Night) error {
	jobs, err := l.Jobs(ctx, n.ID)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nJOB\tSTATUS\tROWS\tSECONDS\tNOTE")
	for _, j := range jobs {
		note, _, _ := strings.Cut(j.Note, "\n")
		fmt.Fprintf(tw, "%s\t%s\t%s\t%.1f\t%s\n", j.Name, j.Status, thousands(j.Rows), j.Seconds, note)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	certificates, err := l.Certificates(ctx, n.ID)
	if err != nil {
		return err
	}
	if err := printCertificates(out, certificates); err != nil {
		return err
	}
	checks, err := l.Checks(ctx, n.ID)
	if err != nil {
		return err
	}
	failing := 0
	for _, c := range checks {
		if c.Failing > 0 {
			failing++
			fmt.Fprintf(tw, "\ncheck\t%s\t%s\t%s\t%d rows: %s\n", c.Severity, c.Table, c.Name, c.Failing, c.Detail)
		}
	}
	fmt.Fprintf(tw, "\n%d checks, %d failing\n", len(checks), failing)
	return tw.Flush()
}
