package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	modeltest.Run(t, func(uint64) models.Estimator { return New(Params{}) })
}

func frame(t testing.TB, names []string, columns ...[]float64) *models.Frame {
	t.Helper()
	f, err := models.NewFrame(names, columns)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func fitted(t testing.TB, p Params, tr models.Training) *Model {
	t.Helper()
	m := New(p)
	if err := m.Fit(context.Background(), tr); err != nil {
		t.Fatal(err)
	}
	return m
}

func proba(t testing.TB, m *Model, f *models.Frame) []float64 {
	t.Helper()
	p, err := m.PredictProba(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// uniform gives n numbers in [0, 1) that depend on seed only.
func uniform(n, seed int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = modeltest.Uniform(i, seed)
	}
	return out
}

func mapped(in []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// TestThreads has many blocks of rows, unlike the contract's.
func TestThreads(t *testing.T) {
	t.Parallel()
	tr := modeltest.Easy(t, 20*blockRows+17, 1).Training()
	tr.Threads = 1
	one, _ := fitted(t, Params{}, tr).MarshalBinary()
	for _, n := range []int{2, 3, 8} {
		tr.Threads = n
		if other, _ := fitted(t, Params{}, tr).MarshalBinary(); !bytes.Equal(one, other) {
			t.Errorf("%d threads give another model than one", n)
		}
	}
}

// TestScaleOfWeights: weights count relative to each other.
func TestScaleOfWeights(t *testing.T) {
	t.Parallel()
	tr := modeltest.Easy(t, 500, 1).Training()
	tr.Weights = mapped(uniform(500, 1), func(v float64) float64 { return v + 0.1 })
	a := fitted(t, Params{}, tr)
	tr.Weights = mapped(tr.Weights, func(v float64) float64 { return 1024 * v })
	b := fitted(t, Params{}, tr)
	for i, p := range proba(t, a, tr.Frame) {
		if q := proba(t, b, tr.Frame)[i]; math.Abs(p-q) > 1e-7 {
			t.Fatalf("row %d: %v, with weights a thousand times larger %v", i, p, q)
		}
	}
}

// TestWeightIsRepetition: without a penalty, which counts weights per row, and
// without clipping, which counts rows, a weight is a number of rows.
func TestWeightIsRepetition(t *testing.T) {
	t.Parallel()
	modeltest.Repetition(t, func(uint64) models.Estimator { return New(Params{C: 1e9, Clip: -1}) }, 1e-6)
}

// TestCopiesShareTheEffect: five copies of a column are no reason to fail.
func TestCopiesShareTheEffect(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 2000, 1)
	days := d.Frame.Column(0).AppendTo(nil, 0, 2000)
	f := frame(t, []string{"a", "b", "c", "d", "e"}, days, days, days, days, days)
	single := fitted(t, Params{C: 1e8}, models.Training{Frame: frame(t, []string{"a"}, days), Labels: d.Labels})
	for _, c := range []float64{0.01, 1, 1e8} {
		effects, sum := fitted(t, Params{C: c}, models.Training{Frame: f, Labels: d.Labels}).Coefficients(), 0.0
		for _, e := range effects {
			sum += e.Effect
		}
		if len(effects) != 5 || sum <= 0 || c < 1e8 && effects[0].Effect-effects[4].Effect > 1e-5 {
			t.Errorf("C %v: %+v", c, effects)
		}
		if want := single.Coefficients()[0].Effect; c == 1e8 && math.Abs(sum-want) > 1e-6 {
			t.Errorf("hardly a penalty: the copies sum to %v, one alone has %v", sum, want)
		}
	}
}

// TestSeparable: a column that knows the outcome, with hardly any penalty.
func TestSeparable(t *testing.T) {
	t.Parallel()
	x := uniform(300, 2)
	labels := make([]bool, 300)
	for i, v := range x {
		labels[i] = v > 0.6
	}
	tr := models.Training{Frame: frame(t, []string{"leak", "noise"}, x, uniform(300, 3)), Labels: labels}
	for _, c := range []float64{1, 1e3, 1e6} {
		m := fitted(t, Params{C: c}, tr)
		p := proba(t, m, tr.Frame)
		for i, l := range labels {
			if l != (p[i] > 0.5) && math.Abs(x[i]-0.6) > 0.03 {
				t.Fatalf("C %v, row %d: %v of %v", c, i, p[i], x[i])
			}
		}
	}
}

// TestExplainClipped has scores far beyond the limits of a probability.
func TestExplainClipped(t *testing.T) {
	t.Parallel()
	m := &Model{features: []string{"a", "b"}, intercept: -16, columns: []column{
		{useValue: true, low: -1e6, high: 1e6, sd: 1, coef: 5}, {useFlag: true, rate: .1, flagSD: .3, flagCoef: 2},
	}}
	f := frame(t, m.features, []float64{-900, 0, 3, 9, 900, math.NaN()}, []float64{1, math.NaN(), 2, 2, 2, 2})
	for i, p := range proba(t, m, f) {
		effects := []float64{9, 9}
		base, err := m.Explain(f, i, effects)
		if err != nil {
			t.Fatal(err)
		}
		if sum := base + effects[0] + effects[1]; math.Abs(sum-models.Logit(p)) > 1e-9 {
			t.Errorf("row %d: base %v and effects %v, the score is %v", i, base, effects, models.Logit(p))
		}
	}
	if _, err := m.Explain(f, 0, nil); err == nil {
		t.Error("no room for effects: no error")
	}
}

// TestNeverMissingBefore: a value that is missing for the first time counts as average.
func TestNeverMissingBefore(t *testing.T) {
	t.Parallel()
	tr := models.Training{Frame: frame(t, []string{"x"}, uniform(200, 4)), Labels: make([]bool, 200)}
	for i := range tr.Labels {
		tr.Labels[i] = modeltest.Uniform(i, 5) < tr.Frame.Column(0).At(i)
	}
	m := fitted(t, Params{C: 1}, tr)
	p := proba(t, m, frame(t, []string{"x"}, []float64{math.NaN(), 0, 1}))
	if math.Abs(models.Logit(p[0])-m.intercept) > 1e-9 || p[1] >= p[0] || p[2] <= p[0] {
		t.Errorf("missing gives %v, intercept %v", p, m.intercept)
	}
}

func TestCancelBetweenSteps(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	tr := modeltest.Easy(t, 3000, 1).Training()
	tr.Progress = func(done, _ int) {
		if done > 11 {
			stop()
		}
	}
	m := New(Params{C: 100})
	if err := m.Fit(ctx, tr); !errors.Is(err, context.Canceled) || m.Features() != nil {
		t.Errorf("cancelled between steps: %v, features %v", err, m.Features())
	}
}

// TestModelFile goes through the saved-model file.
func TestModelFile(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 600, 1)
	m := fitted(t, Params{C: 0.3}, d.Training())
	path := filepath.Join(t.TempDir(), "model")
	if _, err := models.WriteModel(path, models.Header{Task: "test"}, m); err != nil {
		t.Fatal(err)
	}
	h, loaded, err := models.ReadModel(path, func(h models.Header) (models.Estimator, error) {
		var p Params
		return New(p), json.Unmarshal(h.Params, &p)
	})
	if err != nil {
		t.Fatal(err)
	}
	if h.Estimator != Kind || h.Members != 1 || !slices.Equal(proba(t, loaded.(*Model), d.Frame), proba(t, m, d.Frame)) {
		t.Errorf("another model comes back: %+v", h)
	}
}

// TestGolearnClassifier uses the model through golearn's grids.
func TestGolearnClassifier(t *testing.T) {
	t.Parallel()
	train, test := modeltest.Easy(t, 1500, 1), modeltest.Easy(t, 400, 2)
	grid, err := golearnx.ToGrid(train.Frame, train.Labels)
	if err != nil {
		t.Fatal(err)
	}
	testGrid, err := golearnx.ToGrid(test.Frame, test.Labels)
	if err != nil {
		t.Fatal(err)
	}
	c := golearnx.Classifier{Estimator: New(Params{})}
	if err := c.Fit(grid); err != nil {
		t.Fatal(err)
	}
	predicted, err := c.Predict(testGrid)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	_, rows := predicted.Size()
	for i := range rows {
		if predicted.RowString(i) == map[bool]string{true: "1", false: "0"}[test.Labels[i]] {
			right++
		}
	}
	if right < 290 {
		t.Errorf("%d of %d rows right", right, rows)
	}
	path := filepath.Join(t.TempDir(), "linear")
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	again := golearnx.Classifier{Estimator: New(Params{})}
	if err := again.Load(path); err != nil {
		t.Fatal(err)
	}
	a, _ := c.Estimator.MarshalBinary()
	b, _ := again.Estimator.MarshalBinary()
	if !bytes.Equal(a, b) {
		t.Error("golearn's file does not hold the same model")
	}
}

func FuzzUnmarshal(f *testing.F) {
	d := modeltest.Easy(f, 200, 1)
	b, err := fitted(f, Params{}, d.Training()).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(codecMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(Params{})
		if err := m.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, models.ErrCorrupt) {
				t.Errorf("error %v does not wrap ErrCorrupt", err)
			}
			return
		}
		again, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		second := New(Params{})
		if err := second.UnmarshalBinary(again); err != nil {
			t.Errorf("what was read cannot be written and read again: %v", err)
		}
	})
}

func BenchmarkFit(b *testing.B) {
	names := make([]string, 40)
	columns := make([][]float64, 40)
	for j := range columns {
		names[j] = string(rune('A' + j))
		columns[j] = mapped(uniform(100_000, j), func(v float64) float64 { return -math.Log1p(-v) })
	}
	labels := make([]bool, 100_000)
	for i := range labels {
		labels[i] = modeltest.Uniform(i, 99) < sigmoid(columns[0][i]-columns[1][i])
	}
	tr := models.Training{Frame: frame(b, names, columns...), Labels: labels}
	for b.Loop() {
		fitted(b, Params{}, tr)
	}
}
