package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// A transaction that is open while a pass reads, and commits rows with earlier cursors
// after it.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	const late = "INSERT INTO orders VALUES (%d, 'late', 'P', now(), 1, 1, %s)"
	for name, begin := range map[string][]string{
		"it has written": {"BEGIN", "INSERT INTO orders VALUES (900, 'first', 'P', now(), 1, 1, now())"},
		"it has not":     {"BEGIN", "SELECT now()"},
	} {
		for _, load := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, load %v", name, load), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.set(func(tab *relational.Table) { tab.Overlap = "0s" })
				b.createOrders()
				role, address := b.srv.Role(t) // sees no more of others than any role does
				b.srv.Exec(t, "GRANT SELECT ON orders TO "+role)
				b.address = address
				b.insert(1, 100, "now() - interval '1 hour'")
				if !load {
					b.pass()
				}
				tx := b.srv.Session(t)
				tx.Exec(t, begin...)
				b.insert(101, 200, "clock_timestamp()")
				b.pass() // sees rows newer than those of the transaction
				b.insert(201, 300, "clock_timestamp()")
				b.pass() // and so does the next
				tx.Exec(t, fmt.Sprintf(late, 901, "now()"), "COMMIT")
				b.insert(301, 400, "clock_timestamp()")
				b.pass()
				if got := len(b.rows["orders"]); got < 401 {
					t.Errorf("%d rows", got)
				}
				b.pass()
			})
		}
	}
}

func TestPreparedTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if b.srv.Value(t, "SHOW max_prepared_transactions") == "0" {
		t.Skip("the server has max_prepared_transactions = 0")
	}
	b.set(func(tab *relational.Table) { tab.Overlap = "0s" })
	b.createOrders()
	b.insert(1, 100, "now() - interval '1 hour'")
	b.pass()
	tx := b.srv.Session(t)
	tx.Exec(t, "BEGIN", "SELECT now()")
	b.insert(101, 200, "clock_timestamp()")
	b.pass()
	tx.Exec(t, "INSERT INTO orders VALUES (901, 'late', 'P', now(), 1, 1, now())", "PREPARE TRANSACTION 'late'")
	b.insert(201, 300, "clock_timestamp()")
	b.pass()
	b.insert(301, 400, "clock_timestamp()")
	b.pass()
	b.srv.Exec(t, "COMMIT PREPARED 'late'")
	b.pass()
	if got := len(b.rows["orders"]); got != 401 {
		t.Errorf("%d rows", got)
	}
}

// Rows that share a cursor, across the borders of pages.
func TestEqualCursors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 10, "'2024-01-01'")
	b.pass()
	b.insert(11, 30_000, "'2024-01-02'")
	b.pass()
	if len(b.stages) < 2 {
		t.Errorf("one page: %v", b.stages)
	}
}

func TestNullCursors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 100, "now()")
	b.insert(101, 12_000, "NULL")
	b.pass()
	b.insert(12_001, 12_100, "NULL")
	b.srv.Exec(t, "UPDATE orders SET quantity = 8 WHERE updated_at IS NULL AND id % 10 = 0", "UPDATE orders SET updated_at = NULL WHERE id < 5")
	b.pass()
}

// Cursors in the future do not keep later rows from being read.
func TestFutureCursors(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"timestamptz", "timestamp", "date"} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.createOrders()
			b.srv.Exec(t, "ALTER TABLE orders ALTER updated_at TYPE "+typ)
			b.insert(1, 100, "now()")
			b.srv.Exec(t, "UPDATE orders SET updated_at = '9999-12-31' WHERE id = 1", "UPDATE orders SET updated_at = 'infinity' WHERE id = 2",
				"UPDATE orders SET updated_at = '-infinity' WHERE id = 3", "UPDATE orders SET updated_at = '20000-01-01' WHERE id = 4", "UPDATE orders SET updated_at = '0044-03-15 BC' WHERE id = 5")
			b.pass()
			b.insert(101, 200, "now()")
			b.pass()
			b.insert(201, 300, "now()")
			b.srv.Exec(t, "UPDATE orders SET quantity = 99 WHERE id IN (1, 2, 4)")
			b.pass()
		})
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 100, "now()")
	b.pass()
	b.insert(101, 200, "now() - interval '9 minutes'") // a client whose clock is late
	b.pass()
}

func TestIntegerCursor(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"SELECT now()", "INSERT INTO orders VALUES (300)"} {
		b := setup(t)
		b.set(func(tab *relational.Table) { tab.Cursor, tab.Overlap = "order_id", "0" })
		b.createOrders()
		b.insert(1, 100, "NULL")
		b.pass()
		tx := b.srv.Session(t)
		tx.Exec(t, "BEGIN", begin)
		b.insert(5001, 5100, "NULL")
		b.pass()
		tx.Exec(t, "INSERT INTO orders VALUES (200)", "COMMIT")
		b.insert(6001, 6100, "NULL")
		b.pass()
		b.pass()
	}
}

// Transactions of other databases keep nothing open.
func TestOtherDatabases(t *testing.T) {
	t.Parallel()
	b, other := setup(t), dbtest.Postgres(t)
	b.set(func(tab *relational.Table) { tab.Overlap = "0s" })
	b.o.Limits.Settle = 10 * time.Second // one of another test may begin and end while we look
	b.createOrders()
	b.insert(1, 9000, "now() - interval '1 day' + i * interval '1 second'")
	other.Exec(t, "CREATE TABLE x (i int)")
	tx := other.Session(t)
	tx.Exec(t, "BEGIN", "INSERT INTO x VALUES (1)")
	b.pass()
	tx.Exec(t, "COMMIT")
	b.insert(9001, 9100, "now()")
	r := b.read()
	if n := b.drain(r, -1); n != 101 {
		t.Errorf("%d rows", n)
	}
	if strings.Contains(b.states["orders"], `"open":["x`) {
		t.Errorf("the state names a transaction of another database: %s", b.states["orders"])
	}
}

// A load waits a little for open transactions; then none of them can leave rows that
// somebody has to look for.
func TestSettle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.o.Limits.Settle = 10 * time.Second
	b.createOrders()
	b.insert(1, 100, "'2020-01-01'")
	tx := b.srv.Session(t)
	tx.Exec(t, "BEGIN", "INSERT INTO orders VALUES (200, 'late', 'P', now(), 1, 1, '2019-01-01')")
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(300 * time.Millisecond)
		tx.Try("COMMIT")
	}()
	b.pass()
	<-done
	if got := len(b.rows["orders"]); got != 101 {
		t.Errorf("%d rows", got)
	}
	if strings.Contains(b.states["orders"], `"marks":[{"now"`) {
		t.Errorf("the next pass would read all: %s", b.states["orders"])
	}
}
