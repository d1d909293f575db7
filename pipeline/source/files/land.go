package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// maxLine is the longest CSV or JSON record that is taken, in bytes.
const maxLine = 32 << 20

// lander lands one file in one session: load puts its records into the table input
// and the malformed ones into malformed, land runs the SELECTs.
type lander struct {
	*Source
	in  source.Input
	dir string
	out source.Landed
}

func (l *lander) load(ctx context.Context, format Format) error {
	var err error
	switch format {
	case CSV:
		err = l.loadCSV(ctx)
	case JSONL:
		err = l.loadJSONL(ctx)
	case Parquet:
		err = l.loadParquet(ctx)
	default:
		err = fmt.Errorf("%q is no format; expected csv, jsonl or parquet", format)
	}
	if err != nil {
		return err
	}
	return l.sess.Scan(ctx, "SELECT (SELECT count(*) FROM input) + (SELECT count(*) FROM malformed), (SELECT count(*) FROM malformed)",
		&l.out.Records, &l.out.MalformedRecords)
}

// createInput makes the table that the SELECTs read. mainstay's own columns come
// first: DuckDB renames a later column of the same name (to _row_1).
func (l *lander) createInput(ctx context.Context, relation string) error {
	return l.sess.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE input AS SELECT %s AS _file, row_number() OVER () AS %s, * FROM %s",
		duck.Quote(filepath.Base(l.in.Name)), contract.ColRow, relation))
}

const noMalformed = "CREATE TEMP TABLE malformed (_row BIGINT, detail VARCHAR, row VARCHAR)"

// loadCSV reads the columns' names itself: DuckDB's guessing would let one odd line
// change how a whole file is read.
func (l *lander) loadCSV(ctx context.Context) error {
	d := dialect{delimiter: l.o.CSV.Delimiter[0], header: l.o.CSV.Header}
	if l.o.CSV.Quote != "" {
		d.quote = l.o.CSV.Quote[0]
	}
	names, blank, err := d.columns(l.in.Name)
	if err != nil {
		return err
	}
	if names == nil {
		return l.empty(ctx)
	}
	nulls := make([]string, len(l.o.CSV.NullStrings))
	for i, n := range l.o.CSV.NullStrings {
		nulls[i] = duck.Quote(n)
	}
	options := fmt.Sprintf("header = %t, nullstr = [%s]", d.header, strings.Join(nulls, ", "))
	if err := l.readCSV(ctx, d, names, blank, options, l.createInput); err != nil {
		return err
	}
	return l.renumber(ctx, "input")
}

// readCSV reads the file in a dialect: create makes a table from the records, and
// those that cannot be taken apart go to malformed. DuckDB reads the file itself when
// it can; else a copy without blank lines at its start and with one kind of line end.
func (l *lander) readCSV(ctx context.Context, d dialect, names []string, blank int, options string, create func(ctx context.Context, relation string) error) error {
	if err := checkZip(l.in.Name); err != nil {
		return err
	}
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = duck.Quote(n) + ": 'VARCHAR'"
	}
	read := func(path, compression string) error {
		return create(ctx, fmt.Sprintf(
			"read_csv(%s, columns = {%s}, auto_detect = false, delim = %s, quote = %s, escape = %s, compression = '%s', store_rejects = true, max_line_size = %d, buffer_size = %d, %s)",
			duck.File(path), strings.Join(cols, ", "), duck.Quote(string(d.delimiter)), d.quoteSQL(), d.quoteSQL(), compression, maxLine, 2*maxLine, options))
	}
	copied, err := blank > 0, error(nil)
	if !copied {
		err = read(l.in.Name, compression(l.in.Name))
		if copied, err = l.mixedEnds(ctx, d, err); err != nil {
			return err
		}
	}
	if copied {
		err = l.readCopy(ctx, d, read)
	}
	if err != nil {
		return err
	}
	before := 0
	if d.header {
		before = 1
	}
	return l.sess.Exec(ctx, fmt.Sprintf(`CREATE TEMP TABLE malformed AS
		SELECT line::BIGINT - %d AS _row, 'line ' || line + %d || ': ' || string_agg(error_message, '; ' ORDER BY column_idx, error_message) AS detail, trim(any_value(csv_line), chr(10) || chr(13)) AS row
		FROM reject_errors GROUP BY line`, before, blank))
}

