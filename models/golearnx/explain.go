package golearnx

import (
	"fmt"
	"sync"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/treeshap"
)

// shap is the forest prepared for explaining, made when first asked for, and the
// working memory of those who explain at this moment.
type shap struct {
	once  sync.Once
	trees *treeshap.Explainer
	err   error
	spare sync.Pool // of *shapScratch
}

type shapScratch struct {
	trees *treeshap.Scratch
	row   []float64
}

// prepare hands the trees over. Each leaf's share of class "1" counts as one part
// in as many as there are trees, so that their sum is the mean.
func (s *shap) prepare(f *flatForest, features int) error {
	s.once.Do(func() {
		s.trees = treeshap.New(features)
		var nodes []treeshap.Node
		for i := range f.roots {
			nodes = f.shapNodes(i, nodes[:0])
			if s.err = s.trees.Add(nodes); s.err != nil {
				return
			}
		}
		s.spare.New = func() any {
			return &shapScratch{trees: s.trees.NewScratch(), row: make([]float64, 0, features)}
		}
	})
	return s.err
}

// shapNodes appends the nodes of the i-th tree.
func (f *flatForest) shapNodes(i int, nodes []treeshap.Node) []treeshap.Node {
	from, to := f.roots[i], int32(len(f.nodes))
	if i+1 < len(f.roots) {
		to = f.roots[i+1]
	}
	for at := from; at < to; at++ {
		n, c := f.nodes[at], f.counts[at]
		nodes = append(nodes, treeshap.Node{
			Feature: int(n.feature), Threshold: n.threshold, Zero: int(at + 1 - from), One: int(n.one - from),
			Value: f.value[at] / float64(len(f.roots)), Cover: float64(c.zeros) + float64(c.ones),
		})
	}
	return nodes
}

// Explain gives each feature its Shapley value for the mean of the trees, exactly
// (package treeshap). Those effects are in probability; log-odds of a mean do not
// decompose over trees, so all are scaled by one factor, which keeps their order,
// their signs and their proportions, and in log-odds base + effects = the score.
func (f *Forest) Explain(frame *models.Frame, row int, effects []float64) (float64, error) {
	if err := f.ready(frame); err != nil {
		return 0, err
	}
	if len(effects) != len(f.features) {
		return 0, fmt.Errorf("explaining row %d: room for %d effects, expected %d", row, len(effects), len(f.features))
	}
	if err := f.shap.prepare(&f.flat, len(f.features)); err != nil {
		return 0, err
	}
	s := f.shap.spare.Get().(*shapScratch)
	defer f.shap.spare.Put(s)
	s.row = frame.Row(row, s.row[:0])
	f.shap.trees.Effects(s.row, effects, s.trees)
	base, p := models.ClipProba(f.shap.trees.Base()), [1]float64{}
	f.flat.predict(s.row, len(s.row), p[:])
	toLogOdds(base, p[0], effects)
	return models.Logit(base), nil
}

// toLogOdds scales effects that sum to about p-base so that they sum to
// Logit(p)-Logit(base).
func toLogOdds(base, p float64, effects []float64) {
	sum := 0.0
	for _, e := range effects {
		sum += e
	}
	want := models.Logit(p) - models.Logit(base)
	scale := 1 / (p * (1 - p)) // the slope of the logit, where the quotient below has no digits left
	if abs(sum) > 1e-9 {
		scale = want / sum
	}
	got, largest := 0.0, 0
	for j := range effects {
		effects[j] *= scale
		got += effects[j]
		if abs(effects[j]) > abs(effects[largest]) {
			largest = j
		}
	}
	if effects[largest] != 0 { // else no tree asked anything
		effects[largest] += want - got // what rounding left over
	}
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
