package postgres

import (
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Digest writes the digest of a row.
func (d *Dialect) Digest(fields []relational.Field) string {
	cols := make([]source.Column, len(fields))
	byName := map[string]relational.Field{}
	for i, f := range fields {
		cols[i], byName[f.Name] = f.Column, f
	}
	return source.Digest(cols,
		func(c source.Column, prefix string) string { return piece(byName[c.Name], quote(prefix)) },
		concat,
		func(text string) string {
			if len(fields) > 0 && strings.Contains(fields[0].Detail, recoded) {
				text = "convert_to(" + text + ", 'UTF8')"
			}
			return "('x' || substr(md5(" + text + "), 1, 15))::bit(60)::int8"
		})
}

// concat joins pieces and leaves out those that are NULL. A call takes at most 100
// arguments.
func concat(pieces []string) string {
	const most = 90
	for len(pieces) > most {
		var fewer []string
		for len(pieces) > 0 {
			n := min(most, len(pieces))
			fewer, pieces = append(fewer, concat(pieces[:n])), pieces[n:]
		}
		pieces = fewer
	}
	return "concat('', " + strings.Join(pieces, ", ") + ")"
}

// piece writes a column's canonical text behind its prefix, NULL where it is NULL.
func piece(f relational.Field, prefix string) string {
	c := column(f)
	switch f.Kind {
	case source.Int, source.Uint:
		return fmt.Sprintf("%s || %s::text", prefix, c)
	case source.Bool:
		return fmt.Sprintf("%s || %s::int::text", prefix, c)
	case source.Decimal:
		text := c + "::text"
		if f.Scale > 0 {
			text = "rtrim(rtrim(" + text + ", '0'), '.')"
		}
		return fmt.Sprintf("CASE WHEN %s = 'NaN' THEN %s || '%s' ELSE %s || %s END", c, prefix, source.Unfit, prefix, text)
	case source.Bytes:
		return fmt.Sprintf("%s || encode(%s, 'hex')", prefix, c)
	case source.Date:
		return fitting(c, prefix, "date", "("+c+" - DATE '1970-01-01')::text")
	case source.Timestamp:
		return fitting(c, prefix, "timestamp", micros("timestamp_send", c))
	case source.Instant:
		return fitting(c, prefix, "timestamptz", micros("timestamptz_send", c))
	}
	return fmt.Sprintf("%s || %s::text", prefix, c)
}

// fitting writes a piece for values within what is represented.
func fitting(c, prefix, typ, text string) string {
	zone := ""
	if typ == "timestamptz" {
		zone = " 00:00:00+00"
	}
	return fmt.Sprintf("CASE WHEN %s >= %s '%s%s' AND %s < %s '%s%s' THEN %s || %s WHEN %s IS NOT NULL THEN %s || '%s' END",
		c, typ, source.Earliest, zone, c, typ, source.Latest, zone, prefix, text, c, prefix, source.Unfit)
}

// micros writes the microseconds since 1970 of a time: exactly, and in half the time that
// extract(epoch) takes, from its binary form, which counts from 2000.
func micros(send, c string) string {
	return fmt.Sprintf("(('x' || encode(%s(%s), 'hex'))::bit(64)::int8 + 946684800000000)::text", send, c)
}
