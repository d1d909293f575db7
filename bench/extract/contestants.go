package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// known are the names of all contestants.
func known() []string {
	return []string{"mainstay", "landing", "csv", "pipe", "ingestr", "dlt", "dlt-rows"}
}

// contestant brings a table to a folder.
type contestant struct {
	name  string
	title string
	needs string // program in the virtual environment; "" for none
	// commands run one after the other; each may be a pipeline.
	commands func(t table, dir string) ([]pipeline, error)
	// result is the folder below dir that holds what is stored; files are the Parquet
	// files in it, which are to hold every row.
	result, files string
}

// pipeline is programs with their arguments, each reading what the one before prints.
type pipeline [][]string

//go:embed load_dlt.py
var dltScript []byte

// contestants are those that can run here, and why the others cannot.
func (b *bench) contestants() (runners []contestant, absent []string) {
	self, err := os.Executable()
	if err != nil {
		return nil, []string{err.Error()}
	}
	threads := fmt.Sprint(runtime.NumCPU())
	all := []contestant{
		{"mainstay", "`mainstay extract`", "", b.wholeCommands, "data", "lake/orders/**/*.parquet"},
		{"landing", "mainstay, landing only", "", func(t table, dir string) ([]pipeline, error) {
			args := []string{self, "helper", "landing", t.name, dir}
			if b.profile != "" {
				args = append(args, b.profile)
			}
			return []pipeline{{args}}, nil
		}, "", "*.parquet"},
		{"csv", "`psql \\copy` to CSV, then DuckDB", "", func(t table, dir string) ([]pipeline, error) {
			csv := filepath.Join(dir, "table.csv")
			return []pipeline{
				{{b.tool, "-X", "-q", "-c", `\copy (SELECT * FROM ` + t.name + `) TO '` + csv + `' WITH (FORMAT csv, HEADER)`}},
				{{self, "helper", "convert", t.name, csv, filepath.Join(dir, "table.parquet"), threads}},
				{{"rm", csv}},
			}, nil
		}, "", "table.parquet"},
		{"pipe", "`psql \\copy` piped into DuckDB", "", func(t table, dir string) ([]pipeline, error) {
			return []pipeline{{
				{b.tool, "-X", "-q", "-c", `\copy (SELECT * FROM ` + t.name + `) TO STDOUT WITH (FORMAT csv, HEADER)`},
				{self, "helper", "convert", t.name, "/dev/stdin", filepath.Join(dir, "table.parquet"), threads},
			}}, nil
		}, "", "table.parquet"},
	}
	all = append(all, b.pythonContestants()...)
	chosen := rounds.Names(b.only)
	for _, c := range all {
		switch {
		case len(chosen) > 0 && !slices.Contains(chosen, c.name):
		case c.needs != "" && !exists(filepath.Join(b.venv, "bin", c.needs)):
			absent = append(absent, c.title)
		default:
			runners = append(runners, c)
		}
	}
	return runners, absent
}

// pythonContestants come from PyPI.
func (b *bench) pythonContestants() (out []contestant) {
	out = append(out, contestant{"ingestr", "ingestr", "ingestr", func(t table, dir string) ([]pipeline, error) {
		return []pipeline{{{filepath.Join(b.venv, "bin", "ingestr"), "ingest", "--yes", "--source-table", "public." + t.name,
			"--dest-uri", "parquet://" + filepath.Join(dir, "table.parquet"), "--dest-table", "main." + t.name}}}, nil
	}, "", "table.parquet"})
	for i, name := range []string{"dlt", "dlt-rows"} { // sqlalchemy is its default, and by far the slower one
		backend := []string{"pyarrow", "sqlalchemy"}[i]
		out = append(out, contestant{name, "dlt, " + backend, "dlt", func(t table, dir string) ([]pipeline, error) {
			script := filepath.Join(b.work, "load_dlt.py")
			if err := os.WriteFile(script, dltScript, 0o644); err != nil {
				return nil, fmt.Errorf("writing dlt's script: %w", err)
			}
			return []pipeline{{{filepath.Join(b.venv, "bin", "python"), script, t.name, dir, backend}}}, nil
		}, "result", "bench/bench_*/*.parquet"})
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// wholeCommands run mainstay on a project of its own.
func (b *bench) wholeCommands(t table, dir string) ([]pipeline, error) {
	var cols []string
	for _, c := range t.columns {
		cols = append(cols, c.name)
	}
	project := fmt.Sprintf(`name: bench
sources:
  - name: shop
    type: postgres
    url: ${BENCH_URL}
    tables:
      orders:
        select: SELECT %s FROM %s
        key: [line_id]
        cursor: updated_at
`, strings.Join(cols, ", "), t.name)
	if err := os.WriteFile(filepath.Join(dir, "mainstay.yaml"), []byte(project), 0o644); err != nil {
		return nil, fmt.Errorf("writing the project: %w", err)
	}
	return []pipeline{{{b.mainstay, "extract", "--project", dir, "--as-of", "2025-01-01"}}}, nil
}
