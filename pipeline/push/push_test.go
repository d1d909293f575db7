package push

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
)

// bundle is a database to push to, and a place for files.
type bundle struct {
	*testing.T
	s   *dbtest.Server
	o   Options
	dir string
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{T: t, s: dbtest.Postgres(t), dir: t.TempDir()}
	b.o = Options{Server: postgres.Options{URL: b.s.URL}, Schema: "crm", LockTimeout: 5 * time.Second, Scratch: filepath.Join(b.dir, "scratch"), Log: slog.New(slog.DiscardHandler)}
	return b
}

// table writes a file with the rows of a query.
func (b *bundle) table(name, query string) Table {
	b.Helper()
	s, err := duck.Open(context.Background(), duck.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	path := filepath.Join(b.TempDir(), name+".parquet")
	if _, err := s.WriteParquet(context.Background(), query, path); err != nil {
		b.Fatal(err)
	}
	return Table{Name: name, Parquet: path}
}

// night is a night of one table.
func (b *bundle) night(id int64, tables ...Table) Night {
	return Night{ID: id, AsOf: fmt.Sprintf("2024-03-%02d", id), Version: "test", Tables: tables}
}

func (b *bundle) push(n Night) Result {
	b.Helper()
	r, err := Postgres(b.Context(), b.o, n)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *bundle) fails(n Night, want string) {
	b.Helper()
	r, err := Postgres(b.Context(), b.o, n)
	if err == nil || !strings.Contains(err.Error(), want) || r.Tables != 0 {
		b.Errorf("got %+v, %v, want %q", r, err, want)
	}
}

// rows are the rows of a query as text.
func (b *bundle) rows(query string) string {
	b.Helper()
	var lines []string
	for _, r := range b.s.Query(b, query) {
		lines = append(lines, strings.Join(r, "|"))
	}
	return strings.Join(lines, "\n")
}

func (b *bundle) want(query, want string) {
	b.Helper()
	if got := b.rows(query); got != want {
		b.Errorf("%s:\n got %s\nwant %s", query, got, want)
	}
}

// Every type of DuckDB arrives, with its corner values.
func TestTypes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cases := []struct{ values, typ, want string }{ // two values and NULL
		{"true, false", "boolean", "true|false"},
		{"(-128)::TINYINT, 127::TINYINT", "smallint", "-128|127"},
		{"255::UTINYINT, 0::UTINYINT", "smallint", "255|0"},
		{"(-32768)::SMALLINT, 7::SMALLINT", "smallint", "-32768|7"},
		{"65535::USMALLINT, 0::USMALLINT", "integer", "65535|0"},
		{"(-2147483648)::INTEGER, 7::INTEGER", "integer", "-2147483648|7"},
		{"4294967295::UINTEGER, 0::UINTEGER", "bigint", "4294967295|0"},
		{"(-9223372036854775808)::BIGINT, 7::BIGINT", "bigint", "-9223372036854775808|7"},
		{"18446744073709551615::UBIGINT, 0::UBIGINT", "numeric(20,0)", "18446744073709551615|0"},
		{"0.1::FLOAT, 'inf'::FLOAT", "real", "0.1|Infinity"},
		{"0.1::DOUBLE + 0.2::DOUBLE, 'nan'::DOUBLE", "double precision", "0.30000000000000004|NaN"},
		{"1.50::DECIMAL(18,4), (-0.0001)::DECIMAL(18,4)", "numeric(18,4)", "1.5000|-0.0001"},
		{"'', E'a\"b,c\\n\\t\\\\N \\\\x ü 🙂'", "text", "|a\"b,c\n\t\\N \\x ü 🙂"},
		{"'NULL', ' '", "text", "NULL| "},
		{"DATE '0001-01-01', DATE '9999-12-31'", "date", "0001-01-01|9999-12-31"},
		{"TIME '01:02:03.5', TIME '23:59:59.999999'", "time without time zone", "01:02:03.5|23:59:59.999999"},
		{"TIMESTAMP '2024-01-02 03:04:05.000006', TIMESTAMP '1969-12-31 23:59:59'", "timestamp without time zone", "2024-01-02 03:04:05.000006|1969-12-31 23:59:59"},
		{"TIMESTAMP_NS '2024-01-02 03:04:05.000006789', TIMESTAMP_NS '2024-01-02 00:00:00'", "timestamp without time zone", "2024-01-02 03:04:05.000006|2024-01-02 00:00:00"},
		{"TIMESTAMPTZ '2024-01-02 03:04:05+02', TIMESTAMPTZ '2024-06-02 03:04:05.25+00'", "timestamp with time zone", "2024-01-02 01:04:05+00|2024-06-02 03:04:05.25+00"},
		{"INTERVAL '1 month 2 days 3 seconds', INTERVAL '0 days'", "interval", "1 mon 2 days 00:00:03|00:00:00"},
		{"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID, '00000000-0000-0000-0000-000000000000'::UUID", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|00000000-0000-0000-0000-000000000000"},
		{`'\xAA\x00'::BLOB, ''::BLOB`, "bytea", `\xaa00|\x`},
		{"[1, NULL, 3], []::INTEGER[]", "jsonb", "[1, null, 3]|[]"},
		{"{'a': 'x\"y', 'b': 1.5}, {'a': NULL, 'b': 0.0}", "jsonb", `{"a": "x\"y", "b": 1.5}|{"a": null, "b": 0.0}`},
		{"MAP {'k': [DATE '2024-01-01']}, MAP {}::MAP(VARCHAR, DATE[])", "jsonb", `{"k": ["2024-01-01"]}|{}`},
		{"'low'::ENUM('low', 'high'), 'high'::ENUM('low', 'high')", "text", "low|high"},
	}
	var columns []string
	for i, c := range cases {
		columns = append(columns, fmt.Sprintf("unnest([%s, NULL]) AS c%d", c.values, i))
	}
	r := b.push(b.night(1, b.table("types", "SELECT unnest([1, 2, 3]) AS n, "+strings.Join(columns, ", "))))
	if r.Tables != 1 || r.Rows != 3 || len(r.Notes) != 0 {
		t.Errorf("got %+v", r)
	}
	session := b.s.Session(t)
	session.Exec(t, "SET timezone = 'UTC'")
	for i, c := range cases {
		name := fmt.Sprintf("c%d", i)
		b.want("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'crm.types'::regclass AND attname = '"+name+"'", c.typ)
		got := session.Query(t, "SELECT max("+name+"::text) FILTER (WHERE n = 1) || '|' || max("+name+"::text) FILTER (WHERE n = 2), count(*) FILTER (WHERE n = 3 AND "+name+" IS NULL) FROM crm.types")[0]
		if got[0] != c.want || got[1] != "1" {
			t.Errorf("%s: got %q, want %q", c.values, got, c.want)
		}
	}
}
