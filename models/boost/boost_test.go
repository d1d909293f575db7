package boost

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(seed uint64) models.Estimator { return New(Params{Rounds: 60, LearningRate: 0.1, Seed: seed}) })
}

// sampling draws at every turn.
var sampling = Params{Rounds: 30, LearningRate: 0.1, MaxLeaves: 20, MinChildWeight: 1, Rows: 0.6, Columns: 0.7, NodeColumns: 0.7, Seed: 3}

func frame(t testing.TB, names []string, columns ...[]float64) *models.Frame {
	t.Helper()
	f, err := models.NewFrame(names, columns)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func fitted(t testing.TB, p Params, tr models.Training) *Model {
	t.Helper()
	m := New(p)
	if err := m.Fit(context.Background(), tr); err != nil {
		t.Fatal(err)
	}
	return m
}

func saved(t testing.TB, m *Model) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func proba(t testing.TB, m *Model, f *models.Frame) []float64 {
	t.Helper()
	p, err := m.PredictProba(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func uniform(n, seed int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = modeltest.Uniform(i, seed)
	}
	return out
}

// TestThreads has many blocks of rows, unlike the contract's.
func TestThreads(t *testing.T) {
	t.Parallel()
	tr := wide(t, 5*blockRows+17)
	tr.Weights = uniform(len(tr.Labels), 1)
	later := wide(t, blockRows+5)
	tr.Later = &models.Later{Frame: later.Frame, Labels: later.Labels}
	for name, p := range map[string]Params{"all": {Rounds: 6, MinChildWeight: 1}, "samples": {Rounds: 6, MinChildWeight: 1, Rows: 0.6, Columns: 0.7, NodeColumns: 0.7, Seed: 3}} {
		tr.Threads = 1
		one := saved(t, fitted(t, p, tr))
		for _, n := range []int{2, 3, 8} {
			tr.Threads = n
			if !bytes.Equal(one, saved(t, fitted(t, p, tr))) {
				t.Errorf("%s: %d threads give another model than one", name, n)
			}
		}
	}
}

// leaf is the leaf that a row ends in.
func (t tree) leaf(row []float64) int {
	at := 0
	for t[at].feature >= 0 {
		n := &t[at]
		if v := row[n.feature]; v > n.threshold || n.missingRight && v != v {
			at = int(n.right)
		} else {
			at++
		}
	}
	return at
}

// TestScores compares the tables that score with walks down the trees, for trees of
// every width of table, on rows with missing values in places where none were seen.
func TestScores(t *testing.T) {
	t.Parallel()
	train, test := wide(t, 3000), wide(t, 700)
	columns := make([][]float64, len(test.Frame.Features()))
	for j := range columns {
		columns[j] = test.Frame.Column(j).AppendTo(nil, 0, test.Frame.Rows())
		for i := j; i < len(columns[j]); i += 11 {
			columns[j][i] = math.NaN()
		}
	}
	f := frame(t, test.Frame.Features(), columns...)
	for _, leaves := range []int{2, 16, 17, 32, 33, 64} {
		m := fitted(t, Params{Rounds: 10, MaxLeaves: leaves, MinChildWeight: 0.5, LearningRate: 0.3}, train)
		widest := 0
		for _, tree := range m.learned.trees {
			widest = max(widest, (len(tree)+1)/2)
		}
		if widest != leaves {
			t.Errorf("the widest tree has %d leaves, %d are allowed", widest, leaves)
		}
		for i, p := range proba(t, m, f) {
			row, want := f.Row(i, nil), m.learned.base
			for _, tree := range m.learned.trees {
				want += tree[tree.leaf(row)].value
			}
			if want = models.ClipProba(sigmoid(want)); p != want {
				t.Fatalf("%d leaves, row %d: %v, walking gives %v", leaves, i, p, want)
			}
		}
	}
}

// TestMissing puts missing values where they belong: the outcome is alike for missing
// and large values of a, and for missing and small values of b.
func TestMissing(t *testing.T) {
	t.Parallel()
	const n = 2000
	a, b := uniform(n, 1), uniform(n, 2)
	labels := make([]bool, n)
	for i := range labels {
		a[i], b[i] = math.Round(100*a[i])/100, math.Round(100*b[i])/100
		if i%5 == 0 {
			a[i] = math.NaN()
		}
		if i%7 == 0 {
			b[i] = math.NaN()
		}
		labels[i] = (a[i] > 0.6 || a[i] != a[i]) && (b[i] < 0.4 || b[i] != b[i])
	}
	f := frame(t, []string{"a", "b"}, a, b)
	m := fitted(t, Params{Rounds: 20, MaxLeaves: 4, LearningRate: 0.5, MinChildWeight: 0.1}, models.Training{Frame: f, Labels: labels})
	for i, p := range proba(t, m, f) {
		if (p > 0.5) != labels[i] {
			t.Fatalf("row %d (%v, %v): %v", i, a[i], b[i], p)
		}
	}
	if first := m.learned.trees[0]; len(first) != 7 && len(first) != 5 {
		t.Errorf("the first tree has %d nodes: missing values took splits of their own", len(first))
	}
}

// TestMonotone moves one feature of a row through its range, whatever the others are.
func TestMonotone(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 3000, 1)
	for name, p := range map[string]Params{
		"all":     {Rounds: 60, LearningRate: 0.2, MaxLeaves: 16, MinChildWeight: 1, Monotone: map[string]int{"days": 1, "count": -1, "blur": 1}},
		"samples": {Rounds: 60, LearningRate: 0.2, MaxLeaves: 16, MinChildWeight: 1, Rows: 0.5, Columns: 0.6, NodeColumns: 0.6, Monotone: map[string]int{"days": 1, "count": -1, "blur": 1}},
	} {
		m := fitted(t, p, d.Training())
		if auc := eval.AUC(d.Labels, proba(t, m, d.Frame)); auc < 0.84 {
			t.Errorf("%s: AUC %.3f", name, auc)
		}
		for i := range 40 {
			for feature, way := range m.params.Monotone {
				p := sweep(t, m, d.Frame, i, feature)
				for k := 1; k < len(p); k++ {
					if float64(way)*(p[k]-p[k-1]) < 0 {
						t.Fatalf("%s: %s of row %d goes the wrong way: %v then %v", name, feature, i, p[k-1], p[k])
					}
				}
			}
		}
	}
}

// sweep is the probability of a row as one of its features rises from 0 to 200.
func sweep(t *testing.T, m *Model, f *models.Frame, row int, feature string) []float64 {
	t.Helper()
	columns := make([][]float64, len(f.Features()))
	for j, v := range f.Row(row, nil) {
		columns[j] = slices.Repeat([]float64{v}, 200)
	}
	for k := range 200 {
		columns[f.Find(feature)][k] = float64(k)
		if feature == "blur" {
			columns[f.Find(feature)][k] /= 200
		}
	}
	return proba(t, m, frame(t, f.Features(), columns...))
}

func TestEarlyStopping(t *testing.T) {
	t.Parallel()
	train, later := modeltest.Easy(t, 600, 1).Training(), modeltest.Easy(t, 600, 2).Training()
	p := Params{Rounds: 300, LearningRate: 0.3, MaxLeaves: 16, MinChildWeight: 0.5, Patience: 15}
	all := fitted(t, p, train)
	train.Later = &models.Later{Frame: later.Frame, Labels: later.Labels, Weights: slices.Repeat([]float64{2}, 600)}
	stopped := fitted(t, p, train)
	n := stopped.Members()
	if n >= 100 || n < 2 {
		t.Fatalf("%d trees; with this learning rate a few are best", n)
	}
	loss := func(trees int) float64 {
		l, err := newLearned(all.learned.features, all.learned.base, all.learned.trees[:trees])
		if err != nil {
			t.Fatal(err)
		}
		return eval.LogLoss(later.Labels, proba(t, &Model{all.params, l}, later.Frame))
	}
	best := 1
	for k := 2; k <= n+p.Patience; k++ {
		if loss(k) < loss(best) {
			best = k
		}
	}
	if best != n {
		t.Errorf("kept %d trees, the loss is least with %d", n, best)
	}
	p.Rounds, train.Later = n, nil
	if !bytes.Equal(saved(t, stopped), saved(t, fitted(t, p, train))) {
		t.Error("as many rounds without later rows give another model")
	}
	names := train.Frame.Features()
	other, _ := later.Frame.Project(append(slices.Clone(names[1:]), names[0]))
	train.Later = &models.Later{Frame: other, Labels: later.Labels}
	if err := New(p).Fit(context.Background(), train); err == nil {
		t.Error("later rows with features in another order were accepted")
	}
}

// TestScaleOfWeights: weights count relative to each other.
func TestScaleOfWeights(t *testing.T) {
	t.Parallel()
	tr := modeltest.Easy(t, 500, 1).Training()
	tr.Weights = uniform(500, 1)
	a := saved(t, fitted(t, Params{Rounds: 20}, tr))
	for i := range tr.Weights {
		tr.Weights[i] *= 1024
	}
	if !bytes.Equal(a, saved(t, fitted(t, Params{Rounds: 20}, tr))) {
		t.Error("weights a thousand times larger give another model")
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	train, test := wide(t, 3000), wide(t, 5000)
	whole := fitted(t, Params{Rounds: 30, LearningRate: 0.1, MaxLeaves: 20, MinChildWeight: 1}, train)
	part := fitted(t, sampling, train)
	if bytes.Equal(saved(t, whole), saved(t, part)) {
		t.Error("samples change nothing")
	}
	a, b := eval.AUC(test.Labels, proba(t, whole, test.Frame)), eval.AUC(test.Labels, proba(t, part, test.Frame))
	if math.Abs(a-b) > 0.03 {
		t.Errorf("AUC %.3f, with samples %.3f", a, b)
	}
	for _, tree := range part.learned.trees {
		if cover := tree[0].cover; cover < 1600 || cover > 2000 {
			t.Errorf("a tree learned from %v of 3000 rows, expected 6 in 10", cover)
		}
		asked := map[int32]bool{}
		for _, n := range tree {
			if n.feature >= 0 {
				asked[n.feature] = true
			}
		}
		if len(asked) > 28 {
			t.Errorf("a tree asks %d of 40 features, expected 28 at most", len(asked))
		}
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 100, 1)
	for name, p := range map[string]Params{
		"days2": {Monotone: map[string]int{"days2": 1}},
		"is 2":  {Monotone: map[string]int{"days": 2}},
	} {
		if err := New(p).Fit(context.Background(), d.Training()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, expected an error that names %s", p.Monotone, err, name)
		}
	}
	p := Params{LearningRate: 3, Rows: -1, MaxLeaves: 1000, Bins: 1000, Lambda: -1}.WithDefaults()
	if p.LearningRate != 0.05 || p.Rows != 1 || p.MaxLeaves != 64 || p.Bins != 255 || p.penalty() != 0 {
		t.Errorf("%+v", p)
	}
	deep := fitted(t, Params{Rounds: 3, MaxLeaves: 64, MaxDepth: 2, MinChildWeight: 0.1}, d.Training())
	for _, tree := range deep.learned.trees {
		if len(tree) > 7 {
			t.Errorf("a tree of depth 2 has %d nodes", len(tree))
		}
	}
}
