package boost

import "slices"

// node is a node of a tree. Child "left" of node i is node i+1.
type node struct {
	threshold    float64 // greater values go right
	value        float64 // of a leaf, in log-odds
	cover        float64 // weight of the rows learned from
	feature      int32   // -1: leaf
	right        int32
	missingRight bool // NaN goes right, else left
}

// tree begins with its root.
type tree []node

// closeNode books a finished subtree on its parents: the first to come is the left
// child, the second the right one, after which the parent is finished too. open holds
// the inner nodes that wait for a child.
func (t tree) closeNode(open []int32, at int32) []int32 {
	for len(open) > 0 {
		parent := open[len(open)-1]
		t[parent].cover += t[at].cover
		if at == parent+1 {
			t[parent].right = int32(len(t))
			return open
		}
		open, at = open[:len(open)-1], parent
	}
	return open
}

// sprout is a tree while it grows: nodes in the order in which they were made.
type sprout struct {
	split       split
	left, right int32 // children; 0: leaf
	leaf        int32 // number of the leaf
}

// ripe turns what has grown into a tree, root first, left before right.
func ripe(grown []sprout, leaves []leaf, cuts [][]float64) tree {
	t := make(tree, 0, len(grown))
	var open []int32
	todo := []int32{0}
	for len(todo) > 0 {
		s := grown[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		at := int32(len(t))
		if s.left == 0 {
			l := leaves[s.leaf]
			t = append(t, node{feature: -1, value: l.answer, cover: l.cover})
			open = t.closeNode(open, at)
			continue
		}
		t = append(t, node{feature: s.split.feature, threshold: cuts[s.split.feature][s.split.bin], missingRight: s.split.missingRight})
		open = append(open, at)
		todo = append(todo, s.right, s.left)
	}
	return slices.Clip(t)
}
