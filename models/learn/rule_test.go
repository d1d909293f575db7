package learn

import (
	"errors"
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func ruleData(t *testing.T, columns map[string][]float64, labels []bool) data {
	t.Helper()
	var names []string
	var values [][]float64
	for _, name := range []string{"days", "gap", "noise"} {
		if v, ok := columns[name]; ok {
			names, values = append(names, name), append(values, v)
		}
	}
	f, err := models.NewFrame(names, values)
	if err != nil {
		t.Fatal(err)
	}
	return data{frame: f, labels: labels}
}

func TestFindRule(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	labels := []bool{true, true, true, false, false, false}
	noise := []float64{1, 2, 3, 1, 2, 3}
	for _, c := range []struct {
		name string
		days []float64
		want Rule
	}{
		{"more is likelier", []float64{9, 8, 3, 4, 2, 1}, Rule{Feature: "days"}},
		{"less is likelier", []float64{1, 2, 4, 3, 8, 9}, Rule{Feature: "days", Less: true}},
		{"unknown is likeliest", []float64{nan, nan, 5, 3, 2, 1}, Rule{Feature: "days", MissingFirst: true}},
		{"unknown is least likely", []float64{1, 2, 3, 7, nan, nan}, Rule{Feature: "days", Less: true}},
	} {
		got, ok := findRule(ruleData(t, map[string][]float64{"days": c.days, "noise": noise}, labels), []string{"absent", "noise", "days"})
		if !ok || got.Feature != c.want.Feature || got.Less != c.want.Less || got.MissingFirst != c.want.MissingFirst || got.AUC < 0.85 {
			t.Errorf("%s: found %s with AUC %.2f", c.name, got, got.AUC)
		}
	}
	if _, ok := findRule(ruleData(t, map[string][]float64{"noise": noise}, labels), []string{"days"}); ok {
		t.Error("found a rule without candidates")
	}
}

// TestRuleProbability checks the bins: many rows, outcome likelier with more days.
func TestRuleProbability(t *testing.T) {
	t.Parallel()
	const n = 5000
	days, labels := make([]float64, n), make([]bool, n)
	for i := range days {
		days[i] = math.Floor(100 * modeltest.Uniform(i, 1))
		labels[i] = modeltest.Uniform(i, 2) < days[i]/100
		if i%50 == 0 {
			days[i] = math.NaN()
		}
	}
	d := ruleData(t, map[string][]float64{"days": days}, labels)
	rule, _ := findRule(d, []string{"days"})
	if len(rule.Edges) != ruleBins || len(rule.Rates) != ruleBins {
		t.Errorf("%d bins with %d rates", len(rule.Edges), len(rule.Rates))
	}
	scores, p, err := rule.Predict(d.frame)
	if err != nil {
		t.Fatal(err)
	}
	if ece := eval.CalibrationError(labels, p); ece > 0.02 {
		t.Errorf("calibration error %.3f", ece)
	}
	if loss := eval.LogLoss(labels, p); loss > 0.56 {
		t.Errorf("log loss %.3f", loss)
	}
	if eval.AUC(labels, p) > eval.AUC(labels, scores) {
		t.Error("bins rank better than the values")
	}
	other := ruleData(t, map[string][]float64{"gap": {1}}, []bool{true})
	if _, _, err := rule.Predict(other.frame); !errors.Is(err, models.ErrMissingFeature) {
		t.Errorf("without the column: %v", err)
	}
}
