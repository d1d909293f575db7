package shop

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// diary is a whole shop in memory: what the signal tests look at.
type diary struct {
	shop   *Shop
	orders []orderLine
	events []interaction
	// buys are the days of a customer's orders, visits those of its visits
	// that are not part of an order, in order.
	buys, visits [][]int
}

func (d *diary) order(l *orderLine) error {
	d.orders = append(d.orders, *l)
	if l.line == 1 {
		d.buys[l.customer] = append(d.buys[l.customer], l.day)
	}
	return nil
}

func (d *diary) interaction(i *interaction) error {
	d.events = append(d.events, *i)
	if i.kind == visit {
		d.visits[i.customer] = append(d.visits[i.customer], i.day)
	}
	return nil
}

// lived is the default shop with 1,500 customers, lived through once.
var lived = sync.OnceValue(func() *diary {
	cfg := Default()
	cfg.Customers = 1500
	s, err := New(cfg)
	if err != nil {
		panic(err)
	}
	d := &diary{shop: s, buys: make([][]int, cfg.Customers), visits: make([][]int, cfg.Customers)}
	s.populate(cfg.Customers, 1)
	for day := range s.days {
		if err := s.liveDay(day, d); err != nil {
			panic(err)
		}
	}
	return d
})

// within counts the days in [from, to).
func within(days []int, from, to int) int {
	lo, _ := slices.BinarySearch(days, from)
	hi, _ := slices.BinarySearch(days, to)
	return hi - lo
}

func TestNobodyBuysAfterLeaving(t *testing.T) {
	t.Parallel()
	d := lived()
	for i, c := range d.shop.customers {
		if n := within(d.buys[i], int(c.left), never) + within(d.visits[i], int(c.left), never); n > 0 {
			t.Errorf("customer %d: %d orders or visits after leaving", i, n)
		}
		if n := within(d.buys[i], 0, int(c.joined)); n > 0 {
			t.Errorf("customer %d: %d orders before joining", i, n)
		}
	}
}

func TestPurchasesFollowTheRate(t *testing.T) {
	t.Parallel()
	d := lived()
	want, got := 0.0, 0
	for i, c := range d.shop.customers {
		from, to := max(int(c.joined), 0), min(int(c.fade), d.shop.days)
		want += float64(c.orderRate) * float64(max(to-from-1, 0))
		got += within(d.buys[i], from+1, to)
	}
	// Clicks add some orders, lulls take some.
	if ratio := float64(got) / want; ratio < .9 || ratio > 1.15 {
		t.Errorf("%d orders for %.0f expected", got, want)
	}
}

func TestVisitsFallBeforeLeaving(t *testing.T) {
	t.Parallel()
	d := lived()
	before, fading, leavers := 0, 0, 0
	for i, c := range d.shop.customers {
		left := int(c.left)
		if left >= d.shop.days || int(c.joined) > left-90 || left < 90 {
			continue
		}
		leavers++
		before += within(d.visits[i], left-90, left-60)
		fading += within(d.visits[i], left-30, left)
	}
	if leavers < 300 || float64(fading) > .75*float64(before) || float64(fading) < .2*float64(before) {
		t.Errorf("%d leavers: %d visits 60 to 90 days before, %d in the last 30; want a fall, and not to nothing", leavers, before, fading)
	}
}

// leaveWithin is the share of (customer, day) pairs whose customer decides to
// leave in the 60 days from that day on.
func leaveWithin(d *diary, at [][2]int) float64 {
	leave := 0
	for _, p := range at {
		if fade := int(d.shop.customers[p[0]].fade); fade >= p[1] && fade < p[1]+60 {
			leave++
		}
	}
	return float64(leave) / float64(len(at))
}

func TestUnsettledComplaintsDriveCustomersAway(t *testing.T) {
	t.Parallel()
	d := lived()
	settled := map[[3]int]bool{}
	for _, e := range d.events {
		if e.kind == complaintResolved {
			settled[[3]int{e.customer, e.answersDay, e.answersSeq}] = true
		}
	}
	var open, closed, none [][2]int
	for _, e := range d.events {
		if e.day > d.shop.days-90 || d.shop.customers[e.customer].fade < uint16(e.day) {
			continue
		}
		at := [2]int{e.customer, e.day}
		switch {
		case e.kind == complaint && settled[[3]int{e.customer, e.day, e.seq}]:
			closed = append(closed, at)
		case e.kind == complaint:
			open = append(open, at)
		case e.kind == visit:
			none = append(none, at)
		}
	}
	if len(open) < 80 || leaveWithin(d, open) < 1.8*leaveWithin(d, closed) || leaveWithin(d, open) < 3*leaveWithin(d, none) {
		t.Errorf("leave within 60 days: %d unsettled %.3f, %d settled %.3f, others %.3f", len(open), leaveWithin(d, open),
			len(closed), leaveWithin(d, closed), leaveWithin(d, none))
	}
}

