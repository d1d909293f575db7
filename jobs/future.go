package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// A clock that was ahead, or a mistyped day, can leave a published day of the future:
// readers see it, and no night of today, until it is over. Nothing here decides what a
// night computes; it is said, and the day counts as today where the past is let go.

// notLater is a day, or today when the day lies after it. Zero for today means that it is
// not known.
func notLater(day, today pipeline.Day) pipeline.Day {
	if !today.IsZero() && today.Before(day) {
		return today
	}
	return day
}

// shownAhead warns when the day that the warehouse goes on showing lies after today.
func (p *Project) shownAhead(asOf pipeline.Day, shown string) (string, error) {
	if shown == "" {
		return "", nil
	}
	day, err := pipeline.ParseDay(shown)
	if err != nil {
		return "", fmt.Errorf("reading which day the warehouse shows: %w", err)
	}
	if notLater(day, p.today) == day {
		return "", nil
	}
	return fmt.Sprintf("the warehouse shows %s, a day after today (%s), so readers see neither this night nor one that follows until then: was the clock ahead, or a day mistyped? `mainstay publish rollback %s` lets them see this night", day, p.today, asOf), nil
}

// shownDay looks at whether what readers see lies in the future.
func (d *doctor) shownDay(ctx context.Context, l *ledger.Ledger) {
	shown, ok, err := l.Shown(ctx)
	if err != nil || !ok {
		return
	}
	day, err := pipeline.ParseDay(shown.AsOf)
	if err != nil {
		d.say(Broken, "shown day", "mainstay repair --data "+d.dataDir, "the ledger says that readers see a night of %q", shown.AsOf)
		return
	}
	today := d.today()
	if notLater(day, today) == day {
		return
	}
	d.say(Broken, "shown day", "set the clock if it is wrong; else `mainstay publish rollback` to the last night of before today (`mainstay nights` lists them)",
		"readers see night %d of %s, a day after today (%s), and no other until then", shown.Night, shown.AsOf, today)
}

// latestZone is where a day begins first.
var latestZone = time.FixedZone("+14", 14*60*60)

// today is the day in the business time zone; without a project the latest that it is
// anywhere.
func (d *doctor) today() pipeline.Day {
	if d.p != nil {
		return pipeline.DayOf(d.now, d.p.Config.Location())
	}
	return pipeline.DayOf(d.now, latestZone)
}
