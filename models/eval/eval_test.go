package eval

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

type goldenCase struct {
	Name          string
	Labels        []int
	Probabilities []float64
	Customers     []int32

	AUC              float64
	AveragePrecision float64 `json:"average_precision"`
	LogLoss          float64 `json:"log_loss"`
	Brier            float64
	AUCWithin        float64 `json:"auc_within"`
	AUCWithinN       int     `json:"auc_within_n"`
	Lift             *float64
	CalibrationError *float64 `json:"calibration_error"`
	Hit              *float64
	HitN             int      `json:"hit_n"`
	LiftSimulated    *float64 `json:"lift_simulated"`
	HitSimulated     *float64 `json:"hit_simulated"`
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.12f, want %.12f", what, got, want)
	}
}

func nearIf(t *testing.T, what string, got float64, want *float64, tolerance float64) {
	t.Helper()
	if want != nil {
		near(t, what, got, *want, tolerance)
	}
}

// TestGolden compares with scikit-learn (testdata/golden.py).
func TestGolden(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			labels := make([]bool, len(c.Labels))
			for i, l := range c.Labels {
				labels[i] = l == 1
			}
			const exact = 1e-12
			near(t, "AUC", AUC(labels, c.Probabilities), c.AUC, exact)
			near(t, "average precision", AveragePrecision(labels, c.Probabilities), c.AveragePrecision, exact)
			near(t, "log loss", LogLoss(labels, c.Probabilities), c.LogLoss, exact)
			near(t, "Brier", Brier(labels, c.Probabilities), c.Brier, exact)
			nearIf(t, "lift", Lift(labels, c.Probabilities, 0.1), c.Lift, exact)
			nearIf(t, "lift against simulation", Lift(labels, c.Probabilities, 0.1), c.LiftSimulated, 0.01)
			nearIf(t, "calibration error", CalibrationError(labels, c.Probabilities), c.CalibrationError, exact)
			w := ByCustomer(c.Customers, labels, c.Probabilities, 3)
			near(t, "AUC within", w.AUC, c.AUCWithin, exact)
			nearIf(t, "hit", w.Hit, c.Hit, exact)
			nearIf(t, "hit against simulation", w.Hit, c.HitSimulated, 0.01)
			if w.AUCN != c.AUCWithinN || w.HitN != c.HitN {
				t.Errorf("counted %d and %d customers, want %d and %d", w.AUCN, w.HitN, c.AUCWithinN, c.HitN)
			}
		})
	}
}

// TestOrderOfRowsDoesNotMatter turns the rows around: ties must not tell.
func TestOrderOfRowsDoesNotMatter(t *testing.T) {
	t.Parallel()
	labels := []bool{true, false, false, true, false, true, false, false, false, false, true, false}
	scores := []float64{.5, .5, .5, .1, .1, .9, .2, .2, .5, .9, .2, .2}
	customers := []int32{1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2}
	all := func(l []bool, s []float64, c []int32) []float64 {
		w := ByCustomer(c, l, s, 3)
		return []float64{AUC(l, s), AveragePrecision(l, s), Lift(l, s, 0.1), CalibrationError(l, s), w.Hit, w.AUC}
	}
	want := all(labels, scores, customers)
	n := len(labels)
	l, s, c := make([]bool, n), make([]float64, n), make([]int32, n)
	for i := range n {
		l[i], s[i], c[i] = labels[n-1-i], scores[n-1-i], customers[n-1-i]
	}
	for i, got := range all(l, s, c) {
		near(t, "reversed", got, want[i], 1e-12)
	}
}

func TestUndefined(t *testing.T) {
	t.Parallel()
	for name, got := range map[string]float64{
		"AUC of one class":         AUC([]bool{true, true}, []float64{1, 2}),
		"AP without positives":     AveragePrecision([]bool{false}, []float64{1}),
		"lift without positives":   Lift([]bool{false}, []float64{1}, 0.1),
		"log loss of nothing":      LogLoss(nil, nil),
		"calibration of nothing":   CalibrationError(nil, nil),
		"hit without any positive": ByCustomer([]int32{1}, []bool{false}, []float64{1}, 3).Hit,
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s = %v, want NaN", name, got)
		}
	}
}

func TestReliability(t *testing.T) {
	t.Parallel()
	labels := []bool{true, false, true, false}
	got := Reliability(labels, []float64{.9, .9, .1, .1}, 2)
	want := []Bin{{2, .9, .5}, {2, .1, .5}}
	for i := range want {
		near(t, "rows", got[i].Rows, want[i].Rows, 1e-12)
		near(t, "probability", got[i].Probability, want[i].Probability, 1e-12)
		near(t, "rate", got[i].Rate, want[i].Rate, 1e-12)
	}
	near(t, "error", CalibrationError(labels, []float64{.5, .5, .5, .5}), 0, 1e-12)
}

// Scores that are NaN rank last and tie with each other; nothing hangs.
func TestNotANumber(t *testing.T) {
	t.Parallel()
	labels, scores := []bool{true, false, true, false}, []float64{1, math.NaN(), math.NaN(), 0.5}
	if got, want := AUC(labels, scores), 0.625; got != want { // of four pairs two are right, one is a tie
		t.Errorf("got %v, want %v", got, want)
	}
}
