package source

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is how values of a column land. Every source maps its own types to these, and
// nothing is bent on the way: a type with no kind of its own lands as Text, as the
// server writes it.
type Kind int

// The kinds, with the DuckDB type of their Parquet column.
const (
	Text      Kind = iota // VARCHAR: text, and what has no kind of its own
	Int                   // BIGINT
	Uint                  // UBIGINT
	Bool                  // BOOLEAN
	Decimal               // DECIMAL(Precision,Scale), at most 38 digits; wider or unbounded numbers land as Text
	Float                 // DOUBLE
	Bytes                 // BLOB
	Date                  // DATE
	Timestamp             // TIMESTAMP: local time, microseconds
	Instant               // TIMESTAMPTZ: microseconds
)

// Column is a column of a landing file.
type Column struct {
	Name             string
	Kind             Kind
	Precision, Scale int // of a Decimal
}

// Type is the column's type as DuckDB writes it.
func (c Column) Type() string {
	if c.Kind == Decimal {
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Precision, c.Scale)
	}
	return [...]string{"VARCHAR", "BIGINT", "UBIGINT", "BOOLEAN", "", "DOUBLE", "BLOB", "DATE", "TIMESTAMP", "TIMESTAMPTZ"}[c.Kind]
}

// ColumnOf is the landing column with a DuckDB type; what is no landing type reads as
// Text.
func ColumnOf(name, duckType string) Column {
	c := Column{Name: name}
	switch duckType {
	case "TIMESTAMP WITH TIME ZONE":
		c.Kind = Instant
	default:
		if _, err := fmt.Sscanf(duckType, "DECIMAL(%d,%d)", &c.Precision, &c.Scale); err == nil {
			c.Kind = Decimal
			return c
		}
		for k := Text; k <= Instant; k++ {
			if k != Decimal && (Column{Kind: k}).Type() == duckType {
				c.Kind = k
			}
		}
	}
	return c
}

// Names of the columns that landing files of a database have beside the mapped ones.
const (
	// ColUnfit is NULL for a row all of whose values could be represented. Otherwise
	// it holds, for each that could not (infinity, 0000-00-00, NaN in a DECIMAL, text
	// that is no UTF-8), UnitSeparator, the column's name, "=" and the value as the
	// server writes it; the column itself is NULL.
	ColUnfit = "_unfit"
	// ColHash is the digest of a row in a listing.
	ColHash = "_hash"
)

// UnitSeparator stands between the pieces of a row's canonical text.
const UnitSeparator = "\x1f"

// Unfit stands for the value of a column that could not be represented, in the
// canonical text.
const Unfit = "!"

// Earliest and Latest bound the dates and times that are represented: [Earliest,
// Latest). What lies outside is unfit, and so is infinity.
const (
	Earliest = "0001-01-01"
	Latest   = "10000-01-01"
)

// The digest of a row is a number that the server and DuckDB compute alike, so that a
// source and the lake can be compared without moving rows. It is the first 15
// hexadecimal digits of the MD5 of the row's canonical text, as a BIGINT; digests of
// many rows are added up, which does not depend on their order.
//
// The canonical text puts together, for every column that is not NULL, by name in byte
// order: UnitSeparator, the name, "=", and the value's canonical text:
//
//	Text               itself (UTF-8)
//	Int, Uint          decimal digits
//	Bool               1 or 0
//	Decimal            digits, without zeros at the end of the fraction, and without the
//	                   point when nothing follows it: 1.5, 12, -0.001, 0
//	Bytes              hexadecimal digits in lower case
//	Date               days since 1970-01-01
//	Timestamp, Instant microseconds since 1970-01-01 (00:00 local time, or UTC)
//	Float              nothing: columns of this kind are left out, as servers write them
//	                   differently
//	a value that is unfit   Unfit
//
// A column that is added and holds NULL, a wider type, and another order of columns
// change no digest.
func digested(cols []Column) []Column {
	var out []Column
	for _, c := range cols {
		if c.Kind != Float {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Digest writes the digest of a row in SQL, from pieces that compute the canonical
// text of one column each ("" to leave the column out). join writes the concatenation
// of pieces without those that are NULL, and finish turns that text into the number.
func Digest(cols []Column, piece func(c Column, prefix string) string, join func(pieces []string) string, finish func(text string) string) string {
	var pieces []string
	for _, c := range digested(cols) {
		pieces = append(pieces, piece(c, UnitSeparator+c.Name+"="))
	}
	return finish(join(pieces))
}

// DuckDigest is the digest of a row of a landing file, in DuckDB's SQL.
func DuckDigest(cols []Column) string {
	return Digest(cols, duckPiece,
		func(pieces []string) string { return "concat('', " + strings.Join(pieces, ", ") + ")" },
		func(text string) string { return "CAST('0x' || left(md5(" + text + "), 15) AS BIGINT)" })
}

// DuckKey is the text that identifies a row among the rows of its source and table, in
// DuckDB's SQL: the canonical texts of its key columns, with UnitSeparator in between.
// In a key of several columns each has its length before it, since a text may contain
// the separator.
func DuckKey(cols []Column) string {
	var parts []string
	for _, c := range cols {
		text := duckText(c)
		if len(cols) > 1 {
			text = "length(" + text + ") || ':' || " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " || chr(31) || ")
}

func duckPiece(c Column, prefix string) string {
	piece := fmt.Sprintf("%s || %s", quote(prefix), duckText(c))
	switch c.Kind {
	case Int, Uint, Bool, Bytes:
		return piece // every value fits
	}
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL AND contains(%s, %s) THEN %s ELSE %s END", ColUnfit, ColUnfit, quote(prefix), quote(prefix+Unfit), piece)
}

// duckText is a column's canonical text in DuckDB's SQL.
func duckText(c Column) string {
	col := `"` + strings.ReplaceAll(c.Name, `"`, `""`) + `"`
	switch c.Kind {
	case Bool:
		return "CAST(CAST(" + col + " AS INTEGER) AS VARCHAR)"
	case Decimal:
		text := "CAST(" + col + " AS VARCHAR)"
		if c.Scale == 0 {
			return text
		}
		if c.Scale == c.Precision { // DuckDB writes .5
			text = "regexp_replace(" + text + ", '^(-?)[.]', '\\10.')"
		}
		return "rtrim(rtrim(" + text + ", '0'), '.')"
	case Bytes:
		return "lower(hex(" + col + "))"
	case Date:
		return "CAST(" + col + " - DATE '1970-01-01' AS VARCHAR)"
	case Timestamp, Instant:
		return "CAST(epoch_us(" + col + ") AS VARCHAR)"
	case Text:
		return col
	}
	return "CAST(" + col + " AS VARCHAR)"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
