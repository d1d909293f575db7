package golearnx

import (
	"fmt"
	"math"
	"strconv"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/treeshap"
)

// opposite is the name of the attribute that holds a feature times -1.
func opposite(feature string) string { return "-" + feature }

// BoostedTree makes a boosted tree (see boost.Model.Tree) of golearn's own nodes. The
// class of a leaf is its number among the nodes, so that golearn's Predict tells which
// answer a row gets. golearn sends missing values to "0", with the smaller ones. Where a
// node sends them with the larger ones, it asks the opposite of its feature, which turns
// the order around; rows then need the attributes that [WithOpposites] adds.
func BoostedTree(nodes []treeshap.Node, features []string) *trees.DecisionTreeNode {
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

// WithOpposites adds to each feature its opposite, for [BoostedTree].
func WithOpposites(f *models.Frame) (*models.Frame, error) {
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
