package modeltest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// Run checks every clause of the contract. unfit returns an unfitted estimator.
func Run(t *testing.T, unfit func(seed uint64) models.Estimator) {
	for name, check := range map[string]func(*testing.T, func(uint64) models.Estimator){
		"unfitted":         unfitted,
		"bad input":        badInput,
		"better than none": better,
		"refit forgets":    refit,
		"one class":        oneClass,
		"constant input":   constant,
		"missing values":   missing,
		"weights":          weights,
		"weight 2":         weightTwo,
		"save and load":    saveAndLoad,
		"damaged bytes":    damaged,
		"threads":          threads,
		"seed":             seeds,
		"other columns":    otherColumns,
		"explanations":     explanations,
		"all at once":      allAtOnce,
		"cancel":           cancel,
		"progress":         progress,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, unfit)
		})
	}
}

func fit(t *testing.T, e models.Estimator, tr models.Training) models.Estimator {
	t.Helper()
	if err := e.Fit(context.Background(), tr); err != nil {
		t.Fatal(err)
	}
	return e
}

func predict(t *testing.T, e models.Estimator, f *models.Frame) []float64 {
	t.Helper()
	p, err := e.PredictProba(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p {
		if !(v >= models.MinProba && v <= 1-models.MinProba) {
			t.Fatalf("probability %d is %v", i, v)
		}
	}
	return p
}

func saved(t *testing.T, e models.Estimator) []byte {
	t.Helper()
	b, err := e.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unfitted(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 10, 1)
	e := unfit(1)
	_, err := e.PredictProba(d.Frame)
	_, err2 := e.Explain(d.Frame, 0, []float64{0, 0, 0, 0, 0, 0})
	_, err3 := e.MarshalBinary()
	for what, err := range map[string]error{"PredictProba": err, "Explain": err2, "MarshalBinary": err3} {
		if !errors.Is(err, models.ErrNotFitted) {
			t.Errorf("%s before a fit returned %v, want ErrNotFitted", what, err)
		}
	}
	if e.Features() != nil || e.Members() != 0 || e.Kind() == "" {
		t.Errorf("unfitted: features %v, members %d, kind %q", e.Features(), e.Members(), e.Kind())
	}
}

func badInput(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 50, 1)
	none, _ := models.NewFrame([]string{"days"}, [][]float64{{}})
	ones := func(n int, first float64) []float64 {
		w := slices.Repeat([]float64{1}, n)
		w[0] = first
		return w
	}
	for name, tr := range map[string]models.Training{
		"no rows":          {Frame: none},
		"few labels":       {Frame: d.Frame, Labels: d.Labels[1:]},
		"few weights":      {Frame: d.Frame, Labels: d.Labels, Weights: ones(3, 1)},
		"negative weight":  {Frame: d.Frame, Labels: d.Labels, Weights: ones(50, -1)},
		"NaN weight":       {Frame: d.Frame, Labels: d.Labels, Weights: ones(50, math.NaN())},
		"all weights zero": {Frame: d.Frame, Labels: d.Labels, Weights: slices.Repeat([]float64{0}, 50)},
	} {
		e := fit(t, unfit(1), d.Training())
		if err := e.Fit(context.Background(), tr); err == nil {
			t.Errorf("%s: Fit accepted it", name)
		}
		if _, err := e.PredictProba(d.Frame); !errors.Is(err, models.ErrNotFitted) {
			t.Errorf("%s: after a failed Fit PredictProba returned %v, want ErrNotFitted", name, err)
		}
	}
}

func better(t *testing.T, unfit func(uint64) models.Estimator) {
	train, test := Easy(t, 4000, 1), Easy(t, 2000, 2)
	p := predict(t, fit(t, unfit(1), train.Training()), test.Frame)
	if auc := eval.AUC(test.Labels, p); auc < 0.82 {
		t.Errorf("AUC on new rows is %.3f, an ideal model has 0.86", auc)
	}
	rate := float64(eval.Positives(test.Labels)) / float64(len(test.Labels))
	if got, none := eval.Brier(test.Labels, p), rate*(1-rate); got > 0.8*none {
		t.Errorf("Brier score %.3f, %.3f without any model", got, none)
	}
	right := 0
	for i, l := range test.Labels {
		if l == (p[i] > 0.5) {
			right++
		}
	}
	if share := float64(right) / float64(len(p)); share < max(rate, 1-rate)+0.15 {
		t.Errorf("%.3f of the rows are right, %.3f by always saying the commoner", share, max(rate, 1-rate))
	}
	if mean := eval.Mean(p); math.Abs(mean-rate) > 0.04 {
		t.Errorf("mean probability %.3f, base rate %.3f", mean, rate)
	}
}

