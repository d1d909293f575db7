package golearnx

import (
	"context"
	"math"
	"strconv"
	"testing"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// TestBoostedTreesAreGolearns walks every tree of a boosted model with golearn's own
// Predict and adds up the answers: the model's score. Missing values go both ways.
func TestBoostedTreesAreGolearns(t *testing.T) {
	t.Parallel()
	train, test := modeltest.Easy(t, 1500, 1), modeltest.Easy(t, 400, 2)
	m := boost.New(boost.Params{Rounds: 12, MaxLeaves: 12, LearningRate: 0.2, MinChildWeight: 1})
	if err := m.Fit(context.Background(), train.Training()); err != nil {
		t.Fatal(err)
	}
	frame, err := WithOpposites(test.Frame)
	if err != nil {
		t.Fatal(err)
	}
	grid, err := ToGrid(frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.PredictProba(test.Frame)
	if err != nil {
		t.Fatal(err)
	}
	scores := make([]float64, len(p))
	ways := map[bool]int{}
	for k := range m.Members() {
		nodes := m.Tree(k)
		for _, n := range nodes {
			if n.Feature >= 0 {
				ways[n.MissingOne]++
			}
		}
		got, err := (&trees.ID3DecisionTree{Root: BoostedTree(nodes, m.Features())}).Predict(grid)
		if err != nil {
			t.Fatal(err)
		}
		for i := range scores {
			leaf, err := strconv.Atoi(base.GetClass(got, i))
			if err != nil || nodes[leaf].Feature >= 0 {
				t.Fatalf("tree %d, row %d: golearn says %q, expected the number of a leaf", k, i, base.GetClass(got, i))
			}
			scores[i] += nodes[leaf].Value
		}
	}
	if ways[true] == 0 || ways[false] == 0 {
		t.Errorf("missing values go one way only: %v", ways)
	}
	start := models.Logit(p[0]) - scores[0] // what the model says before any tree, the same for every row
	for i := range scores {
		if d := models.Logit(p[i]) - scores[i] - start; math.Abs(d) > 1e-9 {
			t.Fatalf("row %d: golearn's answers add up to %v, the model's score is %v away", i, scores[i], d)
		}
	}
}
