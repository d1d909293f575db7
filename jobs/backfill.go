package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// BackfillDay is a day of a backfill: to be run, or skipped because it is published.
type BackfillDay struct {
	AsOf pipeline.Day
	Skip bool
	Why  string
}

// Steps of a backfill.
const (
	EveryDay   = "day"
	EveryWeek  = "week"
	EveryMonth = "month"
)

// BackfillDays are the days from from to to, in order: every one, every seventh counted
// from the first, or the first days of months.
func BackfillDays(from, to pipeline.Day, every string) ([]pipeline.Day, error) {
	step := map[string]int{EveryDay: 1, EveryWeek: 7}[every]
	switch {
	case to.Before(from):
		return nil, fmt.Errorf("the first day %s is after the last %s", from, to)
	case every == EveryMonth:
		days := pipeline.Months(from, to)
		if len(days) == 0 {
			return nil, fmt.Errorf("no month begins from %s to %s", from, to)
		}
		return days, nil
	case step == 0:
		return nil, fmt.Errorf("%q is none of %s, %s, %s", every, EveryDay, EveryWeek, EveryMonth)
	}
	var out []pipeline.Day
	for d := from; !to.Before(d); d = d.AddDays(step) {
		out = append(out, d)
	}
	return out, nil
}

// PlanBackfill tells which of some days are to be run: those that are not published, and
// those that another program, configuration or SQL has published.
func (p *Project) PlanBackfill(ctx context.Context, days []pipeline.Day) (out []BackfillDay, err error) {
	shown := map[string]ledger.Night{}
	if _, err := os.Stat(filepath.Join(p.DataDir, ledger.FileName)); !errors.Is(err, os.ErrNotExist) {
		l, err := ledger.OpenExisting(ctx, p.DataDir)
		if err != nil {
			return nil, err
		}
		nights, err := l.PublishedNights(ctx)
		if err := errors.Join(err, l.Close()); err != nil {
			return nil, err
		}
		for _, n := range nights {
			shown[n.AsOf] = n
		}
	}
	for _, d := range days {
		b := BackfillDay{AsOf: d, Why: "not published"}
		now := p.record(d, ledger.KindNight)
		if n, ok := shown[d.String()]; ok {
			what := differences(n, now)
			switch {
			case len(what) > 0:
				b.Why = fmt.Sprintf("%s since night %d", changed(what), n.ID)
			case n.Config != now.Config || n.Code == "":
				b.Why = fmt.Sprintf("night %d does not tell by which program it was made", n.ID)
			default:
				b.Skip, b.Why = true, fmt.Sprintf("published by night %d, nothing has changed", n.ID)
			}
		}
		out = append(out, b)
	}
	return out, nil
}

// MissingDays are the days that the schedules name between the first and the last night,
// none of them after today, and that no night was published of, oldest first. Days whose
// night failed are among them.
func MissingDays(ctx context.Context, l *ledger.Ledger, plans []schedule.Plan, zone *time.Location, today pipeline.Day) ([]pipeline.Day, error) {
	nights, err := l.Nights(ctx, 0)
	if err != nil {
		return nil, err
	}
	published := map[string]bool{}
	first, last := "", ""
	for _, n := range nights {
		if n.Kind != ledger.KindNight || n.Status == ledger.Running {
			continue
		}
		if n.Status == ledger.Published {
			published[n.AsOf] = true
			if first == "" || n.AsOf < first {
				first = n.AsOf
			}
		}
		last = max(last, n.AsOf)
	}
	if first == "" {
		return nil, nil
	}
	from, err1 := pipeline.ParseDay(first)
	to, err2 := pipeline.ParseDay(last)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("reading the days of nights: %w", err)
	}
	to = notLater(to, today)
	due := map[string]bool{}
	for _, plan := range plans {
		if plan.Work == schedule.Extract {
			continue
		}
		end := to.AddDays(1).Start(zone)
		for slot := plan.When.Next(from.Start(zone).Add(-time.Second)); !slot.IsZero() && slot.Before(end); slot = plan.When.Next(slot) {
			due[pipeline.DayOf(slot, zone).String()] = true
		}
	}
	var out []pipeline.Day
	for d := from; !to.Before(d); d = d.AddDays(1) {
		if due[d.String()] && !published[d.String()] {
			out = append(out, d)
		}
	}
	return out, nil
}
