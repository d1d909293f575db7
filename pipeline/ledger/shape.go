package ledger

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// tableShape is what a table looks like.
type tableShape struct {
	columns []string
	key     []int // indexes of the columns of its primary key
}

// position is the number of the last transaction that is in the redo log.
func position(ctx context.Context, tx querier) (int64, error) {
	var seq int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM redo_position`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("reading the position in the redo log: %w", err)
	}
	return seq, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// shapes reads what the tables of a ledger look like.
func shapes(ctx context.Context, db querier) (map[string]*tableShape, error) {
	rows, err := db.QueryContext(ctx, `SELECT m.name, c.name, c.pk FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' ORDER BY m.name, c.cid`)
	if err != nil {
		return nil, fmt.Errorf("reading the form of the ledger: %w", err)
	}
	defer rows.Close()
	out := map[string]*tableShape{}
	for rows.Next() {
		var table, column string
		var pk int
		if err := rows.Scan(&table, &column, &pk); err != nil {
			return nil, fmt.Errorf("reading the form of the ledger: %w", err)
		}
		if unlogged[table] {
			continue
		}
		if out[table] == nil {
			out[table] = &tableShape{}
		}
		s := out[table]
		if pk > 0 {
			s.key = append(s.key, len(s.columns))
		}
		s.columns = append(s.columns, column)
	}
	return out, rows.Err()
}

func sortedTables(tables map[string]*tableShape) []string {
	var names []string
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// eachRow calls f with some rows of a table at a time, by "rowid", which is the order in
// which they were put, or by "key".
func eachRow(ctx context.Context, db querier, table string, s *tableShape, order string, some int, f func([][]any) error) error {
	if order == "key" {
		var names []string
		for _, k := range s.key {
			names = append(names, s.columns[k])
		}
		order = strings.Join(names, ", ")
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s`, castFree(s.columns), table, order))
	if err != nil {
		return fmt.Errorf("reading table %s of the ledger: %w", table, err)
	}
	defer rows.Close()
	var batch [][]any
	for rows.Next() {
		row, into := make([]any, len(s.columns)), make([]any, len(s.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("reading table %s of the ledger: %w", table, err)
		}
		if batch = append(batch, encoded(row)); len(batch) == some {
			if err := f(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading table %s of the ledger: %w", table, err)
	}
	if len(batch) == 0 {
		return nil
	}
	return f(batch)
}

// castFree lists columns as expressions, so that the driver gives what is stored rather
// than what a column's type suggests.
func castFree(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = "+" + c
	}
	return strings.Join(out, ", ")
}

// encoded writes what JSON has no word for.
func encoded(row []any) []any {
	out := slices.Clone(row)
	for i, v := range out {
		if b, ok := v.([]byte); ok {
			out[i] = map[string]string{"hex": hex.EncodeToString(b)}
		}
	}
	return out
}
