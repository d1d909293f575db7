package models

import (
	"strings"
	"testing"
	"time"
)

func TestSplitByTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mature, open string
		validation         int
		train, judge       string
	}{
		{"usual", "01-01 02-01 03-01 04-01 05-01 06-01", "07-01", 1, "01-01 02-01 03-01", "06-01"},
		{"in any order", "06-01 01-01 03-01 02-01", "", 1, "01-01 02-01 03-01", "06-01"},
		{"two to judge on", "01-01 02-01 03-01 04-01 05-01 06-01", "", 2, "01-01", "05-01 06-01"},
		{"two are too many", "01-01 03-01 04-05", "", 3, "01-01", "04-05"},
		{"the window ends on the cutoff", "03-03 06-01", "", 1, "03-03", "06-01"},
		{"the window ends a day later", "03-04 06-01", "", 1, "", ""},
		{"one only", "06-01", "07-01", 1, "", ""},
		{"none", "", "06-01", 1, "", ""},
	} {
		var snapshots []Snapshot
		for _, d := range strings.Fields(c.mature) {
			snapshots = append(snapshots, Snapshot{Cutoff: day(t, d), Labels: "labels"})
		}
		for _, d := range strings.Fields(c.open) {
			snapshots = append(snapshots, Snapshot{Cutoff: day(t, d)})
		}
		s := SplitByTime(snapshots, 90, c.validation)
		if got := short(s.Train); got != c.train {
			t.Errorf("%s: trains on %q, want %q", c.name, got, c.train)
		}
		if got := short(s.Validation); got != c.judge {
			t.Errorf("%s: judged on %q, want %q", c.name, got, c.judge)
		}
		if len(s.Final) != len(strings.Fields(c.mature)) {
			t.Errorf("%s: %d snapshots for the final fit", c.name, len(s.Final))
		}
		if s.String() == "" {
			t.Errorf("%s: no words", c.name)
		}
	}
}

func day(t *testing.T, monthDay string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, "2011-"+monthDay)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func short(snapshots []Snapshot) string {
	return strings.ReplaceAll(strings.ReplaceAll(days(snapshots), "2011-", ""), ",", "")
}

func TestSplitInWords(t *testing.T) {
	t.Parallel()
	s := SplitByTime([]Snapshot{{Cutoff: day(t, "01-01"), Labels: "x"}, {Cutoff: day(t, "06-01"), Labels: "x"}}, 90, 1)
	want := "Judged on 2011-06-01 by a model that learned from 2011-01-01, whose outcomes of 90 days were known by then; " +
		"the published model then learned from 2011-01-01, 2011-06-01."
	if s.String() != want {
		t.Errorf("got %q", s)
	}
}