func refit(t *testing.T, unfit func(uint64) models.Estimator) {
	a, b := Easy(t, 400, 1), Easy(t, 300, 2)
	e := fit(t, unfit(1), a.Training())
	fit(t, e, b.Training())
	if !bytes.Equal(saved(t, e), saved(t, fit(t, unfit(1), b.Training()))) {
		t.Error("a second fit gives another model than a first fit on the same rows")
	}
}

func oneClass(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 200, 1)
	for _, label := range []bool{false, true} {
		tr := models.Training{Frame: d.Frame, Labels: slices.Repeat([]bool{label}, 200)}
		for _, p := range predict(t, fit(t, unfit(1), tr), d.Frame) {
			if (p > 0.5) != label || p > 0.05 && p < 0.95 {
				t.Fatalf("only %v was seen, predicted %v", label, p)
			}
		}
	}
}

func constant(t *testing.T, unfit func(uint64) models.Estimator) {
	f, err := models.NewFrame([]string{"a", "b"}, [][]float64{slices.Repeat([]float64{3}, 200), slices.Repeat([]float64{math.NaN()}, 200)})
	if err != nil {
		t.Fatal(err)
	}
	labels := slices.Repeat([]bool{true, false, false, false}, 50)
	for _, p := range predict(t, fit(t, unfit(1), models.Training{Frame: f, Labels: labels}), f) {
		if math.Abs(p-0.25) > 0.06 {
			t.Fatalf("predicted %v from constants, base rate 0.25", p)
		}
	}
}

func missing(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 2000, 1)
	e := fit(t, unfit(1), d.Training())
	nothing := slices.Repeat([][]float64{{math.NaN()}}, len(d.Frame.Features()))
	f, err := models.NewFrame(d.Frame.Features(), nothing)
	if err != nil {
		t.Fatal(err)
	}
	predict(t, e, f)
	gap := d.Frame.Column(d.Frame.Find("gap"))
	var with, without []float64
	for i, p := range predict(t, e, d.Frame) {
		if v := gap.At(i); v == v {
			with = append(with, p)
		} else {
			without = append(without, p)
		}
	}
	if eval.Mean(without) < eval.Mean(with)+0.1 {
		t.Errorf("missing gap means likelier: predicted %.3f with it missing, %.3f else", eval.Mean(without), eval.Mean(with))
	}
}

func otherColumns(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 200, 1)
	e := fit(t, unfit(1), d.Training())
	names := d.Frame.Features()
	fewer, err := d.Frame.Project(names[1:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.PredictProba(fewer); !errors.Is(err, models.ErrMissingFeature) {
		t.Errorf("a missing column gives %v, want ErrMissingFeature", err)
	}
	turned, _ := d.Frame.Project(append(slices.Clone(names[1:]), names[0]))
	if _, err := e.PredictProba(turned); err == nil {
		t.Error("columns in another order were accepted")
	}
}

func cancel(t *testing.T, unfit func(uint64) models.Estimator) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	e := unfit(1)
	if err := e.Fit(ctx, Easy(t, 500, 1).Training()); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit returned %v", err)
	}
	if e.Features() != nil {
		t.Error("a cancelled fit left a model")
	}
}

func progress(t *testing.T, unfit func(uint64) models.Estimator) {
	tr := Easy(t, 300, 1).Training()
	last, total := 0, 0
	tr.Progress = func(done, of int) {
		if done <= last || done > of {
			t.Errorf("progress went from %d to %d of %d", last, done, of)
		}
		last, total = done, of
	}
	fit(t, unfit(1), tr)
	if last != total || total == 0 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
}
