package modeltest

import (
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// explanations checks that in log-odds base + effects = score, on every row of
// ordinary and of odd models, and that effects say what the data says.
func explanations(t *testing.T, unfit func(uint64) models.Estimator) {
	d, other := Easy(t, 3000, 1), Easy(t, 300, 2)
	total := addsUp(t, fit(t, unfit(1), d.Training()), other.Frame)
	if total[3] != 0 || total[4] != 0 {
		t.Errorf("columns that say nothing have effects %v and %v", total[3], total[4])
	}
	if total[0] < total[5] {
		t.Errorf("the strongest feature has less effect (%v) than noise (%v)", total[0], total[5])
	}
	nothing, err := models.NewFrame(d.Frame.Features(), slices.Repeat([][]float64{{math.NaN()}}, len(d.Frame.Features())))
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, fit(t, unfit(1), d.Training()), nothing)
	for name, label := range map[string]func(i int) bool{
		"never":          func(int) bool { return false },
		"always":         func(int) bool { return true },
		"once":           func(i int) bool { return i == 7 },
		"days decide it": func(i int) bool { return d.Frame.Column(0).At(i) > 90 },
	} {
		labels := make([]bool, len(d.Labels))
		for i := range labels {
			labels[i] = label(i)
		}
		t.Run(name, func(t *testing.T) {
			addsUp(t, fit(t, unfit(1), models.Training{Frame: d.Frame, Labels: labels}), other.Frame)
		})
	}
}

// addsUp explains every row and returns each feature's effects, summed regardless of sign.
func addsUp(t *testing.T, e models.Estimator, f *models.Frame) (total []float64) {
	t.Helper()
	p := predict(t, e, f)
	total = make([]float64, len(f.Features()))
	bases := map[float64]bool{}
	for i := range p {
		effects := slices.Repeat([]float64{math.NaN()}, len(total))
		base, err := e.Explain(f, i, effects)
		if err != nil {
			t.Fatal(err)
		}
		sum := base
		for j, x := range effects {
			sum += x
			total[j] += math.Abs(x)
		}
		if !(math.Abs(sum-models.Logit(p[i])) <= 1e-9) {
			t.Fatalf("row %d: base and effects sum to %v, the score is %v", i, sum, models.Logit(p[i]))
		}
		bases[base] = true
	}
	if len(bases) != 1 {
		t.Errorf("rows have %d different bases", len(bases))
	}
	if _, err := e.Explain(f, 0, make([]float64, len(total)-1)); err == nil {
		t.Error("too little room for effects was accepted")
	}
	return total
}

// allAtOnce checks that a fitted estimator may be used by many: what each sees is
// what it sees alone. It says most under the race detector.
func allAtOnce(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 500, 1)
	e := fit(t, unfit(1), d.Training())
	want := predict(t, e, d.Frame)
	alone := make([]float64, len(d.Frame.Features()))
	base, err := e.Explain(d.Frame, 5, alone)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if p, err := e.PredictProba(d.Frame); err != nil || !slices.Equal(p, want) {
				t.Errorf("predicting beside others gives something else (%v)", err)
			}
			effects := make([]float64, len(alone))
			for i := range 20 {
				if _, err := e.Explain(d.Frame, i, effects); err != nil {
					t.Error(err)
				}
			}
			if b, err := e.Explain(d.Frame, 5, effects); err != nil || b != base || !slices.Equal(effects, alone) {
				t.Errorf("explaining beside others gives something else (%v)", err)
			}
		})
	}
	wg.Wait()
}
