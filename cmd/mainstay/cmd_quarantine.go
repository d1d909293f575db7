package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// quarantineOptions are the flags of the commands below `mainstay quarantine`.
type quarantineOptions struct {
	projectFlags
	filter lake.RefusedFilter
	limit  int
	format string
}

func newQuarantineCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "quarantine",
		Short: "Look at the rows that were refused, and try them again",
		Long: `Rows that the contract refuses go to quarantine, each with its reason, and stay
there until what was wrong is mended. What a night published of them is the
table quarantine of the warehouse; this command reads the lake as it is now.`,
		Example: `  mainstay quarantine list
  mainstay quarantine show --reason bad_quantity
  mainstay quarantine replay --source shop      (after the mapping was mended)`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newQuarantineListCommand(), newQuarantineShowCommand(), newQuarantineReplayCommand())
	for _, sub := range c.Commands() {
		sub.Args = usageArgs(cobra.NoArgs)
	}
	return c
}

func (o *quarantineOptions) add(c *cobra.Command) {
	o.projectFlags.add(c)
	c.Flags().StringVar(&o.filter.AsOf, "as-of", "", "only rows refused by the night of this `day` (YYYY-MM-DD)")
	c.Flags().StringVar(&o.filter.Source, "source", "", "only rows of this `source`")
	c.Flags().StringVar(&o.filter.Table, "table", "", "only rows for this `table` of the contract, or \"(unparsed)\"")
	c.Flags().StringVar(&o.filter.Reason, "reason", "", "only rows refused for this `reason`, such as bad_quantity")
}

func newQuarantineListCommand() *cobra.Command {
	var o quarantineOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "Count refused rows by source, table and reason",
		Example: `  mainstay quarantine list
  mainstay quarantine list --as-of 2024-03-01 --format csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.query(c.Context(), c.OutOrStdout(), resultFormats, quarantineCounts)
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.format, "format", "table", "table, csv or json")
	return c
}

// quarantineCounts counts refused rows, what is new first.
func quarantineCounts(from string, _ int) string {
	return `SELECT source, table_name, reason, count(*) AS row_count, count(DISTINCT input) AS inputs, min(as_of) AS first_as_of, max(as_of) AS last_as_of, min(detail) AS example
FROM (` + from + `) GROUP BY ALL ORDER BY first_as_of DESC, row_count DESC, source, table_name, reason`
}

func newQuarantineShowCommand() *cobra.Command {
	var o quarantineOptions
	c := &cobra.Command{
		Use:   "show",
		Short: "Show refused rows as they came",
		Example: `  mainstay quarantine show --reason missing_customer_id --limit 5
  mainstay quarantine show --source shop --limit 0 --format json > refused.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			formats := maps.Clone(resultFormats)
			formats["rows"] = func(w io.Writer) duck.Sink { return &refusedSink{w: w} }
			return o.query(c.Context(), c.OutOrStdout(), formats, quarantineRows)
		},
	}
	o.add(c)
	c.Flags().StringVar(&o.format, "format", "rows", "rows, table, csv or json")
	c.Flags().IntVarP(&o.limit, "limit", "n", 20, "how many rows to show; 0 shows all")
	return c
}

// quarantineRows gives refused rows, those of the latest night first.
func quarantineRows(from string, limit int) string {
	query := `SELECT as_of, source, table_name, reason, detail, input, record, row FROM (` + from + `) ORDER BY as_of DESC, source, table_name, input, record, reason`
	if limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	return query
}

// query runs a query over the refused rows that the filter chooses.
func (o *quarantineOptions) query(ctx context.Context, out io.Writer, formats map[string]func(io.Writer) duck.Sink, write func(from string, limit int) string) error {
	format, ok := formats[o.format]
	if !ok {
		return usageError{fmt.Errorf("--format: %q is none of %s", o.format, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))}
	}
	if err := o.check(); err != nil {
		return err
	}
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	l, err := ledger.OpenExisting(ctx, dir)
	if err != nil {
		return usageError{err}
	}
	defer l.Close()
	from, err := (&lake.Lake{Dir: dir, Ledger: l}).Quarantine(ctx)
	if err != nil {
		return err
	}
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Each(ctx, write("SELECT * FROM ("+from+") WHERE "+o.where(), o.limit), format(out))
}

