// Package ledger is mainstay's memory of its nights: a SQLite file that records
// nights and their jobs, which source inputs were extracted, which lake files and
// which artifacts (finished files) are committed, the row accounts, check results
// and the lease that keeps two nights apart.
//
// A file counts only once the ledger says so: the transactions here are the commit
// points of a night. The package knows paths and digests, never what is in a file.
package ledger

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

//go:embed schema.sql
var schema string

//go:embed migrate2.sql
var migrate2 string

//go:embed migrate3.sql
var migrate3 string

// Version is the ledger's format. A ledger written by an older mainstay is brought to
// it when it is opened, one written by a newer mainstay is refused.
const Version = 3

// migrations bring a ledger from the format of their key to the next one; from 0, an
// empty file, to the newest.
var migrations = map[int]struct {
	to  int
	sql string
}{0: {Version, schema}, 1: {2, migrate2}, 2: {3, migrate3}}

// FileName is the ledger's name within a data directory.
const FileName = "ledger.sqlite"

// Ledger is an open ledger. It is safe for concurrent use.
type Ledger struct {
	db       *store
	path     string
	now      func() time.Time
	redo     *redo
	lease    atomic.Pointer[Lease] // while this ledger holds it
	watch    time.Duration         // how long a holder on another machine is watched that was not seen lately
	patience time.Duration         // how long a night waits for who examines the ledger
}

// Open opens the ledger of a data directory, creating it when it is not there.
// now is the clock that stamps nights and jobs; nil means time.Now. A ledger that is
// damaged, or gone from a data directory that has been used, is a *DamagedError.
func Open(ctx context.Context, dataDir string, now func() time.Time) (*Ledger, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return nil, fmt.Errorf("creating data directory: %w", err)
	}
	path := filepath.Join(dataDir, FileName)
	l := &Ledger{path: path, now: now, redo: &redo{dir: filepath.Join(dataDir, RedoDir), ledger: path}, watch: LeaseWatch, patience: guardWait}
	if err := l.missing(); err != nil {
		return nil, err
	}
	var err error
	if l.db, err = openStore(l); err != nil {
		return nil, fmt.Errorf("opening ledger %s: %w", path, err)
	}
	if err := l.migrate(ctx); err != nil {
		l.db.Close()
		return nil, fmt.Errorf("opening ledger %s: %w", path, err)
	}
	return l, nil
}

// OpenExisting opens a ledger that must already be there.
func OpenExisting(ctx context.Context, dataDir string) (*Ledger, error) {
	if _, err := os.Stat(filepath.Join(dataDir, FileName)); err != nil {
		return nil, fmt.Errorf("no ledger in %s: no night has run there yet (run `mainstay run`, or name the directory with --data): %w", dataDir, err)
	}
	return Open(ctx, dataDir, nil)
}

// Close closes the ledger.
func (l *Ledger) Close() error { return l.db.Close() }

// migrate creates the tables of a new ledger and brings an older one up to date. The redo
// log of an older format is of no use any more: another is begun.
func (l *Ledger) migrate(ctx context.Context) error {
	v, err := format(ctx, l.db)
	if err != nil {
		return l.damaged(err)
	}
	if err := l.plausible(v); v == Version || err != nil {
		return err
	}
	return l.transact(ctx, func(tx *sql.Tx) error {
		for {
			v, err := format(ctx, tx) // again: another process may have been faster
			if v == Version || err != nil {
				return err
			}
			m := migrations[v]
			if _, err := tx.ExecContext(ctx, m.sql); err != nil {
				return fmt.Errorf("bringing it from format %d to %d: %w", v, m.to, err)
			}
			if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", m.to)); err != nil {
				return err
			}
		}
	})
}

// stamp writes a time as sortable UTC text; the zero time is NULL.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(stampLayout)
}

const stampLayout = "2006-01-02T15:04:05.000000Z"

func parseStamp(s sql.NullString) time.Time {
	if !s.Valid {
		return time.Time{}
	}
	t, err := time.Parse(stampLayout, s.String)
	if err != nil {
		return time.Time{}
	}
	return t
}

// collect reads all rows of a query through scan.
func collect[T any](ctx context.Context, l *Ledger, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := l.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, l.damaged(fmt.Errorf("reading ledger: %w", err))
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("reading ledger: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, l.damaged(fmt.Errorf("reading ledger: %w", err))
	}
	return out, nil
}
