package rule

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/eval"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// rowsOf makes rows with two useful features, a useless one and some unknown values;
// chance gives the probability of a row.
func rowsOf(t *testing.T, n int, chance func(days, orders float64) float64) models.Training {
	t.Helper()
	columns := make([][]float64, 3)
	labels := make([]bool, n)
	for i := range labels {
		days, orders := math.Floor(100*modeltest.Uniform(i, 1)), math.Floor(20*modeltest.Uniform(i, 2))
		labels[i] = modeltest.Uniform(i, 3) < chance(days, orders)
		if i%50 == 0 {
			days = math.NaN()
		}
		for j, v := range []float64{days, orders, modeltest.Uniform(i, 4)} {
			columns[j] = append(columns[j], v)
		}
	}
	f, err := models.NewFrame([]string{"days", "orders", "noise"}, columns)
	if err != nil {
		t.Fatal(err)
	}
	return models.Training{Frame: f, Labels: labels}
}

func fit(t *testing.T, tr models.Training, features ...string) *Rule {
	t.Helper()
	r := New(Params{Features: features})
	if err := r.Fit(context.Background(), tr); err != nil {
		t.Fatal(err)
	}
	return r
}

func predict(t *testing.T, r *Rule, f *models.Frame) []float64 {
	t.Helper()
	f, err := f.Project(r.Features())
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.PredictProba(f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestFindsThePlantedRule: each shape wins where the outcome is made by it.
func TestFindsThePlantedRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		chance func(days, orders float64) float64
		shape  Shape
		rule   string
	}{
		{"more is likelier", func(d, _ float64) float64 { return 0.1 + d/125 }, Rank, "rule: days"},
		{"less is likelier", func(_, o float64) float64 { return 0.9 - o/25 }, Rank, "rule: orders"},
		{"beyond a value", func(d, _ float64) float64 { return 0.2 + 0.6*flagOf(d > 59) }, Threshold, "rule: days > 59"},
		{"both", func(d, o float64) float64 { return 0.1 + 0.7*flagOf(d > 59 && o <= 9) }, Both, "rule: days > 59 and orders <= 9"},
		{"two together", func(d, o float64) float64 { return 0.1 + d/250 + o/50 }, Table, "rule: days by orders"},
	} {
		tr := rowsOf(t, 20000, c.chance)
		r := fit(t, tr, "absent", "noise", "days", "orders")
		if r.Shape() != c.shape || !strings.HasPrefix(r.Name(), c.rule[:9]) || c.shape != Threshold && c.shape != Both && r.Name() != c.rule {
			t.Errorf("%s: found %s (%s), want %s", c.name, r.Name(), r.Shape(), c.rule)
		}
		p := predict(t, r, tr.Frame)
		if ece := eval.CalibrationError(tr.Labels, p); ece > 0.03 {
			t.Errorf("%s: calibration error %.3f", c.name, ece)
		}
		if got := r.Tried(); len(got) == 0 || !slices.IsSortedFunc(got, func(a, b Tried) int { return int(math.Copysign(1, b.AUC-a.AUC)) }) {
			t.Errorf("%s: tried %v", c.name, got)
		}
		for _, x := range r.Tried() { // the search promises what its probabilities keep
			if strings.HasPrefix(x.Name, r.Name()+" (") && math.Abs(x.AUC-eval.AUC(tr.Labels, p)) > 0.01 {
				t.Errorf("%s: searched with an AUC of %v, measured %v", c.name, x.AUC, eval.AUC(tr.Labels, p))
			}
		}
	}
}

func flagOf(b bool) float64 { return float64(flag(b)) }

// TestRankOnlyRises: where counted rates fall by chance, neighbours share one rate, and
// unknown values keep their own.
func TestRankOnlyRises(t *testing.T) {
	t.Parallel()
	tr := rowsOf(t, 400, func(d, _ float64) float64 { return 0.2 + d/200 })
	r := fit(t, tr, "days")
	rates := r.table.Rates[:len(r.table.Rates)-1]
	if r.Shape() == Rank && (!slices.IsSorted(rates) || !r.table.Inputs[0].More) {
		t.Errorf("%s: rates %v", r, rates)
	}
}

func TestNothingToFind(t *testing.T) {
	t.Parallel()
	tr := rowsOf(t, 500, func(_, _ float64) float64 { return 0.3 })
	none := fit(t, tr, "absent")
	p := predict(t, none, tr.Frame)
	rate := float64(eval.Positives(tr.Labels)) / 500
	if none.Name() != "rule: everybody alike" || math.Abs(p[0]-rate) > 0.01 || len(none.Features()) != 0 || none.Members() != 1 {
		t.Errorf("without features: %s, %v, rate %v", none.Name(), p[0], rate)
	}
	one := fit(t, models.Training{Frame: tr.Frame, Labels: make([]bool, 500)}, "days")
	if p := predict(t, one, tr.Frame); p[0] > 0.01 {
		t.Errorf("one outcome only: %v", p[0])
	}
	b, err := none.MarshalBinary()
	if err != nil || New(Params{}).UnmarshalBinary(b) != nil {
		t.Errorf("the rule without features does not load: %v", err)
	}
}

