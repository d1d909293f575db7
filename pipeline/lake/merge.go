package lake

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// withKey adds key and digest to the query of the landed rows.
func (in *ingest) withKey(landed string, cols []duck.Column) (string, error) {
	key, err := keySQL(in.x.Source, in.key, cols)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("SELECT *, %s AS %s, %s AS %s FROM (%s)", key, contract.ColKey, source.DuckDigest(landingColumns(cols)), contract.ColHash, landed), nil
}

// keySQL is the expression of a row's key: unlike the contract's key it is never
// altered by the mapping, and tells the sources apart.
func keySQL(src string, key []string, cols []duck.Column) (string, error) {
	var found []source.Column
	for _, name := range key {
		for _, c := range cols {
			if c.Name == name {
				found = append(found, source.ColumnOf(c.Name, c.Type))
			}
		}
	}
	if len(found) != len(key) {
		return "", fmt.Errorf("the landed rows have no key columns %v, only %v", key, cols)
	}
	return duck.Quote(src+":") + " || " + source.DuckKey(found), nil
}

// landingColumns are the columns that the source gave.
func landingColumns(cols []duck.Column) []source.Column {
	var out []source.Column
	for _, c := range cols {
		if !strings.HasPrefix(c.Name, "_") {
			out = append(out, source.ColumnOf(c.Name, c.Type))
		}
	}
	return out
}

// floats are the columns that the digest leaves out.
func floats(cols []duck.Column) []string {
	var out []string
	for _, c := range landingColumns(cols) {
		if c.Kind == source.Float {
			out = append(out, c.Name)
		}
	}
	return out
}

// findPrevious makes the table previous: of every landed row that the lake or the
// quarantine has met before, the newest version: digest (_held), whether it was deleted
// or refused, where it lies, and the columns that the digest leaves out.
func (in *ingest) findPrevious(ctx context.Context, floats []string) error {
	if err := in.sess.Exec(ctx, "CREATE TEMP TABLE landed_keys AS SELECT DISTINCT _pk FROM landed"); err != nil {
		return err
	}
	held, err := in.held(ctx, in.sess, in.t, floats)
	if err != nil {
		return err
	}
	return in.sess.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE previous AS SELECT * EXCLUDE (%s, %s, %s) FROM (%s) SEMI JOIN landed_keys USING (_pk) QUALIFY row_number() OVER (PARTITION BY _pk ORDER BY %s) = 1",
		contract.ColBatch, contract.ColInput, contract.ColRow, held.all(), newestFirst(true)))
}

// held is what the lake and the quarantine hold of the rows of databases in one table.
type held struct {
	base  string // rows of which there is no older version anywhere
	newer string // rows that may be versions of rows in base or here
}

func (h held) all() string { return h.base + "\nUNION ALL BY NAME " + h.newer }

// held writes the queries of what is held: _pk, _held, _deleted, _refused, the
// contract's key, the event time, the given columns (as _f_NAME), _batch, _input, _row.
func (l *Lake) held(ctx context.Context, s *duck.Session, t contract.Table, columns []string) (held, error) {
	rows, err := l.files(ctx, t.Name)
	if err != nil {
		return held{}, err
	}
	refused, err := l.files(ctx, QuarantineTable)
	if err != nil {
		return held{}, err
	}
	none := heldNone(t, columns)
	h := held{base: none, newer: none}
	for _, newer := range []bool{false, true} {
		query := none
		if files := keyedFiles(rows, newer); len(files) > 0 {
			// What identifies a row is in every file. Without other columns the files need
			// not all be opened at once to find out which has which.
			from := duck.ReadAlike(paths(l.Dir, files))
			if len(columns) > 0 {
				from = duck.ReadParquet(paths(l.Dir, files))
			}
			cols, err := heldColumns(ctx, s, from, t, columns)
			if err != nil {
				return held{}, err
			}
			query += "\nUNION ALL BY NAME SELECT " + cols + " FROM " + from
		}
		if files := keyedFiles(refused, newer); len(files) > 0 {
			query += fmt.Sprintf("\nUNION ALL BY NAME SELECT _pk, _hash AS _held, _deleted, true AS _refused, _batch, _input, _row FROM %s WHERE table_name = %s AND _pk IS NOT NULL", duck.ReadAlike(paths(l.Dir, files)), duck.Quote(t.Name))
		}
		if newer {
			h.newer = query
		} else {
			h.base = query
		}
	}
	return h, nil
}

