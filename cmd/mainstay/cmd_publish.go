package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

func newPublishCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "publish",
		Short: "Bring a published night back, compare two, put one into PostgreSQL",
		Long: `Every published night keeps its tables until "mainstay gc" removes those that no
day shows any more. Until then readers can be given an earlier night again, and
two nights can be compared.`,
		Example: `  mainstay publish rollback 41
  mainstay publish diff 41 42
  mainstay publish push`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	for _, sub := range []*cobra.Command{newRollbackCommand(), newDiffCommand(), newPushCommand()} {
		sub.Args = usageArgs(sub.Args)
		c.AddCommand(sub)
	}
	return c
}

func newRollbackCommand() *cobra.Command {
	var o projectFlags
	c := &cobra.Command{
		Use:   "rollback NIGHT",
		Short: "Let readers see an earlier night again",
		Long: `Let readers see a published night again, named by its number or by its as-of
day. Its warehouse is built from the Parquet tables that it published, each
proved by its checksum, and takes the place of the warehouse in one step; the
link of its day (tables/as_of=DAY) shows them, too. Links of later days stay as
they are. The next night is published as usual.

` + exitHelp,
		Example: `  mainstay publish rollback 41
  mainstay publish rollback 2024-03-01 --project shop`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runRollback(c.Context(), c.OutOrStdout(), o, args[0])
		},
	}
	o.add(c)
	return c
}

func runRollback(ctx context.Context, out io.Writer, o projectFlags, which string) error {
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	if err := hasLedger(ctx, dir); err != nil {
		return err
	}
	r, err := jobs.RollBack(ctx, dir, which, nil)
	if err != nil {
		return usageIf(err, jobs.ErrNoNight)
	}
	fmt.Fprintf(out, "Readers see night %d of %s again: %d tables", r.Night.ID, r.Night.AsOf, r.Tables)
	if r.Before != "" && r.Before != r.Night.AsOf {
		fmt.Fprintf(out, "; before, the warehouse showed %s", r.Before)
	}
	fmt.Fprintln(out)
	if len(r.Later) > 0 {
		fmt.Fprintf(out, "These later days keep their own tables: %s. To make one anew: mainstay run --as-of %s\n", strings.Join(r.Later, ", "), r.Later[len(r.Later)-1])
	}
	return nil
}

// hasLedger makes a data directory without nights bad usage.
func hasLedger(ctx context.Context, dir string) error {
	l, err := ledger.OpenExisting(ctx, dir)
	if err != nil {
		return usageError{err}
	}
	return l.Close()
}

// usageIf makes an error bad usage when it wraps one of some.
func usageIf(err error, causes ...error) error {
	for _, cause := range causes {
		if errors.Is(err, cause) {
			return usageError{err}
		}
	}
	return err
}

