package duck

import (
	"strings"
	"testing"
)

func TestHidden(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Exec(t.Context(), "CREATE MACRO rules() AS TABLE SELECT * FROM (VALUES (1), (2)) AS t(n); CREATE MACRO cutoff() AS TIMESTAMP '2024-03-01'"); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT a + 1, sum(b) OVER (ORDER BY c), coalesce(d, 0) FROM orders":                        "",
		"SELECT * FROM unnest([1, 2]) AS u(x), range(3), generate_series(1, 2)":                     "",
		"SELECT error('broken') FROM orders WHERE false":                                            "",
		"SELECT * FROM orders JOIN rules() AS r ON r.n = 1 WHERE EXISTS (FROM RULES())":             "",
		"SELECT * FROM rules() JOIN glob('*') ON true JOIN other_rules() ON true":                   "glob other_rules",
		"SELECT current_date FROM orders":                                                           "current_date",
		"WITH x AS (SELECT now() AS t, random() AS r FROM orders) SELECT * FROM x":                  "now random",
		"SELECT * FROM orders WHERE day > (SELECT max(d) FROM read_csv('targets.csv'))":             "read_csv",
		"SELECT * FROM read_parquet('a.parquet') JOIN duckdb_tables() ON true":                      "duckdb_tables read_parquet",
		"SELECT uuid(), CURRENT_TIMESTAMP, today() FROM orders ORDER BY gen_random_uuid()":          "current_timestamp gen_random_uuid today uuid",
		"SELECT customer_id FROM orders QUALIFY row_number() OVER (ORDER BY random()) = 1":          "random",
		"SELECT as_of() AS as_of, cutoff() AS cutoff, orders.current_date FROM orders GROUP BY ALL": "",
	} {
		got, err := s.Hidden(t.Context(), query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}
