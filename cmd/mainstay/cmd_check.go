package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// checkOptions are the flags of `mainstay check`.
type checkOptions struct {
	projectFlags
	verbose bool
}

func newCheckCommand() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a project without running it: configuration, SQL models, sources",
		Long: `Check everything that a night checks before it starts: mainstay.yaml, the SQL
models with their sidecars and what each reads, the graph of the night, and the
sources: whether files are there; whether a database answers, may be read, and
gives columns that fit the contract. No row is read.

` + exitHelp,
		Example: `  mainstay check --project shop
  mainstay check --verbose      (every column: what is found, how it lands, what is expected)`,
		RunE: func(c *cobra.Command, _ []string) error { return runCheck(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show every column of a database, not only those with problems")
	return c
}

func runCheck(ctx context.Context, out io.Writer, o checkOptions) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	g, err := p.Graph(nil)
	if err != nil {
		return usageError{err}
	}
	fmt.Fprintf(out, "configuration of %s: fine\nSQL models: %d, %d of them the project's own\ntables of a night: %d\n", p.Config.Name, len(p.Models.All()), p.OwnModels(), len(g.Jobs))
	found, err := p.CheckSources(ctx)
	if err != nil {
		return usageError{err}
	}
	for _, f := range found {
		if err := printSource(out, f, o.verbose); err != nil {
			return err
		}
	}
	return problems(found)
}

// printSource prints what a look at a source found.
func printSource(out io.Writer, f jobs.SourceState, verbose bool) error {
	if f.Server == "" {
		fmt.Fprintf(out, "source %s: %d files (%.1f MB), %d of them new\n", f.Source, f.Inputs, float64(f.Bytes)/1e6, f.New)
	} else {
		fmt.Fprintf(out, "source %s (%s): %s\n", f.Source, f.Type, f.Server)
	}
	for _, t := range f.Tables {
		if err := printTable(out, t, verbose); err != nil {
			return err
		}
	}
	return nil
}

// printTable prints a table's columns, those with problems or all, then its problems.
func printTable(out io.Writer, t source.TableReport, all bool) error {
	errors, warnings := count(t.Problems)
	fmt.Fprintf(out, "  %s: ", t.Table)
	if len(t.Columns) > 0 { // what columns files have is seen when they are read
		fmt.Fprintf(out, "%s, ", plural(len(t.Columns), "column"))
	}
	if t.Rows >= 0 {
		fmt.Fprintf(out, "about %s rows, ", thousands(t.Rows))
	}
	fmt.Fprintln(out, verdict(errors, warnings))
	troubled := map[string]string{}
	for _, p := range t.Problems {
		if p.Column != "" && troubled[p.Column] != "error" {
			troubled[p.Column] = map[bool]string{true: "warning", false: "error"}[p.Warning]
		}
	}
	var rows [][]string
	for _, c := range t.Columns {
		if all || troubled[c.Name] != "" {
			rows = append(rows, []string{cell(c.Name), cell(c.Found), c.Lands, cmp.Or(c.Expected, "(rides along)"), troubled[c.Name]})
		}
	}
	if len(rows) > 0 {
		sink := &tableSink{w: indent{indent{out}}, held: rows, cols: []string{"column", "found", "lands as", "expected", "problem"}, types: make([]string, 5)}
		if err := sink.flush(); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	for _, p := range t.Problems {
		printProblem(out, p)
	}
	return nil
}

// printProblem prints one problem: what, then what to do.
func printProblem(out io.Writer, p source.Problem) {
	what := "error"
	if p.Warning {
		what = "warning"
	}
	var parts []string
	if p.Column != "" {
		parts = append(parts, "column "+cell(p.Column))
	}
	if p.Found != "" {
		parts = append(parts, "found "+cell(p.Found))
	}
	if p.Expected != "" {
		parts = append(parts, "expected "+cell(p.Expected))
	}
	suggestion := strings.ReplaceAll(p.Suggestion, "\n", "\n      ")
	if len(parts) == 0 {
		fmt.Fprintf(out, "    %s: %s\n", what, suggestion)
		return
	}
	fmt.Fprintf(out, "    %s: %s\n", what, strings.Join(parts, ", "))
	if suggestion != "" {
		fmt.Fprintf(out, "      %s\n", suggestion)
	}
}

func count(problems []source.Problem) (errors, warnings int) {
	for _, p := range problems {
		if p.Warning {
			warnings++
		} else {
			errors++
		}
	}
	return errors, warnings
}

func verdict(errors, warnings int) string {
	switch {
	case errors+warnings == 0:
		return "fine"
	case errors == 0:
		return plural(warnings, "warning")
	case warnings == 0:
		return plural(errors, "error")
	}
	return plural(errors, "error") + ", " + plural(warnings, "warning")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// problems makes what stops an extraction an error: patterns without files (a wrong path
// looks just like that), and mappings that do not fit.
func problems(found []jobs.SourceState) error {
	for _, f := range found {
		if len(f.Missing) > 0 {
			return usageError{fmt.Errorf("source %s: no file matches %q: check the path, or put files there", f.Source, f.Missing)}
		}
		if n := f.Errors(); n > 0 {
			return usageError{fmt.Errorf("source %s: %s in its mappings, shown above: a night would fail", f.Source, plural(n, "error"))}
		}
	}
	return nil
}
