package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/pseudonym"
)

// Forgetting says whose rows are taken out of the lake.
type Forgetting struct {
	People  []string // ids of customers
	Key     pseudonym.Key
	Night   int64  // names the files
	Scratch string // directory on the data directory's file system
	Session duck.Options
	DryRun  bool // only count
	// Malformed: of records that could not be taken apart, take those with any of the ids as
	// a value, not only with telling ones (pseudonym.Telling).
	Malformed bool
}

// Forgot says what was taken out of the lake.
type Forgot struct {
	Rows  map[string]int64 // by table, the quarantine among them
	Files int              // that were written anew
	// Malformed are the records that could not be taken apart, have an id as a value, and
	// stay, since the value may mean something else.
	Malformed int64
}

// Forget takes the rows of people out of the lake and its quarantine: their files are
// written anew without them, and the ledger puts these in the place of the old ones and
// moves the rows to another column of the account, in one transaction. The old files are
// gone when it returns. A crash leaves the lake as it was or as it is to be; after it, call
// Forget again. The caller holds the lease.
func (l *Lake) Forget(ctx context.Context, f Forgetting) (out Forgot, err error) {
	w := &forgetting{Lake: l, f: f, out: Forgot{Rows: map[string]int64{}}}
	if err := os.MkdirAll(f.Scratch, 0o755); err != nil {
		return out, fmt.Errorf("creating scratch directory: %w", err)
	}
	if w.sess, err = duck.Open(ctx, f.Session); err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, w.sess.Close()) }()
	if err := w.sess.Exec(ctx, "CREATE TEMP TABLE people AS SELECT unnest("+textList(f.People)+") AS id"); err != nil {
		return out, err
	}
	for _, t := range contract.Tables() {
		if t.Person() == "" {
			continue
		}
		if err := w.table(ctx, t); err != nil {
			return out, fmt.Errorf("taking rows out of %s: %w", t.Name, err)
		}
	}
	if err := w.quarantine(ctx); err != nil {
		return out, fmt.Errorf("taking rows out of the quarantine: %w", err)
	}
	if f.DryRun {
		return w.out, nil
	}
	if len(w.files) > 0 {
		fault.Point("forgetting: lake files written")
		if err := l.Ledger.Forget(ctx, w.files, w.removed, w.rows); err != nil {
			return out, err
		}
		fault.Point("forgetting: lake committed")
	}
	_, err = l.Sweep(ctx, false)
	return w.out, err
}

func textList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = duck.Quote(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]::VARCHAR[]"
}

// forgetting is Forget at work.
type forgetting struct {
	*Lake
	f       Forgetting
	sess    *duck.Session
	out     Forgot
	files   []ledger.RewrittenFile
	removed []ledger.Removal
	rows    []string
}

// table takes rows out of a contract table. Of a row that belongs to one of the people
// now, all versions go, or an older one would come to light.
func (w *forgetting) table(ctx context.Context, t contract.Table) error {
	files, err := w.Lake.files(ctx, t.Name)
	if err != nil || len(files) == 0 {
		return err
	}
	replaced, err := w.Ledger.ReplacedInputs(ctx)
	if err != nil {
		return err
	}
	person, keyed := duck.Ident(t.Person()), anyKeyed(files)
	var key []string
	for _, k := range t.Key {
		key = append(key, duck.Ident(k)+"::VARCHAR")
	}
	ident, deleted := fmt.Sprintf("'c:' || CAST([%s] AS VARCHAR)", strings.Join(key, ", ")), "false"
	if keyed {
		ident, deleted = fmt.Sprintf("coalesce('k:' || %s, %s)", contract.ColKey, ident), "coalesce("+contract.ColDeleted+", false)"
	}
	from := duck.ReadParquet(paths(w.Dir, files))
	if err := w.sess.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE gone AS SELECT ident FROM (
    SELECT %[1]s AS ident, %[2]s AS person, %[3]s, %[4]s, %[5]s, %[6]s AS _deleted FROM %[7]s WHERE %[2]s IS NOT NULL AND NOT list_contains(%[8]s, %[4]s)
) SEMI JOIN (SELECT DISTINCT %[1]s AS ident FROM %[7]s WHERE %[2]s IN (SELECT id FROM people)) USING (ident)
QUALIFY row_number() OVER (PARTITION BY ident ORDER BY %[9]s) = 1 AND person IN (SELECT id FROM people)`,
		ident, person, contract.ColBatch, contract.ColInput, contract.ColRow, deleted, from, idList(replaced), newestFirst(keyed))); err != nil {
		return err
	}
	theirs := fmt.Sprintf("(coalesce(%s IN (SELECT id FROM people), false) OR %s IN (SELECT ident FROM gone))", person, ident)
	if keyed {
		if err := w.pseudonyms(ctx, fmt.Sprintf("FROM %s WHERE %s IN (SELECT id FROM people) AND %s IS NOT NULL AND %s IS NOT NULL", from, person, contract.ColKey, contract.ColHash)); err != nil {
			return err
		}
	}
	account := fmt.Sprintf("SELECT _input, %s, count(*) FILTER (NOT %s), 0 FROM %s WHERE %s GROUP BY ALL", duck.Quote(t.Name), deleted, from, theirs)
	return w.take(ctx, t.Name, t.EventTime, files, theirs, account)
}

// quarantine takes out refused rows that carry the id in the column of the customer, and
// records that could not be taken apart and have it as a value.
func (w *forgetting) quarantine(ctx context.Context) error {
	files, err := w.Lake.files(ctx, QuarantineTable)
	if err != nil || len(files) == 0 {
		return err
	}
	from := duck.ReadParquet(paths(w.Dir, files))
	anywhere := w.f.People
	if !w.f.Malformed {
		anywhere = slices.DeleteFunc(slices.Clone(anywhere), func(id string) bool { return !pseudonym.Telling(id) })
	}
	names := fmt.Sprintf("(list_has_any(%s, %s) OR list_has_any(%s, %s))", contract.RefusedPeople, textList(w.f.People), contract.RefusedValues, textList(anywhere))
	if err := w.sess.Scan(ctx, fmt.Sprintf("SELECT count(*) FROM %s WHERE list_has_any(%s, %s) AND NOT coalesce(%s, false)", from, contract.RefusedValues, textList(w.f.People), names), &w.out.Malformed); err != nil {
		return err
	}
	if err := w.sess.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE TEMP TABLE gone AS SELECT table_name || ':' || _pk AS ident FROM %s WHERE _pk IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY table_name, _pk ORDER BY %s) = 1 AND coalesce(%s, false)`, from, newestFirst(true), names)); err != nil {
		return err
	}
	theirs := fmt.Sprintf("(coalesce(%s, false) OR coalesce(table_name || ':' || _pk IN (SELECT ident FROM gone), false))", names)
	if err := w.pseudonyms(ctx, fmt.Sprintf("FROM %s WHERE %s AND _pk IS NOT NULL AND _hash IS NOT NULL", from, theirs)); err != nil {
		return err
	}
	account := fmt.Sprintf("SELECT _input, table_name, 0, count(*) FILTER (NOT coalesce(_deleted, false)) FROM %s WHERE %s GROUP BY ALL", from, theirs)
	return w.take(ctx, QuarantineTable, "seen_at", files, theirs, account)
}

