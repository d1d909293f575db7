package mysql

import (
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Digest writes the digest of a row (see source.Digest). It is NULL for a row whose
// canonical text is longer than the server's max_allowed_packet.
func (d *Dialect) Digest(fields []relational.Field) string {
	byName := map[string]relational.Field{}
	var cols []source.Column
	for _, f := range fields {
		byName[f.Name] = f
		cols = append(cols, f.Column)
	}
	return source.Digest(cols,
		func(c source.Column, prefix string) string { return piece(byName[c.Name], quote(prefix)) },
		func(pieces []string) string {
			return "CONCAT_WS('', " + strings.Join(append([]string{"''"}, pieces...), ", ") + ")"
		},
		func(text string) string { return "CAST(CONV(LEFT(MD5(" + text + "), 15), 16, 10) AS SIGNED)" })
}

// piece is one column's part of the canonical text; prefix is a literal.
func piece(f relational.Field, prefix string) string {
	col := column(f)
	switch f.Kind {
	case source.Int:
		return concat(prefix, "CAST("+col+" AS SIGNED)") // the cast takes away zeros in front
	case source.Uint:
		return concat(prefix, "CAST("+col+" AS UNSIGNED)")
	case source.Bool:
		return concat(prefix, "IF("+col+", '1', '0')")
	case source.Decimal:
		text := fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", col, f.Precision, f.Scale)
		if f.Scale > 0 {
			text = "TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM " + text + "))"
		}
		return concat(prefix, text)
	case source.Bytes:
		return concat(prefix, "LOWER(HEX("+col+"))")
	case source.Date:
		return dated(prefix, col, col, "TO_DAYS("+col+") - 719528")
	case source.Timestamp, source.Instant:
		return dated(prefix, col, "DATE("+col+")", "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', "+col+")")
	}
	return concat(prefix, "CONVERT("+col+" USING utf8mb4)")
}

func concat(prefix, text string) string { return "CONCAT(" + prefix + ", " + text + ")" }

// dated is the piece of a date or time. A date that is none, such as 0000-00-00,
// 2024-00-10 or 2024-02-31, does not come back from the count of its days.
func dated(prefix, col, date, text string) string {
	return fmt.Sprintf("IF(%s <=> NULL, NULL, IF(FROM_DAYS(TO_DAYS(%s)) = %s, %s, %s))", col, col, date, concat(prefix, text), concat(prefix, quote(source.Unfit)))
}
