package treeshap

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// tree is one tree with all that does not depend on the row.
type tree struct {
	inner  []innerNode // parents before their children
	leaves []float64   // their values
	points []float64   // weights of the quadrature points, summing to 1
	// tables has for each node, from innerNode.table on, two numbers per point:
	// miss, the part of what comes here that the child not taken gets per share of
	// cover, and gain, what a difference between the children is worth. See fill.
	tables []float64
}

type innerNode struct {
	threshold     float64
	share         float64 // of the children's cover that child zero has
	feature       int32
	before        int32    // 1 + inner node above that asked the same feature last, 0 for none
	table         int32    // where its tables begin
	weight, worth [2]int32 // of the children: where theirs begin
	beforeWay     way      // the way from there to here
	missing       way      // the way of NaN
}

// Add takes in one tree; nodes may be reused afterwards. It returns an error for
// nodes that are no tree.
func (e *Explainer) Add(nodes []Node) error {
	c := compiler{nodes: nodes, last: make([]asked, e.features)}
	for j := range c.last {
		c.last[j] = asked{share: 1}
	}
	if len(nodes) == 0 {
		return fmt.Errorf("explaining a tree: it has no nodes")
	}
	_, mean, err := c.add(0, 0)
	if err != nil {
		return fmt.Errorf("explaining a tree: %w", err)
	}
	t := c.fill()
	e.trees = append(e.trees, t)
	e.base += mean
	e.weights = max(e.weights, (len(t.inner)+1)*len(t.points))
	e.worths = max(e.worths, (len(t.inner)+len(t.leaves))*len(t.points))
	e.inner = max(e.inner, len(t.inner))
	return nil
}

// asked is the last question about a feature on the path; none is share 1 alone.
type asked struct {
	before int32 // as in innerNode
	way    way
	share  float64 // product of the shares after all questions about it
}

type compiler struct {
	nodes    []Node
	last     []asked // of each feature, on the path
	most     int     // distinct features on a path, at most
	visited  int
	inner    []innerNode
	children [][2]int  // of each inner node: an inner node or ^leaf
	shares   []float64 // of each inner node: asked.share as it was
	leaves   []float64
}

// add compiles the subtree of node at, below a path that asked so many distinct
// features, and returns its number (an inner node or ^leaf) and its mean.
func (c *compiler) add(at, distinct int) (number int, mean float64, err error) {
	n := c.nodes[at]
	if c.visited++; c.visited > len(c.nodes) {
		return 0, 0, fmt.Errorf("node %d has two parents", at)
	}
	if n.Feature < 0 {
		c.most = max(c.most, distinct)
		c.leaves = append(c.leaves, n.Value)
		return ^(len(c.leaves) - 1), n.Value, nil
	}
	if n.Feature >= len(c.last) || n.Zero <= at || n.One <= at || n.Zero == n.One || max(n.Zero, n.One) >= len(c.nodes) {
		return 0, 0, fmt.Errorf("node %d asks feature %d of %d and has children %d and %d of %d", at, n.Feature, len(c.last), n.Zero, n.One, len(c.nodes))
	}
	share, err := shares(c.nodes[n.Zero].Cover, c.nodes[n.One].Cover)
	if err != nil {
		return 0, 0, fmt.Errorf("node %d: %w", at, err)
	}
	before := c.last[n.Feature]
	if before.before == 0 {
		distinct++
	}
	number = c.addInner(n, share[toZero], before)
	for w, child := range [2]int{n.Zero, n.One} {
		c.last[n.Feature] = asked{int32(number) + 1, way(w), before.share * share[w]}
		below, m, err := c.add(child, distinct)
		if err != nil {
			return 0, 0, err
		}
		c.children[number][w] = below
		mean += float64(share[w] * m)
	}
	c.last[n.Feature] = before
	return number, mean, nil
}

func (c *compiler) addInner(n Node, share float64, before asked) int {
	i := innerNode{
		threshold: n.Threshold, share: share, feature: int32(n.Feature),
		before: before.before, beforeWay: before.way,
	}
	if n.MissingOne {
		i.missing = toOne
	}
	c.inner, c.children, c.shares = append(c.inner, i), append(c.children, [2]int{}), append(c.shares, before.share)
	return len(c.inner) - 1
}

func shares(zero, one float64) ([2]float64, error) {
	sum := zero + one
	switch {
	case !(zero >= 0 && one >= 0) || math.IsInf(sum, 0):
		return [2]float64{}, fmt.Errorf("its children have cover %v and %v, expected finite numbers >= 0", zero, one)
	case sum == 0:
		return [2]float64{0.5, 0.5}, nil
	}
	return [2]float64{zero / sum, one / sum}, nil
}

// fill chooses the points and computes the tables. Let z be the share of cover that
// earlier questions about the feature let pass on this path. If it is known with
// probability t, a row that answered them all came here with factor
// f = t + z(1-t); to the child that it does not take now it comes only while the
// feature is unknown, with factor z(1-t) times that child's share: relative to f,
// miss = z(1-t)/f. The effect is the sum of the children's worths, each times the
// derivative of its factor by t divided by the factor, less that of this node itself;
// the terms combine to gain = z/f^2 times the difference of the worths and the share.
// For a first question z = f = 1: miss is 1-t and gain 1, one table for all.
func (c *compiler) fill() tree {
	q := max(1, (c.most+1)/2) // exact for polynomials of degree 2q-1 >= most-1
	at, weights := make([]float64, q), make([]float64, q)
	quad.Legendre{}.FixedLocations(at, weights, 0, 1)
	t := tree{inner: c.inner, points: weights, leaves: c.leaves, tables: make([]float64, 2*q)}
	for k := range q {
		t.tables[k], t.tables[q+k] = 1-at[k], 1
	}
	for i := range t.inner {
		n, z := &t.inner[i], c.shares[i]
		for w, child := range c.children[i] {
			if child >= 0 {
				n.weight[w], n.worth[w] = int32(child*q), int32(child*q)
			} else {
				n.weight[w], n.worth[w] = int32(len(t.inner)*q), int32((len(t.inner)+^child)*q)
			}
		}
		if n.before == 0 {
			continue
		}
		n.table = int32(len(t.tables))
		t.tables = append(t.tables, make([]float64, 2*q)...)
		miss, gain := t.tables[n.table:][:q], t.tables[int(n.table)+q:][:q]
		for k, x := range at {
			f := x + float64(z*(1-x))
			miss[k], gain[k] = z*(1-x)/f, z/(f*f)
		}
	}
	return t
}
