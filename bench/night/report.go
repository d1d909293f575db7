package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// print writes medians as Markdown.
func (b *bench) print(out io.Writer) {
	what := fmt.Sprintf("%s customers, about %s orders", rounds.Thousands(b.customers), rounds.Thousands(b.orders))
	if b.data != "" {
		what = "the lake of " + b.data
	}
	fmt.Fprintf(out, "\nA night as of %s: %s, %d threads, %s for DuckDB, in %s\n\n", b.asOf, what, b.threads, b.memory, b.limited())
	b.table(out, "of DuckDB's", duckdb, []row{
		{duckdb, "DuckDB alone, the same statements"},
		{night, "**the night, until all tables are made**"},
		{andMore, "the night with warehouse, audit and publication"},
	})
	if len(b.results[subset]) > 0 {
		fmt.Fprint(out, "\nThe features of a first day\n\n")
		b.table(out, "of mainstay's", subset, []row{
			{subset, "**mainstay's SQL**, " + strconv.Itoa(len(subsetFiles)) + " feature files"}, {polars, "polars"}, {pandas, "pandas"},
		})
	}
	if b.compared > 0 {
		fmt.Fprintf(out, "\n%d tables of DuckDB alone were compared with the night's. ", b.compared)
	}
	if len(b.differ) > 0 {
		fmt.Fprintf(out, "Not the same: %s.\n", strings.Join(b.differ, "; "))
	} else if b.python != "" {
		fmt.Fprintln(out, "All that was compared is the same.")
	}
	b.slowest(out, "The night's slowest jobs, in seconds of wall time with what they waited for: ", night, func(p part) float64 { return p.Seconds })
	b.slowest(out, "DuckDB's slowest statements, in seconds of CPU: ", duckdb, func(p part) float64 { return p.CPU })
}

func (b *bench) limited() string {
	if b.group == nil {
		return "no control group"
	}
	return "a control group of " + b.limit
}

type row struct{ name, title string }

func (b *bench) table(out io.Writer, of, base string, rows []row) {
	fmt.Fprintf(out, "| | seconds | %s | CPU s | %s | peak memory | written | scratch |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", of, of)
	for _, w := range rows {
		rs := b.results[w.name]
		if len(rs) == 0 {
			continue
		}
		title := w.title
		if v := rs[0].version; v != "" {
			title += " (" + v + ")"
		}
		if i := slices.IndexFunc(rs, func(r result) bool { return r.failed != "" }); i >= 0 {
			fmt.Fprintf(out, "| %s | failed | | | | | | |\n", title)
			continue
		}
		fmt.Fprintf(out, "| %s | %.1f | %s | %.1f | %s | %.0f MB | %.0f MB | %.0f MB |\n", title, rounds.Median(rs, wall), b.ratio(rs, base, wall), rounds.Median(rs, cpu), b.ratio(rs, base, cpu),
			rounds.MB(rounds.Worst(rs, func(r result) int64 { return r.peak })), rounds.MB(rounds.Worst(rs, func(r result) int64 { return r.written })), rounds.MB(rounds.Worst(rs, func(r result) int64 { return r.scratch })))
	}
}

func (b *bench) slowest(out io.Writer, intro, name string, of func(part) float64) {
	rs := b.results[name]
	if len(rs) == 0 || len(rs[0].parts) == 0 {
		return
	}
	parts := slices.Clone(rs[0].parts)
	slices.SortStableFunc(parts, func(x, y part) int {
		if of(x) > of(y) {
			return -1
		}
		return 1
	})
	var words []string
	for _, p := range parts[:min(len(parts), 12)] {
		words = append(words, fmt.Sprintf("%s %.1f", p.Name, of(p)))
	}
	fmt.Fprintf(out, "\n%s%s.\n", intro, strings.Join(words, ", "))
}

func wall(r result) float64 { return r.seconds }
func cpu(r result) float64  { return r.cpu }

// ratio is the median over the rounds of one contestant's figure by the base's in the same
// round: what slows the machine down for a while slows both.
func (b *bench) ratio(rs []result, base string, of func(result) float64) string {
	var ratios []float64
	for i, r := range rs {
		if i < len(b.results[base]) && b.results[base][i].failed == "" {
			ratios = append(ratios, of(r)/of(b.results[base][i]))
		}
	}
	if len(ratios) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", rounds.Middle(ratios))
}
