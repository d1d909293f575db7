package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/card"
	"github.com/mainstay-etl/mainstay/models/gate"
)

func newModelsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List the models that were trained, and show how good each is",
		Long: `A version of a model is a file that never changes: what it learned, from what, how
it was judged, and beside what. list shows them all, show prints the card of one,
card writes the card as a page (HTML) or as Markdown.`,
		Example: `  mainstay models list
  mainstay models show churn
  mainstay models card 2024-10-01-blend-1f0c93aa --out card.html`,
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	for _, sub := range []*cobra.Command{newModelsListCommand(), newModelsShowCommand(), newModelsCardCommand()} {
		sub.Args = usageArgs(sub.Args)
		c.AddCommand(sub)
	}
	return c
}

func newModelsListCommand() *cobra.Command {
	var o projectFlags
	c := &cobra.Command{
		Use:     "list",
		Short:   "List all versions, newest first, and which of them score",
		Example: "  mainstay models list",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runModelsList(c.Context(), c.OutOrStdout(), o)
		},
	}
	o.add(c)
	return c
}

func runModelsList(ctx context.Context, out io.Writer, o projectFlags) error {
	versions, err := modelVersions(ctx, o)
	if err != nil {
		return err
	}
	if len(versions) == 0 {
		fmt.Fprintln(out, "No model yet: a night learns one once the outcome of a snapshot is known.")
		return nil
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TASK\tVERSION\tMODEL\tLEARNED FROM\tROWS\tAUC\tLOG LOSS\tSCORES")
	for _, v := range versions {
		if v.Broken != nil {
			fmt.Fprintf(tw, "%s\t%s\tcannot be read: %v\n", v.Task, v.File, v.Broken)
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Task, v.Version, v.Model, span(v.Header.Cutoffs), thousands(int64(v.Header.Rows)),
			judged(v, models.AUC), judged(v, models.LogLoss), scoresOn(v))
	}
	return tw.Flush()
}

func span(cutoffs []string) string {
	switch len(cutoffs) {
	case 0:
		return "-"
	case 1:
		return cutoffs[0]
	}
	return fmt.Sprintf("%d cutoffs, %s to %s", len(cutoffs), cutoffs[0], cutoffs[len(cutoffs)-1])
}

// judged is a metric of the model itself, on the later data that it was judged on.
func judged(v jobs.ModelVersion, metric string) string {
	if m, ok := v.Report.Metric(v.Model, metric); ok {
		return fmt.Sprintf("%.4f", m.Value)
	}
	return "-"
}

// scoresOn tells on which published days a version scored.
func scoresOn(v jobs.ModelVersion) string {
	switch days := v.Served; len(days) {
	case 0:
		if v.Report.Verdict.Refused(gate.TooGood) {
			return "never: too good to be true"
		}
		return "never"
	case 1:
		return days[0]
	default:
		return fmt.Sprintf("%d nights, %s to %s", len(days), days[0], days[len(days)-1])
	}
}

func newModelsShowCommand() *cobra.Command {
	var o projectFlags
	c := &cobra.Command{
		Use:   "show VERSION|TASK",
		Short: "Print the card of a version, or of a task's latest",
		Example: `  mainstay models show churn
  mainstay models show 2024-10-01-blend-1f0c93aa`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := findVersion(c.Context(), o, args[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(card.Markdown(v.Header, v.Report, v.Made))
			return err
		},
	}
	o.add(c)
	return c
}

func newModelsCardCommand() *cobra.Command {
	var o projectFlags
	var to string
	c := &cobra.Command{
		Use:   "card VERSION|TASK",
		Short: "Write the card of a version as a page",
		Long: `Write the card of a version, or of a task's latest, as one HTML file that needs
nothing else, or as Markdown when the file's name ends in .md.`,
		Example: `  mainstay models card churn
  mainstay models card churn --out churn.md`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runModelsCard(c.Context(), c.OutOrStdout(), o, args[0], to)
		},
	}
	o.add(c)
	c.Flags().StringVar(&to, "out", "", "`file` to write (default: TASK-VERSION.html here)")
	return c
}

func runModelsCard(ctx context.Context, out io.Writer, o projectFlags, which, to string) error {
	v, err := findVersion(ctx, o, which)
	if err != nil {
		return err
	}
	if to == "" {
		to = v.Task + "-" + v.Version + ".html"
	}
	text := card.HTML(v.Header, v.Report, v.Made)
	if strings.EqualFold(filepath.Ext(to), ".md") {
		text = card.Markdown(v.Header, v.Report, v.Made)
	}
	if err := os.WriteFile(to, text, 0o644); err != nil {
		return fmt.Errorf("writing the card: %w", err)
	}
	fmt.Fprintln(out, to)
	return nil
}

func modelVersions(ctx context.Context, o projectFlags) ([]jobs.ModelVersion, error) {
	dir, err := o.dataDir(ctx)
	if err != nil {
		return nil, err
	}
	return jobs.ModelVersions(ctx, dir)
}

// findVersion is the version of that name, or a task's latest that scores.
func findVersion(ctx context.Context, o projectFlags, which string) (jobs.ModelVersion, error) {
	versions, err := modelVersions(ctx, o)
	if err != nil {
		return jobs.ModelVersion{}, err
	}
	var found, latest *jobs.ModelVersion
	for i, v := range versions {
		if v.Broken != nil {
			continue
		}
		if strings.HasPrefix(v.Version, which) {
			if found != nil && found.Version != v.Version {
				return jobs.ModelVersion{}, usageError{fmt.Errorf("%q is the beginning of several versions: %s, %s", which, found.Version, v.Version)}
			}
			found = &versions[i]
		}
		last := func(v *jobs.ModelVersion) string {
			if v == nil || len(v.Served) == 0 {
				return ""
			}
			return v.Served[len(v.Served)-1]
		}
		if v.Task == which && (latest == nil || last(&versions[i]) > last(latest)) {
			latest = &versions[i]
		}
	}
	switch {
	case latest != nil:
		return *latest, nil
	case found != nil:
		return *found, nil
	}
	for _, v := range versions {
		if v.Broken != nil {
			return jobs.ModelVersion{}, fmt.Errorf("there is no readable model %q: %s: %w; `mainstay run` makes it again", which, v.File, v.Broken)
		}
	}
	return jobs.ModelVersion{}, usageError{fmt.Errorf("there is no model %q; `mainstay models list` lists them", which)}
}
