package mysql

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// TestPagesAreTheWhole reads tables page by page behind the last key, for keys of many
// types, and compares that with all rows.
func TestPagesAreTheWhole(t *testing.T) {
	for _, types := range [][]string{
		{"BIGINT"}, {"BIGINT UNSIGNED"}, {"DECIMAL(12,3)"}, {"DECIMAL(65,30)"}, {"DATE"}, {"DATETIME(6)"}, {"TIMESTAMP(3) NULL"}, {"TIME(6)"}, {"VARBINARY(20)"},
		{"VARCHAR(20) COLLATE utf8mb4_bin"}, {"VARCHAR(20)"}, {"VARCHAR(20) CHARACTER SET latin1"}, {"ENUM('z','m','a','M','')"}, {"SET('z','m','a','M')"},
		{"BIT(20)"}, {"YEAR"}, {"UUID"}, {"INET6"},
		{"VARCHAR(10)", "BIGINT"}, {"DATE", "ENUM('z','m','a')", "INT"}, {"DATETIME(6)", "VARBINARY(4)"}, {"DECIMAL(6,2)", "BIT(4)", "TIMESTAMP NULL"},
	} {
		t.Run(strings.Join(types, ","), func(t *testing.T) {
			var ddl, names []string
			for i, typ := range types {
				ddl, names = append(ddl, fmt.Sprintf("k%d %s", i, typ)), append(names, fmt.Sprintf("k%d", i))
			}
			key := strings.Join(names, ", ")
			b := setup(t, "CREATE TABLE t ("+strings.Join(ddl, ", ")+", UNIQUE ("+key+")) CHARACTER SET utf8mb4")
			r := rand.New(rand.NewPCG(uint64(len(key)), 7))
			b.scatter(r, types, 120)
			b.begin()
			fields := b.describe("SELECT " + key + " FROM t")
			if yes, known, err := b.Indexed(t.Context(), "SELECT "+key+" FROM t", fields); err != nil || known && !yes && fields[0].Code != codeName && len(types) == 1 {
				t.Errorf("Indexed: %v, %v, %v", yes, known, err)
			}
			b.pages(r, fields, "SELECT "+key+" FROM t")
		})
	}
}

// scatter fills a table with keys that differ, by ignoring those that do not.
func (b *bundle) scatter(r *rand.Rand, types []string, rows int) {
	var statements []string
	for range rows {
		var vals []string
		for _, typ := range types {
			vals = append(vals, someKey(r, typ))
		}
		statements = append(statements, "INSERT IGNORE INTO t VALUES ("+strings.Join(vals, ", ")+")")
	}
	b.server.Exec(b, statements...)
}

func someKey(r *rand.Rand, typ string) string {
	switch name, _, _ := strings.Cut(typ, "("); name {
	case "DATE", "DATETIME", "TIMESTAMP":
		if r.IntN(8) == 0 && name != "TIMESTAMP" {
			return "'0000-00-00'"
		}
		clock := fmt.Sprintf(" %02d:00:00.%d", r.IntN(24), r.IntN(4))
		if name == "DATE" {
			clock = ""
		}
		return fmt.Sprintf("'2024-%02d-%02d%s'", 1+r.IntN(12), 1+r.IntN(28), clock)
	case "TIME":
		return fmt.Sprintf("'%d:%02d:00.%d'", r.IntN(1600)-800, r.IntN(60), r.IntN(9))
	case "VARCHAR", "VARBINARY":
		letters := []rune{'a', 'A', 'b', 'B', 'ä', ' ', '\'', '\\', '%', 0, 'z'}
		var text strings.Builder
		for range r.IntN(4) {
			text.WriteRune(letters[r.IntN(len(letters))])
		}
		return quote(text.String())
	case "ENUM":
		return fmt.Sprint(1 + r.IntN(1+strings.Count(typ, ",")))
	case "SET":
		return fmt.Sprint(r.IntN(16))
	case "BIT":
		return fmt.Sprint(r.IntN(16))
	case "YEAR":
		return fmt.Sprint(1901 + r.IntN(255))
	case "UUID":
		return fmt.Sprintf("'%08x-0000-1000-8000-%012x'", r.Uint32(), r.Uint32())
	case "INET6":
		return fmt.Sprintf("'%x::%x'", 1+r.IntN(0xffff), r.IntN(0xffff))
	case "DECIMAL":
		return fmt.Sprintf("%d.%d", r.IntN(200)-100, r.IntN(100))
	case "BIGINT UNSIGNED":
		return fmt.Sprint(r.Uint64())
	}
	return fmt.Sprint(r.IntN(200) - 100)
}

