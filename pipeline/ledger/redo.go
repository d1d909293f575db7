package ledger

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// RedoDir holds the redo log within a data directory: every change of the ledger, written
// before it is committed, from which `mainstay repair` rebuilds a ledger that is damaged
// or gone. redo/000001.jsonl begins with all rows that the ledger had, and goes on with a
// line for each transaction:
//
//	{"seq":12,"changes":[{"table":"inputs","columns":["id",...],"put":[[7,...]],"gone":[[6]]}]}	1f2e3d4c
//
// after a tab stands the CRC-32 of the line. A transaction whose number comes again was
// never committed: the process died between the log and the ledger.
const RedoDir = "redo"

// unlogged are tables that a rebuilt ledger does without.
var unlogged = map[string]bool{"lease": true, "redo_position": true, "sqlite_sequence": true, "schedulers": true}

// A redo log is begun anew when it has this many bytes, and is so many times as large as
// the ledger: then most of it is of rows that are gone.
const redoLimit, redoTimes = 64 << 20, 4

// redo writes the redo log of a ledger.
type redo struct {
	dir    string
	ledger string // its file
	tables map[string]*tableShape
	known  struct { // end of a log
		path      string
		size, seq int64
	}
}

// change is one row that is put or goes.
type change struct {
	table string
	row   []any // new; nil when the row goes
	old   []any // nil when it is new
	err   error
}

// tableChange are changes of one table, in order: rows that go, then rows that are put.
type tableChange struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Put     [][]any  `json:"put,omitempty"`
	Gone    [][]any  `json:"gone,omitempty"` // primary keys
}

// record is a line of the redo log: a transaction, or the beginning of a log.
type record struct {
	Seq     int64         `json:"seq"`
	Format  int           `json:"format,omitempty"` // of the ledger; in the first line only
	Begins  bool          `json:"begins,omitempty"` // part of the rows with which the log begins
	Whole   bool          `json:"whole,omitempty"`  // the last of these
	Changes []tableChange `json:"changes,omitempty"`
}

// changed is told by SQLite of a row that is about to change.
func (s *store) changed(d *sqlite.SQLitePreUpdateData) {
	if unlogged[d.TableName] {
		return
	}
	c := change{table: d.TableName}
	read := func(get func(...any) error) []any {
		row := make([]any, d.Count())
		c.err = errors.Join(c.err, get(row...))
		return row
	}
	// The rows are read here: SQLite tells them only now.
	if d.Op != lib.SQLITE_INSERT {
		c.old = read(func(row ...any) error { return d.Old(row...) })
	}
	if d.Op != lib.SQLITE_DELETE {
		c.row = read(func(row ...any) error { return d.New(row...) })
	}
	s.changes = append(s.changes, c)
}

// ready makes sure, before anything changes, that there is a log to write to and that it
// knows all transactions of the ledger.
func (r *redo) ready(ctx context.Context, tx *sql.Tx) error {
	if r.tables == nil {
		var err error
		if r.tables, err = shapes(ctx, tx); err != nil {
			return err
		}
	}
	logs, err := redoLogs(r.dir)
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return r.begin(ctx, tx, 1)
	}
	log := logs[len(logs)-1]
	if anew, err := r.anew(ctx, tx, log); err != nil || !anew {
		return err
	}
	return r.begin(ctx, tx, log.number+1)
}

// anew tells whether another log is to be begun: this one is too long, of another format,
// damaged at its end, or does not know all transactions of the ledger.
func (r *redo) anew(ctx context.Context, tx *sql.Tx, log redoLog) (bool, error) {
	info, err := os.Stat(log.path)
	if err != nil {
		return false, fmt.Errorf("looking at the redo log: %w", err)
	}
	file, err := os.Stat(r.ledger)
	if err != nil {
		return false, fmt.Errorf("looking at the ledger: %w", err)
	}
	if info.Size() >= max(redoLimit, redoTimes*file.Size()) {
		return true, nil
	}
	at, err := position(ctx, tx)
	if err != nil {
		return false, err
	}
	if r.known.path != log.path || r.known.size != info.Size() { // another process wrote, or nobody yet
		if v, err := redoFormat(r.dir); err != nil || v != Version {
			return true, ctx.Err()
		}
		if r.known.seq, r.known.size, err = lastSeq(log.path); err != nil {
			return true, ctx.Err()
		}
		r.known.path = log.path
	}
	if at < r.known.seq-1 {
		return false, fmt.Errorf("%w: it ends at transaction %d, the redo log at %d", errOld, at, r.known.seq)
	}
	return at > r.known.seq, nil
}

// errOld: a transaction can be in the redo log alone when a crash came between, more
// cannot.
var errOld = errors.New("it is older than its redo log, as if it had come from a backup")

