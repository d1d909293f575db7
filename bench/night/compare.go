package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// compare holds the tables that DuckDB alone wrote against those of the night, row by row
// in their order.
func (b *bench) compare(ctx context.Context, data, out string) error {
	files, err := filepath.Glob(filepath.Join(out, "*.parquet"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("the script left no tables in %s", out)
	}
	for _, file := range files {
		published := filepath.Join(data, "tables", "as_of="+b.asOf, filepath.Base(file))
		if _, err := os.Stat(published); err != nil {
			return fmt.Errorf("the night published no %s", filepath.Base(file))
		}
		found, err := differences(ctx, published, file, 1e-9)
		if err != nil {
			return err
		}
		b.compared++
		if len(found) > 0 {
			b.differ = append(b.differ, strings.TrimSuffix(filepath.Base(file), ".parquet")+" ("+strings.Join(found, ", ")+")")
		}
	}
	return nil
}

// compareFeatures holds features of polars or pandas against customer_features. They
// count in floating point where mainstay counts in decimals.
func (b *bench) compareFeatures(ctx context.Context, data, name string) error {
	published := filepath.Join(data, "tables", "as_of="+b.asOf, "customer_features.parquet")
	found, err := differences(ctx, published, b.featuresOf(name), 1e-6)
	if err == nil && len(found) > 0 {
		b.differ = append(b.differ, name+" ("+strings.Join(found, ", ")+")")
	}
	return err
}

// differences are the columns of the second file that do not hold the same as those of
// the first, with the number of rows. Numbers with a fraction may differ by a share of
// themselves, and NaN counts as missing.
func differences(ctx context.Context, first, second string, share float64) (out []string, err error) {
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	a, z := duck.ReadParquet([]string{first}), duck.ReadParquet([]string{second})
	columns, err := d.Columns(ctx, "SELECT * FROM "+z)
	if err != nil {
		return nil, err
	}
	var rows [2]int64
	if err := d.Scan(ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM %s), (SELECT count(*) FROM %s)", a, z), &rows[0], &rows[1]); err != nil {
		return nil, err
	}
	if rows[0] != rows[1] {
		return []string{fmt.Sprintf("%d rows and %d", rows[0], rows[1])}, nil
	}
	counts, dest, found := make([]string, len(columns)), make([]any, len(columns)), make([]int64, len(columns))
	for i, c := range columns {
		x, y := "a."+duck.Ident(c.Name), "z."+duck.Ident(c.Name)
		same := fmt.Sprintf("%s IS NOT DISTINCT FROM %s", x, y)
		if fractional(c.Type) {
			x, y = fmt.Sprintf("nullif(CAST(%s AS DOUBLE), 'nan'::DOUBLE)", x), fmt.Sprintf("nullif(CAST(%s AS DOUBLE), 'nan'::DOUBLE)", y)
			same = fmt.Sprintf("coalesce(abs(%[1]s - %[2]s) <= %[3]v * (1 + abs(%[1]s)), %[1]s IS NULL AND %[2]s IS NULL)", x, y, share)
		}
		counts[i], dest[i] = fmt.Sprintf("count(*) FILTER (NOT (%s))", same), &found[i]
	}
	if err := d.Scan(ctx, fmt.Sprintf("SELECT %s FROM %s AS a POSITIONAL JOIN %s AS z", strings.Join(counts, ",\n    "), a, z), dest...); err != nil {
		return nil, err
	}
	for i, c := range columns {
		if found[i] > 0 {
			out = append(out, fmt.Sprintf("%s in %d rows", c.Name, found[i]))
		}
	}
	return out, nil
}

func fractional(kind string) bool {
	return kind == "DOUBLE" || kind == "FLOAT" || strings.HasPrefix(kind, "DECIMAL")
}
