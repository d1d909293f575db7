package duck

import (
	"context"
	"strings"
	"testing"
)

// open starts a session that ends with the test.
func open(t testing.TB, o Options) *Session {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTables(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for _, c := range []struct{ query, want string }{
		{"SELECT 1", ""},
		{"SELECT * FROM a", "a"},
		{"FROM a", "a"},
		{"SELECT * FROM a;", "a"},
		{"-- from x\nSELECT 'from y' FROM a /* join z */ -- end", "a"},
		{"SELECT * FROM b, a, b AS c", "a b"},
		// Joins.
		{"SELECT * FROM a JOIN b USING (k) LEFT JOIN c ON c.k = a.k CROSS JOIN d", "a b c d"},
		{"SELECT * FROM a ASOF JOIN b ON a.t >= b.t", "a b"},
		{"SELECT * FROM a SEMI JOIN b USING (k) ANTI JOIN c USING (k) POSITIONAL JOIN d", "a b c d"},
		{"SELECT * FROM (a JOIN (b JOIN c USING (k)) USING (k))", "a b c"},
		// Subqueries.
		{"SELECT (SELECT max(x) FROM b) FROM a", "a b"},
		{"SELECT * FROM a WHERE x IN (SELECT x FROM b) AND EXISTS (SELECT 1 FROM c WHERE c.k = a.k) AND y > ALL (SELECT y FROM d)", "a b c d"},
		{"SELECT * FROM (SELECT * FROM (SELECT * FROM a))", "a"},
		{"SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.k = a.k)", "a b"},
		{"SELECT * FROM a JOIN b ON a.k = (SELECT max(k) FROM c)", "a b c"},
		{"SELECT x FROM a GROUP BY x HAVING count(*) > (SELECT n FROM b) QUALIFY row_number() OVER (ORDER BY (SELECT 1 FROM c)) = 1 ORDER BY (SELECT 1 FROM d) LIMIT (SELECT n FROM e)", "a b c d e"},
		{"SELECT sum(x) FILTER (x > (SELECT y FROM b)) OVER (PARTITION BY (SELECT z FROM c)), CASE WHEN EXISTS (FROM d) THEN [(SELECT 1 FROM e)] END FROM a", "a b c d e"},
		{"SELECT ARRAY(SELECT x FROM b), list_transform(l, x -> x + (SELECT 1 FROM c)) FROM a", "a b c"},
		{"VALUES ((SELECT 1 FROM a))", "a"},
		{"SELECT * FROM range((SELECT n FROM a))", "a"},
		// Sets.
		{"SELECT * FROM a UNION SELECT * FROM b UNION ALL BY NAME SELECT * FROM c", "a b c"},
		{"(SELECT * FROM a EXCEPT SELECT * FROM b) INTERSECT SELECT * FROM c ORDER BY 1", "a b c"},
		// CTEs.
		{"WITH x AS (SELECT * FROM a) SELECT * FROM x", "a"},
		{"WITH x AS (SELECT * FROM a), y AS (SELECT * FROM x JOIN b USING (k)) SELECT * FROM y, c", "a b c"},
		{"WITH a AS (SELECT * FROM a) SELECT * FROM a", "a"},
		{"WITH a AS (SELECT 1) SELECT * FROM a", ""},
		{"WITH y AS (SELECT * FROM x), x AS (SELECT 1) SELECT * FROM x, y", "x"},
		{"WITH x AS MATERIALIZED (SELECT * FROM a), y AS NOT MATERIALIZED (SELECT * FROM x) SELECT * FROM y", "a"},
		{"WITH x AS (WITH y AS (SELECT * FROM a) SELECT * FROM y) SELECT * FROM x, y", "a y"},
		{"WITH x AS (WITH x AS (SELECT * FROM a) SELECT * FROM x) SELECT * FROM x", "a"},
		{"SELECT * FROM (WITH x AS (SELECT * FROM a) SELECT * FROM x), x", "a x"},
		{"WITH x AS (SELECT 1 AS k) SELECT * FROM a WHERE k IN (SELECT k FROM x) AND EXISTS (WITH y AS (FROM x) FROM y, b)", "a b"},
		{"WITH x AS (SELECT * FROM a) SELECT * FROM b UNION ALL SELECT * FROM x", "a b"},
		{"WITH x AS (SELECT * FROM a) (SELECT * FROM x UNION SELECT * FROM b) INTERSECT SELECT * FROM x", "a b"},
		{"WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x JOIN a USING (n)) SELECT * FROM x", "a"},
		{"WITH RECURSIVE x AS (SELECT * FROM x) SELECT * FROM x", "x"},
		{"WITH RECURSIVE x AS (SELECT k FROM a UNION SELECT b.k FROM x JOIN b ON b.up = x.k), y AS (SELECT * FROM x) SELECT * FROM y, c", "a b c"},
		{"WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL (WITH z AS (SELECT * FROM a) SELECT n + 1 FROM z)) SELECT * FROM a", ""},
		// Names.
		{"SELECT * FROM main.a, other.b, a", "a main.a other.b"},
		{"WITH a AS (SELECT 1) SELECT * FROM main.a", "main.a"},
		{`SELECT * FROM "Quoted Name", UPPER_Case`, "quoted name upper_case"},
		{`WITH "X y" AS (SELECT 1), Z AS (FROM "x Y") SELECT * FROM "X Y", z`, ""},
		{`SELECT * FROM "a.b"`, "a.b"},
		{"SELECT * FROM été AS a", "été"},
		// Functions are no tables.
		{"SELECT * FROM range(3), generate_series(1, 2), unnest([1])", ""},
		{"SELECT * FROM (PIVOT a ON x IN ('p', 'q') USING sum(y))", "a"},
		{"SELECT * FROM a PIVOT (sum(y) FOR x IN ('p', 'q'))", "a"},
		{"SELECT * FROM (UNPIVOT a ON x, y)", "a"},
		{"SELECT * FROM a TABLESAMPLE 10%", "a"},
	} {
		got, err := s.Tables(t.Context(), c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.query, g, c.want)
		}
	}
}

func TestTablesRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	for _, query := range []string{
		"", " ", ";", "-- nothing", "SELECT 1; SELECT 2", "SELECT * FROM a; DROP TABLE a", "CREATE TABLE a AS SELECT 1", "INSERT INTO a SELECT * FROM b",
		"DELETE FROM a", "UPDATE a SET x = 1", "COPY a TO 'x'", "ATTACH 'x'", "SET threads = 2", "SELEC 1", "SELECT * FROM", "SELECT 'open", "SELECT * FROM a)", "PRAGMA version",
		"WITH x AS (INSERT INTO a VALUES (1)) SELECT * FROM x", "EXPLAIN SELECT * FROM a", strings.Repeat("(", 5000),
	} {
		if got, err := s.Tables(t.Context(), query); err == nil || !strings.Contains(err.Error(), "one SELECT") {
			t.Errorf("%.60q: got %v, %v", query, got, err)
		}
	}
}

// FuzzTables checks that no text brings it down, and that a query's tables do not
// depend on being within a subquery.
func FuzzTables(f *testing.F) {
	for _, q := range []string{"SELECT 1", "FROM a JOIN b USING (k)", "WITH x AS (FROM a) FROM x, \"B c\"", "WITH RECURSIVE x AS (SELECT 1 UNION ALL FROM x) FROM x", "SELECT * FROM a;", "'", "\x00", "\xff", "SELECT (SELECT 1 FROM b) FROM a.b.c"} {
		f.Add(q)
	}
	s := open(f, Options{})
	f.Fuzz(func(t *testing.T, query string) {
		got, err := s.Tables(context.Background(), query)
		if err != nil {
			return
		}
		inner, err := s.Tables(context.Background(), "SELECT * FROM (\n"+strings.TrimRight(strings.TrimSpace(query), ";")+"\n)")
		if err == nil && strings.Join(inner, ",") != strings.Join(got, ",") {
			t.Errorf("%q: reads %v, but within a subquery %v", query, got, inner)
		}
	})
}
