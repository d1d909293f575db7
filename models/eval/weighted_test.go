package eval

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// figures that scikit-learn computed.
type figures struct {
	AUC              float64
	AveragePrecision float64 `json:"average_precision"`
	LogLoss          float64 `json:"log_loss"`
	Brier            float64
}

type weightedCase struct {
	Name                   string
	Labels                 []int
	Probabilities, Weights []float64
	Counts                 []float64
	figures
	Repeated       figures
	Reliability    [][2]float64
	Amounts        []float64
	Captured       []float64
	CapturedAmount []float64 `json:"captured_amount"`
}

type pairedSide struct {
	A, B, Low, High float64
	BelowZero       float64 `json:"below_zero"`
}

type golden struct {
	Weighted []weightedCase
	Paired   struct {
		Customers []int32
		Labels    []int
		A, B      []float64
		LogLoss   pairedSide `json:"log_loss"`
		AUC       pairedSide
	}
	Stability []struct {
		Name     string
		Expected []float64
		Actual   []*float64
		Index    float64
	}
	Wilson [][5]float64
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/weighted.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func bools(ints []int) []bool {
	out := make([]bool, len(ints))
	for i, v := range ints {
		out[i] = v == 1
	}
	return out
}

const exact = 1e-12

// TestWeightedGolden compares with scikit-learn (testdata/weighted.py).
func TestWeightedGolden(t *testing.T) {
	t.Parallel()
	for _, c := range readGolden(t).Weighted {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			labels, p := bools(c.Labels), c.Probabilities
			for _, w := range []struct {
				weights []float64
				want    figures
			}{{c.Weights, c.figures}, {c.Counts, c.Repeated}} {
				near(t, "AUC", WeightedAUC(labels, p, w.weights), w.want.AUC, exact)
				near(t, "average precision", WeightedAveragePrecision(labels, p, w.weights), w.want.AveragePrecision, exact)
				near(t, "log loss", WeightedLogLoss(labels, p, w.weights), w.want.LogLoss, exact)
				near(t, "Brier", WeightedBrier(labels, p, w.weights), w.want.Brier, exact)
			}
			for b, want := range c.Reliability {
				got := Reliability(labels, p, 10)[b]
				near(t, "mean probability of a bin", got.Probability, want[0], exact)
				near(t, "rate of a bin", got.Rate, want[1], exact)
			}
			gains := Gains(labels, p, c.Amounts, 10)
			for g, want := range c.Captured {
				near(t, "captured", gains[g].Captured, want, exact)
				near(t, "captured amount", gains[g].CapturedAmount, c.CapturedAmount[g], exact)
			}
		})
	}
}

// TestWeightsAreRepeatedRows checks every weighted figure against the unweighted one of
// rows written out, and equal weights against none.
func TestWeightsAreRepeatedRows(t *testing.T) {
	t.Parallel()
	for _, c := range readGolden(t).Weighted {
		labels, p := bools(c.Labels), c.Probabilities
		var l []bool
		var s []float64
		for i, k := range c.Counts {
			for range int(k) {
				l, s = append(l, labels[i]), append(s, p[i])
			}
		}
		near(t, "AUC", WeightedAUC(labels, p, c.Counts), AUC(l, s), exact)
		near(t, "average precision", WeightedAveragePrecision(labels, p, c.Counts), AveragePrecision(l, s), exact)
		near(t, "lift", WeightedLift(labels, p, c.Counts, 0.1), Lift(l, s, 0.1), exact)
		near(t, "calibration error", WeightedCalibrationError(labels, p, c.Counts), CalibrationError(l, s), exact)
		near(t, "mean", WeightedMean(p, c.Counts), Mean(s), exact)
		for b, want := range Reliability(l, s, 7) {
			got := WeightedReliability(labels, p, c.Counts, 7)[b]
			near(t, "rows", got.Rows, want.Rows, 1e-9)
			near(t, "probability", got.Probability, want.Probability, exact)
			near(t, "rate", got.Rate, want.Rate, exact)
		}
		near(t, "AUC without weights", WeightedAUC(labels, p, nil), AUC(labels, p), exact)
		near(t, "lift of equal weights", LiftOf(labels, p, 0.1)(nil), Lift(labels, p, 0.1), exact)
		near(t, "calibration error of equal weights", CalibrationErrorOf(labels, p)(nil), CalibrationError(labels, p), exact)
	}
}

func TestWeightedUndefined(t *testing.T) {
	t.Parallel()
	one, two := []bool{true, true}, []float64{1, 2}
	for name, got := range map[string]float64{
		"AUC of one class":       WeightedAUC(one, two, nil),
		"AUC without weight":     WeightedAUC([]bool{true, false}, two, []float64{1, 0}),
		"AUC of nothing":         WeightedAUC(nil, nil, nil),
		"AP without positives":   WeightedAveragePrecision([]bool{false}, two[:1], nil),
		"lift without positives": WeightedLift([]bool{false}, two[:1], nil, 0.1),
		"calibration of nothing": WeightedCalibrationError(nil, nil, nil),
		"gain without positives": Gains([]bool{false, false}, two, nil, 2)[0].Captured,
		"amounts that are none":  Gains([]bool{false, true}, two, nil, 2)[0].CapturedAmount,
		"stability of nothing":   StabilityIndex(two, nil),
		"stability from nothing": StabilityIndex(nil, two),
	} {
		if !math.IsNaN(got) {
			t.Errorf("%s = %v, want NaN", name, got)
		}
	}
	if len(Gains(nil, nil, nil, 10)) != 0 {
		t.Error("a gain table of nothing has rows")
	}
}

