package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// maxMissed is how many missed slots of a plan are recorded one by one.
const maxMissed = 1000

// advance records the slots of a plan that have come since it was last looked at.
func (s *Scheduler) advance(ctx context.Context, l *ledger.Ledger, p schedule.Plan) error {
	now := s.now()
	from, known, err := l.Through(ctx, p.Name)
	if err != nil {
		return err
	}
	if !known {
		_, err := l.AddSlots(ctx, p.Name, time.Time{}, now, nil) // nothing is missed before the first start
		return err
	}
	if from.Sub(now) > ledger.SlotAhead {
		n, err := l.RewindSlots(ctx, p.Name, now)
		if err == nil {
			s.Log.Error("the clock was set back: slots after now are forgotten and will come again; `mainstay doctor` tells whether readers see a day of the future",
				"schedule", p.Name, "was_at", from, "now", now, "forgotten", n)
		}
		return err
	}
	if !now.After(from) || p.When.Next(from).After(now) {
		return nil // so that an idle ledger is not written to
	}
	slots, before := s.since(p, from, now)
	added, err := l.AddSlots(ctx, p.Name, from, now, slots)
	if err != nil || !added {
		return err
	}
	s.tell(p, slots, before)
	return s.trim(ctx, l, p)
}

// since lists the slots in (from, now], the newest maxMissed of them; before is how many
// came before those. Of the ones that nobody noticed in time the newest CatchUp wait, the
// others are left out.
func (s *Scheduler) since(p schedule.Plan, from, now time.Time) (slots []ledger.Slot, before int) {
	for at := p.When.Next(from); !at.IsZero() && !at.After(now); at = p.When.Next(at) {
		slots = append(slots, ledger.Slot{Schedule: p.Name, At: at.UTC(), AsOf: at.In(s.Zone).Format(time.DateOnly), Work: string(p.Work),
			Starts: p.Starts(at, s.Place).UTC(), Status: ledger.SlotWaiting, Missed: now.Sub(at) > onTime, ExitCode: -1})
		if len(slots) == 2*maxMissed {
			slots, before = append(slots[:0], slots[maxMissed:]...), before+maxMissed
		}
	}
	if over := len(slots) - maxMissed; over > 0 {
		slots, before = slots[over:], before+over
	}
	late := 0
	for _, o := range slots {
		if o.Missed {
			late++
		}
	}
	for i := range late - p.CatchUp { // those that were missed come first
		slots[i].Status, slots[i].Note = ledger.SlotSkipped, fmt.Sprintf("missed: no scheduler ran, and of such slots only the newest %d are caught up", p.CatchUp)
	}
	return slots, before
}

// tell logs what was missed: each slot of a few, the sum of many.
func (s *Scheduler) tell(p schedule.Plan, slots []ledger.Slot, before int) {
	const few = 20
	var skipped []ledger.Slot
	caughtUp := 0
	for _, o := range slots {
		switch {
		case o.Status == ledger.SlotSkipped:
			skipped = append(skipped, o)
		case o.Missed:
			caughtUp++
		}
	}
	if len(skipped)+caughtUp > 0 {
		s.Log.Warn("slots were missed while no scheduler ran", "schedule", p.Name, "missed", before+len(skipped)+caughtUp, "caught_up", caughtUp, "left_out", before+len(skipped))
	}
	for i, o := range skipped {
		if i >= len(skipped)-few {
			s.left(o)
		} else if s.Ended != nil {
			s.Ended(o)
		}
	}
}

// dropForgotten leaves out what waits for a schedule that the project no longer has.
func (s *Scheduler) dropForgotten(ctx context.Context) (err error) {
	l, done, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	open, err := l.OpenSlots(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		if _, ok := s.plan(o.Schedule); ok || o.Status != ledger.SlotWaiting {
			continue
		}
		if err := s.skip(ctx, l, o, "the project has no such schedule any more"); err != nil {
			return err
		}
	}
	return nil
}

// trim keeps the queue of a plan short: work that always takes longer than the time
// between two slots would make it grow for ever.
func (s *Scheduler) trim(ctx context.Context, l *ledger.Ledger, p schedule.Plan) error {
	open, err := l.OpenSlots(ctx)
	if err != nil {
		return err
	}
	var waiting []ledger.Slot
	for _, o := range open {
		if o.Schedule == p.Name && o.Status == ledger.SlotWaiting && !o.Begun() {
			waiting = append(waiting, o)
		}
	}
	most := max(p.CatchUp, 1)
	for i := range len(waiting) - most {
		if err := s.skip(ctx, l, waiting[i], fmt.Sprintf("%d newer ones wait already", most)); err != nil {
			return err
		}
	}
	return nil
}

// finish records how the work of a slot ended, maybe because the scheduler stops.
func (s *Scheduler) finish(ctx context.Context, l *ledger.Ledger, slot ledger.Slot, o Outcome, stopping bool) error {
	slot.ExitCode, slot.Note = o.Code, o.Note
	switch o.Ending {
	case Done:
		slot.Status = ledger.SlotDone
	case Failed:
		slot.Status = ledger.SlotFailed
	case Busy:
		slot.Status, slot.Note = ledger.SlotWaiting, "waits for other work on the data directory"
		if p, ok := s.plan(slot.Schedule); ok && p.Overlap == schedule.Skip && !slot.Missed {
			slot.Status, slot.Note = ledger.SlotSkipped, "other work ran on the data directory"
		}
	case Stopped:
		slot.Status = ledger.SlotFailed
		if stopping {
			slot.Status, slot.Note = ledger.SlotWaiting, "stopped with its scheduler; it goes on when a scheduler starts"
		}
	}
	switch err := l.EndSlot(ctx, slot); {
	case errors.Is(err, ledger.ErrSlotTaken):
		s.Log.Warn("another scheduler has taken the slot over meanwhile", slotAttrs(slot)...)
	case err != nil:
		return err
	}
	s.report(slot)
	return nil
}

func (s *Scheduler) report(slot ledger.Slot) {
	attrs := append(slotAttrs(slot), "took", s.now().Sub(slot.StartedAt).Round(time.Millisecond), "exit_code", slot.ExitCode)
	if slot.Note != "" {
		attrs = append(attrs, "note", slot.Note)
	}
	switch slot.Status {
	case ledger.SlotDone:
		s.Log.Info("done", attrs...)
	case ledger.SlotFailed:
		s.Log.Error("failed", attrs...)
	case ledger.SlotSkipped:
		s.left(slot)
		return
	default:
		s.Log.Info("waits", attrs...)
		return
	}
	if s.Ended != nil {
		s.Ended(slot)
	}
}

// stop waits for work that was told to stop and records how it ended. A ledger that
// cannot be written to is no reason to stay: the next scheduler settles the slot.
func (s *Scheduler) stop(ctx context.Context, running *work) {
	ctx = context.WithoutCancel(ctx)
	if running == nil {
		return
	}
	if running.over == nil {
		s.Log.Info("waiting for the work that runs to stop", slotAttrs(running.slot)...)
		o := <-running.ended
		running.over = &o
	}
	l, done, err := s.open(ctx)
	if err == nil {
		err = errors.Join(s.finish(ctx, l, running.slot, *running.over, true), done())
	}
	if err != nil {
		s.Log.Error("the end of the work could not be recorded; the next scheduler looks into it", "error", err)
	}
}
