package modeltest

import (
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models/eval"
)

// TestEasyIsAsDocumented checks the figures that the suite's bounds rest on.
func TestEasyIsAsDocumented(t *testing.T) {
	t.Parallel()
	d := Easy(t, 20000, 3)
	ideal := make([]float64, len(d.Labels))
	for i := range ideal {
		gap := d.Frame.Column(2).At(i)
		ideal[i] = 0.03*(d.Frame.Column(0).At(i)-90) - 0.25*(d.Frame.Column(1).At(i)-4)
		if gap != gap {
			ideal[i]++
		}
	}
	rate := float64(eval.Positives(d.Labels)) / float64(len(d.Labels))
	if auc := eval.AUC(d.Labels, ideal); math.Abs(auc-0.86) > 0.01 || math.Abs(rate-0.53) > 0.02 {
		t.Errorf("ideal AUC %.3f, base rate %.3f", auc, rate)
	}
}
