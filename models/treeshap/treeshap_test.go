package treeshap

import (
	"fmt"
	"maps"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// worth is the definition of the game: the mean of the tree for a row of which
// only the features in known (a bit set) are known.
func worth(nodes []Node, at int, row []float64, known uint64) float64 {
	n := nodes[at]
	if n.Feature < 0 {
		return n.Value
	}
	if known>>n.Feature&1 == 1 {
		return worth(nodes, next(n, row), row, known)
	}
	zero, one := nodes[n.Zero].Cover, nodes[n.One].Cover
	if zero+one == 0 {
		zero, one = 1, 1
	}
	return (zero*worth(nodes, n.Zero, row, known) + one*worth(nodes, n.One, row, known)) / (zero + one)
}

func next(n Node, row []float64) int {
	if v := row[n.Feature]; v > n.Threshold || n.MissingOne && v != v {
		return n.One
	}
	return n.Zero
}

// bySubsets is Shapley's formula over all subsets.
func bySubsets(nodes []Node, row []float64) []float64 {
	m := len(row)
	factorial := func(n int) float64 { return math.Round(math.Gamma(float64(n) + 1)) }
	effects := make([]float64, m)
	for set := range uint64(1) << m {
		size := bits.OnesCount64(set)
		for j := range m {
			if set>>j&1 == 0 {
				gain := worth(nodes, 0, row, set|1<<j) - worth(nodes, 0, row, set)
				effects[j] += gain * factorial(size) * factorial(m-1-size) / factorial(m)
			}
		}
	}
	return effects
}

// bySizes is the formula leaf by leaf, for trees of any depth: with a factor
// (share, follows) per feature of the path, the effect of feature i is
// (follows_i - share_i) x sum over sizes k of k! (m-1-k)! / m! x the weight of all
// sets of that size among the other features. Only positive numbers are added
// up within a leaf, so nothing cancels here either.
func bySizes(nodes []Node, row []float64) []float64 {
	effects := make([]float64, len(row))
	walkLeaves(nodes, 0, row, map[int]factor{}, func(value float64, path map[int]factor) {
		m := len(path)
		for i, own := range path {
			bySize := []float64{1}
			for j, f := range path {
				if j == i {
					continue
				}
				bySize = append(bySize, 0)
				for k := len(bySize) - 1; k >= 0; k-- {
					bySize[k] *= f.share
					if k > 0 {
						bySize[k] += bySize[k-1] * f.follows
					}
				}
			}
			total, sets := 0.0, float64(m) // m x (m-1 over k)
			for k, w := range bySize {
				total += w / sets
				sets *= float64(m-1-k) / float64(k+1)
			}
			effects[i] += value * (own.follows - own.share) * total
		}
	})
	return effects
}

// factor is what the questions about one feature on a path do: they pass a part of
// the cover, and the row itself (1) or not (0).
type factor struct{ share, follows float64 }

func walkLeaves(nodes []Node, at int, row []float64, path map[int]factor, leaf func(value float64, path map[int]factor)) {
	n := nodes[at]
	if n.Feature < 0 {
		leaf(n.Value, path)
		return
	}
	before, ok := path[n.Feature]
	if !ok {
		before = factor{1, 1}
	}
	for _, child := range []int{n.Zero, n.One} {
		f := factor{before.share * nodes[child].Cover / (nodes[n.Zero].Cover + nodes[n.One].Cover), before.follows}
		if next(n, row) != child {
			f.follows = 0
		}
		deeper := maps.Clone(path)
		deeper[n.Feature] = f
		walkLeaves(nodes, child, row, deeper, leaf)
	}
}

// randomTree grows a tree that asks features again along a path, has children
// without cover and sends missing values either way.
func randomTree(r *rand.Rand, features, depth int) []Node {
	var nodes []Node
	var grow func(depth int, cover float64) int
	grow = func(depth int, cover float64) int {
		at := len(nodes)
		nodes = append(nodes, Node{Feature: -1, Value: r.NormFloat64(), Cover: cover})
		if depth == 0 || r.IntN(6) == 0 {
			return at
		}
		n := Node{Feature: r.IntN(features), Threshold: float64(r.IntN(4)), MissingOne: r.IntN(2) == 0, Cover: cover}
		part := math.Floor(cover * r.Float64())
		if r.IntN(10) == 0 {
			part = 0
		}
		n.Zero = grow(depth-1, part)
		n.One = grow(depth-1, cover-part)
		nodes[at] = n
		return at
	}
	grow(depth, 100)
	return nodes
}

func randomRow(r *rand.Rand, features int) []float64 {
	row := make([]float64, features)
	for j := range row {
		if row[j] = float64(r.IntN(5)); row[j] == 4 {
			row[j] = math.NaN()
		}
	}
	return row
}

func prediction(nodes []Node, row []float64) float64 {
	at := 0
	for nodes[at].Feature >= 0 {
		at = next(nodes[at], row)
	}
	return nodes[at].Value
}

func explain(t *testing.T, row []float64, trees ...[]Node) (base float64, effects []float64) {
	t.Helper()
	e := New(len(row))
	for _, nodes := range trees {
		if err := e.Add(nodes); err != nil {
			t.Fatal(err)
		}
	}
	effects = make([]float64, len(row))
	e.Effects(row, effects, e.NewScratch())
	return e.Base(), effects
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

func mustBeClose(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for j := range want {
		if !(math.Abs(got[j]-want[j]) <= tolerance) {
			t.Fatalf("%s: feature %d has effect %v, by the definition %v\nall: %v\nwant: %v", what, j, got[j], want[j], got, want)
		}
	}
}

func TestEqualsTheDefinition(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		features := 1 + r.IntN(6)
		nodes := randomTree(r, features, 1+r.IntN(8))
		for range 4 {
			row := randomRow(r, features)
			base, effects := explain(t, row, nodes)
			name := fmt.Sprintf("seed %d, row %v", seed, row)
			mustBeClose(t, name, effects, bySubsets(nodes, row), 1e-13)
			mustBeClose(t, name+", base", []float64{base}, []float64{worth(nodes, 0, row, 0)}, 1e-13)
			mustBeClose(t, name+", sum", []float64{base + sum(effects)}, []float64{prediction(nodes, row)}, 1e-13)
		}
	}
}

// TestTreesAdd: effects of several trees, of different depth, are the sums of each one's.
func TestTreesAdd(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var trees [][]Node
	row := randomRow(r, 5)
	base, want := 0.0, make([]float64, 5)
	for i := range 12 {
		nodes := randomTree(r, 5, 12-i)
		b, effects := explain(t, row, nodes)
		base += b
		for j, e := range effects {
			want[j] += e
		}
		trees = append(trees, nodes)
	}
	gotBase, got := explain(t, row, trees...)
	mustBeClose(t, "base", []float64{gotBase}, []float64{base}, 1e-13)
	mustBeClose(t, "effects", got, want, 1e-13)
}

func TestByHand(t *testing.T) {
	t.Parallel()
	leaf := func(value, cover float64) Node { return Node{Feature: -1, Value: value, Cover: cover} }
	stump := []Node{{Feature: 1, Threshold: 2, Zero: 1, One: 2}, leaf(10, 3), leaf(20, 1)}
	// The and of two features, each true for half of the rows.
	and := []Node{
		{Feature: 0, Zero: 1, One: 2}, leaf(0, 50), {Feature: 1, Zero: 3, One: 4, Cover: 50}, leaf(0, 25), leaf(80, 25),
	}
	nan := math.NaN()
	missingOne := []Node{{Feature: 0, Zero: 1, One: 2, MissingOne: true}, leaf(-1, 1), leaf(1, 1)}
	uncovered := []Node{{Feature: 0, Zero: 1, One: 2}, leaf(5, 4), {Feature: 1, Zero: 3, One: 4}, leaf(6, 0), leaf(8, 0)}
	for name, c := range map[string]struct {
		nodes   []Node
		row     []float64
		base    float64
		effects []float64
	}{
		"a leaf":                   {[]Node{leaf(7, 1)}, []float64{1, 2}, 7, []float64{0, 0}},
		"a leaf without cover":     {[]Node{leaf(7, 0)}, []float64{1, 2}, 7, []float64{0, 0}},
		"a stump, below":           {stump, []float64{9, 2}, 12.5, []float64{0, -2.5}},
		"a stump, above":           {stump, []float64{9, 3}, 12.5, []float64{0, 7.5}},
		"a stump, missing":         {stump, []float64{9, nan}, 12.5, []float64{0, -2.5}},
		"and, both":                {and, []float64{1, 1}, 20, []float64{30, 30}},
		"and, the second is false": {and, []float64{1, 0}, 20, []float64{10, -30}},
		"missing goes to one":      {missingOne, []float64{nan, 0}, 0, []float64{1, 0}},
		// Nobody came here in training: the way here is the first feature's doing,
		// and its children share evenly.
		"into a node without cover": {uncovered, []float64{1, 1}, 5, []float64{2.5, 0.5}},
	} {
		base, effects := explain(t, c.row, c.nodes)
		mustBeClose(t, name+", base", []float64{base}, []float64{c.base}, 1e-14)
		mustBeClose(t, name, effects, c.effects, 1e-14)
	}
}

// chain is a tree as deep as can be: every question has a leaf on one side.
func chain(r *rand.Rand, depth, features int) []Node {
	var nodes []Node
	cover := 1.0
	for k := range depth {
		at := len(nodes)
		part := cover * 0.6 * r.Float64()
		n := Node{Feature: k % features, Threshold: float64(r.IntN(3)), MissingOne: r.IntN(2) == 0, Zero: at + 1, One: at + 2, Cover: cover}
		leaf := Node{Feature: -1, Value: r.NormFloat64(), Cover: part}
		nodes = append(nodes, n, leaf)
		cover -= part
	}
	return append(nodes, Node{Feature: -1, Value: r.NormFloat64(), Cover: cover})
}

func TestDeepPathsLoseNoDigits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ depth, features int }{{64, 64}, {64, 20}, {128, 50}} {
		r := rand.New(rand.NewPCG(uint64(c.depth), uint64(c.features)))
		nodes := chain(r, c.depth, c.features)
		deep := make([]float64, c.features) // follows the chain to its end
		for _, n := range nodes {
			if n.Feature >= 0 {
				deep[n.Feature] = max(deep[n.Feature], n.Threshold+1)
			}
		}
		for i := range 3 {
			row := deep
			if i > 0 {
				row = randomRow(r, c.features)
			}
			base, effects := explain(t, row, nodes)
			name := fmt.Sprintf("depth %d, %d features, row %d", c.depth, c.features, i)
			mustBeClose(t, name, effects, bySizes(nodes, row), 1e-13)
			mustBeClose(t, name+", sum", []float64{base + sum(effects)}, []float64{prediction(nodes, row)}, 1e-12)
		}
	}
}

