package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// repairOptions are the flags of `mainstay repair`.
type repairOptions struct {
	projectFlags
	dryRun, again bool
}

func newRepairCommand() *cobra.Command {
	var o repairOptions
	c := &cobra.Command{
		Use:   "repair",
		Short: "Rebuild a damaged ledger, and check every file against its digest",
		Long: `Rebuild the ledger of a data directory from its redo log when it was deleted, cut
short or written over; the damaged one is kept beside it. Then read every file
that the ledger knows and compare it with the digest that was recorded when it
was committed:

  a damaged snapshot, result or model file   is made again by the next night that needs it
  a damaged file of the lake                 must come from a backup, or is read again from
                                             the source: --extract-again
  a damaged table of a published night       must come from a backup, or that day is run again
  a damaged warehouse                        mainstay publish rollback NIGHT builds it anew

What is published stays readable meanwhile. It does not run beside a night. On a
sound data directory it changes nothing: that makes it a check, too.

` + exitHelp,
		Example: `  mainstay repair --dry-run
  mainstay repair --data /srv/shop/data
  mainstay repair --extract-again`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runRepair(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only tell what is damaged and what would be done")
	c.Flags().BoolVar(&o.again, "extract-again", false, "take damaged files out of the lake, so that the next night reads again what was in them")
	return c
}

func runRepair(ctx context.Context, out io.Writer, o repairOptions) error {
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("finding the data directory: %w", err)
	}
	from := time.Now()
	r, err := jobs.RepairData(ctx, dir, jobs.RepairOptions{DryRun: o.dryRun, ExtractAgain: o.again, Now: from})
	if err != nil {
		return err
	}
	printRepairedLedger(out, r, o.dryRun)
	if r.Files == 0 && r.Ledger.Damage != nil && o.dryRun {
		return errors.New("the ledger is damaged; without --dry-run it is rebuilt, and then the files are checked")
	}
	fmt.Fprintf(out, "files    %d files (%.1f MB) compared with their digests in %.1fs\n", r.Files, float64(r.Bytes)/1e6, time.Since(from).Seconds())
	for _, path := range r.Remade {
		fmt.Fprintf(out, "         %s is damaged or gone: the next night that needs it makes it again\n", path)
	}
	for _, d := range r.Lake {
		fmt.Fprintf(out, "         %v\n", d)
	}
	for _, name := range r.Dropped {
		fmt.Fprintf(out, "         %s is read again by the next night; what the source no longer has of it is lost\n", name)
	}
	for _, path := range r.Published {
		fmt.Fprintf(out, "         %s is damaged: bring it back from a backup, run its day again (mainstay run --as-of DAY), or show another night (mainstay publish rollback NIGHT)\n", path)
	}
	if !r.Whole() {
		return fmt.Errorf("damaged, see above: %d of the lake, %d of what is published", len(r.Lake), len(r.Published))
	}
	return nil
}

func printRepairedLedger(out io.Writer, r jobs.Repair, dryRun bool) {
	switch l := r.Ledger; {
	case l.Damage == nil && l.Renewed:
		fmt.Fprintf(out, "ledger   sound; its redo log was not, and %s written anew from it\n", would(dryRun, "is", "would be"))
	case l.Damage == nil:
		fmt.Fprintln(out, "ledger   sound")
	default:
		fmt.Fprintf(out, "ledger   damaged: %v\n", l.Damage)
		fmt.Fprintf(out, "         %s from %s (%d transactions)\n", would(dryRun, "rebuilt", "can be rebuilt"), filepath.Join(ledger.RedoDir, filepath.Base(l.History.File)), l.History.Transactions)
		if l.Kept != "" && !dryRun {
			fmt.Fprintf(out, "         the damaged one is kept as %s\n", l.Kept)
		}
		if l.History.Lost > 0 {
			fmt.Fprintf(out, "         LOST: the redo log is damaged, too, from line %d on: %d transactions are not known any more. The ledger is what it was before them; what was extracted since is extracted again, nights that were published since are not listed\n", l.History.LostAt, l.History.Lost)
		}
	}
	if r.Nights > 0 || r.Batches > 0 {
		fmt.Fprintf(out, "         it knows %d nights and %d batches\n", r.Nights, r.Batches)
	}
}

func would(dryRun bool, done, not string) string {
	if dryRun {
		return not
	}
	return done
}
