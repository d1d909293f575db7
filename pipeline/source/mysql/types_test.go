package mysql

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// kind is a type of a column, how it lands, and values as SQL writes them.
type kind struct {
	ddl, lands string
	values     []string
	value      func(r *rand.Rand) string
}

func kinds() []kind {
	list := []kind{
		{"TINYINT", "BIGINT", []string{"-128", "127", "0"}, intOf(7)},
		{"TINYINT(1)", "BIGINT", []string{"2", "1", "0"}, nil},
		{"SMALLINT UNSIGNED", "UBIGINT", []string{"65535"}, uintOf(16)},
		{"INT(9) ZEROFILL", "UBIGINT", []string{"0", "42"}, uintOf(32)},
		{"BIGINT", "BIGINT", []string{"-9223372036854775808", "9223372036854775807"}, intOf(63)},
		{"BIGINT UNSIGNED", "UBIGINT", []string{"18446744073709551615", "9223372036854775808"}, uintOf(64)},
		{"YEAR", "BIGINT", []string{"0", "1901", "2155"}, nil},
		{"BIT(1)", "UBIGINT", []string{"b'0'", "b'1'"}, nil},
		{"BIT(64)", "UBIGINT", []string{"b'0'", "18446744073709551615"}, uintOf(64)},
		{"FLOAT", "DOUBLE", []string{"0.1", "-0.0", "3.4e38", "1e-45", "16777217"}, nil},
		{"DOUBLE", "DOUBLE", []string{"0.1", "1.7976931348623157e308", "5e-324", "123456789012345678"}, func(r *rand.Rand) string { return fmt.Sprint(r.NormFloat64() * 1e10) }},
		{"DOUBLE(20,3)", "DOUBLE", []string{"0.1", "12345678901234567.125"}, nil},
		{"DATE", "DATE", dates(""), nil},
		{"DATETIME", "TIMESTAMP", dates(" 23:59:59"), nil},
		{"DATETIME(6)", "TIMESTAMP", dates(" 00:00:00.000001"), nil},
		{"TIMESTAMP NULL", "TIMESTAMPTZ", []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"}, nil},
		{"TIMESTAMP(3) NULL", "TIMESTAMPTZ", []string{"'2024-03-31 02:30:00.999'"}, nil},
		{"TIME", "VARCHAR", []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'"}, nil},
		{"TIME(6)", "VARCHAR", []string{"'-00:00:00.000001'", "'12:34:56.789'"}, nil},
		{"CHAR(10)", "VARCHAR", []string{"'a '", "''", "'é'"}, textOf(9)},
		{"VARCHAR(40)", "VARCHAR", []string{"'a '", "' a'", "''", "'NULL'", `_utf8mb4 X'00'`, `_utf8mb4 X'1f613d'`}, textOf(40)},
		{"VARCHAR(40) COLLATE utf8mb4_bin", "VARCHAR", []string{"'A'"}, textOf(40)},
		{"VARCHAR(40) CHARACTER SET latin1", "VARCHAR", []string{"'é'", "X'80ff'"}, nil},
		{"VARCHAR(40) CHARACTER SET ucs2", "VARCHAR", []string{"'é'", "'\u20ac'"}, nil},
		{"TEXT", "VARCHAR", []string{"''"}, textOf(300)},
		{"LONGTEXT", "VARCHAR", nil, textOf(3000)},
		{"JSON", "VARCHAR", []string{`'{"a": [1, 2.50, null, "\u20ac"]}'`, "'null'"}, nil},
		{"ENUM('b','a','','Z''é')", "VARCHAR", []string{"'b'", "''", "'Z''é'"}, nil},
		{"SET('x','y')", "VARCHAR", []string{"''", "'x,y'"}, nil},
		{"BINARY(4)", "BLOB", []string{"'a'", "X'00ff'"}, nil},
		{"VARBINARY(40)", "BLOB", []string{"''", "X'00ff1f'", "'a '"}, nil},
		{"BLOB", "BLOB", []string{"''"}, func(r *rand.Rand) string { return fmt.Sprintf("X'%016x'", r.Uint64()) }},
		{"GEOMETRY", "BLOB", []string{"ST_GeomFromText('POINT(1 2)')"}, nil},
		{"UUID", "VARCHAR", []string{"'6CCD780C-BABA-1026-9564-5B8C656024DB'"}, nil},
		{"INET6", "VARCHAR", []string{"'2001:DB8::ff00:42:8329'", "'::ffff:192.0.2.128'"}, nil},
	}
	for _, p := range [][2]int{{1, 0}, {5, 5}, {9, 2}, {10, 2}, {18, 4}, {19, 0}, {30, 10}, {38, 0}, {37, 30}} {
		landed := max(p[0], p[1]+1)
		for _, sign := range []string{"", " UNSIGNED", " ZEROFILL"} {
			list = append(list, kind{fmt.Sprintf("DECIMAL(%d,%d)%s", p[0], p[1], sign), fmt.Sprintf("DECIMAL(%d,%d)", landed, p[1]),
				[]string{"0", nines(p[0], p[1])}, decimalOf(p[0], p[1], sign == "")})
		}
	}
	return append(list, kind{"DECIMAL(65,30)", "VARCHAR", []string{nines(65, 30), "-0.5", "0"}, decimalOf(65, 30, true)},
		kind{"DECIMAL(39,0) UNSIGNED", "VARCHAR", []string{nines(39, 0), "0"}, nil})
}

func dates(clock string) []string {
	var list []string
	for _, d := range []string{"0000-00-00", "0000-01-01", "0001-01-01", "1000-01-01", "1582-10-10", "1899-12-31", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"} {
		list = append(list, "'"+d+clock+"'")
	}
	for _, d := range []string{"2024-00-00", "2024-00-10", "2024-05-00", "2024-02-31", "2023-02-29"} {
		list = append(list, "'"+d+clock+"'")
	}
	return list
}

func intOf(bits int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return fmt.Sprint(int64(r.Uint64()) >> (63 - bits + r.IntN(bits))) }
}

func uintOf(bits int) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return fmt.Sprint(r.Uint64() >> (64 - bits + r.IntN(bits))) }
}

