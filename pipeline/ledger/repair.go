package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
)

// Repaired says what was wrong with a ledger and what was done about it.
type Repaired struct {
	// Damage is why the ledger could not be used; nil when nothing is wrong with it.
	Damage error
	// History is what the ledger was rebuilt from.
	History History
	// Kept is where the damaged ledger was put, relative to the data directory; "" when
	// there was none.
	Kept string
	// Renewed: the ledger is sound, its redo log was not, and was written anew from it.
	Renewed bool
}

// RepairOptions say how a ledger is repaired.
type RepairOptions struct {
	DryRun bool // only tell what would be done
	// Nights and Batches are the highest numbers that files on disk bear: no later night
	// may use them again, whatever was lost of the redo log.
	Nights, Batches int64
	Now             time.Time // names the damaged ledger
}

// repairWait is how long a repair waits for a process that is about to end.
const repairWait = 2 * time.Second

// Repair rebuilds a ledger that is damaged or gone from its redo log, and writes the redo
// log anew where only that is damaged. A sound ledger stays as it is. No night may run
// meanwhile: while one does the error is ErrInUse.
func Repair(ctx context.Context, dataDir string, o RepairOptions) (out Repaired, err error) {
	path := filepath.Join(dataDir, FileName)
	redo := filepath.Join(dataDir, RedoDir)
	if _, err := os.Stat(dataDir); err != nil {
		return out, fmt.Errorf("no data directory: %w", err)
	}
	lock, err := guard(ctx, redo, true, repairWait)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	renew, err := examine(ctx, dataDir, o.DryRun)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return out, err
	}
	if damaged == nil {
		out.Renewed = renew
		return out, nil
	}
	out.Damage = damaged.Why
	if out.History, err = readHistory(redo); err != nil {
		return out, fmt.Errorf("the ledger %s is damaged (%w), and cannot be rebuilt: %w. Bring %s and %s back from a backup; or name another data directory and extract anew", path, out.Damage, err, FileName, RedoDir)
	}
	out.Kept = fmt.Sprintf("%s.damaged-%s", FileName, o.Now.UTC().Format("20060102T150405"))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		out.Kept = ""
	}
	if o.DryRun {
		made := path + ".rebuilt"
		db, err := out.History.database(ctx, made, out.History.Last)
		if err != nil {
			return out, errors.Join(err, os.Remove(made))
		}
		return out, errors.Join(db.Close(), os.Remove(made))
	}
	return out, replace(ctx, path, out, o)
}

