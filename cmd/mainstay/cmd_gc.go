package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
)

func newGCCommand() *cobra.Command {
	var o projectFlags
	var dryRun bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what crashes, merges and superseded nights left on disk",
		Long: `Remove files of the data directory that nothing needs: lake files that no
committed extraction names (killed extractions, files that were merged into
larger ones), finished files that the ledger does not know, tables of nights
that were run again, unfinished work. What is published, and what a later night
may reuse, stays. It does not run beside a night.

` + exitHelp,
		Example: `  mainstay gc --dry-run
  mainstay gc --project shop`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runGC(c.Context(), c.OutOrStdout(), o, dryRun) },
	}
	o.add(c)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only list what would be removed")
	return c
}

func runGC(ctx context.Context, out io.Writer, o projectFlags, dryRun bool) error {
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	g, err := jobs.CollectGarbage(ctx, dir, dryRun)
	if err != nil {
		return err
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
		for _, f := range g.Files {
			fmt.Fprintln(out, f)
		}
	}
	fmt.Fprintf(out, "%s %d files and folders (%.1f MB)\n", verb, len(g.Files), float64(g.Bytes)/1e6)
	return nil
}