// pages reads behind the last key until nothing comes, and at once.
func (b *bundle) pages(r *rand.Rand, fields []relational.Field, mapping string) {
	b.Helper()
	whole, _ := b.positions(fields, mapping, "ORDER BY "+b.dialect.Order(fields))
	if len(whole) < 4 {
		b.Fatalf("%d rows are too few", len(whole))
	}
	var got [][]string
	for at := []string(nil); ; {
		where := ""
		if at != nil {
			where = "WHERE " + b.dialect.After(fields, at) + " "
		}
		page, _ := b.positions(fields, mapping, fmt.Sprintf("%sORDER BY %s LIMIT %d", where, b.dialect.Order(fields), 1+r.IntN(9)))
		if len(page) == 0 {
			break
		}
		if got, at = append(got, page...), page[len(page)-1]; len(got) > len(whole) {
			break
		}
	}
	if !slices.EqualFunc(got, whole, slices.Equal) {
		b.Errorf("the pages give\n%q\nwant\n%q", got, whole)
	}
	keys := whole[1:3]
	some, _ := b.positions(fields, mapping, "WHERE "+b.dialect.In(fields, keys)+" ORDER BY "+b.dialect.Order(fields))
	if !slices.EqualFunc(some, keys, slices.Equal) {
		b.Errorf("In gives %q, want %q", some, keys)
	}
	if fields[0].Code != codeName && len(fields) == 1 {
		top, _ := b.positions(fields, mapping, "WHERE "+b.dialect.Compare(fields[0], ">=", whole[len(whole)-2][0])+" ORDER BY "+b.dialect.Order(fields))
		if len(top) != 2 {
			b.Errorf("Compare gives %q", top)
		}
		b.extremes(fields[0], mapping, whole)
	}
}