func nines(precision, scale int) string {
	return strings.Repeat("9", precision-scale) + "." + strings.Repeat("9", scale)
}

func decimalOf(precision, scale int, signed bool) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		digits := ""
		for range precision {
			digits += string(rune('0' + r.IntN(10)*r.IntN(2)))
		}
		if digits = digits[:precision-scale] + "." + digits[precision-scale:]; signed && r.IntN(2) == 0 {
			digits = "-" + digits
		}
		return digits
	}
}

// textOf gives text from every plane of Unicode.
func textOf(most int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			c := rune(r.IntN(17))<<16 | rune(r.IntN(1<<16))
			if c >= 0xD800 && c < 0xE000 {
				c = 'x'
			}
			if r.IntN(3) > 0 {
				c = rune(r.IntN(128))
			}
			b.WriteRune(c)
		}
		return "_utf8mb4 X'" + hex.EncodeToString([]byte(b.String())) + "'"
	}
}

// TestEveryType reads tables of generated columns and values, and compares every value
// with the server's own text and every row's digest with DuckDB's.
func TestEveryType(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b, all := setup(t), kinds()
			r := rand.New(rand.NewPCG(seed, 1))
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			chosen := all
			if seed > 0 {
				chosen = all[:20+r.IntN(len(all)-20)]
			}
			b.fill(r, chosen, 60)
			b.begin()
			for name, mapping := range map[string]string{"plain": "SELECT * FROM t", "materialized": "SELECT * FROM t GROUP BY id"} {
				fields := b.describe(mapping)
				for i, k := range chosen {
					if got := fields[i+1].Type(); got != k.lands {
						t.Errorf("%s: %s lands as %s (%s), want %s", name, k.ddl, got, fields[i+1].Server, k.lands)
					}
				}
				if !t.Failed() {
					b.compare(fields, mapping)
				}
			}
		})
	}
}

// fill makes a table t of columns c0, c1, ... with every value of their kinds.
func (b *bundle) fill(r *rand.Rand, chosen []kind, rows int) {
	ddl := []string{"id BIGINT PRIMARY KEY"}
	for i, k := range chosen {
		ddl = append(ddl, fmt.Sprintf("`c %d'é` %s", i, k.ddl))
	}
	statements := []string{"CREATE TABLE t (" + strings.Join(ddl, ", ") + ") CHARACTER SET utf8mb4"}
	for n := range rows {
		vals := []string{fmt.Sprint(n)}
		for _, k := range chosen {
			switch {
			case n > 0 && r.IntN(6) == 0:
				vals = append(vals, "NULL")
			case n < len(k.values) || k.value == nil:
				vals = append(vals, k.values[(n+1)%len(k.values)])
			default:
				vals = append(vals, k.value(r))
			}
		}
		statements = append(statements, "INSERT INTO t VALUES ("+strings.Join(vals, ", ")+")")
	}
	b.server.Exec(b, statements...)
}

