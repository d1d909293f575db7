package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

func TestConnectionCut(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 2} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.o.Limits.Connections = connections
			b.createOrders()
			b.insert(1, 60_000, "now()")
			r := b.read()
			b.drain(r, 1)
			b.srv.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mainstay' AND datname = current_database()")
			var err error
			for err == nil {
				_, err = r.Next(b.ctx, b.dir())
			}
			b.wantText(err.Error(), "source shop", "orders", "the next extraction goes on")
			r.Close()
			b.pass()
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 10, "now()")
	b.set(func(tab *relational.Table) {
		tab.Select, tab.Cursor = "SELECT id AS order_id, pg_sleep(60)::text AS s FROM orders", ""
	})
	r := b.read()
	ctx, cancel := context.WithTimeout(b.ctx, 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := r.Next(ctx, b.dir())
	if err == nil || ctx.Err() == nil || time.Since(start) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	r.Close()
	for range 100 { // the query must not go on without us
		if b.srv.Value(t, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mainstay' AND datname = current_database() AND state = 'active'") == "0" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the query is still running on the server")
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.srv.Exec(t, "CREATE SEQUENCE s", "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS $$ DELETE FROM orders RETURNING id $$")
	b.insert(1, 10, "now()")
	for _, bad := range []string{"SELECT nextval('s') AS order_id", "SELECT f() AS order_id"} {
		b.o.Tables = map[string]relational.Table{"orders": {Select: bad, Key: []string{"order_id"}}}
		b.wantText(b.failing(b.srv.URL), "read-only transaction")
	}
	if b.srv.Value(t, "SELECT count(*) FROM orders") != "10" {
		t.Error("rows were deleted")
	}
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.o.Limits.LockTimeout = 100 * time.Millisecond
	tx := b.srv.Session(t)
	tx.Exec(t, "BEGIN", "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
	b.wantText(b.failing(b.srv.URL), "lock timeout", "run again later")
}

func TestDenied(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 10, "now()")
	role, address := b.srv.Role(t)
	b.srv.Exec(t, "REVOKE ALL ON orders FROM PUBLIC")
	text := b.failing(address)
	b.wantText(text, "permission denied for table orders", "grant the role")
	b.noSecret(text, address)
	report, err := b.sourceOf(address).Check(b.ctx, b.known())
	if err != nil {
		t.Fatal(err)
	}
	if p := report.Tables[0].Problems; len(p) == 0 || !strings.Contains(fmt.Sprint(p), "permission denied for table orders") {
		t.Errorf("check: %+v", p)
	}
	b.srv.Exec(t, "GRANT SELECT ON orders TO "+role)
	r, err := b.sourceOf(address).Read(b.ctx, b.known())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := b.drain(r, -1); n != 10 {
		t.Errorf("%d rows", n)
	}
}

func (b *bundle) noSecret(text, address string) {
	b.Helper()
	_, rest, _ := strings.Cut(address, "://")
	login, _, _ := strings.Cut(rest, "@")
	_, password, _ := strings.Cut(login, ":")
	if password == "" || strings.Contains(text, password) || strings.Contains(text, "://"+login[:4]) {
		b.Errorf("the password or URL is in: %s", text)
	}
}

// No error shows a password, whatever is wrong.
func TestSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	_, address := b.srv.Role(t)
	for _, bad := range []string{
		strings.Replace(address, "@", "x@", 1),                                 // a wrong password
		strings.Replace(address, b.srv.Name, "nowhere", 1),                     // a missing database
		strings.Replace(address, "127.0.0.1", "127.0.0.1.invalid", 1),          // an unknown host
		strings.Replace(address, "sslmode=disable", "sslmode=verify-full", 1),  // a certificate of nobody
		strings.Replace(address, "sslmode=disable", "sslmode=nonsense", 1),     // not a mode
		strings.Replace(address, "sslmode=disable", "sslrootcert=/nowhere", 1), // no such file
		strings.Replace(address, "postgres://", "mysql://", 1),
		strings.Replace(address, "127.0.0.1:", "127.0.0.1:x", 1), // no port
		strings.Replace(address, "@", "%zz@", 1),                 // no URL
	} {
		d, err := postgres.New(postgres.Options{URL: bad})
		if err == nil {
			var s relational.Session
			if s, err = d.Connect(b.ctx, relational.Limits{}); err == nil {
				s.Close()
				t.Logf("no error: %s", bad[strings.Index(bad, "@"):])
				continue
			}
		}
		b.noSecret(err.Error(), address)
	}
}

func TestPasswordFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, address := b.srv.Role(t)
	head, rest, _ := strings.Cut(address, "@")
	colon := strings.LastIndex(head, ":")
	path := filepath.Join(t.TempDir(), "secret")
	for _, c := range []struct {
		content string
		ok      bool
	}{{head[colon+1:] + "\r\nsecond line\n", true}, {head[colon+1:], true}, {"wrong", false}, {"\n", false}} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := postgres.New(postgres.Options{URL: head[:colon] + "@" + rest, PasswordFile: path})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Connect(b.ctx, relational.Limits{})
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.content, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 6000, "now()")
	b.srv.Exec(t, "CREATE TABLE free (id int, n int)", "INSERT INTO free SELECT i, 1 FROM generate_series(1, 6000) i", "INSERT INTO free VALUES (5000, 2)")
	table := func(query string, key ...string) {
		b.o.Tables = map[string]relational.Table{"orders": {Select: query, Key: key}}
	}
	table("SELECT id, n FROM free", "id") // both sides of the border of the first page
	b.wantText(b.failing(b.srv.URL), "key [id]", "not unique", "id = 5000", "name columns that identify a row")
	b.srv.Exec(t, "DELETE FROM free WHERE n = 2", "INSERT INTO free VALUES (NULL, 3)")
	b.wantText(b.failing(b.srv.URL), "key [id]", "NULL")
	table("SELECT id, n::float8 AS n FROM free", "id", "n")
	b.wantText(b.failing(b.srv.URL), "key column n is double precision")
	table("SELECT id FROM free", "nummer")
	b.wantText(b.failing(b.srv.URL), "key column nummer is not among the columns of the select (id)")
	table("SELECT id, n AS _row FROM free", "id")
	b.wantText(b.failing(b.srv.URL), "_row", "another one")
	table("SELECT id, n, n + 1 FROM free", "id")
	b.wantText(b.failing(b.srv.URL), "no name")
	table("SELECT nothing FROM free", "id")
	b.wantText(b.failing(b.srv.URL), "nothing", "does not exist", "correct the select")
	table("SELECT id FROM free WHERE id = $1", "id")
	b.wantText(b.failing(b.srv.URL), "parameter")
}

func TestDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		error  []string
		warn   string
	}{
		"new column":        {change: "ALTER TABLE orders ADD note text DEFAULT 'x'", warn: "column note (text) is new"},
		"wider number":      {change: "ALTER TABLE orders ALTER unit_price TYPE numeric(14,3)"},
		"int to numeric":    {change: "ALTER TABLE orders ALTER quantity TYPE numeric(30,2)"},
		"int to bigint":     {change: "ALTER TABLE orders ALTER quantity TYPE bigint"},
		"number to text":    {change: "ALTER TABLE orders ALTER unit_price TYPE text"},
		"narrower number":   {change: "ALTER TABLE orders ALTER unit_price TYPE numeric(12,1)", error: []string{"orders", "unit_price", "numeric(12,2)", "numeric(12,1)", "cast it"}},
		"narrower by int":   {change: "ALTER TABLE orders ALTER quantity TYPE numeric(20,2)", error: []string{"quantity", "integer", "numeric(20,2)"}},
		"column gone":       {change: "ALTER TABLE orders DROP unit_price", error: []string{"orders", "unit_price", "numeric(12,2)", "is gone", "change the select"}},
		"extra column gone": {change: "ALTER TABLE orders DROP extra", warn: "column extra (integer) is gone"},
		"extra another":     {change: "ALTER TABLE orders ALTER extra TYPE date USING NULL", error: []string{"column extra was integer", "is date now", "another name"}},
		"extra wider":       {change: "ALTER TABLE orders ALTER extra TYPE text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.createOrders()
			b.srv.Exec(t, "ALTER TABLE orders ADD extra int")
			b.set(func(tab *relational.Table) { tab.Select, tab.Key = "SELECT * FROM orders", []string{"id"} })
			b.srv.Exec(t, "INSERT INTO orders SELECT i, 'C', 'P', now(), 1, 1.5, now() FROM generate_series(1, 10) i")
			b.pass()
			b.srv.Exec(t, c.change, "UPDATE orders SET updated_at = now() WHERE id = 1")
			b.o.Freeze = true
			b.wantText(b.failing(b.srv.URL), "schema_changes is freeze", "set schema_changes to evolve")
			b.o.Freeze = false
			if c.error != nil {
				b.wantText(b.failing(b.srv.URL), c.error...)
			} else {
				r := b.read()
				b.drain(r, -1)
				if got := strings.Join(r.Warnings(), "\n"); !strings.Contains(got, c.warn) || (c.warn == "") != (got == "") {
					t.Errorf("warnings: %q, want %q", got, c.warn)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.srv.Exec(t, `CREATE TABLE o (id bigint, cust text, product_id text, ordered_at bigint, quantity float8, unit_price numeric, discount numeric(12,6), unit_cost bytea, at timestamp)`,
		`INSERT INTO o SELECT i FROM generate_series(1, 5000) i`, `ANALYZE o`)
	b.o.Tables = map[string]relational.Table{"orders": {Select: "SELECT id AS order_id, cust, product_id, ordered_at, quantity, unit_price, discount, unit_cost, at FROM o", Key: []string{"order_id"}, Cursor: "at"}}
	report, err := b.source().Check(b.ctx, b.known())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, p := range report.Tables[0].Problems {
		got += fmt.Sprintf("%v|%s|%s|%s|%s\n", p.Warning, p.Column, p.Found, p.Expected, p.Suggestion)
	}
	b.wantText(got, "false|customer_id|no such column|VARCHAR|", "did you mean cust? Write cust AS customer_id",
		"false|ordered_at|bigint|TIMESTAMPTZ|a number is no time: write to_timestamp(ordered_at)",
		"false|unit_cost|bytea|DECIMAL(18,4)", "true|quantity|double precision|DECIMAL(18,3)", "true|unit_price|numeric|DECIMAL(18,4)", "round(discount, 4)",
		"true|order_id|no index that begins with the key", "create an index on (order_id)", "true|at|no index that begins with the cursor")
	if tr := report.Tables[0]; tr.Rows != 5000 || len(tr.Columns) != 9 || !strings.HasPrefix(report.Server, "PostgreSQL 1") || report.Errors() != 3 {
		t.Errorf("%+v: %d errors\n%s", report, report.Errors(), got)
	}
	b.srv.Exec(t, "CREATE INDEX ON o (id)", "CREATE INDEX ON o (at, id)")
	if report, err = b.source().Check(b.ctx, b.known()); err != nil || strings.Contains(fmt.Sprint(report), "no index") {
		t.Errorf("%v %+v", err, report)
	}
	b.o.Tables["orders"] = relational.Table{Select: "SELECT * FROM missing", Key: []string{"id"}}
	if report, err = b.source().Check(b.ctx, b.known()); err != nil || !strings.Contains(fmt.Sprint(report), `relation "missing" does not exist`) {
		t.Errorf("%v %+v", err, report)
	}
}

// The server dies in the middle of a load and comes back.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.srv = dbtest.Private(t, dbtest.KindPostgres)
	b.address = b.srv.URL
	b.createOrders()
	b.insert(1, 40_000, "now()")
	r := b.read()
	b.drain(r, 1)
	b.srv.Kill(t)
	_, err := r.Next(b.ctx, b.dir())
	if err == nil {
		t.Fatal("no error")
	}
	b.wantText(err.Error(), "the next extraction goes on behind what was committed")
	r.Close()
	b.wantText(b.failing(b.address), "connecting to PostgreSQL")
	b.srv.Start(t)
	b.insert(40_001, 40_100, "now()")
	b.pass()
	if got := len(b.rows["orders"]); got != 40_100 {
		t.Errorf("%d rows", got)
	}
}
