package jobs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/mainstay-etl/mainstay/sql/cases"
)

// sold is one order line of the oracle: a category bought on a day before the as-of day, with
// its margin in cents.
type sold struct {
	customer, category, day, cents int
}

// TestFirstYearMarginOracle compares category_margins with a plain second way, on shops in
// which of some categories many, few or no buyers have a full first year.
func TestFirstYearMarginOracle(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 11))
		var lines []sold
		var orders [][]string
		for i := range 600 {
			v := sold{customer: rng.IntN(120), category: rng.IntN(4), cents: 100 * (rng.IntN(30) - 3)}
			v.day = []int{1 + rng.IntN(900), 1 + rng.IntN(400), 1 + rng.IntN(364), 365 - rng.IntN(3)}[v.category]
			lines = append(lines, v)
			orders = append(orders, []string{fmt.Sprint(i), "1", fmt.Sprint("c", v.customer), dayFrom(-v.day), fmt.Sprint("p", v.category), fmt.Sprint("k", v.category), "1", inCents(v.cents + 5000), "50.00"})
		}
		tiers := make([]int, 100) // customers 100 to 119 are not active
		var tierRows, categoryRows [][]string
		for c := range tiers {
			tiers[c] = 1 + min(2, rng.IntN(4)) // half are in tier 3
			tierRows = append(tierRows, []string{fmt.Sprint("c", c), fmt.Sprint(tiers[c])})
		}
		for k := range 5 { // nobody bought k4
			categoryRows = append(categoryRows, []string{fmt.Sprint("k", k)})
		}
		c := cases.Case{Path: "oracle", Model: "category_margins", AsOf: dayFrom(0), Given: []cases.Section{
			givenRows("orders", []string{"order_id", "line_id", "customer_id", "ordered_at", "product_id", "category", "quantity", "unit_price", "unit_cost"}, orders),
			givenRows("price_tiers", []string{"customer_id", "price_tier"}, tierRows),
			givenRows("cross_sell_categories", []string{"category"}, categoryRows)}}
		c.Expect = givenRows("category_margins", []string{"category", "price_tier", "buyers", "full_years", "is_full_year", "first_year_margin"}, marginsByHand(lines, tiers))
		diff, err := p.RunCase(t.Context(), c, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range diff {
			t.Errorf("seed %d: %s", seed, line)
		}
	}
}

// marginsByHand says what category_margins must say of four categories that were bought and
// one that was not.
func marginsByHand(lines []sold, tiers []int) [][]string {
	var out [][]string
	for category := range 5 {
		var full, all [4][]int // first-year margins by tier; 0 is everyone
		for customer := range 120 {
			first := 0
			for _, v := range lines {
				if v.customer == customer && v.category == category {
					first = max(first, v.day)
				}
			}
			if first == 0 {
				continue
			}
			margin := 0
			for _, v := range lines {
				if v.customer == customer && v.category == category && first-v.day < 365 {
					margin += v.cents
				}
			}
			groups := []int{0}
			if customer < len(tiers) {
				groups = append(groups, tiers[customer])
			}
			for _, g := range groups {
				if all[g] = append(all[g], margin); first >= 365 {
					full[g] = append(full[g], margin)
				}
			}
		}
		for tier := 1; tier <= 3; tier++ {
			row := []string{fmt.Sprint("k", category), fmt.Sprint(tier), fmt.Sprint(len(all[tier])), fmt.Sprint(len(full[tier])), "", ""}
			for _, group := range [][]int{full[tier], full[0], all[tier], all[0]} {
				if len(group) >= 20 {
					slices.Sort(group)
					row[5] = inCents(group[(len(group)-1)/2])
					break
				}
			}
			if len(all[0]) > 0 {
				row[4] = strconv.FormatBool(len(full[0]) >= 20)
			}
			out = append(out, row)
		}
	}
	return out
}

// TestSpendAlertOracle compares the alerts of steady and of changing customers with the rule in
// plain Go; random shops have no customer who spends the same every month.
func TestSpendAlertOracle(t *testing.T) {
	t.Parallel()
	p, err := BuiltIns(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 11))
	var given, want [][]string
	for i := range 600 {
		customer := fmt.Sprint("c", i)
		before := make([]float64, 6+rng.IntN(7))
		for k := range before {
			before[k] = 100
			if i%3 > 0 && rng.IntN(4) == 0 {
				before[k] = float64(rng.IntN(13)) * 25
			}
			if i%10 == 0 {
				before[k] = 0
			}
		}
		now := float64(rng.IntN(1500)) / 8
		for k, spent := range append([]float64{now}, before...) {
			given = append(given, []string{customer, fmt.Sprint(k), strconv.FormatFloat(spent, 'f', 4, 64)})
		}
		if alert := spendAlert(now, before); alert != "" {
			want = append(want, []string{customer, alert})
		}
	}
	if len(want) < 50 || len(want) > 550 {
		t.Fatalf("%d of 600 customers with an alert say little", len(want))
	}
	c := cases.Case{Path: "oracle", Model: "spend_alerts", AsOf: dayFrom(0), Given: []cases.Section{
		givenRows("spend_windows", []string{"customer_id", "place", "revenue"}, given)}}
	c.Expect = givenRows("spend_alerts", []string{"customer_id", "alert"}, want)
	diff, err := p.RunCase(t.Context(), c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range diff {
		t.Error(line)
	}
}
