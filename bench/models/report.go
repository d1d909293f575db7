package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// print writes medians as Markdown, boosted models and forests apart.
func (b *bench) print(out io.Writer, rows int, results map[string][]result) {
	for _, forest := range []bool{false, true} {
		var first []result
		for _, c := range b.runners {
			r := results[c.name]
			if c.forest != forest {
				continue
			}
			if first == nil {
				first = r
				fmt.Fprintf(out, "\n%s rows of %d features, %s\n\n", rounds.Thousands(rows), features, b.settings.words(forest))
				fmt.Fprintln(out, "| | fit, s | of ours | CPU s | of ours | scored, million rows/s | CPU of ours | AUC | log loss | peak memory | above the rows |")
				fmt.Fprintln(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
			}
			fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.4f | %.4f | %.0f MB | %.0f MB |\n", title(c, r),
				rounds.Median(r, fit), ratio(r, first, fit), rounds.Median(r, cpu), ratio(r, first, cpu), heldOut/rounds.Median(r, predict)/1e6, ratio(r, first, predictCPU),
				r[0].auc, r[0].logLoss, rounds.Worst(r, func(r result) float64 { return rounds.MB(r.Peak) }),
				rounds.Worst(r, func(r result) float64 { return rounds.MB(r.Peak - r.Loaded) }))
		}
	}
	fmt.Fprintln(out)
}

func (s settings) words(forest bool) string {
	if forest {
		return fmt.Sprintf("%d trees of depth %d at most, %d threads", s.ForestTrees, s.ForestDepth, s.Threads)
	}
	return fmt.Sprintf("%d trees of %d leaves, %d bins, %d threads", s.Trees, s.Leaves, s.Bins, s.Threads)
}

func title(c contestant, r []result) string {
	if c.python {
		return c.title + " " + r[0].Version
	}
	return "**" + c.title + "**"
}

func fit(r result) float64        { return r.Fit }
func cpu(r result) float64        { return r.CPU }
func predict(r result) float64    { return r.Predict }
func predictCPU(r result) float64 { return r.PredictCPU }

// ratio is the median over the rounds of one contestant's figure by another's in the
// same round: what slows the machine down for a while slows both.
func ratio(a, b []result, of func(result) float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = of(a[i]) / of(b[i])
	}
	return rounds.Middle(ratios)
}

// parts of boost's time, by a piece of the functions' names; the first that fits counts.
var parts = []struct{ part, names string }{
	{"binning", `boost\.(newMatrix|binColumns|searcher|\(\*cutter\)|\(\*matrix\)\.pack|cutPoints|orderedKey|sampleOf|present)`},
	{"histograms", `boost\.\(\*(histograms|matrix)\)|boost\.subtract`},
	{"split finding", `boost\.\(\*judge\)|boost\.\(\*grower\)\.(open|plant|look|choose)`},
	{"moving rows", `boost\.\(\*grower\)\.(partition|settle)`},
	{"gradients", `boost\.\(\*gradients\)|boost\.pack|boost\.sigmoid|boost\.rate`},
	{"prediction", `boost\.\(\*(scorer|flatTree|question)\)|boost\.next`},
}

// explain runs boost once more under a profiler and tells where its time goes.
func (b *bench) explain(ctx context.Context, out io.Writer, s settings) error {
	s.Profile = filepath.Join(s.Dir, "boost.pprof")
	s.Predictions = 1
	_, labels, err := read(ctx, filepath.Join(s.Dir, "test.parquet"))
	if err != nil {
		return err
	}
	if _, err := b.once(ctx, contestants[0], s, labels); err != nil {
		return err
	}
	text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", "-unit=ms", b.self, s.Profile).Output()
	if err != nil {
		return fmt.Errorf("reading the profile: %w", err)
	}
	took, total := share(string(text))
	fmt.Fprintf(out, "Where boost's CPU time goes, of %.1f s:", total/1000)
	for _, p := range append(parts, struct{ part, names string }{"the rest", ""}) {
		fmt.Fprintf(out, " %s %.0f %%;", p.part, 100*took[p.part]/total)
	}
	fmt.Fprintln(out)
	return nil
}

var sampleLine = regexp.MustCompile(`^\s*([0-9.]+)ms\s+(\S.*)$`)

// share adds up the samples of a profile by the innermost function that belongs to a
// part.
func share(traces string) (took map[string]float64, total float64) {
	took = map[string]float64{}
	for _, sample := range strings.Split(traces, "-----------+") {
		var ms float64
		part := ""
		for line := range strings.Lines(sample) {
			line = strings.TrimRight(line, "\n")
			if m := sampleLine.FindStringSubmatch(line); m != nil {
				ms, _ = strconv.ParseFloat(m[1], 64)
				line = m[2]
			}
			for _, p := range parts {
				if part == "" && ms > 0 && regexp.MustCompile(p.names).MatchString(line) {
					part = p.part
				}
			}
		}
		if part == "" {
			part = "the rest"
		}
		took[part] += ms
		total += ms
	}
	return took, total
}
