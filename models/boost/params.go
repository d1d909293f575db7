package boost

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Params are the hyper-parameters. Zero means the default.
type Params struct {
	Rounds       int     `json:"rounds"`        // trees at most, default 200
	LearningRate float64 `json:"learning_rate"` // share of a tree's answer that is taken, in (0, 1], default 0.05
	MaxLeaves    int     `json:"max_leaves"`    // of a tree, 2 to 64, default 8; the leaf that gains most is split next
	MaxDepth     int     `json:"max_depth"`     // splits from root to leaf; default: as MaxLeaves allows
	// MinChildWeight is the least sum of second derivatives in a leaf, default 20. A row
	// has w p (1-p), at most a quarter of its weight w (of mean 1).
	MinChildWeight float64 `json:"min_child_weight"`
	Lambda         float64 `json:"lambda"`       // L2 penalty on leaf values, default 1; negative: none
	Gamma          float64 `json:"gamma"`        // least gain of a split, default 0
	Bins           int     `json:"bins"`         // per feature, with the one for missing, 3 to 255 (default)
	Rows           float64 `json:"rows"`         // share of the rows drawn for each tree, in (0, 1], default 1
	Columns        float64 `json:"columns"`      // share of the features drawn for each tree, default 1
	NodeColumns    float64 `json:"node_columns"` // share of those drawn for each node, default 1
	// Monotone says by feature that a higher value never lowers (+1) or never raises
	// (-1) the probability, all else equal. Missing values are free.
	Monotone map[string]int `json:"monotone,omitempty"`
	Patience int            `json:"patience"` // trees without improvement on Training.Later, default 50
	Seed     uint64         `json:"seed"`     // of samples and rounding
}

// WithDefaults returns p with zeros, and what is out of range, replaced.
func (p Params) WithDefaults() Params {
	whole := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	share := func(v *float64, d float64) {
		if !(*v > 0 && *v <= 1) {
			*v = d
		}
	}
	whole(&p.Rounds, 200)
	share(&p.LearningRate, 0.05)
	whole(&p.MaxLeaves, 8)
	p.MaxLeaves = min(max(p.MaxLeaves, 2), maxLeaves)
	whole(&p.MaxDepth, p.MaxLeaves-1)
	if !(p.MinChildWeight > 0) {
		p.MinChildWeight = 20
	}
	if p.Lambda == 0 || math.IsNaN(p.Lambda) {
		p.Lambda = 1
	}
	p.Gamma = math.Max(p.Gamma, 0)
	if p.Bins < 3 || p.Bins > maxBins {
		p.Bins = maxBins
	}
	share(&p.Rows, 1)
	share(&p.Columns, 1)
	share(&p.NodeColumns, 1)
	whole(&p.Patience, 50)
	return p
}

// penalty is Lambda as it is used.
func (p Params) penalty() float64 { return math.Max(p.Lambda, 0) }

const (
	maxFeatures = 1<<15 - 1
	maxLeaves   = 64 // bits of a word; see group
)

// directions gives each feature its constraint: +1, -1 or 0. It is nil when there is none.
func (p Params) directions(features []string) ([]int8, error) {
	if len(p.Monotone) == 0 {
		return nil, nil
	}
	out := make([]int8, len(features))
	for _, name := range slices.Sorted(maps.Keys(p.Monotone)) {
		j := slices.Index(features, name)
		switch way := p.Monotone[name]; {
		case j < 0:
			return nil, fmt.Errorf("a monotone constraint names %s, which is no feature", name)
		case way < -1 || way > 1:
			return nil, fmt.Errorf("the monotone constraint of %s is %d, expected -1, 0 or 1", name, way)
		default:
			out[j] = int8(way)
		}
	}
	return out, nil
}
