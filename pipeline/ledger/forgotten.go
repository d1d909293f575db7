package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// Forgotten is what the ledger keeps of people who are to be forgotten.
type Forgotten struct {
	Key    []byte   // of the pseudonyms; nil where nobody was ever forgotten
	People []string // pseudonyms of their ids
}

// Forgotten returns who is to be forgotten.
func (l *Ledger) Forgotten(ctx context.Context) (Forgotten, error) {
	var f Forgotten
	var text string
	err := l.db.QueryRowContext(ctx, `SELECT key FROM pseudonym_key`).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, l.damaged(fmt.Errorf("reading who is forgotten: %w", err))
	}
	if f.Key, err = hex.DecodeString(text); err != nil {
		return f, l.damaged(fmt.Errorf("reading the key of the pseudonyms: %w", err))
	}
	f.People, err = collect(ctx, l, `SELECT person FROM forgotten_people ORDER BY person`, nil, scanText)
	return f, err
}

// ForgottenRows are the pseudonyms of rows of databases that are left out.
func (l *Ledger) ForgottenRows(ctx context.Context) ([]string, error) {
	return collect(ctx, l, `SELECT row FROM forgotten_rows ORDER BY row`, nil, scanText)
}

func scanText(r *sql.Rows) (string, error) {
	var s string
	err := r.Scan(&s)
	return s, err
}

// PseudonymKey returns the key of the pseudonyms; a new random one where there is none.
func (l *Ledger) PseudonymKey(ctx context.Context) ([]byte, error) {
	f, err := l.Forgotten(ctx)
	if err != nil || f.Key != nil {
		return f.Key, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making the key of the pseudonyms: %w", err)
	}
	if _, err := l.db.ExecContext(ctx, `INSERT INTO pseudonym_key (one, key) VALUES (1, ?)`, hex.EncodeToString(key)); err != nil {
		return nil, fmt.Errorf("keeping the key of the pseudonyms: %w", err)
	}
	return key, nil
}

// BeginForgetting records that people are to be forgotten, by their pseudonyms: from now
// on extractions leave their rows out.
func (l *Ledger) BeginForgetting(ctx context.Context, people []string) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, p := range people {
			if _, err := tx.ExecContext(ctx, `INSERT INTO forgotten_people (person, at) VALUES (?1, ?2) ON CONFLICT (person) DO UPDATE SET finished_at = NULL`, p, stamp(l.now())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording who is to be forgotten: %w", err)
	}
	return nil
}

// EndForgetting records that what is kept was proved to be without some people.
func (l *Ledger) EndForgetting(ctx context.Context, people []string) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, p := range people {
			if _, err := tx.ExecContext(ctx, `UPDATE forgotten_people SET finished_at = ? WHERE person = ?`, stamp(l.now()), p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording that it is done: %w", err)
	}
	return nil
}

// Unforgotten counts the people whose forgetting was begun and did not end.
func (l *Ledger) Unforgotten(ctx context.Context) (n int64, err error) {
	if err := l.db.QueryRowContext(ctx, `SELECT count(*) FROM forgotten_people WHERE finished_at IS NULL`).Scan(&n); err != nil {
		return 0, l.damaged(fmt.Errorf("reading who is to be forgotten: %w", err))
	}
	return n, nil
}

// Removal is what was taken out of the rows of one input and table.
type Removal struct {
	Input               int64
	Table               string
	Stored, Quarantined int64
}

// RewrittenFile is a file of the lake and what takes its place; nothing when New has no
// path.
type RewrittenFile struct{ Old, New LakeFile }