// check refuses filters that can choose nothing.
func (o *quarantineOptions) check() error {
	if o.limit < 0 {
		return usageError{fmt.Errorf("--limit: %d is out of range; expected 0 or more", o.limit)}
	}
	if o.filter.AsOf != "" {
		if _, err := pipeline.ParseDay(o.filter.AsOf); err != nil {
			return usageError{fmt.Errorf("--as-of: %w", err)}
		}
	}
	if tables := append(contract.Names(), lake.Unparsed); o.filter.Table != "" && !slices.Contains(tables, o.filter.Table) {
		return usageError{fmt.Errorf("--table: %q is none of %s", o.filter.Table, strings.Join(tables, ", "))}
	}
	if o.filter.Reason == "" {
		return nil
	}
	var reasons []string
	for _, t := range contract.Tables() {
		reasons = append(reasons, t.Reasons()...)
	}
	if !slices.Contains(reasons, o.filter.Reason) {
		slices.Sort(reasons)
		return usageError{fmt.Errorf("--reason: %q is no reason; there are %s", o.filter.Reason, strings.Join(slices.Compact(reasons), ", "))}
	}
	return nil
}

func (o *quarantineOptions) where() string {
	out := "true"
	for _, c := range [][2]string{{"source", o.filter.Source}, {"table_name", o.filter.Table}, {"reason", o.filter.Reason}, {"CAST(as_of AS VARCHAR)", o.filter.AsOf}} {
		if c[1] != "" {
			out += " AND " + c[0] + " = " + duck.Quote(c[1])
		}
	}
	return out
}

// refusedSink writes each row as a paragraph, its JSON whole.
type refusedSink struct {
	w     io.Writer
	types []string
	n     int64
}

func (s *refusedSink) Header(_, types []string) error { s.types = types; return nil }

func (s *refusedSink) Row(vals []any) error {
	v := make([]string, len(vals))
	for i := range vals {
		v[i] = strings.Map(visible, text(vals[i], s.types[i]))
	}
	s.n++
	_, err := fmt.Fprintf(s.w, "%s  source %s, table %s: %s\n  value: %s\n  where: %s, record %s\n  row: %s\n\n", v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
	return err
}

// visible keeps what a value would tell a terminal to itself.
func visible(r rune) rune {
	if unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

func (s *refusedSink) End() error {
	_, err := fmt.Fprintf(s.w, "(%s rows)\n", thousands(s.n))
	return err
}

func newQuarantineReplayCommand() *cobra.Command {
	var o quarantineOptions
	c := &cobra.Command{
		Use:   "replay",
		Short: "Try refused rows again, after what was wrong was mended",
		Long: `Read the inputs of refused rows again, with the mapping and the contract as they
are now: files as a whole, of databases just the rows. What fits now is stored
and leaves the quarantine; the rest stays there. The next night sees it.`,
		Example: `  mainstay quarantine replay
  mainstay quarantine replay --source shop --reason bad_quantity`,
		RunE: func(c *cobra.Command, _ []string) error { return runReplay(c.Context(), c.OutOrStdout(), o) },
	}
	o.add(c)
	return c
}

func runReplay(ctx context.Context, out io.Writer, o quarantineOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	p, err := o.load(ctx)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(p.Config.Sources, func(s config.Source) bool { return s.Name == o.filter.Source })
	if o.filter.Source != "" && !known {
		return usageError{fmt.Errorf("--source: %q is no source of this project", o.filter.Source)}
	}
	watch, log := follow(os.Stderr, p.Config.Log)
	got, err := jobs.Replay(ctx, p, jobs.ReplayOptions{
		Options:       jobs.Options{AsOf: today(p), Today: today(p), Watch: watch, Log: log},
		RefusedFilter: o.filter,
	})
	if err != nil {
		return err
	}
	for _, w := range got.Warnings {
		fmt.Fprintln(os.Stderr, "warning:", w)
	}
	if got.Tried == 0 {
		_, err = fmt.Fprintln(out, "nothing to try again: no refused row fits the filter")
		return err
	}
	_, err = fmt.Fprintf(out, "%s refused rows tried again; %s rows read: %s stored, %s as the lake or the quarantine had them, %s refused anew\n",
		thousands(got.Tried), thousands(got.Read), thousands(got.Stored), thousands(got.Duplicates), thousands(got.Quarantined))
	if err == nil && got.Stored < got.Tried {
		_, err = fmt.Fprintln(out, "`mainstay quarantine list` says why")
	}
	return err
}