// TestTwoReferencesAgree keeps the reference for deep trees honest.
func TestTwoReferencesAgree(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	nodes := chain(r, 9, 6)
	row := randomRow(r, 6)
	mustBeClose(t, "references", bySizes(nodes, row), bySubsets(nodes, row), 1e-13)
}

func TestWhatIsNoTree(t *testing.T) {
	t.Parallel()
	leaf := Node{Feature: -1, Cover: 1}
	for name, nodes := range map[string][]Node{
		"nothing":             {},
		"unknown feature":     {{Feature: 2, Zero: 1, One: 2}, leaf, leaf},
		"child outside":       {{Feature: 0, Zero: 1, One: 3}, leaf, leaf},
		"a circle":            {{Feature: 0, Zero: 0, One: 1}, leaf},
		"one child twice":     {{Feature: 0, Zero: 1, One: 1}, leaf},
		"a node of two":       {{Feature: 0, Zero: 1, One: 2}, {Feature: 1, Zero: 2, One: 3}, leaf, leaf},
		"negative cover":      {{Feature: 0, Zero: 1, One: 2}, leaf, {Feature: -1, Cover: -1}},
		"cover is no number":  {{Feature: 0, Zero: 1, One: 2}, leaf, {Feature: -1, Cover: math.NaN()}},
		"cover without bound": {{Feature: 0, Zero: 1, One: 2}, leaf, {Feature: -1, Cover: math.Inf(1)}},
	} {
		if err := New(2).Add(nodes); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestExplainingAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	e := New(5)
	for range 3 {
		if err := e.Add(randomTree(r, 5, 9)); err != nil {
			t.Fatal(err)
		}
	}
	s, row, effects := e.NewScratch(), randomRow(r, 5), make([]float64, 5)
	if n := testing.AllocsPerRun(50, func() { e.Effects(row, effects, s) }); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

// fullTree has 2^depth leaves and questions drawn at random.
func fullTree(r *rand.Rand, features, depth int) []Node {
	var nodes []Node
	var grow func(depth int, cover float64) int
	grow = func(depth int, cover float64) int {
		at := len(nodes)
		nodes = append(nodes, Node{Feature: -1, Value: r.NormFloat64(), Cover: cover})
		if depth > 0 {
			n := Node{Feature: r.IntN(features), Threshold: r.Float64(), Cover: cover}
			part := cover * (0.2 + 0.6*r.Float64())
			n.Zero, n.One = grow(depth-1, part), grow(depth-1, cover-part)
			nodes[at] = n
		}
		return at
	}
	grow(depth, 1e5)
	return nodes
}

// BenchmarkEffects is one row through 200 full trees: 64 to 1024 leaves each.
func BenchmarkEffects(b *testing.B) {
	for _, depth := range []int{6, 8, 10} {
		b.Run(fmt.Sprintf("200 trees of depth %d", depth), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			e := New(40)
			for range 200 {
				if err := e.Add(fullTree(r, 40, depth)); err != nil {
					b.Fatal(err)
				}
			}
			rows := make([][]float64, 64)
			for i := range rows {
				rows[i] = make([]float64, 40)
				for j := range rows[i] {
					rows[i][j] = r.Float64()
				}
			}
			s, effects := e.NewScratch(), make([]float64, 40)
			for i := 0; b.Loop(); i++ {
				e.Effects(rows[i%len(rows)], effects, s)
			}
		})
	}
}
