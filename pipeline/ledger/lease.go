package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// Lease timing. A holder that cannot be looked at (another machine) says every LeaseBeat
// that it lives. One that was seen within LeaseExpiry, by the clocks of both machines,
// counts as alive; one that was not may have a clock of its own, and is watched for
// LeaseWatch: it is dead when it says nothing in that time.
const (
	LeaseBeat   = 15 * time.Second
	LeaseExpiry = 3 * time.Minute
	LeaseWatch  = 3 * LeaseBeat
)

// HeldError says who holds the lease, and since when.
type HeldError struct {
	Holder, Host string
	PID          int
	Since, Seen  time.Time
	state        int // what is known of it
}

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another night holds this data directory: %s, process %d on %s, since %s (last seen %s)",
		e.Holder, e.PID, e.Host, e.Since.Format(time.RFC3339), e.Seen.Format(time.RFC3339))
}

// ErrLeaseLost: another process has taken the lease over, because this one was halted, or
// could not write to the ledger, for so long that it seemed dead.
var ErrLeaseLost = errors.New("the lease was lost: this process was halted for so long that another night took the data directory over; nothing more of it is committed")

// Lease keeps two nights apart: while it is held no other night runs on the same
// data directory. Every transaction of the ledger that took it makes sure that it is
// still held.
type Lease struct {
	l     *Ledger
	host  string
	pid   int
	born  string
	since string
	guard *os.File // locked while the lease is held, for who repairs the ledger
	stop  context.CancelFunc
	done  chan struct{}
	lost  chan struct{}
}

// Lost is closed when another process has taken the lease over. The holder must stop.
func (le *Lease) Lost() <-chan struct{} { return le.lost }

// mine is the condition for the row of this lease.
const mine = `host = ? AND pid = ? AND born = ? AND since = ?`

func (le *Lease) id() []any { return []any{le.host, le.pid, le.born, le.since} }

// Acquire takes the lease for holder (words for people, such as "night 2024-03-01"),
// taking it over from a dead process. It returns a *HeldError while another holds it, and
// a *DamagedError when the ledger is not what it was.
func (l *Ledger) Acquire(ctx context.Context, holder string) (*Lease, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("reading the host name for the lease: %w", err)
	}
	lease := &Lease{l: l, host: host, pid: os.Getpid(), born: processBorn(os.Getpid()), done: make(chan struct{}), lost: make(chan struct{})}
	silent := "" // when a holder that is watched was last seen
	for {
		watch, err := lease.take(ctx, holder, silent)
		if err != nil {
			return nil, err
		}
		if watch == "" {
			break
		}
		silent = watch
		select {
		case <-time.After(l.watch):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if lease.guard, err = guard(ctx, l.redo.dir, false, l.patience); err != nil {
		return nil, errors.Join(err, lease.drop(ctx))
	}
	l.lease.Store(lease)
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	lease.stop = stop
	go lease.beat(beat)
	return lease, nil
}

// take takes the lease unless another holds it. When it cannot be told whether the other
// lives, take returns when it was last seen; silent is what it returned before.
func (le *Lease) take(ctx context.Context, holder, silent string) (watch string, err error) {
	l := le.l
	err = l.transact(ctx, func(tx *sql.Tx) error {
		held, seen, err := l.heldBy(ctx, tx, le.host)
		if err != nil {
			return err
		}
		if held != nil && (held.state == alive || held.state == unsure && silent != "" && seen != silent) {
			return held
		}
		if held != nil && held.state == unsure && silent == "" {
			watch = seen
			return nil
		}
		watch = ""
		if err := l.check(ctx, tx); err != nil {
			return err
		}
		le.since, _ = stamp(l.now()).(string)
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO lease (one, holder, host, pid, born, since, seen) VALUES (1, ?, ?, ?, ?, ?, ?)`,
			holder, le.host, le.pid, le.born, le.since, le.since)
		return err
	})
	var held *HeldError
	var damaged *DamagedError
	switch {
	case errors.As(err, &held):
		return "", held
	case errors.As(err, &damaged):
		return "", err
	case err != nil:
		return "", fmt.Errorf("taking the lease in %s (may it be written to?): %w", l.path, err)
	}
	return watch, nil
}

// fence fails when this ledger took the lease and has lost it since.
func (l *Ledger) fence(ctx context.Context, tx *sql.Tx) error {
	le := l.lease.Load()
	if le == nil {
		return nil
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM lease WHERE `+mine, le.id()...).Scan(&n); err != nil {
		return fmt.Errorf("reading the lease: %w", err)
	}
	if n == 0 {
		return ErrLeaseLost
	}
	return nil
}

// Confirm fails with ErrLeaseLost when this ledger took the lease and has lost it since.
func (l *Ledger) Confirm(ctx context.Context) error {
	return l.transact(ctx, func(tx *sql.Tx) error { return l.fence(ctx, tx) })
}

// Holder returns who holds the lease, or nil when nobody who seems alive does.
func (l *Ledger) Holder(ctx context.Context) (*HeldError, error) {
	host, _ := os.Hostname()
	var held *HeldError
	err := l.transact(ctx, func(tx *sql.Tx) error {
		h, _, err := l.heldBy(ctx, tx, host)
		if h != nil && h.state == alive {
			held = h
		}
		return err
	})
	return held, err
}

// What is known of a holder.
const (
	dead = iota
	alive
	unsure // on another machine, and not seen for long, or in the future
)

func (l *Ledger) heldBy(ctx context.Context, tx *sql.Tx, host string) (*HeldError, string, error) {
	var h HeldError
	var born string
	var since, seen sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT holder, host, pid, born, since, seen FROM lease`).Scan(&h.Holder, &h.Host, &h.PID, &born, &since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading the lease: %w", err)
	}
	h.Since, h.Seen = parseStamp(since), parseStamp(seen)
	h.state = alive
	if h.Host == host && lookable(born, where()) {
		if !processAlive(h.PID, born) {
			h.state = dead
		}
	} else if ago := l.now().Sub(h.Seen); ago >= LeaseExpiry || ago <= -LeaseExpiry {
		h.state = unsure
	}
	return &h, seen.String, nil
}

// beat tells other machines that this holder lives. A missed beat is no error: the
// next one follows, and LeaseWatch leaves room for two.
func (le *Lease) beat(ctx context.Context) {
	defer close(le.done)
	t := time.NewTicker(LeaseBeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			err := le.l.transact(ctx, func(tx *sql.Tx) error {
				if err := le.l.fence(ctx, tx); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, `UPDATE lease SET seen = ? WHERE `+mine, append([]any{stamp(le.l.now())}, le.id()...)...)
				return err
			})
			if errors.Is(err, ErrLeaseLost) {
				close(le.lost)
				return
			}
		}
	}
}

// Release gives the lease back.
func (le *Lease) Release() error {
	le.stop()
	<-le.done
	le.l.lease.Store(nil)
	err := le.drop(context.Background())
	if err == nil {
		le.l.seal(context.Background())
	}
	return errors.Join(err, le.guard.Close())
}

func (le *Lease) drop(ctx context.Context) error {
	err := le.l.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM lease WHERE `+mine, le.id()...)
		return err
	})
	if err != nil {
		return fmt.Errorf("releasing the lease: %w", err)
	}
	return nil
}
