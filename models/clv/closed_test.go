package clv

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// What the closed forms give for the published parameters, as published: Hardie's
// spreadsheet (1.226), the walkthrough of the R package BTYD (1.444, 25.76), the
// README of lifetimes (values per order, whose parameters have more digits).
func TestPublishedValues(t *testing.T) {
	t.Parallel()
	near(t, "E[Y(39) | 2, 30.43, 38.86]", cdnow.Expected(2, 30.43, 38.86, 39), 1.226, 5e-4)
	near(t, "E[X(52)]", cdnow.Mean(52), 1.444, 2e-3)
	near(t, "E[Y(52) | 26, 30.86, 31]", cdnow.Expected(26, 30.86, 31, 52), 25.76, 1e-3)
	near(t, "value of a stranger", cdnowValue.Mean(), 35.170981, 2e-3)
	near(t, "value of 2 orders of 22.35", cdnowValue.Expected(22.35, 2), 24.658619, 5e-4)
	near(t, "value of 1 order of 11.77", cdnowValue.Expected(11.77, 1), 18.911489, 1e-3)
	near(t, "value of 7 orders of 73.74", cdnowValue.Expected(73.74, 7), 71.462843, 5e-4)
}

// The closed forms against the definition of the model, integrated numerically,
// and against lifetimes.
func TestGolden(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, c := range g.Purchases {
		m := c.Params
		near(t, "P(alive)", m.PAlive(c.X, c.TX, c.T), c.Integrals.PAlive, 1e-11)
		near(t, "P(no order)", m.PNoOrder(c.X, c.TX, c.T, c.H), c.Integrals.PNoOrder, 1e-11)
		near(t, "E[orders]", m.Expected(c.X, c.TX, c.T, c.H), c.Integrals.Expected, 1e-11)
		d := newBGData([]obs{{c.X, c.TX, c.T, 1}})
		near(t, "ln L", -d.nll(logs(m.R, m.Alpha, m.A, m.B), make([]float64, 4)), c.Integrals.LogLikelihood, 1e-11)
		for what, want := range c.Lifetimes {
			got := map[string]float64{
				"expected":     m.Expected(c.X, c.TX, c.T, c.H),
				"p_alive":      m.PAlive(c.X, c.TX, c.T),
				"conservative": m.PAliveConservative(c.X, c.TX, c.T),
			}[what]
			near(t, "lifetimes "+what, got, want, 1e-8)
		}
		if t.Failed() {
			t.Fatalf("at %+v", c)
		}
	}
	for _, v := range g.Values {
		near(t, "value", cdnowValue.Expected(v.Mean, v.N), v.Expected, 1e-12)
		if v.N == 0 {
			continue
		}
		d := newGGData([]money{{v.N, v.Mean, 1}})
		ll := -d.nll(logs(cdnowValue.P, cdnowValue.Q, cdnowValue.V/d.unit), make([]float64, 3)) - math.Log(d.unit)
		near(t, "ln L of values", ll, v.LogLikelihood, 1e-11)
	}
}

// ordersAlive again, by its definition: the expectation over p of
// (1 - (1+pu)^-shape)/p, with the midpoint rule over ln p/(1-p).
func TestOrdersAliveTwoWays(t *testing.T) {
	t.Parallel()
	for _, a := range []float64{0.1, 0.6, 1, 1 + 1e-12, 3, 40} {
		for _, b := range []float64{0.1, 0.4, 2, 90} {
			for _, shape := range []float64{0.01, 1, 30, 900} {
				for _, u := range []float64{1e-9, 0.02, 1, 30} {
					near(t, "orders", ordersAlive(shape, u, a, b), slowOrders(shape, u, a, b), 1e-9)
					if t.Failed() {
						t.Fatalf("at shape %v, u %v, a %v, b %v", shape, u, a, b)
					}
				}
			}
		}
	}
}

