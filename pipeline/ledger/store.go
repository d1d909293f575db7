package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"

	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// store is the database behind a ledger. Whatever changes it goes through Ledger.tx,
// where the lease is looked at and the redo log is written: ExecContext and Exec do too.
type store struct {
	*sql.DB
	l       *Ledger
	changes []change // of the transaction under way, as SQLite tells them
}

// dsn is how a ledger file is opened.
func dsn(path string) string {
	// A rollback journal rather than WAL: WAL needs shared memory, which network
	// file systems do not give. FULL: a commit is on disk when it returns.
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(TRUNCATE)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate"
}

// openStore opens a ledger file with one connection that tells its changes.
func openStore(l *Ledger) (*store, error) {
	c, err := sqlite.NewConnector(dsn(l.path))
	if err != nil {
		return nil, err
	}
	s := &store{l: l}
	s.DB = sql.OpenDB(hooked{c, s})
	s.SetMaxOpenConns(1)
	return s, nil
}

// hooked registers the hook on every connection that is made.
type hooked struct {
	driver.Connector
	s *store
}

func (h hooked) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	hook, ok := c.(sqlite.HookRegisterer)
	if !ok {
		c.Close()
		return nil, errors.New("this SQLite driver does not tell what changes: the redo log cannot be written")
	}
	hook.RegisterPreUpdateHook(func(d sqlite.SQLitePreUpdateData) { h.s.changed(&d) })
	return c, nil
}

// ExecContext runs one statement in a transaction of its own.
func (s *store) ExecContext(ctx context.Context, query string, args ...any) (res sql.Result, err error) {
	err = s.l.tx(ctx, func(tx *sql.Tx) (err error) {
		res, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return res, err
}

// Exec is ExecContext without a context.
func (s *store) Exec(query string, args ...any) (sql.Result, error) {
	return s.ExecContext(context.Background(), query, args...)
}

// tx runs f in one immediate transaction: all of it happens or none. While this ledger
// holds the lease, nothing happens unless it still does: a night that was halted for so
// long that another one took over commits nothing any more. What changes is in the redo
// log before it is committed.
func (l *Ledger) tx(ctx context.Context, f func(*sql.Tx) error) error {
	err := l.transact(ctx, func(tx *sql.Tx) error {
		if err := l.fence(ctx, tx); err != nil {
			return err
		}
		if err := l.redo.ready(ctx, tx); errors.Is(err, errOld) {
			return l.damage(err)
		} else if err != nil {
			return err
		}
		l.db.changes = l.db.changes[:0]
		if err := f(tx); err != nil {
			return err
		}
		return l.redo.append(ctx, tx, l.db.changes)
	})
	if err == nil && l.lease.Load() == nil {
		l.seal(ctx)
	}
	return err
}

// transact is a transaction that leaves neither a trace in the redo log nor asks for the
// lease.
func (l *Ledger) transact(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return l.damaged(fmt.Errorf("beginning ledger transaction: %w", err))
	}
	if err := f(tx); err != nil {
		return errors.Join(l.damaged(err), ignoreDone(tx.Rollback()))
	}
	fault.Point("ledger about to commit")
	if err := tx.Commit(); err != nil {
		return l.damaged(fmt.Errorf("committing ledger transaction to %s: %w", l.path, err))
	}
	fault.Point("ledger committed")
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
