package jobs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/shop"
)

// ledgerOfShop is what a random shop did before its as-of day. Days are numbers from an
// epoch; money is in 1/10,000.
type ledgerOfShop struct {
	epoch    time.Time
	asOf     int
	lookback int
	lines    []lineOf
	events   []eventOf
}

type lineOf struct {
	order                           string
	line                            int
	customer, product               string
	day, hour                       int
	quantity, price, discount, cost int64 // cost 0: not known
}

type eventOf struct {
	customer, kind, product string
	day                     int
	amount                  int64
	rating                  int // 0: none
}

func (l *ledgerOfShop) date(day int) string { return l.epoch.AddDate(0, 0, day).Format(time.DateOnly) }

// customers are all who ordered.
func (l *ledgerOfShop) customers() []string {
	seen := map[string]bool{}
	var out []string
	for _, o := range l.lines {
		if !seen[o.customer] {
			seen[o.customer] = true
			out = append(out, o.customer)
		}
	}
	slices.Sort(out)
	return out
}

// expected and offered stand for what models say; any numbers do.
func (l *ledgerOfShop) expected(customer string) (orders, margin float64) {
	n := len(customer) + int(customer[len(customer)-1])
	return float64(n%9) / 4, float64(n % 50)
}

func (l *ledgerOfShop) offered(customer string) []int64 {
	switch n := int64(customer[len(customer)-1]); n % 3 {
	case 0:
		return []int64{n * 10000, n * 2500}
	case 1:
		return []int64{n * 100}
	}
	return nil
}

// diceShop throws orders onto the borders of windows, with many ties, several orders a day,
// returns, and people who only look. A lookback of 40 days makes many spells.
func diceShop(_ *testing.T, seed uint64) *ledgerOfShop {
	rng := rand.New(rand.NewPCG(seed, 7))
	l := &ledgerOfShop{epoch: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), asOf: 425, lookback: 40}
	gaps := []int{1, 2, 10, 10, 29, 30, 31, 39, 40, 41, 60, 89, 90, 91}
	for c := range 60 {
		customer := fmt.Sprintf("c%02d", c)
		if rng.IntN(8) == 0 {
			l.events = append(l.events, eventOf{customer: customer, kind: "hum", product: "p0", day: l.asOf - 1 - rng.IntN(3)})
			if rng.IntN(2) == 0 {
				continue // a prospect
			}
		}
		day := l.asOf - []int{1, 1, 2, 15, 30, 31, 40, 41, 42, 90, 91}[rng.IntN(11)]
		for n := 1 + rng.IntN(12); n > 0 && day >= 0; n-- {
			for i := range 1 + rng.IntN(2)*rng.IntN(3) {
				l.diceOrder(rng, customer, day, i)
			}
			day -= gaps[rng.IntN(len(gaps))]
		}
	}
	l.diceService(seed)
	return l
}

func (l *ledgerOfShop) diceOrder(rng *rand.Rand, customer string, day, number int) {
	price := []int64{100000, 100000, 200000, 400000, 1000000}[rng.IntN(5)]
	for line := range 1 + rng.IntN(2) {
		product := fmt.Sprintf("p%d", rng.IntN(4))
		l.lines = append(l.lines, lineOf{order: fmt.Sprintf("o%s-%d-%d", customer, day, number), line: line, customer: customer,
			product: product, day: day, hour: 23 * rng.IntN(2), quantity: 1 + rng.Int64N(3), price: price, discount: 10000 * rng.Int64N(2), cost: price / 2 * rng.Int64N(2)})
		if back := day + rng.IntN(40); rng.IntN(6) == 0 && back < l.asOf {
			l.events = append(l.events, eventOf{customer: customer, kind: "return", product: product, day: back, amount: price})
		}
	}
}

// simulatedShop is a small shop of the package shop.
func simulatedShop(t *testing.T, seed uint64) *ledgerOfShop {
	t.Helper()
	c := shop.Default()
	c.Customers, c.Seed, c.DirtShare, c.Orders = 80, seed, 0, 500
	c.Start, c.End = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	s, err := shop.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := &ledgerOfShop{epoch: c.Start, asOf: int(c.End.Sub(c.Start).Hours() / 24), lookback: 180}
	if _, err := s.Record(t.Context(), &recordOfShop{l, s.Products()}, nil); err != nil {
		t.Fatal(err)
	}
	return l
}

type recordOfShop struct {
	l        *ledgerOfShop
	products []shop.Product
}

func (r *recordOfShop) OrderLine(o *shop.OrderLine) error {
	r.l.lines = append(r.l.lines, lineOf{order: fmt.Sprintf("o%d-%d-%d", o.Customer, o.Day, o.Number), line: o.Line,
		customer: fmt.Sprintf("c%03d", o.Customer), product: r.products[o.Product].ID, day: o.Day, hour: 10,
		quantity: o.Quantity, price: o.Price, discount: o.Discount, cost: r.products[o.Product].Cost})
	return nil
}

func (r *recordOfShop) Interaction(i *shop.Interaction) error {
	product := ""
	if i.Product >= 0 {
		product = r.products[i.Product].ID
	}
	r.l.events = append(r.l.events, eventOf{customer: fmt.Sprintf("c%03d", i.Customer), kind: i.Kind, product: product, day: i.Day, amount: i.Amount, rating: i.Rating})
	return nil
}
