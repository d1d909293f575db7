// Command night measures a night beside DuckDB alone, which runs the same statements as
// one script, and the features that a data scientist would write first beside polars and
// pandas. All read the same lake, in turn, with as many threads and as much memory. See
// bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

const usage = `Measures a night beside DuckDB alone, and a part of its features beside polars and
pandas, on a made-up shop. It prints Markdown tables.

  go run ./bench/night                           mainstay's night alone
  go run ./bench/night -install                  with the others from PyPI, in a virtual environment
  go run ./bench/night -python venv/bin/python -customers 1000000 -orders 4850000
  go run ./bench/night -python venv/bin/python -data shop/data -as-of 2024-11-01

`

// options are the flags.
type options struct {
	python, work, only, mainstay, data, asOf string
	memory, limit                            string
	install, keep                            bool
	customers, orders, rounds, threads       int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "night:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{options: o}
	defer b.end()
	if err := b.begin(ctx); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	for round := range b.rounds {
		if err := b.round(ctx, round+1); err != nil {
			return err
		}
	}
	b.print(os.Stdout)
	return nil
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("night", flag.ContinueOnError)
	f.StringVar(&o.python, "python", "", "Python `program` that has "+strings.Join(packages, ", "))
	f.BoolVar(&o.install, "install", false, "make a virtual environment with them, with pip")
	f.StringVar(&o.work, "work", "", "`folder` for everything; default: a temporary one")
	f.BoolVar(&o.keep, "keep", false, "keep the folder")
	f.StringVar(&o.mainstay, "mainstay", "", "mainstay `program` to measure; default: built from this tree")
	f.StringVar(&o.only, "only", "", "comma-separated `names` of contestants ("+strings.Join(names(), ", ")+"); the night always runs")
	f.IntVar(&o.customers, "customers", 20_000, "of the made-up shop")
	f.IntVar(&o.orders, "orders", 0, "about how many it gets; default: 4.85 for each customer")
	f.StringVar(&o.data, "data", "", "data `directory` with a lake to use instead of a made-up shop; it is left as it is")
	f.StringVar(&o.asOf, "as-of", "2024-11-01", "`day` of the night")
	f.IntVar(&o.threads, "threads", 2, "that everybody may use")
	f.StringVar(&o.memory, "memory", "5GiB", "for DuckDB in all, in a night as alone")
	f.StringVar(&o.limit, "limit", "8GiB", "of the memory control group that everybody runs in, where one can be made; 0: none")
	f.IntVar(&o.rounds, "rounds", 1, "how often everybody runs; the median counts")
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q, see -help", f.Arg(0))
	case o.rounds < 1, o.threads < 1:
		return o, errors.New("-rounds and -threads are 1 or more")
	case o.customers < 1000:
		return o, fmt.Errorf("-customers is %d; expected 1000 or more", o.customers)
	}
	if _, err := size(o.limit); err != nil {
		return o, fmt.Errorf("-limit: %w", err)
	}
	if o.orders == 0 {
		o.orders = o.customers * 97 / 20
	}
	for _, name := range rounds.Names(o.only) {
		if !slices.Contains(names(), name) {
			return o, fmt.Errorf("-only: no contestant %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	return o, rounds.Absolute(&o.python, &o.work, &o.mainstay, &o.data)
}

// size reads a number of bytes: 8GiB, 512MiB or 0.
func size(text string) (int64, error) {
	var n int64
	var unit string
	if _, err := fmt.Sscanf(text, "%d%s", &n, &unit); err != nil && text != "0" {
		return 0, fmt.Errorf("%q is no size; expected such as 8GiB", text)
	}
	shift, ok := map[string]int{"": 0, "MiB": 20, "GiB": 30}[unit]
	if !ok {
		return 0, fmt.Errorf("%q is no size; expected MiB or GiB", text)
	}
	return n << shift, nil
}
