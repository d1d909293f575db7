package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// printTable writes the medians as Markdown, the fastest first. Memory and the longest
// query are the worst of all rounds.
func printTable(out io.Writer, t table, results map[string][]result) {
	fmt.Fprintf(out, "\n%s: %s rows of %d columns\n\n", t.title, rounds.Thousands(t.rows), len(t.columns))
	fmt.Fprintln(out, "| | rows/s | seconds | CPU seconds | peak memory | of that anonymous | longest query | written | stored |")
	fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	titles := slices.SortedFunc(maps.Keys(results), func(a, b string) int {
		ra, rb := results[a], results[b]
		if ra[0].failed != rb[0].failed { // last
			return cmp.Compare(rounds.Median(rb, seconds), rounds.Median(ra, seconds))
		}
		return cmp.Or(cmp.Compare(rounds.Median(ra, seconds), rounds.Median(rb, seconds)), cmp.Compare(a, b))
	})
	for _, title := range titles {
		r := results[title]
		if r[0].failed {
			fmt.Fprintf(out, "| %s | failed | | | | | | | |\n", title)
			continue
		}
		took := rounds.Median(r, seconds)
		longest := "?"
		if l := rounds.Worst(r, func(r result) float64 { return r.longest }); l >= 0 {
			longest = fmt.Sprintf("%.2f s", l)
		}
		fmt.Fprintf(out, "| %s | %s | %.1f | %.1f | %.0f MB | %.0f MB | %s | %.0f MB | %.0f MB |\n", title,
			rounds.Thousands(int64(float64(t.rows)/took)), took, rounds.Median(r, func(r result) float64 { return r.cpu }),
			rounds.Worst(r, func(r result) float64 { return rounds.MB(r.memory.all) }), rounds.Worst(r, func(r result) float64 { return rounds.MB(r.memory.anon) }), longest,
			rounds.Median(r, func(r result) float64 { return rounds.MB(r.written) }), rounds.Median(r, func(r result) float64 { return rounds.MB(r.stored) }))
	}
	fmt.Fprintln(out)
}

func seconds(r result) float64 { return r.seconds }
