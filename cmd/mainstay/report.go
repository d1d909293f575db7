package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// report prints what a published night found, from the warehouse that it published.
type report struct {
	out  io.Writer
	s    *duck.Session
	p    *jobs.Project
	err  error
	asOf string
}

// printNight prints the night; full adds customers, offers and queries to try.
func printNight(ctx context.Context, out io.Writer, p *jobs.Project, night jobs.Outcome, full bool) error {
	s, err := warehouse.Open(ctx, p.DataDir)
	if err != nil {
		return err
	}
	defer s.Close()
	r := &report{out: out, s: s, p: p, asOf: night.AsOf.String()}
	fmt.Fprintf(out, "\nNight %s is published.\n", r.asOf)
	r.accounts(ctx)
	r.scored(ctx)
	r.learned(ctx)
	r.graded(ctx)
	if full {
		r.atRisk(ctx)
		r.offers(ctx)
	}
	r.where(full)
	return r.err
}

// rows runs a query whose values are all text.
func (r *report) rows(ctx context.Context, query string) [][]string {
	if r.err != nil {
		return nil
	}
	res, err := r.s.Query(ctx, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n"+query+"\n)")
	if err != nil {
		r.err = err
		return nil
	}
	out := make([][]string, len(res.Rows))
	for i, row := range res.Rows {
		out[i] = make([]string, len(row))
		for j, v := range row {
			out[i][j], _ = v.(string)
		}
	}
	return out
}

func (r *report) title(format string, args ...any) {
	fmt.Fprintf(r.out, "\n%s\n", fmt.Sprintf(format, args...))
}

// table prints rows with their header, text left and numbers right.
func (r *report) table(header []string, rows [][]string, types []string) {
	if r.err != nil {
		return
	}
	t := &tableSink{w: indent{r.out}, held: rows, cols: header, types: types}
	r.err = t.flush()
}

// indent puts two blanks before a line.
type indent struct{ w io.Writer }