// Forget puts rewritten files of the lake in the place of the old ones and moves the rows
// that were taken out to another column of the account, in one transaction.
func (l *Ledger) Forget(ctx context.Context, files []RewrittenFile, removed []Removal, rows []string) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, f := range files {
			res, err := tx.ExecContext(ctx, `DELETE FROM lake_files WHERE path = ? AND sha256 = ?`, f.Old.Path, f.Old.SHA256)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n != 1 {
				return fmt.Errorf("file %s is no longer in the manifest: %w", f.Old.Path, errors.Join(err, ErrChanged))
			}
			if f.New.Path == "" {
				continue
			}
			if err := insertLakeFile(ctx, tx, f.New); err != nil {
				return err
			}
		}
		for _, r := range removed {
			if _, err := tx.ExecContext(ctx, `UPDATE row_accounts SET stored = stored - ?1, quarantined = quarantined - ?2, forgotten = forgotten + ?1 + ?2 WHERE input = ?3 AND tbl = ?4`, r.Stored, r.Quarantined, r.Input, r.Table); err != nil {
				return fmt.Errorf("account of input %d, table %s: %w", r.Input, r.Table, err)
			}
		}
		return insertForgottenRows(ctx, tx, rows)
	})
	if err != nil {
		return fmt.Errorf("recording what was taken out of the lake: %w", err)
	}
	return nil
}

func insertForgottenRows(ctx context.Context, tx *sql.Tx, rows []string) error {
	for _, r := range rows {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO forgotten_rows (row) VALUES (?)`, r); err != nil {
			return err
		}
	}
	return nil
}

// ReplaceNightTables records what the published tables of a night are from now on.
func (l *Ledger) ReplaceNightTables(ctx context.Context, night int64, tables []NightTable) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		for _, t := range tables {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO night_tables (night, tbl, sha256, rows) VALUES (?, ?, ?, ?)`, night, t.Name, t.SHA256, t.Rows); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording the tables of night %d: %w", night, err)
	}
	return nil
}

// notText are columns that hold no words: identity of files and of rows of other tables,
// which Redact must leave alone.
var notText = map[string]bool{
	"artifacts.key": true, "artifacts.path": true, "artifacts.sha256": true, "artifacts.logic": true, "lake_files.path": true, "lake_files.sha256": true, "lake_files.origin": true,
	"expired_files.path": true, "expired_files.sha256": true, "night_tables.sha256": true, "pseudonym_key.key": true, "forgotten_people.person": true, "forgotten_rows.row": true,
}

// Words calls f with every text of the ledger that may hold words, as table.column; what f
// returns takes its place when it differs and change is set.
func (l *Ledger) Words(ctx context.Context, change bool, f func(place, text string) string) error {
	return l.tx(ctx, func(tx *sql.Tx) error {
		tables, err := shapes(ctx, tx)
		if err != nil {
			return err
		}
		for _, table := range sortedTables(tables) {
			for _, column := range tables[table].columns {
				if place := table + "." + column; !notText[place] {
					if err := words(ctx, tx, table, column, change, func(s string) string { return f(place, s) }); err != nil {
						return fmt.Errorf("looking through %s of the ledger: %w", place, err)
					}
				}
			}
		}
		return nil
	})
}

func words(ctx context.Context, tx *sql.Tx, table, column string, change bool, f func(string) string) error {
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT DISTINCT %[1]s FROM %[2]s WHERE typeof(%[1]s) = 'text'`, column, table))
	if err != nil {
		return err
	}
	defer rows.Close()
	altered := map[string]string{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		if to := f(text); to != text {
			altered[text] = to
		}
	}
	if err := rows.Err(); err != nil || !change {
		return err
	}
	for from, to := range altered {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`UPDATE %[2]s SET %[1]s = ? WHERE %[1]s = ?`, column, table), to, from); err != nil {
			return err
		}
	}
	return nil
}

// Purge makes the file of the ledger anew, and its redo log, so that no byte is left of
// rows that are gone. Ledgers that a repair put aside are removed by the caller.
func (l *Ledger) Purge(ctx context.Context) error {
	if err := l.Confirm(ctx); err != nil {
		return err
	}
	if _, err := l.db.DB.ExecContext(ctx, `VACUUM`); err != nil {
		return l.damaged(fmt.Errorf("making the ledger anew: %w", err))
	}
	return l.transact(ctx, func(tx *sql.Tx) error {
		logs, err := redoLogs(l.redo.dir)
		if err != nil {
			return err
		}
		number := int64(1)
		if len(logs) > 0 {
			number = logs[len(logs)-1].number + 1
		}
		if l.redo.tables, err = shapes(ctx, tx); err != nil {
			return err
		}
		return l.redo.begin(ctx, tx, number)
	})
}
