package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
)

// DamagedError says that a ledger cannot be used. What was published stays readable.
type DamagedError struct {
	Path string // of the ledger
	Why  error
	redo bool // there is a redo log to rebuild it from
}

// Error names the file and what to do.
func (e *DamagedError) Error() string {
	what := fmt.Sprintf("rebuild it from the redo log beside it: mainstay repair --data %s", filepath.Dir(e.Path))
	if !e.redo {
		what = fmt.Sprintf("there is no redo log (%s) to rebuild it from either: bring %s and %s back from a backup, or name another data directory to begin anew", filepath.Join(filepath.Dir(e.Path), RedoDir), FileName, RedoDir)
	}
	return fmt.Sprintf("the ledger %s is damaged: %v. What was published last stays readable. To go on, %s", e.Path, e.Why, what)
}

// Unwrap gives the reason.
func (e *DamagedError) Unwrap() error { return e.Why }

func (l *Ledger) damage(why error) error {
	logs, _ := redoLogs(l.redo.dir)
	return &DamagedError{Path: l.path, Why: why, redo: len(logs) > 0}
}

// damaged marks an error of SQLite that says that the file is not what it was.
func (l *Ledger) damaged(err error) error {
	var already *DamagedError
	var of *sqlite.Error
	if !errors.As(err, &of) || errors.As(err, &already) {
		return err
	}
	switch of.Code() & 0xff {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return l.damage(err)
	case lib.SQLITE_ERROR:
		if strings.Contains(err.Error(), "no such table") || strings.Contains(err.Error(), "already exists") {
			return l.damage(err)
		}
	}
	if of.Code() == lib.SQLITE_IOERR_SHORT_READ {
		return l.damage(err)
	}
	return err
}

// missing tells that a ledger is gone from a data directory that has been used.
func (l *Ledger) missing() error {
	info, err := os.Stat(l.path)
	if err == nil && info.Size() > 0 {
		return nil
	}
	why := errors.New("the file is empty")
	if err != nil {
		why = errors.New("the file is gone")
	}
	logs, err := redoLogs(l.redo.dir)
	if err != nil {
		return err
	}
	if len(logs) > 0 {
		return l.damage(why)
	}
	for _, used := range []string{"lake", "tables"} {
		if names, _ := os.ReadDir(filepath.Join(filepath.Dir(l.path), used)); len(names) > 0 {
			return l.damage(fmt.Errorf("%w, but there is a folder %s", why, used))
		}
	}
	return nil
}

// format is the format that a ledger has.
func format(ctx context.Context, db querier) (int, error) {
	var v int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return 0, fmt.Errorf("reading its version: %w", err)
	}
	return v, nil
}

// FormatOf reads which format the ledger of a data directory has, without changing it.
func FormatOf(ctx context.Context, dataDir string) (v int, err error) {
	path := filepath.Join(dataDir, FileName)
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("reading the format of a ledger: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return 0, fmt.Errorf("reading the format of ledger %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return format(ctx, db)
}

// plausible refuses a format that this mainstay does not know, or that the ledger cannot
// have: then its head was written over.
func (l *Ledger) plausible(v int) error {
	had := 0
	if h, err := redoFormat(l.redo.dir); err == nil {
		had = h
	}
	if v < had || v > math.MaxInt16 {
		return l.damage(fmt.Errorf("it claims to have format %d", v))
	}
	if v > Version {
		return fmt.Errorf("it has format %d, this mainstay knows formats up to %d: run the newer mainstay", v, Version)
	}
	return nil
}

// seal is what a ledger looked like when it was closed: unless something else has written
// to it, it must look like that when it is used again.
type seal struct {
	Counter uint32 `json:"counter"` // SQLite counts its transactions in the head of the file
	SHA256  string `json:"sha256"`
}

func (l *Ledger) sealPath() string { return filepath.Join(l.redo.dir, "ledger.sum") }

// look reads what the ledger looks like. The caller holds its write lock.
func (l *Ledger) look() (seal, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return seal{}, fmt.Errorf("reading the ledger: %w", err)
	}
	defer f.Close()
	head := make([]byte, 28)
	if _, err := io.ReadFull(f, head); err != nil {
		return seal{}, l.damage(fmt.Errorf("it is cut short: %w", err))
	}
	sum, _, err := durable.Digest(l.path)
	return seal{binary.BigEndian.Uint32(head[24:]), sum}, err
}

// seal notes what the ledger looks like. It is a safeguard, so that it may fail: then the
// next one that takes the lease compares the ledger with the redo log.
func (l *Ledger) seal(ctx context.Context) {
	_ = l.transact(ctx, func(*sql.Tx) error {
		s, err := l.look()
		if err != nil {
			return err
		}
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		tmp := fmt.Sprintf("%s.%d.tmp", l.sealPath(), os.Getpid())
		if err := os.WriteFile(tmp, append(text, '\n'), 0o644); err != nil {
			return err
		}
		return os.Rename(tmp, l.sealPath())
	})
}

// check makes sure that the ledger is what it was: when it was closed in peace, by its
// seal; after a crash, by the redo log. The caller holds its write lock.
func (l *Ledger) check(ctx context.Context, tx *sql.Tx) error {
	now, err := l.look()
	if err != nil {
		return err
	}
	var was seal
	text, err := os.ReadFile(l.sealPath())
	if err == nil && json.Unmarshal(text, &was) == nil && was.Counter == now.Counter {
		if was.SHA256 != now.SHA256 {
			return l.damage(errors.New("its content is not what it was when it was closed"))
		}
		return nil
	}
	return l.compare(ctx, tx)
}

// CompareFile is made in RedoDir while a ledger is compared with its redo log; a process
// that was killed leaves it.
const CompareFile = "compare.sqlite"

// compare checks the ledger's own structure, and its rows against the redo log as far as
// that can be read. A redo log that does not know the last transactions is no damage of the
// ledger: another will be begun.
func (l *Ledger) compare(ctx context.Context, tx *sql.Tx) (err error) {
	var found string
	if err := tx.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return l.damaged(fmt.Errorf("checking the ledger: %w", err))
	}
	if found != "ok" {
		return l.damage(errors.New(found))
	}
	at, err := position(ctx, tx)
	if err != nil {
		return l.damaged(err)
	}
	h, err := readHistory(l.redo.dir)
	if err != nil || h.Last < at || at < h.base {
		return ctx.Err()
	}
	if h.Last > at+1 {
		return l.damage(errOld)
	}
	path := filepath.Join(l.redo.dir, CompareFile) // the write lock is held: nobody else compares
	made, err := h.database(ctx, path, at)
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	defer func() { err = errors.Join(err, made.Close(), os.Remove(path)) }()
	tables, err := shapes(ctx, made)
	if err != nil {
		return err
	}
	for _, name := range sortedTables(tables) {
		is, err := rowsDigest(ctx, tx, name, tables[name])
		if err != nil {
			return l.damaged(err)
		}
		should, err := rowsDigest(ctx, made, name, tables[name])
		if err != nil {
			return err
		}
		if is != should {
			return l.damage(fmt.Errorf("its table %s does not hold what the redo log tells", name))
		}
	}
	return nil
}

// rowsDigest names what a table holds.
func rowsDigest(ctx context.Context, db querier, table string, s *tableShape) (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	err := eachRow(ctx, db, table, s, "key", dumpRows, func(rows [][]any) error {
		for _, row := range rows {
			if err := enc.Encode(row); err != nil {
				return err
			}
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}
