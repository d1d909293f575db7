package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

var update = flag.Bool("update", false, "rewrite golden files")

// values are SQL expressions by what they show, one row each: a column of one type.
var values = []struct{ name, sql string }{
	{"NULL", "NULL"}, {"NULL of a type", "NULL::DECIMAL(18,4)"},
	{"boolean", "true"},
	{"tinyint", "(-128)::TINYINT"}, {"smallint", "32767::SMALLINT"}, {"integer", "-2147483648"}, {"bigint", "9223372036854775807"},
	{"utinyint", "255::UTINYINT"}, {"usmallint", "65535::USMALLINT"}, {"uinteger", "4294967295::UINTEGER"}, {"ubigint", "18446744073709551615::UBIGINT"},
	{"hugeint", "(-170141183460469231731687303715884105727 - 1)::HUGEINT"}, {"uhugeint", "340282366920938463463374607431768211455::UHUGEINT"},
	{"bignum", "'123456789012345678901234567890123456789012345678901234567890'::BIGNUM"},
	{"decimal", "12345678901234.1234::DECIMAL(18,4)"}, {"decimal, trailing zeros", "1.5000::DECIMAL(18,4)"}, {"decimal, zero", "0::DECIMAL(18,4)"},
	{"decimal, whole", "100::DECIMAL(9,0)"}, {"decimal, small", "-0.0001::DECIMAL(18,4)"}, {"decimal, widest", "99999999999999999999999999999999999999::DECIMAL(38,0)"},
	{"float", "0.1::FLOAT"}, {"float, not a number", "'nan'::FLOAT"},
	{"double", "0.1::DOUBLE"}, {"double, whole", "3::DOUBLE"}, {"double, large", "1e300::DOUBLE"}, {"double, small", "-1.5e-9::DOUBLE"},
	{"double, not a number", "'nan'::DOUBLE"}, {"double, infinite", "'-infinity'::DOUBLE"},
	{"text", "'it''s \"x\", y'"}, {"text, empty", "''"}, {"text of lines", "'a' || chr(10) || 'b' || chr(13) || chr(9) || 'c'"},
	{"text, unicode", "'żółć 日本語 👩‍👩‍👧 é'"}, {"text, markup", "'<a href=\"x\">&amp;</a>'"}, {"text, long", "repeat('0123456789', 12)"}, {"text, control", "chr(27) || '[31mred' || chr(7)"},
	{"enum", "'b'::ENUM ('a', 'b')"}, {"json of text", "'\"x\"'::JSON"}, {"json of a number", "'1'::JSON"}, {"json", "'{\"b\": [1, null], \"a\": \"x\"}'::JSON"}, {"bit", "'10101'::BIT"}, {"blob", "'\\x00\\xFFab'::BLOB"}, {"blob, empty", "''::BLOB"},
	{"uuid", "'0b3c1f0e-8f5a-4c5e-9d0a-1a2b3c4d5e6f'::UUID"},
	{"date", "DATE '2024-02-29'"}, {"date, early", "DATE '0044-03-15'"},
	{"time", "TIME '23:59:59.000001'"}, {"time with zone", "'12:30:00+05:30'::TIMETZ"},
	{"timestamp", "TIMESTAMP '2024-02-29 12:30:00.5'"}, {"timestamp, midnight", "TIMESTAMP '2024-02-29 00:00:00'"}, {"timestamp with zone", "TIMESTAMPTZ '2024-02-29 12:30:00+05:30'"},
	{"timestamp_s", "TIMESTAMP_S '2024-02-29 12:30:00'"}, {"timestamp_ms", "TIMESTAMP_MS '2024-02-29 12:30:00.123'"}, {"timestamp_ns", "TIMESTAMP_NS '2024-02-29 12:30:00.123456789'"},
	{"interval", "INTERVAL '1 year 2 months 3 days 4 hours 5.5 seconds'"}, {"interval, negative", "INTERVAL '-90 minutes'"}, {"interval, zero", "INTERVAL '0 days'"},
	{"list", "[1, NULL, 3]"}, {"list, empty", "[]::INTEGER[]"}, {"list of text", "['a', NULL, 'b,c']"}, {"list of dates", "[DATE '2024-02-29']"}, {"list of decimals", "[1.50::DECIMAL(9,2), 2]"}, {"list of lists", "[[1], [2, 3], NULL]"},
	{"list of doubles", "[0.5::DOUBLE, 'nan'::DOUBLE, 2]"}, {"list of blobs", "['ab'::BLOB]"}, {"list of ids", "['0b3c1f0e-8f5a-4c5e-9d0a-1a2b3c4d5e6f'::UUID]"},
	{"array", "[1, 2, 3]::INTEGER[3]"},
	{"struct", "{'b': 1, 'a': 'x', 'c': NULL}"}, {"struct, nested", "{'d': DATE '2024-02-29', 't': TIMESTAMP '2024-02-29 12:30:00', 'n': {'amount': 1.50::DECIMAL(9,2), 'f': 0.1::FLOAT}}"}, {"struct, odd names", `{'a"b)': 1, ',': {'(x"': DATE '2024-02-29', ')': [1.50]}, '"': TIME '01:00:00'}`}, {"list of structs", "[{'a': 1}, {'a': 2}]"},
	{"map", "MAP {'b': 1, 'a': 2}"}, {"map of numbers", "MAP {2: 'x', 1: NULL}"}, {"map, empty", "MAP {}"},
	{"map of lists", "MAP {DATE '2024-02-29': [{'d': DATE '2024-02-29'}]}"},
	{"union", "union_value(amount := 1.50::DECIMAL(9,2))"},
}