// heldNone has the columns of held and no row.
func heldNone(t contract.Table, columns []string) string {
	out := "SELECT NULL::VARCHAR AS _pk, NULL::BIGINT AS _held, false AS _deleted, false AS _refused, NULL::BIGINT AS _batch, NULL::BIGINT AS _input, NULL::BIGINT AS _row"
	for _, c := range t.Place() {
		out += fmt.Sprintf(", NULL::%s AS %s", c.Type, duck.Ident(c.Name))
	}
	for _, c := range columns {
		out += ", NULL AS " + duck.Ident("_f_"+c)
	}
	return out + " WHERE false"
}

func heldColumns(ctx context.Context, s *duck.Session, from string, t contract.Table, columns []string) (string, error) {
	has, err := s.Columns(ctx, "SELECT * FROM "+from)
	if err != nil {
		return "", err
	}
	cols := "_pk, _hash AS _held, _deleted, false AS _refused, _batch, _input, _row, " + duck.Idents(placeOf(t))
	for _, c := range columns {
		for _, h := range has {
			if strings.EqualFold(h.Name, c) {
				cols += ", " + duck.Ident(h.Name) + " AS " + duck.Ident("_f_"+c)
			}
		}
	}
	return cols, nil
}

func keyedFiles(files []ledger.LakeFile, newer bool) []ledger.LakeFile {
	var out []ledger.LakeFile
	for _, f := range files {
		if f.Keyed && f.Newer == newer {
			out = append(out, f)
		}
	}
	return out
}

// sameSQL tells whether a row is met again as the lake holds it: same digest, same
// columns beside the digest, same event time (which also depends on the source's time
// zone), and stored or refused as before.
func sameSQL(t contract.Table, landed []duck.Column) string {
	same := fmt.Sprintf("p._held = refused._hash AND NOT p._deleted AND p._refused = (refused._why IS NOT NULL) AND (p._refused OR p.%[1]s IS NOT DISTINCT FROM refused.%[1]s)", duck.Ident(t.EventTime))
	if names := floats(landed); len(names) > 0 {
		var equal []string
		for _, n := range names {
			equal = append(equal, fmt.Sprintf("TRY_CAST(p.%s AS DOUBLE) IS NOT DISTINCT FROM TRY_CAST(refused.%s AS DOUBLE)", duck.Ident("_f_"+n), duck.Ident(n)))
		}
		same += " AND (p._refused OR " + strings.Join(equal, " AND ") + ")"
	}
	return "coalesce(" + same + ", false)"
}

// placeOf are the names of the columns that say where a row lies.
func placeOf(t contract.Table) []string {
	var names []string
	for _, c := range t.Place() {
		names = append(names, c.Name)
	}
	return names
}

// bury makes the table buried: versions of landed rows that hold no longer where they
// lie, because the new version was refused or has another key or event time. A reader
// that sees only a part of time would take them for rows of today.
func (in *ingest) bury(ctx context.Context) error {
	where := placeOf(in.t)
	lay, moved := make([]string, len(where)), make([]string, len(where))
	for i, c := range where {
		lay[i] = "p." + duck.Ident(c)
		moved[i] = fmt.Sprintf("n.%[1]s IS DISTINCT FROM p.%[1]s", duck.Ident(c))
	}
	return in.sess.Exec(ctx, fmt.Sprintf(`CREATE TEMP TABLE buried AS
SELECT n._input, n._row, %[1]s, CAST(timezone('UTC', p.%[2]s) AS DATE) AS _day, p._pk, NULL::BIGINT AS _hash, true AS _deleted, p._refused
FROM previous AS p JOIN (
    SELECT * FROM judged WHERE coalesce(_copy, 1) = 1 QUALIFY row_number() OVER (PARTITION BY _pk ORDER BY _input DESC, _row DESC) = 1
) AS n USING (_pk)
WHERE NOT p._deleted AND CASE WHEN p._refused THEN n._reason IS NULL OR n._reason = '%[4]s' ELSE n._reason IS NOT NULL OR %[3]s END`,
		strings.Join(lay, ", "), duck.Ident(in.t.EventTime), strings.Join(moved, " OR "), contract.ReasonForgotten))
}
