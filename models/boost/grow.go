package boost

import "math"

// leaf is a leaf of the tree that grows.
type leaf struct {
	sprout int32 // its node
	depth  int
	side   int // which of grower.sides holds its rows
	lo, hi int
	total  uint64 // packed sum of its rows
	limits limits
	sums   histogram // nil when it is not to be split
	best   split
	answer float64
	cover  float64
}

// grower grows one tree after the other.
type grower struct {
	p          Params
	data       *matrix
	team       *team
	judge      judge
	histograms *histograms
	weights    []float64

	features []int32    // drawn for this tree
	sides    [3][]int32 // rows in the order of leaves: of the root, and two to move between
	marks    []uint8    // by place in a node: 1 when the row goes right
	moves    []move
	grown    []sprout
	leaves   []leaf
	nodes    stream     // for the features of a node
	found    [2][]split // by feature drawn: of the smaller and the larger child
}

func newGrower(p Params, m *matrix, weights []float64, directions []int8, t *team) *grower {
	g := &grower{p: p, data: m, team: t, weights: weights, histograms: newHistograms(m, t), marks: make([]uint8, m.rows)}
	for s := range g.sides {
		g.sides[s] = make([]int32, m.rows)
	}
	for i := range g.sides[0] {
		g.sides[0][i] = int32(i)
	}
	last := make([]uint8, len(m.cuts))
	for j, c := range m.cuts {
		last[j] = uint8(len(c))
	}
	g.judge = judge{lambda: p.penalty(), gamma: p.Gamma, directions: directions, lastBins: last}
	return g
}

// grow grows a tree on the first n rows of sides[0], and says in leafOf which leaf each
// of them ends in.
func (g *grower) grow(round, n int, gr *gradients, leafOf []uint16) tree {
	g.judge.gradientUnit, g.judge.hessianUnit = gr.gradientUnit, gr.hessianUnit
	g.judge.leastChild = math.Max(1, g.p.MinChildWeight/gr.hessianUnit)
	g.nodes = newStream(g.p.Seed, forNodeColumns, round)
	g.drawFeatures(round)
	g.grown, g.leaves = append(g.grown[:0], sprout{}), g.leaves[:0]
	g.plant(n, gr)
	for len(g.leaves) < g.p.MaxLeaves {
		at := g.mostGain()
		if at < 0 {
			break
		}
		g.splitLeaf(at, gr)
	}
	for i := range g.leaves {
		l := &g.leaves[i]
		g.histograms.takeBack(l.sums)
		l.sums = nil
		l.answer = g.p.LearningRate * g.judge.weight(l.total, l.limits)
	}
	g.team.run(len(g.leaves), func(_, i int) { g.settle(i, leafOf) })
	return ripe(g.grown, g.leaves, g.data.cuts)
}

// drawFeatures chooses the features of a tree.
func (g *grower) drawFeatures(round int) {
	if g.features != nil && g.p.Columns >= 1 {
		return
	}
	all := make([]int32, len(g.data.cuts))
	for j := range all {
		all[j] = int32(j)
	}
	g.features = g.subset(all, g.p.Columns, newStream(g.p.Seed, forColumns, round))
	g.histograms.use(g.features)
	for s := range g.found {
		g.found[s] = make([]split, len(g.features))
	}
}

func (g *grower) subset(of []int32, share float64, s stream) []int32 {
	if share >= 1 {
		return of
	}
	return s.draw(of, max(1, int(math.Round(share*float64(len(of))))))
}

// plant makes the root.
func (g *grower) plant(n int, gr *gradients) {
	root := leaf{lo: 0, hi: n, limits: unlimited, sums: g.histograms.lend(), best: noSplit}
	g.histograms.build(g.sides[0][:n], gr.packed, root.sums)
	allowed := g.allowed(0)
	g.team.run(len(g.features), func(_, i int) {
		g.histograms.merge(g.features[i], root.sums)
	})
	g.histograms.merged()
	for _, v := range root.sums.of(g.features[0]) {
		root.total += v
	}
	g.team.run(len(g.features), func(_, i int) {
		g.found[0][i] = g.look(i, allowed, &root)
	})
	root.best = g.choose(g.found[0])
	g.leaves = append(g.leaves, root)
}

// allowed marks the features that a node may ask; nil: all.
func (g *grower) allowed(node int32) []bool {
	if g.p.NodeColumns >= 1 {
		return nil
	}
	places := make([]int32, len(g.features))
	for i := range places {
		places[i] = int32(i)
	}
	out := make([]bool, len(places))
	s := stream(g.nodes.at(int(node)))
	for _, i := range g.subset(places, g.p.NodeColumns, s) {
		out[i] = true
	}
	return out
}

