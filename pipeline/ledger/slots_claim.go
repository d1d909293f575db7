package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// SlotAhead is how far behind the ledger a clock may be before it counts as set back: less
// repeats nothing.
const SlotAhead = time.Hour

// BusyError says what runs on the data directory already, so that a slot cannot start.
type BusyError struct{ What string }

// Error says what runs.
func (e *BusyError) Error() string { return e.What + " runs" }

// ClaimSlot takes the oldest slot that is due for this process: its status is running
// when it returns, and no other process gets it. Of several at the same time the one
// whose schedule is named first is taken; slots of schedules that are not named stay.
// ok is false when none is due. While a slot runs, here or elsewhere, or somebody holds
// the lease, the error is a *BusyError.
//
// A slot whose scheduler is gone is settled first: it ended as its night did, or it
// waits again.
func (l *Ledger) ClaimSlot(ctx context.Context, schedules []string) (s Slot, ok bool, err error) {
	host, err := os.Hostname()
	if err != nil {
		return s, false, fmt.Errorf("reading the host name for a slot: %w", err)
	}
	// Most of the time there is nothing to do: a look leaves no trace in the redo log.
	var look slotLook
	err = l.transact(ctx, func(tx *sql.Tx) (err error) {
		look, err = l.lookAtSlots(ctx, tx, host, schedules)
		return err
	})
	if err == nil && (len(look.settled) > 0 || look.busy == nil && look.found) {
		err = l.tx(ctx, func(tx *sql.Tx) (err error) {
			if look, err = l.lookAtSlots(ctx, tx, host, schedules); err != nil {
				return err
			}
			for _, s := range look.settled {
				if err := update(ctx, tx, s); err != nil {
					return err
				}
			}
			if look.busy != nil || !look.found {
				return nil
			}
			n := &look.next
			n.Status, n.Host, n.PID, n.born, n.StartedAt, n.FinishedAt, n.ExitCode, n.Note = SlotRunning, host, os.Getpid(), processBorn(os.Getpid()), l.now(), time.Time{}, -1, ""
			return update(ctx, tx, *n)
		})
	}
	switch {
	case err != nil:
		return s, false, fmt.Errorf("taking a slot: %w", err)
	case look.busy != nil:
		return s, false, look.busy
	}
	return look.next, look.found, nil
}

// update writes all of a slot that can change.
func update(ctx context.Context, tx *sql.Tx, s Slot) error {
	var code any
	if s.ExitCode >= 0 {
		code = s.ExitCode
	}
	_, err := tx.ExecContext(ctx, `UPDATE slots SET status = ?, host = ?, pid = ?, born = ?, started_at = ?, finished_at = ?, exit_code = ?, note = ? WHERE schedule = ? AND slot = ?`,
		s.Status, s.Host, s.PID, s.born, stamp(s.StartedAt), stamp(s.FinishedAt), code, s.Note, s.Schedule, stamp(s.At))
	return err
}

// slotLook is what is to be done with the slots that are open.
type slotLook struct {
	settled []Slot // whose scheduler is gone, with what became of them
	busy    *BusyError
	next    Slot // the next that is due
	found   bool
}

// nextDue picks the oldest slot; of several at one time that of the schedule named first.
func nextDue(waiting []Slot, schedules []string, now time.Time) (s Slot, ok bool) {
	waiting = slices.DeleteFunc(waiting, func(s Slot) bool { return s.Starts.After(now) || !slices.Contains(schedules, s.Schedule) })
	if len(waiting) == 0 {
		return s, false
	}
	return slices.MinFunc(waiting, func(a, b Slot) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return slices.Index(schedules, a.Schedule) - slices.Index(schedules, b.Schedule)
	}), true
}

func (l *Ledger) lookAtSlots(ctx context.Context, tx *sql.Tx, host string, schedules []string) (look slotLook, err error) {
	held, _, err := l.heldBy(ctx, tx, host)
	if err != nil {
		return look, err
	}
	if held != nil && held.state == alive {
		look.busy = &BusyError{fmt.Sprintf("%s (process %d on %s, since %s)", held.Holder, held.PID, held.Host, held.Since.Format(minute))}
	}
	open, err := openSlots(ctx, tx)
	if err != nil {
		return look, err
	}
	var waiting []Slot
	for _, s := range open {
		if s.Status == SlotRunning {
			settled, err := l.settle(ctx, tx, &s, host, look.busy != nil)
			if err != nil {
				return look, err
			}
			if settled {
				look.settled = append(look.settled, s)
			}
		}
		switch {
		case s.Status == SlotWaiting:
			waiting = append(waiting, s)
		case s.Status == SlotRunning && look.busy == nil:
			look.busy = &BusyError{fmt.Sprintf("%s %s of schedule %s (started by process %d on %s)", s.Work, s.AsOf, s.Schedule, s.PID, s.Host)}
		}
	}
	look.next, look.found = nextDue(waiting, schedules, l.now())
	return look, nil
}

