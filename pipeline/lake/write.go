package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// ingest is one table of one extraction in one session.
type ingest struct {
	*Lake
	x     Extraction
	t     contract.Table
	sess  *duck.Session
	dir   string
	key   []string // columns that identify a row in its database; none for files
	merge bool     // some rows may be in the lake already
	left  leftOut  // whose rows are left out
}

// keyed tells whether the rows come from a database.
func (in *ingest) keyed() bool { return len(in.key) > 0 }

// writeRows writes the good rows and the tombstones by event day and moves the files to
// their place.
func (in *ingest) writeRows(ctx context.Context) ([]ledger.LakeFile, error) {
	rows := "SELECT * EXCLUDE (_reason, _detail, _landed, _copy) FROM judged WHERE _copy = 1"
	if in.keyed() {
		rows = fmt.Sprintf("SELECT * EXCLUDE (_reason, _detail, _landed, _copy), false AS %s FROM judged WHERE _copy = 1", contract.ColDeleted)
	}
	if in.merge {
		rows += "\nUNION ALL BY NAME SELECT * EXCLUDE (_refused) FROM buried WHERE NOT _refused"
	}
	return in.writeByDay(ctx, rows)
}

// A day of at least dayRows rows has a file of its own; days with fewer share one with
// the other days of their month, since many tiny files are slow to write and to read.
const dayRows = 20_000

// partsAtOnce bounds the files that are written side by side: DuckDB keeps a buffer for
// each.
const partsAtOnce = 24

