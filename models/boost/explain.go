package boost

import (
	"fmt"
	"math"
	"sync"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/treeshap"
)

// explainer holds the trees in the form that explains.
type explainer struct {
	trees   *treeshap.Explainer
	scratch sync.Pool
}

// lazyExplainer makes the explainer when it is first asked for: most models score only.
func lazyExplainer(features int, trees []tree) func() (*explainer, error) {
	return sync.OnceValues(func() (*explainer, error) {
		e := &explainer{trees: treeshap.New(features)}
		for _, t := range trees {
			if err := e.trees.Add(t.nodes()); err != nil {
				return nil, err
			}
		}
		e.scratch.New = func() any { return e.trees.NewScratch() }
		return e, nil
	})
}

func (t tree) nodes() []treeshap.Node {
	out := make([]treeshap.Node, len(t))
	for i, n := range t {
		out[i] = treeshap.Node{
			Feature: int(n.feature), Threshold: n.threshold, MissingOne: n.missingRight,
			Zero: i + 1, One: int(n.right), Value: n.value, Cover: n.cover,
		}
	}
	return out
}

// Explain writes exact Shapley values in log-odds (see package treeshap); the base is
// the mean score of the rows learned from. Where the probability is clipped, the effects
// are scaled to what is left.
func (m *Model) Explain(f *models.Frame, row int, effects []float64) (float64, error) {
	if err := m.ready(f); err != nil {
		return 0, err
	}
	if len(effects) != len(m.learned.features) {
		return 0, fmt.Errorf("explaining row %d: room for %d effects, expected %d", row, len(effects), len(m.learned.features))
	}
	e, err := m.learned.explain()
	if err != nil {
		return 0, fmt.Errorf("explaining row %d: %w", row, err)
	}
	scratch := e.scratch.Get().(*treeshap.Scratch)
	defer e.scratch.Put(scratch)
	e.trees.Effects(f.Row(row, make([]float64, 0, len(effects))), effects, scratch)
	base := m.learned.base + e.trees.Base()
	score := base
	for _, x := range effects {
		score += x
	}
	shownBase, shown := models.Logit(sigmoid(base)), models.Logit(sigmoid(score))
	if math.Abs(shown-score) > 1e-9 || math.Abs(shownBase-base) > 1e-9 {
		rescale(effects, shown-shownBase)
		return shownBase, nil
	}
	return base, nil
}

// rescale makes effects sum to want.
func rescale(effects []float64, want float64) {
	sum := 0.0
	for _, e := range effects {
		sum += e
	}
	if sum == 0 {
		return
	}
	for j := range effects {
		effects[j] *= want / sum
	}
}
