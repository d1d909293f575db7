package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

func newQueryCommand() *cobra.Command {
	var o projectFlags
	var format string
	c := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask the published warehouse",
		Long: `Run SQL (DuckDB's) on the published warehouse, read only. A night that runs
meanwhile neither waits nor disturbs: it replaces the warehouse as a whole.
"-" reads the SQL from standard input.`,
		Example: `  mainstay query "SHOW TABLES"
  mainstay query "SELECT * FROM churn_scores WHERE risk_band = 'high' ORDER BY churn_probability DESC LIMIT 10"
  mainstay query --format csv "FROM cross_sell_scores WHERE rank <= 3" > offers.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runQuery(c.Context(), c.OutOrStdout(), o, args[0], format)
		},
	}
	o.add(c)
	c.Flags().StringVar(&format, "format", "table", "table, csv or json")
	return c
}

func runQuery(ctx context.Context, out io.Writer, o projectFlags, query, format string) error {
	write, ok := resultFormats[format]
	if !ok {
		return usageError{fmt.Errorf("--format: %q is none of table, csv, json", format)}
	}
	if query == "-" {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return fmt.Errorf("reading the query: %w", err)
		}
		query = string(text)
	}
	if strings.TrimSpace(query) == "" {
		return usageError{fmt.Errorf(`the query is empty; try "SHOW TABLES"`)}
	}
	dir, err := o.dataDir(ctx)
	if err != nil {
		return err
	}
	s, err := warehouse.Open(ctx, dir)
	if err != nil {
		return usageError{err}
	}
	defer s.Close()
	return s.Each(ctx, query, write(out))
}
