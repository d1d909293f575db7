// Package scheduler starts the work of a project's plans at their slots, one at a time,
// each as a child process. Every slot is in the ledger before its work starts, so that
// restarts, and several schedulers on one data directory, neither lose one nor repeat
// one.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// Ending is how the work of a slot ended.
type Ending int

// How work ends.
const (
	Done    Ending = iota
	Failed         // and will not be tried again by itself
	Busy           // it did not start: somebody else works on the data directory
	Stopped        // by a signal; another start goes on where it was
)

// Outcome is what the work of a slot came to.
type Outcome struct {
	Ending Ending
	Code   int    // exit code; -1 for none
	Note   string // a line for people; may be empty
}

// Scheduler runs plans. Its fields are set before Loop and stay.
type Scheduler struct {
	Plans []schedule.Plan // names differ; of two slots at one time that of the first plan starts first
	Dir   string          // data directory, which holds the ledger
	Zone  *time.Location  // in which the date of a slot is its as-of day
	Place string          // what jitter depends on besides the plan and the slot; see schedule.Plan.Starts

	// Run does the work of a slot and returns when it has ended. When ctx is done it
	// asks the work to stop and still waits for it; see RunChild.
	Run func(ctx context.Context, slot ledger.Slot) Outcome

	Log *slog.Logger

	// Ended is told of every slot that ended or was left out, after the ledger was. It
	// must return soon. nil is fine.
	Ended func(slot ledger.Slot)

	// Now is the clock; nil means the machine's.
	Now func() time.Time

	look   time.Duration // how often the clock is looked at; 0 means every 30 seconds
	turn   sync.Locker   // in tests, for the time that the ledger is open; nil otherwise
	ticked atomic.Int64
	failed string // the last error that was logged
}

const (
	// look is how often the clock is looked at: a long timer would not see the machine
	// sleep, or the clock being set.
	look = 30 * time.Second
	// onTime is how late a slot may be noticed and still count as noticed in time: a
	// restart of the scheduler takes less.
	onTime = 5 * time.Minute
)

// Alive is when the loop last looked at the clock; the zero time before its first look.
// More than a few minutes ago means that it hangs.
func (s *Scheduler) Alive() time.Time {
	if n := s.ticked.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (s *Scheduler) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().Round(0) // without the monotonic reading, which stands still while a machine sleeps
}

func (s *Scheduler) every() time.Duration {
	if s.look > 0 {
		return s.look
	}
	return look
}

// work is a slot whose work runs, or has ended and is not in the ledger yet.
type work struct {
	slot  ledger.Slot
	ended chan Outcome
	over  *Outcome
}

// Loop runs the plans until ctx is done, and returns nil then, after the work that ran
// was stopped. A ledger that cannot be used is an error at the start; later it is logged,
// and tried again. Work that fails is logged and recorded.
func (s *Scheduler) Loop(ctx context.Context) error {
	var running *work
	err := s.dropForgotten(context.WithoutCancel(ctx))
	var wake time.Time
	if err == nil {
		wake, err = s.tick(ctx, &running)
	}
	if err != nil && ctx.Err() == nil {
		return err
	}
	for {
		s.wait(ctx, wake, running)
		if ctx.Err() != nil {
			s.stop(ctx, running)
			s.Log.Info("schedule stopped")
			return nil
		}
		if wake, err = s.tick(ctx, &running); err != nil {
			s.complain(err)
			wake = s.now().Add(s.every())
		} else if s.failed != "" {
			s.Log.Info("the ledger can be used again")
			s.failed = ""
		}
	}
}

// complain logs an error once, not twice a minute for as long as it lasts.
func (s *Scheduler) complain(err error) {
	if err.Error() != s.failed {
		s.Log.Error("the schedule cannot go on now; trying again twice a minute", "error", err)
		s.failed = err.Error()
	}
}

// wait returns when it is time to look again: at wake, when work ends, when the clock
// was set back, or when ctx is done.
func (s *Scheduler) wait(ctx context.Context, wake time.Time, running *work) {
	var ended chan Outcome
	if running != nil && running.over == nil {
		ended = running.ended
	}
	for last := s.now(); ; {
		timer := time.NewTimer(max(min(wake.Sub(last), s.every()), 0))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case o := <-ended:
			timer.Stop()
			running.over = &o
			return
		case <-timer.C:
		}
		now := s.now()
		s.ticked.Store(now.UnixNano())
		if !now.Before(wake) || now.Before(last.Add(-time.Minute)) {
			return
		}
		last = now
	}
}

