// Command extract measures how fast, and in how much memory, PostgreSQL tables are
// brought to Parquet: by mainstay, and by what people use in its place. All contestants
// read the same tables of the same server in the same run, one after the other, several
// times. See bench/README.md.
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

const usage = `Measures extraction from PostgreSQL: rows per second, memory and longest query of
mainstay, psql with DuckDB, ingestr and dlt. It prints Markdown tables.

  go run ./bench/extract                        all that is installed
  go run ./bench/extract -install               with ingestr and dlt from PyPI, in a virtual environment
  go run ./bench/extract -narrow 20000000 -wide 0 -rounds 1 -only mainstay
  go run ./bench/extract -url postgres://postgres:...@127.0.0.1:5432/bench
  go run ./bench/extract watch mainstay extract --project shop
                                                time and peak memory of any command

It starts a PostgreSQL of its own (Debian's packages), unless -url names a database;
there it makes the tables bench_narrow and bench_wide. It needs Go, gcc and psql.

`

// options are the flags.
type options struct {
	url, work, mainstay, venv, only string
	narrow, wide                    int64
	rounds                          int
	install, keep                   bool
	profile                         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "extract:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "helper" {
		return helper(ctx, args[1:])
	}
	if len(args) > 1 && args[0] == "watch" {
		return watchCommand(ctx, args[1:])
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
	tables := []table{narrowTable(o.narrow), wideTable(o.wide)}
	tables = slices.DeleteFunc(tables, func(t table) bool { return t.rows == 0 })
	for _, t := range tables {
		if err := b.make(ctx, t); err != nil {
			return err
		}
	}
	runners, absent := b.contestants()
	for _, t := range tables {
		results, err := b.race(ctx, t, runners)
		if err != nil {
			return err
		}
		printTable(os.Stdout, t, results)
	}
	if len(absent) > 0 {
		fmt.Printf("Not measured, for want of -install or -venv: %s\n", strings.Join(absent, "; "))
	}
	return nil
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("extract", flag.ContinueOnError)
	f.StringVar(&o.url, "url", "", "`address` of a PostgreSQL database, of a role that may create tables; default: a server of its own")
	f.StringVar(&o.work, "work", "", "`folder` for everything; default: a temporary one")
	f.StringVar(&o.mainstay, "mainstay", "", "mainstay `program` to measure; default: built from this tree")
	f.StringVar(&o.venv, "venv", "", "virtual environment of Python with ingestr<1, dlt[parquet], sqlalchemy and psycopg2-binary, as -install makes it")
	f.BoolVar(&o.install, "install", false, "make that environment, with pip")
	f.StringVar(&o.only, "only", "", "comma-separated `names` of contestants ("+strings.Join(known(), ", ")+"); default: all that are installed")
	f.Int64Var(&o.narrow, "narrow", 2_000_000, "`rows` of the table of 8 columns; 0 leaves it out")
	f.Int64Var(&o.wide, "wide", 400_000, "`rows` of the table of 50 columns; 0 leaves it out")
	f.IntVar(&o.rounds, "rounds", 3, "how often everybody runs; the median counts")
	f.BoolVar(&o.keep, "keep", false, "keep the folder, and leave the server running")
	f.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the contestant landing to this `file`")
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
	case o.rounds < 1:
		return o, fmt.Errorf("-rounds is %d; expected 1 or more", o.rounds)
	case o.narrow < 0 || o.wide < 0:
		return o, errors.New("-narrow and -wide count rows; expected 0 or more")
	}
	for _, name := range rounds.Names(o.only) {
		if !slices.Contains(known(), name) {
			return o, fmt.Errorf("-only: no contestant %q; there are %s", name, strings.Join(known(), ", "))
		}
	}
	return o, rounds.Absolute(&o.work, &o.mainstay, &o.venv, &o.profile)
}
