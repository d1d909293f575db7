package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// The contestants. The night and DuckDB alone make all tables; the others the features
// that a data scientist would write first.
const (
	night   = "night"
	duckdb  = "duckdb"
	subset  = "subset"
	polars  = "polars"
	pandas  = "pandas"
	andMore = "whole" // the night with its warehouse, audit and publication
)

func names() []string { return []string{night, duckdb, subset, polars, pandas} }

// subsetFiles are the feature files of mainstay from which the columns of the scripts in
// Python come. They hold more columns than these.
var subsetFiles = []string{
	"customer_volume", "customer_rhythm", "customer_baskets", "customer_breadth", "customer_tastes", "customer_returns", "customer_browsing", "customer_prices",
}

// result is one run of one contestant.
type result struct {
	took
	version string
	parts   []part // what took longest
	failed  string
}

// part is a job or a statement.
type part struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
}

func (b *bench) wanted(name string) bool {
	return b.only == "" || slices.Contains(rounds.Names(b.only), name)
}

// round lets everybody run in turn.
func (b *bench) round(ctx context.Context, n int) error {
	project, err := b.fresh(ctx)
	if err != nil {
		return err
	}
	data := filepath.Join(project, "data")
	whole, tables, err := b.night(ctx, project)
	if err != nil {
		return err
	}
	b.note(n, andMore, whole)
	b.note(n, night, tables)
	if b.python == "" {
		return nil
	}
	out := filepath.Join(b.work, "out")
	if b.wanted(duckdb) {
		r, err := b.script(ctx, project, out)
		if err != nil {
			return err
		}
		b.note(n, duckdb, r)
		if r.failed == "" && n == 1 {
			if err := b.compare(ctx, data, out); err != nil {
				return err
			}
		}
	}
	if b.wanted(subset) {
		r, err := b.script(ctx, project, out, subsetFiles...)
		if err != nil {
			return err
		}
		b.note(n, subset, r)
	}
	for _, name := range []string{polars, pandas} {
		if !b.wanted(name) {
			continue
		}
		r, err := b.features(ctx, project, name)
		if err != nil {
			return err
		}
		b.note(n, name, r)
		if r.failed == "" && n == 1 {
			if err := b.compareFeatures(ctx, data, name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) note(round int, name string, r result) {
	if r.failed != "" {
		b.say("round %d, %s: %s", round, name, r.failed)
	} else {
		b.say("round %d, %s: %.1f s, %.1f s of CPU, peak memory %.0f MB, written %.0f MB, scratch %.0f MB", round, name, r.seconds, r.cpu, rounds.MB(r.peak), rounds.MB(r.written), rounds.MB(r.scratch))
	}
	b.results[name] = append(b.results[name], r)
}

var jobLine = regexp.MustCompile(`msg="job ended".* job=(\w+) status=done .*seconds=([0-9.]+)`)

// night runs a night, and tells what it took as a whole and until all tables were there.
func (b *bench) night(ctx context.Context, project string) (whole, tables result, err error) {
	t, err := b.group.child(ctx, filepath.Join(project, "data", "scratch"), func(text string, so took) {
		if m := jobLine.FindStringSubmatch(text); m != nil {
			seconds, _ := strconv.ParseFloat(m[2], 64)
			tables.parts = append(tables.parts, part{Name: m[1], Seconds: seconds})
			tables.seconds, tables.cpu = so.seconds, so.cpu
		}
	}, b.mainstay, "run", "--log-format", "text", "--project", project, "--as-of", b.asOf)
	if err != nil {
		return whole, tables, err
	}
	if len(tables.parts) == 0 {
		return whole, tables, fmt.Errorf("mainstay run told of no job; is it another version?")
	}
	whole.took = t
	tables.peak, tables.scratch, tables.written = t.peak, t.scratch, t.written
	return whole, tables, nil
}

// script has DuckDB alone run the statements of the night, or those for some tables.
func (b *bench) script(ctx context.Context, project, out string, only ...string) (r result, err error) {
	spill, file := filepath.Join(b.work, "spill"), filepath.Join(b.work, "script.sql")
	for _, dir := range []string{out, spill} {
		if err := os.RemoveAll(dir); err != nil {
			return r, fmt.Errorf("clearing up: %w", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return r, fmt.Errorf("making a folder: %w", err)
		}
	}
	args := []string{"jobs", "--project", project, "--sql", "--as-of", b.asOf, "--to", out}
	if len(only) > 0 {
		args = append(args, "--only", strings.Join(only, ","))
	}
	text, err := exec.CommandContext(ctx, b.mainstay, args...).Output()
	if err != nil {
		return r, fmt.Errorf("writing the script: %w", err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return r, fmt.Errorf("writing the script: %w", err)
	}
	return b.pythonRun(ctx, "script.py", spill, map[string]any{"script": file, "threads": b.threads, "memory": b.memory, "spill": spill})
}

var lakeFile = regexp.MustCompile(`'([^']+/lake/(orders|interactions)/[^']+\.parquet)'`)

// lakeFiles are the files of the lake that a night reads, as its script names them.
func (b *bench) lakeFiles(ctx context.Context, project string) (map[string][]string, error) {
	text, err := exec.CommandContext(ctx, b.mainstay, "jobs", "--project", project, "--sql", "--as-of", b.asOf, "--only", "customer_volume,customer_browsing").Output()
	if err != nil {
		return nil, fmt.Errorf("asking for the lake's files: %w", err)
	}
	files := map[string][]string{}
	for _, m := range lakeFile.FindAllSubmatch(text, -1) {
		table, file := string(m[2]), string(m[1])
		if !slices.Contains(files[table], file) {
			files[table] = append(files[table], file)
		}
	}
	return files, nil
}

// features has polars or pandas make its features.
func (b *bench) features(ctx context.Context, project, name string) (r result, err error) {
	files, err := b.lakeFiles(ctx, project)
	if err != nil {
		return r, err
	}
	return b.pythonRun(ctx, "features_"+name+".py", "", map[string]any{
		"orders": files["orders"], "interactions": files["interactions"], "cutoff": b.asOf + "T00:00:00", "out": b.featuresOf(name),
	})
}

func (b *bench) featuresOf(name string) string { return filepath.Join(b.work, name+".parquet") }

// pythonRun runs a program that prints a version and what its parts took. That it fails,
// for want of memory say, is a result.
func (b *bench) pythonRun(ctx context.Context, program, scratch string, settings map[string]any) (r result, err error) {
	args, err := json.Marshal(settings)
	if err != nil {
		return r, fmt.Errorf("writing the settings: %w", err)
	}
	var printed struct {
		Version string
		Parts   []part
	}
	var bad error
	os.Setenv("POLARS_MAX_THREADS", strconv.Itoa(b.threads))
	r.took, err = b.group.child(ctx, scratch, func(text string, _ took) {
		if strings.HasPrefix(text, "{") {
			bad = json.Unmarshal([]byte(text), &printed)
		}
	}, b.python, filepath.Join(b.work, program), string(args))
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil {
		r.failed = err.Error()
		return r, nil
	}
	if bad != nil {
		return r, fmt.Errorf("reading what %s printed: %w", program, bad)
	}
	r.version, r.parts = printed.Version, printed.Parts
	return r, nil
}
