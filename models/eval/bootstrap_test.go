package eval

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// crowd makes rows of customers, each with the same few rows.
func crowd(seed uint64, customers, each int) (code []int32, labels []bool, p []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for c := range customers {
		x := rng.NormFloat64()
		for range each {
			code = append(code, int32(1000-c))
			q := 1 / (1 + math.Exp(-x-rng.NormFloat64()/2))
			p = append(p, q)
			labels = append(labels, rng.Float64() < q)
		}
	}
	return code, labels, p
}

func intervals(t *testing.T, code []int32, o Resampling, s ...Statistic) []Interval {
	t.Helper()
	out, err := Bootstrap(context.Background(), code, o, s...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBootstrapThreadsAndSeed(t *testing.T) {
	t.Parallel()
	code, labels, p := crowd(1, 120, 3)
	stats := []Statistic{
		AUCOf(labels, p), LogLossOf(labels, p), BrierOf(labels, p), AveragePrecisionOf(labels, p),
		LiftOf(labels, p, 0.1), CalibrationErrorOf(labels, p), HitOf(code, labels, p, 1), AUCWithinOf(code, labels, p),
	}
	one := intervals(t, code, Resampling{Rounds: 200, Seed: 5, Threads: 1}, stats...)
	if !slices.Equal(one, intervals(t, code, Resampling{Rounds: 200, Seed: 5, Threads: 7}, stats...)) {
		t.Error("one and seven workers give different intervals")
	}
	if slices.Equal(one, intervals(t, code, Resampling{Rounds: 200, Seed: 6}, stats...)) {
		t.Error("two seeds give the same intervals")
	}
	w := ByCustomer(code, labels, p, 1)
	for k, want := range []float64{
		AUC(labels, p), LogLoss(labels, p), Brier(labels, p), AveragePrecision(labels, p),
		Lift(labels, p, 0.1), CalibrationError(labels, p), w.Hit, w.AUC,
	} {
		near(t, "value", one[k].Value, want, exact)
		if !(one[k].Low < one[k].High) || k != 5 && (one[k].Value < one[k].Low || one[k].Value > one[k].High) {
			t.Errorf("statistic %d: %+v", k, one[k])
		}
	}
}

// TestBootstrapIsByCustomer repeats every row nine times: that is no news, and the
// interval must stay as wide as it was.
func TestBootstrapIsByCustomer(t *testing.T) {
	t.Parallel()
	code, labels, p := crowd(2, 150, 1)
	o := Resampling{Rounds: 300, Seed: 1}
	once := intervals(t, code, o, AUCOf(labels, p), LogLossOf(labels, p))
	labels, p = slices.Repeat(labels, 9), slices.Repeat(p, 9)
	more := intervals(t, slices.Repeat(code, 9), o, AUCOf(labels, p), LogLossOf(labels, p))
	for k := range once {
		near(t, "low", more[k].Low, once[k].Low, 1e-9)
		near(t, "high", more[k].High, once[k].High, 1e-9)
	}
}

// TestBootstrapOfAMean compares with the formula: mean ± 1.96 standard errors.
func TestBootstrapOfAMean(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 0))
	n := 800
	code, values, square := make([]int32, n), make([]float64, n), 0.0
	for i := range values {
		code[i], values[i] = int32(i), rng.NormFloat64()
		square += values[i] * values[i]
	}
	mean := Mean(values)
	se := math.Sqrt((square/float64(n) - mean*mean) / float64(n))
	got := intervals(t, code, Resampling{Rounds: 4000, Seed: 1}, func(w []float64) float64 { return WeightedMean(values, w) })[0]
	near(t, "low", got.Low, mean-1.96*se, 0.1*se)
	near(t, "high", got.High, mean+1.96*se, 0.1*se)
}

// TestBootstrapCovers draws many samples: about 90 of 100 intervals of level 0.9 must
// hold the truth, though rows of one customer go together.
func TestBootstrapCovers(t *testing.T) {
	t.Parallel()
	_, big, bigP := crowd(99, 20000, 4)
	truth := LogLoss(big, bigP)
	held, samples := 0, 200
	for s := range samples {
		code, labels, p := crowd(uint64(1000+s), 100, 4)
		i := intervals(t, code, Resampling{Rounds: 200, Seed: uint64(s), Level: 0.9}, LogLossOf(labels, p))[0]
		if i.Low <= truth && truth <= i.High {
			held++
		}
	}
	if share := float64(held) / float64(samples); share < 0.82 || share > 0.96 {
		t.Errorf("%.2f of the intervals hold the truth, expected 0.90", share)
	}
}

func TestBootstrapUndefinedAndErrors(t *testing.T) {
	t.Parallel()
	labels, p := []bool{true, false, false}, []float64{.9, .2, .1}
	i := intervals(t, []int32{1, 2, 3}, Resampling{Rounds: 500, Seed: 1}, AUCOf(labels, p))[0]
	if i.Undefined < 50 || i.Value != 1 || i.Low != 1 || i.High != 1 {
		t.Errorf("a lone positive gives %+v", i)
	}
	one := intervals(t, []int32{7, 7}, Resampling{Rounds: 20}, LogLossOf([]bool{true, false}, []float64{.5, .5}))[0]
	near(t, "one customer", one.High-one.Low, 0, exact)
	weighted := intervals(t, []int32{1, 2, 3}, Resampling{Rounds: 20, Weights: []float64{0, 1, 1}}, BrierOf(labels, p))[0]
	near(t, "a row of weight 0", weighted.Value, (.04+.01)/2, exact)
	if _, err := Bootstrap(context.Background(), nil, Resampling{}); err == nil {
		t.Error("no rows: no error")
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Bootstrap(ctx, []int32{1}, Resampling{}, BrierOf(labels[:1], p[:1])); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCompareOfEqualAndOfClearlyBetter(t *testing.T) {
	t.Parallel()
	code, labels, p := crowd(4, 200, 2)
	same, err := Compare(context.Background(), code, labels, p, p, Resampling{Rounds: 100})
	if err != nil {
		t.Fatal(err)
	}
	if d := same.AUC; d.Difference != 0 || d.Low != 0 || d.High != 0 || d.Share != 1 || d.BBetter != 0.5 {
		t.Errorf("a scorer against itself: %+v", d)
	}
	blind := slices.Repeat([]float64{Mean(p)}, len(p))
	better, err := Compare(context.Background(), code, labels, blind, p, Resampling{Rounds: 300})
	if err != nil {
		t.Fatal(err)
	}
	if l, a := better.LogLoss, better.AUC; l.High >= 0 || a.Low <= 0 || l.BBetter != 1 || a.BBetter != 1 || l.Share > 0.01 {
		t.Errorf("a real model against a constant: %+v", better)
	}
}

func BenchmarkBootstrap(b *testing.B) {
	code, labels, p := crowd(1, 3000, 20)
	for b.Loop() {
		if _, err := Bootstrap(context.Background(), code, Resampling{Rounds: 200}, AUCOf(labels, p), LogLossOf(labels, p)); err != nil {
			b.Fatal(err)
		}
	}
}
