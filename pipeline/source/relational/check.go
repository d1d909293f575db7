package relational

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Check looks at the mapping and compares it with the contract.
func (s *Source) Check(ctx context.Context, known source.Known) (source.Report, error) {
	sess, err := s.connect(ctx)
	if err != nil {
		return source.Report{}, err
	}
	defer sess.Close()
	report := source.Report{Server: sess.Server()}
	if now, err := sess.Now(ctx); err == nil && now.Now > 0 { // a clock that is not told is no reason to fail
		report.Clock, report.Seen = time.UnixMicro(now.Now), time.Now()
	}
	for _, name := range s.names() {
		tr, err := s.checkTable(ctx, sess, name, known.State(name))
		if err != nil {
			if s.d.Class(err) == Lost || ctx.Err() != nil {
				return report, fmt.Errorf("source %s: checking %s: %w", s.o.Name, name, err)
			}
			tr.Problems = append(tr.Problems, source.Problem{Suggestion: err.Error()})
		}
		slices.SortStableFunc(tr.Problems, func(a, b source.Problem) int { return cmp.Compare(rank(a), rank(b)) })
		report.Tables = append(report.Tables, tr)
	}
	return report, nil
}

func rank(p source.Problem) int {
	if p.Warning {
		return 1
	}
	return 0
}

func (s *Source) checkTable(ctx context.Context, sess Session, name, state string) (source.TableReport, error) {
	tr := source.TableReport{Table: name, Rows: -1}
	ct, err := contract.Lookup(name)
	if err != nil {
		return tr, err
	}
	t, err := s.describe(ctx, sess, name)
	if t != nil {
		tr.Columns = columnReports(ct, t.fields)
		tr.Problems = append(compare(ct, t.fields), s.drifted(t, state)...)
	}
	if err != nil {
		return tr, err
	}
	if tr.Rows, err = sess.Estimate(ctx, t.Select); err != nil {
		return tr, s.explain(t, err)
	}
	indexes, err := s.indexes(ctx, sess, t)
	tr.Problems = append(tr.Problems, indexes...)
	return tr, err
}

// drifted says what changed since the last extraction.
func (s *Source) drifted(t *table, text string) []source.Problem {
	st, err := parseState(text)
	if err != nil {
		return []source.Problem{{Suggestion: err.Error()}}
	}
	if text == "" || st.Mapping != t.mapping {
		return nil
	}
	var out []source.Problem
	warnings, err := drift(t.name, st.Columns, t.fields, s.o.Freeze)
	if err != nil {
		out = append(out, source.Problem{Suggestion: err.Error()})
	}
	for _, w := range warnings {
		out = append(out, source.Problem{Suggestion: w, Warning: true})
	}
	return out
}

// indexes warns of paging without an index.
func (s *Source) indexes(ctx context.Context, sess Session, t *table) ([]source.Problem, error) {
	var out []source.Problem
	look := func(what string, fields []Field) error {
		yes, known, err := sess.Indexed(ctx, t.Select, fields)
		if err != nil {
			return s.explain(t, err)
		}
		if known && !yes {
			out = append(out, source.Problem{Column: fields[0].Name, Warning: true, Found: "no index that begins with the " + what,
				Suggestion: "every page reads the whole table: create an index on (" + strings.Join(fieldNames(fields), ", ") + ")"})
		}
		return nil
	}
	err := look("key", t.pick(t.key))
	if t.cursor >= 0 {
		err = errors.Join(err, look("cursor", t.pick([]int{t.cursor})))
	}
	return out, err
}

