package ledger

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	_ "modernc.org/sqlite" // the pure Go SQLite driver
)

// History is what a redo log tells.
type History struct {
	File         string // the log that was read
	Transactions int    // behind those with which it begins
	Last         int64  // number of the last transaction
	// Lost is how many lines cannot be read, or come after one that cannot be: what they
	// told is not known any more. LostAt is the first of them, counted from 1.
	Lost, LostAt int
	base         int64 // number of the transaction after which it begins
	first        []line
	then         []line
}

// line says where in a redo log a record is: a log of many years is larger than memory.
type line struct {
	seq, offset int64
	size        int
}

// readHistory reads the newest log that begins with all rows.
func readHistory(dir string) (History, error) {
	logs, err := redoLogs(dir)
	if err != nil {
		return History{}, err
	}
	var whys []error
	for _, log := range slices.Backward(logs) {
		h, err := readLog(log.path)
		if err == nil {
			return h, nil
		}
		whys = append(whys, err)
	}
	if len(logs) == 0 {
		return History{}, fmt.Errorf("there is no redo log in %s", dir)
	}
	return History{}, errors.Join(whys...)
}

func readLog(path string) (History, error) {
	h := History{File: path}
	f, err := os.Open(path)
	if err != nil {
		return h, fmt.Errorf("reading the redo log: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	whole, offset := false, int64(0)
	for n := 1; ; n++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A last line without an end was cut short by a crash and never committed.
			break
		}
		if err != nil {
			return h, fmt.Errorf("reading the redo log: %w", err)
		}
		at := line{offset: offset, size: len(text)}
		offset += int64(len(text))
		rec, err := parseHead(text)
		at.seq = rec.Seq
		switch {
		case err != nil && !whole:
			return h, fmt.Errorf("%s: line %d: %w", path, n, err)
		case err != nil:
			// A line that a crash cut short and that was ended later: it was never committed,
			// and the number of the next line shows it.
			h.Lost++
			if h.LostAt == 0 {
				h.LostAt = n
			}
		case !whole:
			if n == 1 && rec.Format != Version {
				return h, fmt.Errorf("%s is of a ledger of format %d, this mainstay knows format %d: use the mainstay that wrote it", path, rec.Format, Version)
			}
			h.first, h.base, h.Last, whole = append(h.first, at), rec.Seq, rec.Seq, rec.Whole
		default:
			if h.take(at) {
				h.Lost, h.LostAt = 0, 0
			} else if h.Lost > 0 {
				h.Lost++
			} else {
				h.Lost, h.LostAt = 1, n
			}
		}
	}
	if !whole {
		return h, fmt.Errorf("%s ends before it tells all rows with which it begins", path)
	}
	h.Transactions = len(h.then)
	return h, nil
}

// take adds a transaction in the place of those with its number or a later one, which
// were never committed. It is false when transactions before it are missing.
func (h *History) take(at line) bool {
	if at.seq > h.Last+1 || at.seq <= h.base {
		return false
	}
	for len(h.then) > 0 && h.then[len(h.then)-1].seq >= at.seq {
		h.then = h.then[:len(h.then)-1]
	}
	h.then, h.Last = append(h.then, at), at.seq
	return true
}

// redoFormat is the format of the ledger that the newest log is of.
func redoFormat(dir string) (int, error) {
	logs, err := redoLogs(dir)
	if err != nil || len(logs) == 0 {
		return 0, err
	}
	f, err := os.Open(logs[len(logs)-1].path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadBytes('\n')
	if err != nil {
		return 0, err
	}
	rec, err := parseHead(line)
	return rec.Format, err
}

// lastSeq is the number of the last transaction that a log tells in a whole line. end is
// the size of the log.
func lastSeq(path string) (seq, end int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the redo log: %w", err)
	}
	defer f.Close()
	if end, err = f.Seek(0, io.SeekEnd); err != nil {
		return 0, 0, fmt.Errorf("reading the redo log: %w", err)
	}
	for size := int64(64 << 10); ; size *= 8 {
		size = min(size, end)
		tail := make([]byte, size)
		if _, err := f.ReadAt(tail, end-size); err != nil {
			return 0, 0, fmt.Errorf("reading the redo log: %w", err)
		}
		lines := bytes.SplitAfter(tail, []byte("\n"))
		if size < end {
			lines = lines[1:] // cut by where the tail begins
		}
		for _, line := range slices.Backward(lines) {
			if rec, err := parseHead(line); err == nil && bytes.HasSuffix(line, []byte("\n")) {
				return rec.Seq, end, nil
			}
		}
		if size == end {
			return 0, end, fmt.Errorf("%s has no line that can be read", path)
		}
	}
}

