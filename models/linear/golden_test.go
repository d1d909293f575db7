package linear

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

type goldenCase struct {
	Name          string
	C, Clip       float64
	Features      []string
	Labels        []int
	Weights       []float64
	Columns       [][]*float64
	Inputs        [][2]string // feature and "value" or "missing"
	Coefficients  []float64
	Intercept     float64
	Probabilities []float64 // of the rows that weigh anything
}

func (c goldenCase) training(t *testing.T) models.Training {
	t.Helper()
	columns := make([][]float64, len(c.Columns))
	for j, column := range c.Columns {
		for _, v := range column {
			if v == nil {
				columns[j] = append(columns[j], math.NaN())
			} else {
				columns[j] = append(columns[j], *v)
			}
		}
	}
	f, err := models.NewFrame(c.Features, columns)
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]bool, len(c.Labels))
	for i, l := range c.Labels {
		labels[i] = l == 1
	}
	return models.Training{Frame: f, Labels: labels, Weights: c.Weights}
}

// TestGolden compares with scikit-learn (testdata/golden.py). Our inputs are rounded to
// 32 bits, scikit-learn's are not: that is where the tolerance comes from.
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
			if c.Clip == 0 {
				c.Clip = -1
			}
			m, tr := New(Params{C: c.C, Clip: c.Clip}), c.training(t)
			if err := m.Fit(context.Background(), tr); err != nil {
				t.Fatal(err)
			}
			compare(t, c, m)
			p, err := m.PredictProba(tr.Frame)
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for i, w := range c.Weights {
				if w == 0 {
					continue
				}
				if math.Abs(p[i]-c.Probabilities[at]) > 1e-6 {
					t.Fatalf("row %d: %v, scikit-learn says %v", i, p[i], c.Probabilities[at])
				}
				at++
			}
		})
	}
}

func compare(t *testing.T, c goldenCase, m *Model) {
	t.Helper()
	got := m.Coefficients()
	if len(got) != len(c.Inputs) {
		t.Fatalf("%d inputs, scikit-learn has %d", len(got), len(c.Inputs))
	}
	most := math.Abs(m.intercept - c.Intercept)
	for k, in := range c.Inputs {
		found := false
		for _, g := range got {
			if g.Feature == in[0] && g.Missing == (in[1] == "missing") {
				found, most = true, math.Max(most, math.Abs(g.Effect-c.Coefficients[k]))
			}
		}
		if !found {
			t.Errorf("no input %v", in)
		}
	}
	t.Logf("largest difference %.1e", most)
	if most > 5e-7 {
		t.Errorf("a coefficient differs by %v", most)
	}
}
