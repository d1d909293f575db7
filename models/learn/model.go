package learn

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/kinds"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// Model is a trained or loaded model: an estimator and what calibrates it.
type Model struct {
	Header     models.Header
	Report     Report
	Estimator  models.Estimator
	calibrator calibrate.Calibrator // nil: as it is
}

// Label is how tables and people call the model: "blend", "rule: recency_days".
func (m *Model) Label() string { return label(m.Estimator) }

func label(e models.Estimator) string {
	if r, ok := e.(*rule.Rule); ok {
		return r.Name()
	}
	return e.Kind()
}

// Probability is the calibrated probability of each row of a frame with the model's
// features, in their order.
func (m *Model) Probability(f *models.Frame) ([]float64, error) {
	p, err := m.Estimator.PredictProba(f)
	if err != nil || m.calibrator == nil {
		return p, err
	}
	return calibrate.All(m.calibrator, p), nil
}

// Explain writes the effect of each feature on a row's calibrated score, in log-odds, and
// returns the base: base + sum(effects) = Logit(Probability) up to rounding.
func (m *Model) Explain(f *models.Frame, row int, effects []float64) (float64, error) {
	base, err := m.Estimator.Explain(f, row, effects)
	if err != nil || m.calibrator == nil {
		return base, err
	}
	score := base
	for _, e := range effects {
		score += e
	}
	return calibrate.Explain(m.calibrator, 1/(1+math.Exp(-score)), base, effects), nil
}

// seal fills the header from the rest.
func (m *Model) seal(h models.Header) error {
	report, err := m.Report.encode()
	if err != nil {
		return fmt.Errorf("describing the %s model: %w", h.Task, err)
	}
	h.Report = report
	if m.calibrator != nil {
		if h.Calibrator, err = json.Marshal(calibrate.Saved{Calibrator: m.calibrator}); err != nil {
			return fmt.Errorf("describing the %s model: %w", h.Task, err)
		}
	}
	m.Header, err = h.Seal(m.Estimator)
	return err
}

// Save writes the model file.
func (m *Model) Save(path string) error {
	_, err := models.WriteModel(path, m.Header, m.Estimator)
	return err
}

// Load reads a model file and checks that it is of this task.
func Load(t Task, path string) (*Model, error) {
	h, e, err := models.ReadModel(path, func(h models.Header) (models.Estimator, error) {
		if h.Task != t.Name {
			return nil, fmt.Errorf("it predicts %s, expected %s", h.Task, t.Name)
		}
		return kinds.New(h.Estimator, h.Params)
	})
	if err != nil {
		return nil, err
	}
	m := &Model{Header: h, Estimator: e}
	if err := json.Unmarshal(h.Report, &m.Report); err != nil {
		return nil, fmt.Errorf("loading the model %s: %w: its report: %w", path, models.ErrCorrupt, err)
	}
	if len(h.Calibrator) > 0 {
		var c calibrate.Saved
		if err := json.Unmarshal(h.Calibrator, &c); err != nil {
			return nil, fmt.Errorf("loading the model %s: %w", path, err)
		}
		m.calibrator = c.Calibrator
	}
	return m, nil
}
