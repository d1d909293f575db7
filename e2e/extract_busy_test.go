package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// Rows change while they are read: what an extraction takes is the source of one
// moment, the certificate is of the same moment, and the next extraction brings what
// came since.
func TestRowsChangeMeanwhile(t *testing.T) {
	longtest.Only(t)
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		newShop(t, s, 250, 8)
		p := newProject(t, s, limits("connections: 3"))
		g := p.through(t)
		// A whole day passes in the middle of an extraction: of the first load, and of
		// the comparison of all rows later.
		n := 0
		for _, bytes := range []int64{600_000, 250_000} {
			before := content(t, s)
			struck := g.when(bytes, func() { live(t, s, 20+n) })
			p.extract(t, n).ok(t)
			if !struck.Load() {
				t.Fatalf("extraction %d ended before %d bytes passed", n, bytes)
			}
			sameRows(t, "a day that passed meanwhile", p.content(t), before)
			p.certified(t, n, "a day that passed meanwhile")
			n++
		}
		g.open()
		stop, stopped := make(chan struct{}), make(chan int)
		go func() { stopped <- busy(t, s, stop) }()
		for range 3 {
			p.extract(t, n).ok(t)
			p.certified(t, n, "in a storm")
			n++
		}
		close(stop)
		t.Logf("%d statements meanwhile", <-stopped)
		p.extract(t, n).ok(t)
		p.holds(t, n, "after the storm")
	})
}

// busy changes rows as fast as it can, in short transactions and one that stays open
// for long, and gives the number of statements.
func busy(t *testing.T, s *dbtest.Server, stop chan struct{}) (done int) {
	dice := rand.New(rand.NewPCG(3, 5))
	now := "now()"
	if s.Kind == dbtest.KindMySQL {
		now = "utc_timestamp(6)"
	}
	order, product := s.Value(t, "SELECT max(order_id) FROM order_lines"), s.Value(t, "SELECT max(product_id) FROM order_lines")
	quick, slow := s.Session(t), s.Session(t)
	id := func() int { return 1 + dice.IntN(3000) }
	change := func() string {
		return strings.ReplaceAll([]string{
			fmt.Sprintf("UPDATE order_lines SET quantity = quantity + 1, updated_at = NOW WHERE id = %d", id()),
			fmt.Sprintf("UPDATE order_lines SET discount = discount + 0.01 WHERE id = %d", id()),
			fmt.Sprintf("UPDATE interactions SET channel = 'phone', updated_at = NULL WHERE id = %d", id()),
			fmt.Sprintf("UPDATE orders SET customer_id = NULL WHERE id = %d", id()),
			fmt.Sprintf("UPDATE orders SET customer_id = 7, ordered_at = NOW WHERE id = %d", id()),
			fmt.Sprintf("DELETE FROM order_lines WHERE id = %d", id()),
			fmt.Sprintf("INSERT INTO order_lines (order_id, product_id, quantity, unit_price, updated_at) SELECT order_id, product_id, 9, 1.5, NOW FROM order_lines WHERE id = %d", id()),
			fmt.Sprintf("INSERT INTO interactions (customer_id, occurred_at, kind, updated_at) VALUES (%d, NOW, 'visit', NOW)", id()),
		}[dice.IntN(8)], "NOW", now)
	}
	for ; ; done++ {
		select {
		case <-stop:
			_ = slow.Try("COMMIT")
			return done
		default:
		}
		if done%40 == 0 {
			_ = slow.Try("COMMIT")
			_ = slow.Try("BEGIN")
			_ = slow.Try(fmt.Sprintf("INSERT INTO order_lines (order_id, product_id, quantity, unit_price, updated_at) VALUES (%s, %s, 4, 2.5, %s)", order, product, now))
		}
		if err := quick.Try(change()); err != nil && !strings.Contains(err.Error(), "lock") {
			t.Error(err)
			return done
		}
	}
}
