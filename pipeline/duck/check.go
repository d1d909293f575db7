package duck

import (
	"context"
	"fmt"
	"strings"
)

// Check is one expectation about a table.
type Check struct {
	Table    string
	Name     string
	Severity string // "error" or "warn"
	// Failing is a query that gives the rows that break the expectation.
	Failing string
}

// Finding is the outcome of a check.
type Finding struct {
	Check
	Rows   int64  // that fail; 0 means the check holds
	Sample string // some of them, for people
}

// RunCheck runs a check against the session's tables.
func (s *Session) RunCheck(ctx context.Context, c Check) (Finding, error) {
	f := Finding{Check: c}
	if err := s.Scan(ctx, "SELECT count(*) FROM (\n"+c.Failing+"\n)", &f.Rows); err != nil {
		return f, fmt.Errorf("check %s of %s: %w", c.Name, c.Table, err)
	}
	if f.Rows == 0 {
		return f, nil
	}
	r, err := s.Query(ctx, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n"+c.Failing+"\n) LIMIT 3")
	if err != nil {
		return f, fmt.Errorf("check %s of %s: %w", c.Name, c.Table, err)
	}
	var rows []string
	for _, row := range r.Rows {
		var cells []string
		for i, v := range row {
			if v == nil {
				v = "NULL"
			}
			cells = append(cells, fmt.Sprintf("%s=%v", r.Columns[i], v))
			if len(cells) == 8 {
				break
			}
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	f.Sample = strings.Join(rows, "; ")
	return f, nil
}

// The kinds of checks, each as the query that finds what breaks it.

// Unique finds keys that occur more than once.
func Unique(table string, cols []string) Check {
	return Check{Table: table, Name: "unique: " + strings.Join(cols, ", "),
		Failing: fmt.Sprintf("SELECT %s, count(*) AS times FROM %s GROUP BY %s HAVING count(*) > 1", Idents(cols), Ident(table), Idents(cols))}
}

// NotNull finds rows without a value.
func NotNull(table, col string) Check {
	return Check{Table: table, Name: "not null: " + col, Failing: fmt.Sprintf("SELECT * FROM %s WHERE %s IS NULL", Ident(table), Ident(col))}
}

// Accepted finds values outside a list.
func Accepted(table, col string, values []string) Check {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Quote(v)
	}
	return Check{Table: table, Name: "accepted values: " + col,
		Failing: fmt.Sprintf("SELECT * FROM %s WHERE CAST(%s AS VARCHAR) NOT IN (%s)", Ident(table), Ident(col), strings.Join(quoted, ", "))}
}

// InRange finds numbers outside [min, max] (NaN included); a nil bound is open.
func InRange(table, col string, lo, hi *float64) Check {
	conds := []string{fmt.Sprintf("isnan(CAST(%s AS DOUBLE))", Ident(col))}
	if lo != nil {
		conds = append(conds, fmt.Sprintf("%s < %v", Ident(col), *lo))
	}
	if hi != nil {
		conds = append(conds, fmt.Sprintf("%s > %v", Ident(col), *hi))
	}
	return Check{Table: table, Name: "range: " + col, Failing: fmt.Sprintf("SELECT * FROM %s WHERE %s", Ident(table), strings.Join(conds, " OR "))}
}

// Holds finds rows for which an expression is not true.
func Holds(table, name, expr string) Check {
	return Check{Table: table, Name: "expression: " + name, Failing: fmt.Sprintf("SELECT * FROM %s WHERE (%s) IS NOT TRUE", Ident(table), expr)}
}
