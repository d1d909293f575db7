package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
	"github.com/mainstay-etl/mainstay/sql/cases"
)

// testOptions are the flags of `mainstay test`.
type testOptions struct {
	project string
	builtIn bool
	json    bool
}

func newTestCommand() *cobra.Command {
	var o testOptions
	c := &cobra.Command{
		Use:   "test [CASE...]",
		Short: "Run the unit cases of a project's SQL models",
		Long: `Run the cases in sql/tests of a project: each says which rows are given and which
rows a SQL model must make of them. No source is read and no data directory is
needed; settings are those of mainstay.yaml unless a case changes them.

A CASE is the name of a file in sql/tests without .test, with * and ? if need be,
or the path of a file. Without one, all are run.

Exit codes:
  0  every case holds
  1  a case fails: its rows differ, or a model's SQL cannot be run on them
  2  a case cannot be run as it is written, or bad usage`,
		Example: `  mainstay test --project shop
  mainstay test 'call_list_*'
  mainstay test --builtin            (also the cases of mainstay's own models, on its own settings)

A case, sql/tests/call_list_small_spender.test:

  # Who spends little is not called.
  model: call_list

  -- given churn_scores
  customer_id,churn_probability,risk_band,reason_1
  c1,0.9,high,no order for 80 days

  -- given cross_sell_scores
  customer_id,category,rank

  -- given customer_features
  customer_id,spend_365
  c1,499.99

  -- expect
  customer_id`,
		RunE: func(c *cobra.Command, args []string) error { return runTest(c.Context(), c.OutOrStdout(), o, args) },
	}
	c.Flags().StringVar(&o.project, "project", ".", "`directory` with mainstay.yaml and sql/")
	c.Flags().BoolVar(&o.builtIn, "builtin", false, "also run the cases of mainstay's own models; without a project, only these")
	c.Flags().BoolVar(&o.json, "json", false, "print one JSON object per case")
	return c
}

// suite is a set of cases and the project that they are run on.
type suite struct {
	project *jobs.Project
	cases   []cases.Case
}

func runTest(ctx context.Context, out io.Writer, o testOptions, chosen []string) error {
	suites, err := findSuites(ctx, o, chosen)
	if err != nil {
		return usageError{err}
	}
	var all []suite
	for _, s := range suites {
		for _, c := range s.cases {
			all = append(all, suite{s.project, []cases.Case{c}})
		}
	}
	results := runCases(ctx, all)
	if err := ctx.Err(); err != nil {
		return err
	}
	return printCases(out, o, results)
}

// findSuites reads all cases and checks that they can be run. Its error names every
// problem of every file.
func findSuites(ctx context.Context, o testOptions, chosen []string) ([]suite, error) {
	p, err := jobs.Load(ctx, o.project, "")
	if errors.Is(err, fs.ErrNotExist) && o.builtIn {
		p, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	var suites []suite
	if p != nil {
		dir := filepath.Join(o.project, "sql", sqlfiles.TestsFolder)
		s, err := readSuite(p, os.DirFS(dir), dir)
		if err != nil {
			return nil, err
		}
		if s, err = withFiles(s, chosen); err != nil {
			return nil, err
		}
		suites = append(suites, s)
	}
	if o.builtIn {
		own, err := builtIns(ctx, p)
		if err != nil {
			return nil, err
		}
		s, err := readSuite(own, sqlfiles.Cases(), "built-in")
		if err != nil {
			return nil, err
		}
		suites = append(suites, s)
	}
	return choose(suites, chosen)
}

func builtIns(ctx context.Context, p *jobs.Project) (*jobs.Project, error) {
	if p == nil {
		return jobs.BuiltIns(ctx)
	}
	return p.WithDefaults(ctx)
}

// readSuite reads the cases of a folder.
func readSuite(p *jobs.Project, folder fs.FS, shown string) (suite, error) {
	s := suite{project: p}
	names, err := fs.Glob(folder, "*"+cases.Ending)
	if err != nil {
		return s, fmt.Errorf("listing cases: %w", err)
	}
	var problems []error
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return s, fmt.Errorf("reading case: %w", err)
		}
		if err := s.add(path.Join(filepath.ToSlash(shown), name), text); err != nil {
			problems = append(problems, err)
		}
	}
	return s, errors.Join(problems...)
}

