package explain

import (
	"math"
	"testing"
)

func TestTop(t *testing.T) {
	t.Parallel()
	effects := []float64{0.1, -0.5, 0, 0.3, math.NaN(), -0.3}
	got := Top(effects, func(j int) float64 { return float64(j * 10) }, nil, 3)
	want := []Reason{{1, 10, -0.5, Lowers}, {3, 30, 0.3, Raises}, {5, 50, -0.3, Lowers}}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("reason %d = %v, want %v", i, got[i], want[i])
		}
	}
	if got := Top([]float64{0, 0.2}, func(int) float64 { return 1 }, nil, 3); len(got) != 1 {
		t.Errorf("features without effect are no reasons: %v", got)
	}
}

func TestTopTellsEachTopicOnce(t *testing.T) {
	t.Parallel()
	topics := []string{"spend", "spend", "contact", "", ""}
	got := Top([]float64{0.5, -0.6, 0.1, 0.2, 0.3}, func(j int) float64 { return 0 }, func(j int) string { return topics[j] }, 4)
	want := []int{1, 4, 3, 2}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i, f := range want {
		if got[i].Feature != f {
			t.Errorf("reason %d is feature %d, want %d", i, got[i].Feature, f)
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	w := Wordings{
		"recency_days": {Say: "last order {value} days ago", Meaning: "Whole days since the last order."},
		"spend":        {Say: "spent {value} in 90 days", Unit: "money"},
		"rfm":          {Meaning: "RFM score"},
		"visits":       {Say: "last visit {value} days ago", SayMissing: "no visit known", Meaning: "Days since the last visit."},
		"open":         {Say: "open complaint: {value}", Unit: "boolean"},
	}
	for _, c := range []struct {
		feature string
		value   float64
		want    string
	}{
		{"recency_days", 78, "last order 78 days ago (raises the risk)"},
		{"recency_days", math.NaN(), "not known: whole days since the last order (raises the risk)"},
		{"spend", 1234.5, "spent 1,234.50 in 90 days (raises the risk)"},
		{"visits", math.NaN(), "no visit known (raises the risk)"},
		{"rfm", math.NaN(), "not known: RFM score (raises the risk)"},
		{"open", 1, "open complaint: yes (raises the risk)"},
		{"other_thing", 0.256, "other_thing = 0.26 (raises the risk)"},
		{"other_thing", math.NaN(), "not known: other thing (raises the risk)"},
	} {
		if got := w.Sentence(c.feature, Reason{Value: c.value, Direction: Raises}, "risk"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{0, "", "0"}, {1234567, "", "1,234,567"}, {-1234.4, "", "-1,234"}, {12.3456, "", "12.3"}, {12.04, "", "12"},
		{0.5, "", "0.5"}, {0.004, "", "0.004"}, {-0.001, "money", "0.00"}, {999.999, "money", "1,000.00"}, {3, "days", "3"},
		{1e-6, "", "almost 0"}, {0.00051, "", "0.00051"}, {1, "probability", ">99 %"}, {0.995, "probability", ">99 %"}, {0.994, "probability", "99 %"}, {0.25, "probability", "25 %"}, {0.001, "probability", "<1 %"},
	} {
		if got := Format(c.v, c.unit); got != c.want {
			t.Errorf("Format(%v, %q) = %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}
