package golearnx

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"sync"
	"testing"

	"github.com/sjwhitworth/golearn/trees"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// known is what golearn's tree says of a row of which only some features are known:
// where it asks another one, both ways count, by their training rows.
func known(n *trees.DecisionTreeNode, row map[string]float64, is func(feature string) bool) float64 {
	size := func(n *trees.DecisionTreeNode) float64 {
		return float64(n.ClassDist[models.Classes[0]] + n.ClassDist[models.Classes[1]])
	}
	if n.Children == nil {
		return float64(n.ClassDist[models.Classes[1]]) / size(n)
	}
	zero, one := n.Children["0"], n.Children["1"]
	name := n.SplitRule.SplitAttr.GetName()
	switch {
	case !is(name):
		return (size(zero)*known(zero, row, is) + size(one)*known(one, row, is)) / (size(zero) + size(one))
	case row[name] > n.SplitRule.SplitVal:
		return known(one, row, is)
	}
	return known(zero, row, is)
}

// shapley is the definition over all sets of features, for the mean of golearn's trees.
func shapley(f *Forest, values []float64) (base float64, effects []float64) {
	m := len(f.features)
	row := map[string]float64{}
	for j, name := range f.features {
		row[name] = values[j]
	}
	worth := make([]float64, 1<<m)
	for set := range worth {
		for k := range f.Members() {
			worth[set] += known(f.Tree(k), row, func(name string) bool { return set>>slices.Index(f.features, name)&1 == 1 }) / float64(f.Members())
		}
	}
	effects = make([]float64, m)
	for set := range worth {
		for j := range m {
			if set>>j&1 == 0 {
				weight := math.Gamma(float64(bits.OnesCount(uint(set))+1)) * math.Gamma(float64(m-bits.OnesCount(uint(set)))) / math.Gamma(float64(m+1))
				effects[j] += weight * (worth[set|1<<j] - worth[set])
			}
		}
	}
	return worth[0], effects
}

func TestEffectsAreShapleyValuesOfGolearnsTrees(t *testing.T) {
	t.Parallel()
	f, _ := fitted(t, Params{Trees: 5, MinLeaf: 10, Seed: 7}, 800)
	test := modeltest.Easy(t, 12, 2)
	p, err := f.PredictProba(test.Frame)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p {
		got := make([]float64, len(f.features))
		base, err := f.Explain(test.Frame, i, got)
		if err != nil {
			t.Fatal(err)
		}
		wantBase, want := shapley(f, test.Frame.Row(i, nil))
		if math.Abs(base-models.Logit(wantBase)) > 1e-12 {
			t.Fatalf("base %v, want %v", base, models.Logit(wantBase))
		}
		sum := 0.0
		for _, e := range want {
			sum += e
		}
		scale := (models.Logit(p[i]) - base) / sum // one factor for all features
		for j := range want {
			if math.Abs(got[j]-scale*want[j]) > 1e-9 {
				t.Fatalf("row %d: feature %s has effect %v, its Shapley value is %v x %v", i, f.features[j], got[j], want[j], scale)
			}
		}
	}
}

// TestExplainingAtOnceIsExplainingInTurn: working memory is not shared.
func TestExplainingAtOnceIsExplainingInTurn(t *testing.T) {
	t.Parallel()
	f, d := fitted(t, Params{Trees: 10, MinLeaf: 5, Seed: 7}, 500)
	want := make([][]float64, 100)
	for i := range want {
		want[i] = make([]float64, len(f.features))
		if _, err := f.Explain(d.Frame, i, want[i]); err != nil {
			t.Fatal(err)
		}
	}
	fresh := NewForest(f.params) // prepares itself while all are asking
	b, err := f.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got := make([]float64, len(f.features))
			for i := range want {
				if _, err := fresh.Explain(d.Frame, i, got); err != nil || !slices.Equal(got, want[i]) {
					t.Errorf("row %d: %v, %v; want %v", i, got, err, want[i])
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNothingAskedIsNoReason(t *testing.T) {
	t.Parallel()
	frame, err := models.NewFrame([]string{"a", "b"}, [][]float64{slices.Repeat([]float64{3}, 99), slices.Repeat([]float64{1}, 99)})
	if err != nil {
		t.Fatal(err)
	}
	f := NewForest(Params{Trees: 7})
	if err := f.Fit(context.Background(), models.Training{Frame: frame, Labels: slices.Repeat([]bool{true, false, false}, 33)}); err != nil {
		t.Fatal(err)
	}
	effects := []float64{1, 1}
	base, err := f.Explain(frame, 0, effects)
	if err != nil || effects[0] != 0 || effects[1] != 0 {
		t.Errorf("effects %v, %v of trees that ask nothing", effects, err)
	}
	if p, _ := f.PredictProba(frame); math.Abs(base-models.Logit(p[0])) > 1e-9 {
		t.Errorf("base %v, the score is %v", base, models.Logit(p[0]))
	}
}

func TestToLogOdds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, p float64
		effects []float64
	}{
		"up":                  {0.3, 0.6, []float64{0.4, -0.1}},
		"down":                {0.3, 0.1, []float64{-0.4, 0.2}},
		"all but no change":   {0.3, 0.3, []float64{0.2, -0.2}},
		"no digits to divide": {0.3, 0.3 + 1e-12, []float64{0.2, -0.2 + 1e-12}},
		"certain, as it says": {0.5, 1 - models.MinProba, []float64{0.3, 0.2}},
		"base beyond the cap": {models.MinProba, models.MinProba, []float64{2e-7, 1e-7}},
	} {
		effects := slices.Clone(c.effects)
		toLogOdds(c.base, c.p, effects)
		if got, want := effects[0]+effects[1], models.Logit(c.p)-models.Logit(c.base); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: effects sum to %v, want %v", name, got, want)
		}
		for j, e := range effects {
			if e*c.effects[j] < 0 {
				t.Errorf("%s: an effect of %v became %v", name, c.effects[j], e)
			}
		}
	}
}

// BenchmarkExplain is one row of a forest as large as a company's: 200 trees of
// depth 10 on 100,000 rows.
func BenchmarkExplain(b *testing.B) {
	d := modeltest.Easy(b, 100_000, 1)
	f := NewForest(Params{Seed: 1})
	if err := f.Fit(context.Background(), d.Training()); err != nil {
		b.Fatal(err)
	}
	effects := make([]float64, len(f.features))
	if _, err := f.Explain(d.Frame, 0, effects); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := f.Explain(d.Frame, i%100_000, effects); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(f.flat.nodes)/2)/200, "questions/tree")
}
