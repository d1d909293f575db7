package golearnx

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/modeltest"
	"github.com/mainstay-etl/mainstay/models/treeshap"
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
	frame, err := withOpposites(test.Frame)
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
		got, err := (&trees.ID3DecisionTree{Root: boostedTree(nodes, m.Features())}).Predict(grid)
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

// opposite is the name of the attribute that holds a feature times -1.
func opposite(feature string) string { return "-" + feature }

// boostedTree makes a boosted tree (see boost.Model.Tree) of golearn's own nodes. The
// class of a leaf is its number among the nodes, so that golearn's Predict tells which
// answer a row gets. golearn sends missing values to "0", with the smaller ones. Where a
// node sends them with the larger ones, it asks the opposite of its feature, which turns
// the order around; rows then need the attributes that [withOpposites] adds.
func boostedTree(nodes []treeshap.Node, features []string) *trees.DecisionTreeNode {
	return boostedNode(nodes, 0, features, classAttribute())
}

func boostedNode(nodes []treeshap.Node, at int, features []string, class base.Attribute) *trees.DecisionTreeNode {
	n := nodes[at]
	out := &trees.DecisionTreeNode{
		Type: trees.LeafNode, Class: strconv.Itoa(at), ClassAttr: class,
		ClassDist: map[string]int{strconv.Itoa(at): 1}, SplitRule: &trees.DecisionTreeRule{},
	}
	if n.Feature < 0 {
		return out
	}
	out.Type = trees.RuleNode
	zero, one := boostedNode(nodes, n.Zero, features, class), boostedNode(nodes, n.One, features, class)
	if n.MissingOne { // v > t is -v < -t; what golearn asks, -v > s, is to be v <= t
		s := -math.Nextafter(n.Threshold, math.Inf(1))
		out.SplitRule = &trees.DecisionTreeRule{SplitAttr: base.NewFloatAttribute(opposite(features[n.Feature])), SplitVal: s}
		out.Children = map[string]*trees.DecisionTreeNode{"0": one, "1": zero}
		return out
	}
	out.SplitRule = &trees.DecisionTreeRule{SplitAttr: base.NewFloatAttribute(features[n.Feature]), SplitVal: n.Threshold}
	out.Children = map[string]*trees.DecisionTreeNode{"0": zero, "1": one}
	return out
}

// withOpposites adds to each feature its opposite, for [boostedTree].
func withOpposites(f *models.Frame) (*models.Frame, error) {
	names, columns := make([]string, 0, 2*len(f.Features())), make([][]float64, 0, 2*len(f.Features()))
	for j, name := range f.Features() {
		values := f.Column(j).AppendTo(nil, 0, f.Rows())
		turned := make([]float64, len(values))
		for i, v := range values {
			turned[i] = -v
		}
		names, columns = append(names, name, opposite(name)), append(columns, values, turned)
	}
	out, err := models.NewFrame(names, columns)
	if err != nil {
		return nil, fmt.Errorf("adding opposites: %w", err)
	}
	return out, nil
}
