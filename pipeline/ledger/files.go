package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Artifact is a finished file: a snapshot of a table, a model, a table of a night.
type Artifact struct {
	Key    string // what made it: same key, same bytes
	Table  string
	Path   string // relative to the data directory
	SHA256 string
	Bytes  int64
	Rows   int64
	Night  int64  // the night that made it
	Logic  string // fingerprint of what its job did; "" where it is not known
}

// Artifact returns the committed file with that key, if there is one.
func (l *Ledger) Artifact(ctx context.Context, key string) (Artifact, bool, error) {
	a := Artifact{Key: key}
	err := l.db.QueryRowContext(ctx, `SELECT tbl, path, sha256, bytes, rows, night FROM artifacts WHERE key = ?`, key).
		Scan(&a.Table, &a.Path, &a.SHA256, &a.Bytes, &a.Rows, &a.Night)
	if errors.Is(err, sql.ErrNoRows) {
		return Artifact{}, false, nil
	}
	if err != nil {
		return Artifact{}, false, fmt.Errorf("reading artifact %s: %w", key, err)
	}
	return a, true, nil
}

// LastArtifactIn returns the file of a table in a directory that was made last, if there
// is one.
func (l *Ledger) LastArtifactIn(ctx context.Context, table, dir string) (Artifact, bool, error) {
	found, err := collect(ctx, l, `SELECT key, tbl, path, sha256, bytes, rows, night, logic FROM artifacts WHERE tbl = ? AND substr(path, 1, ?) = ? ORDER BY night DESC, key LIMIT 1`,
		[]any{table, len(dir) + 1, dir + "/"}, scanArtifact)
	if err != nil || len(found) == 0 {
		return Artifact{}, false, err
	}
	return found[0], true, nil
}

func scanArtifact(r *sql.Rows) (Artifact, error) {
	var a Artifact
	err := r.Scan(&a.Key, &a.Table, &a.Path, &a.SHA256, &a.Bytes, &a.Rows, &a.Night, &a.Logic)
	return a, err
}

// ArtifactsMade returns how many rows and bytes of a table a night made.
func (l *Ledger) ArtifactsMade(ctx context.Context, table string, night int64) (rows, bytes int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM artifacts WHERE tbl = ? AND night = ?`, table, night).Scan(&rows, &bytes)
	if err != nil {
		return 0, 0, fmt.Errorf("reading what night %d made of %s: %w", night, table, err)
	}
	return rows, bytes, nil
}

// ArtifactOf returns the committed file of a table, or of any when it is "", with a digest,
// if there is one.
func (l *Ledger) ArtifactOf(ctx context.Context, table, sha256 string) (Artifact, bool, error) {
	found, err := collect(ctx, l, `SELECT key, tbl, path, sha256, bytes, rows, night, logic FROM artifacts WHERE (?1 = '' OR tbl = ?1) AND sha256 = ?2 ORDER BY key LIMIT 1`, []any{table, sha256}, scanArtifact)
	if err != nil || len(found) == 0 {
		return Artifact{}, false, err
	}
	return found[0], true, nil
}

// CommitArtifact records a finished file.
func (l *Ledger) CommitArtifact(ctx context.Context, a Artifact) error {
	_, err := l.db.ExecContext(ctx, `INSERT OR REPLACE INTO artifacts (key, tbl, path, sha256, bytes, rows, night, logic) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		a.Key, a.Table, a.Path, a.SHA256, a.Bytes, a.Rows, a.Night, a.Logic)
	if err != nil {
		return fmt.Errorf("committing %s: %w", a.Path, err)
	}
	return nil
}

// ArtifactPaths are the paths of all committed files, relative to the data directory.
func (l *Ledger) ArtifactPaths(ctx context.Context) (map[string]bool, error) {
	paths, err := collect(ctx, l, `SELECT path FROM artifacts`, nil, func(r *sql.Rows) (string, error) {
		var path string
		err := r.Scan(&path)
		return path, err
	})
	out := map[string]bool{}
	for _, p := range paths {
		out[p] = true
	}
	return out, err
}

// Input is a part of a source as it was read: a file, later a key range.
type Input struct {
	ID         int64
	Source     string
	Name       string
	Version    string // changes when the content or its mapping does
	Size       int64
	ModifiedAt time.Time
	Rows       int64 // records in it, before the mapping
	Replaced   bool  // a later version took its place
	Batch      int64
	AsOf       string // the night that read it
}

// Account is the row account of one input and one table.
type Account struct {
	Input                                 Input
	Table                                 string
	Read, Stored, Duplicates, Quarantined int64
	Forgotten                             int64 // of people who are to be forgotten
}

