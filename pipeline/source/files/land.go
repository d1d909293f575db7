package files

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/csv"
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

// createInput makes the table that the SELECTs read.
func (l *lander) createInput(ctx context.Context, relation string) error {
	return l.sess.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE input AS SELECT *, %s AS _file, row_number() OVER () AS %s FROM %s",
		duck.Quote(filepath.Base(l.in.Name)), contract.ColRow, relation))
}

const noMalformed = "CREATE TEMP TABLE malformed (_row BIGINT, detail VARCHAR, row VARCHAR)"

// loadCSV reads the columns' names itself: DuckDB's guessing would let one odd line
// change how a whole file is read.
func (l *lander) loadCSV(ctx context.Context) error {
	names, err := l.csvColumns()
	if err != nil {
		return err
	}
	if names == nil {
		return l.empty(ctx)
	}
	cols, nulls := make([]string, len(names)), make([]string, len(l.o.CSV.NullStrings))
	for i, n := range names {
		cols[i] = duck.Quote(n) + ": 'VARCHAR'"
	}
	for i, n := range l.o.CSV.NullStrings {
		nulls[i] = duck.Quote(n)
	}
	err = l.createInput(ctx, fmt.Sprintf(
		"read_csv(%s, columns = {%s}, auto_detect = false, header = %t, delim = %s, quote = %s, escape = %s, nullstr = [%s], store_rejects = true, max_line_size = %d, buffer_size = %d)",
		duck.Quote(l.in.Name), strings.Join(cols, ", "), l.o.CSV.Header, duck.Quote(l.o.CSV.Delimiter), duck.Quote(l.o.CSV.Quote), duck.Quote(l.o.CSV.Quote),
		strings.Join(nulls, ", "), maxLine, 2*maxLine))
	if err != nil {
		return err
	}
	return l.sess.Exec(ctx, `CREATE TEMP TABLE malformed AS
		SELECT line::BIGINT AS _row, 'line ' || line || ': ' || string_agg(error_message, '; ' ORDER BY column_idx, error_message) AS detail, any_value(csv_line) AS row
		FROM reject_errors GROUP BY line`)
}

// csvColumns gives the header's names; nil for an empty file.
func (l *lander) csvColumns() ([]string, error) {
	f, err := os.Open(l.in.Name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(strings.ToLower(l.in.Name), ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, fmt.Errorf("unzipping: %w", err)
		}
		r = z
	}
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	c := csv.NewReader(b)
	c.Comma = []rune(l.o.CSV.Delimiter)[0]
	names, err := c.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the first line: %w", err)
	}
	seen := map[string]bool{}
	for i, n := range names {
		if !l.o.CSV.Header {
			n = fmt.Sprintf("column%d", i)
		}
		n = strings.TrimSpace(n)
		if n == "" || seen[strings.ToLower(n)] {
			return nil, fmt.Errorf("line 1: column %d is named %q: names must be there and differ", i+1, n)
		}
		seen[strings.ToLower(n)] = true
		names[i] = n
	}
	return names, nil
}

// empty stands in for a file without even a header: no rows for any table.
func (l *lander) empty(ctx context.Context) error {
	l.out.Tables = map[string]string{}
	if err := l.sess.Exec(ctx, "CREATE TEMP TABLE input (_file VARCHAR, _row BIGINT)"); err != nil {
		return err
	}
	return l.sess.Exec(ctx, noMalformed)
}

// loadJSONL reads each line as one JSON object; every key at its top becomes a text
// column, nested values stay JSON text.
func (l *lander) loadJSONL(ctx context.Context) error {
	lines := fmt.Sprintf(`CREATE TEMP TABLE lines AS SELECT row_number() OVER () AS _row, line FROM
		read_csv(%s, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', max_line_size = %d, buffer_size = %d)
		WHERE trim(coalesce(line, '')) <> ''`, duck.Quote(l.in.Name), maxLine, 2*maxLine)
	lines = strings.ReplaceAll(lines, `\x01`, "\x01")
	if err := l.sess.Exec(ctx, lines); err != nil {
		return err
	}
	if err := l.sess.Exec(ctx, `CREATE TEMP TABLE malformed AS
		SELECT _row, 'record ' || _row || ': not a JSON object' AS detail, line AS row FROM lines WHERE NOT json_valid(line) OR json_type(line) <> 'OBJECT'`); err != nil {
		return err
	}
	keys, err := l.sess.Query(ctx, `SELECT DISTINCT unnest(json_keys(line)) AS k FROM lines WHERE json_valid(line) AND json_type(line) = 'OBJECT' ORDER BY k`)
	if err != nil {
		return err
	}
	cols := []string{duck.Quote(filepath.Base(l.in.Name)) + " AS _file", "_row"}
	for _, r := range keys.Rows {
		k := r[0].(string)
		cols = append(cols, fmt.Sprintf("json_extract_string(line, %s) AS %s", duck.Quote(`$."`+strings.ReplaceAll(k, `"`, `\"`)+`"`), duck.Ident(k)))
	}
	return l.sess.Exec(ctx, "CREATE TEMP TABLE input AS SELECT "+strings.Join(cols, ", ")+" FROM lines WHERE json_valid(line) AND json_type(line) = 'OBJECT'")
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
		row := ", row_number() OVER () AS " + contract.ColRow
		for _, c := range cols {
			if c.Name == contract.ColRow {
				row = ""
			}
		}
		path := filepath.Join(l.dir, table+".parquet")
		if _, err := l.sess.WriteParquet(ctx, "SELECT *"+row+" FROM (\n"+sel+"\n)", path); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
		l.out.Tables[table] = path
	}
	return nil
}
