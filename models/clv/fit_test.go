package clv

import (
	"fmt"
	"math"
	"testing"
)

func TestRecoversPurchaseParameters(t *testing.T) {
	t.Parallel()
	for i, want := range []BGNBD{cdnow, {R: 2, Alpha: 10, A: 0.3, B: 0.5}, {R: 0.8, Alpha: 6, A: 1, B: 4}} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%d/%d", i, seed), func(t *testing.T) {
				t.Parallel()
				fit := fitPurchases(want.simulate(random(seed), 8000, 27, 78), 30)
				t.Logf("%+v", fit)
				if fit.Outcome.Fallback != "" || !fit.Outcome.Converged || fit.Outcome.Agreeing != fit.Outcome.Starts {
					t.Fatalf("outcome: %+v", fit.Outcome)
				}
				got := logs(fit.Params.R, fit.Params.Alpha, fit.Params.A, fit.Params.B)
				for j, w := range logs(want.R, want.Alpha, want.A, want.B) {
					if z := (got[j] - w) / fit.Outcome.StdErr[j]; !(math.Abs(z) < 4) || fit.Outcome.StdErr[j] > 0.5 {
						t.Errorf("parameter %d: log %.4f, want %.4f: %.1f standard errors (%.4f)", j, got[j], w, z, fit.Outcome.StdErr[j])
					}
				}
				near(t, "modelled repeat orders", fit.Modelled, fit.Observed, 0.05)
			})
		}
	}
}

func TestRecoversValueParameters(t *testing.T) {
	t.Parallel()
	for i, want := range []GammaGamma{cdnowValue, {P: 2, Q: 3, V: 4000}, {P: 15, Q: 8, V: 0.02}} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%d/%d", i, seed), func(t *testing.T) {
				t.Parallel()
				fit := fitValues(days(random(seed), cdnow, want, 8000, 200, 500), 30)
				t.Logf("%+v", fit)
				if fit.Outcome.Fallback != "" || !fit.Outcome.Converged || fit.Outcome.Agreeing != fit.Outcome.Starts {
					t.Fatalf("outcome: %+v", fit.Outcome)
				}
				got := logs(fit.Params.P, fit.Params.Q, fit.Params.V)
				for j, w := range logs(want.P, want.Q, want.V) {
					if z := (got[j] - w) / fit.Outcome.StdErr[j]; !(math.Abs(z) < 4) || fit.Outcome.StdErr[j] > 0.5 {
						t.Errorf("parameter %d: log %.4f, want %.4f: %.1f standard errors (%.4f)", j, got[j], w, z, fit.Outcome.StdErr[j])
					}
				}
				near(t, "mean value", fit.Params.Mean(), want.Mean(), 0.1)
				if math.Abs(fit.Correlation) > 0.08 {
					t.Errorf("correlation %.3f of independent draws", fit.Correlation)
				}
			})
		}
	}
}

// Whole days lose little: the same customers in days and in exact time.
func TestWholeDaysFit(t *testing.T) {
	t.Parallel()
	m, err := Fit(days(random(5), cdnow, cdnowValue, 20000, 200, 540), Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, g := m.Purchases.Params, m.Values.Params
	near(t, "r", p.R, cdnow.R, 0.1)
	near(t, "alpha", p.Alpha, cdnow.Alpha, 0.25)
	near(t, "dropout", p.A/(p.A+p.B), cdnow.A/(cdnow.A+cdnow.B), 0.1)
	near(t, "mean value", g.Mean(), cdnowValue.Mean(), 0.05)
	near(t, "repeat orders", m.Purchases.Modelled, m.Purchases.Observed, 0.02)
}