// LakeFile is one committed Parquet file of the lake.
type LakeFile struct {
	Path, Table, Day   string
	Batch              int64
	Rows, Bytes        int64
	SHA256             string
	MinEvent, MaxEvent time.Time
	// Keyed: its rows come from a database and have _pk, _hash and _deleted.
	Keyed bool
	// Newer: some of its rows may take the place of rows in other files.
	Newer bool
	// Origin of a compacted file: digest, earliest event and day of the files that it was
	// made of, a line each; "" for any other file.
	Origin string
}

// Batch is one extraction of a source, committed as a whole.
type Batch struct {
	ID           int64
	Source, AsOf string
	Night        int64
	Inputs       []Input // with the IDs that NextIDs promised
	Accounts     []Account
	Files        []LakeFile
	RepeatedKeys map[string]int64  // per table: keys that the lake now holds more than once
	States       map[string]string // per table: what the source is to be told the next time
	Certificates []Certificate
	Forgotten    []string // pseudonyms of rows of a database that were left out
}

// NextIDs returns the id of the next batch and the first id of its inputs. They stay
// free while the caller holds the lease.
func (l *Ledger) NextIDs(ctx context.Context) (batch, input int64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(id), 0) + 1 FROM batches), (SELECT coalesce(max(id), 0) + 1 FROM inputs)`).Scan(&batch, &input)
	if err != nil {
		return 0, 0, fmt.Errorf("reading next ids: %w", err)
	}
	return batch, input, nil
}

// CommitBatch records an extraction in one transaction: its inputs (taking the place
// of earlier versions of the same), its files and its row accounts.
func (l *Ledger) CommitBatch(ctx context.Context, b Batch) error {
	err := l.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO batches (id, source, as_of, night) VALUES (?, ?, ?, ?)`, b.ID, b.Source, b.AsOf, b.Night); err != nil {
			return err
		}
		for _, in := range b.Inputs {
			if err := commitInput(ctx, tx, b, in); err != nil {
				return fmt.Errorf("input %s: %w", in.Name, err)
			}
		}
		for _, f := range b.Files {
			f.Batch = b.ID
			if err := insertLakeFile(ctx, tx, f); err != nil {
				return err
			}
		}
		for _, a := range b.Accounts {
			if _, err := tx.ExecContext(ctx, `INSERT INTO row_accounts (input, tbl, read, stored, duplicates, quarantined, forgotten) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				a.Input.ID, a.Table, a.Read, a.Stored, a.Duplicates, a.Quarantined, a.Forgotten); err != nil {
				return fmt.Errorf("row account of %s, table %s (read %d, stored %d, duplicates %d, quarantined %d): %w", a.Input.Name, a.Table, a.Read, a.Stored, a.Duplicates, a.Quarantined, err)
			}
		}
		for tbl, n := range b.RepeatedKeys {
			if _, err := tx.ExecContext(ctx, `INSERT INTO lake_tables (tbl, repeated_keys) VALUES (?1, ?2) ON CONFLICT (tbl) DO UPDATE SET repeated_keys = repeated_keys + ?2`, tbl, n); err != nil {
				return err
			}
		}
		for tbl, state := range b.States {
			if _, err := tx.ExecContext(ctx, `INSERT INTO source_states (source, tbl, state) VALUES (?1, ?2, ?3) ON CONFLICT (source, tbl) DO UPDATE SET state = ?3`, b.Source, tbl, state); err != nil {
				return err
			}
		}
		for _, c := range b.Certificates {
			if err := insertCertificate(ctx, tx, b, c); err != nil {
				return fmt.Errorf("certificate of %s: %w", c.Table, err)
			}
		}
		return insertForgottenRows(ctx, tx, b.Forgotten)
	})
	if err != nil {
		return fmt.Errorf("committing extraction of source %s: %w", b.Source, err)
	}
	return nil
}

func insertLakeFile(ctx context.Context, tx *sql.Tx, f LakeFile) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO lake_files (path, tbl, day, batch, rows, bytes, sha256, min_event, max_event, keyed, newer, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.Path, f.Table, f.Day, f.Batch, f.Rows, f.Bytes, f.SHA256, stamp(f.MinEvent), stamp(f.MaxEvent), f.Keyed, f.Newer, f.Origin)
	if err != nil {
		return fmt.Errorf("file %s: %w", f.Path, err)
	}
	return nil
}

// ReplaceLakeFiles puts one file in the place of several that hold the same rows.
func (l *Ledger) ReplaceLakeFiles(ctx context.Context, old []LakeFile, merged LakeFile) error {
	return l.tx(ctx, func(tx *sql.Tx) error {
		for _, f := range old {
			res, err := tx.ExecContext(ctx, `DELETE FROM lake_files WHERE path = ? AND sha256 = ?`, f.Path, f.SHA256)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n != 1 {
				return fmt.Errorf("file %s is no longer in the manifest: %w", f.Path, errors.Join(err, ErrChanged))
			}
		}
		return insertLakeFile(ctx, tx, merged)
	})
}

// ErrChanged: the ledger no longer holds what the caller read.
var ErrChanged = errors.New("the ledger was changed meanwhile")

func commitInput(ctx context.Context, tx *sql.Tx, b Batch, in Input) error {
	if _, err := tx.ExecContext(ctx, `UPDATE inputs SET replaced_by = ? WHERE source = ? AND name = ? AND replaced_by IS NULL`, b.ID, b.Source, in.Name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO inputs (id, source, name, version, size, modified_at, rows, batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		in.ID, b.Source, in.Name, in.Version, in.Size, stamp(in.ModifiedAt), in.Rows, b.ID)
	return err
}

const inputColumns = `i.id, i.source, i.name, i.version, i.size, i.modified_at, i.rows, i.replaced_by IS NOT NULL, i.batch, b.as_of`

func inputFields(in *Input, modified *sql.NullString) []any {
	return []any{&in.ID, &in.Source, &in.Name, &in.Version, &in.Size, modified, &in.Rows, &in.Replaced, &in.Batch, &in.AsOf}
}

// Inputs returns the current inputs of a source (not the replaced ones), by name.
func (l *Ledger) Inputs(ctx context.Context, source string) ([]Input, error) {
	return collect(ctx, l, `SELECT `+inputColumns+` FROM inputs i JOIN batches b ON b.id = i.batch WHERE i.source = ? AND i.replaced_by IS NULL ORDER BY i.name`, []any{source}, func(r *sql.Rows) (Input, error) {
		var in Input
		var modified sql.NullString
		err := r.Scan(inputFields(&in, &modified)...)
		in.ModifiedAt = parseStamp(modified)
		return in, err
	})
}

// ReplacedInputs returns the ids of inputs whose rows no longer count.
func (l *Ledger) ReplacedInputs(ctx context.Context) ([]int64, error) {
	return collect(ctx, l, `SELECT id FROM inputs WHERE replaced_by IS NOT NULL ORDER BY id`, nil, func(r *sql.Rows) (int64, error) {
		var id int64
		err := r.Scan(&id)
		return id, err
	})
}

// InputsOfOthers returns the ids of the current inputs of all sources but one.
func (l *Ledger) InputsOfOthers(ctx context.Context, source string) ([]int64, error) {
	return collect(ctx, l, `SELECT id FROM inputs WHERE source <> ? AND replaced_by IS NULL ORDER BY id`, []any{source}, func(r *sql.Rows) (int64, error) {
		var id int64
		err := r.Scan(&id)
		return id, err
	})
}

// Accounts returns the row accounts of all inputs, by source, input and table.
func (l *Ledger) Accounts(ctx context.Context) ([]Account, error) {
	return collect(ctx, l, `SELECT `+inputColumns+`, a.tbl, a.read, a.stored, a.duplicates, a.quarantined, a.forgotten
		FROM row_accounts a JOIN inputs i ON i.id = a.input JOIN batches b ON b.id = i.batch ORDER BY i.source, i.name, i.id, a.tbl`, nil, func(r *sql.Rows) (Account, error) {
		var a Account
		var modified sql.NullString
		err := r.Scan(append(inputFields(&a.Input, &modified), &a.Table, &a.Read, &a.Stored, &a.Duplicates, &a.Quarantined, &a.Forgotten)...)
		a.Input.ModifiedAt = parseStamp(modified)
		return a, err
	})
}

// LakeFiles returns the committed files of a lake table, by day and path.
func (l *Ledger) LakeFiles(ctx context.Context, table string) ([]LakeFile, error) {
	return collect(ctx, l, `SELECT path, tbl, day, batch, rows, bytes, sha256, min_event, max_event, keyed, newer, origin FROM lake_files WHERE tbl = ? ORDER BY day, path`, []any{table}, func(r *sql.Rows) (LakeFile, error) {
		var f LakeFile
		var from, to sql.NullString
		err := r.Scan(&f.Path, &f.Table, &f.Day, &f.Batch, &f.Rows, &f.Bytes, &f.SHA256, &from, &to, &f.Keyed, &f.Newer, &f.Origin)
		f.MinEvent, f.MaxEvent = parseStamp(from), parseStamp(to)
		return f, err
	})
}

// RepeatedKeys tells how many keys of a lake table came more than once.
func (l *Ledger) RepeatedKeys(ctx context.Context, table string) (int64, error) {
	var n int64
	err := l.db.QueryRowContext(ctx, `SELECT coalesce(sum(repeated_keys), 0) FROM lake_tables WHERE tbl = ?`, table).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("reading repeated keys of %s: %w", table, err)
	}
	return n, nil
}
