package files

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// loadJSONL reads each line as one JSON object; every key at its top becomes a text
// column, nested values stay JSON text. A line that is no object is malformed.
func (l *lander) loadJSONL(ctx context.Context) error {
	lines := dialect{delimiter: '\x01'} // no JSON text holds that byte
	err := l.readCSV(ctx, lines, []string{"line"}, 0, "header = false", func(ctx context.Context, relation string) error {
		// CASE, because json_type fails on text that is no JSON and AND promises no order.
		return l.sess.Exec(ctx, `CREATE TEMP TABLE lines AS SELECT row_number() OVER () AS _row, line, CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END AS good
			FROM `+relation+` WHERE trim(coalesce(line, ''), chr(9) || ' ') <> ''`)
	})
	if err != nil {
		return err
	}
	if err := l.renumber(ctx, "lines"); err != nil {
		return err
	}
	if err := l.sess.Exec(ctx, `INSERT INTO malformed SELECT _row, 'record ' || _row || ': not a JSON object', line FROM lines WHERE NOT good`); err != nil {
		return err
	}
	cols, err := l.jsonColumns(ctx)
	if err != nil {
		return err
	}
	var records int64
	if err := l.sess.Scan(ctx, "SELECT count(*) FROM lines WHERE good", &records); err != nil {
		return err
	}
	if records == 0 {
		l.out.Tables = map[string]string{} // no columns to map
	}
	cols = append([]string{duck.Quote(filepath.Base(l.in.Name)) + " AS _file", contract.ColRow}, cols...)
	return l.sess.Exec(ctx, "CREATE TEMP TABLE input AS SELECT "+strings.Join(cols, ", ")+" FROM lines WHERE good ORDER BY _row")
}

// pointer escapes a key for a JSON pointer (RFC 6901); a JSON path takes "*" for any key.
var pointer = strings.NewReplacer("~", "~0", "/", "~1")

// jsonColumns gives a column for every key of the objects. Keys that differ only in
// case are one column, as SQL names are: the value is that of the first key in byte
// order which the record has.
func (l *lander) jsonColumns(ctx context.Context) ([]string, error) {
	keys, err := l.sess.Query(ctx, `SELECT DISTINCT unnest(json_keys(line)) AS k FROM lines WHERE good ORDER BY k`)
	if err != nil {
		return nil, err
	}
	var names []string
	values := map[string][]string{}
	for _, r := range keys.Rows {
		k := r[0].(string)
		if k == "" || strings.Contains(k, "\x00") {
			continue // SQL cannot name it
		}
		name := strings.ToLower(k)
		if values[name] == nil {
			names = append(names, k)
		}
		values[name] = append(values[name], "json_extract_string(line, "+duck.Quote("/"+pointer.Replace(k))+")")
	}
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = fmt.Sprintf("coalesce(%s) AS %s", strings.Join(values[strings.ToLower(n)], ", "), duck.Ident(n))
	}
	return cols, nil
}