// checked is the record in a line, when it is what was written.
func checked(text []byte) ([]byte, error) {
	rec, sum, ok := bytes.Cut(bytes.TrimSuffix(text, []byte("\n")), []byte("\t"))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || crc32.ChecksumIEEE(rec) != uint32(want) {
		return nil, errors.New("it is damaged: its checksum does not fit")
	}
	return rec, nil
}

// parseHead reads a line without its changes.
func parseHead(text []byte) (record, error) {
	var head struct {
		record
		Changes json.RawMessage `json:"changes"`
	}
	rec, err := checked(text)
	if err != nil {
		return record{}, err
	}
	if err := json.Unmarshal(rec, &head); err != nil {
		return record{}, fmt.Errorf("reading it: %w", err)
	}
	return head.record, nil
}

func parseLine(text []byte) (record, error) {
	var rec record
	text, err := checked(text)
	if err != nil {
		return rec, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&rec); err != nil {
		return rec, fmt.Errorf("reading it: %w", err)
	}
	return rec, nil
}

// database makes a new ledger file of what a history tells, up to a transaction. It is
// not on disk for good before it is moved to its place.
func (h History) database(ctx context.Context, path string, upTo int64) (*sql.DB, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clearing the way for the new ledger: %w", err)
	}
	// Rows come in no order that foreign keys know, and a crash begins all of it anew.
	db, err := sql.Open("sqlite", strings.NewReplacer("foreign_keys(1)", "foreign_keys(0)", "journal_mode(TRUNCATE)", "journal_mode(MEMORY)", "synchronous(FULL)", "synchronous(OFF)").Replace(dsn(path)))
	if err != nil {
		return nil, fmt.Errorf("making a new ledger: %w", err)
	}
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a new ledger: %w", err), db.Close())
	}
	if err := h.fill(ctx, tx, upTo); err != nil {
		return nil, errors.Join(fmt.Errorf("making a new ledger from %s: %w", h.File, err), tx.Rollback(), db.Close())
	}
	if err := tx.Commit(); err != nil {
		return nil, errors.Join(fmt.Errorf("making a new ledger: %w", err), db.Close())
	}
	return db, nil
}

func (h History) fill(ctx context.Context, tx *sql.Tx, upTo int64) error {
	if _, err := tx.ExecContext(ctx, schema); err != nil {
		return err
	}
	tables, err := shapes(ctx, tx)
	if err != nil {
		return err
	}
	f, err := os.Open(h.File)
	if err != nil {
		return err
	}
	defer f.Close()
	last := h.base
	for _, at := range slices.Concat(h.first, h.then) {
		if at.seq > upTo {
			break
		}
		last = at.seq
		text := make([]byte, at.size)
		if _, err := f.ReadAt(text, at.offset); err != nil {
			return err
		}
		rec, err := parseLine(text)
		if err != nil {
			return fmt.Errorf("transaction %d: %w", at.seq, err)
		}
		for _, c := range rec.Changes {
			if err := apply(ctx, tx, tables[c.Table], c); err != nil {
				return fmt.Errorf("transaction %d, table %s: %w", rec.Seq, c.Table, err)
			}
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO redo_position (one, seq) VALUES (1, ?)`, last); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", Version))
	return err
}

func apply(ctx context.Context, tx *sql.Tx, s *tableShape, c tableChange) error {
	if s == nil {
		return errors.New("this mainstay has no such table: use the mainstay that wrote it")
	}
	var where []string
	for _, k := range s.key {
		where = append(where, s.columns[k]+" = ?")
	}
	for _, key := range c.Gone {
		if err := execRow(ctx, tx, fmt.Sprintf("DELETE FROM %s WHERE %s", c.Table, strings.Join(where, " AND ")), key); err != nil {
			return err
		}
	}
	put := fmt.Sprintf("INSERT OR REPLACE INTO %s (%s) VALUES (%s)", c.Table, strings.Join(c.Columns, ", "), strings.TrimSuffix(strings.Repeat("?, ", len(c.Columns)), ", "))
	for _, row := range c.Put {
		if err := execRow(ctx, tx, put, row); err != nil {
			return err
		}
	}
	return nil
}

func execRow(ctx context.Context, tx *sql.Tx, query string, row []any) error {
	args := make([]any, len(row))
	for i, v := range row {
		var err error
		if args[i], err = decoded(v); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

func decoded(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%q is no number of a ledger", v)
		}
		return f, nil
	case map[string]any:
		text, _ := v["hex"].(string)
		return hex.DecodeString(text)
	}
	return v, nil
}
