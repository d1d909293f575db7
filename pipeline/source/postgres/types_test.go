package postgres_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// kind is a type of the server with the kind that it lands in and values in its own
// notation; more makes further ones.
type kind struct {
	name   string
	lands  source.Kind
	values []string
	more   func(*rand.Rand) string
}

var dates = []string{"1970-01-01", "1969-12-31", "2000-01-01", "0001-01-01", "1582-10-15", "1899-12-31", "1900-02-28", "9999-12-31",
	"infinity", "-infinity", "10000-01-01", "5874897-12-31", "0001-12-31 BC", "4714-11-24 BC"}

func times(zone string) []string {
	out := []string{"1969-12-31 23:59:59.999999" + zone, "0001-01-01 00:00:00" + zone, "9999-12-31 23:59:59.999999" + zone, "294276-12-31 23:59:59.999999" + zone,
		"2024-03-31 02:30:00" + zone, "1883-11-18 12:03:58" + zone, "2024-02-29 12:00:00.1" + zone, "0044-03-15 12:00:00.5" + zone + " BC"}
	for _, d := range dates {
		if !strings.HasPrefix(d, "5874897") && !strings.HasPrefix(d, "4714") {
			out = append(out, d)
		}
	}
	return out
}

func randomTime(r *rand.Rand) string {
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d", 1+r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
}

var texts = []string{"", " ", "NULL", "  padded  ", "it's", `back\slash`, "tab\tline\nreturn\r", "\x1f=\x1e", "quote\"d", "ä", "\u0001", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0001F600",
	"\U0002A6D6", "\U000E0001", "\U000F0000", "\U0010FFFF", "e\u0301 \u202eabc", "-0", "1.50", "!"}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(30) {
		plane := rune(r.IntN(17))
		if c := plane<<16 | rune(r.IntN(0x10000)); c != 0 && (c < 0xd800 || c > 0xdfff) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func digits(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(byte('0' + r.IntN(10)))
	}
	return b.String()
}

func numeric(p, s int) kind {
	nines := strings.Repeat("9", p-s) + "." + strings.Repeat("9", s)
	if p == s {
		nines = "0" + nines
	}
	small := "0"
	if s > 0 {
		small = "0." + strings.Repeat("0", s-1) + "1"
	}
	values := []string{"0", "-0", small, "-" + small, strings.TrimSuffix(nines, "."), "-" + strings.TrimSuffix(nines, "."), "NaN"}
	if p-s > 4 {
		values = append(values, "1", "10000", "-10000", "100")
	}
	lands := source.Decimal
	if s == 38 {
		lands = source.Text
	}
	return kind{fmt.Sprintf("numeric(%d,%d)", p, s), lands, values, func(r *rand.Rand) string {
		return []string{"", "-"}[r.IntN(2)] + "0" + digits(r, r.IntN(p-s+1)) + "." + digits(r, r.IntN(s+1)) + "0"
	}}
}

