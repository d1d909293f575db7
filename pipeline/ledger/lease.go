package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lease timing: a holder that cannot be looked at (another machine) counts as dead
// when it has not been seen for LeaseExpiry.
const (
	LeaseBeat   = 15 * time.Second
	LeaseExpiry = 3 * time.Minute
)

// HeldError says who holds the lease, and since when.
type HeldError struct {
	Holder, Host string
	PID          int
	Since, Seen  time.Time
}

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another night holds this data directory: %s, process %d on %s, since %s (last seen %s)",
		e.Holder, e.PID, e.Host, e.Since.Format(time.RFC3339), e.Seen.Format(time.RFC3339))
}

// Lease keeps two nights apart: while it is held no other night runs on the same
// data directory.
type Lease struct {
	l    *Ledger
	host string
	pid  int
	born string
	stop context.CancelFunc
	done chan struct{}
	lost chan struct{}
}

// Lost is closed when another process has taken the lease over, which happens when this
// one was halted for longer than LeaseExpiry. The holder must stop.
func (le *Lease) Lost() <-chan struct{} { return le.lost }

// Acquire takes the lease for holder (words for people, such as "night 2024-03-01"),
// taking it over from a dead process. It returns a *HeldError while another holds it.
func (l *Ledger) Acquire(ctx context.Context, holder string) (*Lease, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("reading the host name for the lease: %w", err)
	}
	lease := &Lease{l: l, host: host, pid: os.Getpid(), born: processBorn(os.Getpid()), done: make(chan struct{}), lost: make(chan struct{})}
	err = l.tx(ctx, func(tx *sql.Tx) error {
		held, alive, err := l.heldBy(ctx, tx, host)
		if err != nil {
			return err
		}
		if held != nil && alive {
			return held
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO lease (one, holder, host, pid, born, since, seen) VALUES (1, ?, ?, ?, ?, ?, ?)`,
			holder, host, lease.pid, lease.born, stamp(l.now()), stamp(l.now()))
		return err
	})
	var held *HeldError
	if errors.As(err, &held) {
		return nil, held
	}
	if err != nil {
		return nil, fmt.Errorf("taking the lease in %s (may it be written to?): %w", l.path, err)
	}
	beat, stop := context.WithCancel(context.WithoutCancel(ctx))
	lease.stop = stop
	go lease.beat(beat)
	return lease, nil
}

// Holder returns who holds the lease, or nil when nobody alive does.
func (l *Ledger) Holder(ctx context.Context) (*HeldError, error) {
	host, _ := os.Hostname()
	var held *HeldError
	err := l.tx(ctx, func(tx *sql.Tx) error {
		h, alive, err := l.heldBy(ctx, tx, host)
		if alive {
			held = h
		}
		return err
	})
	return held, err
}

func (l *Ledger) heldBy(ctx context.Context, tx *sql.Tx, host string) (*HeldError, bool, error) {
	var h HeldError
	var born string
	var since, seen sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT holder, host, pid, born, since, seen FROM lease`).Scan(&h.Holder, &h.Host, &h.PID, &born, &since, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading the lease: %w", err)
	}
	h.Since, h.Seen = parseStamp(since), parseStamp(seen)
	if h.Host == host {
		return &h, processAlive(h.PID, born), nil
	}
	return &h, l.now().Sub(h.Seen) < LeaseExpiry, nil
}

// beat tells other machines that this holder lives. A missed beat is no error: the
// next one follows, and expiry leaves room for several.
func (le *Lease) beat(ctx context.Context) {
	defer close(le.done)
	t := time.NewTicker(LeaseBeat)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			res, err := le.l.db.ExecContext(ctx, `UPDATE lease SET seen = ? WHERE host = ? AND pid = ? AND born = ?`, stamp(le.l.now()), le.host, le.pid, le.born)
			if err != nil {
				continue
			}
			if n, err := res.RowsAffected(); err == nil && n == 0 {
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
	_, err := le.l.db.Exec(`DELETE FROM lease WHERE host = ? AND pid = ? AND born = ?`, le.host, le.pid, le.born)
	if err != nil {
		return fmt.Errorf("releasing the lease: %w", err)
	}
	return nil
}

// processAlive tells whether the process that took the lease still runs: a process
// with its number, started when it was started.
func processAlive(pid int, born string) bool {
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return processBorn(pid) == born
}

// processBorn is the start of a process in clock ticks since boot plus the boot's
// id, from /proc; "" where there is no /proc (then the process number must do).
func processBorn(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(string(stat), ") ") // the name before it may hold spaces
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19]
}