func fieldNames(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

func columnReports(ct contract.Table, fields []Field) []source.ColumnReport {
	var out []source.ColumnReport
	for _, f := range fields {
		c, _ := ct.Column(strings.ToLower(f.Name))
		out = append(out, source.ColumnReport{Name: f.Name, Found: f.Server, Lands: f.Type(), Expected: string(c.Type)})
	}
	return out
}

// compare finds what does not fit the contract.
func compare(ct contract.Table, fields []Field) []source.Problem {
	var out []source.Problem
	for _, c := range ct.Columns {
		i := slices.IndexFunc(fields, func(f Field) bool { return strings.EqualFold(f.Name, c.Name) })
		if i >= 0 {
			out = append(out, fits(c, fields[i])...)
			continue
		}
		if c.Required && c.Default == "" {
			suggestion := "the select gives " + strings.Join(fieldNames(fields), ", ")
			if near := nearest(c.Name, ct, fields); near != "" {
				suggestion += fmt.Sprintf("; did you mean %s? Write %s AS %s", near, near, c.Name)
			} else {
				suggestion += "; add an expression AS " + c.Name
			}
			out = append(out, source.Problem{Column: c.Name, Found: "no such column", Expected: string(c.Type), Suggestion: suggestion})
		}
	}
	return out
}

// fits compares one column with the contract's.
func fits(c contract.Column, f Field) []source.Problem {
	problem := func(warning bool, suggestion string) []source.Problem {
		return []source.Problem{{Column: c.Name, Found: f.Server, Expected: string(c.Type), Suggestion: suggestion, Warning: warning}}
	}
	switch c.Type {
	case contract.Text:
		switch f.Kind {
		case source.Float:
			return problem(true, fmt.Sprintf("a number with a floating point is no name of anything: cast %s to an integer or to text", c.Name))
		case source.Bytes:
			return problem(true, fmt.Sprintf("bytes are shown as \\x.. codes: write %s as text in the select", c.Name))
		case source.Timestamp, source.Instant, source.Bool:
			return problem(true, fmt.Sprintf("it will be read as its text: cast %s to text to choose how it is written", c.Name))
		}
	case contract.Instant, contract.Date:
		switch f.Kind {
		case source.Instant, source.Timestamp, source.Date:
		case source.Text:
			return problem(true, fmt.Sprintf("texts that are no time go to quarantine: cast %s to a timestamp or date in the select", c.Name))
		case source.Int, source.Uint:
			return problem(false, fmt.Sprintf("a number is no time: write to_timestamp(%s) (PostgreSQL) or FROM_UNIXTIME(%s) (MySQL)", c.Name, c.Name))
		default:
			return problem(false, fmt.Sprintf("this is no time: let another column give %s", c.Name))
		}
	default:
		return fitsDecimal(c, f, problem)
	}
	return nil
}

func fitsDecimal(c contract.Column, f Field, problem func(bool, string) []source.Problem) []source.Problem {
	expected := source.ColumnOf(c.Name, string(c.Type))
	switch f.Kind {
	case source.Int, source.Uint:
	case source.Decimal:
		if f.Scale > expected.Scale {
			return problem(true, fmt.Sprintf("digits behind the point beyond %d do not fit: write round(%s, %d)", expected.Scale, c.Name, expected.Scale))
		}
	case source.Text:
		return problem(true, fmt.Sprintf("texts that are no number go to quarantine: cast %s to numeric(%d,%d) in the select", c.Name, expected.Precision, expected.Scale))
	case source.Float:
		return problem(true, fmt.Sprintf("numbers with a floating point are not exact: cast %s to numeric(%d,%d)", c.Name, expected.Precision, expected.Scale))
	default:
		return problem(false, fmt.Sprintf("this is no number: let another column give %s", c.Name))
	}
	return nil
}

// nearest is a column that the select gives, that the contract does not know, and whose
// name is close to a missing one; "" when there is none.
func nearest(missing string, ct contract.Table, fields []Field) string {
	best, bestDistance := "", len(missing)/2+1
	for _, f := range fields {
		if _, contracted := ct.Column(strings.ToLower(f.Name)); contracted || len(f.Name) < 4 {
			continue // "id" is near to every name
		}
		d := distance(strings.ToLower(f.Name), missing)
		if strings.Contains(missing, strings.ToLower(f.Name)) || strings.Contains(strings.ToLower(f.Name), missing) {
			d = min(d, 2)
		}
		if d < bestDistance {
			best, bestDistance = f.Name, d
		}
	}
	return best
}

// distance counts the letters to change, add or take away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