var kinds = []kind{
	{"smallint", source.Int, []string{"-32768", "32767", "0"}, nil},
	{"integer", source.Int, []string{"-2147483648", "2147483647", "-1"}, nil},
	{"bigint", source.Int, []string{"-9223372036854775808", "9223372036854775807", "1"}, func(r *rand.Rand) string { return fmt.Sprint(int64(r.Uint64())) }},
	{"oid", source.Int, []string{"0", "4294967295"}, nil},
	{"boolean", source.Bool, []string{"true", "false"}, nil},
	numeric(5, 2), numeric(18, 4), numeric(18, 0), numeric(19, 0), numeric(38, 0), numeric(38, 10), numeric(38, 38), numeric(1, 1), numeric(9, 9), numeric(12, 3), numeric(20, 17),
	{"numeric", source.Text, []string{"NaN", "Infinity", "-Infinity", "0", "1.500", "1e1000", "-1e-1000", "123456789012345678901234567890123456789012345678901234567890.12345678901234567890"}, func(r *rand.Rand) string { return digits(r, 1+r.IntN(80)) + "." + digits(r, r.IntN(60)) }},
	{"numeric(50,20)", source.Text, []string{"0", "123456789012345678901234567890.12345678901234567890", "NaN"}, nil},
	{"numeric(39)", source.Text, []string{strings.Repeat("9", 39)}, nil},
	{"numeric(3,-2)", source.Text, []string{"12300", "-99900", "0"}, nil},
	{"numeric(3,5)", source.Text, []string{"0.00123", "-0.00999"}, nil},
	{"real", source.Float, []string{"NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1"}, func(r *rand.Rand) string { return fmt.Sprint(float32(r.NormFloat64())) }},
	{"double precision", source.Float, []string{"NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308", "0.1"}, func(r *rand.Rand) string { return fmt.Sprint(r.NormFloat64()) }},
	{"text", source.Text, texts, randomText},
	{"varchar(40)", source.Text, texts, randomText},
	{"character(40)", source.Text, texts, randomText},
	{"name", source.Text, []string{"", "orders"}, nil},
	{`"char"`, source.Text, []string{"a", ""}, nil},
	{"mood", source.Text, []string{"", "sad", "very happy", "it's 😀"}, nil},
	{"short_text", source.Text, []string{"", "ä"}, randomText},
	{"amount", source.Decimal, []string{"12.50", "-0.01"}, nil},
	{"uuid", source.Text, []string{"00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, nil},
	{"json", source.Text, []string{`{"b": 1,  "a": [1.50, null, "\u00e4"]}`, `null`, `""`}, nil},
	{"jsonb", source.Text, []string{`{"b": 1,  "a": [1.50, null, "\u00e4"]}`, `null`, `""`}, nil},
	{"bytea", source.Bytes, []string{`\x`, `\x00`, `\x00ff1f5c27`}, func(r *rand.Rand) string { return fmt.Sprintf(`\x%016x`, r.Uint64()) }},
	{"date", source.Date, dates, func(r *rand.Rand) string { return randomTime(r)[:10] }},
	{"timestamp", source.Timestamp, times(""), randomTime},
	{"timestamptz", source.Instant, times("+00"), func(r *rand.Rand) string { return randomTime(r) + "+00" }},
	{"timestamp(0)", source.Timestamp, []string{"2024-01-01 00:00:00"}, nil},
	{"time", source.Text, []string{"00:00", "24:00", "12:34:56.789"}, nil},
	{"timetz", source.Text, []string{"12:34:56.789+05:30"}, nil},
	{"interval", source.Text, []string{"1 year -2 mons 3 days 04:05:06.7", "0", "-1 day"}, nil},
	{"money", source.Text, []string{"12.34", "-0.01"}, nil},
	{"xml", source.Text, []string{"<a>ä</a>"}, nil},
	{"inet", source.Text, []string{"192.168.0.1/24", "::1"}, nil},
	{"macaddr", source.Text, []string{"08:00:2b:01:02:03"}, nil},
	{"bit(5)", source.Text, []string{"10101", "00000"}, nil},
	{"varbit", source.Text, []string{"", "1"}, nil},
	{"integer[]", source.Text, []string{"{}", "{1,NULL,-3}", "{{1,2},{3,4}}"}, nil},
	{"text[]", source.Text, []string{`{"",NULL,"a,b","it\"s"}`}, nil},
	{"float8[]", source.Text, []string{"{0.1,NaN,1e300}"}, nil},
	{"timestamptz[]", source.Text, []string{"{2024-01-01 00:00:00+00,infinity}"}, nil},
	{"int4range", source.Text, []string{"[1,5)", "empty", "(,)"}, nil},
	{"tstzrange", source.Text, []string{"[2024-01-01 00:00:00+00,)"}, nil},
	{"pair", source.Text, []string{`(1,"a b")`}, nil},
	{"point", source.Text, []string{"(1.5,-2)"}, nil},
	{"tsvector", source.Text, []string{"a:1 fat:2"}, nil},
}

func literal(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }

func createTypes(b *bundle) {
	b.srv.Exec(b, "CREATE TYPE mood AS ENUM ('', 'sad', 'very happy', 'it''s 😀')", "CREATE DOMAIN short_text AS varchar(100)", "CREATE DOMAIN amount AS numeric(10,2)", "CREATE TYPE pair AS (a int, b text)")
}

// Random schemas with random values: each value that lands is what the server writes
// for it, or noted as unfit, and both sides compute the same digests.
func TestTypes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			var chosen []kind
			for _, k := range kinds { // every type is in two of three schemas, in any order
				if r.IntN(3) > 0 {
					chosen = append(chosen, k)
				}
			}
			if seed == 0 {
				chosen = append(append(append([]kind{}, kinds...), kinds...), kinds...) // wide
			}
			r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
			roundTrip(t, r, chosen)
		})
	}
}

