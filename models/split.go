package models

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Snapshot names the files of one cutoff.
type Snapshot struct {
	Cutoff           time.Time // start of the as-of day in the business time zone
	CustomerFeatures string    // path: one row per customer
	CategoryFeatures string    // path: one row per customer and category; churn does not read it
	Labels           string    // path; "" while the label window is not over
}

// Day is the cutoff as YYYY-MM-DD.
func (s Snapshot) Day() string { return s.Cutoff.Format(time.DateOnly) }

// Split says which snapshots judge a model and which it learns from.
type Split struct {
	HorizonDays int
	Train       []Snapshot // what the judged model learns from
	Validation  []Snapshot // what it is judged on; empty when history is too short
	Final       []Snapshot // all mature ones: what the published model learns from
}

// SplitByTime takes the latest cutoffs among the mature snapshots (those with
// labels) for validation and, for training, the ones whose label window
// [cutoff, cutoff + horizon) is over at the first validation cutoff, so that
// no day is both learned from and judged on. When no such split exists with
// that many validation cutoffs, fewer are tried, down to none.
func SplitByTime(snapshots []Snapshot, horizonDays, validation int) Split {
	s := Split{HorizonDays: horizonDays}
	for _, snap := range snapshots {
		if snap.Labels != "" {
			s.Final = append(s.Final, snap)
		}
	}
	slices.SortFunc(s.Final, func(a, b Snapshot) int { return a.Cutoff.Compare(b.Cutoff) })
	for k := min(max(validation, 1), len(s.Final)); k > 0; k-- {
		first := s.Final[len(s.Final)-k].Cutoff
		n := 0
		for n < len(s.Final) && !s.Final[n].Cutoff.AddDate(0, 0, horizonDays).After(first) {
			n++
		}
		if n > 0 {
			s.Train, s.Validation = s.Final[:n], s.Final[len(s.Final)-k:]
			return s
		}
	}
	return s
}

// String tells the split in words.
func (s Split) String() string {
	if len(s.Final) == 0 {
		return "There is no snapshot whose outcome is known yet."
	}
	if len(s.Validation) == 0 {
		return fmt.Sprintf("Learned from %s. Not validated: no earlier snapshot has its outcome of %d days known before the latest of them.",
			days(s.Final), s.HorizonDays)
	}
	return fmt.Sprintf("Judged on %s by a model that learned from %s, whose outcomes of %d days were known by then; the published model then learned from %s.",
		days(s.Validation), days(s.Train), s.HorizonDays, days(s.Final))
}

func days(snapshots []Snapshot) string {
	out := make([]string, len(snapshots))
	for i, s := range snapshots {
		out[i] = s.Day()
	}
	return strings.Join(out, ", ")
}
