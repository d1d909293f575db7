package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// RetiredNights are the published nights of which only some tables are kept, with the
// time since when.
func (l *Ledger) RetiredNights(ctx context.Context) (map[int64]time.Time, error) {
	type retired struct {
		night int64
		at    sql.NullString
	}
	rows, err := collect(ctx, l, `SELECT night, at FROM retired_nights`, nil, func(r *sql.Rows) (retired, error) {
		var n retired
		err := r.Scan(&n.night, &n.at)
		return n, err
	})
	out := map[int64]time.Time{}
	for _, r := range rows {
		out[r.night] = parseStamp(r.at)
	}
	return out, err
}

// Release is what the ledger is to know no longer: files that are removed afterwards.
type Release struct {
	Nights    []int64    // published nights that are retired
	Tables    []string   // of those nights, the tables that stay
	Artifacts []string   // keys
	Lake      []LakeFile // whose rows have become old: they stay in the account
}

// Release records in one transaction that files are let go. A crash after it leaves files
// that nobody knows, which are swept.
func (l *Ledger) Release(ctx context.Context, x Release) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, n := range x.Nights {
			if err := l.retire(ctx, tx, n, x.Tables); err != nil {
				return fmt.Errorf("night %d: %w", n, err)
			}
		}
		for _, key := range x.Artifacts {
			if _, err := tx.ExecContext(ctx, `DELETE FROM artifacts WHERE key = ?`, key); err != nil {
				return err
			}
		}
		for _, f := range x.Lake {
			if _, err := tx.ExecContext(ctx, `DELETE FROM lake_files WHERE path = ?`, f.Path); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO expired_files (path, tbl, day, rows, sha256, at) VALUES (?, ?, ?, ?, ?, ?)`, f.Path, f.Table, f.Day, f.Rows, f.SHA256, stamp(l.now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording what is let go: %w", err)
	}
	return nil
}

func (l *Ledger) retire(ctx context.Context, tx *sql.Tx, night int64, stay []string) error {
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO retired_nights (night, at) VALUES (?, ?)`, night, stamp(l.now())); err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, `SELECT tbl FROM night_tables WHERE night = ?`, night)
	if err != nil {
		return err
	}
	defer rows.Close()
	var gone []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return err
		}
		if !slices.Contains(stay, table) {
			gone = append(gone, table)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, table := range gone {
		if _, err := tx.ExecContext(ctx, `DELETE FROM night_tables WHERE night = ? AND tbl = ?`, night, table); err != nil {
			return err
		}
	}
	return nil
}

// ExpiredFile is a file of the lake whose rows were let go because they had become old.
type ExpiredFile struct {
	Path, Table, Day string
	Rows             int64
	At               time.Time
}

// ExpiredFiles returns what was let go of the lake, by path.
func (l *Ledger) ExpiredFiles(ctx context.Context) ([]ExpiredFile, error) {
	return collect(ctx, l, `SELECT path, tbl, day, rows, at FROM expired_files ORDER BY path`, nil, func(r *sql.Rows) (ExpiredFile, error) {
		var f ExpiredFile
		var at sql.NullString
		err := r.Scan(&f.Path, &f.Table, &f.Day, &f.Rows, &at)
		f.At = parseStamp(at)
		return f, err
	})
}
