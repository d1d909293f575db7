package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// moment is what a session knows of the transactions at one moment, looked up in an
// order that lets none slip through: first the clock, then the virtual ids, then what
// is prepared, then the snapshot.
//
// A transaction has a virtual id from its start and a real one from its first write.
// The snapshot names those with a real id exactly. One that has not written yet could
// still write a row with the time of its start, so it counts as well; its virtual id is
// in pg_locks for every role to see. A prepared transaction has lost its virtual id.
type moment struct {
	now      int64
	virtual  []string // virtual ids
	prepared []uint64 // in this database
	harmless []uint64 // transactions that cannot write to this database
	snapshot snapshot
	// recovering: on a standby, where transactions without a real id cannot be seen,
	// and the snapshot tells no more than its bounds.
	recovering bool
}

// snapshot is what pg_current_snapshot gives: every transaction before xmin has ended,
// none from xmax on has begun, and of those in between running ones are listed.
type snapshot struct {
	xmin, xmax uint64
	running    []uint64
}

// before looks up what must be known before the snapshot is taken.
func (s *session) before(ctx context.Context) (moment, error) {
	rows, err := s.query(ctx, "SELECT (extract(epoch FROM date_trunc('second', c))::int8 * 1000000 + extract(microseconds FROM c)::int8 % 1000000)::text, pg_catalog.pg_is_in_recovery() FROM (SELECT clock_timestamp() AS c) AS t")
	if err != nil {
		return moment{}, err
	}
	m := moment{recovering: rows[0][1] == "t"}
	if m.now, err = strconv.ParseInt(rows[0][0], 10, 64); err != nil {
		return moment{}, fmt.Errorf("reading the server's clock: %w", err)
	}
	if m.virtual, m.harmless, err = s.locks(ctx); err != nil {
		return moment{}, err
	}
	rows, err = s.query(ctx, "SELECT transaction::text, database = current_database() FROM pg_catalog.pg_prepared_xacts")
	if err != nil {
		return moment{}, err
	}
	for _, row := range rows {
		x, err := strconv.ParseUint(row[0], 10, 32)
		if err != nil {
			return moment{}, fmt.Errorf("reading prepared transactions: %w", err)
		}
		if row[1] == "t" {
			m.prepared = append(m.prepared, x)
		} else {
			m.harmless = append(m.harmless, x)
		}
	}
	return m, nil
}

// locks lists the virtual ids of open transactions that could write to the database,
// and the real ids of those that cannot: the ones of other databases, and of autovacuum,
// which runs as nobody. Every open transaction has a lock on each of its ids.
func (s *session) locks(ctx context.Context) (virtual []string, harmless []uint64, err error) {
	rows, err := s.query(ctx, `SELECT coalesce(virtualxid, ''), coalesce(transactionid::text, '') FROM (
SELECT l.virtualxid, l.transactionid, a.pid IS NOT NULL AND (a.usesysid IS NULL OR a.datid IS DISTINCT FROM
  (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())) AS harmless
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype IN ('virtualxid', 'transactionid') AND l.mode = 'ExclusiveLock' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()) AS t
WHERE harmless = (transactionid IS NOT NULL) ORDER BY 1, 2`)
	for _, row := range rows {
		if row[0] != "" {
			virtual = append(virtual, row[0])
			continue
		}
		x, err := strconv.ParseUint(row[1], 10, 32)
		if err != nil {
			return nil, nil, fmt.Errorf("reading locks: %w", err)
		}
		harmless = append(harmless, x)
	}
	return virtual, harmless, err
}

// see takes the snapshot, or looks at the one of the transaction.
func (s *session) see(ctx context.Context, m *moment) error {
	function := "pg_current_snapshot"
	if s.major() < 13 {
		function = "txid_current_snapshot"
	}
	rows, err := s.query(ctx, "SELECT pg_catalog."+function+"()::text")
	if err != nil {
		return err
	}
	if m.snapshot, err = parseSnapshot(rows[0][0]); err != nil {
		return err
	}
	// Those of other databases that began since the first look are in the snapshot, too:
	// a second look tells them, unless they have ended already.
	if _, err := s.query(ctx, "SELECT pg_catalog.pg_stat_clear_snapshot()"); err != nil {
		return err
	}
	_, more, err := s.locks(ctx)
	if err != nil {
		return err
	}
	m.harmless = append(m.harmless, more...)
	m.complete(m.prepared)
	m.complete(m.harmless)
	return nil
}

