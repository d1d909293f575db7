package jobs

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// The tables about who is best, computed a second time in the plainest way: one customer
// after the other, in whole cents.

type soldTo struct {
	id              string
	inYear          bool
	orders          int64
	margin, revenue int64 // cents of the last 365 days
}

// randomSales are customers with many ties, nothings and losses.
func randomSales(rng *rand.Rand) []soldTo {
	out := make([]soldTo, 1+rng.IntN(60))
	for i := range out {
		c := soldTo{id: fmt.Sprintf("c%02d", i), inYear: rng.IntN(6) > 0}
		if c.inYear {
			c.orders = int64(rng.IntN(4))
			c.margin = int64(rng.IntN(8)-2) * 50 * int64(1+rng.IntN(3))
			c.revenue = int64(rng.IntN(1000)) * 10
		}
		out[i] = c
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func best(customers []soldTo, amount func(soldTo) int64) (ranked []soldTo, total int64) {
	for _, c := range customers {
		if c.inYear {
			ranked = append(ranked, c)
			total += amount(c)
		}
	}
	slices.SortFunc(ranked, func(a, b soldTo) int {
		return cmp.Or(cmp.Compare(amount(b), amount(a)), cmp.Compare(a.id, b.id))
	})
	return ranked, total
}

// tierOf is the tier of rank r (from 0) of n, with borders in percent: that of the first
// border which lies behind the start of the customer's own share.
func tierOf(r, n int, percents ...int) int {
	for tier, p := range percents {
		if r*100 < p*n {
			return tier + 1
		}
	}
	return len(percents) + 1
}

func marginOf(c soldTo) int64  { return c.margin }
func revenueOf(c soldTo) int64 { return c.revenue }

func expectedTiers(customers []soldTo) string {
	ranked, _ := best(customers, marginOf)
	var out []string
	for _, c := range customers {
		r := slices.IndexFunc(ranked, func(o soldTo) bool { return o.id == c.id })
		if r < 0 {
			out = append(out, c.id+" NULL rest 4")
			continue
		}
		three := []string{"best", "second", "rest"}[tierOf(r, len(ranked), 1, 20)-1]
		out = append(out, fmt.Sprintf("%s %d %s %d", c.id, r+1, three, tierOf(r, len(ranked), 1, 10, 60)))
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// classesOf walks down the customers and moves on to the next class when the one at hand
// has its tenth.
func classesOf(customers []soldTo, amount func(soldTo) int64) map[string]string {
	ranked, total := best(customers, amount)
	out, sum, class := map[string]string{}, int64(0), 1
	for _, c := range ranked {
		for class < 10 && sum*10 >= int64(class)*total {
			class++
		}
		out[c.id] = fmt.Sprint(class)
		if total <= 0 {
			out[c.id] = "NULL"
		}
		sum += amount(c)
	}
	return out
}

func expectedClasses(customers []soldTo) string {
	profit, purchase := classesOf(customers, marginOf), classesOf(customers, revenueOf)
	var out []string
	for id := range profit {
		out = append(out, id+" "+profit[id]+" "+purchase[id])
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// expectedGini is the mean difference between all pairs over twice the mean.
func expectedGini(customers []soldTo, amount func(soldTo) int64) float64 {
	ranked, total := best(customers, amount)
	if total <= 0 {
		return math.NaN()
	}
	apart := 0.0
	for _, a := range ranked {
		for _, b := range ranked {
			apart += math.Abs(float64(amount(a) - amount(b)))
		}
	}
	return apart / (2 * float64(len(ranked)) * float64(total))
}

func expectedLevels(customers []soldTo) string {
	var per []float64
	for _, c := range customers {
		if c.orders > 0 {
			per = append(per, float64(c.margin)/float64(c.orders))
		}
	}
	slices.Sort(per)
	times := func(c soldTo) float64 { return float64(c.margin) / float64(c.orders) / per[(len(per)-1)/2] }
	earns := func(c soldTo) bool { return c.orders > 0 && c.margin > 0 && per[(len(per)-1)/2] > 0 }
	var out []string
	for _, c := range customers {
		level := "NULL"
		if c.orders > 0 {
			level = "basic"
		}
		if earns(c) {
			alike := 0
			for _, o := range customers {
				if earns(o) && math.Floor(math.Log2(times(o))) == math.Floor(math.Log2(times(c))) {
					alike++
				}
			}
			for _, r := range config.Default().Mining.Relationship {
				if times(c) >= r.MinMargin && (r.MaxCustomers == 0 || alike <= r.MaxCustomers) {
					level = string(r.Level)
					break
				}
			}
		}
		out = append(out, c.id+" "+level)
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

// salesSession is a session in which customer_sales is given and marts can be made.
func salesSession(t *testing.T, p *Project, customers []soldTo) *session {
	t.Helper()
	d, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	prelude, err := sqlfiles.Prelude(preludeParams(p.Config, "2024-03-01"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, c := range customers {
		rows = append(rows, fmt.Sprintf("('%s', %t, %d, %d, %d)", c.id, c.inYear, c.orders, c.margin, c.revenue))
	}
	s := &session{Session: d, plan: p.plan, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}}
	for _, q := range []string{prelude, `CREATE TEMP TABLE customer_sales AS SELECT id AS customer_id, in_year, orders AS orders_365,
		CAST(margin / 100 AS DECIMAL(18, 4)) AS margin_365, CAST(revenue / 100 AS DECIMAL(18, 4)) AS revenue_365
		FROM (VALUES ` + strings.Join(rows, ", ") + `) AS t(id, in_year, orders, margin, revenue)`} {
		if err := s.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range p.Models.All() {
		s.here[m.Name] = m.Name != "customer_sales"
	}
	return s
}

// auditMarts makes marts and runs the checks of their sidecars, as the audit does.
func auditMarts(ctx context.Context, s *session, p *Project, names ...string) error {
	for _, name := range names {
		if err := s.make(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range names {
		found, err := s.RunChecks(ctx, p.checks(name))
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.Rows > 0 {
				return fmt.Errorf("check %q of %s fails for %d rows: %s", f.Name, name, f.Rows, f.Sample)
			}
		}
	}
	return nil
}

func TestValueTablesAgreeWithAPlainSecondWay(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 3))
		customers := randomSales(rng)
		s := salesSession(t, p, customers)
		if err := auditMarts(t.Context(), s, p, "value_tiers", "tier_summary", "customer_classes", "profit_classes", "purchase_classes",
			"concentration", "concentration_summary", "relationship_level"); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for query, want := range map[string]string{
			"SELECT customer_id, margin_rank, three_tier, four_tier FROM value_tiers ORDER BY customer_id": expectedTiers(customers),
			"SELECT customer_id, profit_class, purchase_class FROM customer_classes ORDER BY customer_id":  expectedClasses(customers),
			"SELECT customer_id, relationship_level FROM relationship_level ORDER BY customer_id":          expectedLevels(customers),
		} {
			if got := answer(t, s.Session, query); got != want {
				t.Errorf("seed %d: %s\ngot  %s\nwant %s", seed, query, got, want)
			}
		}
		for measure, amount := range map[string]func(soldTo) int64{"margin": marginOf, "revenue": revenueOf} {
			var got float64
			if err := s.Scan(t.Context(), "SELECT COALESCE(MAX(gini), 'nan') FROM concentration_summary WHERE measure = '"+measure+"'", &got); err != nil {
				t.Fatal(err)
			}
			if want := expectedGini(customers, amount); math.Abs(got-want) > 1e-9 || math.IsNaN(got) != math.IsNaN(want) {
				t.Errorf("seed %d: Gini of %s %v, want %v", seed, measure, got, want)
			}
		}
	}
}
