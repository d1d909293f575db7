package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func newJobsCommand() *cobra.Command {
	var o projectFlags
	var dot bool
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Show the graph of a night: its tables and what each is made from",
		Example: `  mainstay jobs
  mainstay jobs --dot | dot -Tsvg > night.svg`,
		RunE: func(c *cobra.Command, _ []string) error { return runJobs(c.Context(), c.OutOrStdout(), o, dot) },
	}
	o.add(c)
	c.Flags().BoolVar(&dot, "dot", false, "write the graph in Graphviz's language")
	return c
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
