package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
)

// printTable writes the medians as Markdown, the fastest first. Memory and the longest
// query are the worst of all rounds.
func printTable(out io.Writer, t table, results map[string][]result) {
	fmt.Fprintf(out, "\n%s: %s rows of %d columns\n\n", t.title, thousands(t.rows), len(t.columns))
	fmt.Fprintln(out, "| | rows/s | seconds | CPU seconds | peak memory | of that anonymous | longest query | written | stored |")
	fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")
	titles := slices.SortedFunc(maps.Keys(results), func(a, b string) int {
		ra, rb := results[a], results[b]
		if ra[0].failed != rb[0].failed { // last
			return cmp.Compare(median(rb, seconds), median(ra, seconds))
		}
		return cmp.Or(cmp.Compare(median(ra, seconds), median(rb, seconds)), cmp.Compare(a, b))
	})
	for _, title := range titles {
		r := results[title]
		if r[0].failed {
			fmt.Fprintf(out, "| %s | failed | | | | | | | |\n", title)
			continue
		}
		took := median(r, seconds)
		longest := "?"
		if l := worst(r, func(r result) float64 { return r.longest }); l >= 0 {
			longest = fmt.Sprintf("%.2f s", l)
		}
		fmt.Fprintf(out, "| %s | %s | %.1f | %.1f | %.0f MB | %.0f MB | %s | %.0f MB | %.0f MB |\n", title,
			thousands(int64(float64(t.rows)/took)), took, median(r, func(r result) float64 { return r.cpu }),
			worst(r, func(r result) float64 { return mb(r.memory.all) }), worst(r, func(r result) float64 { return mb(r.memory.anon) }), longest,
			median(r, func(r result) float64 { return mb(r.written) }), median(r, func(r result) float64 { return mb(r.stored) }))
	}
	fmt.Fprintln(out)
}

func seconds(r result) float64 { return r.seconds }

func median(rs []result, of func(result) float64) float64 {
	values := make([]float64, len(rs))
	for i, r := range rs {
		values[i] = of(r)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2
	}
	return values[middle]
}

func worst(rs []result, of func(result) float64) float64 {
	most := of(rs[0])
	for _, r := range rs {
		most = max(most, of(r))
	}
	return most
}

// mb is in units of 2^20 bytes, as limits of memory are.
func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
