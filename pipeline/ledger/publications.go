package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kinds of publications.
const (
	PublishedAnew = "publish"
	BroughtBack   = "rollback"
)

// Publication says that readers saw a night from a moment on.
type Publication struct {
	ID, Night int64
	AsOf      string
	At        time.Time
	Kind      string // PublishedAnew or BroughtBack
	Warehouse bool   // the warehouse showed it, too, not only the day's link
}

// Why a night was brought back.
const (
	ForRollback   = "rollback"
	ForForgetting = "forget" // the night that was shown, without people who are forgotten
)

// BroughtBackFile is the warehouse of a night that was brought back.
type BroughtBackFile struct {
	SHA256 string // of the file; "" where it is not known: mainstay did not always keep it
	Why    string // ForRollback or ForForgetting
}

// text is how the ledger keeps it where it keeps the digest of a warehouse alone when a
// night was published.
func (f BroughtBackFile) text() string { return f.Why + " " + f.SHA256 }

// broughtBackFile reads what text wrote. A digest alone is not of such a file.
func broughtBackFile(text string) BroughtBackFile {
	why, sum, ok := strings.Cut(text, " ")
	if !ok {
		return BroughtBackFile{}
	}
	return BroughtBackFile{sum, why}
}

// NightTable is a published table of a night.
type NightTable struct {
	Name   string
	SHA256 string // of its Parquet file
	Rows   int64
}

const publicationColumns = `SELECT p.id, p.night, n.as_of, p.at, p.kind, p.warehouse FROM publications p JOIN nights n ON n.id = p.night`

func scanPublication(r *sql.Rows) (Publication, error) {
	var p Publication
	var at sql.NullString
	err := r.Scan(&p.ID, &p.Night, &p.AsOf, &at, &p.Kind, &p.Warehouse)
	p.At = parseStamp(at)
	return p, err
}

// Publications returns what readers saw, newest first. limit 0 means all.
func (l *Ledger) Publications(ctx context.Context, limit int) ([]Publication, error) {
	if limit <= 0 {
		limit = -1
	}
	return collect(ctx, l, publicationColumns+` ORDER BY p.id DESC LIMIT ?`, []any{limit}, scanPublication)
}

// Shown returns the publication that the warehouse shows; ok is false when none was
// recorded.
func (l *Ledger) Shown(ctx context.Context) (p Publication, ok bool, err error) {
	found, err := collect(ctx, l, publicationColumns+` WHERE p.warehouse = 1 ORDER BY p.id DESC LIMIT 1`, nil, scanPublication)
	if err != nil || len(found) == 0 {
		return p, false, err
	}
	return found[0], true, nil
}

// recordPublication notes that readers see a night from now on.
func (l *Ledger) recordPublication(ctx context.Context, tx *sql.Tx, night int64, kind string, warehouse bool) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO publications (night, at, kind, warehouse) VALUES (?, ?, ?, ?)`, night, stamp(l.now()), kind, warehouse)
	return err
}

// NightTables returns the published tables of a night, by name; none for nights of before
// they were recorded.
func (l *Ledger) NightTables(ctx context.Context, night int64) ([]NightTable, error) {
	return collect(ctx, l, `SELECT tbl, sha256, rows FROM night_tables WHERE night = ? ORDER BY tbl`, []any{night}, func(r *sql.Rows) (NightTable, error) {
		var t NightTable
		err := r.Scan(&t.Name, &t.SHA256, &t.Rows)
		return t, err
	})
}

func recordTables(ctx context.Context, tx *sql.Tx, night int64, tables []NightTable) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM night_tables WHERE night = ?`, night); err != nil {
		return err
	}
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, `INSERT INTO night_tables (night, tbl, sha256, rows) VALUES (?, ?, ?, ?)`, night, t.Name, t.SHA256, t.Rows); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

// BringingBack records that a night is about to be brought back, in some warehouse: when
// the process dies before EndBringingBack, the warehouse in place tells whether it was.
func (l *Ledger) BringingBack(ctx context.Context, night int64, f BroughtBackFile) error {
	_, err := l.db.ExecContext(ctx, `INSERT OR REPLACE INTO rollback (one, night, warehouse) VALUES (1, ?, ?)`, night, f.text())
	if err != nil {
		return fmt.Errorf("recording that night %d is brought back: %w", night, err)
	}
	return nil
}

// UnsettledRollback returns the night that an earlier process was about to bring back, and
// the digest of its warehouse.
func (l *Ledger) UnsettledRollback(ctx context.Context) (n Night, warehouse string, ok bool, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT n.id, n.as_of, r.warehouse FROM rollback r JOIN nights n ON n.id = r.night`).Scan(&n.ID, &n.AsOf, &warehouse)
	if errors.Is(err, sql.ErrNoRows) {
		return n, "", false, nil
	}
	if err != nil {
		return n, "", false, fmt.Errorf("looking for interrupted rollbacks: %w", err)
	}
	if f := broughtBackFile(warehouse); f.SHA256 != "" { // an earlier mainstay kept the digest alone
		warehouse = f.SHA256
	}
	return n, warehouse, true, nil
}

// EndBringingBack settles what BringingBack announced: done tells whether readers see the
// night now.
func (l *Ledger) EndBringingBack(ctx context.Context, night int64, done bool) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		if done {
			if err := l.recordPublication(ctx, tx, night, BroughtBack, true); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE nights SET warehouse = (SELECT warehouse FROM rollback) WHERE id = ? AND EXISTS (SELECT 1 FROM rollback)`, night); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM rollback`)
		return err
	})
	if err != nil {
		return fmt.Errorf("recording that night %d was brought back: %w", night, err)
	}
	return nil
}
