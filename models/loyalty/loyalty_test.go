package loyalty

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// made is a company whose customers follow a G.
func made(seed uint64, n int, intercept float64, coefficients [terms]float64) []Customer {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]Customer, n)
	for i := range out {
		orders := math.Floor(rng.ExpFloat64() * 5)
		products := math.Floor(orders * (1 + 2*rng.Float64()))
		units := math.Floor(products * (1 + 4*rng.Float64()))
		c := Customer{Yearly: [terms]float64{orders, products, units, units * 20 * rng.Float64()}, Group: i}
		z := intercept
		for j, x := range c.Yearly {
			z += coefficients[j] * math.Log1p(x)
		}
		c.Again = rng.Float64() < sigmoid(z)
		out[i] = c
	}
	return out
}

func mustFit(t *testing.T, customers []Customer) *Model {
	t.Helper()
	m, err := Fit(customers)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGolden compares with SciPy's L-BFGS-B (testdata/golden.py).
func TestGolden(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                                     string
		Rows                                     [][terms]float64
		Again                                    []bool
		Groups                                   []int
		Intercept, InterceptError, LogLikelihood float64
		Coefficients                             [terms]float64
		CoefficientErrors                        [terms]*float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 3 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= 1e-5*math.Max(1, math.Abs(want)) }
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			customers := make([]Customer, len(c.Rows))
			for i, row := range c.Rows {
				customers[i] = Customer{row, c.Again[i], c.Groups[i]}
			}
			m := mustFit(t, customers)
			if !near(m.Intercept, c.Intercept) || !near(m.InterceptError, c.InterceptError) || !near(m.LogLikelihood, c.LogLikelihood) {
				t.Errorf("intercept %v (error %v), log-likelihood %v; want %v (%v), %v",
					m.Intercept, m.InterceptError, m.LogLikelihood, c.Intercept, c.InterceptError, c.LogLikelihood)
			}
			for j, want := range c.Coefficients {
				if !near(m.Coefficients[j], want) {
					t.Errorf("%s: %v, want %v", Terms[j], m.Coefficients[j], want)
				}
				if se := c.CoefficientErrors[j]; (se == nil) != math.IsNaN(m.CoefficientErrors[j]) || se != nil && !near(m.CoefficientErrors[j], *se) {
					t.Errorf("%s: standard error %v, want %v", Terms[j], m.CoefficientErrors[j], se)
				}
			}
		})
	}
}

// Whatever the company is like, no coefficient is negative and more of anything never
// lowers F.
func TestMoreNeverLowersF(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var truth [terms]float64
		for j := range truth {
			truth[j] = rng.NormFloat64() // the wrong way as often as not
		}
		m, err := Fit(made(seed, 300, rng.NormFloat64(), truth))
		if errors.Is(err, models.ErrTooLittle) {
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for j, c := range m.Coefficients {
			if c < 0 || math.IsNaN(c) || math.IsInf(c, 0) {
				t.Errorf("seed %d: coefficient of %s is %v", seed, Terms[j], c)
			}
		}
		for range 50 {
			var less [terms]float64
			for j := range less {
				less[j] = rng.ExpFloat64() * 20
			}
			more := less
			more[rng.IntN(terms)] += rng.ExpFloat64() * 100
			if f, g := m.Index(less), m.Index(more); f > g || f < 0 || g > 1 {
				t.Errorf("seed %d: F(%v) = %v, F(%v) = %v", seed, less, f, more, g)
			}
		}
	}
}

// With many customers the fit finds the G that they follow.
func TestFindsTheTruth(t *testing.T) {
	t.Parallel()
	truth := [terms]float64{0.9, 0, 0.4, 0.2}
	m := mustFit(t, made(7, 20_000, -3, truth))
	for j, want := range truth {
		if math.Abs(m.Coefficients[j]-want) > 0.15 {
			t.Errorf("%s: %.3f, want about %.1f", Terms[j], m.Coefficients[j], want)
		}
	}
	if math.Abs(m.Intercept+3) > 0.2 {
		t.Errorf("intercept %.3f, want about -3", m.Intercept)
	}
}

// At the answer no free parameter wants to move, and none at 0 wants to rise.
func TestAnswerIsTheMinimum(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		customers := made(seed, 400, -1, [terms]float64{0.7, -0.5, 0.3, -0.2})
		d := newDesign(customers)
		theta, err := d.maximise()
		if err != nil {
			t.Fatal(err)
		}
		gradient, _ := d.slope(theta)
		for j, g := range gradient {
			held := j > 0 && theta[j] == 0
			if held && g < -1e-6 || !held && math.Abs(g) > 1e-6 {
				t.Errorf("seed %d: parameter %d is %v with gradient %v", seed, j, theta[j], g)
			}
		}
	}
}

// Customers whom a number of orders tells apart without an error do not make the
// coefficients infinite.
func TestSeparableData(t *testing.T) {
	t.Parallel()
	var customers []Customer
	for i := range 200 {
		x := float64(i % 20)
		customers = append(customers, Customer{Yearly: [terms]float64{x, x, 2 * x, 30 * x}, Again: x >= 10, Group: i})
	}
	m := mustFit(t, customers)
	for j, c := range m.Coefficients {
		if math.IsNaN(c) || c > 50 {
			t.Errorf("%s: %v", Terms[j], c)
		}
	}
	if low, high := m.Index([terms]float64{2, 2, 4, 60}), m.Index([terms]float64{18, 18, 36, 540}); low > 0.05 || high < 0.95 {
		t.Errorf("F of a rare customer %v, of a frequent one %v", low, high)
	}
}

// A term that is the same for all says nothing and gets 0.
func TestConstantTerm(t *testing.T) {
	t.Parallel()
	customers := made(3, 300, -2, [terms]float64{1, 0.2, 0.2, 0})
	for i := range customers {
		customers[i].Yearly[3] = 100
	}
	m := mustFit(t, customers)
	if m.Coefficients[3] != 0 || !math.IsNaN(m.CoefficientErrors[3]) || m.Coefficients[0] <= 0 {
		t.Errorf("coefficients %v, errors %v", m.Coefficients, m.CoefficientErrors)
	}
}

func TestTheSameBytes(t *testing.T) {
	t.Parallel()
	customers := made(5, 500, -2, [terms]float64{1, 0.2, 0.2, 0.1})
	a, b := mustFit(t, customers), mustFit(t, customers)
	if x, y := fmt.Sprintf("%x", *a), fmt.Sprintf("%x", *b); x != y {
		t.Errorf("%s and %s", x, y)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	few := made(1, 300, -9, [terms]float64{})
	for i := range few {
		few[i].Again = i < Least-1
	}
	if _, err := Fit(few); !errors.Is(err, models.ErrTooLittle) || !strings.Contains(err.Error(), "19 of 300 customers came back, expected at least 20") {
		t.Errorf("got %v", err)
	}
	if _, err := Fit(nil); !errors.Is(err, models.ErrTooLittle) {
		t.Errorf("got %v", err)
	}
	for name, change := range map[string]func(*Customer){
		"row 7: units per year is -1":        func(c *Customer) { c.Yearly[2] = -1 },
		"row 7: orders per year is NaN":      func(c *Customer) { c.Yearly[0] = math.NaN() },
		"row 7: revenue per year is +Inf":    func(c *Customer) { c.Yearly[3] = math.Inf(1) },
		"row 7: group -1; expected a number": func(c *Customer) { c.Group = -1 },
	} {
		customers := made(1, 300, 0, [terms]float64{})
		change(&customers[7])
		if _, err := Fit(customers); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
