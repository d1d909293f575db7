// Package schedule says when work starts: a cron expression in a time zone, and the
// plans that a project has. It starts nothing.
package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a cron expression read on the wall clock of one time zone.
// The zero value never fires.
//
// A slot is a wall-clock time that the expression names. Every slot fires
// exactly once, whatever the clocks do: a slot inside the gap of a spring
// change fires at the moment the gap ends, and a slot that the autumn change
// repeats fires the first time only. (robfig/cron by itself drops the first
// kind and fires the second twice.)
type Schedule struct {
	expr string
	spec cron.Schedule // evaluated on naive wall-clock times, written as UTC
	zone *time.Location
}

// parser accepts the five fields of crontab(5) and names such as @daily.
var parser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Parse reads a cron expression of five fields (minute, hour, day of month,
// month, day of week) or a name such as @daily. An expression that sets its
// own time zone, counts intervals (@every) or never comes is an error.
func Parse(expr string, zone *time.Location) (Schedule, error) {
	trimmed := strings.TrimSpace(expr)
	switch {
	case zone == nil:
		return Schedule{}, errors.New("a schedule needs a time zone")
	case strings.HasPrefix(trimmed, "TZ="), strings.HasPrefix(trimmed, "CRON_TZ="):
		return Schedule{}, errors.New("the time zone does not belong in the expression; set time_zone instead")
	case strings.HasPrefix(trimmed, "@every"):
		return Schedule{}, errors.New("@every has no fixed time of day; write five fields such as 0 2 * * *")
	}
	spec, err := parser.Parse(trimmed)
	if err != nil {
		return Schedule{}, fmt.Errorf("reading cron expression: %w", err)
	}
	s, ok := spec.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, fmt.Errorf("reading cron expression: %q has no fixed time of day", expr)
	}
	s.Location = time.UTC
	// 2001 has every date but 29 February, which robfig's five years reach.
	if s.Next(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, fmt.Errorf("reading cron expression: %q names a day that never comes", expr)
	}
	return Schedule{expr: trimmed, spec: s, zone: zone}, nil
}

// String gives the expression and its zone, for logs.
func (s Schedule) String() string {
	if s.zone == nil {
		return "never"
	}
	return s.expr + " " + s.zone.String()
}

// maxShift is how far a zone's clocks have ever jumped (Samoa left out a whole
// day in 2011), with some room.
const maxShift = 26 * time.Hour

// Next returns the first slot after now, in the schedule's time zone, or the
// zero time if none comes within five years. The as-of day of a slot is its
// local date.
func (s Schedule) Next(now time.Time) time.Time {
	if s.spec == nil {
		return time.Time{}
	}
	// Slots are found on the wall clock and then placed in time. Placing keeps
	// their order, so the first one that lands after now is the answer; near a
	// clock change start early enough that no jump hides it.
	local := now.In(s.zone)
	wall := wallClock(local)
	if start, end := local.ZoneBounds(); !start.IsZero() && now.Sub(start) <= maxShift || !end.IsZero() && end.Sub(now) <= maxShift {
		wall = wall.Add(-maxShift)
	}
	for {
		wall = s.spec.Next(wall)
		if wall.IsZero() {
			return time.Time{}
		}
		if slot := place(wall, s.zone); slot.After(now) {
			return slot
		}
	}
}

// wallClock drops the zone: the same date and time of day, written as UTC.
func wallClock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// place turns a wall-clock time into the instant when zone's clocks first
// show it, or, if a gap skips it, the instant when the gap ends.
func place(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := t.ZoneBounds()
	switch shown := wallClock(t); {
	case shown.After(wall): // in a gap; Go moved it past the jump
		return start
	case shown.Before(wall): // in a gap; Go moved it before the jump
		return end
	case start.IsZero():
		return t
	}
	// In the fold of an autumn change the same wall clock shows once before
	// the jump too; take that one.
	_, before := start.Add(-time.Second).Zone()
	earlier := wall.Add(-time.Duration(before) * time.Second).In(zone)
	if earlier.Before(start) && wallClock(earlier).Equal(wall) {
		return earlier
	}
	return t
}
