package clv

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// Format is the version of what Marshal writes.
const Format = 1

// ErrNoRows: there is not one customer to learn from.
var ErrNoRows = errors.New("there are no customers")

// ErrBadModel is wrapped by the errors of [Load].
var ErrBadModel = errors.New("this is no saved customer value model")

// Options are the thresholds of [Fit]; zero values take the defaults.
type Options struct {
	MinRepeat int `json:"min_repeat"` // customers with a repeat order that BG/NBD needs; 30
	MinValued int `json:"min_valued"` // customers with a positive value that Gamma-Gamma needs; 30
}

// Model is a fitted purchase process and order value with their fallbacks. It
// does not change after [Fit] and may be used concurrently.
type Model struct {
	Format      int         `json:"format"`
	Options     Options     `json:"options"`
	Purchases   PurchaseFit `json:"purchases"`
	Values      ValueFit    `json:"values"`
	Empirical   Empirical   `json:"empirical"`
	Credibility Credibility `json:"credibility"`
}

// Prediction is what is expected of a customer within a horizon after its cutoff.
type Prediction struct {
	// PAlive is BG/NBD's: 1 for everyone who bought once. No churn score.
	PAlive float64
	// PAliveConservative lets one-time buyers have dropped out too.
	PAliveConservative float64
	PNoOrder           float64 // P(no order within the horizon), the churn probability
	ExpectedOrders     float64 // days with an order within the horizon
	ValuePerOrder      float64 // in the unit of Row.Value
}

// Fit learns from customers. Only rows that cannot be are errors; whatever else
// goes wrong is said in the outcomes, and the model predicts by its fallbacks.
// The order of rows does not matter beyond rounding in the fallbacks.
func Fit(rows []Row, o Options) (*Model, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("fitting the purchase process: %w", ErrNoRows)
	}
	for i, r := range rows {
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("fitting the purchase process: row %d: %w", i, err)
		}
	}
	if o.MinRepeat <= 0 {
		o.MinRepeat = 30
	}
	if o.MinValued <= 0 {
		o.MinValued = 30
	}
	return &Model{
		Format: Format, Options: o,
		Purchases:   fitPurchases(aggregate(rows), o.MinRepeat),
		Values:      fitValues(rows, o.MinValued),
		Empirical:   newEmpirical(rows),
		Credibility: newCredibility(rows),
	}, nil
}

// Predict says what to expect within days after the cutoff of the row.
func (m *Model) Predict(r Row, days float64) (Prediction, error) {
	if err := checkAsk(r, days); err != nil {
		return Prediction{}, err
	}
	p := Prediction{ExpectedOrders: m.orders(r, days), ValuePerOrder: m.valuePerOrder(r)}
	if m.Purchases.Outcome.Fallback != "" {
		p.PAlive = m.Empirical.pAlive(r)
		p.PAliveConservative, p.PNoOrder = p.PAlive, m.Empirical.pNoOrder(r, days)
		return p, nil
	}
	x, tx, t := r.Frequency, float64(r.Recency)/week, float64(r.Age)/week
	p.PAlive = m.Purchases.Params.PAlive(x, tx, t)
	p.PAliveConservative = m.Purchases.Params.PAliveConservative(x, tx, t)
	p.PNoOrder = m.Purchases.Params.PNoOrder(x, tx, t, days/week)
	return p, nil
}

func checkAsk(r Row, days float64) error {
	if err := r.Check(); err != nil {
		return fmt.Errorf("predicting purchases: %w", err)
	}
	if !(days >= 0) || days > maxDays {
		return fmt.Errorf("predicting purchases: a horizon of %v days", days)
	}
	return nil
}

func (m *Model) orders(r Row, days float64) float64 {
	if m.Purchases.Outcome.Fallback != "" {
		return m.Empirical.expected(r, days)
	}
	return m.Purchases.Params.Expected(r.Frequency, float64(r.Recency)/week, float64(r.Age)/week, days/week)
}

func (m *Model) valuePerOrder(r Row) float64 {
	switch fitted := m.Values.Outcome.Fallback == ""; {
	case fitted && r.Values == 0:
		return m.Values.Params.Mean()
	case fitted && r.Value > 0:
		return m.Values.Params.Expected(r.Value, r.Values)
	}
	return m.Credibility.Expected(r.Value, r.Values)
}

// DiscountedOrders is the present value of one unit of money per expected order
// within days: an order in s days counts (1+annualRate)^(-s/365). With
// δ = ln(1+annualRate)/365 and E(s) the expected orders until s, it is
//
//	∫ e^(-δs) dE(s) = e^(-δ days) E(days) + δ ∫ e^(-δs) E(s) ds,
//
// by Gauss-Legendre over sqrt(s), where E is smooth. The annual rate is 0 or more.
func (m *Model) DiscountedOrders(r Row, days, annualRate float64) (float64, error) {
	if err := checkAsk(r, days); err != nil {
		return 0, err
	}
	if !(annualRate >= 0) || math.IsInf(annualRate, 0) {
		return 0, fmt.Errorf("predicting purchases: a discount rate of %v", annualRate)
	}
	delta := math.Log1p(annualRate) / 365
	sum := math.Exp(-delta*days) * m.orders(r, days)
	if delta == 0 || days == 0 {
		return sum, nil
	}
	var at, weight [12]float64
	quad.Legendre{}.FixedLocations(at[:], weight[:], 0, 1)
	for i, v := range at {
		s := days * v * v
		sum += delta * weight[i] * 2 * days * v * math.Exp(-delta*s) * m.orders(r, s)
	}
	return sum, nil
}

// Value is the discounted value of a customer's orders within days: discounted
// orders times the value per order.
func (m *Model) Value(r Row, days, annualRate float64) (float64, error) {
	n, err := m.DiscountedOrders(r, days, annualRate)
	return n * m.valuePerOrder(r), err
}

// Marshal writes the model as JSON: the same model, the same bytes. Numbers are
// written so that [Load] restores them exactly.
func (m *Model) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("saving the customer value model: %w", err)
	}
	return append(b, '\n'), nil
}

// Load reads what [Model.Marshal] wrote. Anything that could not be used for
// predictions is an error that wraps [ErrBadModel].
func Load(b []byte) (*Model, error) {
	m := &Model{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("loading: %w: %w", ErrBadModel, err)
	}
	reason := ""
	switch {
	case m.Format != Format:
		reason = fmt.Sprintf("it is of format %d, this program reads %d", m.Format, Format)
	case m.Purchases.Outcome.Fallback == "" && !m.Purchases.Params.valid():
		reason = "its purchase parameters are not positive"
	case m.Values.Outcome.Fallback == "" && !m.Values.Params.valid():
		reason = "its value parameters do not give a mean"
	case !m.Empirical.valid() || !(m.Credibility.K > 0) || !finite(m.Credibility.K, m.Credibility.Mean):
		reason = "its fallback rules are damaged"
	}
	if reason != "" {
		return nil, fmt.Errorf("loading: %w: %s", ErrBadModel, reason)
	}
	return m, nil
}