func TestTooManyMailsDriveCustomersAway(t *testing.T) {
	t.Parallel()
	d := lived()
	mails := make([][]int, len(d.buys))
	for _, e := range d.events {
		if e.kind == emailSent || e.kind == campaignSent {
			mails[e.customer] = append(mails[e.customer], e.day)
		}
	}
	var few, many [][2]int
	for i, c := range d.shop.customers {
		for day := 60; day < d.shop.days-60; day += 30 {
			if day < int(c.joined)+30 || day > int(c.fade) {
				continue
			}
			if n := within(mails[i], day-30, day); n >= 7 {
				many = append(many, [2]int{i, day})
			} else if n <= 2 {
				few = append(few, [2]int{i, day})
			}
		}
	}
	if len(many) < 100 || leaveWithin(d, many) < 1.25*leaveWithin(d, few) {
		t.Errorf("leave within 60 days: %d mailed much %.3f, %d little %.3f", len(many), leaveWithin(d, many), len(few), leaveWithin(d, few))
	}
}

func TestTasteShowsInPurchases(t *testing.T) {
	t.Parallel()
	d := lived()
	n := len(d.shop.goods.names)
	bought := make([][maxCategories]int, len(d.buys))
	for _, l := range d.orders {
		bought[l.customer][d.shop.goods.products[l.product].category]++
	}
	top, all := 0, 0
	for i, c := range d.shop.customers {
		favourite := 0
		for k := range n {
			all += bought[i][k]
			if c.taste[k] > c.taste[favourite] {
				favourite = k
			}
		}
		top += bought[i][favourite]
	}
	if share := float64(top) / float64(all); share < 3/float64(n) {
		t.Errorf("favourites are %.3f of all lines, want more than %.3f", share, 3/float64(n))
	}
}

func TestLookingComesBeforeTheFirstPurchase(t *testing.T) {
	t.Parallel()
	d := lived()
	first := map[[2]int]int{} // customer, category: day
	for _, l := range d.orders {
		key := [2]int{l.customer, int(d.shop.goods.products[l.product].category)}
		if _, ok := first[key]; !ok {
			first[key] = l.day
		}
	}
	far, near, cases := 0, 0, 0
	for key, day := range first {
		if day > 120 && day > int(d.shop.customers[key[0]].joined)+120 {
			cases++
		} else {
			delete(first, key)
		}
	}
	for _, e := range d.events {
		day, ok := first[[2]int{e.customer, e.category}]
		if e.kind != view || !ok {
			continue
		}
		if e.day >= day-30 && e.day < day {
			near++
		} else if e.day >= day-120 && e.day < day-90 {
			far++
		}
	}
	if cases < 500 || float64(near) < 2*float64(far) {
		t.Errorf("%d first purchases: %d views in the 30 days before, %d in those 90 earlier", cases, near, far)
	}
}

func TestSeasons(t *testing.T) {
	t.Parallel()
	d := lived()
	var months [maxCategories][13]int
	for _, l := range d.orders {
		months[d.shop.goods.products[l.product].category][d.shop.stamps[l.day].date.Month()]++
	}
	for name, m := range map[string][2]time.Month{"Garden": {time.April, time.October}, "Toys": {time.December, time.July}, "Gifts": {time.December, time.June}} {
		k := slices.Index(d.shop.goods.names, name)
		if high, low := months[k][m[0]], months[k][m[1]]; high < 2*low {
			t.Errorf("%s: %d lines in %s, %d in %s", name, high, m[0], low, m[1])
		}
	}
}

// TestChurnIsNeitherHopelessNorGiven looks at the best single columns of an
// honest model: they must rank well, and leave something to find.
func TestChurnIsNeitherHopelessNorGiven(t *testing.T) {
	t.Parallel()
	d := lived()
	var recency, quiet []float64
	var churned []bool
	for _, cutoff := range []int{400, 500, 600} {
		for i := range d.buys {
			if within(d.buys[i], cutoff-180, cutoff) == 0 {
				continue
			}
			at, _ := slices.BinarySearch(d.buys[i], cutoff)
			recency = append(recency, float64(cutoff-d.buys[i][at-1]))
			quiet = append(quiet, -float64(within(d.visits[i], cutoff-90, cutoff)))
			churned = append(churned, within(d.buys[i], cutoff, cutoff+90) == 0)
		}
	}
	for name, score := range map[string][]float64{"recency": recency, "visits in 90 days": quiet} {
		if a := auc(score, churned); a < .68 || a > .88 {
			t.Errorf("AUC of %s is %.3f, want 0.68 to 0.88", name, a)
		}
	}
	share := 0.0
	for _, c := range churned {
		if c {
			share += 1 / float64(len(churned))
		}
	}
	if share < .25 || share > .55 {
		t.Errorf("%.3f of active customers churn, want 0.25 to 0.55", share)
	}
}

// auc is the chance that a random positive scores above a random negative,
// ties counting half.
func auc(score []float64, positive []bool) float64 {
	var pos, neg []float64
	for i, s := range score {
		if positive[i] {
			pos = append(pos, s)
		} else {
			neg = append(neg, s)
		}
	}
	slices.Sort(neg)
	wins := 0.0
	for _, s := range pos {
		below, _ := slices.BinarySearch(neg, s)
		upTo, _ := slices.BinarySearchFunc(neg, s, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		wins += float64(below+upTo) / 2
	}
	return wins / float64(len(pos)) / float64(len(neg))
}