// TestWeights: rows count as often as their weight says.
func TestWeights(t *testing.T) {
	t.Parallel()
	tr := rowsOf(t, 2000, func(d, _ float64) float64 { return d / 100 })
	tr.Weights = slices.Repeat([]float64{1}, 2000)
	var twice []int32
	for i := range tr.Labels {
		twice = append(twice, int32(i))
		if i%3 == 0 {
			tr.Weights[i] = 2
			twice = append(twice, int32(i))
		}
	}
	labels := make([]bool, len(twice))
	for k, i := range twice {
		labels[k] = tr.Labels[i]
	}
	a := fit(t, tr, "noise")
	b := fit(t, models.Training{Frame: tr.Frame.Select(twice), Labels: labels}, "noise")
	if math.Abs(a.table.Base-b.table.Base) > 1e-12 {
		t.Errorf("base rate %v with weights, %v with rows doubled", a.table.Base, b.table.Base)
	}
}

// TestExplanations: base and effects sum to the score, for one and for two features.
func TestExplanations(t *testing.T) {
	t.Parallel()
	for _, chance := range []func(d, o float64) float64{
		func(d, _ float64) float64 { return 0.1 + d/125 },
		func(d, o float64) float64 { return 0.1 + d/250 + o/50 },
	} {
		tr := rowsOf(t, 3000, chance)
		r := fit(t, tr, "days", "orders")
		f, err := tr.Frame.Project(r.Features())
		if err != nil {
			t.Fatal(err)
		}
		p := predict(t, r, tr.Frame)
		for i := range 200 {
			effects := slices.Repeat([]float64{math.NaN()}, len(r.Features()))
			base, err := r.Explain(f, i, effects)
			if err != nil {
				t.Fatal(err)
			}
			sum := base
			for _, e := range effects {
				sum += e
			}
			if math.Abs(sum-models.Logit(p[i])) > 1e-9 {
				t.Fatalf("%s, row %d: base and effects sum to %v, the score is %v", r.Name(), i, sum, models.Logit(p[i]))
			}
		}
	}
}

// TestContract checks the clauses of models.Estimator that hold for a rule too; the
// others (every feature is used, threads, close to an ideal model) say nothing of it.
func TestContract(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 2000, 1)
	r := New(Params{Features: []string{"days", "count"}})
	if _, err := r.PredictProba(d.Frame); !errors.Is(err, models.ErrNotFitted) || r.Features() != nil || r.Members() != 0 || r.Name() != "rule" {
		t.Errorf("unfitted: %v", err)
	}
	if _, err := r.MarshalBinary(); !errors.Is(err, models.ErrNotFitted) {
		t.Errorf("saving unfitted: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := r.Fit(ctx, d.Training()); !errors.Is(err, context.Canceled) || r.Features() != nil {
		t.Errorf("cancelled: %v, features %v", err, r.Features())
	}
	if err := r.Fit(t.Context(), d.Training()); err != nil {
		t.Fatal(err)
	}
	saved, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	loaded := New(Params{})
	if err := loaded.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(predict(t, r, d.Frame), predict(t, loaded, d.Frame)) || loaded.Name() != r.Name() {
		t.Error("a loaded rule predicts otherwise")
	}
	again := fit(t, modeltest.Easy(t, 300, 2).Training(), "days", "count")
	if err := again.Fit(t.Context(), d.Training()); err != nil {
		t.Fatal(err)
	}
	if b, _ := again.MarshalBinary(); !bytes.Equal(b, saved) {
		t.Error("a second fit gives another rule than a first fit on the same rows")
	}
	if _, err := r.PredictProba(d.Frame); err == nil {
		t.Error("other columns were accepted")
	}
	if err := r.Fit(t.Context(), models.Training{}); err == nil || r.Features() != nil {
		t.Error("no rows were accepted")
	}
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	r := fit(t, rowsOf(t, 1000, func(d, o float64) float64 { return d / 200 * o / 10 }), "days", "orders")
	good, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "cut": good[:len(good)/2], "longer": append(slices.Clone(good), ' '), "text": []byte("mainstay"),
		"a rate of 2":   bytes.Replace(good, []byte(`"base":0`), []byte(`"base":2`), 1),
		"unknown shape": bytes.Replace(good, []byte(`"shape":"`), []byte(`"shape":"un`), 1),
		"a cell less":   bytes.Replace(good, []byte(`"rows":[`), []byte(`"rows":[1,`), 1),
	} {
		if err := New(Params{}).UnmarshalBinary(bad); !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