func slowOrders(shape, u, a, b float64) float64 {
	num, den, step := 0.0, 0.0, 0.02
	for y := -45/a - 5; y < 45/b+5; y += step {
		lp, lq := -softplus(-y), -softplus(y)
		w, p := math.Exp(a*lp+b*lq), math.Exp(lp)
		den += w
		num += w * -math.Expm1(-shape*math.Log1p(p*u)) / p
	}
	return num / den
}

func softplus(v float64) float64 { return math.Max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

// P(alive), P(no order) and the expected orders against futures drawn from the
// posterior: the rate from Gamma(r+x, α+T), dropout from Beta(a, b+x).
func TestAgainstSimulatedFutures(t *testing.T) {
	t.Parallel()
	const draws = 200_000
	for seed, c := range []struct {
		m        BGNBD
		x        int
		tx, t, h float64
	}{{cdnow, 0, 0, 30, 26}, {cdnow, 4, 20, 30, 26}, {BGNBD{2, 5, 0.2, 0.3}, 3, 20, 22, 12}} {
		rng := random(uint64(seed))
		rate := distuv.Gamma{Alpha: c.m.R + float64(c.x), Beta: c.m.Alpha + c.t, Src: rng}
		drop := distuv.Beta{Alpha: c.m.A, Beta: c.m.B + float64(c.x), Src: rng}
		none, sum, squares := 0.0, 0.0, 0.0
		for range draws {
			n := 0.0
			if rng.Float64() < c.m.PAlive(c.x, c.tx, c.t) {
				l, p := rate.Rand(), drop.Rand()
				for at := rng.ExpFloat64() / l; at <= c.h; at += rng.ExpFloat64() / l {
					if n++; rng.Float64() < p {
						break
					}
				}
			}
			if n == 0 {
				none++
			}
			sum += n
			squares += n * n
		}
		none /= draws
		mean := sum / draws
		if se := math.Sqrt(none * (1 - none) / draws); math.Abs(none-c.m.PNoOrder(c.x, c.tx, c.t, c.h)) > 4*se {
			t.Errorf("case %d: P(no order) %.5f, simulated %.5f ± %.5f", seed, c.m.PNoOrder(c.x, c.tx, c.t, c.h), none, se)
		}
		if se := math.Sqrt((squares/draws - mean*mean) / draws); math.Abs(mean-c.m.Expected(c.x, c.tx, c.t, c.h)) > 4*se {
			t.Errorf("case %d: expected %.5f, simulated %.5f ± %.5f", seed, c.m.Expected(c.x, c.tx, c.t, c.h), mean, se)
		}
	}
}

// The posterior itself, without its formulas: of customers drawn from the model's
// own story, those who bought once, and those with three repeat orders and a
// recent last one, behave in the next half year as predicted.
func TestAgainstTheModelsOwnStory(t *testing.T) {
	t.Parallel()
	rng, m := random(3), BGNBD{0.6, 6, 0.5, 1.2}
	type group struct{ n, quiet, orders, pQuiet, expected float64 }
	var once, three group
	for range 150_000 {
		past := obs{t: 40}
		future := 0.0
		for _, at := range m.life(rng, 66) {
			if at > 40 {
				future++
				continue
			}
			past.x, past.tx = past.x+1, at
		}
		g := &once
		switch {
		case past.x == 3 && past.tx > 25:
			g = &three
		case past.x != 0:
			continue
		}
		g.n++
		g.orders += future
		g.expected += m.Expected(past.x, past.tx, 40, 26)
		g.pQuiet += m.PNoOrder(past.x, past.tx, 40, 26)
		if future == 0 {
			g.quiet++
		}
	}
	for name, g := range map[string]group{"once": once, "three": three} {
		if se := math.Sqrt(g.quiet * (1 - g.quiet/g.n)); g.n < 1000 || math.Abs(g.quiet-g.pQuiet) > 4*se {
			t.Errorf("%s: %.0f of %.0f ordered nothing, predicted %.1f ± %.1f", name, g.quiet, g.n, g.pQuiet, se)
		}
		near(t, name+": orders", g.expected, g.orders, 0.06)
	}
}
