package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/forget"
)

// forgetOptions are the flags of `mainstay forget`.
type forgetOptions struct {
	projectFlags
	file string
	jobs.ForgetOptions
}

func newForgetCommand() *cobra.Command {
	var o forgetOptions
	c := &cobra.Command{
		Use:   "forget CUSTOMER...",
		Short: "Remove people from all that is kept, and prove it",
		Long: `Remove customers, by customer_id, from the lake and its quarantine, snapshots,
results, the published tables of all nights, the warehouse, and from messages in the
ledger. Then look through every file for what is left, and say what was looked through.

An id means the customer where a column says so: customer_id, a column whose name ends
in it, and the customer_id of a refused row. An id of six characters or more with a letter
in it (C-000123) means the customer wherever it stands by itself. A shorter id, or a number
(10, 17850), does not: 10 is also a number of days, a product, a part of a date. Where such
an id stands elsewhere it stays, and is counted for you to look at. With --malformed it is
taken from records that could not be taken apart, too.

From then on extractions leave the rows of these customers out: the account says read =
stored + duplicates + quarantined + forgotten. For this the ledger keeps a pseudonym of
each (HMAC-SHA-256 under a random key of its own), never the id.

It does not run beside a night. Killed anywhere, run it again: it goes on. Exit code 1
says that something is left, and where. Sums and models of the past stay as they are; the
next night learns anew without these customers. What lies elsewhere is not reached: the
sources, backups, and a database that results were published to until the next night.

` + exitHelp,
		Example: `  mainstay forget C-000123 --dry-run
  mainstay forget C-000123 C-000456
  mainstay forget 17850 --malformed
  mainstay forget --from-file requests.txt --data /srv/shop/data`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, ids []string) error {
			return runForget(c.Context(), c.OutOrStdout(), c.InOrStdin(), o, ids)
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.file, "from-file", "", "also those of a `file`, an id a line; - is the standard input")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "only count what would be removed")
	c.Flags().BoolVar(&o.Malformed, "malformed", false, "take short ids and numbers also from refused records that could not be taken apart, where they may mean something else")
	return c
}

func runForget(ctx context.Context, out io.Writer, in io.Reader, o forgetOptions, ids []string) error {
	ids, err := withFile(ids, o.file, in)
	if err != nil {
		return usageError{err}
	}
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	f, err := jobs.Forget(ctx, dir, ids, o.ForgetOptions)
	var traces *jobs.TracesError
	if err != nil && !errors.As(err, &traces) {
		return err
	}
	printForgotten(out, f, len(ids), o.DryRun)
	return err
}

// withFile adds the ids in a file and leaves out those that come twice.
func withFile(ids []string, file string, in io.Reader) ([]string, error) {
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("reading who is to be forgotten: %w", err)
		}
		defer f.Close()
		in = f
	}
	if file != "" {
		for s := bufio.NewScanner(in); s.Scan(); {
			ids = append(ids, strings.TrimSpace(s.Text()))
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return strings.TrimSpace(id) == "" })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil, errors.New("no customer is named: give ids, or a file with --from-file (see `mainstay forget --help`)")
	}
	return ids, nil
}

func printForgotten(out io.Writer, f jobs.Forgotten, people int, dryRun bool) {
	removed := would(dryRun, "removed", "would be removed")
	rows := int64(0)
	for _, table := range slices.Sorted(maps.Keys(f.Lake.Rows)) {
		fmt.Fprintf(out, "lake       %d rows of %s %s\n", f.Lake.Rows[table], table, removed)
		rows += f.Lake.Rows[table]
	}
	if rows == 0 {
		fmt.Fprintln(out, "lake       no row of theirs: were they removed before, or is an id mistyped?")
	}
	if n := f.Lake.Malformed; n > 0 {
		fmt.Fprintf(out, "           %d records that could not be taken apart have an id as a value, which may mean something else: `mainstay quarantine show --reason malformed_record` shows them, --malformed takes them\n", n)
	}
	fmt.Fprintf(out, "published  %d rows of the tables of %d nights %s\n", f.Rows, f.Nights, removed)
	fmt.Fprintf(out, "snapshots  %d snapshots and results %s; the next night makes anew what it needs\n", f.Artifacts, removed)
	if f.Warehouse {
		fmt.Fprintf(out, "warehouse  %s; who has the old file open keeps reading it until it is closed\n", would(dryRun, "built anew", "would be built anew"))
	}
	for _, name := range f.Removed {
		fmt.Fprintf(out, "put aside  %s %s\n", name, removed)
	}
	if dryRun {
		return
	}
	p := f.Proof
	fmt.Fprintf(out, "proof      %d Parquet files, %d tables of DuckDB files (%d columns, %d rows in all), every text of the ledger, every string of %d other files (%.1f MB) were looked through\n", p.Parquet, p.Tables, p.Columns, p.Rows, p.Texts, float64(p.Bytes)/1e6)
	printMentions(out, p.Mentions)
	if p.Clean() {
		fmt.Fprintf(out, "           nothing is left of %d customers; extractions leave their rows out from now on\n", people)
	}
}

// mostMentions is how many places of mentions are printed.
const mostMentions = 10

// printMentions says where the ids stand without meaning the customer.
func printMentions(out io.Writer, mentions []forget.Trace) {
	all := int64(0)
	for _, m := range mentions {
		all += m.Rows
	}
	if all == 0 {
		return
	}
	fmt.Fprintf(out, "           %d texts have an id as another thing's name, a number or a word; these stay. If one may mean the customer, look at them:\n", all)
	for i, m := range mentions {
		if i == mostMentions {
			fmt.Fprintf(out, "             and %d places more\n", len(mentions)-mostMentions)
			return
		}
		fmt.Fprintf(out, "             %s: %d\n", m.Place, m.Rows)
	}
}
