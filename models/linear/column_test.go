package linear

import (
	"math"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// learned is the column that 1000 unweighted values give.
func learned(t *testing.T, values []float64) column {
	t.Helper()
	f := frame(t, []string{"x"}, values)
	rows := make([]int32, len(values))
	for i := range rows {
		rows[i] = int32(i)
	}
	return learnColumn(f.Column(0), rows, slices.Repeat([]float64{1}, len(values)), 0.01, nil)
}

func TestColumns(t *testing.T) {
	t.Parallel()
	u := uniform(1000, 1)
	tail := mapped(u, func(v float64) float64 { return math.Expm1(9 * v * v) })
	flag := make([]float64, 1000)
	flag[3], flag[500] = 1, 1
	half := slices.Clone(u)
	for i := range half {
		if i%2 == 0 {
			half[i] = math.NaN()
		}
	}
	flagOrMissing := mapped(half, func(v float64) float64 { return v * 0 })
	for _, c := range []struct {
		name             string
		values           []float64
		value, flag, log bool
	}{
		{"even", u, true, false, false},
		{"a heavy tail", tail, true, false, true},
		{"a heavy tail below zero", mapped(tail, func(v float64) float64 { return -v }), true, false, false},
		{"a tail that may be negative", mapped(tail, func(v float64) float64 { return v - 100 }), true, false, false},
		{"a rare flag", flag, true, false, false},
		{"half missing", half, true, true, false},
		{"constant or missing", flagOrMissing, false, true, false},
		{"constant", slices.Repeat([]float64{0.1}, 1000), false, false, false},
		{"all missing", slices.Repeat([]float64{math.NaN()}, 1000), false, false, false},
		{"huge", mapped(u, func(v float64) float64 { return v * math.MaxFloat64 }), false, false, false},
	} {
		got := learned(t, c.values)
		if got.useValue != c.value || got.useFlag != c.flag || got.log != c.log {
			t.Errorf("%s: %+v", c.name, got)
		}
		checkStandard(t, c.name, got, c.values)
	}
}

// checkStandard checks that both inputs have mean 0 and standard deviation 1.
func checkStandard(t *testing.T, name string, c column, values []float64) {
	t.Helper()
	n := float64(len(values))
	var sums [2]float64
	var squares [2]float64
	there := 0.0
	for _, v := range values {
		for k, x := range []float64{c.value(v), c.flag(v)} {
			sums[k] += x / n
			squares[k] += x * x / n
		}
		if v == v {
			there++
		}
	}
	if math.Abs(sums[0]) > 1e-6 || math.Abs(sums[1]) > 1e-6 {
		t.Errorf("%s: means %v", name, sums)
	}
	if c.useValue && math.Abs(squares[0]-there/n) > 1e-6 || c.useFlag && math.Abs(squares[1]-1) > 1e-6 {
		t.Errorf("%s: squares %v", name, squares)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	values := uniform(1000, 2)
	values[7], values[8] = 1e9, -1e9
	c := learned(t, values)
	if c.low < 0 || c.high > 1 || c.high < 0.98 || c.value(1e12) != c.value(c.high) {
		t.Errorf("limits %v to %v", c.low, c.high)
	}
	mostly := make([]float64, 1000) // zero but for a few: the quantiles leave nothing
	for i := range 5 {
		copy(mostly[i*200:], uniform(5, i))
	}
	if c := learned(t, mostly); !c.useValue || c.high < 0.5 {
		t.Errorf("a column that is mostly zero: %+v", c)
	}
}

// TestGradient compares with differences of the loss.
func TestGradient(t *testing.T) {
	t.Parallel()
	tr := modeltest.Easy(t, 1500, 1).Training()
	tr.Weights = uniform(1500, 3)
	rows, weights, labels := present(tr)
	columns := make([]column, len(tr.Frame.Features()))
	for j := range columns {
		columns[j] = learnColumn(tr.Frame.Column(j), rows, weights, 0.01, nil)
	}
	d := newDesign(tr.Frame, rows, columns, 2)
	d.labels, d.weights, d.penalty = labels, weights, 0.01
	theta := mapped(uniform(len(d.inputs)+1, 4), func(v float64) float64 { return 2*v - 1 })
	gradient, scratch := make([]float64, len(theta)), make([]float64, len(theta))
	d.loss(theta, gradient)
	for k := range theta {
		const h = 1e-5
		up, down := slices.Clone(theta), slices.Clone(theta)
		up[k], down[k] = up[k]+h, down[k]-h
		if want := (d.loss(up, scratch) - d.loss(down, scratch)) / (2 * h); math.Abs(want-gradient[k]) > 1e-8 {
			t.Errorf("slope %d is %v, differences give %v", k, gradient[k], want)
		}
	}
}

// TestPrecondition checks U'U = H and that both solvers undo U.
func TestPrecondition(t *testing.T) {
	t.Parallel()
	h := upper{3, []float64{4, 2, 1, 0, 5, 3, 0, 0, 6}}
	want := slices.Clone(h.u)
	h.factor()
	for a := range 3 {
		for b := a; b < 3; b++ {
			sum := 0.0
			for k := range a + 1 {
				sum += h.u[k*3+a] * h.u[k*3+b]
			}
			if math.Abs(sum-want[a*3+b]) > 1e-12 {
				t.Errorf("U'U at %d, %d is %v, want %v", a, b, sum, want[a*3+b])
			}
		}
	}
	theta := []float64{1, -2, 3}
	back := make([]float64, 3)
	h.back(h.times(theta), back)
	g := make([]float64, 3) // U' theta, undone by forward
	for a := range 3 {
		for k := range a + 1 {
			g[a] += h.u[k*3+a] * theta[k]
		}
	}
	h.forward(g)
	for k, v := range theta {
		if math.Abs(back[k]-v) > 1e-12 || math.Abs(g[k]-v) > 1e-12 {
			t.Errorf("%v comes back as %v and %v", theta, back, g)
		}
	}
}
