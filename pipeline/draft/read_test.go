package draft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/mysql"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// connect gives the dialect of a server that a schema is made on.
func connect(t *testing.T, s Schema, address string) relational.Dialect {
	t.Helper()
	var d relational.Dialect
	var err error
	if s.Dialect == MySQL {
		d, err = mysql.New(mysql.Options{URL: address})
	} else {
		d, err = postgres.New(postgres.Options{URL: address})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func made(t *testing.T, s Schema) *dbtest.Server {
	t.Helper()
	var server *dbtest.Server
	if s.Dialect == MySQL {
		server = dbtest.MySQL(t)
	} else {
		server = dbtest.Postgres(t)
	}
	server.Exec(t, ddl(s)...)
	return server
}

// A real server says of a schema what the test says of it, so that the same tables are
// found; and it takes the SELECTs of the draft.
func TestOnServers(t *testing.T) {
	t.Parallel()
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := parseSchema(t, c[0])
			server := made(t, want)
			dialect := connect(t, want, server.URL)
			got, err := Read(t.Context(), dialect, want.Dialect)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, want)
			session, err := dialect.Connect(t.Context(), relational.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			d := For(got, options)
			if a, b := d.Found, For(want, options).Found; a["orders"] != b["orders"] {
				t.Errorf("found %v, want %v", a, b)
			}
			if d.Found["orders"] == "" {
				return
			}
			for _, table := range load(t, d, want.Dialect).Sources[0].Tables {
				if _, err := session.Describe(t.Context(), table.Select); err != nil {
					t.Errorf("%s: %v\n%s", table.Name, err, table.Select)
				}
				if n := server.Value(t, "SELECT count(*) FROM ("+table.Select+"\n) AS m"); n != "0" {
					t.Errorf("%s: %s rows of empty tables", table.Name, n)
				}
			}
		})
	}
}

// compare holds what was read against what was made, as far as drafts depend on it.
func compare(t *testing.T, got, want Schema) {
	t.Helper()
	lines := func(s Schema) []string {
		var out []string
		for _, x := range s.Tables {
			out = append(out, fmt.Sprintf("%s: primary %v, view %t", x.Name, x.Primary, x.View))
			for _, c := range x.Columns {
				scale := c.Scale
				if c.Kind != Decimal {
					scale = 0
				}
				out = append(out, fmt.Sprintf("%s.%s: kind %d, scale %d, nullable %t, numbered %t, index %t", x.Name, c.Name, c.Kind, scale, c.Nullable, c.Numbered, x.indexed(c.Name)))
			}
			for _, f := range x.Foreign {
				out = append(out, fmt.Sprintf("%s: %v -> %s %v", x.Name, f.Columns, f.Table, f.References))
			}
			// MySQL adds an index for each foreign key.
			for _, f := range x.Foreign {
				for i, line := range out {
					if strings.HasPrefix(line, x.Name+"."+f.Columns[0]+":") {
						out[i] = strings.ReplaceAll(line, "index false", "index true")
					}
				}
			}
		}
		slices.Sort(out)
		return out
	}
	a, b := lines(got), lines(want)
	for _, line := range a {
		if !slices.Contains(b, line) {
			t.Errorf("read, and not made: %s", line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			t.Errorf("made, and not read: %s", line)
		}
	}
}

// What an account may not read is named and left out.
func TestHiddenTables(t *testing.T) {
	t.Parallel()
	s := parseSchema(t, "postgres shop\norders\n  id int pk\n  customer_id int\nsecrets\n  id int pk\n")
	server := made(t, s)
	server.Exec(t, "CREATE SCHEMA sales", "CREATE TABLE sales.lines (id int PRIMARY KEY, amount money, valid numrange)", "ANALYZE sales.lines")
	role, address := server.Role(t)
	server.Exec(t, "GRANT SELECT ON orders TO "+role, "GRANT USAGE ON SCHEMA sales TO "+role, "GRANT SELECT (id) ON sales.lines TO "+role)
	got, err := Read(t.Context(), connect(t, s, address), Postgres)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tables) != 2 || got.Tables[0].full() != "orders" || got.Tables[1].full() != "sales.lines" || len(got.Tables[1].Columns) != 1 || !slices.Equal(got.Hidden, []string{"secrets"}) {
		t.Errorf("got %+v", got)
	}
}