// extremes looks at min and max, which are read as the field itself.
func (b *bundle) extremes(f relational.Field, mapping string, whole [][]string) {
	b.Helper()
	for i, highest := range []bool{false, true} {
		var got taken
		if err := b.Rows(b.Context(), "SELECT "+b.dialect.Extreme(f, highest)+" FROM ("+mapping+") AS m", []relational.Field{f}, &got); err != nil {
			b.Fatal(err)
		}
		var want taken
		where := b.dialect.Compare(f, "=", whole[i*(len(whole)-1)][0])
		if err := b.Rows(b.Context(), b.query([]relational.Field{f}, mapping, "WHERE "+where), []relational.Field{f}, &want); err != nil {
			b.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || len(want) != 1 {
			b.Errorf("Extreme(%v) gives %v, want %v", highest, got, want)
		}
	}
}

// taken is a sink that remembers values of one column as text.
type taken []string

func (s *taken) add(v any)                   { *s = append(*s, fmt.Sprint(v)) }
func (s *taken) Null(int)                    { s.add(nil) }
func (s *taken) Int(_ int, v int64)          { s.add(v) }
func (s *taken) Uint(_ int, v uint64)        { s.add(v) }
func (s *taken) Bool(_ int, v bool)          { s.add(v) }
func (s *taken) Float(_ int, v float64)      { s.add(v) }
func (s *taken) Text(_ int, v []byte)        { s.add(string(v)) }
func (s *taken) Blob(_ int, v []byte)        { s.add(v) }
func (s *taken) Date(_ int, v int32)         { s.add(v) }
func (s *taken) Time(_ int, v int64)         { s.add(v) }
func (s *taken) Decimal64(_ int, v int64)    { s.add(v) }
func (s *taken) DecimalBig(int, *big.Int)    {}
func (s *taken) DecimalText(_ int, v []byte) { s.add(string(v)) }
func (s *taken) Unfit(_ int, v string)       { s.add(v) }
func (s *taken) EndRow() error               { return nil }

// positions gives the rows of a query as positions, in the form that the contract of
// the dialect says.
func (b *bundle) positions(fields []relational.Field, mapping, rest string) ([][]string, string) {
	b.Helper()
	path := b.land(fields, mapping, rest)
	var exprs []string
	for _, f := range fields {
		name := duck.Ident(f.Name)
		text := "CAST(" + name + " AS VARCHAR)"
		switch f.Kind {
		case source.Bytes:
			text = "lower(hex(" + name + "))"
		case source.Instant:
			text = "strftime(" + name + ", '%Y-%m-%d %H:%M:%S.%f') || '+00'"
		case source.Timestamp:
			text = "strftime(" + name + ", '%Y-%m-%d %H:%M:%S.%f')"
		}
		unfit := "regexp_extract(_unfit, '" + source.UnitSeparator + f.Name + "=([^" + source.UnitSeparator + "]*)', 1)"
		exprs = append(exprs, "coalesce("+text+", "+unfit+")")
	}
	return b.read("SELECT " + strings.Join(exprs, ", ") + " FROM " + duck.ReadParquet([]string{path}) + " ORDER BY _row"), path
}

// TestIsNullIsNoZeroDate: the server's IS NULL finds zero dates in columns that are NOT
// NULL.
func TestIsNullIsNoZeroDate(t *testing.T) {
	b := setup(t, "CREATE TABLE t (id INT PRIMARY KEY, d DATE NOT NULL, n DATE, KEY (d), KEY (n))",
		"INSERT INTO t VALUES (1, '0000-00-00', NULL), (2, '2024-01-01', '0000-00-00')")
	b.begin()
	fields := b.describe("SELECT * FROM t")
	for want, where := range map[string]string{
		"":  b.dialect.IsNull(fields[1], true),
		"1": b.dialect.IsNull(fields[2], true),
		"2": b.dialect.IsNull(fields[2], false),
	} {
		rows, _ := b.positions(fields[:1], "SELECT * FROM t", "WHERE "+where)
		if got := strings.Trim(fmt.Sprint(rows), "[]"); got != want {
			t.Errorf("%s: %q, want %q", where, got, want)
		}
	}
}

func TestPlans(t *testing.T) {
	b := setup(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT, c DATETIME, x TEXT, KEY (a, c), KEY (c))", "CREATE TABLE empty LIKE t",
		"INSERT INTO t SELECT seq, seq % 10, '2024-01-01' + INTERVAL seq MINUTE, repeat('x', 100) FROM seq_1_to_5000", "ANALYZE TABLE t")
	b.begin()
	for _, c := range []struct {
		query, fields string
		yes, known    bool
	}{
		{"SELECT * FROM t", "id", true, true},
		{"SELECT * FROM t", "c", true, true},
		{"SELECT * FROM t", "a c", true, true},
		{"SELECT * FROM t", "c id", true, true},
		{"SELECT * FROM t", "c a", false, true},
		{"SELECT id, c AS a FROM t", "a", true, true},
		{"SELECT id + 1 AS id FROM t", "id", false, true},
		{"SELECT * FROM t LIMIT 10", "id", false, false},
		{"SELECT a, max(c) AS c FROM t GROUP BY a", "a", false, false},
		{"SELECT * FROM empty", "id", true, true},
		{"SELECT * FROM empty", "c", true, true},
	} {
		var fields []relational.Field
		for name := range strings.FieldsSeq(c.fields) {
			all := b.describe(c.query)
			fields = append(fields, all[slices.IndexFunc(all, func(f relational.Field) bool { return f.Name == name })])
		}
		yes, known, err := b.Indexed(t.Context(), c.query, fields)
		if err != nil || yes != c.yes || known != c.known {
			t.Errorf("%s by %s: %v, %v, %v, want %v, %v", c.query, c.fields, yes, known, err, c.yes, c.known)
		}
	}
	for query, want := range map[string]int64{"SELECT * FROM t": 5000, "SELECT * FROM t UNION ALL SELECT * FROM t": 10000, "SELECT * FROM empty": 1, "SELECT 1 AS a": -1} {
		if n, err := b.Estimate(t.Context(), query); err != nil || n < want*9/10 || n > want*11/10 && want > 1 {
			t.Errorf("%s: %d, %v, want about %d", query, n, err, want)
		}
	}
}