func (l *lander) readCopy(ctx context.Context, d dialect, read func(path, compression string) error) error {
	plain := filepath.Join(l.dir, "plain.csv")
	f, err := os.Create(plain)
	if err != nil {
		return fmt.Errorf("copying with one kind of line end: %w", err)
	}
	defer os.Remove(plain)
	_, err = d.unify(l.in.Name, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := l.open(ctx); err != nil { // drops what a first attempt left
		return err
	}
	return read(plain, "none")
}

// mixedEnds tells whether a file that DuckDB read with the error err must be read
// again because its lines end in LF here and in CRLF or CR there. DuckDB then refuses
// the file as a whole, or good records of it. Other errors are given back.
func (l *lander) mixedEnds(ctx context.Context, d dialect, err error) (bool, error) {
	switch {
	case err == nil:
		var refused int64
		if err := l.sess.Scan(ctx, "SELECT count(*) FROM reject_errors", &refused); err != nil || refused == 0 {
			return false, err
		}
	case !strings.Contains(err.Error(), "state machine reached an invalid state"):
		return false, err
	}
	mixed, scanErr := d.unify(l.in.Name, io.Discard)
	if scanErr != nil || mixed {
		return mixed, scanErr
	}
	return false, err
}

// renumber gives the records of a table the numbers that they have in the file, the
// malformed ones among them counted.
func (l *lander) renumber(ctx context.Context, table string) error {
	var any bool
	if err := l.sess.Scan(ctx, "SELECT count(*) > 0 FROM malformed", &any); err != nil || !any {
		return err
	}
	for _, q := range []string{
		`CREATE TEMP TABLE numbered AS SELECT r.* REPLACE (r._row + coalesce(m.before, 0) AS _row)
			FROM ` + table + ` r ASOF LEFT JOIN (
				SELECT good, max(n) AS before FROM (SELECT row_number() OVER (ORDER BY _row) AS n, _row - n AS good FROM malformed) GROUP BY good
			) m ON r._row > m.good ORDER BY _row`,
		"DROP TABLE " + table,
		"ALTER TABLE numbered RENAME TO " + table,
	} {
		if err := l.sess.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// empty stands in for a file without records: no rows for any table.
func (l *lander) empty(ctx context.Context) error {
	l.out.Tables = map[string]string{}
	if err := l.sess.Exec(ctx, "CREATE TEMP TABLE input (_file VARCHAR, _row BIGINT)"); err != nil {
		return err
	}
	return l.sess.Exec(ctx, noMalformed)
}

func (l *lander) loadParquet(ctx context.Context) error {
	if err := l.createInput(ctx, duck.ReadParquet([]string{l.in.Name})); err != nil {
		return err
	}
	return l.sess.Exec(ctx, noMalformed)
}

func (l *lander) keepMalformed(ctx context.Context) error {
	if l.out.MalformedRecords == 0 {
		return nil
	}
	l.out.Malformed = filepath.Join(l.dir, "malformed.parquet")
	_, err := l.sess.WriteParquet(ctx, "SELECT * FROM malformed ORDER BY _row", l.out.Malformed)
	return err
}

// land runs the SELECTs. A mapping that passes _row on lets quarantine name the
// record; one that does not gets its rows numbered as they come.
func (l *lander) land(ctx context.Context) error {
	if l.out.Tables != nil {
		return nil
	}
	l.out.Tables = map[string]string{}
	for _, table := range tables(l.o.Selects) {
		sel := strings.TrimRight(strings.TrimSpace(l.o.Selects[table]), ";")
		cols, err := l.sess.Columns(ctx, sel)
		if err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		row, seen := ", row_number() OVER () AS "+contract.ColRow, map[string]bool{}
		for _, c := range cols {
			name := strings.ToLower(c.Name)
			if seen[name] {
				return fmt.Errorf("table %s: its SELECT gives the column %s twice; leave one out, with * EXCLUDE (%s) or * REPLACE (... AS %s)", table, c.Name, c.Name, c.Name)
			}
			seen[name] = true
		}
		if seen[contract.ColRow] {
			row = ""
		}
		path := filepath.Join(l.dir, table+".parquet")
		if _, err := l.sess.WriteParquet(ctx, "SELECT *"+row+" FROM (\n"+sel+"\n)", path); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		l.out.Tables[table] = path
	}
	return nil
}