var names = []string{"plain", "UPPER", "with space", `quo"te`, "it's", "weiß", "select", "😀", "a.b", "a$1"}

func roundTrip(t *testing.T, r *rand.Rand, chosen []kind) {
	b := setup(t)
	createTypes(b)
	columns := []string{"id bigint PRIMARY KEY"}
	cols := make([]string, len(chosen))
	for i, k := range chosen {
		cols[i] = fmt.Sprintf("%s %d", names[r.IntN(len(names))], i)
		columns = append(columns, duck.Ident(cols[i])+" "+k.name)
	}
	b.srv.Exec(t, "CREATE TABLE v ("+strings.Join(columns, ", ")+")")
	const rows = 60
	var inserted []string
	for row := range rows {
		values := []string{strconv.Itoa(row)}
		for _, k := range chosen {
			values = append(values, valueOf(r, k, row))
		}
		inserted = append(inserted, "("+strings.Join(values, ", ")+")")
	}
	b.srv.Exec(t, "INSERT INTO v VALUES "+strings.Join(inserted, ", "))
	b.o.Tables = map[string]relational.Table{"orders": {Select: "SELECT * FROM v", Key: []string{"id"}}}
	reader := b.read()
	landed, err := reader.Next(b.ctx, b.dir())
	if err != nil {
		t.Fatal(err)
	}
	b.take(landed)
	b.verify(reader, nil) // by digest
	if landed.Records != rows {
		t.Errorf("%d rows", landed.Records)
	}
	for i, k := range chosen {
		checkColumn(b, landed.Tables["orders"], cols[i], k)
	}
}

func valueOf(r *rand.Rand, k kind, row int) string {
	switch {
	case row < len(k.values):
		return literal(k.values[row])
	case r.IntN(5) == 0:
		return "NULL"
	case k.more == nil:
		return literal(k.values[r.IntN(len(k.values))])
	}
	return literal(k.more(r))
}

// checkColumn compares what landed with the server's text, value by value.
func checkColumn(b *bundle, path, name string, k kind) {
	b.Helper()
	server := b.srv.Session(b)
	defer server.Close()
	server.Exec(b, "SET timezone = 'UTC'", "SET extra_float_digits = 3", "SET intervalstyle = 'postgres'", "SET datestyle = 'ISO, YMD'")
	want := server.Query(b, "SELECT "+duck.Ident(name)+"::text FROM v ORDER BY id")
	column := duck.Ident(name)
	shown := "CAST(" + column + " AS VARCHAR)"
	if k.lands == source.Bytes {
		shown = `'\x' || lower(hex(` + column + "))"
	}
	if k.lands == source.Float {
		shown = column
	}
	got, err := b.duck.Query(b.ctx, fmt.Sprintf("SELECT typeof(%s), %s, coalesce(_unfit, '') FROM %s ORDER BY id", column, shown, duck.ReadParquet([]string{path})))
	if err != nil {
		b.Fatal(err)
	}
	for i, row := range got.Rows {
		text, note := want[i][0], source.UnitSeparator+name+"="
		typ := source.ColumnOf(name, row[0].(string))
		switch {
		case typ.Kind != k.lands:
			b.Fatalf("%s %s landed as %s", name, k.name, row[0])
		case row[1] == nil && strings.Contains(row[2].(string), note):
			_, rest, _ := strings.Cut(row[2].(string), note)
			if unfit, _, _ := strings.Cut(rest, source.UnitSeparator); unfit != text {
				b.Errorf("%s %s: unfit %q, the server writes %q", name, k.name, unfit, text)
			}
			if !mayBeUnfit(text) {
				b.Errorf("%s %s: %q should have landed", name, k.name, text)
			}
		case row[1] == nil:
			if text != "NULL" {
				b.Errorf("%s %s: NULL landed, the server writes %q", name, k.name, text)
			}
		case k.lands == source.Float:
			sameFloat(b, row[1].(float64), text, k.name)
		default:
			if row[1].(string) != text {
				b.Errorf("%s %s: %.80q landed, the server writes %.80q", name, k.name, row[1], text)
			}
		}
	}
}

