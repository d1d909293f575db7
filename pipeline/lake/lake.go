// Package lake keeps what was extracted: Parquet files by event day, a manifest of
// committed files in the ledger, and the relation that reads them as of a moment.
//
// The lake is append-only. All versions of a row are stored and the newest version
// of a key wins at read; an input that was read again in a changed version replaces
// the rows of its earlier version.
//
// Rows of a database are known by their key in the source (_pk) and a digest of their
// content (_hash): a row that is met again unchanged is not stored again, one that the
// source deleted or moved is buried under a tombstone (_deleted) where it lay, and a
// certificate compares, key by key, what the source holds with what the lake holds.
package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// QuarantineTable is the lake's table of refused rows.
const QuarantineTable = "quarantine"

// Unparsed stands for the table of a row account where a record could not be taken
// apart, so that it never reached a table's mapping.
const Unparsed = contract.Unparsed

// Lake is the lake of one data directory.
type Lake struct {
	Dir    string // data directory
	Ledger *ledger.Ledger
}

// Table is the committed state of one lake table.
type Table struct {
	contract.Table
	Files    []ledger.LakeFile
	Replaced []int64 // inputs whose rows no longer count
	Repeated bool    // some key came more than once: reading must dedupe
	dir      string
}

// Table reads the manifest of a contract table.
func (l *Lake) Table(ctx context.Context, name string) (*Table, error) {
	c, err := contract.Lookup(name)
	if err != nil {
		return nil, err
	}
	t := &Table{Table: c, dir: l.Dir}
	if t.Files, err = l.files(ctx, name); err != nil {
		return nil, err
	}
	if t.Replaced, err = l.Ledger.ReplacedInputs(ctx); err != nil {
		return nil, err
	}
	n, err := l.Ledger.RepeatedKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	t.Repeated = n > 0
	return t, nil
}

// Start is the time of the earliest row; zero for an empty table.
func (t *Table) Start() time.Time {
	var start time.Time
	for _, f := range t.Files {
		if start.IsZero() || f.MinEvent.Before(start) {
			start = f.MinEvent
		}
	}
	return start
}

// Newest is the time of the latest row before a moment; zero when there is none. Files
// that also hold later rows are looked into.
func (t *Table) Newest(ctx context.Context, s *duck.Session, before time.Time) (time.Time, error) {
	var newest time.Time
	var across []ledger.LakeFile
	for _, f := range t.before(before) {
		switch {
		case !f.MaxEvent.Before(before):
			across = append(across, f)
		case f.MaxEvent.After(newest):
			newest = f.MaxEvent
		}
	}
	if len(across) == 0 {
		return newest, nil
	}
	var found int64 // microseconds
	query := fmt.Sprintf("SELECT coalesce(max(epoch_us(%s)), 0) FROM %s WHERE %s", t.EventTime, duck.ReadParquet(t.paths(across)), t.where(Window{To: before}))
	if err := s.Scan(ctx, query, &found); err != nil {
		return newest, fmt.Errorf("looking for the newest row of %s: %w", t.Name, err)
	}
	if at := time.UnixMicro(found).UTC(); found != 0 && at.After(newest) {
		newest = at
	}
	return newest, nil
}

