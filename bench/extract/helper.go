package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// helper is what runs as a process of its own, to be measured:
//
//	helper landing TABLE DIR [PROFILE]
//	helper convert TABLE CSV PARQUET THREADS
func helper(ctx context.Context, args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "landing":
		if len(args) == 4 {
			f, err := os.Create(args[3])
			if err != nil {
				return fmt.Errorf("creating the profile: %w", err)
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return fmt.Errorf("profiling: %w", err)
			}
			defer pprof.StopCPUProfile()
		}
		return landTable(ctx, args[1], args[2])
	case len(args) == 5 && args[0] == "convert":
		threads, err := strconv.Atoi(args[4])
		if err != nil {
			return fmt.Errorf("threads: %w", err)
		}
		return convert(ctx, columnsOf(args[1]), args[2], args[3], threads)
	}
	return errors.New("helper: expected landing TABLE DIR, or convert TABLE CSV PARQUET THREADS")
}

// landTable reads a table as an extraction does, and keeps the landing files: what
// comes before the lake.
func landTable(ctx context.Context, name, dir string) (err error) {
	d, err := postgres.New(postgres.Options{URL: os.Getenv("BENCH_URL")})
	if err != nil {
		return err
	}
	src, err := relational.New(relational.Options{Name: "bench", Tables: map[string]relational.Table{
		"orders": {Select: "SELECT * FROM " + name, Key: []string{"line_id"}, Cursor: "updated_at"},
	}}, d)
	if err != nil {
		return err
	}
	r, err := src.Read(ctx, source.Nothing("2025-01-01"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for n := 0; ; n++ {
		landed, err := r.Next(ctx, dir)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := os.Rename(landed.Tables["orders"], filepath.Join(dir, fmt.Sprintf("%06d.parquet", n))); err != nil {
			return fmt.Errorf("keeping a landing file: %w", err)
		}
	}
}

// convert has DuckDB write a CSV file of these columns as Parquet. It is told their
// types: it would guess most of them, at the price of reading the file's beginning
// twice, which a pipe does not allow.
func convert(ctx context.Context, cols []column, csv, parquet string, threads int) (err error) {
	var types []string
	for _, c := range cols {
		types = append(types, duck.Quote(c.name)+": "+duck.Quote(duckType(c.typ)))
	}
	s, err := duck.Open(ctx, duck.Options{Threads: threads, TempDir: filepath.Dir(parquet)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Exec(ctx, fmt.Sprintf("COPY (FROM read_csv(%s, header = true, auto_detect = false, columns = {%s})) TO %s (FORMAT parquet, COMPRESSION zstd)",
		duck.Quote(csv), strings.Join(types, ", "), duck.Quote(parquet)))
}

// duckType is DuckDB's name of a PostgreSQL type.
func duckType(typ string) string {
	switch {
	case typ == "double precision":
		return "DOUBLE"
	case typ == "jsonb", strings.HasPrefix(typ, "varchar"):
		return "VARCHAR"
	case strings.HasPrefix(typ, "numeric"):
		return "DECIMAL" + strings.TrimPrefix(typ, "numeric")
	}
	return strings.ToUpper(typ)
}

// rowsIn counts the rows of Parquet files.
func rowsIn(ctx context.Context, glob string) (rows int64, err error) {
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return rows, s.Scan(ctx, "SELECT count(*) FROM read_parquet("+duck.Quote(glob)+", union_by_name = true, hive_partitioning = false)", &rows)
}
