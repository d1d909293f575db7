package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
)

// evalFlags are those of `mainstay eval`.
type evalFlags struct {
	projectFlags
	train, test, tasks []string
	json               bool
}

func newEvalCommand() *cobra.Command {
	var o evalFlags
	c := &cobra.Command{
		Use:   "eval",
		Short: "Judge the models on cutoffs of your choice",
		Long: `Learn from some cutoffs, judge on later ones, and print how good every model and the
best simple rule are, with intervals. The choice among the models is made from the
train cutoffs alone; the test cutoffs are looked at once, at the end. Each train
cutoff must be a horizon before each test cutoff, and the outcome of all must be known.

Nothing is published: new rows of the sources are taken into the lake, snapshots at
these cutoffs are made (and kept), and that is all.`,
		Example: `  mainstay eval --train 2011-03-01,2011-04-01,2011-05-01,2011-06-01 --test 2011-09-01
  mainstay eval --train 2024-01-01,2024-02-01 --test 2024-06-01 --task churn --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runEval(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	c.Flags().StringSliceVar(&o.train, "train", nil, "`days` (YYYY-MM-DD, with commas) to learn from (required)")
	c.Flags().StringSliceVar(&o.test, "test", nil, "`days` to judge on (required)")
	c.Flags().StringSliceVar(&o.tasks, "task", nil, "churn or cross_sell (default: both)")
	c.Flags().BoolVar(&o.json, "json", false, "the whole report as JSON")
	return c
}

func runEval(ctx context.Context, out io.Writer, o evalFlags) error {
	options := jobs.EvaluationOptions{Tasks: o.tasks}
	for _, t := range o.tasks {
		if !slices.Contains([]string{"churn", "cross_sell"}, t) {
			return usageError{fmt.Errorf("--task: %q is none of churn, cross_sell", t)}
		}
	}
	var err error
	if options.Train, err = daysOf("--train", o.train); err != nil {
		return err
	}
	if options.Test, err = daysOf("--test", o.test); err != nil {
		return err
	}
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	watch := newWatch(os.Stderr)
	options.Watch, options.Log = watch, slog.New(slog.NewTextHandler(watch, nil))
	found, err := jobs.Evaluate(ctx, p, options)
	if errors.Is(err, jobs.ErrBadSplit) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if o.json {
		reports := map[string]*learn.Report{}
		for _, e := range found {
			reports[e.Task] = e.Report
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(reports)
	}
	for _, e := range found {
		if err := writeEvaluation(out, e); err != nil {
			return err
		}
	}
	return nil
}

// daysOf parses the days of a flag.
func daysOf(flag string, texts []string) ([]pipeline.Day, error) {
	if len(texts) == 0 {
		return nil, usageError{fmt.Errorf("%s is required: days like 2024-03-01, with commas between them", flag)}
	}
	var out []pipeline.Day
	for _, text := range texts {
		day, err := pipeline.ParseDay(strings.TrimSpace(text))
		if err != nil {
			return nil, usageError{fmt.Errorf("%s: %w", flag, err)}
		}
		out = append(out, day)
	}
	slices.SortFunc(out, func(a, b pipeline.Day) int { return a.Since(b) })
	return slices.Compact(out), nil
}

// evalMetrics are the columns of the table, where a task has them.
var evalMetrics = []struct{ name, title string }{
	{models.AUC, "AUC"}, {models.AveragePrecision, "AVG. PRECISION"}, {models.LogLoss, "LOG LOSS"}, {models.Brier, "BRIER"},
	{models.CalibrationError, "CALIBRATION ERROR"}, {models.LiftTop10, "LIFT TOP 10 %"}, {models.HitAt3, "HIT@3"}, {models.AUCWithin, "AUC WITHIN"},
}

func writeEvaluation(out io.Writer, e jobs.Evaluation) error {
	fmt.Fprintf(out, "\n%s: %s\n", e.Task, e.Report.Split)
	if e.Report.Choice != nil {
		fmt.Fprintf(out, "Chosen: %s. %s\n", e.Report.Chosen, e.Report.Choice.Why)
	}
	type row struct{ data, estimator string }
	var rows []row
	values, has := map[row]map[string]models.Metric{}, map[string]bool{}
	for _, m := range e.Report.Metrics {
		r := row{m.Data, m.Estimator}
		if values[r] == nil {
			values[r] = map[string]models.Metric{}
			rows = append(rows, r)
		}
		values[r][m.Name], has[m.Name] = m, true
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "ON\tBY\tROWS")
	for _, c := range evalMetrics {
		if has[c.name] {
			fmt.Fprint(tw, "\t"+c.title)
		}
	}
	fmt.Fprintln(tw)
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\t%s", r.data, r.estimator, thousands(int64(values[r][models.AUC].N)))
		for _, c := range evalMetrics {
			if has[c.name] {
				fmt.Fprint(tw, "\t"+metricText(values[r][c.name]))
			}
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, a := range e.Report.Against {
		fmt.Fprintf(out, "against %s: %s\n", a.Other, a.How)
	}
	return nil
}

func metricText(m models.Metric) string {
	switch {
	case m.Name == "":
		return "-"
	case m.Low != 0 || m.High != 0:
		return fmt.Sprintf("%.4f (%.3f-%.3f)", m.Value, m.Low, m.High)
	}
	return fmt.Sprintf("%.4f", m.Value)
}