// writeByDay writes rows with a column _day by that day.
func (in *ingest) writeByDay(ctx context.Context, rows string) ([]ledger.LakeFile, error) {
	if err := in.sess.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE parts AS SELECT _day, _part, (dense_rank() OVER (ORDER BY _part) - 1) // %d AS _span
FROM (SELECT _day, CASE WHEN count(*) >= %d THEN CAST(_day AS VARCHAR) ELSE strftime(_day, '%%Y-%%m') END AS _part FROM (%s) GROUP BY _day)`, partsAtOnce, dayRows, rows)); err != nil {
		return nil, err
	}
	write, chunks := in.writeSpan, "SELECT DISTINCT CAST(_span AS VARCHAR) FROM parts ORDER BY 1"
	if in.keyed() {
		write, chunks = in.writePart, "SELECT DISTINCT _part FROM parts ORDER BY 1"
	}
	r, err := in.sess.Query(ctx, chunks)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, row := range r.Rows {
		found, err := write(ctx, rows, row[0].(string))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	return in.place(ctx, in.t.Name, paths, in.t.EventTime, "lake/"+in.t.Name)
}

// smallGroups are options of a COPY that keep the buffers small in which a Parquet file
// is made, however wide or long its rows are. They need a Frugal session.
const smallGroups = "ROW_GROUP_SIZE 30720, ROW_GROUP_SIZE_BYTES '4MB'"

// writePart writes one part by itself and in the order of the landing files: both spare
// memory.
func (in *ingest) writePart(ctx context.Context, rows, part string) ([]string, error) {
	dir := filepath.Join(in.dir, "rows", "_part="+part)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating scratch directory: %w", err)
	}
	path := filepath.Join(dir, "rows.parquet")
	return []string{path}, in.sess.Exec(ctx, fmt.Sprintf("COPY (SELECT * EXCLUDE (_day), %d::BIGINT AS %s FROM (%s) WHERE _day IN (SELECT _day FROM parts WHERE _part = %s)) TO %s (FORMAT parquet, COMPRESSION zstd, %s)",
		in.x.Batch, contract.ColBatch, rows, duck.Quote(part), duck.Quote(path), smallGroups))
}

// writeSpan writes several parts side by side, sorted.
func (in *ingest) writeSpan(ctx context.Context, rows, span string) ([]string, error) {
	out := filepath.Join(in.dir, "rows-"+span)
	err := in.sess.Exec(ctx, fmt.Sprintf(`COPY (
    SELECT * EXCLUDE (_day, _span), %d::BIGINT AS %s FROM (%s) JOIN (SELECT * FROM parts WHERE _span = %s) USING (_day) ORDER BY _part, _day, %s, %s, %s
) TO %s (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (_part), WRITE_PARTITION_COLUMNS false)`,
		in.x.Batch, contract.ColBatch, rows, span, duck.Idents(in.t.Key), contract.ColInput, contract.ColRow, duck.Quote(out)))
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(os.DirFS(out), "_part=*/*.parquet") // out itself is no pattern
	if err != nil {
		return nil, fmt.Errorf("listing new lake files: %w", err)
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(out, name)
	}
	slices.Sort(paths)
	return paths, nil
}

// writeRefused writes the refused rows of the table to quarantine, and tombstones for
// those that no longer are to be refused.
func (in *ingest) writeRefused(ctx context.Context) ([]ledger.LakeFile, error) {
	var inputs []string
	for _, ld := range in.x.Landings {
		inputs = append(inputs, fmt.Sprintf("(%d, %s)", ld.Input.ID, duck.Quote(ld.Input.Name)))
	}
	own := "NULL::VARCHAR AS _pk, NULL::BIGINT AS _hash, false AS _deleted"
	if in.keyed() {
		own = "_pk, _hash, false AS _deleted"
	}
	query := fmt.Sprintf("SELECT _input, i._name AS input, _row, _reason AS reason, _detail AS detail, _landed AS row, %s FROM judged JOIN (VALUES %s) AS i(_input, _name) USING (_input) WHERE _reason <> '%s' AND _copy IS NULL", own, strings.Join(inputs, ", "), contract.ReasonForgotten)
	if in.merge {
		query += "\nUNION ALL BY NAME " + releasedSQL
	}
	return in.writeQuarantine(ctx, in.t.Name, query)
}

// releasedSQL are the tombstones of refused rows, as writeQuarantine wants them.
const releasedSQL = "SELECT _input, '' AS input, _row, '' AS reason, '' AS detail, '' AS row, _pk, NULL::BIGINT AS _hash, true AS _deleted FROM buried WHERE _refused"

// writeQuarantine writes rows (_input, input, _row, reason, detail, row, _pk, _hash,
// _deleted), if any, as a quarantine file under the as-of day.
func (in *ingest) writeQuarantine(ctx context.Context, name, query string) ([]ledger.LakeFile, error) {
	var n int64
	if err := in.sess.Scan(ctx, "SELECT count(*) FROM ("+query+")", &n); err != nil || n == 0 {
		return nil, err
	}
	dir := filepath.Join(in.dir, "refused", "_part="+in.x.AsOf)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating scratch directory: %w", err)
	}
	path := filepath.Join(dir, name+".parquet")
	_, err := in.sess.WriteParquet(ctx, fmt.Sprintf(`SELECT %s AS source, %s AS table_name, input, _row AS record, reason, detail, row, DATE %s AS as_of,
    TIMESTAMPTZ '%s 00:00:00+00' AS seen_at, _input, _row, _pk, _hash, _deleted, %d::BIGINT AS %s FROM (%s) ORDER BY _input, _row, reason, _pk`,
		duck.Quote(in.x.Source), duck.Quote(in.t.Name), duck.Quote(in.x.AsOf), in.x.AsOf, in.x.Batch, contract.ColBatch, query), path)
	if err != nil {
		return nil, err
	}
	return in.place(ctx, QuarantineTable, []string{path}, "seen_at", "lake/"+QuarantineTable)
}

// place reads written files back, syncs them and moves each under its day to its
// final name, which nobody reads before the ledger lists it.
func (in *ingest) place(ctx context.Context, table string, paths []string, eventTime, into string) ([]ledger.LakeFile, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	written, err := in.readBack(ctx, paths, eventTime)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if _, ok := written[p]; !ok {
			return nil, fmt.Errorf("reading back %s: no row in it", p)
		}
	}
	out, errs := make([]ledger.LakeFile, len(paths)), make([]error, len(paths))
	var wg sync.WaitGroup
	slots := make(chan struct{}, syncsAtOnce)
	for i, p := range paths {
		f := written[p]
		day := strings.TrimPrefix(filepath.Base(filepath.Dir(p)), "_part=")
		f.Table, f.Day, f.Batch, f.Keyed, f.Newer = table, day, in.x.Batch, in.keyed(), in.keyed() && in.merge
		// The night is in the name, for a night that lost its lease may still move a file.
		f.Path = filepath.Join(into, "day="+day, fmt.Sprintf("b%06d-%06d-%s-%04d.parquet", in.x.Batch, in.x.Night, strings.Trim(in.t.Name, "()"), i))
		out[i] = f
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out[i].SHA256, out[i].Bytes, errs[i] = durable.Digest(p)
			if errs[i] == nil {
				errs[i] = durable.Move(p, filepath.Join(in.Dir, f.Path))
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// syncsAtOnce is how many small files are made durable side by side: a disk takes many
// syncs in hardly more time than one.
const syncsAtOnce = 16

// readBack reads what was written: rows and event times of each file.
func (in *ingest) readBack(ctx context.Context, paths []string, eventTime string) (map[string]ledger.LakeFile, error) {
	from := readNamed(paths)
	r, err := in.sess.Query(ctx, fmt.Sprintf("SELECT _path, count(*), min(%s), max(%s) FROM %s GROUP BY _path", eventTime, eventTime, from))
	if err != nil {
		return nil, fmt.Errorf("reading back new lake files: %w", err)
	}
	out := map[string]ledger.LakeFile{}
	for _, row := range r.Rows {
		f := ledger.LakeFile{Rows: toInt(row[1])}
		f.MinEvent, _ = row[2].(time.Time)
		f.MaxEvent, _ = row[3].(time.Time)
		out[row[0].(string)] = f
	}
	return out, nil
}

// idList writes ids as a SQL list.
func idList(ids []int64) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprint(id)
	}
	return "[" + strings.Join(parts, ", ") + "]::BIGINT[]"
}

// paths are the places of lake files on disk.
func paths(dir string, files []ledger.LakeFile) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = filepath.Join(dir, f.Path)
	}
	return out
}
