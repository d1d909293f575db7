package learn

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/choose"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/linear"
	"github.com/mainstay-etl/mainstay/models/modeltest"
	"github.com/mainstay-etl/mainstay/models/rows"
)

func train(t *testing.T, task Task, snapshots []models.Snapshot, o Options) *Outcome {
	t.Helper()
	out, err := Train(ctx, task, snapshots, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// finding is what a gate said, "" for nothing.
func finding(findings []gate.Finding, name string) (gate.Severity, string) {
	for _, f := range findings {
		if f.Gate == name {
			return f.Severity, f.Message
		}
	}
	return "", ""
}

func shop(t *testing.T) troubled { return troubled{dir: t.TempDir(), customers: 400} }

func score(t *testing.T, m *Model, s models.Snapshot) Scored {
	t.Helper()
	dir := t.TempDir()
	got, err := Score(ctx, churnTask(), m, s, nil, Output{filepath.Join(dir, "p"), filepath.Join(dir, "r")})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestAllIsWell is what the tests of the gates differ from: nothing refuses or warns.
func TestAllIsWell(t *testing.T) {
	t.Parallel()
	s := shop(t)
	out := train(t, churnTask(), s.months(t, 7), options)
	if out.Verdict.Use != gate.UseChallenger || !out.Verdict.Publish || out.Verdict.Worst() != gate.Info || out.Serve(nil) != out.Challenger {
		t.Errorf("%+v", out.Verdict)
	}
	if severity, text := finding(out.Verdict.Findings, gate.AgainstRule); severity != gate.Info || !strings.Contains(text, "rule: ") {
		t.Errorf("%s: %s", severity, text)
	}
	if got := score(t, out.Challenger, s.snapshot(t, 8, false)); got.Rows != 400 || got.Findings != nil {
		t.Errorf("%+v", got)
	}
}

func TestLeakIsCaught(t *testing.T) {
	t.Parallel()
	task := churnTask()
	out, err := Train(ctx, task, modeltest.Shop{Dir: t.TempDir(), Customers: 200, Leak: true}.Year(t, task.Keys, task.Label, 7), options, nil)
	var tooGood *models.TooGoodError
	if !errors.Is(err, models.ErrTooGood) || !errors.As(err, &tooGood) || tooGood.AUC < 0.95 {
		t.Fatalf("a planted leak gives %v", err)
	}
	if len(tooGood.Suspects) != 3 || tooGood.Suspects[0] != "leak" || !strings.Contains(err.Error(), "what moves scores most: leak, ") {
		t.Errorf("the leak is not named: %v", err)
	}
	if top := out.Challenger.Report.Top; len(top) < 3 || top[0].Feature != "leak" {
		t.Errorf("top features in the report: %v", top)
	}
	if m := out.Challenger; len(m.Report.Metrics) == 0 || m.Header.Version == "" || m.Header.Cutoffs[len(m.Header.Cutoffs)-1] >= "2011-06-01" || out.Serve(nil) != nil {
		t.Errorf("with the error comes the judged model, to look at and not to score: %+v, %s", m.Header.Cutoffs, out.Verdict.Use)
	}
	if severity, text := finding(out.Challenger.Report.Verdict.Findings, gate.TooGood); severity != gate.Error || !strings.Contains(text, "knows the outcome") || !strings.Contains(text, "most: leak, ") {
		t.Errorf("%s: %s", severity, text)
	}
}

func TestShuffledLabelsAreCaught(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.shuffled = true
	out := train(t, churnTask(), s.months(t, 7), options)
	if out.Verdict.Use != gate.UseRule || out.Serve(nil) != out.Rule {
		t.Errorf("%+v", out.Verdict)
	}
	if severity, text := finding(out.Verdict.Findings, gate.AgainstRule); severity != gate.Error || !strings.Contains(text, "not clearly better") && !strings.Contains(text, "may be chance") {
		t.Errorf("%s: %s", severity, text)
	}
	if label := out.Rule.Label(); !strings.HasPrefix(label, "rule: ") || !strings.Contains(out.Rule.Header.Version, "-rule-") {
		t.Errorf("%s, version %s", label, out.Rule.Header.Version)
	}
}

// TestMissingMonthIsCaught: at the newest mature cutoff the new model is refused, and at
// the day to be scored Score says so.
func TestMissingMonthIsCaught(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.hole = 8
	out := train(t, churnTask(), s.months(t, 7), options)
	got := score(t, out.Challenger, s.snapshot(t, 8, false))
	if severity, text := finding(got.Findings, gate.Volume); severity != gate.Error || !strings.Contains(text, "orders_30 of the snapshot of 2011-08-01 sum up to 0") {
		t.Errorf("scoring: %+v", got.Findings)
	}
	if severity, text := finding(got.Findings, gate.FeatureDrift); severity != gate.Warn || !strings.Contains(text, "orders_30") {
		t.Errorf("scoring: %s %s", severity, text)
	}
	out = train(t, churnTask(), s.months(t, 8), options)
	if severity, text := finding(out.Verdict.Findings, gate.Volume); severity != gate.Error || out.Verdict.Use == gate.UseChallenger {
		t.Errorf("training: %s: %s, %s", out.Verdict.Use, severity, text)
	}
	out = train(t, churnTask(), s.months(t, 9), options)
	if severity, text := finding(out.Verdict.Findings, gate.Volume); severity != gate.Warn || !strings.Contains(text, "2011-08-01") {
		t.Errorf("a month later: %s: %s", severity, text)
	}
}

func TestDriftedFeatureIsCaught(t *testing.T) {
	t.Parallel()
	s := shop(t)
	s.drifted = 8
	out := train(t, churnTask(), s.months(t, 7), options)
	got := score(t, out.Challenger, s.snapshot(t, 8, false))
	severity, text := finding(got.Findings, gate.FeatureDrift)
	if severity != gate.Warn || !strings.Contains(text, "price (") || strings.Contains(text, "recency_days") {
		t.Errorf("%s: %s", severity, text)
	}
}

// TestTooLittle: what is missing is said, and the rule scores if anything can.
func TestTooLittle(t *testing.T) {
	t.Parallel()
	s := shop(t)
	few := troubled{dir: t.TempDir(), customers: 12}
	for _, c := range []struct {
		name      string
		snapshots []models.Snapshot
		use       string
		text      string
	}{
		{"no snapshots", nil, gate.UseNone, "No outcome is known yet"},
		{"none mature", []models.Snapshot{s.snapshot(t, 7, false)}, gate.UseNone, "No outcome is known yet"},
		{"nothing to judge on", s.months(t, 3), gate.UseRule, "the second is that of 2011-04-01, whose outcome is known from 2011-06-30 on"},
		{"few customers", few.months(t, 7), gate.UseRule, "a model takes 100"},
	} {
		out := train(t, churnTask(), c.snapshots, options)
		if _, text := finding(out.Verdict.Findings, gate.Minimum); !strings.Contains(text, c.text) || out.Verdict.Use != c.use {
			t.Errorf("%s: %s: %s", c.name, out.Verdict.Use, text)
		}
		if out.Challenger != nil || (out.Rule != nil) != (c.use == gate.UseRule) {
			t.Errorf("%s: %+v", c.name, out)
		}
		if out.Rule != nil {
			now := s.snapshot(t, 9, false)
			if got := score(t, out.Rule, now); got.Rows != 400 {
				t.Errorf("%s: the rule scored %d rows", c.name, got.Rows)
			}
		}
	}
	task := churnTask()
	one := modeltest.Shop{Dir: t.TempDir(), Customers: 100, OneClass: true}
	if out := train(t, task, one.Year(t, task.Keys, task.Label, 7), options); out.Verdict.Use != gate.UseNone || out.Rule != nil {
		t.Errorf("one outcome: %+v", out)
	}
	if _, err := Train(ctx, task, nil, Options{}, nil); err == nil || !strings.Contains(err.Error(), "horizon") {
		t.Errorf("no horizon: %v", err)
	}
}

// only makes options with a single candidate.
func only(c choose.Candidate) Options {
	o := options
	o.Candidates = []choose.Candidate{c}
	return o
}

func linearOf(c float64) choose.Candidate {
	return choose.Candidate{Name: "linear", Passes: 1, New: func() models.Estimator { return linear.New(linear.Params{C: c}) }}
}

// stump can hardly learn anything.
var stump = choose.Candidate{Name: "stump", Passes: 1, New: func() models.Estimator {
	return golearnx.NewForest(golearnx.Params{Trees: 1, MaxDepth: 1, MinLeaf: 100, Features: 1, Seed: 3})
}}

// TestChampion: a worse challenger does not replace it, an equal recipe does, and a
// champion that knew only what was known is taken as it is.
func TestChampion(t *testing.T) {
	t.Parallel()
	s := shop(t)
	snapshots := s.months(t, 7)
	good := train(t, churnTask(), snapshots[:6], only(linearOf(1))).Challenger
	o := only(stump)
	o.Champion = good
	out := train(t, churnTask(), snapshots, o)
	severity, text := finding(out.Verdict.Findings, gate.AgainstOld)
	if severity != gate.Error || !strings.Contains(text, "learned again from the same rows") || out.Verdict.Use != gate.UseChampion || out.Serve(good) != good || out.Verdict.Publish {
		t.Errorf("worse: %s: %s: %s", out.Verdict.Use, severity, text)
	}
	if _, ok := out.Challenger.Report.Metric("champion", models.AUC); !ok || len(out.Challenger.Report.Against) != 2 {
		t.Error("the report does not hold the champion")
	}
	o = only(linearOf(1))
	o.Champion = good
	out = train(t, churnTask(), snapshots, o)
	if severity, text := finding(out.Verdict.Findings, gate.AgainstOld); severity != gate.Info || !strings.Contains(text, "same recipe") || out.Verdict.Use != gate.UseChallenger {
		t.Errorf("same recipe: %s: %s: %s", out.Verdict.Use, severity, text)
	}
	old := *good
	old.Header.Cutoffs = []string{"2011-01-01"}
	o = only(linearOf(0.001))
	o.Champion = &old
	out = train(t, churnTask(), snapshots, o)
	if _, text := finding(out.Verdict.Findings, gate.AgainstOld); !strings.Contains(text, "as it is") {
		t.Errorf("an old champion: %s", text)
	}
	gone := *good
	gone.Header.Estimator = "oracle"
	o.Champion = &gone
	out = train(t, churnTask(), snapshots, o)
	if severity, text := finding(out.Verdict.Findings, gate.AgainstOld); severity != gate.Error || !strings.Contains(text, "could not be compared") || out.Verdict.Use != gate.UseChampion || out.Serve(&gone) != &gone {
		t.Errorf("an unknown champion: %s: %s", severity, text)
	}
}

// TestNewestRuleServes: while data are too few for a model, a rule of last month is no
// champion that outlives a rule that knows more.
func TestNewestRuleServes(t *testing.T) {
	t.Parallel()
	snapshots := shop(t).months(t, 3)
	first := train(t, churnTask(), snapshots[:2], options)
	o := options
	o.Champion = first.Serve(nil)
	second := train(t, churnTask(), snapshots, o)
	serves := second.Serve(o.Champion)
	if first.Verdict.Use != gate.UseRule || second.Verdict.Use != gate.UseRule || !second.Verdict.Publish || serves != second.Rule || serves.Header.Version == first.Rule.Header.Version {
		t.Errorf("first %+v, second %+v", first.Verdict, second.Verdict)
	}
	task := churnTask()
	one := modeltest.Shop{Dir: t.TempDir(), Customers: 100, OneClass: true}
	if out := train(t, task, one.Year(t, task.Keys, task.Label, 7), o); out.Verdict.Use != gate.UseChampion {
		t.Errorf("no newer rule can be found, and the old one is gone: %+v", out.Verdict)
	}
}

// TestFewToJudgeOn: enough outcomes in all, but not at the cutoff that judges.
func TestFewToJudgeOn(t *testing.T) {
	t.Parallel()
	few := troubled{dir: t.TempDir(), customers: 50}
	out := train(t, churnTask(), few.months(t, 9), options)
	findings := out.Verdict.Findings
	if out.Verdict.Use != gate.UseRule || out.Challenger != nil || len(findings) == 0 || findings[0].Gate != gate.Minimum ||
		findings[0].Day != "2011-09-01" || !strings.Contains(findings[0].Message, "cannot be judged on 2011-09-01") {
		t.Errorf("%+v", out.Verdict)
	}
}

// TestLevelFollowsATrendOnly: where churn rises month by month the newest outcomes move
// the scores; where it goes up and down they do not.
func TestLevelFollowsATrendOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		trend float64
		want  func(l Level) bool
	}{
		{"a trend", 0.15, func(l Level) bool { return l.Shift > 0.15 && l.Persistence > 0.5 }},
		{"no trend", 0, func(l Level) bool { return math.Abs(l.Shift) < 0.05 }},
	} {
		s := shop(t)
		s.customers, s.trend = 2000, c.trend
		out := train(t, churnTask(), s.months(t, 9), only(linearOf(1)))
		l := out.Challenger.Report.Calibration.Level
		if !c.want(l) {
			t.Errorf("%s: %+v", c.name, l)
		}
		if out.Rule.Report.Calibration.Level != l {
			t.Errorf("%s: the rule is at another level", c.name)
		}
	}
}

// TestUnknownInTrainingIsNotWatched: a window longer than the history fills one day, and
// nothing was learned from it before.
func TestUnknownInTrainingIsNotWatched(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	f, err := models.NewFrame([]string{"orders_365", "orders_30"}, [][]float64{{nan, nan, nan}, {1, 2, nan}})
	if err != nil {
		t.Fatal(err)
	}
	got := spreads([]rows.Part{{Even: f}}, f.Features())
	if len(got) != 1 || got[0].Name != "orders_30" || got[0].Usual != 0 {
		t.Errorf("watched: %+v", got)
	}
}