func TestGains(t *testing.T) {
	t.Parallel()
	labels := []bool{true, false, true, false, false, false}
	scores := []float64{.9, .5, .5, .5, .1, .1}
	got := Gains(labels, scores, []float64{30, 1, 10, 1, 1, 1}, 3)
	want := []Gain{ // the three rows at .5 hold a third of a positive each
		{1. / 3, 2, 4. / 3, 2. / 3, 2, 2, 2. / 3, (30 + 10./3) / 40, .5},
		{2. / 3, 2, 2. / 3, 1. / 3, 1, 1.5, 1, 1, .5},
		{1, 2, 0, 0, 0, 1, 1, 1, .1},
	}
	for g, w := range want {
		x := got[g]
		for k, v := range [][2]float64{
			{x.Share, w.Share}, {x.Rows, w.Rows}, {x.Positives, w.Positives}, {x.Rate, w.Rate}, {x.Lift, w.Lift},
			{x.TotalLift, w.TotalLift}, {x.Captured, w.Captured}, {x.CapturedAmount, w.CapturedAmount}, {x.Score, w.Score},
		} {
			if math.Abs(v[0]-v[1]) > exact {
				t.Errorf("part %d, figure %d: %v, want %v", g, k, v[0], v[1])
			}
		}
	}
	if ten := Gains(labels, scores, nil, 10); len(ten) != 6 || ten[5].Captured != 1 {
		t.Errorf("six rows in ten parts: %+v", ten)
	}
}

func TestStabilityGolden(t *testing.T) {
	t.Parallel()
	g := readGolden(t)
	for _, c := range g.Stability {
		actual := make([]float64, len(c.Actual))
		for i, v := range c.Actual {
			if actual[i] = math.NaN(); v != nil {
				actual[i] = *v
			}
		}
		near(t, c.Name, StabilityIndex(c.Expected, actual), c.Index, exact)
	}
	for _, w := range g.Wilson {
		low, high := Wilson(w[0], w[1], w[2])
		near(t, "Wilson, low", low, w[3], 1e-9)
		near(t, "Wilson, high", high, w[4], 1e-9)
	}
}

func TestStability(t *testing.T) {
	t.Parallel()
	flags := make([]float64, 1000)
	for i := 900; i < 1000; i++ {
		flags[i] = 1
	}
	d := Distribute(flags, 10)
	if !slices.Equal(d.Edges, []float64{0}) || !slices.Equal(d.Rows, []int{900, 100, 0}) {
		t.Errorf("a flag is spread as %+v", d)
	}
	if same := d.Shift(flags); same != 0 {
		t.Errorf("no change gives %v", same)
	}
	gone := slices.Repeat([]float64{math.NaN()}, 500)
	if shift := d.Shift(gone); !(shift > StabilityAlarm) || math.IsInf(shift, 0) {
		t.Errorf("a column that went missing gives %v", shift)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Distribution
	if err := json.Unmarshal(raw, &back); err != nil || back.Shift(gone) != d.Shift(gone) {
		t.Errorf("kept as %s, it gives %v (%v)", raw, back.Shift(gone), err)
	}
	if constant := Distribute([]float64{7, 7, 7}, 10); len(constant.Edges) != 0 || constant.Shift([]float64{7}) > 0.01 {
		t.Errorf("a constant is spread as %+v", constant)
	}
	if one := Distribute(flags, 10).Shift(slices.Repeat([]float64{1}, 1000)); one < StabilityAlarm {
		t.Errorf("all ones where one in ten was gives %v", one)
	}
}

func TestPairedGolden(t *testing.T) {
	t.Parallel()
	g := readGolden(t).Paired
	got, err := Compare(context.Background(), g.Customers, bools(g.Labels), g.A, g.B, Resampling{Rounds: 20000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		got    Difference
		want   pairedSide
		better float64 // share of rounds
	}{{"log loss", got.LogLoss, g.LogLoss, g.LogLoss.BelowZero}, {"AUC", got.AUC, g.AUC, 1 - g.AUC.BelowZero}} {
		near(t, c.name+" of A", c.got.A, c.want.A, exact)
		near(t, c.name+" of B", c.got.B, c.want.B, exact)
		near(t, c.name+", difference", c.got.Difference, c.want.B-c.want.A, exact)
		near(t, c.name+", low", c.got.Low, c.want.Low, 0.002)
		near(t, c.name+", high", c.got.High, c.want.High, 0.002)
		near(t, c.name+", B better", c.got.BBetter, c.better, 0.01)
		near(t, c.name+", two-sided", c.got.Share, 2*math.Min(c.better, 1-c.better), 0.02)
	}
}
