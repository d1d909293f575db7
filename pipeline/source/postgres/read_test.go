package postgres_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

func TestLoadAndIncrement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 20_000, "now() - interval '1 day' + i * interval '1 second'")
	b.pass()
	if got := len(b.rows["orders"]); got != 20_000 {
		t.Errorf("%d rows were read", got)
	}
	if len(b.stages) < 2 || b.stages[0] != "orders/load/2024-03-01/1" || b.stages[1] != "orders/load/2024-03-01/2" {
		t.Errorf("inputs: %v", b.stages)
	}
	b.srv.Exec(t, "UPDATE orders SET quantity = 9, updated_at = now() WHERE id % 1000 = 0")
	b.insert(20_001, 20_100, "now()")
	b.asOf = "2024-03-02"
	b.pass()
	if len(b.stages) != 1 || !strings.HasPrefix(b.stages[0], "orders/increment/2024-03-02/") {
		t.Errorf("inputs of the second night: %v", b.stages)
	}
}

func TestEmptyTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.pass()
	b.pass()
	b.insert(1, 10, "'2001-01-01'") // no cursor was seen yet, so none is too old
	b.pass()
}

// An interrupted load goes on behind the last landing, and takes up what changed since
// it began.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 3} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.o.Limits.Connections = connections
			b.createOrders()
			b.insert(1, 60_000, "now() - interval '1 day'")
			for i := range 3 {
				r := b.read()
				if n := b.drain(r, 2); n == 0 {
					t.Errorf("round %d read nothing", i)
				}
				if _, err := r.Next(b.ctx, b.dir()); err != nil { // one that is not committed
					t.Fatal(err)
				}
				r.Close()
				b.srv.Exec(t, fmt.Sprintf("UPDATE orders SET quantity = %d, updated_at = now() WHERE id %% 7001 = 1", i+10))
			}
			b.pass()
			if got := len(b.rows["orders"]); got != 60_000 {
				t.Errorf("%d rows", got)
			}
		})
	}
}

// An interrupted increment goes on as well.
func TestResumeIncrement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 10, "now() - interval '1 day'")
	b.pass()
	b.insert(11, 40_000, "now() + i * interval '1 microsecond'")
	r := b.read()
	b.drain(r, 1)
	r.Close()
	b.srv.Exec(t, "UPDATE orders SET quantity = 77, updated_at = now() WHERE id IN (3, 12, 39999)")
	b.pass()
}

func TestChangesWhileReading(t *testing.T) {
	t.Parallel()
	for _, connections := range []int{1, 2} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.o.Limits.Connections = connections
			b.createOrders()
			b.insert(1, 30_000, "now()")
			r := b.read()
			b.drain(r, 1)
			b.srv.Exec(t, "DELETE FROM orders WHERE id % 2 = 0", "UPDATE orders SET quantity = 55, updated_at = now()")
			b.insert(40_000, 41_000, "now()")
			b.drain(r, -1)
			if got := len(b.rows["orders"]); got != 30_000 {
				t.Errorf("%d rows in the snapshot", got)
			}
			b.verify(r, nil)
		})
	}
}

func TestParallelLoad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.o.Limits.Connections = 3
	b.createOrders()
	b.insert(-5000, 30_000, "now()")
	b.srv.Exec(t, "UPDATE orders SET id = 9223372036854775807 WHERE id = 7", "UPDATE orders SET id = -9223372036854775808 WHERE id = 8")
	b.pass()
	if got := len(b.rows["orders"]); got != 35_001 {
		t.Errorf("%d rows", got)
	}
}

// Without a cursor, and for what a cursor cannot show, verification finds what changed.
func TestFetch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(func(tab *relational.Table) { tab.Cursor = "" })
	b.createOrders()
	b.insert(1, 3000, "now()")
	b.pass()
	b.srv.Exec(t, "UPDATE orders SET quantity = 42 WHERE id % 2 = 0", "DELETE FROM orders WHERE id = 77")
	b.insert(4000, 4001, "now()")
	r := b.read()
	if n := b.drain(r, -1); n != 0 || len(b.stages) != 0 {
		t.Errorf("%d rows without a cursor: %v", n, b.stages)
	}
	if got := r.Due(); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("due: %v", got)
	}
	b.verify(r, func(_ string, differ []string) {
		if len(differ) != 1503 {
			t.Errorf("%d rows differ", len(differ))
		}
		keys := b.dir() + "/differ.parquet"
		if _, err := b.duck.WriteParquet(b.ctx, "SELECT CAST(unnest(["+strings.Join(differ, ", ")+"]) AS BIGINT) AS order_id", keys); err != nil {
			t.Fatal(err)
		}
		landed, err := r.Fetch(b.ctx, "orders", keys, b.dir())
		if err != nil {
			t.Fatal(err)
		}
		if landed.Records != 1502 || landed.Mode != source.Merge || !strings.HasPrefix(landed.Input.Name, "orders/fetch/") {
			t.Errorf("fetched %d, %+v", landed.Records, landed.Input)
		}
		b.take(landed)
	})
	delete(b.rows["orders"], "77")
	b.verify(r, nil)
}

func TestDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.set(func(tab *relational.Table) { tab.Verify = 7 })
	b.createOrders()
	b.insert(1, 10, "now()")
	for _, night := range []struct {
		asOf string
		due  int
	}{{"2024-03-01", 1}, {"2024-03-02", 0}, {"2024-03-07", 0}, {"2024-03-08", 1}, {"2024-03-09", 0}} {
		b.asOf = night.asOf
		r := b.read()
		b.drain(r, -1)
		if got := r.Due(); len(got) != night.due {
			t.Errorf("%s: due %v", night.asOf, got)
		} else if len(got) == 1 {
			b.states["orders"] = r.Verified("orders")
		}
		r.Close()
	}
}

// A composite key, with text that servers could order by rules of a language.
func TestCompositeKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.srv.Exec(t, `CREATE TABLE lines (a text, b numeric(6,2), c timestamp, d bytea, e uuid, f date, g boolean, PRIMARY KEY (a, b, c, d, e, f, g))`,
		`INSERT INTO lines SELECT v.a || i/5000, i, '2024-01-01'::timestamp + i * interval '1 us', decode(lpad(to_hex(i), 8, '0'), 'hex'), md5(i::text)::uuid, date '1500-01-01' + i, i % 2 = 0
		FROM generate_series(1, 9000) i, (VALUES ('a'), ('B'), (''), ('ä'), ('O''Brien\n'), ('a b'), ('ab'), ('😀')) v(a)`)
	b.o.Tables = map[string]relational.Table{"orders": {Select: "SELECT * FROM lines;", Key: []string{"a", "b", "c", "d", "e", "f", "g"}, Verify: 1}}
	b.pass()
	if got := len(b.rows["orders"]); got != 72_000 {
		t.Errorf("%d rows", got)
	}
	keys := b.dir() + "/keys.parquet"
	r := b.read()
	b.drain(r, -1)
	listing, err := r.List(b.ctx, "orders", b.dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.duck.WriteParquet(b.ctx, "SELECT * EXCLUDE _hash FROM "+duck.ReadParquet(listing.Files)+" USING SAMPLE 700 ROWS (reservoir, 1)", keys); err != nil {
		t.Fatal(err)
	}
	landed, err := r.Fetch(b.ctx, "orders", keys, b.dir())
	if err != nil || landed.Records != 700 {
		t.Errorf("fetched %d rows: %v", landed.Records, err)
	}
}

func TestChangedMapping(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 100, "now()")
	b.pass()
	b.set(func(tab *relational.Table) { tab.Select += " WHERE id > 0" })
	r := b.read()
	landed, err := r.Next(b.ctx, b.dir())
	if err != nil || landed.Mode != source.Merge || landed.Records != 100 || landed.Input.Name != "orders/load/2024-03-01/2" {
		t.Errorf("a changed mapping: %+v, %v", landed, err)
	}
	if _, err := r.Next(b.ctx, b.dir()); !errors.Is(err, io.EOF) {
		t.Errorf("then: %v", err)
	}
}

// A statement that takes too long is tried with fewer rows, and what it gave before
// that is kept.
func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 400, "now()")
	b.o.Limits.StatementTimeout = 300 * time.Millisecond
	b.o.Limits.QueryTime = 100 * time.Millisecond
	b.srv.Exec(t, "CREATE FUNCTION slow(float8, bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep($1); RETURN 'x'; END $$")
	slow := "SELECT id AS order_id, quantity, slow(0.002, id) AS slept FROM orders"
	b.o.Tables = map[string]relational.Table{"orders": {Select: slow, Key: []string{"order_id"}}}
	r := b.read()
	b.drain(r, -1)
	if got := len(b.rows["orders"]); got != 400 || len(b.stages) < 3 {
		t.Errorf("%d rows, %v", got, b.stages)
	}
	r.Close()
	b.o.Tables = map[string]relational.Table{"orders": {Select: strings.Replace(slow, "0.002", "2", 1), Key: []string{"order_id"}}}
	b.wantText(b.failing(b.srv.URL), "orders", "statement timeout", "300ms", "raise limits.statement_timeout")
}

func (b *bundle) set(change func(*relational.Table)) {
	tab := b.o.Tables["orders"]
	change(&tab)
	b.o.Tables = map[string]relational.Table{"orders": tab}
}
