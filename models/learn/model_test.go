package learn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/calibrate"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// TestExplanationsOfWhatIsPublished: base and effects sum to the calibrated score, for a
// blend and for the rule, whatever calibrates it.
func TestExplanationsOfWhatIsPublished(t *testing.T) {
	t.Parallel()
	s := shop(t)
	out := train(t, churnTask(), s.months(t, 7), options)
	now, err := churnTask().reader().Features(ctx, s.snapshot(t, 8, false))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]calibrate.Calibrator{
		"as trained": out.Challenger.calibrator, "shift": calibrate.Shift{Delta: -0.7},
		"isotonic then shift": calibrate.Chain{calibrate.Isotonic{X: []float64{0.1, 0.3, 0.6}, Y: []float64{0.2, 0.35, 0.5}}, calibrate.Shift{Delta: 0.2}},
	} {
		for _, base := range []*Model{out.Challenger, out.Rule} {
			m := *base
			m.calibrator = c
			f, err := now.Project(m.Estimator.Features())
			if err != nil {
				t.Fatal(err)
			}
			p, err := m.Probability(f)
			if err != nil {
				t.Fatal(err)
			}
			effects := make([]float64, len(f.Features()))
			for i := range p {
				sum, err := m.Explain(f, i, effects)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range effects {
					sum += e
				}
				if math.Abs(sum-models.Logit(p[i])) > 1e-9 {
					t.Fatalf("%s, %s, row %d: base and effects sum to %v, the score is %v", m.Label(), name, i, sum, models.Logit(p[i]))
				}
			}
		}
	}
}

