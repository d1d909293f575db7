package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/mainstay-etl/mainstay/shop"
	"github.com/mainstay-etl/mainstay/shop/database"
)

// generateOptions are the flags of `mainstay generate`.
type generateOptions struct {
	dir, to                          string
	replace, interactions            bool
	customers, orders, categories    int
	products                         int
	seed                             uint64
	start, end, zone, format, period string
	gzip, truth, master              bool
	dirt                             float64
}

func newGenerateCommand() *cobra.Command {
	d := shop.Default()
	var o generateOptions
	c := &cobra.Command{
		Use:   "generate",
		Short: "Write a synthetic shop: orders, interactions and the truth behind them",
		Long: `Write the orders and interactions of a shop that does not exist, as files in the
shape of the contract, and the truth behind them: when each customer really left
and what it likes. The same seed gives the same bytes. Rows are streamed: memory
grows with customers, not with orders.

With --to, the shop is written into a PostgreSQL, MySQL or MariaDB database instead,
in tables as a shop would keep them: customers, products, orders, order_lines and
interactions. At the end comes the block of mainstay.yaml that reads them. Leave the
password out of the address and set PGPASSWORD or MYSQL_PWD, so that it shows in no
list of processes. The connection is secured unless the address says otherwise
(sslmode=disable, tls=false) or names this machine.`,
		Example: `  mainstay generate --dir incoming
  mainstay generate --dir incoming --master-data
  mainstay generate --dir big --orders 10000000 --format parquet --file-per month
  PGPASSWORD=... mainstay generate --to postgres://shop@localhost:5432/shop
  MYSQL_PWD=... mainstay generate --to mysql://shop@localhost:3306/shop --orders 1000000`,
		RunE: func(c *cobra.Command, _ []string) error {
			given := c.Flags().Changed
			if given("to") {
				return runGenerateTo(c.Context(), c.OutOrStdout(), o, given)
			}
			if given("replace") || given("interactions") {
				return usageError{errors.New("--replace and --interactions are for a database: name it with --to")}
			}
			return runGenerate(c.Context(), c.OutOrStdout(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "`directory` to write to (this or --to is required)")
	f.StringVar(&o.to, "to", "", "`address` of a database to write to: postgres://user@host:port/name or mysql://user@host:port/name")
	f.BoolVar(&o.replace, "replace", false, "with --to: drop the tables of an earlier generated shop first")
	f.BoolVar(&o.interactions, "interactions", true, "with --to: also write interactions, which are four of five rows")
	f.IntVar(&o.customers, "customers", 0, "customers over the whole time (0: by orders, else 2,500)")
	f.IntVar(&o.orders, "orders", 0, "about how many orders (0: customers buy 12 times a year on average)")
	f.Uint64Var(&o.seed, "seed", d.Seed, "which of the possible shops")
	f.StringVar(&o.start, "start", d.Start.Format(time.DateOnly), "first `day`, YYYY-MM-DD")
	f.StringVar(&o.end, "end", d.End.Format(time.DateOnly), "`day` after the last, YYYY-MM-DD")
	f.StringVar(&o.zone, "time-zone", d.TimeZone, "IANA time zone of the shop")
	f.IntVar(&o.categories, "categories", d.Categories, "product categories, 4 to 20")
	f.IntVar(&o.products, "products", d.Products, "products over all categories")
	f.StringVar(&o.format, "format", string(d.Format), "csv or parquet")
	f.BoolVar(&o.gzip, "gzip", d.Gzip, "compress CSV files")
	f.StringVar(&o.period, "file-per", string(d.FilePer), "time that one file holds: day or month")
	f.Float64Var(&o.dirt, "dirt", d.DirtShare, "share of broken rows, 0 to 0.5")
	f.BoolVar(&o.master, "master-data", false, "also write customers/, products/ and payments/, as CSV: what the shop's other systems know")
	f.BoolVar(&o.truth, "truth", true, "also write truth/: when customers really left, and their tastes")
	return c
}

func (o generateOptions) config() (shop.Config, error) {
	c := shop.Default()
	c.Customers, c.Orders, c.Seed, c.Categories, c.Products = o.customers, o.orders, o.seed, o.categories, o.products
	c.TimeZone, c.Format, c.Gzip, c.FilePer, c.DirtShare = o.zone, shop.Format(o.format), o.gzip, shop.Period(o.period), o.dirt
	var err error
	if c.Start, err = time.Parse(time.DateOnly, o.start); err != nil {
		return c, fmt.Errorf("--start: %q is no day; expected YYYY-MM-DD", o.start)
	}
	if c.End, err = time.Parse(time.DateOnly, o.end); err != nil {
		return c, fmt.Errorf("--end: %q is no day; expected YYYY-MM-DD", o.end)
	}
	return c, c.Validate()
}

func runGenerate(ctx context.Context, out io.Writer, o generateOptions) error {
	if o.dir == "" {
		return usageError{fmt.Errorf("--dir is missing: name the directory to write to, or with --to a database")}
	}
	c, err := o.config()
	if err != nil {
		return usageError{err}
	}
	s, err := shop.New(c)
	if err != nil {
		return usageError{err}
	}
	show, done := dayProgress(os.Stderr, "generating")
	sum, err := s.WriteDays(ctx, o.dir, c.Start, c.End, show)
	done()
	if err != nil {
		return err
	}
	if o.truth {
		if err := s.WriteTruth(ctx, o.dir); err != nil {
			return err
		}
	}
	printSummary(out, "Files in "+o.dir, sum)
	if !o.master {
		return nil
	}
	if err := masterFiles(ctx, out, s, o.dir, c.Start, c.End); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nFor mainstay.yaml, below sources:\n\n%s", masterSources)
	return nil
}

// runGenerateTo writes the shop into a database. given tells which flags were.
func runGenerateTo(ctx context.Context, out io.Writer, o generateOptions, given func(flag string) bool) error {
	for _, flag := range []string{"dir", "format", "gzip", "file-per", "truth", "master-data"} {
		if given(flag) {
			return usageError{fmt.Errorf("--%s is for files: give it without --to", flag)}
		}
	}
	c, err := o.config()
	if err != nil {
		return usageError{err}
	}
	options := database.Options{Replace: o.replace, NoInteractions: !o.interactions}
	source, err := database.Source(o.to, options)
	if err != nil {
		return usageError{fmt.Errorf("--to: %w", err)}
	}
	show, done := dayProgress(os.Stderr, "generating")
	options.Progress = show
	sum, err := database.Write(ctx, o.to, c, options)
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Database: %s to %s, %s customers, %s orders, %s order lines, %s interactions\n", sum.From.Format(time.DateOnly),
		sum.To.AddDate(0, 0, -1).Format(time.DateOnly), thousands(int64(sum.Customers)), thousands(sum.Orders),
		thousands(sum.OrderLines.Rows), thousands(sum.Interactions.Rows))
	fmt.Fprintf(out, "\nFor mainstay.yaml, with the address in the environment variable SHOP_URL:\n\n%s", source)
	return nil
}

func printSummary(out io.Writer, what string, s shop.Summary) {
	fmt.Fprintf(out, "%s: %s to %s, %s customers, %s orders, %s order lines, %s interactions in %d files (%.1f MB)\n", what,
		s.From.Format(time.DateOnly), s.To.AddDate(0, 0, -1).Format(time.DateOnly), thousands(int64(s.Customers)), thousands(s.Orders),
		thousands(s.OrderLines.Rows), thousands(s.Interactions.Rows), s.Files, float64(s.Bytes)/1e6)
}

// dayProgress shows how many days of a shop are written: a bar on a terminal, a line
// every ten seconds elsewhere.
func dayProgress(f *os.File, what string) (show func(shop.Progress), done func()) {
	if !term.IsTerminal(int(f.Fd())) {
		last := time.Now()
		return func(p shop.Progress) {
			if time.Since(last) > plainBeat {
				last = time.Now()
				fmt.Fprintf(f, "%s: day %s, %d of %d, %s rows\n", what, p.Day.Format(time.DateOnly), p.Done, p.Total, thousands(p.Rows))
			}
		}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(f))
	bar := bars.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what+" ")), mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.EwmaETA(decor.ET_STYLE_GO, 30)))
	return func(p shop.Progress) {
			bar.SetTotal(int64(p.Total), false)
			bar.SetCurrent(int64(p.Done))
		}, func() {
			bar.Abort(true)
			bars.Wait()
		}
}
