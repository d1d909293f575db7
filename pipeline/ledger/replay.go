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
	first        []record // what it begins with
	then         []record
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
	whole := false
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A last line without an end was cut short by a crash and never committed.
			break
		}
		if err != nil {
			return h, fmt.Errorf("reading the redo log: %w", err)
		}
		rec, err := parseLine(line)
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
			h.first, h.Last, whole = append(h.first, rec), rec.Seq, rec.Whole
		default:
			if h.take(rec) {
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
func (h *History) take(rec record) bool {
	if rec.Seq > h.Last+1 || rec.Seq <= h.first[0].Seq {
		return false
	}
	for len(h.then) > 0 && h.then[len(h.then)-1].Seq >= rec.Seq {
		h.then = h.then[:len(h.then)-1]
	}
	h.then, h.Last = append(h.then, rec), rec.Seq
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
	rec, err := parseLine(line)
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
			if rec, err := parseLine(line); err == nil && bytes.HasSuffix(line, []byte("\n")) {
				return rec.Seq, end, nil
			}
		}
		if size == end {
			return 0, end, fmt.Errorf("%s has no line that can be read", path)
		}
	}
}

func parseLine(line []byte) (record, error) {
	var rec record
	text, sum, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || crc32.ChecksumIEEE(text) != uint32(want) {
		return rec, errors.New("it is damaged: its checksum does not fit")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&rec); err != nil {
		return rec, fmt.Errorf("reading it: %w", err)
	}
	return rec, nil
}

// database makes a new ledger of what a history tells, up to a transaction.
func (h History) database(ctx context.Context, path string, upTo int64) (*sql.DB, error) {
	name := ":memory:"
	if path != name {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("clearing the way for the new ledger: %w", err)
		}
		name = strings.Replace(dsn(path), "foreign_keys(1)", "foreign_keys(0)", 1) // rows come in no order that these know
	}
	db, err := sql.Open("sqlite", name)
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
	last := h.first[0].Seq
	for _, rec := range slices.Concat(h.first, h.then) {
		if rec.Seq > upTo {
			break
		}
		last = rec.Seq
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