// TestFirstFormat: a file of format 1, without a calibrator, scores as its estimator says.
func TestFirstFormat(t *testing.T) {
	t.Parallel()
	s := shop(t)
	m := *train(t, churnTask(), s.months(t, 7), options).Challenger
	m.calibrator, m.Header.Calibrator = nil, nil
	m.Header.Report = []byte(`{"split":"in words","metrics":[],"rule":{"feature":"recency_days","less":false,"edges":[1],"rates":[0.5]}}`)
	path := filepath.Join(t.TempDir(), "model")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if raw = bytes.Replace(raw, []byte("mainstay-model 2 "), []byte("mainstay-model 1 "), 1); os.WriteFile(path, raw, 0o600) != nil {
		t.Fatal("writing")
	}
	loaded, err := Load(churnTask(), path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := churnTask().reader().Features(ctx, s.snapshot(t, 8, false))
	if err != nil {
		t.Fatal(err)
	}
	if f, err = f.Project(m.Estimator.Features()); err != nil {
		t.Fatal(err)
	}
	want, _ := m.Estimator.PredictProba(f)
	if got, err := loaded.Probability(f); err != nil || !slices.Equal(got, want) || loaded.Report.Split != "in words" {
		t.Errorf("it scores otherwise than its estimator (%v)", err)
	}
}

// TestDamagedCalibrator: a calibrator that cannot be one is refused by name.
func TestDamagedCalibrator(t *testing.T) {
	t.Parallel()
	m := *train(t, churnTask(), shop(t).months(t, 7), options).Challenger
	m.Header.Calibrator = []byte(`{"name":"platt","a":-1}`)
	path := filepath.Join(t.TempDir(), "model")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(churnTask(), path); !errors.Is(err, models.ErrCorrupt) || !strings.Contains(err.Error(), "platt") {
		t.Errorf("a falling calibrator: %v", err)
	}
	raw, _ := os.ReadFile(path)
	lines := bytes.SplitN(raw, []byte("\n"), 3)
	lines[1] = bytes.Replace(lines[1], []byte(`"estimator":"`), []byte(`"estimator":"x`), 1)
	sum := sha256.Sum256(lines[1])
	lines[0] = fmt.Appendf(nil, "mainstay-model 2 %s", hex.EncodeToString(sum[:]))
	if err := os.WriteFile(path, bytes.Join(lines, []byte("\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(churnTask(), path); err == nil || !strings.Contains(err.Error(), "does not know") {
		t.Errorf("an unknown estimator: %v", err)
	}
}

// TestStakes checks the money by hand: twenty customers, the two ranked first hold 60 of
// the 100 that were lost.
func TestStakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const n = 20
	id := models.OutColumn{Name: "customer_id", Text: func(i int) (string, bool) { return fmt.Sprintf("c%02d", i), true }}
	write := func(name string, rows int, columns ...models.OutColumn) string {
		path := filepath.Join(dir, name)
		if err := models.WriteParquet(path, rows, append([]models.OutColumn{id}, columns...)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	predictions := write("p", n, models.OutColumn{Name: "probability", Float: func(i int) (float64, bool) { return 0.9 - float64(i)/40, true }})
	labels := write("l", n, models.OutColumn{Name: "churned", Int: func(i int) (int32, bool) {
		return map[int]int32{0: 1, 5: 1, 19: 1}[i], true
	}})
	value := write("v", n-1, models.OutColumn{Name: "value", Float: func(i int) (float64, bool) {
		return map[int]float64{0: 60, 1: 500, 5: 40, 7: -9}[i], i != 3 // the last customer has no row, another no value
	}})
	grading := Grading{Predictions: predictions, Labels: labels, Estimator: "published", On: "outcome", Seed: 1}
	grading.Stake = &Stake{Path: value, Keys: []string{"customer_id"}, Column: "value"}
	metrics, unmatched, err := Judge(ctx, churnTask(), grading)
	if err != nil || unmatched != 0 {
		t.Fatal(err, unmatched)
	}
	got := map[string]float64{}
	for _, m := range metrics {
		got[m.Name] = m.Value
		sampled := !slices.Contains([]string{models.BaseRate, models.MeanProbability, models.CalibrationError, models.StakeBest10}, m.Name)
		if sampled && !(m.Low <= m.Value && m.Value <= m.High && m.Low < m.High) {
			t.Errorf("the interval of %s %v is %v to %v", m.Name, m.Value, m.Low, m.High)
		}
	}
	if again, _, err := Judge(ctx, churnTask(), grading); err != nil || !slices.Equal(metrics, again) {
		t.Errorf("the same grading gives other intervals: %v, %v (%v)", metrics, again, err)
	}
	if got[models.StakeTotal] != 100 || got[models.StakeTop10] != 0.6 || got[models.StakeBest10] != 1 {
		t.Errorf("%v", got)
	}
	grading.Stake.Column = "margin"
	if _, _, err := Judge(ctx, churnTask(), grading); err == nil || !strings.Contains(err.Error(), "no numeric column margin") {
		t.Errorf("another column: %v", err)
	}
	grading.Stake = nil
	metrics, _, err = Judge(ctx, churnTask(), grading)
	if err != nil || slices.ContainsFunc(metrics, func(m models.Metric) bool { return m.Name == models.StakeTotal }) {
		t.Errorf("without a stake: %v", err)
	}
}

// TestOffersAreGraded checks by hand what three offers per customer caught: c1 was offered
// tea, jam and rice first, in this order although their probabilities are equal, and bought
// tea (10) and oats (30); c2 bought salt (20); of c3 nothing is known.
func TestOffersAreGraded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	type row struct {
		customer, category string
		p                  float64
		rank, bought       int32
		margin             float64
	}
	all := []row{
		{"c1", "jam", 0.2, 2, 0, 99}, {"c1", "oats", 0.2, 4, 1, 30}, {"c1", "rice", 0.2, 3, 0, 5}, {"c1", "salt", 0.1, 5, 0, 5}, {"c1", "tea", 0.2, 1, 1, 10},
		{"c2", "jam", 0.1, 4, 0, 1}, {"c2", "oats", 0.3, 2, 0, 1}, {"c2", "rice", 0.2, 3, 0, 1}, {"c2", "salt", 0.4, 1, 1, 20}, {"c2", "tea", 0.05, 5, 0, 1},
		{"c3", "tea", 0.2, 1, 0, 1000},
	}
	write := func(name string, rows []row, columns ...models.OutColumn) string {
		path := filepath.Join(dir, name)
		columns = append([]models.OutColumn{
			{Name: "customer_id", Text: func(i int) (string, bool) { return rows[i].customer, true }},
			{Name: "category", Text: func(i int) (string, bool) { return rows[i].category, true }},
		}, columns...)
		if err := models.WriteParquet(path, len(rows), columns); err != nil {
			t.Fatal(err)
		}
		return path
	}
	g := Grading{Estimator: "published", On: "outcome", Seed: 1}
	g.Predictions = write("p", all,
		models.OutColumn{Name: "probability", Float: func(i int) (float64, bool) { return all[i].p, true }},
		models.OutColumn{Name: "rank", Int: func(i int) (int32, bool) { return all[i].rank, true }},
		models.OutColumn{Name: "first_year_margin", Float: func(i int) (float64, bool) { return all[i].margin, true }})
	known := all[:10]
	g.Labels = write("l", known, models.OutColumn{Name: "bought", Int: func(i int) (int32, bool) { return known[i].bought, true }})
	g.Stake = &Stake{Path: g.Predictions, Keys: crossTask().Keys, Column: "first_year_margin"}
	metrics, unmatched, err := Judge(ctx, crossTask(), g)
	if err != nil || unmatched != 1 {
		t.Fatal(unmatched, err)
	}
	got := map[string]float64{}
	for _, m := range metrics {
		got[m.Name] = m.Value
	}
	for name, want := range map[string]float64{
		models.StakeTotal: 60, models.StakeTop3: 30. / 60, models.StakeBest3: 1, models.HitAt3: 1,
		models.AUCWithin: (4./6 + 1) / 2, // of c1's pairs of one bought and one not, tea wins 3, oats 1
	} {
		if math.Abs(got[name]-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if _, ok := got[models.StakeTop10]; ok {
		t.Error("a tenth of all pairs is nothing that anybody works off")
	}
}

// TestEvaluate: nothing of the test takes part in choosing, and everything that was tried
// is measured on it.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	for _, task := range []Task{churnTask(), crossTask()} {
		s := modeltest.Shop{Dir: t.TempDir(), Customers: 400}
		all := s.Year(t, task.Keys, task.Label, 9)[:8]
		r, err := Evaluate(ctx, task, all[:4], all[6:], options, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []string{"2011-07-01", "2011-08-01"} {
			seen := map[string]bool{}
			for _, m := range r.Metrics {
				if m.Data == "test "+day && m.Name == models.AUC {
					seen[m.Estimator] = true
				}
			}
			for _, want := range []string{"linear", "forest"} {
				if !seen[want] || len(seen) < 3 {
					t.Errorf("%s, %s: measured %v", task.Name, day, seen)
				}
			}
		}
		if r.Judged != "test 2011-08-01" || len(r.Bins) != 10 || len(r.Against) != 2 || len(r.Choice.Tried) != 3 {
			t.Errorf("%s: judged on %s, %d bins, %d comparisons", task.Name, r.Judged, len(r.Bins), len(r.Against))
		}
		again, err := Evaluate(ctx, task, all[:4], all[7:], options, nil)
		if err != nil || again.Chosen != r.Chosen || again.Choice.Tried[0].LogLoss != r.Choice.Tried[0].LogLoss {
			t.Errorf("%s: the test cutoffs decide what is chosen (%v)", task.Name, err)
		}
		if _, err := Evaluate(ctx, task, all[:5], all[6:], options, nil); err == nil || !strings.Contains(err.Error(), "train cutoff 2011-05-01 was known from 2011-07-30 on, after test cutoff 2011-07-01") {
			t.Errorf("%s: overlapping outcomes: %v", task.Name, err)
		}
		if _, err := Evaluate(ctx, task, nil, all[6:], options, nil); !errors.Is(err, models.ErrTooLittle) {
			t.Errorf("%s: nothing to learn from: %v", task.Name, err)
		}
	}
}