func parseSnapshot(text string) (snapshot, error) {
	var s snapshot
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("%q is no snapshot", text)
	}
	numbers := parts[:2]
	if parts[2] != "" {
		numbers = append(numbers, strings.Split(parts[2], ",")...)
	}
	for i, part := range numbers {
		x, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return s, fmt.Errorf("%q is no snapshot: %w", text, err)
		}
		switch i {
		case 0:
			s.xmin = x
		case 1:
			s.xmax = x
		default:
			s.running = append(s.running, x)
		}
	}
	return s, nil
}

// complete gives ids the half that they have lost.
func (m *moment) complete(ids []uint64) {
	for i, x := range ids {
		ids[i] = m.snapshot.full(x)
	}
}

// full gives a transaction id of 32 bits the upper half that it has lost: it is one
// from before xmax.
func (s snapshot) full(x uint64) uint64 {
	full := s.xmax&^0xffffffff | x
	if full >= s.xmax && full >= 1<<32 {
		full -= 1 << 32
	}
	return full
}

// ended tells whether a transaction that was open before had ended. One from beyond
// xmax cannot have been: this is another server than the one that named it, such as a
// standby that lags behind, so nobody knows.
func (s snapshot) ended(x uint64) bool {
	return x < s.xmin || x < s.xmax && !slices.Contains(s.running, x)
}

// The names of open transactions: x and the real id; v, the virtual id, @ and the xmax
// of the moment, which a real id that it gets later is not below; on a standby r and
// the bounds of the snapshot.
func (m moment) open(later []string) []string {
	var out []string
	if m.recovering {
		if m.snapshot.xmin < m.snapshot.xmax {
			out = append(out, fmt.Sprintf("r%d-%d", m.snapshot.xmin, m.snapshot.xmax))
		}
		return out
	}
	for _, x := range m.snapshot.running {
		if !slices.Contains(m.harmless, x) {
			out = append(out, fmt.Sprintf("x%d", x))
		}
	}
	virtual := slices.Concat(m.virtual, later)
	slices.Sort(virtual)
	for _, v := range slices.Compact(virtual) {
		out = append(out, fmt.Sprintf("v%s@%d", v, m.snapshot.xmax))
	}
	return out
}

// stillOpen tells which transactions had not ended at the moment.
func (m moment) stillOpen(open []string) []string {
	var out []string
	for _, name := range open {
		if name == "" {
			continue
		}
		switch rest := name[1:]; name[0] {
		case 'x':
			if x, err := strconv.ParseUint(rest, 10, 64); err != nil || m.running(x) && !slices.Contains(m.harmless, x) {
				out = append(out, name)
			}
		case 'r':
			if m.within(rest) {
				out = append(out, name)
			}
		case 'v':
			out = append(out, m.virtualOpen(name)...)
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (m moment) running(x uint64) bool {
	if m.recovering {
		return x >= m.snapshot.xmin
	}
	return !m.snapshot.ended(x)
}

// within tells whether a transaction in [from, to) runs.
func (m moment) within(bounds string) bool {
	a, b, _ := strings.Cut(bounds, "-")
	from, err1 := strconv.ParseUint(a, 10, 64)
	to, err2 := strconv.ParseUint(b, 10, 64)
	if err1 != nil || err2 != nil || to > m.snapshot.xmax {
		return true
	}
	if m.recovering {
		return m.snapshot.xmin < to
	}
	return slices.ContainsFunc(m.snapshot.running, func(x uint64) bool { return from <= x && x < to })
}

// virtualOpen follows a transaction that had no real id. When its virtual id is gone,
// it has ended, or is one of those that were prepared since.
func (m moment) virtualOpen(name string) []string {
	virtual, at, _ := strings.Cut(name[1:], "@")
	xmax, err := strconv.ParseUint(at, 10, 64)
	if err != nil || m.recovering || slices.Contains(m.virtual, virtual) {
		return []string{name}
	}
	var out []string
	for _, x := range m.prepared {
		if x >= xmax && m.running(x) {
			out = append(out, fmt.Sprintf("x%d", x))
		}
	}
	return out
}
