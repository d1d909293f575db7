package push

import (
	"testing"
	"time"
)

// A new column is the one thing for which a push waits for readers: not longer than it may,
// and nothing is changed when they take longer.
func TestNewColumnBesideAReader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.push(b.night(1, b.table("scores", "SELECT 1 AS n"), b.table("values", "SELECT 1 AS n")))
	wider := b.night(2, b.table("values", "SELECT 2 AS n"), b.table("scores", "SELECT 2 AS n, 'x' AS why"))
	reader := b.s.Session(t)
	reader.Exec(t, "BEGIN", "SELECT count(*) FROM crm.scores")
	b.o.LockTimeout = 200 * time.Millisecond
	from := time.Now()
	b.fails(wider, "table crm.scores: column why: PostgreSQL says: canceling statement due to lock timeout: somebody else writes to the table, or reads it in a long transaction while it gets a new column; publish.postgres.lock_timeout says")
	if took := time.Since(from); took > 10*time.Second {
		t.Errorf("it waited for %v", took)
	}
	b.want("SELECT (SELECT n FROM crm.scores) || ' ' || (SELECT n FROM crm.values)", "1 1")
	b.push(b.night(2, b.table("values", "SELECT 2 AS n"), b.table("scores", "SELECT 2 AS n"))) // no column: nobody waits
	reader.Exec(t, "COMMIT")
	b.push(wider)
	b.want("SELECT n || why FROM crm.scores", "2x")
}