func (i indent) Write(b []byte) (int, error) {
	if _, err := io.WriteString(i.w, "  "+string(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (r *report) accounts(ctx context.Context) {
	rows := r.rows(ctx, `SELECT source, table_name, format('{:,}', sum(rows_read)::BIGINT), format('{:,}', sum(rows_stored)::BIGINT), format('{:,}', sum(rows_duplicate)::BIGINT), format('{:,}', sum(rows_quarantined)::BIGINT), format('{:,}', sum(rows_forgotten)::BIGINT)
FROM row_accounts WHERE kind = 'input' AND NOT replaced GROUP BY GROUPING SETS ((source, table_name), ()) ORDER BY source NULLS LAST, table_name`)
	for i := range rows {
		if rows[i][0] == "" {
			rows[i][0] = "all"
		}
	}
	names, types := []string{"source", "table", "read", "stored", "duplicates", "quarantined"}, []string{"", "", "INT", "INT", "INT", "INT"}
	if len(rows) > 0 && rows[len(rows)-1][6] != "0" {
		names, types = append(names, "forgotten"), append(types, "INT")
	}
	for i := range rows {
		rows[i] = rows[i][:len(names)]
	}
	r.title("%s", "Rows accounted for (read = "+strings.Join(names[3:], " + ")+")")
	r.table(names, rows, types)
	reasons := r.rows(ctx, `SELECT reason, format('{:,}', count(*)) FROM quarantine GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 5`)
	for _, q := range reasons {
		fmt.Fprintf(r.out, "  in quarantine: %s rows, %s\n", q[1], strings.ReplaceAll(q[0], "_", " "))
	}
}

func (r *report) scored(ctx context.Context) {
	row := r.rows(ctx, `SELECT format('{:,}', (SELECT count(*) FROM customer_features)), format('{:,}', (SELECT count(*) FROM customer_category_features)),
(SELECT count(*) - 2 FROM duckdb_columns() WHERE table_name = 'customer_features'), (SELECT count(*) - 3 FROM duckdb_columns() WHERE table_name = 'customer_category_features')`)
	if len(row) == 1 {
		r.title("Scored: %s active customers (%s features) and %s pairs of customer and category (%s features)", row[0][0], row[0][2], row[0][1], row[0][3])
	}
}

func (r *report) learned(ctx context.Context) {
	rows := r.rows(ctx, `SELECT task, estimator, data, max(n)::VARCHAR,
    coalesce(round(max(value) FILTER (metric = 'auc'), 4)::VARCHAR, '-'), coalesce(round(max(value) FILTER (metric = 'average_precision'), 4)::VARCHAR, '-'),
    coalesce(round(max(value) FILTER (metric = 'log_loss'), 4)::VARCHAR, '-'), coalesce(round(max(value) FILTER (metric = 'lift_top_10'), 2)::VARCHAR, '-')
FROM model_metrics GROUP BY task, estimator, data ORDER BY task, data, estimator`)
	r.title("What was learned, judged on a later time than it learned from, beside the best simple rule")
	if len(rows) == 0 {
		fmt.Fprintln(r.out, "  nothing yet to judge: history is too short for a snapshot to learn from and a later one to judge on")
		return
	}
	r.table([]string{"task", "by", "judged on", "rows", "AUC", "avg. precision", "log loss", "lift in top 10 %"}, rows, []string{"", "", "", "INT", "INT", "INT", "INT", "INT"})
}

func (r *report) graded(ctx context.Context) {
	rows := r.rows(ctx, `SELECT scored_as_of, task, max(n)::VARCHAR, round(max(value) FILTER (metric = 'auc'), 4), round(max(value) FILTER (metric = 'log_loss'), 4),
    round(max(value) FILTER (metric = 'calibration_error'), 4), round(max(value) FILTER (metric = 'lift_top_10'), 2)
FROM score_grades GROUP BY scored_as_of, task ORDER BY scored_as_of DESC, task LIMIT 8`)
	if len(rows) == 0 {
		return
	}
	r.title("Earlier scores whose horizon has passed, against what really happened")
	r.table([]string{"scored as of", "task", "rows", "AUC", "log loss", "calibration error", "lift in top 10 %"}, rows, []string{"", "", "INT", "INT", "INT", "INT", "INT"})
}

func (r *report) atRisk(ctx context.Context) {
	rows := r.rows(ctx, "SELECT customer_id, "+chance("churn_probability")+`, risk_band, reason_1, reason_2, reason_3 FROM churn_scores ORDER BY churn_probability DESC, customer_id LIMIT 10`)
	r.title("Ten customers most likely to leave (no order in the next %d days), and why", r.p.Config.History.HorizonDays)
	for _, c := range rows {
		fmt.Fprintf(r.out, "  %-10s %5s  %-6s  %s\n", c[0], c[1], c[2], c[3])
		for _, reason := range c[4:] {
			if reason != "" {
				fmt.Fprintf(r.out, "  %27s%s\n", "", reason)
			}
		}
	}
}

func (r *report) offers(ctx context.Context) {
	rows := r.rows(ctx, "SELECT customer_id, category, "+chance("probability")+`, format('{:.2f}', expected_margin), coalesce(reason_1, '') FROM cross_sell_scores WHERE rank = 1 ORDER BY expected_margin DESC NULLS LAST, probability DESC, customer_id LIMIT 10`)
	r.title("Best cross-sell offers: a category that the customer does not buy yet")
	r.table([]string{"customer", "offer", "chance", "expected margin", "why"}, rows, []string{"", "", "INT", "INT", ""})
}

// chance is SQL that writes a probability as the tables do (macro probability_words).
func chance(column string) string {
	return fmt.Sprintf("CASE WHEN %[1]s >= 0.995 THEN '>99 %%' WHEN %[1]s < 0.005 THEN '<1 %%' ELSE CAST(CAST(100 * %[1]s AS DECIMAL(5, 0)) AS VARCHAR) || ' %%' END", column)
}

func (r *report) where(full bool) {
	dir := shown(r.p.DataDir)
	r.title("Where it is")
	for _, line := range [][2]string{
		{filepath.Join(dir, warehouse.FileName), "for any DuckDB client; replaced whole each night"},
		{filepath.Join(dir, warehouse.DayDir(r.asOf)), "the same tables as Parquet"},
	} {
		fmt.Fprintf(r.out, "  %-42s  %s\n", line[0], line[1])
	}
	if !full {
		return
	}
	r.title("Three queries to try (mainstay query --data %s \"...\")", dir)
	for _, q := range []string{
		"SELECT risk_band, count(*) AS customers, round(avg(churn_probability), 3) AS mean FROM churn_scores GROUP BY ALL ORDER BY mean DESC",
		"SELECT category, count(*) AS offers, round(sum(expected_margin), 2) AS worth FROM cross_sell_scores WHERE rank = 1 GROUP BY ALL ORDER BY worth DESC",
		"SELECT reason, table_name, count(*) AS row_count FROM quarantine GROUP BY ALL ORDER BY row_count DESC",
	} {
		fmt.Fprintln(r.out, " ", q)
	}
}

// shown is a path as people here would write it: relative where it is below the
// working directory.
func shown(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
