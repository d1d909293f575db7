package calibrate

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

func chosen(t *testing.T, r rows) Choice {
	t.Helper()
	c, err := Choose(r.p, r.labels, nil, r.customers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		n       int
		distort func(float64) float64
		want    []string
	}{
		{"a straight distortion", 4000, tooSure, []string{NamePlatt}},
		{"a crooked one", 20000, func(x float64) float64 { return x*math.Abs(x) + 2 }, []string{NameIsotonic}},
		{"none", 4000, same, []string{NameIdentity, NamePlatt}},
		{"backwards", 4000, backward, []string{NamePlatt}},
	} {
		got := chosen(t, sample(11, c.n, c.distort))
		if !slices.Contains(c.want, got.Calibrator.Name()) || len(got.Candidates) != 3 {
			t.Errorf("%s: chose %s: %s", c.name, got.Calibrator.Name(), got.Reason)
		}
		test := sample(12, 8000, c.distort)
		if e := eval.CalibrationError(test.labels, All(got.Calibrator, test.p)); e > 0.02 {
			t.Errorf("%s: calibration error %.4f afterwards", c.name, e)
		}
		t.Log(c.name+":", got.Reason)
	}
}

func TestChooseNeedsBothOutcomes(t *testing.T) {
	t.Parallel()
	r := sample(1, 200, tooSure)
	seen := 0
	for i := range r.labels {
		if r.labels[i] {
			seen++
			r.labels[i] = seen < LeastOutcomes
		}
	}
	c := chosen(t, r)
	if c.Calibrator.Name() != NameIdentity || !strings.Contains(c.Reason, "only 19") {
		t.Errorf("%s: %s", c.Calibrator.Name(), c.Reason)
	}
}

// TestChooseDoesNotDependOnOrder turns the rows around.
func TestChooseDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	r := sample(2, 1500, crooked)
	a := chosen(t, r)
	slices.Reverse(r.p)
	slices.Reverse(r.labels)
	slices.Reverse(r.customers)
	b := chosen(t, r)
	for i := range 100 {
		p := float64(i) / 100
		if x, y := a.Calibrator.Apply(p), b.Calibrator.Apply(p); math.Abs(x-y) > 1e-9 {
			t.Fatalf("%v becomes %v, turned around %v", p, x, y)
		}
	}
	for k, c := range a.Candidates {
		if math.Abs(c.LogLoss-b.Candidates[k].LogLoss) > 1e-9 {
			t.Errorf("%s has a log loss of %v, turned around %v", c.Name, c.LogLoss, b.Candidates[k].LogLoss)
		}
	}
	if a.Calibrator.Name() != b.Calibrator.Name() {
		t.Errorf("%s, turned around %s", a.Calibrator.Name(), b.Calibrator.Name())
	}
	first, _ := json.Marshal(a)
	again, _ := json.Marshal(chosen(t, sample(2, 1500, crooked)))
	if string(first) != string(again) {
		t.Error("the same rows give another choice")
	}
}

func TestFoldsKeepCustomersTogether(t *testing.T) {
	t.Parallel()
	r := sample(3, 4000, same)
	f := folds(len(r.customers), r.customers)
	count := make([]int, Folds)
	for i, k := range f {
		count[k]++
		if i > 0 && r.customers[i] == r.customers[i-1] && f[i-1] != k {
			t.Fatalf("customer %s is in folds %d and %d", r.customers[i], f[i-1], k)
		}
	}
	if slices.Min(count) < 650 {
		t.Errorf("folds of %v rows", count)
	}
}

// TestDrift thins one outcome, so that only the base rate changes.
func TestDrift(t *testing.T) {
	t.Parallel()
	r := sample(13, 40000, same)
	var p []float64
	var labels []bool
	for i := range r.p {
		if !r.labels[i] || i%3 == 0 {
			p, labels = append(p, r.p[i]), append(labels, r.labels[i])
		}
	}
	rate := float64(eval.Positives(labels)) / float64(len(labels))
	shift, err := MatchRate(p, nil, rate)
	if err != nil {
		t.Fatal(err)
	}
	if e := eval.CalibrationError(labels, All(shift, p)); e > 0.012 {
		t.Errorf("calibration error %.4f, before %.4f", e, eval.CalibrationError(labels, p))
	}
	if mean := eval.Mean(All(shift, p)); math.Abs(mean-rate) > 1e-9 {
		t.Errorf("matched to %v, want %v", mean, rate)
	}
	for _, bad := range []float64{0, 1, math.NaN()} {
		if _, err := MatchRate(p, nil, bad); err == nil {
			t.Errorf("MatchRate accepted %v", bad)
		}
	}
	extreme := slices.Repeat([]float64{models.MinProba, 1 - models.MinProba}, 10)
	for _, want := range []float64{.01, .5, .77} {
		s, err := MatchRate(extreme, nil, want)
		if err != nil || math.Abs(eval.Mean(All(s, extreme))-want) > 1e-4 {
			t.Errorf("extreme scores matched to %v: %v (%v)", want, eval.Mean(All(s, extreme)), err)
		}
	}
}