// Digest names what a reader of the events before a moment sees: it changes when a
// file with such events is added or an input is replaced, and not otherwise: merging
// files into one does not change it. The zero time means all events.
func (t *Table) Digest(before time.Time) string {
	var lines []string
	for _, f := range t.before(before) {
		lines = append(lines, t.origins(f, before)...)
	}
	slices.Sort(lines)
	h := sha256.New()
	fmt.Fprintln(h, t.Name, t.Replaced)
	for _, line := range lines {
		fmt.Fprintln(h, line)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// origins names the files that a file was made of, as far as they hold events before
// a moment: day and digest.
func (t *Table) origins(f ledger.LakeFile, before time.Time) []string {
	if f.Origin == "" {
		return []string{f.Day + " " + f.SHA256}
	}
	var out []string
	for line := range strings.Lines(f.Origin) {
		part := strings.Fields(line) // digest, earliest event, day
		if from, err := time.Parse(time.RFC3339Nano, part[1]); err == nil && !before.IsZero() && !from.Before(before) {
			continue
		}
		out = append(out, part[2]+" "+part[0])
	}
	return out
}

func (t *Table) before(moment time.Time) []ledger.LakeFile {
	if moment.IsZero() {
		return t.Files
	}
	var out []ledger.LakeFile
	for _, f := range t.Files {
		if f.MinEvent.Before(moment) {
			out = append(out, f)
		}
	}
	return out
}

// Gather copies the table's rows before a moment into one file and returns the table
// as that file shows it: for readers that read it many times, the lake's many files
// are slow. Versions of rows are kept, so that it can be cut anywhere.
func (t *Table) Gather(ctx context.Context, s *duck.Session, before time.Time, path string) (*Table, error) {
	files := t.before(before)
	if len(files) == 0 {
		return t, nil
	}
	// By key, not by batch: how an extraction was cut into batches must not show.
	query := fmt.Sprintf("SELECT * FROM %s WHERE %s ORDER BY %s, %s, %s, %s, %s", duck.ReadParquet(t.paths(files)), t.where(Window{To: before}),
		t.EventTime, duck.Idents(t.Key), contract.ColBatch, contract.ColInput, contract.ColRow)
	if _, err := s.WriteParquet(ctx, query, path); err != nil {
		return nil, fmt.Errorf("gathering %s: %w", t.Name, err)
	}
	out := *t
	out.Replaced, out.dir = nil, ""
	out.Files = []ledger.LakeFile{{Table: t.Name, Path: path, MinEvent: t.Start(), MaxEvent: before, Keyed: anyKeyed(files)}}
	return &out, nil
}

// Window is a half-open span of event time; a zero bound is open.
type Window struct{ From, To time.Time }

// Select writes the query that reads the table's rows within a window: the newest
// version of every key among the rows in it, with instants as local time of zone,
// without the lake's own columns, and without what a later moment added to a row.
func (t *Table) Select(w Window, zone string) string {
	return t.read(w, zone, contract.ColInput, contract.ColRow, contract.ColBatch)
}

// Traced is Select with the lake's columns that say where a row came from: the number of
// its input in the ledger and of its record in there.
func (t *Table) Traced(w Window, zone string) string { return t.read(w, zone, contract.ColBatch) }

func (t *Table) read(w Window, zone string, own ...string) string {
	files, never := t.within(w), ""
	if len(files) == 0 {
		if len(t.Files) == 0 {
			return t.emptySelect()
		}
		files, never = t.Files[:1], " AND false" // for the columns' sake
	}
	newest := ""
	if t.Repeated {
		newest = fmt.Sprintf("\nQUALIFY row_number() OVER (PARTITION BY %s ORDER BY %s) = 1", duck.Idents(t.Key), newestFirst(false))
	}
	from := fmt.Sprintf("SELECT * FROM %s\nWHERE %s%s", duck.ReadParquet(t.paths(files)), t.where(w), never)
	if anyKeyed(files) {
		own = append(own, contract.ColKey, contract.ColHash, contract.ColDeleted)
	}
	if anyKeyed(files) && t.Repeated {
		// A tombstone buries the row of its own key in the source, and no other row that
		// has the same key of the contract by now.
		from = fmt.Sprintf("SELECT * FROM (%s\nQUALIFY row_number() OVER (PARTITION BY %s, %s ORDER BY %s) = 1)\nWHERE NOT coalesce(%s, false)",
			from, duck.Idents(t.Key), contract.ColKey, newestFirst(true), contract.ColDeleted)
	}
	return fmt.Sprintf("SELECT * EXCLUDE (%s) REPLACE (%s)\nFROM (%s)", strings.Join(own, ", "), t.local(zone), t.hideLater(from+newest, w))
}

// local writes the table's instants as local time of a zone.
func (t *Table) local(zone string) string {
	var out []string
	for _, c := range t.Columns {
		if c.Type == contract.Instant {
			out = append(out, fmt.Sprintf("timezone(%s, %s) AS %s", duck.Quote(zone), c.Name, c.Name))
		}
	}
	return strings.Join(out, ", ")
}

// hideLater hides what became known of a row at or after the window's end, however the
// row looks today: no model can look ahead by way of a column that is filled later.
func (t *Table) hideLater(query string, w Window) string {
	if t.Later == nil || w.To.IsZero() {
		return query
	}
	known := []string{contract.ColBatch, contract.ColInput, contract.ColRow} // where the row is, not what it says
	for _, c := range t.Columns {
		if !slices.Contains(t.Later.Columns, c.Name) {
			known = append(known, c.Name)
		}
	}
	names := strings.Join(known, ", ")
	return fmt.Sprintf("SELECT %s, CASE WHEN %s < %s THEN COLUMNS(* EXCLUDE (%s)) END AS '\\0'\nFROM (%s)", names, t.Later.At, instant(w.To), names, query)
}

// newestFirst orders the versions of a row. What an extraction deleted and stored
// again in another place in one batch is not deleted.
func newestFirst(keyed bool) string {
	deleted := ""
	if keyed {
		deleted = fmt.Sprintf("coalesce(%s, false), ", contract.ColDeleted)
	}
	return fmt.Sprintf("%s DESC, %s%s DESC, %s DESC", contract.ColBatch, deleted, contract.ColInput, contract.ColRow)
}

func anyKeyed(files []ledger.LakeFile) bool {
	return slices.ContainsFunc(files, func(f ledger.LakeFile) bool { return f.Keyed })
}

func (t *Table) paths(files []ledger.LakeFile) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = filepath.Join(t.dir, f.Path)
	}
	return out
}

// where writes the condition for rows of current inputs within a window.
func (t *Table) where(w Window) string {
	conds := []string{"true"}
	if !w.From.IsZero() {
		conds = append(conds, t.EventTime+" >= "+instant(w.From))
	}
	if !w.To.IsZero() {
		conds = append(conds, t.EventTime+" < "+instant(w.To))
	}
	if len(t.Replaced) > 0 {
		conds = append(conds, fmt.Sprintf("NOT list_contains(%s, %s)", idList(t.Replaced), contract.ColInput))
	}
	return strings.Join(conds, " AND ")
}

func (t *Table) within(w Window) []ledger.LakeFile {
	var out []ledger.LakeFile
	for _, f := range t.before(w.To) {
		if w.From.IsZero() || !f.MaxEvent.Before(w.From) {
			out = append(out, f)
		}
	}
	return out
}

// emptySelect gives the contract's columns without a row.
func (t *Table) emptySelect() string {
	cols := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		typ := string(c.Type)
		if c.Type == contract.Instant {
			typ = "TIMESTAMP"
		}
		cols[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", typ, c.Name)
	}
	return "SELECT " + strings.Join(cols, ", ") + " WHERE false"
}

func instant(t time.Time) string {
	return "TIMESTAMPTZ " + duck.Quote(t.UTC().Format("2006-01-02 15:04:05.000000+00"))
}
