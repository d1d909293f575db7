package gate

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/models/eval"
)

var limits = Limits{}.WithDefaults()

func cutoff(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t
}

// TestMinimumSaysWhen: what is missing comes with the day from which on it is there.
func TestMinimumSaysWhen(t *testing.T) {
	t.Parallel()
	fair, poor := Judging{"2011-06-01", 30, 30}, Judging{"2011-06-01", 29, 400}
	for _, c := range []struct {
		name string
		h    History
		want []string
	}{
		{"nothing", History{HorizonDays: 90}, []string{"No outcome is known yet", "no scores."}},
		{"nothing yet", History{HorizonDays: 90, First: cutoff("2011-03-01")}, []string{"2011-03-01", "from 2011-05-30 on"}},
		{"one cutoff", History{HorizonDays: 90, Cutoffs: []time.Time{cutoff("2011-03-01")}, Positives: 500, Negatives: 500},
			[]string{"cannot be judged yet", "first is of 2011-03-01, so the second is that of 2011-06-01, whose outcome is known from 2011-08-30 on"}},
		{"few positives", History{HorizonDays: 90, Judging: &fair, Cutoffs: []time.Time{cutoff("2011-03-01"), cutoff("2011-06-01")}, Positives: 40, Negatives: 900},
			[]string{"to which it happened there are 40, and a model takes 100", "from about 2011-11-30 on"}},
		{"no negatives", History{HorizonDays: 90, Judging: &fair, Cutoffs: []time.Time{cutoff("2011-03-01")}, Positives: 400}, []string{"did not there are 0", "nobody can say"}},
		{"never", History{HorizonDays: 90, Judging: &fair, Cutoffs: []time.Time{cutoff("2011-03-01")}, Positives: 400, Negatives: 0}, []string{"None has been seen"}},
		{"enough", History{HorizonDays: 90, Judging: &fair, Cutoffs: []time.Time{cutoff("2011-03-01")}, Positives: 100, Negatives: 100}, nil},
		{"few to judge on", History{HorizonDays: 90, Judging: &poor, Cutoffs: []time.Time{cutoff("2011-03-01")}, Positives: 400, Negatives: 400},
			[]string{"judged on 2011-06-01", "happened to 29 and not to 400", "takes 30 of each"}},
	} {
		got := CheckMinimum(c.h, limits)
		if (len(got) == 0) != (c.want == nil) {
			t.Errorf("%s: %v", c.name, got)
		}
		for _, want := range c.want {
			if len(got) == 0 || !strings.Contains(got[0].Message, want) || got[0].Severity != Error {
				t.Errorf("%s: %v, want %q", c.name, got, want)
			}
		}
	}
}

func comparison(better, aucHigh float64) eval.Comparison {
	return eval.Comparison{LogLoss: eval.Difference{A: 0.60, B: 0.58, BBetter: better}, AUC: eval.Difference{A: 0.7, B: 0.72, High: aucHigh}}
}

func TestAgainstOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		got  Finding
		want Severity
	}{
		{"clearly better than the rule", CheckRule("blend", "rule: x", comparison(0.99, 0.05), 0.6, limits), Info},
		{"as good as the rule", CheckRule("blend", "rule: x", comparison(0.7, 0.05), 0.6, limits), Error},
		{"better promises, worse ranking", CheckRule("blend", "rule: x", comparison(0.99, -0.01), 0.6, limits), Error},
		{"chance", CheckRule("blend", "rule: x", comparison(0.99, 0.05), 0.49, limits), Error},
		{"as good as the champion", CheckChampion("blend", "v1", "as it is", comparison(0.45, 0.05), limits), Info},
		{"worse than the champion", CheckChampion("blend", "v1", "as it is", comparison(0.1, 0.05), limits), Error},
	} {
		if c.got.Severity != c.want || !strings.Contains(c.got.Message, "0.6000") {
			t.Errorf("%s: %s", c.name, c.got)
		}
	}
}

func TestTooGood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		auc       float64
		positives int
		want      int
	}{{0.95, 30, 1}, {0.949, 30, 0}, {0.99, 29, 0}, {math.NaN(), 100, 0}} {
		if got := CheckTooGood("blend", "validation", c.auc, c.positives, 1000, nil, limits); len(got) != c.want {
			t.Errorf("AUC %v with %d positives: %v", c.auc, c.positives, got)
		}
	}
	if got := CheckTooGood("blend", "validation", 0.99, 100, 100, []string{"leak", "price"}, limits); !strings.HasSuffix(got[0].Message, "What moves scores most: leak, price.") {
		t.Errorf("suspects are not named: %v", got)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	bad, warn := []Finding{{Severity: Error}}, []Finding{{Severity: Info}, {Severity: Warn}}
	for _, c := range []struct {
		name     string
		findings []Finding
		have     Available
		use      string
		publish  bool
		worst    Severity
	}{
		{"all well", nil, Available{true, true, true}, UseChallenger, true, Info},
		{"a warning", warn, Available{true, true, true}, UseChallenger, true, Warn},
		{"refused with a champion", bad, Available{true, true, true}, UseChampion, false, Error},
		{"refused without one", bad, Available{true, false, true}, UseRule, true, Error},
		{"too little with a champion", bad, Available{false, true, true}, UseChampion, false, Error},
		{"no outcome at all", bad, Available{}, UseNone, false, Error},
	} {
		v := Decide(c.findings, c.have)
		if v.Use != c.use || v.Publish != c.publish || v.Worst() != c.worst {
			t.Errorf("%s: %+v, worst %s", c.name, v, v.Worst())
		}
	}
}