// tick brings the ledger up to date, starts work that is due and says when to look next.
func (s *Scheduler) tick(ctx context.Context, running **work) (wake time.Time, err error) {
	s.ticked.Store(s.now().UnixNano())
	whole := context.WithoutCancel(ctx) // what is begun in the ledger is ended there
	l, done, err := s.open(whole)
	if err != nil {
		return wake, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if r := *running; r != nil && r.over != nil {
		if err := s.finish(whole, l, r.slot, *r.over, false); err != nil {
			return wake, err
		}
		*running = nil
	}
	for _, p := range s.Plans {
		if err := s.advance(whole, l, p); err != nil {
			return wake, err
		}
	}
	if *running != nil {
		if err := l.BeatScheduler(whole); err != nil {
			return wake, err
		}
	}
	return s.begin(ctx, l, running)
}

// open opens the ledger for a moment: between two looks at it somebody may repair it, or
// put a copy in its place.
func (s *Scheduler) open(ctx context.Context) (l *ledger.Ledger, done func() error, err error) {
	if s.turn != nil {
		s.turn.Lock()
	}
	release := func() {
		if s.turn != nil {
			s.turn.Unlock()
		}
	}
	if l, err = ledger.Open(ctx, s.Dir, s.now); err != nil {
		release()
		return nil, nil, err
	}
	return l, func() error { defer release(); return l.Close() }, nil
}

// begin starts the next slot if it is due and nothing runs.
func (s *Scheduler) begin(ctx context.Context, l *ledger.Ledger, running **work) (wake time.Time, err error) {
	names := make([]string, len(s.Plans))
	for i, p := range s.Plans {
		names[i] = p.Name
	}
	whole := context.WithoutCancel(ctx)
	if r := *running; r != nil {
		if err := s.leaveOut(whole, l, nameOf(r.slot)); err != nil {
			return wake, err
		}
		return s.next(whole, l, true)
	}
	slot, ok, err := l.ClaimSlot(whole, names)
	var busy *ledger.BusyError
	switch {
	case errors.As(err, &busy):
		if err := s.leaveOut(whole, l, busy.What); err != nil {
			return wake, err
		}
	case err != nil:
		return wake, err
	case ok:
		w := &work{slot: slot, ended: make(chan Outcome, 1)}
		*running = w
		s.Log.Info("starting", append(slotAttrs(slot), "late_by", s.now().Sub(slot.At).Round(time.Second))...)
		go func() { w.ended <- s.Run(ctx, slot) }()
		if err := s.leaveOut(whole, l, nameOf(slot)); err != nil {
			return wake, err
		}
	}
	return s.next(whole, l, ok || busy != nil)
}

// next is when something may have to be done: the next slot of a plan, the start of one
// that waits, or soon while something runs.
func (s *Scheduler) next(ctx context.Context, l *ledger.Ledger, busy bool) (time.Time, error) {
	now := s.now()
	wake := now.Add(24 * time.Hour)
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(wake) {
			wake = t
		}
	}
	if busy {
		earlier(now.Add(s.every()))
	}
	for _, p := range s.Plans {
		earlier(p.When.Next(now))
	}
	open, err := l.OpenSlots(ctx)
	if err != nil {
		return wake, err
	}
	for _, o := range open {
		if o.Status == ledger.SlotWaiting && o.Starts.After(now) {
			earlier(o.Starts)
		}
	}
	return wake, nil
}

// leaveOut skips the slots that are due while something runs and whose plan says so.
// Those that were missed, or began before, wait for their turn.
func (s *Scheduler) leaveOut(ctx context.Context, l *ledger.Ledger, what string) error {
	open, err := l.OpenSlots(ctx)
	if err != nil {
		return err
	}
	for _, o := range open {
		p, ok := s.plan(o.Schedule)
		if !ok || p.Overlap != schedule.Skip || o.Status != ledger.SlotWaiting || o.Starts.After(s.now()) || o.Missed || o.Begun() {
			continue
		}
		if err := s.skip(ctx, l, o, what+" was still running"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scheduler) plan(name string) (schedule.Plan, bool) {
	for _, p := range s.Plans {
		if p.Name == name {
			return p, true
		}
	}
	return schedule.Plan{}, false
}

func (s *Scheduler) skip(ctx context.Context, l *ledger.Ledger, slot ledger.Slot, reason string) error {
	ok, err := l.SkipSlot(ctx, slot, reason)
	if err != nil || !ok {
		return err
	}
	slot.Status, slot.Note = ledger.SlotSkipped, reason
	s.left(slot)
	return nil
}

// left tells of a slot that was left out.
func (s *Scheduler) left(slot ledger.Slot) {
	s.Log.Warn("left out", append(slotAttrs(slot), "reason", slot.Note)...)
	if s.Ended != nil {
		s.Ended(slot)
	}
}

func nameOf(s ledger.Slot) string {
	return fmt.Sprintf("%s %s of schedule %s", s.Work, s.AsOf, s.Schedule)
}

func slotAttrs(s ledger.Slot) []any {
	return []any{"schedule", s.Schedule, "slot", s.At, "work", s.Work, "as_of", s.AsOf}
}
