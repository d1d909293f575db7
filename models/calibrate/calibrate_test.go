package calibrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
)

// rows are probabilities with outcomes, the true probability known.
type rows struct {
	truth, p  []float64
	labels    []bool
	weights   []float64
	customers []string
}

// sample draws rows whose true log-odds are normal and whose given probability is a
// distortion of the true one.
func sample(seed uint64, n int, distort func(logit float64) float64) rows {
	rng := rand.New(rand.NewPCG(seed, 1))
	var r rows
	for i := range n {
		x := -0.5 + 1.3*rng.NormFloat64()
		q := sigmoid(x)
		r.truth, r.p = append(r.truth, q), append(r.p, sigmoid(distort(x)))
		r.labels = append(r.labels, rng.Float64() < q)
		r.weights = append(r.weights, rng.ExpFloat64())
		r.customers = append(r.customers, fmt.Sprint("c", i/2))
	}
	return r
}

func same(x float64) float64     { return x }
func tooSure(x float64) float64  { return 2.2*x + 0.7 }
func crooked(x float64) float64  { return math.Tanh(x)*3 + 1 }
func backward(x float64) float64 { return -x }

// fitAll fits each kind.
func fitAll(t *testing.T, r rows, weights []float64) []Calibrator {
	t.Helper()
	platt, err := FitPlatt(r.p, r.labels, weights)
	if err != nil {
		t.Fatal(err)
	}
	isotonic, err := FitIsotonic(r.p, r.labels, weights)
	if err != nil {
		t.Fatal(err)
	}
	return []Calibrator{Identity{}, platt, isotonic, Shift{-0.4}, Chain{isotonic, Shift{0.3}}}
}

// TestRisingInsideLimits looks at many fits on small and odd samples.
func TestRisingInsideLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := sample(seed, 1+int(seed*seed)%97, []func(float64) float64{same, tooSure, crooked, backward}[seed%4])
		if seed%3 == 0 { // many ties
			for i := range r.p {
				r.p[i] = math.Round(r.p[i]*5) / 5
			}
		}
		if seed%10 == 5 { // one outcome only
			for i := range r.labels {
				r.labels[i] = seed%20 == 5
			}
		}
		weights := r.weights
		if seed%2 == 0 {
			weights = nil
		}
		for _, c := range fitAll(t, r, weights) {
			last := 0.0
			for k := range 2001 {
				p := c.Apply(float64(k) / 2000)
				if !(p >= models.MinProba && p <= 1-models.MinProba && p >= last) {
					t.Fatalf("seed %d, %s at %v: %v after %v", seed, c.Name(), float64(k)/2000, p, last)
				}
				last = p
			}
		}
	}
}

// bestRising tries every way to cut the rows into blocks and returns the least squared
// error of rising block means: PAVA by brute force.
func bestRising(y, w []float64) float64 {
	best := math.Inf(1)
	for cuts := range 1 << (len(y) - 1) {
		sum, last, from := 0.0, math.Inf(-1), 0
		for to := 1; to <= len(y) && !math.IsInf(sum, 1); to++ {
			if to < len(y) && cuts>>(to-1)&1 == 0 {
				continue
			}
			mean := eval.WeightedMean(y[from:to], w[from:to])
			if mean < last {
				sum = math.Inf(1)
			}
			for i := from; i < to; i++ {
				sum += w[i] * (y[i] - mean) * (y[i] - mean)
			}
			last, from = mean, to
		}
		best = math.Min(best, sum)
	}
	return best
}

func TestPoolIsOptimal(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		n := 1 + rng.IntN(9)
		y, w, in := make([]float64, n), make([]float64, n), make([]block, n)
		for i := range in {
			y[i], w[i] = math.Round(rng.Float64()*4)/4, 0.1+rng.Float64()*3
			in[i] = block{low: float64(i), high: float64(i), weight: w[i], positive: w[i] * y[i]}
		}
		got, last := 0.0, math.Inf(-1)
		for _, b := range pool(in) {
			if b.rate() <= last {
				t.Fatalf("rates do not rise: %v after %v", b.rate(), last)
			}
			last = b.rate()
			for i := int(b.low); i <= int(b.high); i++ {
				got += w[i] * (y[i] - b.rate()) * (y[i] - b.rate())
			}
		}
		if want := bestRising(y, w); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%v with weights %v: squared error %v, the best is %v", y, w, got, want)
		}
	}
}

