package mysql

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trx is a transaction as innodb_trx shows it.
type trx struct {
	thread  string // its connection; "0" when prepared (XA) and left by its connection
	started string // the server's local time, seconds
	id      string // its number; "" before it has written anything
}

// name is how a state keeps it. The number alone would not do, as a transaction gets it
// with its first write.
func (t trx) name() string { return t.thread + "/" + t.started + "/" + t.id }

func trxOf(name string) (trx, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return trx{}, false
	}
	return trx{parts[0], parts[1], parts[2]}, true
}

func names(list []trx) []string {
	var out []string
	for _, t := range list {
		out = append(out, t.name())
	}
	slices.Sort(out)
	return out
}

// same tells whether two looks saw one transaction.
func (t trx) same(other trx) bool {
	if t.id != "" && t.id == other.id {
		return true
	}
	return t.thread != "0" && t.thread == other.thread && t.started == other.started
}

// union adds to the transactions of one look those of another.
func union(list, more []trx) []trx {
	for _, t := range more {
		if i := slices.IndexFunc(list, t.same); i < 0 {
			list = append(list, t)
		} else {
			list[i] = t // may have got its number
		}
	}
	return list
}

// The server answers from an old copy of the list while people look at it more often
// than every 100 ms. A copy is new enough when our own transaction is in it, which is
// told from the ones that the session had before by two settings that do not matter to
// a reader.
const (
	staleness = 105 * time.Millisecond
	looks     = 20 // a program that looks all the time keeps the copy old for ever
)

// mark gives the next transaction settings of its own.
func (s *session) mark(ctx context.Context) error {
	s.begun++
	_, err := s.conn.ExecContext(ctx, fmt.Sprintf("SET SESSION unique_checks = %d, foreign_key_checks = %d", s.begun&1, s.begun>>1&1), nil)
	return err
}

// transactions lists those that are open and may write. The session must be in a
// transaction, with its snapshot.
func (s *session) transactions(ctx context.Context) (list []trx, err error) {
	for try := range looks {
		var fresh bool
		if list, fresh, err = s.look(ctx); err != nil || fresh {
			return list, err
		}
		// Sessions that look at the same time must not keep each other from a new copy.
		stagger := time.Duration((s.number+7*try)%16) * 10 * time.Millisecond
		select {
		case <-time.After(staleness + stagger):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return list, nil // the overlap is there for what it lacks
}

func (s *session) look(ctx context.Context) (list []trx, fresh bool, err error) {
	rows, err := s.texts(ctx, `SELECT trx_mysql_thread_id, trx_started, trx_id, trx_is_read_only, trx_unique_checks + 2 * trx_foreign_key_checks
		FROM information_schema.innodb_trx`, 5)
	if err != nil {
		return nil, false, fmt.Errorf("listing the open transactions: %w", err)
	}
	for _, r := range rows {
		t := trx{thread: r[0], started: r[1], id: r[2]}
		if t.thread == s.id {
			fresh = r[4] == strconv.Itoa(s.begun&3)
			continue
		}
		if r[3] != "0" {
			continue // read-only
		}
		if n, ok := parseUint([]byte(t.id)); !ok || n == 0 || n >= 1<<47 {
			t.id = "" // an address in memory stands for the number that it has not got yet
		}
		list = append(list, t)
	}
	return list, fresh, nil
}

// StillOpen tells which transactions had not ended at the session's moment.
func (s *session) StillOpen(open []string) []string {
	if s.blind {
		return open // what cannot be known
	}
	var old []trx
	for _, name := range open {
		if t, ok := trxOf(name); ok {
			old = append(old, t)
		}
	}
	// One that was left by its connection since then may be any of those that are gone.
	left := slices.DeleteFunc(slices.Clone(s.open), func(t trx) bool { return t.thread != "0" || slices.ContainsFunc(old, t.same) })
	var still []trx
	for _, t := range old {
		if i := slices.IndexFunc(s.open, t.same); i >= 0 {
			still = union(still, s.open[i:i+1])
		} else {
			still = union(still, left)
		}
	}
	return names(still)
}
