package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
)

func newGCCommand() *cobra.Command {
	var o projectFlags
	var dryRun bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what has become old, and what crashes, merges and superseded nights left",
		Long: `Remove files of the data directory that nothing needs: lake files that no
committed extraction names (killed extractions, files that were merged into
larger ones), finished files that the ledger does not know, tables of nights
that were run again, a warehouse that an audit held back before another night
was published, files that a killed push left, unfinished work. And let go of what
has become old by retention in mainstay.yaml, as every night does at its end. What
is published, and what a later night needs, stays. It does not run beside a night.
With --data and no mainstay.yaml at hand nothing is let go by its age.

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
	var c *config.Config
	var now pipeline.Day // only what the configuration lets go is a matter of time
	dir := o.data
	if _, err := os.Stat(filepath.Join(o.project, config.FileName)); err == nil || dir == "" {
		p, err := jobs.LoadForExtraction(o.project, o.data)
		if err != nil {
			return usageError{err}
		}
		c, dir, now = p.Config, p.DataDir, today(p)
	}
	g, err := jobs.CollectGarbage(ctx, dir, c, now, dryRun)
	if err != nil {
		return err
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
		for _, i := range g.Old {
			fmt.Fprintf(out, "%s\t%s\n", i.Path, i.Why)
		}
		for _, f := range g.Files {
			fmt.Fprintf(out, "%s\tleft over\n", f)
		}
	}
	fmt.Fprintf(out, "%s %d files and folders (%.1f MB): %d that have become old, %d left over\n", verb, len(g.Old)+len(g.Files), float64(g.Bytes)/1e6, len(g.Old), len(g.Files))
	return nil
}