func TestIsotonicByHand(t *testing.T) {
	t.Parallel()
	p := []float64{.1, .1, .2, .3, .3, .4, .8, .9}
	labels := []bool{false, false, true, false, true, false, true, true}
	c, err := FitIsotonic(p, labels, nil)
	if err != nil {
		t.Fatal(err)
	}
	// .1 .1 | .2 .3 .3 .4 pooled at 1/2 | .8 .9; pure ends (n+1)/(n+2), two rows each
	want := Isotonic{X: []float64{.1, .3, .85, .9}, Y: []float64{.25, .5, .75, .75}}
	for i := range want.X {
		if len(c.X) != len(want.X) || math.Abs(c.X[i]-want.X[i]) > 1e-12 || math.Abs(c.Y[i]-want.Y[i]) > 1e-12 {
			t.Fatalf("got %+v, want %+v", c, want)
		}
	}
	for _, v := range [][2]float64{{0, .25}, {.1, .25}, {.2, .375}, {.3, .5}, {.575, .625}, {.85, .75}, {1, .75}} {
		if got := c.Apply(v[0]); math.Abs(got-v[1]) > 1e-12 {
			t.Errorf("at %v: %v, want %v", v[0], got, v[1])
		}
	}
	// Two blocks of rates 1/4 and 3/4, means .2 and .6: the line goes on to .1 and .7.
	p = []float64{.1, .2, .2, .3, .5, .6, .6, .7}
	c, _ = FitIsotonic(p, []bool{true, false, false, false, true, true, true, false}, nil)
	for _, v := range [][2]float64{{0, 1. / 6}, {.1, 1. / 6}, {.2, .25}, {.4, .5}, {.6, .75}, {.65, .75 + .5/12}, {.7, 5. / 6}, {1, 5. / 6}} {
		if got := c.Apply(v[0]); math.Abs(got-v[1]) > 1e-12 {
			t.Errorf("%+v at %v: %v, want %v", c, v[0], got, v[1])
		}
	}
	// Lone pure rows at the ends must not pass their neighbours.
	labels = append([]bool{false}, append(slices.Repeat([]bool{false, false, false, true}, 5), true)...)
	p = append([]float64{.01}, append(slices.Repeat([]float64{.5}, 20), .99)...)
	if c, _ = FitIsotonic(p, labels, nil); c.Y[0] != .25 || c.Y[1] != .25 || c.Y[2] != 2./3 {
		t.Errorf("lone rows at the ends: %+v", c)
	}
}

// TestWeightsAreRepeatedRows compares weights 1, 2, 3 with rows written out. Weights
// count relative to their mean, so the repeated rows get one too.
func TestWeightsAreRepeatedRows(t *testing.T) {
	t.Parallel()
	r := sample(3, 300, tooSure)
	var p []float64
	var labels []bool
	w := make([]float64, len(r.p))
	for i := range w {
		w[i] = float64(i % 4)
		for range i % 4 {
			p, labels = append(p, r.p[i]), append(labels, r.labels[i])
		}
	}
	a, _ := FitIsotonic(r.p, r.labels, w)
	b, _ := FitIsotonic(p, labels, nil)
	for i := 2; i < len(b.X)-2; i++ { // the ends depend on how many rows there are
		if math.Abs(a.X[i]-b.X[i]) > 1e-12 || math.Abs(a.Y[i]-b.Y[i]) > 1e-12 {
			t.Fatalf("knot %d: %v %v, want %v %v", i, a.X[i], a.Y[i], b.X[i], b.Y[i])
		}
	}
	c, _ := FitPlatt(r.p, r.labels, w)
	d, _ := FitPlatt(p, labels, nil)
	if math.Abs(c.A-d.A) > 0.02 || math.Abs(c.B-d.B) > 0.02 {
		t.Errorf("Platt %+v, of repeated rows %+v", c, d)
	}
}

func TestCalibratedStaysAsItIs(t *testing.T) {
	t.Parallel()
	r := sample(4, 20000, same)
	for _, c := range fitAll(t, r, nil)[1:3] {
		sum, most := 0.0, 0.0
		for _, p := range r.p {
			d := math.Abs(c.Apply(p) - p)
			sum, most = sum+d, math.Max(most, d)
		}
		if mean := sum / float64(len(r.p)); mean > 0.012 || most > 0.1 {
			t.Errorf("%s moves calibrated probabilities by %.4f on average, by %.4f at most", c.Name(), mean, most)
		}
	}
	p, _ := FitPlatt(r.p, r.labels, nil)
	if math.Abs(p.A-1) > 0.05 || math.Abs(p.B) > 0.05 {
		t.Errorf("Platt of calibrated probabilities: %+v", p)
	}
}

// TestDistortedImproves checks calibration error and log loss on other rows.
func TestDistortedImproves(t *testing.T) {
	t.Parallel()
	for name, distort := range map[string]func(float64) float64{"too sure": tooSure, "crooked": crooked} {
		train, test := sample(5, 6000, distort), sample(6, 20000, distort)
		before := eval.CalibrationError(test.labels, test.p)
		for _, c := range fitAll(t, train, nil)[1:3] {
			p, ideal := All(c, test.p), eval.LogLoss(test.labels, test.truth)
			limit := 0.02
			if c.Name() == NamePlatt && name == "crooked" { // no straight line straightens it
				limit, ideal = 0.6*before, 1
			}
			if after := eval.CalibrationError(test.labels, p); after > limit {
				t.Errorf("%s, %s: calibration error %.4f, was %.4f", name, c.Name(), after, before)
			}
			if loss := eval.LogLoss(test.labels, p); loss > ideal+0.006 {
				t.Errorf("%s, %s: log loss %.4f, with the true probabilities %.4f", name, c.Name(), loss, ideal)
			}
		}
	}
	r := sample(5, 5000, tooSure)
	p, _ := FitPlatt(r.p, r.labels, nil)
	if math.Abs(p.A-1/2.2) > 0.03 || math.Abs(p.B+0.7/2.2) > 0.06 {
		t.Errorf("Platt found %+v, the inverse of the distortion is A 0.4545, B -0.3182", p)
	}
}

