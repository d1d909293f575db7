package learn

import (
	"encoding/json"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/rule"
)

// Report says how a model was made and how good it is. It is kept in the model file, so
// that a model can be judged wherever it goes; a few tens of kilobytes.
type Report struct {
	Split string `json:"split"` // in words
	// Chosen names the candidate, Choice says among what and why.
	Chosen string         `json:"chosen,omitempty"`
	Choice *choose.Result `json:"choice,omitempty"`
	// Judged names the later data that Metrics, Against, Bins and Gains are about.
	Judged  string          `json:"judged,omitempty"`
	Metrics []models.Metric `json:"metrics"`
	Against []Against       `json:"against,omitempty"`
	// Calibration of the published model.
	Calibration *Calibration `json:"calibration,omitempty"`
	Bins        []Bin        `json:"bins,omitempty"`  // reliability on the later data, highest first
	Gains       []Gain       `json:"gains,omitempty"` // on the later data, best tenth first
	Top         []Importance `json:"top,omitempty"`
	Rule        *RuleReport  `json:"best_rule,omitempty"`
	Training    []gate.Count `json:"training,omitempty"` // what each cutoff learned from holds
	// Aside are features that were not learned from; see rows.Steady.
	Aside   []string     `json:"aside,omitempty"`
	Drift   []Spread     `json:"drift,omitempty"`
	Scores  *Spread      `json:"scores,omitempty"` // of this model, over the cutoffs that it learned from
	Seed    uint64       `json:"seed"`
	Rounds  int          `json:"bootstrap_rounds,omitempty"`
	Verdict gate.Verdict `json:"verdict"`
}

// Against compares the judged model (B) with another (A) on the same rows.
type Against struct {
	Other      string          `json:"other"` // "rule: recency_days", "champion"
	How        string          `json:"how"`   // how the other was made comparable
	Comparison eval.Comparison `json:"comparison"`
}

// Bin is one row of a reliability table.
type Bin struct {
	Rows        float64 `json:"rows"`
	Probability float64 `json:"probability"` // mean predicted
	Rate        float64 `json:"rate"`        // share to which it happened
	Low         float64 `json:"low"`         // Wilson interval of Rate, 95 %
	High        float64 `json:"high"`
}

// Gain is one row of a gain table.
type Gain struct {
	Share    float64 `json:"share"`    // of all rows, best scored first
	Captured float64 `json:"captured"` // share of all positives that is among them
	Lift     float64 `json:"lift"`     // of this part alone
	Rule     float64 `json:"rule"`     // Captured of the best simple rule
}

// Importance is how much a feature moves scores.
type Importance struct {
	Feature string  `json:"feature"`
	Effect  float64 `json:"effect"` // mean size of its effect in log-odds over a sample of rows
	// Direction is the correlation of value and effect: near 1, more raises the score;
	// near -1, more lowers it; in between it depends.
	Direction float64 `json:"direction"`
}

// RuleReport is the best simple rule and what else was searched.
type RuleReport struct {
	Name  string       `json:"name"`
	Words string       `json:"words"`
	Tried []rule.Tried `json:"tried,omitempty"` // best first, on the rows that it was found on
}

// Spread is how values were spread when the model learned.
type Spread struct {
	Name         string            `json:"name"`
	Distribution eval.Distribution `json:"distribution"`
	Usual        float64           `json:"usual"` // see gate.Shift; 0 with one cutoff
}

// Calibration makes the model's probabilities keep their promise.
type Calibration struct {
	Calibrator calibrate.Saved       `json:"calibrator"` // shape, then level
	Candidates []calibrate.Candidate `json:"candidates,omitempty"`
	Reason     string                `json:"reason"`
	Level      Level                 `json:"level"`
}

// Metric finds a value by estimator and name, the latest data first.
func (r Report) Metric(estimator, name string) (models.Metric, bool) {
	for i := len(r.Metrics) - 1; i >= 0; i-- {
		if m := r.Metrics[i]; m.Estimator == estimator && m.Name == name {
			return m, true
		}
	}
	return models.Metric{}, false
}

func (r Report) encode() (json.RawMessage, error) { return json.Marshal(r) }
