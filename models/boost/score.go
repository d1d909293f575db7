package boost

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
)

// scorer holds the trees in the form that scores fastest: without going down them. The
// values of a block of rows are first turned into bins, by the thresholds that the trees
// use. Then, after QuickScorer (Lucchese et al. 2015), each feature that a tree asks
// strikes out the leaves that its bin rules out: a node whose question sends the row to
// the right rules out the leaves on its left. The first leaf that is left is the row's.
// What a bin rules out is looked up in a table made beforehand, missing (bin 0) included,
// for as many trees at once as have leaves for the bits of a word.
type scorer struct {
	base  float64
	asked []question
	trees []group
}

// question is what the trees want to know of a feature.
type question struct {
	feature    int
	thresholds []float64 // sorted
	searcher   *searcher
}

const (
	// scoreRows is how many rows are scored at a time: their bins stay in the first cache.
	scoreRows = 256
	// maxThresholds is how many thresholds of a feature make bins of a byte.
	maxThresholds = 254
)

func newScorer(features int, base float64, trees []tree) (*scorer, error) {
	s := &scorer{base: base}
	thresholds := make([][]float64, features)
	for _, t := range trees {
		for _, n := range t {
			if n.feature >= 0 {
				thresholds[n.feature] = append(thresholds[n.feature], n.threshold)
			}
		}
	}
	place := make([]int, features) // in s.asked
	for j, of := range thresholds {
		if len(of) == 0 {
			continue
		}
		of = append(of, belowAll) // missing has bin 0 to itself
		slices.Sort(of)
		of = slices.Compact(of)
		if len(of) > maxThresholds {
			return nil, fmt.Errorf("feature %d has %d thresholds, expected at most %d", j, len(of), maxThresholds)
		}
		place[j] = len(s.asked)
		s.asked = append(s.asked, question{j, of, newSearcher(of)})
	}
	for _, t := range trees {
		if leaves := (len(t) + 1) / 2; leaves > maxLeaves {
			return nil, fmt.Errorf("a tree has %d leaves, expected at most %d", leaves, maxLeaves)
		}
	}
	s.trees = newGroups(trees, s.asked, place)
	return s, nil
}

// score writes the probability of each row.
func (s *scorer) score(f *models.Frame, out []float64, threads int) {
	t := newTeam(min(threads, (len(out)+blockRows-1)/blockRows))
	defer t.dismiss()
	benches := make([]bench, t.size)
	t.blocks(len(out), blockRows, func(worker, from, to int) {
		b := &benches[worker]
		if b.bins == nil {
			*b = bench{values: make([]float64, 0, scoreRows), bins: make([]uint8, len(s.asked)*scoreRows)}
		}
		for ; from < to; from += scoreRows {
			s.block(f, out[from:min(from+scoreRows, to)], from, b)
		}
	})
}

// bench is the working memory of one goroutine.
type bench struct {
	values []float64
	bins   []uint8           // [question][row]
	left   [scoreRows]uint64 // leaves of a group of trees that are left
	scores [scoreRows]float64
}

// block scores rows from, from+1 and so on. Each score is summed in the order of the
// trees.
func (s *scorer) block(f *models.Frame, out []float64, from int, b *bench) {
	for k := range s.asked {
		b.values = f.Column(s.asked[k].feature).AppendTo(b.values[:0], from, from+len(out))
		s.asked[k].searcher.bins(b.values, b.bins[k*scoreRows:])
	}
	for i := range b.scores {
		b.scores[i] = s.base
	}
	for k := range s.trees {
		s.trees[k].add(b, len(out))
	}
	for i := range out {
		out[i] = models.ClipProba(sigmoid(b.scores[i]))
	}
}

// group is trees that are scored together. Each has as many bits of a word as it has
// leaves, from the left.
type group struct {
	tables []table
	first  []int       // of each tree: its first bit
	values [64]float64 // of the leaves, by bit
}

// table says which leaves each bin of a feature leaves possible.
type table struct {
	column int // where the bins of the feature begin
	left   [256]uint64
}

// newGroups packs trees, in their order, into groups.
func newGroups(trees []tree, asked []question, place []int) (groups []group) {
	used := 64
	at := map[int]int{} // table of the last group by question
	for _, t := range trees {
		leaves := (len(t) + 1) / 2
		if used+leaves > 64 {
			groups, used = append(groups, group{}), 0
			clear(at)
		}
		g := &groups[len(groups)-1]
		g.first = append(g.first, used)
		used += g.fill(t, 0, used, asked, place, at)
	}
	return groups
}

// fill works through the subtree of node at, whose leaves are numbered from first, and
// returns how many it has.
func (g *group) fill(t tree, at int, first int, asked []question, place []int, tables map[int]int) int {
	n := t[at]
	if n.feature < 0 {
		g.values[first] = n.value
		return 1
	}
	left := g.fill(t, at+1, first, asked, place, tables)
	q := place[n.feature]
	k, ok := tables[q]
	if !ok {
		k = len(g.tables)
		tables[q] = k
		g.tables = append(g.tables, table{column: q * scoreRows})
		for b := range g.tables[k].left {
			g.tables[k].left[b] = ^uint64(0)
		}
	}
	out := (uint64(1)<<left - 1) << first
	bin, _ := slices.BinarySearch(asked[q].thresholds, n.threshold)
	for b := bin + 1; b < 256; b++ {
		g.tables[k].left[b] &^= out
	}
	if n.missingRight {
		g.tables[k].left[0] &^= out
	}
	return left + g.fill(t, int(n.right), first+left, asked, place, tables)
}

// add adds the answers of the group's trees to the first n scores.
func (g *group) add(b *bench, n int) {
	for i := range b.left {
		b.left[i] = ^uint64(0)
	}
	k := 0
	for ; k+4 <= len(g.tables); k += 4 {
		strikeFour((*[4]table)(g.tables[k:]), b, n)
	}
	for ; k < len(g.tables); k++ {
		t, bins := &g.tables[k].left, (*[scoreRows]uint8)(b.bins[g.tables[k].column:])
		for i, bin := range bins[:n] {
			b.left[i] &= t[bin]
		}
	}
	for _, first := range g.first {
		values := g.values[first:]
		for i, l := range b.left[:n] {
			b.scores[i] += values[bits.TrailingZeros64(l>>first)]
		}
	}
}

// strikeFour strikes out leaves by four features in one go: what is left of a row is read
// and written once.
func strikeFour(tables *[4]table, b *bench, n int) {
	t0, t1, t2, t3 := &tables[0].left, &tables[1].left, &tables[2].left, &tables[3].left
	b0, b1 := (*[scoreRows]uint8)(b.bins[tables[0].column:]), (*[scoreRows]uint8)(b.bins[tables[1].column:])
	b2, b3 := (*[scoreRows]uint8)(b.bins[tables[2].column:]), (*[scoreRows]uint8)(b.bins[tables[3].column:])
	for i := range b.left[:n] {
		b.left[i] &= t0[b0[i]] & t1[b1[i]] & t2[b2[i]] & t3[b3[i]]
	}
}
