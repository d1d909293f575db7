package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Clock is the time that a loop lives by; tests bring their own.
type Clock interface {
	// Now returns the present moment.
	Now() time.Time
	// Wait returns nil once Now is at or after until, or the context's error
	// as soon as the context is done.
	Wait(ctx context.Context, until time.Time) error
}

// Run starts the night of a slot and returns when it has ended. Its as-of day
// is the slot's date: slot.Format(time.DateOnly). When ctx is done it should
// ask the night to stop and still wait for it; see RunChild.
type Run func(ctx context.Context, slot time.Time) error

// Loop runs a night at every slot of the schedule until ctx is done, and then
// returns nil. Nights never overlap: a slot that comes while a night runs is
// left out, with a line in the log. When the machine slept through several
// slots only the latest is run; the others are logged, to be backfilled. A
// night that fails is logged and the loop goes on. The only error is a
// schedule that has no slot left.
func Loop(ctx context.Context, clock Clock, s Schedule, run Run, log *slog.Logger) error {
	last := clock.Now()
	for {
		slot := s.Next(last)
		if slot.IsZero() {
			return fmt.Errorf("finding the next night: %s has no slot within five years of %s", s, last.Format(time.DateOnly))
		}
		log.Info("next night", "slot", slot, "as_of", slot.Format(time.DateOnly))
		if err := clock.Wait(ctx, slot); err != nil {
			log.Info("schedule stopped")
			return nil
		}
		slot = latestDue(s, slot, clock.Now(), log)

		runNight(ctx, clock, run, slot, log)
		if ctx.Err() != nil {
			log.Info("schedule stopped")
			return nil
		}
		last = skipMissed(s, slot, clock.Now(), log)
	}
}

// latestDue moves from slot to the newest slot that is already due.
func latestDue(s Schedule, slot, now time.Time, log *slog.Logger) time.Time {
	for {
		next := s.Next(slot)
		if next.IsZero() || next.After(now) {
			return slot
		}
		log.Warn("night skipped: a later one is due already; backfill it if you need it",
			"slot", slot, "as_of", slot.Format(time.DateOnly))
		slot = next
	}
}

func runNight(ctx context.Context, clock Clock, run Run, slot time.Time, log *slog.Logger) {
	log = log.With("slot", slot, "as_of", slot.Format(time.DateOnly))
	started := clock.Now()
	log.Info("night starting", "late_by", started.Sub(slot))
	err := run(ctx, slot)
	took := clock.Now().Sub(started)
	if err != nil {
		log.Error("night failed", "took", took, "error", err)
		return
	}
	log.Info("night ended", "took", took)
}

// skipMissed logs the slots that came while the night of slot ran and returns
// the moment after which the next slot is to be sought. That is never before
// slot, so a clock set back does not run a night twice.
func skipMissed(s Schedule, slot, now time.Time, log *slog.Logger) time.Time {
	last := slot
	for next := s.Next(last); !next.IsZero() && !next.After(now); next = s.Next(last) {
		log.Warn("night skipped: the one before was still running",
			"slot", next, "as_of", next.Format(time.DateOnly))
		last = next
	}
	return last
}

// SystemClock is the machine's clock.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

// Now drops Go's monotonic reading, which stands still while a machine sleeps.
func (systemClock) Now() time.Time { return time.Now().Round(0) }

// Wait looks at the clock twice a minute rather than trust one long timer: a
// timer does not see the machine sleep, or the clock being set.
func (c systemClock) Wait(ctx context.Context, until time.Time) error {
	const look = 30 * time.Second
	for {
		left := until.Sub(c.Now())
		if err := ctx.Err(); err != nil || left <= 0 {
			return err
		}
		timer := time.NewTimer(min(left, look))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
