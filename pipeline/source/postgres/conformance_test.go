package postgres_test

import (
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
	"github.com/mainstay-etl/mainstay/pipeline/source/sourcetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.createOrders()
	b.insert(1, 9000, "now() - interval '1 day'")
	b.srv.Exec(t, "CREATE TABLE events (id uuid PRIMARY KEY, kind text, at timestamp)", "INSERT INTO events SELECT md5(i::text)::uuid, 'visit', '2024-01-01'::timestamp + i * interval '1 hour' FROM generate_series(1, 300) i")
	b.o.Tables["interactions"] = relational.Table{Select: "SELECT id AS interaction_id, kind, at AS occurred_at, 'C1' AS customer_id FROM events", Key: []string{"interaction_id"}, Cursor: "occurred_at", Verify: 1}
	sourcetest.Run(t, func(t testing.TB) source.Source {
		c := *b
		c.TB = t
		return c.source()
	})
}
