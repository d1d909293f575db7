package learn

import (
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
)

// TestSpreadsBeforeThinning: what is learned from holds far more positives than a night's
// customers, and that is no drift.
func TestSpreadsBeforeThinning(t *testing.T) {
	t.Parallel()
	s := troubled{dir: t.TempDir(), customers: 2000, trend: -0.5}
	snapshots := s.months(t, 7)
	read := func(maxRows int) map[string]Spread {
		parts, err := churnTask().reader().ReadParts(ctx, snapshots, 7, maxRows)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]Spread{}
		for _, x := range spreads(parts, parts[0].Rows.Frame.Features()) {
			out[x.Name] = x
		}
		return out
	}
	all, thin := read(1<<20), read(1500)
	now, err := churnTask().reader().Features(ctx, s.snapshot(t, 8, false))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range all {
		got := thin[name]
		values := sampled(now.Column(now.Find(name)), now.Rows())
		if shift := got.shift(values); shift.Index > 0.02 {
			t.Errorf("%s seems to have shifted by %.3f", name, shift.Index)
		}
		if got.Usual > 2*want.Usual+0.01 {
			t.Errorf("%s: usual is %.3f, without thinning %.3f", name, got.Usual, want.Usual)
		}
	}
	if len(all) != 3 || len(thin) != 3 {
		t.Errorf("watched %d and %d features", len(all), len(thin))
	}
}

// TestLargeJudgingCutoffIsSampled: by whole customers, so that figures need no weights.
func TestLargeJudgingCutoffIsSampled(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.customers = 2000
	snapshots := s.months(t, 7)
	full := train(t, churnTask(), snapshots, only(linearOf(1))).Challenger.Report
	o := only(linearOf(1))
	o.MaxRows = 1000
	thin := train(t, churnTask(), snapshots, o).Challenger.Report
	for _, name := range []string{models.BaseRate, models.AUC} {
		a, _ := full.Metric("linear", name)
		b, ok := thin.Metric("linear", name)
		if !ok || b.N < 900 || b.N > 1100 || a.N != 2000 || b.Value < a.Value-0.05 || b.Value > a.Value+0.05 {
			t.Errorf("%s: %v of all, %v of a sample", name, a, b)
		}
	}
	if want := "Of the 2000 rows of 2011-07-01 a sample of "; !strings.Contains(thin.Split, want) || strings.Contains(full.Split, "sample") {
		t.Errorf("split: %s", thin.Split)
	}
}

// TestThinnedFoldsCalibrate: when the work bound leaves each fold less than the share of
// rows that is ripe, but many rows, the model is calibrated all the same.
func TestThinnedFoldsCalibrate(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 144,000 rows")
	}
	t.Parallel()
	s := troubled{dir: t.TempDir(), customers: 18_000}
	o, err := only(linearOf(1)).withDefaults(churnTask())
	if err != nil {
		t.Fatal(err)
	}
	o.Work = 1
	parts, err := churnTask().reader().ReadParts(ctx, s.months(t, 8), o.Seed, o.MaxRows)
	if err != nil {
		t.Fatal(err)
	}
	x, err := learnFrom(ctx, churnTask(), o, parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := x.model.Report.Calibration
	if x.choice.Work.Share >= 0.4 || len(c.Candidates) == 0 || strings.Contains(c.Reason, "Not calibrated") {
		t.Errorf("share %.2f: %+v", x.choice.Work.Share, c)
	}
	if choose.Ripe(x.choice.Unseen[len(x.choice.Unseen)-1].Learned, x.all.Len()) {
		t.Error("a fold of few rows is taken for ripe")
	}
}
