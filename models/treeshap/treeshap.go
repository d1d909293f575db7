// Package treeshap computes exact Shapley values of trees: what each feature did
// to one prediction (Lundberg, Erion, Lee 2018, "Consistent individualized
// feature attribution for tree ensembles").
//
// The game is theirs, the path-dependent one: the worth of a set of features is
// what the tree says of a row of which only those are known. Where the tree asks
// a known feature the row goes its way, elsewhere it goes both ways, in
// proportion to the cover (the training rows) of the children. The worth of no
// feature is the base, that of all is the prediction, so base + effects = prediction.
//
// The computation is not their algorithm 2, which costs leaves x depth^2 per row
// and divides by numbers that may be nearly zero, but an integral (Owen 1972): if
// every other feature is known with probability t, the effect of a feature is the
// mean over t in [0, 1] of what knowing it adds. In a leaf that quantity is a
// product with one factor per feature of its path, a polynomial in t, which
// Gauss-Legendre quadrature with half as many points as the path has features
// integrates exactly. So each inner node costs a few multiplications per point.
// All weights and factors lie in [0, 1], and nothing is divided by what may be
// small: paths of 64 features and more lose no digits.
package treeshap

// Node is a node of a tree as the model holds it. The root is node 0, and
// children come after their parents.
type Node struct {
	Feature    int     // number of the feature asked; negative: a leaf
	Threshold  float64 // greater values go to One, others to Zero
	MissingOne bool    // NaN goes to One, not to Zero
	Zero, One  int     // the children
	Value      float64 // of a leaf: what it adds to the prediction
	// Cover is the weight of the training rows in the node, >= 0; only ratios
	// of siblings count. Siblings without any share evenly.
	Cover float64
}

// Explainer holds trees ready to explain their sum. Add is not safe for
// concurrent use; everything else is, each goroutine with a Scratch of its own.
type Explainer struct {
	features int
	trees    []tree
	base     float64
	// What the trees need of a Scratch.
	weights, worths, inner int
}

// New makes an explainer without trees for rows of so many features.
func New(features int) *Explainer { return &Explainer{features: features} }

// Base is the prediction for a row of which nothing is known: the sum of the
// trees' mean leaf values, weighted by cover.
func (e *Explainer) Base() float64 { return e.base }

// Scratch is working memory for one goroutine.
type Scratch struct {
	weight []float64 // [inner node, and one for all leaves][point]
	worth  []float64 // [inner node, then leaf][point]
	turns  []turn    // [inner node]
	ways   []way     // [inner node + 1]
}

// NewScratch makes working memory for the trees added so far.
func (e *Explainer) NewScratch() *Scratch {
	return &Scratch{make([]float64, e.weights), make([]float64, e.worths), make([]turn, e.inner), make([]way, e.inner+1)}
}

// Effects writes the Shapley value of each feature of row into effects, both as
// long as there are features. Base plus their sum is the sum of the leaf values
// that the row reaches, up to rounding. It allocates nothing.
func (e *Explainer) Effects(row, effects []float64, s *Scratch) {
	clear(effects[:e.features])
	for i := range e.trees {
		t := &e.trees[i]
		t.down(row, s)
		t.up(effects, s)
	}
}

// way says where a row goes at a node.
type way uint8

const (
	toZero way = iota
	toOne
	// nowhere: an earlier question about the same feature sent the row elsewhere,
	// so it comes here only while the feature is unknown.
	nowhere
)

// turn says which part of what comes to a node goes on to child "zero", the rest
// going to "one": fixed + known x miss, where miss is the node's (see fill). With the
// share s of that child's cover it is 1 - (1-s) miss for a row that goes to zero,
// s miss for one that goes to one, and s for one that goes nowhere.
type turn struct{ fixed, known float64 }

// turnOf computes it without a branch, since nobody can guess where rows go.
func turnOf(to way, share float64) turn {
	return turn{
		fixed: [4]float64{1, 0, 0}[to&3] + float64([4]float64{0, 0, 1}[to&3]*share),
		known: [4]float64{-1, 0, 0}[to&3] + float64([4]float64{1, 1, 0}[to&3]*share),
	}
}

// down computes, from the root on, the weight of each node at each point: the
// probability to come there when each feature is known with probability t, times
// the weight of the point.
func (t *tree) down(row []float64, s *Scratch) {
	q := len(t.points)
	copy(s.weight, t.points)
	s.ways[0] = toZero // before a first question
	for i := range t.inner {
		n := &t.inner[i]
		v := row[n.feature]
		to := toZero
		if v > n.threshold {
			to = toOne
		}
		if v != v {
			to = n.missing
		}
		if s.ways[n.before] != n.beforeWay {
			to = nowhere
		}
		s.ways[i+1] = to
		turn := turnOf(to, n.share)
		s.turns[i] = turn
		w, miss := s.weight[i*q:][:q], t.tables[n.table:][:q]
		zero, one := s.weight[n.weight[toZero]:][:q], s.weight[n.weight[toOne]:][:q]
		for k, x := range w {
			m := x * (turn.fixed + float64(turn.known*miss[k]))
			zero[k], one[k] = m, x-m
		}
	}
}

// up computes, from the leaves on, the worth of each node at each point (the mean
// of the leaves below for a row that is there) and adds what the node's question
// did to the effect of its feature.
func (t *tree) up(effects []float64, s *Scratch) {
	q := len(t.points)
	leaves := s.worth[len(t.inner)*q:]
	for i, v := range t.leaves {
		for k := range q {
			leaves[i*q+k] = v
		}
	}
	for i := len(t.inner) - 1; i >= 0; i-- {
		n, turn := &t.inner[i], s.turns[i]
		zero, one := s.worth[n.worth[toZero]:][:q], s.worth[n.worth[toOne]:][:q]
		miss, gain := t.tables[n.table:][:q], t.tables[int(n.table)+q:][:q]
		w, g := s.weight[i*q:][:q], s.worth[i*q:][:q]
		sum := 0.0
		for k, x := range w {
			d := zero[k] - one[k]
			sum += float64(x * gain[k] * d)
			g[k] = one[k] + float64((turn.fixed+float64(turn.known*miss[k]))*d)
		}
		effects[n.feature] -= float64(turn.known * sum)
	}
}