func (s *suite) add(file string, text []byte) error {
	c, err := cases.Parse(file, text)
	if err == nil {
		err = s.project.CheckCase(c)
	}
	s.cases = append(s.cases, c)
	return err
}

// isFile tells a path from the name of a case.
func isFile(name string) bool {
	return strings.HasSuffix(name, cases.Ending) || strings.ContainsAny(name, `/\`)
}

// withFiles adds cases that were named by their path.
func withFiles(s suite, chosen []string) (suite, error) {
	for _, name := range chosen {
		if !isFile(name) || slices.ContainsFunc(s.cases, func(c cases.Case) bool { return c.Path == path.Clean(filepath.ToSlash(name)) }) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return s, fmt.Errorf("reading case: %w", err)
		}
		if err := s.add(path.Clean(filepath.ToSlash(name)), text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// choose keeps the cases that were asked for.
func choose(suites []suite, chosen []string) ([]suite, error) {
	n := 0
	used := make([]bool, len(chosen))
	for i := range suites {
		suites[i].cases = slices.DeleteFunc(suites[i].cases, func(c cases.Case) bool {
			keep := len(chosen) == 0
			for k, name := range chosen {
				matches, err := path.Match(name, c.Name)
				if isFile(name) {
					matches, err = path.Clean(filepath.ToSlash(name)) == c.Path, nil
				}
				if err == nil && matches {
					keep, used[k] = true, true
				}
			}
			return !keep
		})
		n += len(suites[i].cases)
	}
	for k, name := range chosen {
		if !used[k] {
			return nil, fmt.Errorf("there is no case %q: expected the name of a file in sql/%s without %s, or its path", name, sqlfiles.TestsFolder, cases.Ending)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("there is no case: put files with the ending %s into sql/%s (see `mainstay test --help`), or give --builtin", cases.Ending, sqlfiles.TestsFolder)
	}
	return suites, nil
}

// caseResult is what became of a case.
type caseResult struct {
	Case   string   `json:"case"`
	Path   string   `json:"path"`
	Line   int      `json:"line"` // of what is expected
	Holds  bool     `json:"holds"`
	Error  string   `json:"error,omitempty"`
	Differ []string `json:"differences,omitempty"`
	bad    bool     // the case's own fault
}

// runCases runs cases side by side and returns their results in order.
func runCases(ctx context.Context, all []suite) []caseResult {
	results := make([]caseResult, len(all))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.NumCPU(), len(all)) {
		workers.Go(func() {
			for i := range next {
				results[i] = runCase(ctx, all[i].project, all[i].cases[0])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

func runCase(ctx context.Context, p *jobs.Project, c cases.Case) caseResult {
	r := caseResult{Case: c.Name, Path: c.Path, Line: c.Expect.Line}
	dir, err := os.MkdirTemp("", "mainstay-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		r.Differ, err = p.RunCase(ctx, c, dir)
	}
	var bad *jobs.BadCaseError
	r.bad = errors.As(err, &bad)
	if err != nil {
		r.Error = err.Error()
	}
	r.Holds = err == nil && len(r.Differ) == 0
	return r
}

// printCases prints one line per case, and what differs.
func printCases(out io.Writer, o testOptions, results []caseResult) error {
	failed, bad := 0, 0
	for _, r := range results {
		if !r.Holds {
			failed++
		}
		if r.bad {
			bad++
		}
		if o.json {
			line, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("printing: %w", err)
			}
			fmt.Fprintln(out, string(line))
			continue
		}
		if r.Holds {
			fmt.Fprintln(out, "ok   "+r.Case)
			continue
		}
		fmt.Fprintf(out, "FAIL %s (%s:%d)\n", r.Case, r.Path, r.Line)
		for _, line := range append(r.Differ, strings.Split(strings.TrimSpace(r.Error), "\n")...) {
			if line != "" {
				fmt.Fprintln(out, "     "+line)
			}
		}
	}
	if !o.json {
		fmt.Fprintf(out, "%s, %d failed\n", plural(len(results), "case"), failed)
	}
	switch {
	case bad > 0:
		return usageError{fmt.Errorf("%s cannot be run as written", plural(bad, "case"))}
	case failed > 0:
		return fmt.Errorf("%s of %d failed", plural(failed, "case"), len(results))
	}
	return nil
}