// render writes the result of a query in a format.
func render(t *testing.T, s *duck.Session, format, query string) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Each(t.Context(), query, resultFormats[format](&b)); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return b.String()
}

func session(t *testing.T) *duck.Session {
	t.Helper()
	s, err := duck.Open(t.Context(), duck.Options{TimeZone: "Asia/Tokyo"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./cmd/mainstay -update rewrites it):\n%s", path, got)
	}
}

func TestEveryType(t *testing.T) {
	t.Parallel()
	s := session(t)
	var b strings.Builder
	for _, v := range values {
		for _, format := range []string{"table", "csv", "json"} {
			lines := strings.Split(render(t, s, format, "SELECT "+v.sql+" AS v"), "\n")
			var line string
			switch format {
			case "table":
				line = "[" + lines[2] + "]"
			case "csv":
				line = strings.Join(lines[1:len(lines)-1], "⏎")
			case "json":
				line = lines[1]
			}
			fmt.Fprintf(&b, "%-24s %-5s %s\n", v.name, format, line)
		}
	}
	golden(t, "types.txt", b.String())
}

func TestWholeResults(t *testing.T) {
	t.Parallel()
	s := session(t)
	var b strings.Builder
	for _, query := range []string{
		`SELECT * FROM (VALUES ('a', 1, 1.5, NULL, true), ('longer', 1000, -22.25, 'x', false)) v("Name of it", n, amount, maybe, yes)`,
		`SELECT 1 AS one`,
		`SELECT 'x' AS a, 2 AS n LIMIT 0`,
		`SELECT 1 AS a, 2 AS a`,
		`SELECT {'x': 1} AS s, [1] AS l, 'end' AS t`,
	} {
		for _, format := range []string{"table", "csv", "json"} {
			fmt.Fprintf(&b, "-- %s, as %s\n%s\n", query, format, render(t, s, format, query))
		}
	}
	golden(t, "results.txt", b.String())
}

// A long result streams: widths come from its first rows and the rest is not held.
func TestLongTable(t *testing.T) {
	t.Parallel()
	got := render(t, session(t), "table", "SELECT i, CASE WHEN i < 4999 THEN 'x' ELSE 'much longer' END AS t FROM range(5000) r(i)")
	lines := strings.Split(got, "\n")
	if len(lines) != 5004 || lines[2] != "  0  x" || lines[5001] != "4999  much longer" || lines[5002] != "(5,000 rows)" {
		t.Errorf("got %d lines, %q, %q, %q", len(lines), lines[2], lines[5001], lines[5002])
	}
}

// fullDisk fails after some bytes.
type fullDisk struct{ left int }

var errFull = errors.New("no space left")

func (f *fullDisk) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestOutputThatFails(t *testing.T) {
	t.Parallel()
	s := session(t)
	for format := range resultFormats {
		for _, left := range []int{0, 100, 20000} {
			if err := s.Each(t.Context(), "SELECT i, 'text' AS t FROM range(3000) r(i)", resultFormats[format](&fullDisk{left})); !errors.Is(err, errFull) {
				t.Errorf("%s, %d bytes: got %v", format, left, err)
			}
		}
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", -1: "-1", -999: "-999", -1000: "-1,000", 1234567: "1,234,567", 100000: "100,000",
		9223372036854775807: "9,223,372,036,854,775,807", -9223372036854775808: "-9,223,372,036,854,775,808"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
