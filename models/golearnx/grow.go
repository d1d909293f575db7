package golearnx

import (
	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
)

// The grower makes golearn's tree nodes but does not use golearn's growth: that
// one tries each attribute once per path, skips thresholds after ties, hangs on
// missing values, depends on map order, and its forest trains on labels that
// were shuffled against the features. Ours is the usual one: a bootstrap sample
// per tree, some features drawn per node, the split with the best Gini gain
// over histograms, until depth or leaf size forbid.
type grower struct {
	data  *trainingData
	p     Params
	mtry  int
	attrs []base.Attribute
	class base.Attribute
	rng   rng

	rows, rowsTmp     []int32  // rows in the sample, grouped by node
	packed, packedTmp []uint64 // their weights, in the same order
	order             []int32  // features, shuffled as far as a node needs
	hist              [maxBins + 1]uint64
	minWeight         uint64
}

func newGrower(d *trainingData, p Params, attrs []base.Attribute) *grower {
	g := &grower{data: d, p: p, mtry: p.Features, attrs: attrs, class: classAttribute()}
	if g.mtry <= 0 {
		g.mtry = max(1, (len(attrs)+2)/3)
	}
	g.minWeight = max(1, uint64(float64(p.MinLeaf)*d.minUnit))
	g.order = make([]int32, len(attrs))
	g.rowsTmp, g.packedTmp = make([]int32, d.rows), make([]uint64, d.rows)
	return g
}

// tree grows the tree with this number.
func (g *grower) tree(number uint64) *trees.DecisionTreeNode {
	g.rng = newRNG(g.p.Seed, number)
	for j := range g.order {
		g.order[j] = int32(j)
	}
	total := g.bootstrap()
	return g.node(0, len(g.rows), 0, total)
}

// bootstrap draws as many rows as there are, with replacement, and returns the
// packed weight of the sample.
func (g *grower) bootstrap() (total uint64) {
	draws := make([]uint8, g.data.rows)
	for range draws {
		if i := g.rng.below(len(draws)); draws[i] < maxDraws {
			draws[i]++
		}
	}
	g.rows, g.packed = g.rows[:0], g.packed[:0]
	for i, k := range draws {
		if w := g.data.packed[i] * uint64(k); w != 0 {
			g.rows, g.packed = append(g.rows, int32(i)), append(g.packed, w)
			total += w
		}
	}
	if total == 0 { // only rows of weight 0 were drawn: take all
		for i, w := range g.data.packed {
			g.rows, g.packed = append(g.rows, int32(i)), append(g.packed, w)
			total += w
		}
	}
	return total
}

// node grows the subtree of the rows in [lo, hi), whose packed weight is total.
func (g *grower) node(lo, hi, depth int, total uint64) *trees.DecisionTreeNode {
	n := newNode(total, g.class)
	zeros, ones := unpack(total)
	if depth == g.p.MaxDepth || zeros == 0 || ones == 0 || zeros+ones < 2*g.minWeight {
		return n
	}
	s := g.bestSplit(lo, hi, total)
	if s.feature < 0 {
		return n
	}
	mid := g.partition(lo, hi, s)
	n.Type = trees.RuleNode
	n.SplitRule = &trees.DecisionTreeRule{SplitAttr: g.attrs[s.feature], SplitVal: g.data.cuts[s.feature][s.bin]}
	n.Children = map[string]*trees.DecisionTreeNode{
		"0": g.node(lo, mid, depth+1, s.left),
		"1": g.node(mid, hi, depth+1, total-s.left),
	}
	return n
}

// split sends bins up to bin to child "0"; left is their packed weight.
type split struct {
	feature, bin int
	gain         float64
	left         uint64
}

// bestSplit draws features until mtry of them vary in the node and a split was
// found, or none is left (as scikit-learn does).
func (g *grower) bestSplit(lo, hi int, total uint64) split {
	best := split{feature: -1, gain: purity(total) * (1 + 1e-12)}
	varied := 0
	for k := range g.order {
		if varied >= g.mtry && best.feature >= 0 {
			break
		}
		pick := k + g.rng.below(len(g.order)-k)
		g.order[k], g.order[pick] = g.order[pick], g.order[k]
		if g.scan(int(g.order[k]), lo, hi, total, &best) {
			varied++
		}
	}
	return best
}

// scan tries every threshold of one feature and reports whether it has any.
func (g *grower) scan(feature, lo, hi int, total uint64, best *split) bool {
	nbins := len(g.data.cuts[feature]) + 1
	hist := g.hist[:nbins]
	clear(hist)
	bins := g.data.bins[feature]
	packed := g.packed[lo:hi]
	for i, r := range g.rows[lo:hi] {
		hist[bins[r]] += packed[i]
	}
	size := weight(total)
	left, previous := uint64(0), -1
	for b, w := range hist {
		if w == 0 {
			continue
		}
		if previous >= 0 {
			n := weight(left)
			if n >= g.minWeight && size-n >= g.minWeight {
				if gain := purity(left) + purity(total-left); gain > best.gain {
					*best = split{feature: feature, bin: middle(previous, b), gain: gain, left: left}
				}
			}
		}
		left += w
		previous = b
	}
	return weight(left) != weight(hist[max(previous, 0)]) // more than one bin is occupied
}

// middle is the cut to use between two occupied bins with empty ones between;
// missing (bin 0) never shares a side with values it was not seen with.
func middle(a, b int) int {
	if a == 0 {
		return 0
	}
	return (a + b - 1) / 2
}

// partition moves the rows of child "0" before those of child "1", keeping the
// order within each, and returns where the second begins.
func (g *grower) partition(lo, hi int, s split) int {
	bins := g.data.bins[s.feature]
	mid, spare := lo, 0
	for i := lo; i < hi; i++ {
		r, w := g.rows[i], g.packed[i]
		if int(bins[r]) <= s.bin {
			g.rows[mid], g.packed[mid] = r, w
			mid++
		} else {
			g.rowsTmp[spare], g.packedTmp[spare] = r, w
			spare++
		}
	}
	copy(g.rows[mid:hi], g.rowsTmp[:spare])
	copy(g.packed[mid:hi], g.packedTmp[:spare])
	return mid
}

// A packed weight holds the weight of all rows in its lower half and of those
// with label 1 in its upper half: one addition counts both.
func weight(packed uint64) uint64 { return packed & (1<<32 - 1) }

func unpack(packed uint64) (zeros, ones uint64) {
	ones = packed >> 32
	return weight(packed) - ones, ones
}

// purity is the part of the Gini criterion that a split changes: the sum of
// squared class weights over the weight. The explicit conversions forbid fused
// operations, so that every CPU gets the same bits.
func purity(packed uint64) float64 {
	zeros, ones := unpack(packed)
	a, b := float64(zeros), float64(ones)
	if zeros+ones == 0 {
		return 0
	}
	return float64(float64(a*a)+float64(b*b)) / float64(a+b)
}

// newNode is a golearn leaf with this class distribution; absent classes are
// left out, as golearn does, and ties go to the first class.
func newNode(packed uint64, class base.Attribute) *trees.DecisionTreeNode {
	zeros, ones := unpack(packed)
	n := &trees.DecisionTreeNode{
		Type: trees.LeafNode, ClassDist: map[string]int{}, Class: models.Classes[0],
		ClassAttr: class, SplitRule: &trees.DecisionTreeRule{},
	}
	if zeros > 0 {
		n.ClassDist[models.Classes[0]] = int(zeros)
	}
	if ones > 0 {
		n.ClassDist[models.Classes[1]] = int(ones)
	}
	if ones > zeros {
		n.Class = models.Classes[1]
	}
	return n
}
