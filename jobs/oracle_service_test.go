package jobs

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// What customers say and send back, once more in the plainest way. What is not recorded is
// a dash, never 0.

// serviceMeasures compare what of a customer or a month is told in interactions.
var serviceMeasures = []oracleMeasure{
	{"satisfaction", []string{"satisfaction"},
		"SELECT concat_ws('|', customer_id, coalesce(reviews_365::VARCHAR, '-'), coalesce(complaints_365::VARCHAR, '-'), round(1000 * satisfaction)) FROM satisfaction",
		(*ledgerOfShop).satisfaction},
	{"complaints", []string{"complaints_by_customer"},
		"SELECT concat_ws('|', customer_id, coalesce(complaints::VARCHAR, '-'), coalesce(complaints_lately::VARCHAR, '-'), coalesce(complaints_open::VARCHAR, '-')) FROM complaints_by_customer",
		(*ledgerOfShop).complaints},
	{"service by month", []string{"kpis_monthly"},
		"SELECT concat_ws('|', month, coalesce(ratings::VARCHAR, '-'), coalesce(complaints::VARCHAR, '-'), coalesce(round(1000 * complaint_rate)::VARCHAR, '-')) FROM kpis_monthly",
		(*ledgerOfShop).serviceByMonth},
	{"returns", []string{"customer_returns"},
		"SELECT concat_ws('|', customer_id, coalesce(returns_90::VARCHAR, '-'), coalesce(returns_365::VARCHAR, '-'), returned_share IS NOT NULL) FROM customer_returns",
		(*ledgerOfShop).returned},
}

// diceService adds complaints, calls and reviews, recorded for some days or, in each third
// shop, not at all. Each second shop records returns for half a year only.
func (l *ledgerOfShop) diceService(seed uint64) {
	if seed%2 == 0 {
		l.events = slices.DeleteFunc(l.events, func(e eventOf) bool { return isReturn(e) && e.day < l.asOf-180 })
	}
	rng := rand.New(rand.NewPCG(seed, 11))
	if seed%3 == 0 {
		return
	}
	from := l.asOf - []int{60, 89, 90, 91, 364, 365, 366, 420}[rng.IntN(8)]
	kinds := []string{"complaint", "complaint", "call", "review", "review", "survey"}
	for i := range 120 {
		e := eventOf{customer: fmt.Sprintf("c%02d", rng.IntN(60)), kind: kinds[rng.IntN(len(kinds))], product: "p0", day: from + rng.IntN(l.asOf-from)}
		if i < 2 {
			e.kind, e.day = []string{"call", "review"}[i], from // both begin on this day
		}
		if e.kind == "review" || e.kind == "survey" || rng.IntN(4) == 0 {
			e.rating = 1 + rng.IntN(5)
		}
		l.events = append(l.events, e)
	}
}

// since is the day of the first event that fits, or the as-of day.
func (l *ledgerOfShop) since(fits func(eventOf) bool) int {
	first := l.asOf
	for _, e := range l.events {
		if fits(e) {
			first = min(first, e.day)
		}
	}
	return first
}

func isComplaint(e eventOf) bool { return e.kind == "complaint" }
func isReturn(e eventOf) bool    { return e.kind == "return" }
func isRating(e eventOf) bool    { return e.rating > 0 && e.kind != "complaint" }
func isService(e eventOf) bool {
	return e.kind == "support" || e.kind == "complaint" || e.kind == "complaint_resolved" || e.kind == "call"
}

// told counts a customer's events in [from, asOf) that fit; everyone's for "".
func (l *ledgerOfShop) told(customer string, from, to int, fits func(eventOf) bool) int {
	n := 0
	for _, e := range l.events {
		if (customer == "" || e.customer == customer) && e.day >= from && e.day < to && fits(e) {
			n++
		}
	}
	return n
}

// known writes a count of [from, ...), or a dash where records begin later.
func known(n, since, from int) string {
	if since > from {
		return "-"
	}
	return fmt.Sprint(n)
}

func (l *ledgerOfShop) satisfaction() []string {
	var out []string
	year := l.asOf - 365
	for _, c := range l.everyone(l.asOf) {
		ratings, complaints := l.told(c, year, l.asOf, isRating), l.told(c, year, l.asOf, isComplaint)
		if ratings+complaints == 0 {
			continue
		}
		sum := complaints // each is a 1
		for _, e := range l.events {
			if e.customer == c && e.day >= year && isRating(e) {
				sum += e.rating
			}
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%.1f", c, known(ratings, l.since(isRating), year), known(complaints, l.since(isService), year),
			math.Round(1000*float64(sum)/float64(ratings+complaints))))
	}
	return out
}

// complaints knows of no resolution, so of no complaint whether it is open.
func (l *ledgerOfShop) complaints() []string {
	var out []string
	service := l.since(isService)
	for _, c := range l.everyone(l.asOf) {
		n, back := l.told(c, 0, l.asOf, isComplaint), l.told(c, 0, l.asOf, isReturn)
		if n+back == 0 {
			continue
		}
		open := known(0, service, l.asOf-1)
		if n > 0 {
			open = "-"
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%s", c, known(n, service, l.asOf-1), known(l.told(c, l.asOf-90, l.asOf, isComplaint), service, l.asOf-90), open))
	}
	return out
}

func (l *ledgerOfShop) serviceByMonth() []string {
	var out []string
	for _, span := range l.monthSpans() {
		from, to := span[0], span[1]+1
		complaints, orders := l.told("", from, to, isComplaint), 0
		for _, c := range l.customers() {
			orders += l.orders(c, from, to)
		}
		rate := "-"
		if orders > 0 && l.since(isService) <= from {
			rate = fmt.Sprintf("%.1f", math.Round(1000*float64(complaints)/float64(orders)))
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%s", l.date(from)[:7]+"-01", known(l.told("", from, to, isRating), l.since(isRating), from), known(complaints, l.since(isService), from), rate))
	}
	return out
}

func (l *ledgerOfShop) returned() []string {
	var out []string
	since := l.since(isReturn)
	for _, c := range l.customers() {
		count := func(days int) string {
			return known(l.told(c, l.asOf-days, l.asOf, isReturn), since, l.asOf-days)
		}
		revenue, _ := l.ordered(c, 0, l.asOf)
		out = append(out, fmt.Sprintf("%s|%s|%s|%t", c, count(90), count(365), since < l.asOf && revenue != 0))
	}
	return out
}
