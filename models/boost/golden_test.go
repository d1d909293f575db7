package boost

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

type goldenCase struct {
	Name    string
	Params  Params
	Columns [][]*float64
	Labels  []int
	Weights []float64
	Scores  []float64
}

func (c goldenCase) training(t *testing.T) models.Training {
	t.Helper()
	var names []string
	columns := make([][]float64, len(c.Columns))
	for j, column := range c.Columns {
		names = append(names, fmt.Sprintf("f%d", j))
		for _, v := range column {
			if v == nil {
				columns[j] = append(columns[j], math.NaN())
			} else {
				columns[j] = append(columns[j], *v)
			}
		}
	}
	labels := make([]bool, len(c.Labels))
	for i, l := range c.Labels {
		labels[i] = l == 1
	}
	return models.Training{Frame: frame(t, names, columns...), Labels: labels, Weights: c.Weights}
}

// TestGolden compares the score of every row with xgboost's (testdata/golden.py): the
// same trees, grown by another program.
func TestGolden(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			tr := c.training(t)
			m := New(c.Params)
			if err := m.Fit(context.Background(), tr); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, p := range proba(t, m, tr.Frame) {
				worst = math.Max(worst, math.Abs(models.Logit(p)-c.Scores[i]))
			}
			t.Logf("%d trees, largest difference %.1e", m.Members(), worst)
			if worst > 1e-5 {
				t.Errorf("a score differs from xgboost's by %v", worst)
			}
		})
	}
}
