package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func newJobsCommand() *cobra.Command {
	var o projectFlags
	var dot, asSQL bool
	var asOf, to string
	var only []string
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Show the graph of a night: its tables and what each is made from",
		Example: `  mainstay jobs
  mainstay jobs --dot | dot -Tsvg > night.svg
  mainstay jobs --sql --as-of 2024-03-01 > night.sql    (for any DuckDB client: duckdb -init night.sql)`,
		RunE: func(c *cobra.Command, _ []string) error {
			if asSQL {
				return printScript(c.Context(), c.OutOrStdout(), o, asOf, to, only)
			}
			return runJobs(c.Context(), c.OutOrStdout(), o, dot)
		},
	}
	o.add(c)
	c.Flags().BoolVar(&dot, "dot", false, "write the graph in Graphviz's language")
	c.Flags().BoolVar(&asSQL, "sql", false, "write the SQL of a night that has run as one script for any DuckDB client: every table from the lake on, for a look at each step")
	c.Flags().StringVar(&asOf, "as-of", "", "with --sql: `day` of the night (default: the day published last)")
	c.Flags().StringVar(&to, "to", "", "with --sql: `directory` that the script writes its tables to, as Parquet (default: it writes none)")
	c.Flags().StringSliceVar(&only, "only", nil, "with --sql: `names` of tables and SQL models; just these and what they need")
	c.MarkFlagsMutuallyExclusive("dot", "sql")
	return c
}

func printScript(ctx context.Context, out io.Writer, o projectFlags, asOf, to string, only []string) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	day, err := scriptDay(ctx, p, asOf)
	if err != nil {
		return err
	}
	if to != "" {
		if to, err = filepath.Abs(to); err != nil {
			return fmt.Errorf("finding the directory: %w", err)
		}
	}
	text, err := p.Script(ctx, day, to, only...)
	if errors.Is(err, jobs.ErrScope) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// scriptDay is the day asked for, or the one published last.
func scriptDay(ctx context.Context, p *jobs.Project, asOf string) (pipeline.Day, error) {
	if asOf != "" {
		day, err := pipeline.ParseDay(asOf)
		if err != nil {
			return day, usageError{fmt.Errorf("--as-of: %w", err)}
		}
		return day, nil
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return pipeline.Day{}, err
	}
	defer l.Close()
	nights, err := l.PublishedNights(ctx)
	if err != nil {
		return pipeline.Day{}, err
	}
	if len(nights) == 0 {
		return pipeline.Day{}, fmt.Errorf("no night has been published in %s yet", p.DataDir)
	}
	return pipeline.ParseDay(nights[len(nights)-1].AsOf)
}

func runJobs(ctx context.Context, out io.Writer, o projectFlags, dot bool) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	g, err := p.Graph(nil)
	if err != nil {
		return usageError{err}
	}
	if dot {
		fmt.Fprintln(out, "digraph night {\n  rankdir = LR; node [shape = box, fontname = \"sans-serif\"];")
		for _, j := range g.Jobs {
			fmt.Fprintf(out, "  %q [tooltip = %q];\n", j.Name, j.About)
			for _, need := range j.Needs {
				fmt.Fprintf(out, "  %q -> %q;\n", need, j.Name)
			}
		}
		fmt.Fprintln(out, "}")
		return nil
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "STEP\tTABLE\tMADE FROM\tWHAT IT IS")
	for _, j := range g.Jobs {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", j.Kind, j.Name, strings.Join(j.Needs, ", "), j.About)
	}
	return tw.Flush()
}