// compare looks that the landed rows are those of the server.
func (b *bundle) compare(fields []relational.Field, mapping string) {
	b.Helper()
	file := duck.ReadParquet([]string{b.land(fields, mapping, "ORDER BY m.id")})
	var theirs, ours []string
	var cols []source.Column
	for _, f := range fields {
		server, here := texts(f)
		theirs, ours, cols = append(theirs, server), append(ours, here), append(cols, f.Column)
	}
	want := b.server.Query(b, "SELECT "+strings.Join(theirs, ", ")+", "+b.dialect.Digest(fields)+" FROM ("+mapping+") AS m ORDER BY m.id")
	got := b.read("SELECT " + strings.Join(ours, ", ") + ", " + source.DuckDigest(cols) + ", _unfit FROM " + file + " ORDER BY _row")
	if len(got) != len(want) {
		b.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for r, row := range got {
		for i, f := range fields {
			if same(f, row[i], want[r][i], row[len(fields)+1]) {
				continue
			}
			b.Errorf("row %d, %s (%s): %s, want %s; unfit %q", r, f.Name, f.Server, row[i], want[r][i], row[len(fields)+1])
		}
		if i := len(fields); row[i] != want[r][i] {
			b.Errorf("row %d: digest %s, the server's is %s", r, row[i], want[r][i])
		}
	}
}

// texts writes expressions for a column's text, by the server and by DuckDB.
func texts(f relational.Field) (server, here string) {
	c, d := column(f), duck.Ident(f.Name)
	switch f.Kind {
	case source.Text:
		return "HEX(CONVERT(" + c + " USING utf8mb4))", "hex(" + d + ")"
	case source.Bytes:
		return "HEX(" + c + ")", "hex(" + d + ")"
	case source.Int:
		return "CAST(" + c + " AS SIGNED)", d
	case source.Uint:
		return "CAST(" + c + " AS UNSIGNED)", d
	case source.Decimal:
		return fmt.Sprintf("CAST(CAST(%s AS DECIMAL(%d,%d)) AS CHAR)", c, f.Precision, f.Scale), "CAST(" + d + " AS VARCHAR)"
	case source.Float:
		return "CAST(" + c + " * 1e0 AS CHAR)", "printf('%.17g', " + d + ")"
	case source.Date:
		return "CAST(" + c + " AS CHAR)", "CAST(" + d + " AS VARCHAR)"
	}
	return "CAST(CAST(" + c + " AS DATETIME(6)) AS CHAR)", "strftime(" + d + ", '%Y-%m-%d %H:%M:%S.%f')"
}

func same(f relational.Field, got, want, unfit string) bool {
	if f.Kind == source.Float && got != "NULL" && want != "NULL" {
		a, err1 := strconv.ParseFloat(got, 64)
		b, err2 := strconv.ParseFloat(want, 64)
		return err1 == nil && err2 == nil && a == b
	}
	if got != "NULL" || want == "NULL" {
		return got == want
	}
	for _, note := range strings.Split(unfit, source.UnitSeparator) {
		if raw, ok := strings.CutPrefix(note, f.Name+"="); ok {
			return strings.HasPrefix(want, raw) // it may have fewer digits behind the second
		}
	}
	return false
}

func TestExpressions(t *testing.T) {
	b := setup(t, "CREATE TABLE t (id INT UNSIGNED, d DECIMAL(10,2) UNSIGNED, at TIMESTAMP NULL)", "INSERT INTO t VALUES (1, 1.5, NULL)")
	mapping := `SELECT count(*) AS c, sum(d) AS s, avg(id) AS a, max(at) AS at, 1 AS one, 1.50 AS lit, 1e3 AS e, NULL AS nil, 'x' AS x, TRUE AS yes,
		IF(TRUE, id, -1) AS mixed, now(6) AS now, date(at) AS day, uuid() AS u, d * d AS square FROM t -- a remark`
	var got []string
	for _, f := range b.describe(mapping) {
		got = append(got, f.Name+" "+f.Type())
	}
	want := "c BIGINT, s DECIMAL(32,2), a DECIMAL(14,4), at TIMESTAMPTZ, one BIGINT, lit DECIMAL(3,2), e DOUBLE, nil BLOB, x VARCHAR, yes BIGINT, " +
		"mixed DECIMAL(10,0), now TIMESTAMP, day DATE, u VARCHAR, square DECIMAL(20,4)"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

func TestLargeValues(t *testing.T) {
	b := setup(t, "CREATE TABLE t (id INT PRIMARY KEY, x LONGTEXT CHARACTER SET utf8mb4, y LONGBLOB, z LONGTEXT CHARACTER SET latin1)",
		"INSERT INTO t VALUES (0, repeat('0123456789\U0001F600', 1 << 20), repeat(X'00ff', 5 << 20), repeat(X'e9', 5 << 20)), (1, '', '', NULL)")
	b.begin()
	b.compare(b.describe("SELECT * FROM t"), "SELECT * FROM t")
}