// TestFeatureDrift: what moves anyway, or in so few rows by chance, is no alarm.
func TestFeatureDrift(t *testing.T) {
	t.Parallel()
	shifts := []Shift{
		{Name: "loud", Index: 0.9}, {Name: "calm", Index: 0.2}, {Name: "seasonal", Index: 0.6, Usual: 0.4},
		{Name: "few", Index: 0.3, Chance: 0.1}, {Name: "beyond usual", Index: 1.7, Usual: 0.4}, {Name: "unknown", Index: math.NaN()},
	}
	got := CheckFeatures(shifts)
	if len(got) != 1 || got[0].Severity != Warn || len(got[0].Figures) != 2 || !strings.Contains(got[0].Message, "loud (0.90), beyond usual (1.70)") {
		t.Errorf("%v", got)
	}
	if CheckFeatures(shifts[1:4]) != nil || CheckScores(shifts[1]) != nil || len(CheckScores(shifts[0])) != 1 {
		t.Error("scores or calm features are judged otherwise")
	}
	many := make([]Shift, 12)
	for i := range many {
		many[i] = Shift{Name: string(rune('a' + i)), Index: 1}
	}
	if got := CheckFeatures(many); !strings.Contains(got[0].Message, "e (1.00) and 7 more") || len(got[0].Figures) != 12 {
		t.Errorf("%v", got)
	}
}

func TestVolume(t *testing.T) {
	t.Parallel()
	months := func(activity ...float64) []Count {
		var out []Count
		for i, a := range activity {
			out = append(out, Count{Day: time.Date(2011, time.Month(i+1), 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), Rows: 100, Activity: a, Rate: 0.4})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		counts []Count
		want   []Severity
	}{
		{"usual", months(90, 100, 110, 95), nil},
		{"growing", months(10, 30, 90, 270), nil},
		{"shrinking", months(270, 90, 80, 70), nil},
		{"two months were missing", months(90, 0, 0, 80, 90), []Severity{Warn, Warn}},
		{"a month is missing now", months(90, 100, 110, 3), []Severity{Error}},
		{"off season as last year", months(20, 100, 110, 300, 90, 95, 21), []Severity{Warn}},
		{"a hole in the off season", months(20, 100, 110, 300, 90, 95, 9), []Severity{Error}},
		{"less now", months(90, 100, 110, 40), []Severity{Warn}},
		{"a month was missing", months(90, 0, 110, 95), []Severity{Warn}},
		{"too few to know", months(90, 100, 0), nil},
		{"no such feature", months(-1, -1, -1, -1), nil},
	} {
		var got []Severity
		for _, f := range CheckVolume(c.counts, "orders_30", limits) {
			got = append(got, f.Severity)
			if !strings.Contains(f.Message, "orders_30") || f.Day == "" {
				t.Errorf("%s: %s", c.name, f)
			}
		}
		if strings.Join(strs(got), " ") != strings.Join(strs(c.want), " ") {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	counts := months(90, 90, 90, 90)
	counts[3].Rows = 10
	if got := CheckVolume(counts, "orders_30", limits); len(got) != 1 || !strings.HasPrefix(got[0].Message, "rows of the snapshot of 2011-04-01 sum up to 10") {
		t.Errorf("few rows: %v", got)
	}
}

func TestBaseRate(t *testing.T) {
	t.Parallel()
	counts := []Count{{Rate: 0.4}, {Rate: 0.42}, {Rate: 0.45}, {Day: "2011-04-01", Rate: 0.5}, {Rate: -1}}
	if got := CheckRate(counts); got != nil {
		t.Errorf("a usual rate: %v", got)
	}
	counts[3].Rate = 0.8
	if got := CheckRate(counts); len(got) != 1 || got[0].Severity != Warn || !strings.Contains(got[0].Message, "80.0 % of the rows of 2011-04-01 where 42.0 % are usual") {
		t.Errorf("a hole after the cutoff: %v", got)
	}
}

func strs(s []Severity) (out []string) {
	for _, x := range s {
		out = append(out, string(x))
	}
	return out
}
