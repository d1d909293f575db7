package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/scaffold"
	"github.com/mainstay-etl/mainstay/shop"
)

// demoOptions are the flags of `mainstay demo`.
type demoOptions struct {
	dir       string
	customers int
	nights    int
	seed      uint64
	master    bool
}

func newDemoCommand() *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Generate a shop, run a night on it and show what it found",
		Long: `Generate a shop with two years of orders and interactions, run a night (or
several consecutive ones: each day's new files arrive before its night), and show
what was accounted for, what was learned and how good it is, who is about to leave
and why, and what to offer. The directory is a project like any other: look into
it, change it, run it again.`,
		Example: `  mainstay demo
  mainstay demo --dir /tmp/shop --customers 10000 --nights 3`,
		RunE: func(c *cobra.Command, _ []string) error { return runDemo(c.Context(), c.OutOrStdout(), o) },
	}
	c.Flags().StringVar(&o.dir, "dir", "mainstay-demo", "`directory` for the project and all it produces")
	c.Flags().IntVar(&o.customers, "customers", 2500, "customers of the shop over its whole time")
	c.Flags().IntVar(&o.nights, "nights", 1, "how many consecutive nights to run")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "which of the possible shops")
	c.Flags().BoolVar(&o.master, "master-data", false, "the shop also gives customers, products and payments")
	return c
}

// demoEnd is the as-of day of the first night: the demo is the same whenever it runs.
var demoEnd = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func (o demoOptions) shop() (shop.Config, error) {
	if o.nights < 1 || o.nights > 366 {
		return shop.Config{}, fmt.Errorf("--nights: %d is out of range; expected 1 to 366", o.nights)
	}
	c := shop.Default()
	c.Customers, c.Seed = o.customers, o.seed
	c.Start, c.End = demoEnd.AddDate(-2, 0, 0), demoEnd.AddDate(0, 0, o.nights-1)
	if o.customers < 1 {
		return c, fmt.Errorf("--customers: %d is out of range; expected at least 1", o.customers)
	}
	return c, c.Validate()
}

func runDemo(ctx context.Context, out io.Writer, o demoOptions) error {
	c, err := o.shop()
	if err != nil {
		return usageError{err}
	}
	if err := demoProject(o.dir); err != nil {
		return err
	}
	if o.master {
		if err := addMasterSources(o.dir); err != nil {
			return err
		}
	}
	s, err := shop.New(c)
	if err != nil {
		return usageError{err}
	}
	p, err := (&projectFlags{project: o.dir}).load(ctx)
	if err != nil {
		return err
	}
	var warnings int
	from := c.Start
	for k := range o.nights {
		asOf := demoEnd.AddDate(0, 0, k)
		if err := demoFiles(ctx, out, s, o.dir, from, asOf); err != nil {
			return err
		}
		if o.master {
			if err := masterFiles(ctx, out, s, filepath.Join(o.dir, "incoming"), from, asOf); err != nil {
				return err
			}
		}
		from = asOf
		n, err := demoNight(ctx, out, p, asOf, k == o.nights-1)
		if err != nil {
			return err
		}
		warnings += n
	}
	if warnings > 0 {
		return warningsError{warnings, "published"}
	}
	return nil
}

// demoProject makes the project, unless an earlier demo made it. A project of somebody's
// own is left alone: the demo would write its shop into it.
func demoProject(dir string) error {
	marker := filepath.Join(dir, ".mainstay-demo")
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	if _, err := scaffold.Write(dir); err != nil {
		return usageError{err}
	}
	return os.WriteFile(marker, []byte("`mainstay demo` made this project and writes its shop into it.\n"), 0o644)
}

// demoFiles lets the shop's files of some days arrive.
func demoFiles(ctx context.Context, out io.Writer, s *shop.Shop, dir string, from, to time.Time) error {
	incoming := filepath.Join(dir, "incoming")
	show, done := dayProgress(os.Stderr, "generating the shop")
	sum, err := s.WriteDays(ctx, incoming, from, to, show)
	done()
	if err != nil {
		return fmt.Errorf("generating the shop (an earlier demo with other settings may be in %s: choose another --dir or remove it): %w", dir, err)
	}
	printSummary(out, "Files in "+incoming, sum)
	return s.WriteTruth(ctx, dir)
}

func demoNight(ctx context.Context, out io.Writer, p *jobs.Project, asOf time.Time, last bool) (warnings int, err error) {
	night, err := runNight(ctx, p, pipeline.DayOf(asOf, time.UTC), jobs.Scope{})
	if err != nil {
		return 0, err
	}
	if err := reportNight(ctx, out, p, night, last); err != nil {
		return len(night.Warnings), nil // warnings are no reason to stop the demo
	}
	return 0, nil
}
