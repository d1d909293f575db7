package blend_test

import (
	"errors"
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/blend"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/linear"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func unfit(seed uint64) models.Estimator {
	return blend.New(linear.New(linear.Params{C: 1}), golearnx.NewForest(golearnx.Params{Trees: 30, MaxDepth: 6, MinLeaf: 20, Seed: seed}))
}

func TestContract(t *testing.T) { modeltest.Run(t, unfit) }

// TestMean checks the blend against its members: the log-odds are the mean of theirs.
func TestMean(t *testing.T) {
	t.Parallel()
	d := modeltest.Easy(t, 500, 1)
	m := unfit(3).(*blend.Model)
	if err := m.Fit(t.Context(), d.Training()); err != nil {
		t.Fatal(err)
	}
	got, err := m.PredictProba(d.Frame)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := m.Parts()[0].PredictProba(d.Frame)
	b, _ := m.Parts()[1].PredictProba(d.Frame)
	for i := range got {
		if want := (models.Logit(a[i]) + models.Logit(b[i])) / 2; math.Abs(models.Logit(got[i])-want) > 1e-9 {
			t.Fatalf("row %d: log-odds %v, the mean of the members is %v", i, models.Logit(got[i]), want)
		}
	}
	if want := m.Parts()[0].Members() + m.Parts()[1].Members(); m.Members() != want {
		t.Errorf("%d members, want %d", m.Members(), want)
	}
}

func TestOtherMembersDoNotLoad(t *testing.T) {
	t.Parallel()
	m := unfit(1)
	if err := m.Fit(t.Context(), modeltest.Easy(t, 200, 1).Training()); err != nil {
		t.Fatal(err)
	}
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]models.Estimator{
		"fewer":       blend.New(linear.New(linear.Params{})),
		"other kinds": blend.New(golearnx.NewForest(golearnx.Params{}), linear.New(linear.Params{})),
	} {
		if err := other.UnmarshalBinary(b); !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}
