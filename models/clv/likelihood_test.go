package clv

import (
	"math"
	"testing"
)

// plainNLL is equation 6 of Fader, Hardie, Lee (2005) as printed, row by row.
func plainNLL(m BGNBD, rows []obs) float64 {
	lg := func(v float64) float64 { g, _ := math.Lgamma(v); return g }
	lbeta := func(a, b float64) float64 { return lg(a) + lg(b) - lg(a+b) }
	sum, weight := 0.0, 0.0
	for _, o := range rows {
		x := float64(o.x)
		common := lg(m.R+x) + m.R*math.Log(m.Alpha) - lg(m.R) - lbeta(m.A, m.B)
		l := math.Exp(common + lbeta(m.A, m.B+x) - (m.R+x)*math.Log(m.Alpha+o.t))
		if o.x > 0 {
			l += math.Exp(common + lbeta(m.A+1, m.B+x-1) - (m.R+x)*math.Log(m.Alpha+o.tx))
		}
		sum += o.weight * math.Log(l)
		weight += o.weight
	}
	return -sum / weight
}

// plainValueNLL is equation 1a of Fader and Hardie (2013) as printed.
func plainValueNLL(g GammaGamma, rows []money) float64 {
	lg := func(v float64) float64 { l, _ := math.Lgamma(v); return l }
	sum, weight := 0.0, 0.0
	for _, r := range rows {
		x := float64(r.n)
		sum += r.weight * (lg(g.P*x+g.Q) - lg(g.P*x) - lg(g.Q) + g.Q*math.Log(g.V) +
			(g.P*x-1)*math.Log(r.mean) + g.P*x*math.Log(x) - (g.P*x+g.Q)*math.Log(g.V+x*r.mean))
		weight += r.weight
	}
	return -sum / weight
}

func checkGradient(t *testing.T, nll func(theta, grad []float64) float64, theta []float64) {
	t.Helper()
	grad, scratch := make([]float64, len(theta)), make([]float64, len(theta))
	nll(theta, grad)
	for i := range theta {
		at := append([]float64(nil), theta...)
		slope := func(h float64) float64 {
			at[i] = theta[i] + h
			up := nll(at, scratch)
			at[i] = theta[i] - h
			return (up - nll(at, scratch)) / (2 * h)
		}
		want := (4*slope(5e-4) - slope(1e-3)) / 3 // Richardson
		if math.Abs(grad[i]-want) > 1e-7*(1+math.Abs(want)) {
			t.Errorf("gradient %d at %v: %.12g, differences give %.12g", i, theta, grad[i], want)
		}
	}
}

func TestLikelihoodTwoWays(t *testing.T) {
	t.Parallel()
	rows := cdnow.simulate(random(1), 400, 5, 60)
	rows = append(rows, obs{40, 59, 60, 2.5}, obs{1, 0.2, 0.2, 1}, obs{0, 0, 0, 3})
	d := newBGData(rows)
	for _, m := range []BGNBD{cdnow, {3, 0.5, 0.01, 0.02}, {0.01, 200, 30, 2}, {50, 300, 0.5, 200}} {
		theta := logs(m.R, m.Alpha, m.A, m.B)
		near(t, "mean negative log-likelihood", d.nll(theta, make([]float64, 4)), plainNLL(m, rows), 1e-11)
		checkGradient(t, d.nll, theta)
	}
}

func TestValueLikelihoodTwoWays(t *testing.T) {
	t.Parallel()
	var rows []money
	for _, r := range days(random(2), cdnow, cdnowValue, 1500, 100, 400) {
		if r.Values > 0 {
			rows = append(rows, money{r.Values, r.Value, 1})
		}
	}
	d := newGGData(append(rows, money{900, 12, 2}))
	for _, g := range []GammaGamma{{6.25, 3.74, 0.5}, {0.3, 1.5, 3}, {200, 0.7, 0.01}} {
		theta := logs(g.P, g.Q, g.V)
		near(t, "mean negative log-likelihood", d.nll(theta, make([]float64, 3)), plainValueNLL(g, d.rows), 1e-11)
		checkGradient(t, d.nll, theta)
	}
}

// Equal rows in one or apart, in any order: the same likelihood.
func TestAggregation(t *testing.T) {
	t.Parallel()
	rows := days(random(4), cdnow, cdnowValue, 3000, 30, 60)
	merged := aggregate(rows)
	if len(merged) >= len(rows)/4 {
		t.Errorf("%d rows became %d", len(rows), len(merged))
	}
	var apart []obs
	for _, r := range rows {
		apart = append(apart, obs{r.Frequency, float64(r.Recency) / week, float64(r.Age) / week, 1})
	}
	theta := logs(0.3, 5, 1, 2)
	near(t, "likelihood", newBGData(merged).nll(theta, make([]float64, 4)), newBGData(apart).nll(theta, make([]float64, 4)), 1e-13)
	twice := append(rows[1500:len(rows):len(rows)], rows[:1500]...)
	for i := range twice {
		twice[i].Count = 3
	}
	tripled := aggregate(twice)
	for i, o := range merged {
		o.weight *= 3
		if tripled[i] != o {
			t.Fatalf("row %d: %+v, want %+v", i, tripled[i], o)
		}
	}
}