// mayBeUnfit knows the values that nothing but their text represents.
func mayBeUnfit(text string) bool {
	return strings.Contains(text, "nfinity") || text == "NaN" || strings.HasSuffix(text, "BC") || len(text) > 5 && text[4] != '-'
}

func sameFloat(b *bundle, got float64, text, typ string) {
	b.Helper()
	bits := 64
	if typ == "real" {
		bits = 32
	}
	want, err := strconv.ParseFloat(text, bits)
	if err != nil || math.Float64bits(want) != math.Float64bits(got) && !(math.IsNaN(want) && math.IsNaN(got)) {
		b.Errorf("%s: %v landed, the server writes %q (%v)", typ, got, text, err)
	}
}

// A text of 10 MB, and many that together are more than a page may hold.
func TestLargeTexts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.srv.Exec(t, "CREATE TABLE big (id int PRIMARY KEY, body text, raw bytea)",
		"INSERT INTO big SELECT i, repeat(md5(i::text) || '😀ä', 250000), decode(repeat('00ff', 1000000), 'hex') FROM generate_series(1, 6) i",
		"INSERT INTO big SELECT i, repeat('x', 100000) FROM generate_series(7, 100) i")
	b.o.Tables = map[string]relational.Table{"orders": {Select: "SELECT * FROM big", Key: []string{"id"}}}
	r := b.read()
	landed, err := r.Next(b.ctx, b.dir())
	if err != nil {
		t.Fatal(err)
	}
	b.take(landed)
	for {
		more, err := r.Next(b.ctx, b.dir())
		if err != nil {
			break
		}
		b.take(more)
	}
	b.verify(r, nil)
	res, err := b.duck.Query(b.ctx, "SELECT max(strlen(body)), max(octet_length(raw)) FROM "+duck.ReadParquet([]string{landed.Tables["orders"]}))
	if err != nil || fmt.Sprint(res.Rows) != "[[9500000 2000000]]" {
		t.Errorf("%v, %v", res.Rows, err)
	}
}

// Text comes as UTF-8 and is digested as UTF-8, whatever the server keeps it in. Where
// the server does not know its encoding, what is no UTF-8 is unfit.
func TestEncodings(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			name := b.srv.Name + "_" + strings.ToLower(encoding)
			b.srv.Exec(t, "CREATE DATABASE "+name+" ENCODING '"+encoding+"' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
			t.Cleanup(func() { b.srv.Exec(t, "DROP DATABASE "+name+" WITH (FORCE)") })
			b.address = strings.Replace(b.srv.URL, b.srv.Name, name, 1)
			s := (&dbtest.Server{Kind: dbtest.KindPostgres, URL: b.address, Name: name}).Session(t)
			s.Exec(t, "SET client_encoding = 'UTF8'", `CREATE TABLE v (id text, "größe" text)`, "INSERT INTO v VALUES ('ä', 'grün'), ('b', 'plain'), ('c', NULL)")
			if encoding == "SQL_ASCII" {
				s.Exec(t, `INSERT INTO v VALUES ('d', E'\xff')`)
			}
			b.o.Tables = map[string]relational.Table{"orders": {Select: "SELECT * FROM v", Key: []string{"id"}}}
			r := b.read()
			b.drain(r, -1)
			b.verify(r, func(_ string, differ []string) {
				if encoding == "LATIN1" && len(differ) > 0 || encoding == "SQL_ASCII" && fmt.Sprint(differ) != "[d]" {
					t.Errorf("%v differ", differ)
				}
			})
			s.Close()
		})
	}
}