// examine opens a ledger as a night would, and looks closer. renew tells that it is sound
// but its redo log was not.
func examine(ctx context.Context, dataDir string, dryRun bool) (renew bool, err error) {
	if _, err := os.Stat(filepath.Join(dataDir, FileName)); errors.Is(err, fs.ErrNotExist) {
		if logs, _ := redoLogs(filepath.Join(dataDir, RedoDir)); len(logs) == 0 {
			return false, (&Ledger{path: filepath.Join(dataDir, FileName), redo: &redo{dir: filepath.Join(dataDir, RedoDir)}}).damage(errors.New("the file is gone"))
		}
	}
	l, err := Open(ctx, dataDir, nil)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	err = l.transact(ctx, func(tx *sql.Tx) error {
		if err := l.check(ctx, tx); err != nil {
			return err
		}
		if err := l.compare(ctx, tx); err != nil {
			return err
		}
		at, err := position(ctx, tx)
		if err != nil {
			return err
		}
		if h, err := readHistory(l.redo.dir); err != nil || h.Lost > 0 || h.Last < at || at < h.base {
			renew = true
		}
		if !renew || dryRun {
			return nil
		}
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
	if err == nil && !dryRun {
		l.seal(ctx)
	}
	return renew, err
}

// replace puts a ledger that is made of a history in the place of the damaged one. A crash
// leaves the damaged one, none, or the new one: in the first two cases it is done again.
func replace(ctx context.Context, path string, r Repaired, o RepairOptions) error {
	made := path + ".rebuilt"
	db, err := r.History.database(ctx, made, r.History.Last)
	if err != nil {
		return err
	}
	err = raise(ctx, db, o)
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	// The journal first: beside another ledger it would be taken for that one's.
	for _, ending := range []string{"-journal", ""} {
		to := path + ".damaged" + ending
		if r.Kept != "" {
			to = filepath.Join(filepath.Dir(path), r.Kept) + ending
		}
		if err := os.Rename(path+ending, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("putting the damaged ledger aside: %w", err)
		}
	}
	if err := os.Remove(made + "-journal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing up: %w", err)
	}
	if err := durable.Move(made, path); err != nil {
		return err
	}
	// What follows must not be written behind lines that are damaged.
	_, err = examine(ctx, filepath.Dir(path), false)
	return err
}

// raise makes sure that numbers that files on disk bear are not given again.
func raise(ctx context.Context, db *sql.DB, o RepairOptions) error {
	for table, to := range map[string]int64{"nights": o.Nights, "batches": o.Batches} {
		var has int64
		err := db.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?`, table).Scan(&has)
		if err != nil {
			return fmt.Errorf("reading the last number of %s: %w", table, err)
		}
		if has >= to {
			continue
		}
		for _, q := range []string{"DELETE FROM sqlite_sequence WHERE name = ?1", "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)"} {
			if _, err := db.ExecContext(ctx, q, table, to); err != nil {
				return fmt.Errorf("raising the last number of %s: %w", table, err)
			}
		}
	}
	return nil
}

// Counts tells how many rows the tables of a ledger have, for people.
func (l *Ledger) Counts(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	err := l.transact(ctx, func(tx *sql.Tx) error {
		tables, err := shapes(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range sortedTables(tables) {
			var n int64
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&n); err != nil {
				return fmt.Errorf("counting %s: %w", name, err)
			}
			out[name] = n
		}
		return nil
	})
	return out, err
}

// AllArtifacts returns all committed files, by path.
func (l *Ledger) AllArtifacts(ctx context.Context) ([]Artifact, error) {
	return collect(ctx, l, `SELECT key, tbl, path, sha256, bytes, rows, night FROM artifacts ORDER BY path, key`, nil, func(r *sql.Rows) (Artifact, error) {
		var a Artifact
		err := r.Scan(&a.Key, &a.Table, &a.Path, &a.SHA256, &a.Bytes, &a.Rows, &a.Night)
		return a, err
	})
}

// AllLakeFiles returns the committed files of all lake tables, by path.
func (l *Ledger) AllLakeFiles(ctx context.Context) ([]LakeFile, error) {
	tables, err := collect(ctx, l, `SELECT DISTINCT tbl FROM lake_files ORDER BY tbl`, nil, func(r *sql.Rows) (string, error) {
		var name string
		err := r.Scan(&name)
		return name, err
	})
	var out []LakeFile
	for _, t := range tables {
		files, err := l.LakeFiles(ctx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	return out, err
}

// ShownWarehouse is the night that the warehouse shows, with the digest of its file ("" when
// it is not known) and, if the night was brought back, why. ok is false when no night is
// shown.
func (l *Ledger) ShownWarehouse(ctx context.Context) (n Night, f BroughtBackFile, ok bool, err error) {
	p, ok, err := l.Shown(ctx)
	if err != nil || !ok {
		return n, f, false, err
	}
	n = Night{ID: p.Night, AsOf: p.AsOf}
	var text string
	err = l.db.QueryRowContext(ctx, `SELECT warehouse FROM nights WHERE id = ?`, n.ID).Scan(&text)
	if err != nil {
		return n, f, false, l.damaged(fmt.Errorf("looking for the published warehouse: %w", err))
	}
	if p.Kind == BroughtBack {
		if f = broughtBackFile(text); f.Why == "" {
			f.Why = ForRollback
		}
		return n, f, true, nil
	}
	return n, BroughtBackFile{SHA256: text}, true, nil
}

// DropLakeFile takes a file out of the lake and marks the inputs that may have rows in it
// as unread, so that files are read again; rows of a database come back when their table
// is verified. It returns the inputs.
func (l *Ledger) DropLakeFile(ctx context.Context, f LakeFile) (inputs []string, err error) {
	table, counted := f.Table, "stored"
	if table == "quarantine" {
		table, counted = "", "quarantined"
	}
	batches := "= ?1"
	if f.Origin != "" || strings.HasPrefix(filepath.Base(f.Path), "f") {
		// A merged file bears the newest batch of those in it. So may one that was written
		// anew without people who are forgotten: an earlier mainstay dropped its Origin.
		batches = "<= ?1"
	}
	err = l.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM lake_files WHERE path = ?`, f.Path); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT i.id, i.source || ': ' || i.name FROM inputs i JOIN row_accounts a ON a.input = i.id
			WHERE i.replaced_by IS NULL AND i.batch `+batches+` AND (?2 = '' OR a.tbl = ?2) AND a.`+counted+` > 0 ORDER BY i.id`, f.Batch, table)
		if err != nil {
			return err
		}
		defer rows.Close()
		var ids []int64
		for rows.Next() {
			var id int64
			var name string
			if err := rows.Scan(&id, &name); err != nil {
				return err
			}
			ids, inputs = append(ids, id), append(inputs, name)
		}
		if err := rows.Err(); err != nil || f.Keyed {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE inputs SET version = 'unread: a lake file of it was damaged' WHERE id = ?`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking %s out of the lake: %w", f.Path, err)
	}
	return inputs, nil
}