func openSlots(ctx context.Context, tx *sql.Tx) ([]Slot, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+slotColumns+` FROM slots WHERE status IN ('waiting', 'running') ORDER BY slot, schedule`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Slot
	for rows.Next() {
		s, err := scanSlot(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// settle decides what became of a running slot whose scheduler is gone: its night is a
// process of its own and may have ended well, or run still. It returns false, and leaves
// the slot as it is, while something of it lives.
func (l *Ledger) settle(ctx context.Context, tx *sql.Tx, s *Slot, host string, leaseHeld bool) (bool, error) {
	if lives, err := l.schedulerLives(ctx, tx, *s, host); lives || err != nil {
		return false, err
	}
	kind := KindNight
	if s.Work == WorkExtract {
		kind = KindExtraction
	}
	var night string
	err := tx.QueryRowContext(ctx, `SELECT status FROM nights WHERE as_of = ? AND kind = ? AND started_at >= ? ORDER BY id DESC LIMIT 1`,
		s.AsOf, kind, stamp(s.StartedAt)).Scan(&night)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	switch {
	case night == Running && leaseHeld:
		return false, nil
	case night == Published:
		s.Status, s.Note = SlotDone, "its scheduler ended before it did"
	case night == Failed:
		s.Status, s.Note = SlotFailed, "its scheduler ended before it did"
	default:
		s.Status, s.Note = SlotWaiting, "its scheduler ended while it ran; it starts again"
	}
	if s.Status != SlotWaiting {
		s.FinishedAt = l.now()
	}
	return true, nil
}

// schedulerLives tells whether the scheduler that took a slot seems to live. The lease
// keeps works apart even if that is wrong.
func (l *Ledger) schedulerLives(ctx context.Context, tx *sql.Tx, s Slot, host string) (bool, error) {
	if s.Host == host && lookable(s.born, where()) {
		return processAlive(s.PID, s.born), nil
	}
	var seen sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT seen FROM schedulers WHERE host = ? AND pid = ? AND born = ?`, s.Host, s.PID, s.born).Scan(&seen)
	if errors.Is(err, sql.ErrNoRows) {
		return l.now().Sub(s.StartedAt) < LeaseExpiry, nil // it may not have come to say so yet
	}
	return l.now().Sub(parseStamp(seen)).Abs() < LeaseExpiry, err
}

// BeatScheduler tells other machines that the scheduler in this process lives. It is to
// be called more often than every LeaseExpiry while a slot runs.
func (l *Ledger) BeatScheduler(ctx context.Context) error {
	host, err := os.Hostname()
	if err == nil {
		err = l.transact(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO schedulers (host, pid, born, seen) VALUES (?, ?, ?, ?)`, host, os.Getpid(), processBorn(os.Getpid()), stamp(l.now())); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM schedulers WHERE seen < ?`, stamp(l.now().Add(-24*time.Hour)))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("telling that the scheduler lives: %w", err)
	}
	return nil
}

// EndSlot records how a slot that ClaimSlot gave to this process ended: Status, ExitCode
// (-1 for none) and Note of s. With the status waiting it will start again. A slot that is
// more than SlotAhead after now was started by a clock that was put right since: it is
// forgotten, to come again. See ErrSlotTaken.
func (l *Ledger) EndSlot(ctx context.Context, s Slot) error {
	s.FinishedAt = time.Time{}
	future := s.At.Sub(l.now()) > SlotAhead
	if s.Status != SlotWaiting {
		s.FinishedAt = l.now()
	}
	err := l.tx(ctx, func(tx *sql.Tx) error {
		var mine int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM slots WHERE schedule = ? AND slot = ? AND status = 'running' AND host = ? AND pid = ? AND born = ?`,
			s.Schedule, stamp(s.At), s.Host, s.PID, s.born).Scan(&mine); err != nil {
			return err
		}
		if mine == 0 {
			return ErrSlotTaken
		}
		if future {
			_, err := tx.ExecContext(ctx, `DELETE FROM slots WHERE schedule = ? AND slot = ?`, s.Schedule, stamp(s.At))
			return err
		}
		return update(ctx, tx, s)
	})
	if err != nil {
		return fmt.Errorf("recording slot %s of schedule %s: %w", s.At.Format(minute), s.Schedule, err)
	}
	return nil
}

const minute = "2006-01-02 15:04Z07:00"

// ErrSlotTaken means that another scheduler has taken a running slot over, as this one
// was halted for longer than LeaseExpiry, or that the ledger has lost the slot.
var ErrSlotTaken = errors.New("the slot is not this scheduler's any more")

// SkipSlot leaves a waiting slot out, for a reason. It returns false when the slot does
// not wait any more.
func (l *Ledger) SkipSlot(ctx context.Context, s Slot, reason string) (bool, error) {
	res, err := l.db.ExecContext(ctx, `UPDATE slots SET status = 'skipped', note = ?, finished_at = ? WHERE schedule = ? AND slot = ? AND status = 'waiting'`,
		reason, stamp(l.now()), s.Schedule, stamp(s.At))
	if err != nil {
		return false, fmt.Errorf("leaving out slot %s of schedule %s: %w", s.At.Format(minute), s.Schedule, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
