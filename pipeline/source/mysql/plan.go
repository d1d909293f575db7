package mysql

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// plan is a line of EXPLAIN.
type plan struct {
	id, selectType, table, possibleKeys, extra string
	rows, filtered                             float64 // filtered in percent
}

// explainPlan asks how the server would run a query.
func (s *session) explainPlan(ctx context.Context, query string) ([]plan, error) {
	if s.conn == nil {
		return nil, errClosed
	}
	query = "EXPLAIN FORMAT=TRADITIONAL " + query
	rows, err := s.conn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	names := rows.Columns()
	if err := rows.Close(); err != nil {
		return nil, s.explain(ctx, err)
	}
	lines, err := s.texts(ctx, query, len(names))
	if err != nil {
		return nil, err
	}
	var plans []plan
	for _, line := range lines {
		p := plan{rows: -1, filtered: 100}
		for i, name := range names {
			switch v := line[i]; strings.ToLower(name) {
			case "id":
				p.id = v
			case "select_type":
				p.selectType = v
			case "table":
				p.table = v
			case "possible_keys":
				p.possibleKeys = v
			case "extra":
				p.extra = v
			case "rows":
				if n, err := strconv.ParseFloat(v, 64); err == nil {
					p.rows = n
				}
			case "filtered":
				if n, err := strconv.ParseFloat(v, 64); err == nil {
					p.filtered = n
				}
			}
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// Estimate is the optimizer's guess: the product of a join's tables, the sum of a
// union's parts.
func (s *session) Estimate(ctx context.Context, query string) (int64, error) {
	plans, err := s.explainPlan(ctx, "SELECT * FROM ("+query+"\n) AS m")
	if err != nil {
		return -1, err
	}
	// A SELECT that cannot be merged has a line of its own for the derived table, whose
	// rows are those of its parts.
	perSelect, order := map[string]float64{}, []string{}
	for _, p := range plans {
		if p.selectType != "SIMPLE" && p.selectType != "PRIMARY" {
			continue
		}
		if p.rows < 0 {
			return -1, nil
		}
		if _, ok := perSelect[p.id]; !ok {
			perSelect[p.id], order = 1, append(order, p.id)
		}
		perSelect[p.id] *= p.rows * p.filtered / 100
	}
	if len(order) == 0 {
		return -1, nil
	}
	total := 0.0
	for _, id := range order {
		total += perSelect[id]
	}
	return int64(min(total, 1e15)), nil
}

// Indexed tells whether the server would read the rows in the order of the fields
// without sorting them.
func (s *session) Indexed(ctx context.Context, query string, fields []relational.Field) (yes, known bool, err error) {
	if len(fields) == 0 {
		return false, false, errors.New("no fields")
	}
	var list []string
	for _, f := range fields {
		list = append(list, operand(f))
	}
	names := strings.Join(list, ", ")
	plans, err := s.explainPlan(ctx, "SELECT "+names+" FROM ("+query+"\n) AS m WHERE "+operand(fields[0])+" >= "+some(fields[0])+" ORDER BY "+names+" LIMIT 1")
	if err != nil {
		return false, false, err
	}
	sorted, keys := false, false
	for _, p := range plans {
		if strings.HasPrefix(p.table, "<") {
			return false, false, nil // the rows of the mapping are made before they are sorted
		}
		if p.table == "" {
			return false, false, nil // the server sees that there can be no rows
		}
		sorted = sorted || strings.Contains(p.extra, "filesort") || strings.Contains(p.extra, "temporary")
		keys = keys || p.possibleKeys != ""
	}
	return !sorted || keys && len(fields) == 1, true, nil
}

// some is a value in the middle of what a column may have.
func some(f relational.Field) string {
	switch f.Kind {
	case source.Date:
		return literal(f, "2000-01-01")
	case source.Timestamp, source.Instant:
		return literal(f, "2000-01-01 00:00:00")
	case source.Text:
		if f.Code == codeNumber {
			return "1"
		}
		return "'a'"
	case source.Bytes:
		return "X'61'"
	}
	return "1"
}
