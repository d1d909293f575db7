package modeltest

import (
	"math"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// weights checks that rows count as often as their weight says: the weighted mean
// of the probabilities follows the weighted base rate, and weight 0 is absence.
func weights(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 1000, 1)
	w := slices.Repeat([]float64{1}, 1000)
	sum, positive := 0.0, 0.0
	for i, l := range d.Labels {
		if l {
			w[i] = 5.5
			positive += w[i]
		}
		sum += w[i]
	}
	got := 0.0
	for i, p := range predict(t, fit(t, unfit(1), models.Training{Frame: d.Frame, Labels: d.Labels, Weights: w}), d.Frame) {
		got += w[i] * p / sum
	}
	if want := positive / sum; math.Abs(got-want) > 0.04 {
		t.Errorf("weighted mean probability %.3f, weighted base rate %.3f", got, want)
	}
	for i, l := range d.Labels {
		if w[i] = 1; l {
			w[i] = 0
		}
	}
	for _, p := range predict(t, fit(t, unfit(1), models.Training{Frame: d.Frame, Labels: d.Labels, Weights: w}), d.Frame) {
		if p > 0.05 {
			t.Fatalf("predicted %v although positives weigh nothing", p)
		}
	}
}

// Repetition checks that a row of weight 2 is learned from as if it were there
// twice: no probability differs by more than within. Run asks less, since an
// estimator that draws rows at random draws others; call this for one that
// promises more.
func Repetition(t *testing.T, unfit func(seed uint64) models.Estimator, within float64) {
	t.Helper()
	weighted, twice := repeated(t, unfit)
	for i := range weighted {
		if !(math.Abs(weighted[i]-twice[i]) <= within) {
			t.Fatalf("row %d: weight 2 gives %v, the rows twice %v", i, weighted[i], twice[i])
		}
	}
}

// weightTwo asks for the same level where the rows of weight 2 are.
func weightTwo(t *testing.T, unfit func(uint64) models.Estimator) {
	weighted, twice := repeated(t, unfit)
	if a, b := eval.Mean(weighted), eval.Mean(twice); math.Abs(a-b) > 0.03 {
		t.Errorf("the mean probability is %.3f with weights of 2 and %.3f with the rows twice", a, b)
	}
}

// repeated fits with positives of few days at weight 2 and with those rows twice, and
// predicts new rows of few days. Without weights these would get about 0.08 less.
func repeated(t *testing.T, unfit func(uint64) models.Estimator) (weighted, twice []float64) {
	t.Helper()
	d, test := Easy(t, 2000, 1), Easy(t, 1000, 2)
	few := func(f *models.Frame, i int) bool { return f.Column(0).At(i) < 60 }
	w := slices.Repeat([]float64{1}, len(d.Labels))
	var rows, asked []int32
	var labels []bool
	for i, l := range d.Labels {
		rows, labels = append(rows, int32(i)), append(labels, l)
		if l && few(d.Frame, i) {
			w[i] = 2
			rows, labels = append(rows, int32(i)), append(labels, l)
		}
	}
	for i := range test.Labels {
		if few(test.Frame, i) {
			asked = append(asked, int32(i))
		}
	}
	f := test.Frame.Select(asked)
	weighted = predict(t, fit(t, unfit(1), models.Training{Frame: d.Frame, Labels: d.Labels, Weights: w}), f)
	twice = predict(t, fit(t, unfit(1), models.Training{Frame: d.Frame.Select(rows), Labels: labels}), f)
	return weighted, twice
}
