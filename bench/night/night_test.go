package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// pythonEnv names a Python program that has the packages, for the test of the whole.
const pythonEnv = "MAINSTAY_BENCH_PYTHON"

// Everybody makes the same: DuckDB alone the night's tables, polars and pandas the columns
// of customer_features.
func TestEverybodyMakesTheSame(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	python := os.Getenv(pythonEnv)
	if python == "" {
		t.Skipf("set %s to a Python program that has %v", pythonEnv, packages)
	}
	o, err := parse([]string{"-python", python, "-work", t.TempDir(), "-customers", "2000", "-memory", "1GiB", "-limit", "0"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{options: o}
	for _, step := range []func() error{
		func() error { return b.begin(t.Context()) },
		func() error { return b.prepare(t.Context()) },
		func() error { return b.round(t.Context(), 1) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	for name, rs := range b.results {
		if rs[0].failed != "" {
			t.Errorf("%s: %s", name, rs[0].failed)
		}
	}
	if b.compared < 30 || len(b.differ) > 0 {
		t.Errorf("%d tables compared, want more than 30; not the same: %v", b.compared, b.differ)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	d, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	dir := t.TempDir()
	write := func(name, rows string) string {
		path := filepath.Join(dir, name)
		if err := d.Exec(t.Context(), fmt.Sprintf("COPY (SELECT * FROM (VALUES %s) AS t(k, n, x)) TO %s (FORMAT parquet)", rows, duck.Quote(path))); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first := write("first", "('a', 1, 0.1::DOUBLE), ('b', NULL, NULL), ('c', 3, 1e9)")
	for name, c := range map[string]struct {
		rows string
		want []string
	}{
		"same":                         {"('a', 1, 0.1::DOUBLE), ('b', NULL, NULL), ('c', 3, 1e9)", nil},
		"the last bits of a fraction":  {"('a', 1, 0.1::DOUBLE + 1e-12), ('b', NULL, 'nan'), ('c', 3, 1e9 + 0.1)", nil},
		"a fraction":                   {"('a', 1, 0.1001::DOUBLE), ('b', NULL, NULL), ('c', 3, 1e9)", []string{"x in 1 rows"}},
		"a number for a missing one":   {"('a', 1, 0.1::DOUBLE), ('b', 0, 0), ('c', 3, NULL)", []string{"n in 1 rows", "x in 2 rows"}},
		"other order":                  {"('a', 1, 0.1::DOUBLE), ('c', 3, 1e9), ('b', NULL, NULL)", []string{"k in 2 rows", "n in 2 rows", "x in 2 rows"}},
		"a row less, which is no more": {"('a', 1, 0.1::DOUBLE), ('b', NULL, NULL)", []string{"3 rows and 2"}},
	} {
		got, err := differences(t.Context(), first, write("second", c.rows), 1e-9)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "512MiB": 512 << 20, "8GiB": 8 << 30, "8": -1, "GiB": -1, "8GB": -1, "": -1} {
		got, err := size(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestJobLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		`time=2024-11-01T02:00:00.1Z level=INFO msg="job ended" night=3 as_of=2024-11-01 job=orders status=done rows=50010 seconds=1.25`:              {"orders", "1.25"},
		`time=2024-11-01T02:00:00.1Z level=WARN msg="job ended" night=3 as_of=2024-11-01 job=orders status=failed rows=0 seconds=1.25 note="no room"`: nil,
		`time=2024-11-01T02:00:00.1Z level=INFO msg="job started" night=3 as_of=2024-11-01 job=orders kind=extract`:                                   nil,
	} {
		got := jobLine.FindStringSubmatch(line)
		if len(got) > 0 {
			got = got[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
