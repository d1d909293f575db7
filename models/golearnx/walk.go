package golearnx

import "github.com/mainstay-etl/mainstay/models"

// walker is a forest in the form that scores many rows fastest. Where a row goes at a node
// cannot be foreseen, so a walk that branches spends most of its time on wrong guesses.
// Here a node's answer chooses a number and no branch, and several rows go down side by
// side, so that one is fetched while another is compared. A row that has reached its leaf
// stays there: a leaf asks the constant 1 that stands behind a row's values, and its "1"
// child is itself.
type walker struct {
	nodes []flatNode
	value []float64 // of each node, as flatForest has them
	roots []int32
	depth []int // of each tree: steps from its root to its deepest leaf
}

// side is how many rows go down side by side.
const side = 8

// newWalker takes rows of width values.
func newWalker(f *flatForest, width int) *walker {
	w := &walker{nodes: make([]flatNode, len(f.nodes)), value: f.value, roots: f.roots, depth: make([]int, len(f.roots))}
	for i, n := range f.nodes {
		if n.feature < 0 {
			n = flatNode{threshold: 0, one: int32(i), feature: int32(width)}
		}
		w.nodes[i] = n
	}
	for k, root := range f.roots {
		w.depth[k] = f.depth(root)
	}
	return w
}

// depth is how many steps the deepest leaf is from a node.
func (f *flatForest) depth(at int32) int {
	if f.nodes[at].feature < 0 {
		return 0
	}
	return 1 + max(f.depth(at+1), f.depth(f.nodes[at].one))
}

// predict fills out from rows laid end to end, each with a 1 behind its values: the same
// sums as flatForest.predict makes.
func (w *walker) predict(rows []float64, out []float64) {
	clear(out)
	width := len(rows) / len(out)
	for k, root := range w.roots {
		i := 0
		for ; i+side <= len(out); i += side {
			w.add(root, w.depth[k], rows[i*width:(i+side)*width], width, out[i:i+side])
		}
		for ; i < len(out); i++ {
			at := root
			for range w.depth[k] {
				at = w.nodes[at].next(at, rows[i*width:(i+1)*width])
			}
			out[i] += w.value[at]
		}
	}
	for i := range out {
		out[i] = models.ClipProba(out[i] / float64(len(w.roots)))
	}
}

// add adds a tree's answers for side rows.
func (w *walker) add(root int32, depth int, rows []float64, width int, out []float64) {
	var at [side]int32
	for j := range at {
		at[j] = root
	}
	nodes := w.nodes
	for range depth {
		for j := range at {
			n := &nodes[at[j]]
			next, one := at[j]+1, n.one
			if rows[j*width+int(n.feature)] > n.threshold {
				next = one
			}
			at[j] = next
		}
	}
	for j, leaf := range at {
		out[j] += w.value[leaf]
	}
}

// next is the child that a row goes to; NaN is greater than nothing.
func (n *flatNode) next(at int32, row []float64) int32 {
	if row[n.feature] > n.threshold {
		return n.one
	}
	return at + 1
}
