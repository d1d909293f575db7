package golearnx

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/evaluation"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func TestForestKeepsTheContract(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(seed uint64) models.Estimator {
		return NewForest(Params{Trees: 30, MinLeaf: 10, Seed: seed})
	})
}

func fitted(t *testing.T, p Params, rows int) (*Forest, modeltest.Data) {
	t.Helper()
	d := modeltest.Easy(t, rows, 1)
	f := NewForest(p)
	if err := f.Fit(context.Background(), d.Training()); err != nil {
		t.Fatal(err)
	}
	return f, d
}

// TestTreesAreGolearns walks every tree with golearn's own Predict, on rows that
// it has not seen and some of whose values are missing or on a threshold.
func TestTreesAreGolearns(t *testing.T) {
	t.Parallel()
	f, _ := fitted(t, Params{Trees: 12, MinLeaf: 5, Seed: 3}, 1500)
	test := modeltest.Easy(t, 400, 2)
	grid, err := ToGrid(test.Frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, root := range f.flat.roots {
		id3 := &trees.ID3DecisionTree{Root: f.Tree(k)}
		got, err := id3.Predict(grid)
		if err != nil {
			t.Fatal(err)
		}
		for i := range test.Labels {
			leaf := f.flat.leaf(root, test.Frame.Row(i, nil))
			want := classOf(f.flat.counts[leaf].ones > f.flat.counts[leaf].zeros)
			if c := base.GetClass(got, i); c != want {
				t.Fatalf("tree %d, row %d: golearn says %s, the flat form %s", k, i, c, want)
			}
		}
	}
}

// TestProbabilityIsGolearnsMeanLeafDistribution compares with golearn's own
// PredictProba, which takes one row at a time.
func TestProbabilityIsGolearnsMeanLeafDistribution(t *testing.T) {
	t.Parallel()
	f, _ := fitted(t, Params{Trees: 7, MinLeaf: 5, Seed: 4}, 800)
	test := modeltest.Easy(t, 25, 2)
	p, err := f.PredictProba(test.Frame)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p {
		grid, err := ToGrid(test.Frame.Select([]int32{int32(i)}), nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for k := range f.Members() {
			classes, err := (&trees.ID3DecisionTree{Root: f.Tree(k)}).PredictProba(grid)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range classes {
				if c.ClassValue == models.Classes[1] {
					sum += c.Probability
				}
			}
		}
		if want := models.ClipProba(sum / float64(f.Members())); math.Abs(want-p[i]) > 1e-12 {
			t.Fatalf("row %d: %v, golearn's mean is %v", i, p[i], want)
		}
	}
}

func TestFlattenIsExact(t *testing.T) {
	t.Parallel()
	f, _ := fitted(t, Params{Trees: 3, Seed: 5}, 600)
	attrs := floatAttributes(f.features)
	var again flatForest
	for k := range f.Members() {
		again.append(flatten(f.flat.tree(k, attrs), attrs))
	}
	if !bytes.Equal(encode(f.features, again), encode(f.features, f.flat)) {
		t.Error("golearn's nodes and the flat form differ")
	}
}

// TestGolearnsOwnFileOfATree saves and loads a tree with golearn's serialiser.
func TestGolearnsOwnFileOfATree(t *testing.T) {
	t.Parallel()
	f, _ := fitted(t, Params{Trees: 1, Seed: 6}, 600)
	path := filepath.Join(t.TempDir(), "tree")
	if err := f.Tree(0).Save(path); err != nil {
		t.Fatal(err)
	}
	var loaded trees.DecisionTreeNode
	if err := loaded.Load(path); err != nil {
		t.Fatal(err)
	}
	if loaded.String() != f.Tree(0).String() {
		t.Error("golearn loads another tree than it saved")
	}
}

func TestClassifier(t *testing.T) {
	t.Parallel()
	train, test := modeltest.Easy(t, 1500, 1), modeltest.Easy(t, 400, 2)
	grid, err := ToGrid(train.Frame, train.Labels)
	if err != nil {
		t.Fatal(err)
	}
	testGrid, err := ToGrid(test.Frame, test.Labels)
	if err != nil {
		t.Fatal(err)
	}
	newForest := func() Classifier { return Classifier{NewForest(Params{Trees: 15, Seed: 1})} }
	if _, err := newForest().Predict(testGrid); !errors.Is(err, models.ErrNotFitted) {
		t.Errorf("predicting unfitted: %v", err)
	}
	c := newForest()
	if err := c.Fit(grid); err != nil {
		t.Fatal(err)
	}
	got, err := c.Predict(testGrid)
	if err != nil {
		t.Fatal(err)
	}
	confusion, err := evaluation.GetConfusionMatrix(testGrid, got)
	if err != nil {
		t.Fatal(err)
	}
	if accuracy := evaluation.GetAccuracy(confusion); accuracy < 0.72 {
		t.Errorf("accuracy by golearn's confusion matrix: %.3f", accuracy)
	}
	path := filepath.Join(t.TempDir(), "forest")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded := newForest()
	if err := loaded.Load(path); err != nil {
		t.Fatal(err)
	}
	a, _ := c.Estimator.MarshalBinary()
	b, _ := loaded.Estimator.MarshalBinary()
	if !bytes.Equal(a, b) {
		t.Error("golearn's file does not hold the same model")
	}
}

func TestGridRoundTrip(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 50, 1)
	grid, err := ToGrid(d.Frame, d.Labels)
	if err != nil {
		t.Fatal(err)
	}
	f, labels, err := FromGrid(grid)
	if err != nil {
		t.Fatal(err)
	}
	for j, name := range f.Features() {
		want := d.Frame.Column(d.Frame.Find(name))
		for i := range labels {
			a, b := f.Column(j).At(i), want.At(i)
			if a != b && (a == a || b == b) {
				t.Fatalf("%s, row %d: %v, want %v", name, i, a, b)
			}
			if labels[i] != d.Labels[i] {
				t.Fatalf("label %d differs", i)
			}
		}
	}
}
