package jobs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The oracle: the definitions of the tables about customers once more, as plainly as can be.
// It loops over everything for every question; nothing here is fast, and that is the point.

func (o lineOf) revenue() int64 { return o.quantity*o.price - o.discount }

func (o lineOf) margin() int64 {
	if o.cost == 0 {
		return int64(math.Round(float64(o.revenue()) * 3 / 10))
	}
	return o.revenue() - o.quantity*o.cost
}

// everyone is all who ordered or interacted before a day.
func (l *ledgerOfShop) everyone(before int) []string {
	var out []string
	for _, o := range l.lines {
		if o.day < before {
			out = append(out, o.customer)
		}
	}
	for _, e := range l.events {
		if e.day < before {
			out = append(out, e.customer)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// orders counts a customer's orders in [from, to).
func (l *ledgerOfShop) orders(customer string, from, to int) int {
	seen := map[string]bool{}
	for _, o := range l.lines {
		if o.customer == customer && o.day >= from && o.day < to {
			seen[o.order] = true
		}
	}
	return len(seen)
}

// days are the days in [0, to) on which the customer ordered, oldest first.
func (l *ledgerOfShop) days(customer string, to int) []int {
	var out []int
	for _, o := range l.lines {
		if o.customer == customer && o.day < to {
			out = append(out, o.day)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *ledgerOfShop) ordered(customer string, from, to int) (revenue, margin int64) {
	for _, o := range l.lines {
		if o.customer == customer && o.day >= from && o.day < to {
			revenue, margin = revenue+o.revenue(), margin+o.margin()
		}
	}
	return revenue, margin
}

// net is what was ordered in [from, to) less what came back then.
func (l *ledgerOfShop) net(customer string, from, to int) (revenue, margin int64) {
	revenue, margin = l.ordered(customer, from, to)
	for _, e := range l.events {
		if e.customer == customer && e.kind == "return" && e.day >= from && e.day < to {
			revenue -= e.amount
			margin -= int64(math.Round(float64(e.amount) / 1e4 * l.marginRate(e.product) * 1e4))
		}
	}
	return revenue, margin
}

// marginRate is at what margin a product was sold.
func (l *ledgerOfShop) marginRate(product string) float64 {
	var revenue, margin int64
	for _, o := range l.lines {
		if o.product == product && o.day < l.asOf {
			revenue, margin = revenue+o.revenue(), margin+o.margin()
		}
	}
	if revenue <= 0 {
		return 0.3
	}
	return float64(margin) / float64(revenue)
}

func gapsOf(days []int) []int {
	var out []int
	for i := 1; i < len(days); i++ {
		out = append(out, days[i]-days[i-1])
	}
	return out
}

// percentile95 is the smallest value that at least 95 % of the values do not exceed.
func percentile95(values []int) int {
	values = slices.Sorted(slices.Values(values))
	for i, v := range values {
		if 100*(i+1) >= 95*len(values) {
			return v
		}
	}
	return 0
}

// first is the day of the first record.
func (l *ledgerOfShop) first() int {
	first := l.asOf
	for _, o := range l.lines {
		first = min(first, o.day)
	}
	return first
}

func (l *ledgerOfShop) stageOf(customer string, ref int) string {
	days := l.days(customer, ref)
	if len(days) == 0 {
		return "prospect"
	}
	silent := ref - days[len(days)-1]
	if silent > l.lookback {
		return "lost"
	}
	own := gapsOf(days)
	var all []int
	for _, c := range l.customers() {
		all = append(all, gapsOf(l.days(c, ref))...)
	}
	n := min(len(own), 5)
	if len(all) > 0 && 5*silent > n*percentile95(own)+(5-n)*percentile95(all) {
		return "at_risk"
	}
	for i, gap := range own {
		if gap > l.lookback && ref-days[i+1] <= 90 {
			return "won_back"
		}
	}
	if ref-days[0] <= 90 && l.orders(customer, 0, ref) < 3 {
		return "new"
	}
	return l.trendOf(customer, ref)
}

func (l *ledgerOfShop) trendOf(customer string, ref int) string {
	now, _ := l.net(customer, ref-90, ref)
	var before []int64
	for k := 1; k <= 3; k++ {
		if from := ref - 90*(k+1); from >= l.first() {
			revenue, _ := l.net(customer, from, from+90)
			before = append(before, revenue)
		}
	}
	if len(before) == 0 {
		return "stable"
	}
	var sum int64
	for _, b := range before {
		sum += b
	}
	change := now*int64(len(before)) - sum
	switch {
	case 4*change > max(sum, -sum):
		return "growing"
	case 4*change < -max(sum, -sum):
		return "declining"
	}
	return "stable"
}

func (l *ledgerOfShop) stages() []string {
	var out []string
	for _, c := range l.everyone(l.asOf) {
		interactions := 0
		for _, e := range l.events {
			if e.customer == c && e.day < l.asOf {
				interactions++
			}
		}
		out = append(out, fmt.Sprintf("%s|%s|%d|%d", c, l.stageOf(c, l.asOf), l.orders(c, 0, l.asOf), interactions))
	}
	return out
}

func (l *ledgerOfShop) transitions() []string {
	before := l.everyone(l.asOf - 1)
	var out []string
	for _, c := range l.everyone(l.asOf) {
		from, to := "-", l.stageOf(c, l.asOf)
		if slices.Contains(before, c) {
			from = l.stageOf(c, l.asOf-1)
		}
		if from != to {
			out = append(out, c+"|"+from+"|"+to)
		}
	}
	return out
}

func (l *ledgerOfShop) windows() []string {
	var out []string
	for _, c := range l.customers() {
		if l.asOf-365 < l.first() {
			panic("the shop is too young for its windows")
		}
		line := c
		for _, days := range windowDays {
			from := l.asOf - days
			spend, _ := l.ordered(c, from, l.asOf)
			line += fmt.Sprintf("|%d|%s|%d.0", l.orders(c, from, l.asOf), whole(spend), l.units(c, from, l.asOf))
		}
		out = append(out, line)
	}
	return out
}

// windowDays are the windows of customer_volume.
var windowDays = []int{7, 14, 30, 60, 90, 180, 365}

func windowColumns() string {
	var b strings.Builder
	for _, days := range windowDays {
		fmt.Fprintf(&b, ", orders_%[1]d, round(100 * spend_%[1]d), units_%[1]d", days)
	}
	return b.String()
}

// units are those ordered in [from, to).
func (l *ledgerOfShop) units(customer string, from, to int) (units int64) {
	for _, o := range l.lines {
		if o.customer == customer && o.day >= from && o.day < to {
			units += o.quantity
		}
	}
	return units
}

// whole writes hundreds of an amount as DuckDB writes a rounded DOUBLE.
func whole(amount int64) string { return fmt.Sprintf("%.1f", math.Round(float64(amount)/100)) }

func (l *ledgerOfShop) gapFigures() []string {
	var out []string
	for _, c := range l.customers() {
		days := l.days(c, l.asOf)
		line := fmt.Sprintf("%s|%d", c, l.asOf-days[len(days)-1])
		if gaps := gapsOf(days); len(gaps) > 0 {
			sum := 0
			for _, g := range gaps {
				sum += g
			}
			line += fmt.Sprintf("|%d|%d|%.1f", gaps[len(gaps)-1], slices.Max(gaps), math.Round(1000*float64(sum)/float64(len(gaps))))
		}
		out = append(out, line)
	}
	return out
}

// cents rounds 1/10,000 to 1/100, halves away from zero.
func cents(x int64) int64 { return int64(math.Round(float64(x) / 100)) }

func centsText(x int64) string { return strings.TrimSuffix(money(100*x), "00") }

type yearOf struct {
	customer        string
	margin, revenue int64 // cents
}

// year is what the customers with an order or a return in W(365) brought in it.
func (l *ledgerOfShop) year() []yearOf {
	var out []yearOf
	for _, c := range l.customers() {
		in := l.orders(c, l.asOf-365, l.asOf) > 0
		for _, e := range l.events {
			in = in || e.customer == c && e.kind == "return" && e.day >= l.asOf-365
		}
		if in {
			revenue, margin := l.net(c, l.asOf-365, l.asOf)
			out = append(out, yearOf{c, cents(margin), cents(revenue)})
		}
	}
	return out
}

func (l *ledgerOfShop) tiers() []string {
	year := l.year()
	slices.SortFunc(year, func(a, b yearOf) int {
		if a.margin != b.margin {
			return int(b.margin - a.margin)
		}
		return strings.Compare(a.customer, b.customer)
	})
	ranks := map[string]int{}
	for i, y := range year {
		ranks[y.customer] = i + 1
	}
	var out []string
	for _, c := range l.customers() {
		_, margin := l.net(c, l.asOf-365, l.asOf)
		rank, three, four := ranks[c], "rest", 4
		if better, n := rank-1, len(year); rank > 0 {
			switch {
			case 100*better < n:
				three, four = "best", 1
			case 10*better < n:
				three, four = "second", 2
			case 5*better < n:
				three, four = "second", 3
			case 10*better < 6*n:
				four = 3
			}
		}
		out = append(out, fmt.Sprintf("%s|%s|%d|%s|%d", c, centsText(cents(margin)), rank, three, four))
	}
	return out
}

func (l *ledgerOfShop) classes() []string {
	year := l.year()
	class := func(amount func(yearOf) int64) map[string]int64 {
		sorted := slices.SortedFunc(slices.Values(year), func(a, b yearOf) int {
			if amount(a) != amount(b) {
				return int(amount(b) - amount(a))
			}
			return strings.Compare(a.customer, b.customer)
		})
		var total, before int64
		for _, y := range sorted {
			total += amount(y)
		}
		out := map[string]int64{}
		for _, y := range sorted {
			out[y.customer] = min(10*before/total+1, 10)
			before += amount(y)
		}
		return out
	}
	profit, purchase := class(func(y yearOf) int64 { return y.margin }), class(func(y yearOf) int64 { return y.revenue })
	var out []string
	for _, y := range year {
		out = append(out, fmt.Sprintf("%s|%d|%d", y.customer, profit[y.customer], purchase[y.customer]))
	}
	return out
}

func (l *ledgerOfShop) values() []string {
	var out []string
	for _, c := range l.customers() {
		_, margin := l.net(c, 0, l.asOf)
		orders, perOrder := l.expected(c)
		historical, current := cents(margin), int64(math.Round(100*orders*perOrder))
		future, potential, full := current, "-", "-"
		if l.orders(c, l.asOf-l.lookback, l.asOf) > 0 {
			var sum int64
			for _, m := range l.offered(c) {
				sum += cents(m)
			}
			future, potential = current+sum, centsText(sum)
			full = strconv.FormatBool(len(l.offered(c)) < 2) // every second offer rests on years so far
		}
		out = append(out, strings.Join([]string{c, centsText(historical), centsText(current), potential, centsText(future), centsText(historical + future), full}, "|"))
	}
	return out
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func (l *ledgerOfShop) spendAlerts() []string {
	var out []string
	for _, c := range l.customers() {
		days := l.days(c, l.asOf)
		if l.asOf-days[len(days)-1] > l.lookback {
			continue
		}
		var before []float64
		for k := 1; k <= 12; k++ {
			if from := l.asOf - 30*(k+1); from >= days[0] {
				revenue, _ := l.net(c, from, from+30)
				before = append(before, float64(revenue)/1e4)
			}
		}
		if len(before) < 6 {
			continue
		}
		revenue, _ := l.net(c, l.asOf-30, l.asOf)
		if alert := spendAlert(float64(revenue)/1e4, before); alert != "" {
			out = append(out, c+"|"+alert)
		}
	}
	return out
}

func spendAlert(now float64, before []float64) string {
	middle, mean := median(before), 0.0
	deviations := make([]float64, len(before))
	for i, b := range before {
		deviations[i] = math.Abs(b - middle)
		mean += deviations[i] / float64(len(before))
	}
	spread, floor := 1.4826*median(deviations), 1.4826*(0.1*math.Abs(middle))
	if spread == 0 {
		if spread = 1.253314 * mean; now >= slices.Min(before) && now <= slices.Max(before) {
			return ""
		}
	}
	spread = max(spread, floor)
	switch {
	case now > middle && now-middle > 3*spread:
		return "spend_rise"
	case now < middle && middle-now > 3*spread:
		return "spend_drop"
	}
	return ""
}

// active tells whether a customer was active at the end of a day.
func (l *ledgerOfShop) active(customer string, day int) bool {
	return l.orders(customer, day+1-l.lookback, day+1) > 0
}

func (l *ledgerOfShop) activity() []string {
	var out []string
	for day := max(l.first(), l.asOf-365); day < l.asOf; day++ {
		active, fresh, back, lost := 0, 0, 0, 0
		for _, c := range l.customers() {
			was, is := l.active(c, day-1), l.active(c, day)
			switch {
			case is && !was && l.days(c, l.asOf)[0] == day:
				fresh++
			case is && !was:
				back++
			case was && !is:
				lost++
			}
			if is {
				active++
			}
		}
		count := "-"
		if day+1-l.lookback >= l.first() {
			count = fmt.Sprint(active)
		}
		out = append(out, fmt.Sprintf("%d|%s|%d|%d|%d", l.asOf-day, count, fresh, back, lost))
	}
	return out
}

// monthSpans are the first and the last day of each month since the first record.
func (l *ledgerOfShop) monthSpans() map[string][2]int {
	starts := map[string][2]int{}
	for day := l.first(); day < l.asOf; day++ {
		month := l.date(day)[:7] + "-01"
		if span, ok := starts[month]; ok {
			starts[month] = [2]int{span[0], day}
		} else {
			starts[month] = [2]int{day, day}
		}
	}
	return starts
}

func (l *ledgerOfShop) months() []string {
	var out []string
	for month, span := range l.monthSpans() {
		fresh, churned, orders := 0, 0, 0
		var revenue int64
		for _, c := range l.customers() {
			if first := l.days(c, l.asOf)[0]; first >= span[0] && first <= span[1] {
				fresh++
			}
			if l.active(c, span[0]-1) && !l.active(c, span[1]) {
				churned++
			}
			orders += l.orders(c, span[0], span[1]+1)
			net, _ := l.net(c, span[0], span[1]+1)
			revenue += net
		}
		out = append(out, fmt.Sprintf("%s|%d|%d|%d|%s", month, fresh, churned, orders, centsText(cents(revenue))))
	}
	return out
}