// begin starts a log with all rows of the ledger and removes the logs before it.
func (r *redo) begin(ctx context.Context, tx *sql.Tx, number int64) error {
	if err := durable.MkdirAll(r.dir); err != nil {
		return err
	}
	path := filepath.Join(r.dir, fmt.Sprintf("%06d.jsonl", number))
	f, err := os.OpenFile(path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("beginning a redo log: %w", err)
	}
	w := bufio.NewWriter(f)
	err = r.dump(ctx, tx, w)
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("beginning the redo log %s: %w", path, errors.Join(err, os.Remove(path+".tmp")))
	}
	if err := durable.Move(path+".tmp", path); err != nil {
		return err
	}
	logs, err := redoLogs(r.dir)
	if err != nil {
		return err
	}
	for _, old := range logs {
		if old.number < number {
			if err := os.Remove(old.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing an old redo log: %w", err)
			}
		}
	}
	return nil
}

// dumpRows is how many rows a line has at the beginning of a log.
const dumpRows = 500

func (r *redo) dump(ctx context.Context, tx *sql.Tx, w io.Writer) error {
	seq, err := position(ctx, tx)
	if err != nil {
		return err
	}
	if err := write(w, record{Seq: seq, Format: Version, Begins: true}); err != nil {
		return err
	}
	for _, name := range sortedTables(r.tables) {
		err := eachRow(ctx, tx, name, r.tables[name], "rowid", dumpRows, func(rows [][]any) error {
			return write(w, record{Seq: seq, Begins: true, Changes: []tableChange{{Table: name, Columns: r.tables[name].columns, Put: rows}}})
		})
		if err != nil {
			return err
		}
	}
	return write(w, record{Seq: seq, Begins: true, Whole: true})
}

// append writes what a transaction changes, and makes it durable.
func (r *redo) append(ctx context.Context, tx *sql.Tx, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	seq, err := position(ctx, tx)
	if err != nil {
		return err
	}
	seq++
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO redo_position (one, seq) VALUES (1, ?)`, seq); err != nil {
		return fmt.Errorf("numbering the transaction: %w", err)
	}
	rec := record{Seq: seq}
	if rec.Changes, err = r.group(changes); err != nil {
		return err
	}
	logs, err := redoLogs(r.dir)
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		return fmt.Errorf("the redo log in %s was removed while it was in use", r.dir)
	}
	r.known.path = logs[len(logs)-1].path
	if r.known.size, err = appendLine(r.known.path, rec); err != nil {
		return fmt.Errorf("writing the redo log: %w", err)
	}
	r.known.seq = seq
	fault.Point("redo log written, ledger not committed")
	return nil
}

// appendLine writes a record behind a log. A line that a crash or a full disk cut short
// is ended first: it was never committed.
func appendLine(path string, rec record) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	var line bytes.Buffer
	if last := make([]byte, 1); end > 0 {
		if _, err := f.ReadAt(last, end-1); err != nil {
			return 0, err
		}
		if last[0] != '\n' {
			line.WriteByte('\n')
		}
	}
	if err := write(&line, rec); err != nil {
		return 0, err
	}
	if _, err := f.WriteAt(line.Bytes(), end); err != nil {
		return 0, errors.Join(err, f.Truncate(end))
	}
	return end + int64(line.Len()), f.Sync()
}

// group puts the changes of a transaction together by table, as long as one table follows
// itself and no row goes after one was put.
func (r *redo) group(changes []change) ([]tableChange, error) {
	var out []tableChange
	for _, c := range changes {
		shape := r.tables[c.table]
		if c.err != nil || shape == nil {
			return nil, fmt.Errorf("telling what changed in table %s: %w", c.table, errors.Join(c.err, errors.New("the ledger has another form than this mainstay knows")))
		}
		gone := c.old != nil && (c.row == nil || fmt.Sprint(shape.keyOf(c.old)) != fmt.Sprint(shape.keyOf(c.row)))
		if n := len(out); n == 0 || out[n-1].Table != c.table || gone && len(out[n-1].Put) > 0 {
			out = append(out, tableChange{Table: c.table, Columns: shape.columns})
		}
		last := &out[len(out)-1]
		if gone {
			last.Gone = append(last.Gone, shape.keyOf(c.old))
		}
		if c.row != nil {
			last.Put = append(last.Put, encoded(c.row))
		}
	}
	return out, nil
}

func (s *tableShape) keyOf(row []any) []any {
	key := make([]any, len(s.key))
	for i, k := range s.key {
		key[i] = row[k]
	}
	return encoded(key)
}

func write(w io.Writer, rec record) error {
	text, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\t%08x\n", text, crc32.ChecksumIEEE(text))
	return err
}

// redoLog is a file of the redo log.
type redoLog struct {
	path   string
	number int64
}

// redoLogs are the files of the redo log, oldest first. More than one is there only after
// a crash.
func redoLogs(dir string) ([]redoLog, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for the redo log: %w", err)
	}
	var out []redoLog
	for _, e := range entries {
		var n int64
		if _, err := fmt.Sscanf(e.Name(), "%d.jsonl", &n); err == nil && strings.HasSuffix(e.Name(), ".jsonl") {
			out = append(out, redoLog{filepath.Join(dir, e.Name()), n})
		}
	}
	slices.SortFunc(out, func(a, b redoLog) int { return cmp.Compare(a.number, b.number) })
	return out, nil
}
