package pipeline

import (
	"fmt"
	"time"
)

// Day is a calendar day, written YYYY-MM-DD.
type Day struct{ t time.Time } // midnight UTC

const dayLayout = "2006-01-02"

// ParseDay reads a day.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(dayLayout, s)
	if err != nil {
		return Day{}, fmt.Errorf("%q is not a day; expected YYYY-MM-DD such as 2024-03-01", s)
	}
	return Day{t}, nil
}

// DayOf is the day of a moment in a time zone.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

// String writes the day.
func (d Day) String() string { return d.t.Format(dayLayout) }

// IsZero tells whether the day was never set.
func (d Day) IsZero() bool { return d.t.IsZero() }

// AddDays moves by days.
func (d Day) AddDays(n int) Day { return Day{d.t.AddDate(0, 0, n)} }

// Since is the number of days from o to d.
func (d Day) Since(o Day) int { return int(d.t.Sub(o.t) / (24 * time.Hour)) }

// Before orders days.
func (d Day) Before(o Day) bool { return d.t.Before(o.t) }

// Start is the first moment of the day in a time zone. Where a clock change skips
// midnight that is the first moment that exists; where one repeats it, the first of
// the two.
func (d Day) Start(zone *time.Location) time.Time {
	const step = 15 * time.Minute // clock changes are multiples of it
	y, m, day := d.t.Date()
	t := time.Date(y, m, day, 0, 0, 0, 0, zone)
	for DayOf(t, zone).Before(d) {
		t = t.Add(step)
	}
	for !DayOf(t.Add(-step), zone).Before(d) {
		t = t.Add(-step)
	}
	return t
}

// Months returns the first days of months in [from, to], oldest first.
func Months(from, to Day) []Day {
	var out []Day
	y, m, _ := from.t.Date()
	for d := (Day{time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)}); !to.Before(d); d = (Day{d.t.AddDate(0, 1, 0)}) {
		if !d.Before(from) {
			out = append(out, d)
		}
	}
	return out
}
