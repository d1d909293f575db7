package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Status of a slot.
const (
	SlotWaiting = "waiting"
	SlotRunning = "running"
	SlotDone    = "done"
	SlotFailed  = "failed"
	SlotSkipped = "skipped" // its note says why
)

// Work that a slot starts.
const (
	WorkNight   = "night"
	WorkRetrain = "retrain" // a night that learns anew
	WorkExtract = "extract" // an extraction without a night
)

// Slot is a time at which a schedule starts work.
type Slot struct {
	Schedule string    // its name
	At       time.Time // the time that the schedule names
	AsOf     string    // YYYY-MM-DD, of the night that it stands for
	Work     string
	Starts   time.Time // not before: At and the jitter
	Missed   bool      // no scheduler ran when it came
	Status   string
	Host     string // of the scheduler that took it; "" for nobody yet
	PID      int

	StartedAt, FinishedAt time.Time // of the latest start; zero for not yet
	ExitCode              int       // -1: there is none
	Note                  string

	born string
}

// Begun tells whether the slot was started before, maybe by a scheduler that is gone.
func (s Slot) Begun() bool { return !s.StartedAt.IsZero() }

// keepSlots is how long the ledger remembers slots that are over.
const keepSlots = 400 * 24 * time.Hour

// Through says up to which moment the slots of a schedule are in the ledger; ok is
// false for a schedule that was never started.
func (l *Ledger) Through(ctx context.Context, schedule string) (through time.Time, ok bool, err error) {
	var s sql.NullString
	err = l.db.QueryRowContext(ctx, `SELECT through FROM schedules WHERE name = ?`, schedule).Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		return through, false, nil
	}
	if err != nil {
		return through, false, fmt.Errorf("reading how far schedule %s is: %w", schedule, err)
	}
	return parseStamp(s), true, nil
}

// AddSlots records the slots of a schedule in (from, through], and that it was looked at
// up to through. from is what Through said, the zero time for a schedule that was never
// started. It returns false, and records nothing, when another scheduler was faster. A
// slot that is there already stays as it is while it waits or runs; one that is over was
// left by a clock that was ahead, and comes anew.
func (l *Ledger) AddSlots(ctx context.Context, schedule string, from, through time.Time, slots []Slot) (added bool, err error) {
	err = l.tx(ctx, func(tx *sql.Tx) error {
		var res sql.Result
		var err error
		if from.IsZero() {
			res, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO schedules (name, through) VALUES (?, ?)`, schedule, stamp(through))
		} else {
			res, err = tx.ExecContext(ctx, `UPDATE schedules SET through = ? WHERE name = ? AND through = ?`, stamp(through), schedule, stamp(from))
		}
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		added = true
		for _, s := range slots {
			if _, err := tx.ExecContext(ctx, `DELETE FROM slots WHERE schedule = ? AND slot = ? AND status NOT IN ('waiting', 'running')`, schedule, stamp(s.At)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO slots (schedule, slot, as_of, work, starts, missed, status, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				schedule, stamp(s.At), s.AsOf, s.Work, stamp(s.Starts), s.Missed, s.Status, s.Note); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM slots WHERE schedule = ? AND slot < ? AND status NOT IN ('waiting', 'running')`, schedule, stamp(through.Add(-keepSlots)))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("recording the slots of schedule %s: %w", schedule, err)
	}
	return added, nil
}

// RewindSlots takes a schedule back to now: slots after now are forgotten, to come again,
// those whose work ended among them, for it was done by the wrong clock. A slot whose work
// runs stays until EndSlot. It is for a clock that had been far ahead. It returns how many
// were forgotten.
func (l *Ledger) RewindSlots(ctx context.Context, schedule string, now time.Time) (forgotten int64, err error) {
	err = l.tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM slots WHERE schedule = ? AND slot > ? AND status <> 'running'`, schedule, stamp(now))
		if err != nil {
			return err
		}
		if forgotten, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE schedules SET through = ? WHERE name = ?`, stamp(now), schedule)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking schedule %s back to %s: %w", schedule, now.Format(time.RFC3339), err)
	}
	return forgotten, nil
}

const slotColumns = `schedule, slot, as_of, work, starts, missed, status, host, pid, born, started_at, finished_at, coalesce(exit_code, -1), note`

func scanSlot(r *sql.Rows) (Slot, error) {
	var s Slot
	var at, starts, from, to sql.NullString
	err := r.Scan(&s.Schedule, &at, &s.AsOf, &s.Work, &starts, &s.Missed, &s.Status, &s.Host, &s.PID, &s.born, &from, &to, &s.ExitCode, &s.Note)
	s.At, s.Starts, s.StartedAt, s.FinishedAt = parseStamp(at), parseStamp(starts), parseStamp(from), parseStamp(to)
	return s, err
}

// Slots returns the latest slots, newest first. limit 0 means all.
func (l *Ledger) Slots(ctx context.Context, limit int) ([]Slot, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, l, `SELECT `+slotColumns+` FROM slots ORDER BY slot DESC, schedule LIMIT ?`, []any{limit}, scanSlot)
}

// OpenSlots returns the slots that wait or run, oldest first.
func (l *Ledger) OpenSlots(ctx context.Context) ([]Slot, error) {
	return collect(ctx, l, `SELECT `+slotColumns+` FROM slots WHERE status IN ('waiting', 'running') ORDER BY slot, schedule`, nil, scanSlot)
}

// Slot returns one slot; ok is false when the ledger does not have it.
func (l *Ledger) Slot(ctx context.Context, schedule string, at time.Time) (s Slot, ok bool, err error) {
	found, err := collect(ctx, l, `SELECT `+slotColumns+` FROM slots WHERE schedule = ? AND slot = ?`, []any{schedule, stamp(at)}, scanSlot)
	if err != nil || len(found) == 0 {
		return s, false, err
	}
	return found[0], true, nil
}
