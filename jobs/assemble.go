package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// How a feature table is put together where memory is short: so many files are joined at
// a time, as each join holds some memory of its own, and rows are sorted in so many parts.
const (
	filesAStep = 5
	sortParts  = 16
)

// writeFeatures joins feature files to the rows of their table and writes it: at once, or
// step by step where the session has too little memory for that. The bytes are the same.
func writeFeatures(ctx context.Context, s *session, f featureTable, files []featureFile, path string) (int64, error) {
	rows, err := s.WriteParquet(ctx, assembleSQL(f, files), path)
	if err == nil || !duck.IsOutOfMemory(err) {
		return rows, err
	}
	return writeInSteps(ctx, s, f, files, path)
}

// writeInSteps joins a few files at a time, and then sorts one part of the customers after
// the other.
func writeInSteps(ctx context.Context, s *session, f featureTable, files []featureFile, path string) (int64, error) {
	columns, keys := []string{"as_of() AS as_of"}, strings.Join(f.key, ", ")
	for _, k := range f.key {
		columns = append(columns, "b."+k)
	}
	var steps []string
	for group := range slices.Chunk(files, filesAStep) {
		step, alias := duck.Ident(fmt.Sprintf("%s_step_%d", f.name, len(steps))), fmt.Sprintf("g%d", len(steps))
		if err := s.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE %s AS\n%s", step, joinSQL(f, group, ""))); err != nil {
			return 0, err
		}
		steps = append(steps, step)
		for _, file := range group {
			for _, c := range file.columns {
				columns = append(columns, alias+"."+duck.Ident(c.Name))
			}
		}
	}
	parts, err := customerParts(ctx, s, f)
	if err != nil {
		return 0, err
	}
	sorted := duck.Ident(f.name + "_sorted")
	statement := "CREATE TEMP TABLE " + sorted + " AS"
	for _, part := range parts {
		query := fmt.Sprintf("SELECT %s\nFROM (SELECT * FROM %s WHERE %s) AS b", strings.Join(columns, ",\n    "), duck.Ident(f.base), part)
		for i, step := range steps {
			query += fmt.Sprintf("\nINNER JOIN (SELECT * FROM %s WHERE %s) AS g%d USING (%s)", step, part, i, keys)
		}
		if err := s.Exec(ctx, statement+"\n"+query+"\nORDER BY "+keys); err != nil {
			return 0, err
		}
		statement = "INSERT INTO " + sorted
	}
	return s.WriteParquet(ctx, "SELECT * FROM "+sorted, path)
}

// customerParts are conditions that divide the customers of a table, in their order.
func customerParts(ctx context.Context, s *session, f featureTable) ([]string, error) {
	r, err := s.Query(ctx, fmt.Sprintf(`SELECT min(customer_id)
FROM (SELECT customer_id, ntile(%d) OVER (ORDER BY customer_id) AS part FROM (SELECT DISTINCT customer_id FROM %s))
WHERE part > 1 GROUP BY part ORDER BY part`, sortParts, duck.Ident(f.base)))
	if err != nil {
		return nil, err
	}
	from, parts := "true", []string{}
	for _, row := range r.Rows {
		at := duck.Quote(fmt.Sprint(row[0]))
		parts = append(parts, from+" AND customer_id < "+at)
		from = "customer_id >= " + at
	}
	return append(parts, from), nil
}

// assembleSQL joins feature files to the rows of their table. A column without a row
// gets the default of its sidecar.
func assembleSQL(f featureTable, files []featureFile) string {
	return joinSQL(f, files, "as_of() AS as_of,\n    ") + "\nORDER BY " + strings.Join(f.key, ", ")
}

// joinSQL is assembleSQL without an order, with a column before the key.
func joinSQL(f featureTable, files []featureFile, first string) string {
	var columns []string
	for _, k := range f.key {
		columns = append(columns, "b."+k)
	}
	joins := ""
	for i, file := range files {
		alias := fmt.Sprintf("f%d", i)
		joins += fmt.Sprintf("\nLEFT JOIN %s AS %s USING (%s)", duck.Ident(file.model.Name), alias, strings.Join(f.key, ", "))
		for _, c := range file.columns {
			columns = append(columns, featureColumn(file.model, alias, c))
		}
	}
	return fmt.Sprintf("SELECT %s%s\nFROM %s AS b%s", first, strings.Join(columns, ",\n    "), duck.Ident(f.base), joins)
}