func TestPlattIsAtTheOptimum(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := sample(seed, 30+int(seed)*11, tooSure)
		w, _ := checkRows(r.p, r.labels, r.weights)
		f := newPlattFit(r.p, r.labels, w)
		c, err := FitPlatt(r.p, r.labels, r.weights)
		if err != nil {
			t.Fatal(err)
		}
		if ga, gb, _, _, _ := f.slopes(c); math.Abs(ga)+math.Abs(gb) > 1e-7*float64(len(w)) {
			t.Errorf("seed %d: slopes %g and %g at %+v", seed, ga, gb, c)
		}
	}
	r := sample(1, 400, backward)
	c, _ := FitPlatt(r.p, r.labels, nil)
	rate := float64(eval.Positives(r.labels)) / 400
	if c.A != 0 || math.Abs(c.Apply(.9)-rate) > 0.01 {
		t.Errorf("a score that ranks backwards: %+v", c)
	}
	flat, err := FitPlatt(slices.Repeat([]float64{.3}, 100), slices.Repeat([]bool{true, false, false, false}, 25), nil)
	if err != nil || math.Abs(flat.Apply(.3)-.25) > 0.01 {
		t.Errorf("equal scores: %+v gives %v (%v)", flat, flat.Apply(.3), err)
	}
}

func TestSavedIsExact(t *testing.T) {
	t.Parallel()
	r := sample(7, 500, crooked)
	for _, c := range fitAll(t, r, nil) {
		raw, err := json.Marshal(Saved{c})
		if err != nil {
			t.Fatal(err)
		}
		var back Saved
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		again, _ := json.Marshal(back)
		if string(raw) != string(again) || !slices.Equal(All(c, r.p), All(back, r.p)) {
			t.Errorf("%s: another calibrator comes back", c.Name())
		}
	}
	for _, bad := range []string{
		`{"name":"magic"}`, `[]`, `{"name":"platt","a":-1}`, `{"name":"isotonic"}`, `{"name":"isotonic","x":[0.1,0.2],"y":[0.5]}`,
		`{"name":"isotonic","x":[0.2,0.1],"y":[0.1,0.5]}`, `{"name":"isotonic","x":[0.1,0.2],"y":[0.5,0.4]}`,
		`{"name":"isotonic","x":[0.1],"y":[1]}`, `{"name":"chain","parts":[{"name":"x"}]}`,
	} {
		var s Saved
		if err := json.Unmarshal([]byte(bad), &s); err == nil || bad != `[]` && !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("%s was accepted or has another error: %v", bad, err)
		}
	}
}

func TestBadRows(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]rows{
		"none":      {},
		"labels":    {p: []float64{.5}},
		"NaN":       {p: []float64{math.NaN()}, labels: []bool{true}},
		"above one": {p: []float64{1.5}, labels: []bool{true}},
		"weight":    {p: []float64{.5}, labels: []bool{true}, weights: []float64{-1}},
		"no weight": {p: []float64{.5}, labels: []bool{true}, weights: []float64{0}},
		"customers": {p: []float64{.5}, labels: []bool{true}, customers: []string{"a", "b"}},
	} {
		if _, err := Choose(bad.p, bad.labels, bad.weights, bad.customers); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestExplainAddsUp(t *testing.T) {
	t.Parallel()
	r := sample(8, 800, crooked)
	rng := rand.New(rand.NewPCG(8, 8))
	for _, c := range fitAll(t, r, nil) {
		for _, p := range r.p {
			effects := []float64{rng.NormFloat64(), rng.NormFloat64(), 0, rng.NormFloat64()}
			base := models.Logit(p) - effects[0] - effects[1] - effects[3]
			first := effects[0]
			sum := Explain(c, p, base, effects)
			if pl, ok := c.(Platt); ok && math.Abs(effects[0]-pl.A*first) > 1e-6 {
				t.Fatalf("Platt scales %v to %v, its slope is %v", first, effects[0], pl.A)
			}
			for _, e := range effects {
				sum += e
			}
			if want := models.Logit(c.Apply(p)); math.Abs(sum-want) > 1e-9 || effects[2] != 0 {
				t.Fatalf("%s: base and effects sum to %v, the score is %v", c.Name(), sum, want)
			}
		}
	}
	// Effects that cancel stay reasons.
	effects := []float64{2, -2}
	if base := Explain(Platt{A: 0.5, B: 0.1}, .5, 0, effects); math.Abs(base-0.1) > 1e-9 || math.Abs(effects[0]-1) > 1e-3 || math.Abs(effects[0]+effects[1]) > 1e-9 {
		t.Errorf("effects that cancel: %v on a base of %v", effects, base)
	}
	if base := Explain(Shift{1}, .5, 0, nil); math.Abs(base-1) > 1e-12 {
		t.Errorf("no effects: base %v", base)
	}
}
