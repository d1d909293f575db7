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
	x    Extraction
	t    contract.Table
	sess *duck.Session
	dir  string
}

// writeRows writes the good rows by event day and moves the files to their place.
func (in *ingest) writeRows(ctx context.Context) ([]ledger.LakeFile, error) {
	out := filepath.Join(in.dir, "rows")
	err := in.sess.Exec(ctx, fmt.Sprintf(`COPY (
    SELECT * EXCLUDE (_reason, _detail, _landed, _copy), %d::BIGINT AS %s FROM judged WHERE _copy = 1 ORDER BY _day, %s, %s, %s
) TO %s (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (_day), WRITE_PARTITION_COLUMNS false)`,
		in.x.Batch, contract.ColBatch, duck.Idents(in.t.Key), contract.ColInput, contract.ColRow, duck.Quote(out)))
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(os.DirFS(out), "_day=*/*.parquet") // out itself is no pattern
	if err != nil {
		return nil, fmt.Errorf("listing new lake files: %w", err)
	}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(out, name)
	}
	slices.Sort(paths)
	return in.place(ctx, in.t.Name, paths, in.t.EventTime, "lake/"+in.t.Name)
}

// writeRefused writes the refused rows of the table to quarantine.
func (in *ingest) writeRefused(ctx context.Context) ([]ledger.LakeFile, error) {
	var inputs []string
	for _, ld := range in.x.Landings {
		inputs = append(inputs, fmt.Sprintf("(%d, %s)", ld.Input.ID, duck.Quote(ld.Input.Name)))
	}
	return in.writeQuarantine(ctx, in.t.Name, fmt.Sprintf(
		"SELECT _input, i._name AS input, _row, _reason AS reason, _detail AS detail, _landed AS row FROM judged JOIN (VALUES %s) AS i(_input, _name) USING (_input) WHERE _reason IS NOT NULL", strings.Join(inputs, ", ")))
}

// writeQuarantine writes rows (_input, input, _row, reason, detail, row), if any, as
// a quarantine file under the as-of day.
func (in *ingest) writeQuarantine(ctx context.Context, name, query string) ([]ledger.LakeFile, error) {
	var n int64
	if err := in.sess.Scan(ctx, "SELECT count(*) FROM ("+query+")", &n); err != nil || n == 0 {
		return nil, err
	}
	dir := filepath.Join(in.dir, "refused", "_day="+in.x.AsOf)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating scratch directory: %w", err)
	}
	path := filepath.Join(dir, name+".parquet")
	_, err := in.sess.WriteParquet(ctx, fmt.Sprintf(`SELECT %s AS source, %s AS table_name, input, _row AS record, reason, detail, row, DATE %s AS as_of,
    TIMESTAMPTZ '%s 00:00:00+00' AS seen_at, _input, %d::BIGINT AS %s FROM (%s) ORDER BY _input, _row, reason`,
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
		day := strings.TrimPrefix(filepath.Base(filepath.Dir(p)), "_day=")
		f.Table, f.Day, f.Batch = table, day, in.x.Batch
		f.Path = filepath.Join(into, "day="+day, fmt.Sprintf("b%06d-%s-%04d.parquet", in.x.Batch, strings.Trim(in.t.Name, "()"), i))
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

// Quarantine writes the query that reads the refused rows of current inputs: source,
// table_name, input, record, reason, detail, row, as_of (the night that refused them).
func (l *Lake) Quarantine(ctx context.Context) (string, error) {
	files, err := l.Ledger.LakeFiles(ctx, QuarantineTable)
	if err != nil {
		return "", err
	}
	replaced, err := l.Ledger.ReplacedInputs(ctx)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "SELECT ''::VARCHAR AS source, ''::VARCHAR AS table_name, ''::VARCHAR AS input, 0::BIGINT AS record, ''::VARCHAR AS reason, ''::VARCHAR AS detail, ''::VARCHAR AS row, NULL::DATE AS as_of WHERE false", nil
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(l.Dir, f.Path))
	}
	return fmt.Sprintf("SELECT source, table_name, input, record, reason, detail, row, as_of FROM %s WHERE NOT list_contains(%s, _input) ORDER BY source, input, record, table_name, reason",
		duck.ReadParquet(paths), idList(replaced)), nil
}
