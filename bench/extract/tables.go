package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-etl/mainstay/bench/rounds"
)

// table is a table to extract.
type table struct {
	name    string
	title   string
	columns []column
	rows    int64
}

// column of a table: its type, and its value as an expression of i, the row's number
// from 1.
type column struct{ name, typ, value string }

// mix gives numbers without an order, the same in every run.
func mix(salt, below int) string {
	return fmt.Sprintf("((i * 2654435761 + %d * 40503) %% 4294967291 %% %d)", salt, below)
}

// lines are the columns of order lines, which both tables have: eight, the contract's
// required ones among them.
func lines(rows int64) []column {
	at := fmt.Sprintf("timestamptz '2022-01-01 00:00:00+00' + i * (interval '1095 days' / %d)", rows)
	return []column{
		{"line_id", "bigint", "i"},
		{"order_id", "bigint", "i / 3 + 1"},
		{"customer_id", "bigint", mix(1, 100_000)},
		{"ordered_at", "timestamptz", at},
		{"product_id", "integer", mix(2, 5_000)},
		{"quantity", "integer", "1 + " + mix(3, 5)},
		{"unit_price", "numeric(12,2)", mix(4, 100_000) + " / 100.0"},
		{"updated_at", "timestamptz", at + " + " + mix(5, 30) + " * interval '1 day'"},
	}
}

func narrowTable(rows int64) table {
	return table{"bench_narrow", "Narrow", lines(max(rows, 1)), rows}
}

// wideTable has the lines' columns and 42 more, six of each of seven kinds.
func wideTable(rows int64) table {
	t := table{"bench_wide", "Wide", lines(max(rows, 1)), rows}
	for n := range 6 {
		salt := 100 + 10*n
		null := fmt.Sprintf("CASE WHEN %s > 0 THEN ", mix(salt, 10)) // one of ten is missing
		t.columns = append(t.columns,
			column{fmt.Sprintf("label_%d", n), "varchar(40)", fmt.Sprintf("'label ' || %s", mix(salt+1, 1000))},
			column{fmt.Sprintf("note_%d", n), "text", fmt.Sprintf("%s md5((i + %d)::text) END", null, salt)},
			column{fmt.Sprintf("amount_%d", n), "numeric(18,4)", fmt.Sprintf("%s %s / 10000.0 END", null, mix(salt+2, 1_000_000_000))},
			column{fmt.Sprintf("ratio_%d", n), "double precision", fmt.Sprintf("%s / 7.0", mix(salt+3, 1_000_000))},
			column{fmt.Sprintf("flag_%d", n), "boolean", fmt.Sprintf("%s = 0", mix(salt+4, 2))},
			column{fmt.Sprintf("day_%d", n), "date", fmt.Sprintf("date '1990-01-01' + %s::integer", mix(salt+5, 15_000))},
			[]column{
				{fmt.Sprintf("at_%d", n), "timestamp", fmt.Sprintf("timestamp '2020-01-01' + %s * interval '1 second'", mix(salt+6, 100_000_000))},
				{fmt.Sprintf("uuid_%d", n), "uuid", fmt.Sprintf("md5((i * 7 + %d)::text)::uuid", salt)},
				{fmt.Sprintf("json_%d", n), "jsonb", fmt.Sprintf(`('{"a": ' || %s || ', "b": ["x", "y"]}')::jsonb`, mix(salt+7, 1000))},
			}[n%3],
		)
	}
	return t
}

// columnsOf a table, by its name.
func columnsOf(name string) []column {
	if t := narrowTable(0); t.name == name {
		return t.columns
	}
	return wideTable(0).columns
}

// make makes a table anew.
func (b *bench) make(ctx context.Context, t table) error {
	var defs, values []string
	for _, c := range t.columns {
		defs = append(defs, c.name+" "+c.typ)
		values = append(values, "("+c.value+")::"+c.typ)
	}
	b.say("making %s: %s rows of %d columns", t.name, rounds.Thousands(t.rows), len(t.columns))
	_, err := b.psql(ctx, fmt.Sprintf(`DROP TABLE IF EXISTS %[1]s;
CREATE TABLE %[1]s (%[2]s);
INSERT INTO %[1]s SELECT %[3]s FROM generate_series(1::bigint, %[4]d) AS i;
ALTER TABLE %[1]s ADD PRIMARY KEY (line_id);
VACUUM ANALYZE %[1]s`, t.name, strings.Join(defs, ", "), strings.Join(values, ", "), t.rows))
	return err
}
