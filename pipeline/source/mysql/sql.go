package mysql

import (
	"encoding/hex"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// What the dialect remembers of a field, in Field.Code.
const (
	codePlain  uint32 = iota
	codeFloat         // 4 bytes: as text the server rounds it to 6 digits
	codeBit           // sent as bytes unless it is made a number
	codeName          // enum, set, MySQL's json: sorted by number, or not at all, but compared as text
	codeNumber        // a decimal that lands as text but compares as a number
)

func ident(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func column(f relational.Field) string { return "m." + ident(f.Name) }

// quote writes a text literal. What is not plain is written in hexadecimal digits, as
// the meaning of a backslash depends on settings.
func quote(s string) string {
	for _, b := range []byte(s) {
		if b < ' ' || b >= 0x7f || b == '\'' || b == '\\' {
			return "_utf8mb4 X'" + hex.EncodeToString([]byte(s)) + "'"
		}
	}
	return "'" + s + "'"
}

// literal writes a value so that it is compared as the column's type is, by an index
// where there is one.
func literal(f relational.Field, v string) string {
	switch f.Kind {
	case source.Int, source.Uint, source.Bool, source.Decimal, source.Float:
		return v
	case source.Bytes:
		return "X'" + v + "'"
	case source.Date:
		if _, ok := parseDate([]byte(v)); ok {
			return "DATE'" + v + "'"
		}
	case source.Timestamp, source.Instant:
		bare := strings.TrimSuffix(v, "+00")
		if _, ok := parseTime([]byte(bare)); ok {
			return "TIMESTAMP'" + bare + "'"
		}
	case source.Text:
		if f.Code == codeNumber {
			return v
		}
	}
	return quote(v)
}

// operand is a field as it is sorted and compared.
func operand(f relational.Field) string {
	if f.Code == codeName {
		return "(CONVERT(" + column(f) + " USING utf8mb4) COLLATE utf8mb4_bin)"
	}
	return column(f)
}

// Select writes a field as Session.Rows reads it.
func (d *Dialect) Select(f relational.Field) string {
	switch f.Code {
	case codeFloat:
		return column(f) + " * 1e0"
	case codeBit:
		return column(f) + " + 0"
	}
	return column(f)
}

// Order writes the ORDER BY list. Text is sorted by its collation, which the index of
// the column has, too: two texts that are equal there must not both be keys.
func (d *Dialect) Order(fields []relational.Field) string {
	var list []string
	for _, f := range fields {
		list = append(list, operand(f))
	}
	return strings.Join(list, ", ")
}

// After writes the condition for rows behind a position. Servers find the rows of
// (a, b) > (x, y) by no index, so it is written out, with a condition on the first
// column alone in front.
func (d *Dialect) After(fields []relational.Field, at []string) string {
	first, value := operand(fields[0]), literal(fields[0], at[0])
	if len(fields) == 1 {
		return first + " > " + value
	}
	return "(" + first + " >= " + value + " AND (" + first + " > " + value + " OR " + d.After(fields[1:], at[1:]) + "))"
}

// Compare writes a comparison of one field.
func (d *Dialect) Compare(f relational.Field, op, value string) string {
	return operand(f) + " " + op + " " + literal(f, value)
}

// IsNull writes the condition for rows in which the field is NULL, or not. The plain
// IS NULL finds zero dates, too.
func (d *Dialect) IsNull(f relational.Field, null bool) string {
	if null {
		return column(f) + " <=> NULL"
	}
	return "NOT (" + column(f) + " <=> NULL)"
}

// Extreme writes min or max.
func (d *Dialect) Extreme(f relational.Field, highest bool) string {
	name, value := "MIN", d.Select(f)
	if highest {
		name = "MAX"
	}
	if f.Code == codeName {
		value = operand(f)
	}
	return name + "(" + value + ")"
}

// In writes the condition for rows whose fields equal one of the keys.
func (d *Dialect) In(fields []relational.Field, keys [][]string) string {
	if len(keys) == 0 {
		return "FALSE"
	}
	var list []string
	for _, key := range keys {
		if len(fields) == 1 {
			list = append(list, literal(fields[0], key[0]))
			continue
		}
		var parts []string
		for i, f := range fields {
			parts = append(parts, operand(f)+" = "+literal(f, key[i]))
		}
		list = append(list, "("+strings.Join(parts, " AND ")+")")
	}
	if len(fields) == 1 {
		return operand(fields[0]) + " IN (" + strings.Join(list, ", ") + ")"
	}
	return "(" + strings.Join(list, " OR ") + ")"
}

// IntField is the field of an integer expression.
func (d *Dialect) IntField(name string) relational.Field {
	return relational.Field{Column: source.Column{Name: name, Kind: source.Int}, Server: "bigint"}
}
