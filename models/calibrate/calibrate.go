// Package calibrate makes probabilities keep their promise: of a hundred rows at
// 0.3, thirty happen. A calibrator is learned on rows of a later time than the model
// learned from, never on the model's own training rows, where it looks too sure.
//
// It also moves probabilities when the base rate drifts (drift.go) and explanations
// when a probability is calibrated ([Explain]).
package calibrate

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// Calibrator maps a model's probability to a calibrated one. Apply never decreases: what
// ranked lower does not rank higher afterwards, though two may become equal (rank by the
// model's own probability where that matters). It returns values in
// [models.MinProba, 1-models.MinProba] and is safe for concurrent use.
type Calibrator interface {
	Apply(p float64) float64
	Name() string
}

// Names of the calibrators.
const (
	NameIdentity = "identity"
	NameShift    = "shift"
	NamePlatt    = "platt"
	NameIsotonic = "isotonic"
	NameChain    = "chain"
)

// Identity leaves probabilities as they are (inside the limits).
type Identity struct{}

// Apply returns p.
func (Identity) Apply(p float64) float64 { return models.ClipProba(p) }

// Name is "identity".
func (Identity) Name() string { return NameIdentity }

// Shift adds Delta in log-odds: the correction for a base rate that moved.
type Shift struct{ Delta float64 }

// Apply moves p.
func (s Shift) Apply(p float64) float64 { return sigmoid(models.Logit(p) + s.Delta) }

// Name is "shift".
func (Shift) Name() string { return NameShift }

// Chain applies one calibrator after the other, such as isotonic and then a shift.
type Chain []Calibrator

// Apply runs p through all.
func (c Chain) Apply(p float64) float64 {
	p = models.ClipProba(p)
	for _, k := range c {
		p = k.Apply(p)
	}
	return p
}

// Name is "chain".
func (Chain) Name() string { return NameChain }

// All applies a calibrator to each probability and returns a new slice.
func All(c Calibrator, p []float64) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = c.Apply(v)
	}
	return out
}

// sigmoid is the inverse of models.Logit, inside its limits.
func sigmoid(x float64) float64 {
	if x >= 0 {
		return models.ClipProba(1 / (1 + math.Exp(-x)))
	}
	e := math.Exp(x)
	return models.ClipProba(e / (1 + e))
}

// Explain moves the explanation of a model's probability p to the calibrated one: given
// base + sum(effects) = Logit(p) it scales the effects, all by one factor, and returns a
// new base so that base + sum(effects) = Logit(c.Apply(p)) up to rounding. The new base is
// the calibrated old one. Shift and Platt are straight lines in log-odds, so there this is
// exact; elsewhere the factor is the slope between base and score. Where a calibrator is
// flat between the two, nothing is left to explain and effects become 0.
func Explain(c Calibrator, p, base float64, effects []float64) float64 {
	sum := 0.0
	for _, e := range effects {
		sum += e
	}
	if len(effects) == 0 {
		return models.Logit(c.Apply(p))
	}
	newBase, newScore := models.Logit(c.Apply(sigmoid(base))), models.Logit(c.Apply(p))
	scale := (newScore - newBase) / sum
	if math.Abs(sum) < 1e-9 { // the score is the base, by effects that cancel: the slope there
		const step = 0.01
		scale = (models.Logit(c.Apply(sigmoid(base+step))) - models.Logit(c.Apply(sigmoid(base-step)))) / (2 * step)
		newBase = newScore - sum*scale
	}
	got, largest := newBase, 0
	for j := range effects {
		effects[j] *= scale
		got += effects[j]
		if math.Abs(effects[j]) > math.Abs(effects[largest]) {
			largest = j
		}
	}
	effects[largest] += newScore - got // what rounding left over
	return newBase
}

// wire is a calibrator as JSON: {"name":"platt","a":1.1,"b":-0.2}.
type wire struct {
	Name  string    `json:"name"`
	A     float64   `json:"a,omitempty"` // platt
	B     float64   `json:"b,omitempty"` // platt; shift: delta
	X     []float64 `json:"x,omitempty"` // isotonic
	Y     []float64 `json:"y,omitempty"`
	Parts []wire    `json:"parts,omitempty"` // chain
}

// Saved is a calibrator that encodes to JSON and back exactly: Go writes each number
// with as many digits as tell it from its neighbours.
type Saved struct{ Calibrator }

// MarshalJSON writes the calibrator; nil is the identity.
func (s Saved) MarshalJSON() ([]byte, error) {
	w, err := toWire(s.Calibrator)
	if err != nil {
		return nil, err
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. The error wraps [models.ErrCorrupt] for
// what cannot be a calibrator: unknown, falling, outside of (0, 1).
func (s *Saved) UnmarshalJSON(b []byte) error {
	var w wire
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("loading a calibrator: %w: %w", models.ErrCorrupt, err)
	}
	c, err := fromWire(w)
	if err != nil {
		return fmt.Errorf("loading a calibrator: %w: %w", models.ErrCorrupt, err)
	}
	s.Calibrator = c
	return nil
}

func toWire(c Calibrator) (wire, error) {
	switch k := c.(type) {
	case nil, Identity:
		return wire{Name: NameIdentity}, nil
	case Shift:
		return wire{Name: NameShift, B: k.Delta}, nil
	case Platt:
		return wire{Name: NamePlatt, A: k.A, B: k.B}, nil
	case Isotonic:
		return wire{Name: NameIsotonic, X: k.X, Y: k.Y}, nil
	case Chain:
		w := wire{Name: NameChain}
		for _, part := range k {
			p, err := toWire(part)
			if err != nil {
				return w, err
			}
			w.Parts = append(w.Parts, p)
		}
		return w, nil
	}
	return wire{}, fmt.Errorf("saving a calibrator: %T is not one of this package", c)
}

func fromWire(w wire) (Calibrator, error) {
	switch w.Name {
	case NameIdentity:
		return Identity{}, nil
	case NameShift:
		return Shift{w.B}, nil
	case NamePlatt:
		if w.A < 0 {
			return nil, fmt.Errorf("platt with a falling slope %v", w.A)
		}
		return Platt{A: w.A, B: w.B}, nil
	case NameIsotonic:
		i := Isotonic{X: w.X, Y: w.Y}
		return i, i.check()
	case NameChain:
		var c Chain
		for _, part := range w.Parts {
			p, err := fromWire(part)
			if err != nil {
				return nil, err
			}
			c = append(c, p)
		}
		return c, nil
	}
	return nil, fmt.Errorf("its name is %q", w.Name)
}

// checkRows reports the first thing that no calibrator could learn from, and returns
// weights of mean 1 over the rows that weigh anything: a sum of them counts rows.
func checkRows(p []float64, labels []bool, weights []float64) ([]float64, error) {
	if len(p) == 0 || len(labels) != len(p) || weights != nil && len(weights) != len(p) {
		return nil, fmt.Errorf("calibrating: %d probabilities, %d labels, %d weights", len(p), len(labels), len(weights))
	}
	out, sum, n := make([]float64, len(p)), 0.0, 0
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("calibrating: the probability of row %d is %v", i, v)
		}
		out[i] = 1
		if weights != nil {
			out[i] = weights[i]
		}
		if !(out[i] >= 0) || math.IsInf(out[i], 0) {
			return nil, fmt.Errorf("calibrating: the weight of row %d is %v", i, out[i])
		}
		if out[i] > 0 {
			sum += out[i]
			n++
		}
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("calibrating: the weights sum to %v", sum)
	}
	for i := range out {
		out[i] *= float64(n) / sum
	}
	return out, nil
}
