// Package kinds is the list of the estimators that a saved model may name.
package kinds

import (
	"encoding/json"
	"fmt"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/blend"
	"github.com/mainstay-etl/mainstay/models/boost"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/linear"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// New makes an unfitted estimator of a kind from its hyper-parameters as JSON. The error
// wraps [models.ErrCorrupt] when these cannot be of that kind.
func New(kind string, params json.RawMessage) (models.Estimator, error) {
	switch kind {
	case golearnx.KindForest:
		return decode(params, func(p golearnx.Params) models.Estimator { return golearnx.NewForest(p) })
	case linear.Kind:
		return decode(params, func(p linear.Params) models.Estimator { return linear.New(p) })
	case boost.Kind:
		return decode(params, func(p boost.Params) models.Estimator { return boost.New(p) })
	case rule.Kind:
		return decode(params, func(p rule.Params) models.Estimator { return rule.New(p) })
	case blend.Kind:
		return newBlend(params)
	}
	return nil, fmt.Errorf("it is a %q, which this program does not know", kind)
}

func decode[P any](params json.RawMessage, of func(P) models.Estimator) (models.Estimator, error) {
	var p P
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, fmt.Errorf("%w: its hyper-parameters: %w", models.ErrCorrupt, err)
	}
	return of(p), nil
}

func newBlend(params json.RawMessage) (models.Estimator, error) {
	var p blend.Params
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, fmt.Errorf("%w: its hyper-parameters: %w", models.ErrCorrupt, err)
	}
	if len(p.Members) == 0 {
		return nil, fmt.Errorf("%w: a blend of nothing", models.ErrCorrupt)
	}
	var parts []models.Estimator
	for _, m := range p.Members {
		e, err := New(m.Kind, m.Params)
		if err != nil {
			return nil, fmt.Errorf("a member of a blend: %w", err)
		}
		parts = append(parts, e)
	}
	return blend.New(parts...), nil
}