func newDiffCommand() *cobra.Command {
	var o projectFlags
	var table string
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff NIGHT NIGHT",
		Short: "Compare what two nights published",
		Long: `Compare the tables of two published nights, named by their numbers or as-of
days: rows added, removed and changed by key (as_of is left out), columns that
came or went, and the customers that crossed a risk band, a grade or a stage.`,
		Example: `  mainstay publish diff 41 42
  mainstay publish diff 2024-03-01 2024-03-02 --table churn_scores
  mainstay publish diff 41 42 --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return runDiff(c.Context(), c.OutOrStdout(), o, args, table, asJSON)
		},
	}
	o.add(c)
	c.Flags().StringVar(&table, "table", "", "compare only this `table`")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON for machines")
	return c
}

func runDiff(ctx context.Context, out io.Writer, o projectFlags, nights []string, table string, asJSON bool) error {
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	if err := hasLedger(ctx, p.DataDir); err != nil {
		return err
	}
	d, err := p.Diff(ctx, nights[0], nights[1], table)
	if err != nil {
		return usageIf(err, jobs.ErrNoNight, jobs.ErrScope)
	}
	if asJSON {
		return writeJSON(out, diffJSON(d))
	}
	return printDiff(out, d)
}

// writeJSON writes one JSON document.
func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

func printDiff(out io.Writer, d jobs.NightDiff) error {
	fmt.Fprintf(out, "from night %d of %s to night %d of %s\n", d.From.ID, d.From.AsOf, d.To.ID, d.To.AsOf)
	for _, only := range []struct {
		tables []string
		n      ledger.Night
	}{{d.OnlyFrom, d.From}, {d.OnlyTo, d.To}} {
		if len(only.tables) > 0 {
			fmt.Fprintf(out, "only in night %d: %s\n", only.n.ID, strings.Join(only.tables, ", "))
		}
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(d.Tables) > 0 {
		fmt.Fprintln(tw, "\nTABLE\tROWS\tADDED\tREMOVED\tCHANGED\tWHAT")
	}
	for _, t := range d.Tables {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, thousands(t.RowsTo), thousands(t.Added), thousands(t.Removed), thousands(t.Changed), whatDiffers(t))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(d.Transitions) > 0 {
		fmt.Fprintln(tw, "\nCROSSED\tFROM\tTO\tCUSTOMERS\tSUCH AS")
	}
	for _, t := range d.Transitions {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", t.Column, t.From, t.To, thousands(t.Customers), strings.Join(t.Examples, ", "))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%s without a difference\n", plural(len(d.Same), "table"))
	return err
}

// whatDiffers says in a line how a table differs.
func whatDiffers(t jobs.TableDiff) string {
	var said []string
	for _, s := range []struct {
		what string
		cols []string
	}{{"new columns", t.ColumnsAdded}, {"columns gone", t.ColumnsRemoved}, {"types changed", t.ColumnsRetyped}} {
		if len(s.cols) > 0 {
			said = append(said, s.what+": "+strings.Join(s.cols, ", "))
		}
	}
	var cols []string
	for i, c := range t.ChangedColumns {
		if i == 4 {
			cols = append(cols, fmt.Sprintf("%d more", len(t.ChangedColumns)-i))
			break
		}
		cols = append(cols, fmt.Sprintf("%s (%s)", c.Column, thousands(c.Rows)))
	}
	if len(cols) > 0 {
		said = append(said, "changed: "+strings.Join(cols, ", "))
	}
	if len(t.Examples) > 0 {
		said = append(said, strings.Join(t.Examples, "  "))
	}
	return strings.Join(said, "; ")
}

// The JSON of `mainstay publish diff`; docs/operations/running.md describes it.
type (
	nightRef struct {
		Night int64  `json:"night"`
		AsOf  string `json:"as_of"`
	}
	diffDocument struct {
		From        nightRef         `json:"from"`
		To          nightRef         `json:"to"`
		OnlyFrom    []string         `json:"only_from"`
		OnlyTo      []string         `json:"only_to"`
		Same        []string         `json:"same"`
		Tables      []tableDiffJSON  `json:"tables"`
		Transitions []transitionJSON `json:"transitions"`
	}
	tableDiffJSON struct {
		Table          string           `json:"table"`
		Key            []string         `json:"key"`
		RowsFrom       int64            `json:"rows_from"`
		RowsTo         int64            `json:"rows_to"`
		Added          int64            `json:"added"`
		Removed        int64            `json:"removed"`
		Changed        int64            `json:"changed"`
		ColumnsAdded   []string         `json:"columns_added"`
		ColumnsRemoved []string         `json:"columns_removed"`
		ColumnsRetyped []string         `json:"columns_retyped"`
		ChangedColumns map[string]int64 `json:"changed_columns"`
		Examples       []string         `json:"examples"`
	}
	transitionJSON struct {
		Table     string   `json:"table"`
		Column    string   `json:"column"`
		From      string   `json:"from"`
		To        string   `json:"to"`
		Customers int64    `json:"customers"`
		Examples  []string `json:"examples"`
	}
)

func diffJSON(d jobs.NightDiff) diffDocument {
	doc := diffDocument{From: nightRef{d.From.ID, d.From.AsOf}, To: nightRef{d.To.ID, d.To.AsOf}, OnlyFrom: list(d.OnlyFrom), OnlyTo: list(d.OnlyTo), Same: list(d.Same),
		Tables: []tableDiffJSON{}, Transitions: []transitionJSON{}}
	for _, t := range d.Tables {
		changed := map[string]int64{}
		for _, c := range t.ChangedColumns {
			changed[c.Column] = c.Rows
		}
		doc.Tables = append(doc.Tables, tableDiffJSON{t.Name, list(t.Key), t.RowsFrom, t.RowsTo, t.Added, t.Removed, t.Changed,
			list(t.ColumnsAdded), list(t.ColumnsRemoved), list(t.ColumnsRetyped), changed, list(t.Examples)})
	}
	for _, t := range d.Transitions {
		doc.Transitions = append(doc.Transitions, transitionJSON{t.Table, t.Column, t.From, t.To, t.Customers, list(t.Examples)})
	}
	return doc
}

// list is a list that JSON writes as [] when it is empty.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