// pseudonyms remembers rows of databases, so that no comparison misses them.
func (w *forgetting) pseudonyms(ctx context.Context, from string) error {
	found, err := texts(ctx, w.sess, fmt.Sprintf("SELECT DISTINCT %s %s ORDER BY 1", w.f.Key.SQL(rowSQL), from))
	w.rows = append(w.rows, found...)
	return err
}

// take writes the files anew that have rows which a condition chooses.
func (w *forgetting) take(ctx context.Context, table, eventTime string, files []ledger.LakeFile, theirs, account string) error {
	r, err := w.sess.Query(ctx, account)
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		m := ledger.Removal{Input: toInt(row[0]), Table: row[1].(string), Stored: toInt(row[2]), Quarantined: toInt(row[3])}
		w.removed = append(w.removed, m)
		w.out.Rows[table] += m.Stored + m.Quarantined
	}
	// Which columns there are is the same for all: a condition may name those of databases.
	found, err := texts(ctx, w.sess, fmt.Sprintf("SELECT DISTINCT _path FROM %s WHERE %s ORDER BY 1", readNamed(paths(w.Dir, files)), theirs))
	if err != nil {
		return err
	}
	w.out.Files += len(found)
	if w.f.DryRun {
		return nil
	}
	for _, f := range files {
		if slices.Contains(found, filepath.Join(w.Dir, f.Path)) {
			if err := w.rewrite(ctx, f, eventTime, theirs); err != nil {
				return fmt.Errorf("file %s: %w", f.Path, err)
			}
		}
	}
	return nil
}

// rewrite writes a file without rows that a condition chooses.
func (w *forgetting) rewrite(ctx context.Context, f ledger.LakeFile, eventTime, theirs string) error {
	in := duck.ReadParquet([]string{filepath.Join(w.Dir, f.Path)})
	if !f.Keyed { // the condition may name columns of databases, which such a file has not
		in = fmt.Sprintf("(SELECT *, NULL::VARCHAR AS %s, false AS %s FROM %s)", contract.ColKey, contract.ColDeleted, in)
	}
	tmp := filepath.Join(w.f.Scratch, "rewritten.parquet")
	rest := fmt.Sprintf("SELECT * FROM %s WHERE NOT %s", in, theirs)
	columns := "*"
	if !f.Keyed && f.Table != QuarantineTable {
		columns = fmt.Sprintf("* EXCLUDE (%s, %s)", contract.ColKey, contract.ColDeleted)
	} else if !f.Keyed {
		rest = fmt.Sprintf("SELECT * FROM %s WHERE NOT %s", duck.ReadParquet([]string{filepath.Join(w.Dir, f.Path)}), theirs) // it has these columns
	}
	if err := w.sess.Exec(ctx, fmt.Sprintf("COPY (SELECT %s FROM (%s)) TO %s (FORMAT parquet, COMPRESSION zstd)", columns, rest, duck.Quote(tmp))); err != nil {
		return err
	}
	to := f
	to.Path = ""
	var from, until *time.Time
	if err := w.sess.Scan(ctx, fmt.Sprintf("SELECT count(*), min(%[1]s), max(%[1]s) FROM %[2]s", duck.Ident(eventTime), duck.ReadParquet([]string{tmp})), &to.Rows, &from, &until); err != nil {
		return err
	}
	if to.Rows == 0 {
		w.files = append(w.files, ledger.RewrittenFile{Old: f})
		return os.Remove(tmp)
	}
	to.MinEvent, to.MaxEvent = from.UTC(), until.UTC()
	var err error
	if to.SHA256, to.Bytes, err = durable.Digest(tmp); err != nil {
		return err
	}
	if f.Origin != "" { // it goes on to have rows of several batches, as only a merged file does
		to.Origin = origin(to)
	}
	to.Path = filepath.Join(filepath.Dir(f.Path), fmt.Sprintf("f%06d-%06d-%s-%s.parquet", f.Batch, w.f.Night, f.Table, to.SHA256[:8]))
	w.files = append(w.files, ledger.RewrittenFile{Old: f, New: to})
	return durable.Move(tmp, filepath.Join(w.Dir, to.Path))
}
