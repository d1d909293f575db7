// Package blend averages models of different kinds. What one family gets wrong another
// often gets right, so the mean of their log-odds is rarely worse than the best of them
// and often better. The mean is taken in log-odds, where explanations live: a feature's
// effect is the mean of its effects in the members, and nothing else is needed.
package blend

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// Kind is the Kind of a [Model].
const Kind = "blend"

// Member names one model of a blend.
type Member struct {
	Kind   string          `json:"kind"`
	Params json.RawMessage `json:"params"`
}

// Params are the members, in order.
type Params struct {
	Members []Member `json:"members"`
}

// Model is the mean of its members in log-odds. It implements [models.Estimator].
type Model struct {
	parts  []models.Estimator
	fitted bool
}

var _ models.Estimator = (*Model)(nil)

// New makes an unfitted blend of unfitted models; there must be at least one.
func New(parts ...models.Estimator) *Model { return &Model{parts: parts} }

// Parts are the members.
func (m *Model) Parts() []models.Estimator { return m.parts }

// Kind is "blend".
func (m *Model) Kind() string { return Kind }

// Params are kinds and hyper-parameters of the members.
func (m *Model) Params() any {
	var p Params
	for _, e := range m.parts {
		raw, err := json.Marshal(e.Params())
		if err != nil { // hyper-parameters are plain numbers; see models.Estimator
			raw = []byte("null")
		}
		p.Members = append(p.Members, Member{e.Kind(), raw})
	}
	return p
}

// Features are the names learned from; nil before a fit.
func (m *Model) Features() []string {
	if !m.fitted {
		return nil
	}
	return m.parts[0].Features()
}

// Members counts the parts of all members.
func (m *Model) Members() int {
	if !m.fitted {
		return 0
	}
	n := 0
	for _, e := range m.parts {
		n += e.Members()
	}
	return n
}

// Fit fits each member on all rows.
func (m *Model) Fit(ctx context.Context, t models.Training) error {
	m.fitted = false
	if err := t.Check(); err != nil {
		return err
	}
	report, last := t.Progress, 0
	for k, e := range m.parts {
		if report != nil { // every member gets an equal part of a thousand steps
			t.Progress = func(done, total int) {
				const steps = 1000
				at := (k*steps + done*steps/max(total, 1)) / len(m.parts)
				if at > last {
					last = at
					report(at, steps)
				}
			}
		}
		if err := e.Fit(ctx, t); err != nil {
			return fmt.Errorf("fitting the %s of a blend: %w", e.Kind(), err)
		}
	}
	m.fitted = true
	return nil
}

// PredictProba returns the mean of the members in log-odds, as a probability.
func (m *Model) PredictProba(f *models.Frame) ([]float64, error) {
	if err := m.ready(); err != nil {
		return nil, err
	}
	each := make([][]float64, len(m.parts))
	for k, e := range m.parts {
		var err error
		if each[k], err = e.PredictProba(f); err != nil {
			return nil, err
		}
	}
	return Mean(each), nil
}

// Mean averages predictions of several models, row by row, in log-odds.
func Mean(each [][]float64) []float64 {
	out := make([]float64, len(each[0]))
	for i := range out {
		sum := 0.0
		for _, p := range each {
			sum += models.Logit(p[i])
		}
		out[i] = models.ClipProba(1 / (1 + math.Exp(-sum/float64(len(each)))))
	}
	return out
}

// Explain averages base and effects of the members.
func (m *Model) Explain(f *models.Frame, row int, effects []float64) (float64, error) {
	if err := m.ready(); err != nil {
		return 0, err
	}
	clear(effects)
	base, share, one := 0.0, 1/float64(len(m.parts)), make([]float64, len(effects))
	for _, e := range m.parts {
		b, err := e.Explain(f, row, one)
		if err != nil {
			return 0, err
		}
		base += share * b
		for j, x := range one {
			effects[j] += share * x
		}
	}
	return base, nil
}

func (m *Model) ready() error {
	if !m.fitted {
		return fmt.Errorf("using a blend: %w", models.ErrNotFitted)
	}
	return nil
}

// codecMagic begins a saved blend: the number of members as an unsigned varint, then
// each member's own form with its length before it.
const codecMagic = "BLD1"

// MarshalBinary writes the members.
func (m *Model) MarshalBinary() ([]byte, error) {
	if !m.fitted {
		return nil, fmt.Errorf("saving a blend: %w", models.ErrNotFitted)
	}
	b := binary.AppendUvarint([]byte(codecMagic), uint64(len(m.parts)))
	for _, e := range m.parts {
		part, err := e.MarshalBinary()
		if err != nil {
			return nil, err
		}
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return b, nil
}

// UnmarshalBinary restores the members of a blend that was made of the same kinds.
func (m *Model) UnmarshalBinary(b []byte) error {
	m.fitted = false
	corrupt := func(what string) error {
		return fmt.Errorf("loading a blend: %w: %s", models.ErrCorrupt, what)
	}
	if len(b) < len(codecMagic) || string(b[:len(codecMagic)]) != codecMagic {
		return corrupt("it does not begin with " + codecMagic)
	}
	b = b[len(codecMagic):]
	count, n := binary.Uvarint(b)
	if n <= 0 || count != uint64(len(m.parts)) || count == 0 {
		return corrupt(fmt.Sprintf("it does not hold %d members", len(m.parts)))
	}
	b = b[n:]
	for _, e := range m.parts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return corrupt("a member is cut")
		}
		if err := e.UnmarshalBinary(b[n : n+int(size)]); err != nil {
			return fmt.Errorf("loading a blend: %w", err)
		}
		b = b[n+int(size):]
	}
	if len(b) > 0 {
		return corrupt("there is more after its last member")
	}
	return m.same()
}

// same checks that all members learned from the same features.
func (m *Model) same() error {
	for _, e := range m.parts[1:] {
		if len(e.Features()) != len(m.parts[0].Features()) {
			return fmt.Errorf("loading a blend: %w: its members have different features", models.ErrCorrupt)
		}
	}
	m.fitted = true
	return nil
}
