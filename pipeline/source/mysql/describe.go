package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Describe gives the columns of a SELECT without running it.
func (s *session) Describe(ctx context.Context, query string) ([]relational.Field, error) {
	fields, err := s.header(ctx, "SELECT * FROM ("+query+"\n) AS m LIMIT 0")
	if err != nil {
		return nil, err
	}
	if err := s.measure(ctx, query, fields); err != nil {
		return nil, err
	}
	for i := range fields {
		land(&fields[i])
	}
	return fields, nil
}

// header runs a query that gives no rows, and tells the names and types of its columns.
func (s *session) header(ctx context.Context, query string) ([]relational.Field, error) {
	if s.conn == nil {
		return nil, errClosed
	}
	rows, err := s.conn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, s.explain(ctx, err)
	}
	defer rows.Close()
	types, ok1 := rows.(driver.RowsColumnTypeDatabaseTypeName)
	sizes, ok2 := rows.(driver.RowsColumnTypePrecisionScale)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("the driver tells no types")
	}
	var fields []relational.Field
	for i, name := range rows.Columns() {
		f := relational.Field{Column: source.Column{Name: name}, Server: strings.ToLower(types.ColumnTypeDatabaseTypeName(i))}
		if f.Server == "decimal" {
			p, scale, _ := sizes.ColumnTypePrecisionScale(i)
			f.Precision, f.Scale = int(p), int(scale)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// measure corrects the precision of decimals. The protocol tells a column's width in
// characters, from which the driver takes one for a sign, also where there is none. A
// value with a sign beside it makes the width one that always has it. It also has a
// digit before the point, so that DECIMAL(4,4) becomes DECIMAL(5,4).
func (s *session) measure(ctx context.Context, query string, fields []relational.Field) error {
	var list []string
	var at []int
	for i, f := range fields {
		if f.Server == "decimal" {
			list, at = append(list, "COALESCE("+column(f)+", CAST(-1 AS DECIMAL(1,0)))"), append(at, i)
		}
	}
	if len(at) == 0 {
		return nil
	}
	exact, err := s.header(ctx, "SELECT "+strings.Join(list, ", ")+" FROM ("+query+"\n) AS m LIMIT 0")
	if err != nil {
		return err
	}
	for n, i := range at {
		if n < len(exact) && exact[n].Server == "decimal" {
			fields[i].Precision, fields[i].Scale = exact[n].Precision, exact[n].Scale
		}
	}
	return nil
}

// land says how a column lands.
func land(f *relational.Field) {
	name, unsigned := strings.CutPrefix(f.Server, "unsigned ")
	if unsigned {
		f.Server = name + " unsigned"
	}
	switch name {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		f.Kind = source.Int
		if unsigned {
			f.Kind = source.Uint
		}
	case "year":
		f.Kind = source.Int
	case "bit":
		f.Kind, f.Code = source.Uint, codeBit
	case "decimal":
		f.Server = fmt.Sprintf("decimal(%d,%d)", f.Precision, f.Scale)
		f.Kind = source.Decimal
		if f.Precision > 38 {
			f.Kind, f.Code, f.Precision, f.Scale = source.Text, codeNumber, 0, 0
		}
	case "float":
		f.Kind, f.Code = source.Float, codeFloat
	case "double":
		f.Kind = source.Float
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "vector":
		f.Kind = source.Bytes
	case "date":
		f.Kind = source.Date
	case "datetime":
		f.Kind = source.Timestamp
	case "timestamp":
		f.Kind = source.Instant
	case "enum", "set", "json":
		f.Kind, f.Code = source.Text, codeName
	default: // char, varchar, the texts, time, null and what else there may be
		f.Kind = source.Text
	}
}
