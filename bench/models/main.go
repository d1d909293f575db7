// Command models measures fit and predict of boost and forest beside what people use in
// their place: scikit-learn, xgboost and LightGBM. All learn from the same rows with the
// same number of trees, leaves and bins and as many threads, in the same run, in turn.
// See bench/README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

const usage = `Measures fit and predict of boost and forest, and of scikit-learn, xgboost and
LightGBM, on the same made-up customers. It prints Markdown tables.

  go run ./bench/models                        ours alone
  go run ./bench/models -install               with the others from PyPI, in a virtual environment
  go run ./bench/models -python venv/bin/python -rows 200000 -rounds 5

`

// options are the flags.
type options struct {
	python, work, only string
	install, keep      bool
	rows               []int
	rounds             int
	seed               uint64
	settings           settings
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "models:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "helper" {
		var s settings
		if err := json.Unmarshal([]byte(args[2]), &s); err != nil {
			return fmt.Errorf("reading the settings: %w", err)
		}
		return helper(ctx, args[1], s)
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	b := &bench{options: o}
	defer b.end()
	if err := b.begin(ctx); err != nil {
		return err
	}
	for _, rows := range o.rows {
		if err := b.race(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}

func parse(args []string) (options, error) {
	o := options{settings: settings{Predictions: 3}}
	f := flag.NewFlagSet("models", flag.ContinueOnError)
	f.StringVar(&o.python, "python", "", "Python `program` that has "+strings.Join(packages, ", "))
	f.BoolVar(&o.install, "install", false, "make a virtual environment with them, with pip")
	f.StringVar(&o.work, "work", "", "`folder` for everything; default: a temporary one")
	f.BoolVar(&o.keep, "keep", false, "keep the folder")
	f.StringVar(&o.only, "only", "", "comma-separated `names` of contestants ("+strings.Join(names(contestants), ", ")+")")
	rows := f.String("rows", "20000,200000,2000000", "comma-separated `numbers` of rows to learn from")
	f.IntVar(&o.rounds, "rounds", 3, "how often everybody runs; the median counts")
	f.Uint64Var(&o.seed, "seed", 1, "of the rows")
	f.IntVar(&o.settings.Trees, "trees", 100, "of a boosted model")
	f.IntVar(&o.settings.Leaves, "leaves", 31, "of each of its trees")
	f.Float64Var(&o.settings.LearningRate, "learning-rate", 0.1, "of a boosted model")
	f.IntVar(&o.settings.Bins, "bins", 255, "of a histogram")
	f.IntVar(&o.settings.ForestTrees, "forest-trees", 50, "of a forest")
	f.IntVar(&o.settings.ForestDepth, "forest-depth", 10, "of each of its trees")
	f.IntVar(&o.settings.ForestLeaf, "forest-leaf", 40, "least rows in a leaf of a forest")
	f.IntVar(&o.settings.Threads, "threads", runtime.NumCPU(), "that everybody may use")
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q, see -help", f.Arg(0))
	}
	if o.rounds < 1 {
		return o, fmt.Errorf("-rounds is %d; expected 1 or more", o.rounds)
	}
	for _, text := range rounds.Names(*rows) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			return o, fmt.Errorf("-rows: %q; expected numbers of 1000 or more", text)
		}
		o.rows = append(o.rows, n)
	}
	for _, name := range rounds.Names(o.only) {
		if !slices.Contains(names(contestants), name) {
			return o, fmt.Errorf("-only: no contestant %q; there are %s", name, strings.Join(names(contestants), ", "))
		}
	}
	return o, rounds.Absolute(&o.python, &o.work)
}