// look finds the best split of the i-th feature drawn.
func (g *grower) look(i int, allowed []bool, l *leaf) split {
	if allowed != nil && !allowed[i] {
		return noSplit
	}
	f := g.features[i]
	return g.judge.best(f, l.sums.of(f), l.total, l.limits)
}

// choose takes the best of the features' splits; ties go to the first.
func (g *grower) choose(found []split) split {
	best := noSplit
	for _, s := range found {
		if s.feature >= 0 && (best.feature < 0 || s.gain > best.gain) {
			best = s
		}
	}
	return best
}

// mostGain is the leaf to split next, or -1; ties go to the first.
func (g *grower) mostGain() int {
	at := -1
	for i := range g.leaves {
		if b := &g.leaves[i].best; b.feature >= 0 && (at < 0 || b.gain > g.leaves[at].best.gain) {
			at = i
		}
	}
	return at
}

// splitLeaf turns a leaf into two.
func (g *grower) splitLeaf(at int, gr *gradients) {
	parent := g.leaves[at]
	s := parent.best
	mid, side := g.partition(&parent)
	first := int32(len(g.grown))
	g.grown[parent.sprout] = sprout{split: s, left: first, right: first + 1}
	g.grown = append(g.grown, sprout{leaf: int32(at)}, sprout{leaf: int32(len(g.leaves))})
	left := leaf{sprout: first, depth: parent.depth + 1, side: side, lo: parent.lo, hi: mid, total: s.left, best: noSplit}
	right := leaf{sprout: first + 1, depth: parent.depth + 1, side: side, lo: mid, hi: parent.hi, total: parent.total - s.left, best: noSplit}
	left.limits, right.limits = g.judge.after(s, parent.total, parent.limits)
	g.open(&left, &right, parent.sums, gr)
	g.leaves[at] = left
	g.leaves = append(g.leaves, right)
}

// open finds the best splits of two new leaves. Only the smaller one's rows are summed:
// the other's sums are the parent's less those.
func (g *grower) open(left, right *leaf, parent histogram, gr *gradients) {
	small, large := left, right
	if right.hi-right.lo < left.hi-left.lo {
		small, large = right, left
	}
	lookSmall, lookLarge := g.worthLooking(small), g.worthLooking(large)
	if !lookSmall && !lookLarge {
		g.histograms.takeBack(parent)
		return
	}
	sums := g.histograms.lend()
	g.histograms.build(g.sides[small.side][small.lo:small.hi], gr.packed, sums)
	small.sums, large.sums = sums, parent
	allowedSmall, allowedLarge := g.allowed(small.sprout), g.allowed(large.sprout)
	g.team.run(len(g.features), func(_, i int) {
		f := g.features[i]
		g.histograms.merge(f, sums)
		subtract(parent.of(f), sums.of(f))
		g.found[0][i], g.found[1][i] = noSplit, noSplit
		if lookSmall {
			g.found[0][i] = g.look(i, allowedSmall, small)
		}
		if lookLarge {
			g.found[1][i] = g.look(i, allowedLarge, large)
		}
	})
	g.histograms.merged()
	small.best, large.best = g.choose(g.found[0]), g.choose(g.found[1])
	for _, l := range []*leaf{small, large} {
		if l.best.feature < 0 {
			g.histograms.takeBack(l.sums)
			l.sums = nil
		}
	}
}

// worthLooking tells whether a new leaf may be split at all. The last two leaves of a
// tree are not.
func (g *grower) worthLooking(l *leaf) bool {
	return l.depth < g.p.MaxDepth && len(g.leaves)+1 < g.p.MaxLeaves && float64(hessianOf(l.total)) >= 2*g.judge.leastChild
}

// settle books a leaf's rows on it.
func (g *grower) settle(i int, leafOf []uint16) {
	l := &g.leaves[i]
	rows := g.sides[l.side][l.lo:l.hi]
	for _, r := range rows {
		leafOf[r] = uint16(i)
	}
	l.cover = float64(len(rows))
	if g.weights != nil {
		l.cover = 0
		for _, r := range rows {
			l.cover += g.weights[r]
		}
	}
}

// walk finds the leaves of the last tree that rows [from, to) of binned columns end in.
func (g *grower) walk(columns [][]uint8, from, to int, leafOf []uint16) {
	for i := from; i < to; i++ {
		n := &g.grown[0]
		for n.left != 0 {
			if n.split.goesRight(columns[n.split.feature][i]) {
				n = &g.grown[n.right]
			} else {
				n = &g.grown[n.left]
			}
		}
		leafOf[i] = uint16(n.leaf)
	}
}
