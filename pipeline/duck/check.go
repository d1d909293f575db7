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
	// Breaks is, for an expectation about single rows, the condition that breaks it:
	// several of these are counted in one pass over the table.
	Breaks string
}

// Finding is the outcome of a check.
type Finding struct {
	Check
	Rows   int64  // that fail; 0 means the check holds
	Sample string // some of them, for people
}

// RunChecks runs checks against the session's tables and returns a finding for each,
// in their order.
func (s *Session) RunChecks(ctx context.Context, checks []Check) ([]Finding, error) {
	found := make([]Finding, len(checks))
	var tables []string
	byTable := map[string][]int{}
	for i, c := range checks {
		found[i].Check = c
		if c.Breaks == "" {
			if err := s.Scan(ctx, "SELECT count(*) FROM (\n"+c.Failing+"\n)", &found[i].Rows); err != nil {
				return nil, fmt.Errorf("check %s of %s: %w", c.Name, c.Table, err)
			}
			continue
		}
		if byTable[c.Table] == nil {
			tables = append(tables, c.Table)
		}
		byTable[c.Table] = append(byTable[c.Table], i)
	}
	for _, table := range tables {
		if err := s.countBreaks(ctx, table, byTable[table], found); err != nil {
			return nil, err
		}
	}
	for i := range found {
		if found[i].Rows > 0 {
			if err := s.sample(ctx, &found[i]); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// countBreaks counts what breaks the numbered checks of one table, in one pass.
func (s *Session) countBreaks(ctx context.Context, table string, checks []int, found []Finding) error {
	counts, dest := make([]string, len(checks)), make([]any, len(checks))
	var names []string
	for k, i := range checks {
		counts[k], dest[k] = fmt.Sprintf("count(*) FILTER (WHERE %s)", found[i].Breaks), &found[i].Rows
		names = append(names, found[i].Name)
	}
	if err := s.Scan(ctx, fmt.Sprintf("SELECT %s FROM %s", strings.Join(counts, ",\n    "), Ident(table)), dest...); err != nil {
		return fmt.Errorf("checks of %s (%s): %w", table, strings.Join(names, "; "), err)
	}
	return nil
}

// sample puts some of the rows that fail into a finding.
func (s *Session) sample(ctx context.Context, f *Finding) error {
	c := f.Check
	r, err := s.Query(ctx, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n"+c.Failing+"\n) LIMIT 3")
	if err != nil {
		return fmt.Errorf("check %s of %s: %w", c.Name, c.Table, err)
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
	return nil
}

// rowCheck is an expectation about single rows.
func rowCheck(table, name, breaks string) Check {
	return Check{Table: table, Name: name, Breaks: breaks, Failing: fmt.Sprintf("SELECT * FROM %s WHERE %s", Ident(table), breaks)}
}

// The kinds of checks, each as the query that finds what breaks it.

// Unique finds keys that occur more than once.
func Unique(table string, cols []string) Check {
	return Check{Table: table, Name: "unique: " + strings.Join(cols, ", "),
		Failing: fmt.Sprintf("SELECT %s, count(*) AS times FROM %s GROUP BY %s HAVING count(*) > 1", Idents(cols), Ident(table), Idents(cols))}
}

// NotNull finds rows without a value.
func NotNull(table, col string) Check {
	return rowCheck(table, "not null: "+col, Ident(col)+" IS NULL")
}

// Accepted finds values outside a list.
func Accepted(table, col string, values []string) Check {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Quote(v)
	}
	return rowCheck(table, "accepted values: "+col, fmt.Sprintf("CAST(%s AS VARCHAR) NOT IN (%s)", Ident(col), strings.Join(quoted, ", ")))
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
	return rowCheck(table, "range: "+col, strings.Join(conds, " OR "))
}

// Holds finds rows for which an expression is not true.
func Holds(table, name, expr string) Check {
	return rowCheck(table, "expression: "+name, "("+expr+") IS NOT TRUE")
}

// Related finds values of a column that do not occur in a column of another table.
func Related(table, col, to, field string) Check {
	return Check{Table: table, Name: fmt.Sprintf("relationships: %s in %s.%s", col, to, field),
		Failing: fmt.Sprintf("SELECT * FROM %s AS t WHERE t.%s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s AS o WHERE o.%s = t.%s)",
			Ident(table), Ident(col), Ident(to), Ident(field), Ident(col))}
}
