package clv

import "math"

// Empirical is the rule that predicts purchases when BG/NBD is not used. It has
// no search that could fail, and exists for every set of customers.
//
// Repeat buyers: a Poisson process whose rate is shrunk to the population by one
// order in the population's mean gap G, and which ends after a repeat order with
// probability D, the same for all. With x orders in t_x days and T-t_x days of
// silence since:
//
//	L        = ((t_x+G)/(T+G))^(x+1)          P(silence | alive)
//	P(alive) = (1-D) L / ((1-D) L + D)
//	P(no order in h) = 1 - P(alive) (1 - ((T+G)/(T+G+h))^(x+1))
//	E[orders in h]   = P(alive) (1 - (1 + D h/(T+G))^-(x+1)) / D
//
// G is Σ t_x / Σ x over repeat buyers. D maximises
// Σ (x-1) ln(1-D) + ln((1-D) L + D), which is concave, with one dropout in ten
// orders added so that it stays inside (0, 1).
//
// One-time buyers are a cohort of their own, [OneTime]: their probability of an
// order is the return rate at their age, their expected orders are the return and
// what a repeat buyer who has just returned goes on to order, and P(alive) is the
// probability of a return within two years.
type Empirical struct {
	Gap     float64 `json:"gap"`     // G, days
	Dropout float64 `json:"dropout"` // D
	OneTime OneTime `json:"one_time"`
}

func newEmpirical(rows []Row) Empirical {
	var span, orders, ages, customers float64
	for _, r := range rows {
		w := r.weight()
		span += w * float64(r.Recency)
		orders += w * float64(r.Frequency)
		ages += w * float64(r.Age)
		customers += w
	}
	e := Empirical{OneTime: newOneTime(rows), Gap: math.Max(ages/customers, 1)}
	if orders > 0 {
		e.Gap = math.Max(span/orders, 1)
	}
	e.Dropout = e.dropout(rows)
	return e
}

// dropout finds D: the derivative of what it maximises falls, so its zero is
// bisected.
func (e Empirical) dropout(rows []Row) float64 {
	type last struct{ quiet, weight float64 }
	var lasts []last
	survived := 9.0 // repeat orders that were not the last, nine of them invented
	for _, r := range rows {
		if r.Frequency > 0 {
			lasts = append(lasts, last{e.quiet(r), r.weight()})
			survived += r.weight() * float64(r.Frequency-1)
		}
	}
	lo, hi := 1e-9, 1-1e-9
	for range 50 {
		d := (lo + hi) / 2
		slope := 1/d - survived/(1-d)
		for _, l := range lasts {
			slope += l.weight * (1 - l.quiet) / ((1-d)*l.quiet + d)
		}
		if slope > 0 {
			lo = d
		} else {
			hi = d
		}
	}
	return (lo + hi) / 2
}

func (e Empirical) quiet(r Row) float64 {
	return math.Exp(-float64(r.Frequency+1) * math.Log1p(float64(r.silence())/(float64(r.Recency)+e.Gap)))
}

func (e Empirical) pAlive(r Row) float64 {
	if r.Frequency == 0 {
		return e.OneTime.Returns(float64(r.Age), aliveYears*365)
	}
	l := (1 - e.Dropout) * e.quiet(r)
	return l / (l + e.Dropout)
}

func (e Empirical) pNoOrder(r Row, h float64) float64 {
	if r.Frequency == 0 {
		return 1 - e.OneTime.Returns(float64(r.Age), h)
	}
	orders := -math.Expm1(-float64(r.Frequency+1) * math.Log1p(h/(float64(r.Age)+e.Gap)))
	return 1 - e.pAlive(r)*orders
}

func (e Empirical) expected(r Row, h float64) float64 {
	if r.Frequency > 0 {
		return e.pAlive(r) * e.goesOn(r.Frequency, float64(r.Age), h)
	}
	const most = 1000
	n := math.Min(math.Max(math.Ceil(h/week), 1), most)
	step, age := h/n, float64(r.Age)
	sum, before := 0.0, 0.0
	for i := 1.0; i <= n; i++ {
		until := e.OneTime.Returns(age, i*step)
		left := h - (i-0.5)*step
		sum += (until - before) * (1 + (1-e.Dropout)*e.goesOn(1, age+h-left, left))
		before = until
	}
	return sum
}

// goesOn is E[orders in h] of a living repeat buyer.
func (e Empirical) goesOn(x int, age, h float64) float64 {
	return -math.Expm1(-float64(x+1)*math.Log1p(e.Dropout*h/(age+e.Gap))) / e.Dropout
}

func (e Empirical) valid() bool {
	return e.Gap > 0 && finite(e.Gap) && e.Dropout > 0 && e.Dropout < 1 && e.OneTime.valid()
}

// Credibility is the rule for the value of an order when Gamma-Gamma is not
// used, or does not know the case (a mean that is not positive): Bühlmann's
// credibility estimate
//
//	(n m + K Mean) / (n + K),   K = variance within / variance between customers.
//
// The two variances come from the regression of (m - Mean)^2 on 1/n; K is kept in
// [0.25, 20], and is 1 where the regression says nothing.
type Credibility struct {
	Mean float64 `json:"mean"` // of customers' means; 0 when no value is known at all
	K    float64 `json:"k"`
}

func newCredibility(rows []Row) Credibility {
	c := Credibility{K: 1}
	var w, mi, ms, cii, cis float64
	for _, r := range rows {
		if r.Values > 0 {
			w += r.weight()
			c.Mean += (r.Value - c.Mean) * r.weight() / w
		}
	}
	w = 0
	for _, r := range rows {
		if r.Values == 0 {
			continue
		}
		k, inv, sq := r.weight(), 1/float64(r.Values), (r.Value-c.Mean)*(r.Value-c.Mean)
		w += k
		di, ds := inv-mi, sq-ms
		mi += di * k / w
		ms += ds * k / w
		cii += k * di * (inv - mi)
		cis += k * ds * (inv - mi)
	}
	if cii <= 0 || ms <= 0 {
		return c
	}
	within := cis / cii
	between := ms - within*mi
	switch k := within / between; {
	case between <= 0:
		c.K = 20
	case finite(k):
		c.K = math.Min(math.Max(k, 0.25), 20)
	}
	return c
}

// Expected is the value of the next order, given the mean m of n orders.
func (c Credibility) Expected(m float64, n int) float64 {
	return (float64(n)*m + c.K*c.Mean) / (float64(n) + c.K)
}
