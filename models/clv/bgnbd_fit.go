package clv

import (
	"fmt"
	"math"
	"slices"
)

// PurchaseFit is the fitted purchase process.
type PurchaseFit struct {
	Params  BGNBD   `json:"params"` // times in weeks; all zero when nothing was fitted
	Outcome Outcome `json:"outcome"`
	// Observed and Modelled repeat orders of all customers together. A model
	// that fits has them close; Outcome does not judge it.
	Observed float64 `json:"observed"`
	Modelled float64 `json:"modelled"`
	Distinct int     `json:"distinct"` // distinct (x, t_x, T) after aggregation
}

// bgData is the purchase histories, arranged so that one pass over the distinct
// rows costs one exponential and one logarithm each. With
//
//	d = ln a/(b+x-1) + (r+x) ln((α+T)/(α+t_x))
//
// the log-likelihood of a row is
//
//	ln (r)_x - Σ_{i<x} ln(1+a/(b+i)) - r ln(1+T/α) - x ln(α+T) + [x>0] ln(1+e^d):
//
// the first two terms depend on x alone, the next two on T alone, so they are
// summed once per distinct x and T; ln(1+t/α) is looked up. x is whole, so ratios
// of gamma functions are sums over i < x, exact where lgamma would cancel.
type bgData struct {
	repeat []bgRow // x > 0
	times  []float64
	ages   []bgAge
	above  []float64 // above[i]: customers with x > i
	weight float64
}

type bgRow struct {
	x        float64
	tx, t    int32 // into times
	lessOne  int32 // x-1
	weighted float64
}

type bgAge struct {
	time              int32
	customers, orders float64
}

func newBGData(rows []obs) *bgData {
	d := &bgData{}
	for _, o := range rows {
		d.times = append(d.times, o.tx, o.t)
	}
	slices.Sort(d.times)
	d.times = slices.Compact(d.times)
	index := make(map[float64]int32, len(d.times))
	for i, t := range d.times {
		index[t] = int32(i)
	}
	byAge := make([]bgAge, len(d.times))
	for _, o := range rows {
		for len(d.above) < o.x {
			d.above = append(d.above, 0)
		}
		if o.x > 0 {
			d.above[o.x-1] += o.weight
			d.repeat = append(d.repeat, bgRow{float64(o.x), index[o.tx], index[o.t], int32(o.x - 1), o.weight})
		}
		age := &byAge[index[o.t]]
		age.customers += o.weight
		age.orders += o.weight * float64(o.x)
		d.weight += o.weight
	}
	for i := len(d.above) - 2; i >= 0; i-- {
		d.above[i] += d.above[i+1]
	}
	for i, a := range byAge {
		if a.time = int32(i); a.customers > 0 {
			d.ages = append(d.ages, a)
		}
	}
	return d
}

// nll is the mean negative log-likelihood and its gradient over
// (ln r, ln α, ln a, ln b).
func (d *bgData) nll(theta, grad []float64) float64 {
	r, alpha, a, b := math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]), math.Exp(theta[3])
	var ll, gr, galpha, ga, gb float64
	oddsBy := make([]float64, len(d.above)) // ln a/(b+i)
	overB := make([]float64, len(d.above))
	for i, w := range d.above {
		n := float64(i)
		overB[i] = 1 / (b + n)
		oddsBy[i] = theta[2] - math.Log(b+n)
		ll += w * (math.Log(r+n) - math.Log1p(a*overB[i]))
		gr += w / (r + n)
		ga -= w / (a + b + n)
		gb += w * a * overB[i] / (a + b + n)
	}
	grown := make([]float64, len(d.times)) // ln(1+t/α)
	over := make([]float64, len(d.times))
	for i, t := range d.times {
		grown[i], over[i] = math.Log1p(t/alpha), 1/(alpha+t)
	}
	for _, g := range d.ages {
		l, inv := grown[g.time], over[g.time]
		ll -= r*g.customers*l + g.orders*(theta[1]+l)
		gr -= g.customers * l
		galpha += (r*g.customers*d.times[g.time]/alpha - g.orders) * inv
	}
	for i := range d.repeat {
		o := &d.repeat[i]
		shape, longer := r+o.x, grown[o.t]-grown[o.tx]
		value, gone := softplusSigmoid(oddsBy[o.lessOne] + shape*longer)
		gone *= o.weighted
		ll += o.weighted * value
		gr += gone * longer
		galpha += gone * shape * (over[o.t] - over[o.tx])
		ga += gone / a
		gb -= gone * overB[o.lessOne]
	}
	grad[0], grad[1], grad[2], grad[3] = -r*gr/d.weight, -alpha*galpha/d.weight, -a*ga/d.weight, -b*gb/d.weight
	return -ll / d.weight
}

// softplusSigmoid is ln(1+e^v) and its derivative, from one exponential. The
// value is exact to rounding of 1, not of itself, which is all that a sum needs,
// and half as dear.
func softplusSigmoid(v float64) (value, slope float64) {
	if v > 0 {
		e := math.Exp(-v)
		return v + math.Log(1+e), 1 / (1 + e)
	}
	e := math.Exp(v)
	return math.Log(1 + e), e / (1 + e)
}

// The edges of what is searched, in weeks. Beyond them parameters differ by
// nothing that data could show.
var (
	bgLow  = logs(1e-3, 1e-2, 1e-4, 1e-3)
	bgHigh = logs(1e3, 1e6, 1e3, 1e4)
)

// fitPurchases fits BG/NBD to aggregated rows. It never fails: what keeps the
// model from being used is in the outcome.
func fitPurchases(rows []obs, minRepeat int) PurchaseFit {
	d := newBGData(rows)
	fit := PurchaseFit{Distinct: len(rows), Outcome: Outcome{Customers: d.weight}}
	exposure, repeaters := 0.0, 0.0
	for _, g := range d.ages {
		fit.Observed += g.orders
		exposure += g.customers * d.times[g.time]
	}
	if len(d.above) > 0 {
		repeaters = d.above[0]
	}
	if repeaters < float64(minRepeat) {
		fit.Outcome.Fallback = fmt.Sprintf("customers with an order on a second day: %.0f; the model needs %d", repeaters, minRepeat)
		return fit
	}
	rate := fit.Observed / exposure
	var starts [][]float64
	for _, s := range []BGNBD{{.25, .25, .8, 2.5}, {1, 1, .2, 5}, {1, 1, 1, 1}, {4, 4, .5, 10}} {
		starts = append(starts, logs(s.R, s.Alpha/rate, s.A, s.B))
	}
	p := problem{nll: d.nll, lo: bgLow, hi: bgHigh, weight: d.weight}
	theta, edge, outcome := p.solve(starts)
	fit.Params = BGNBD{math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]), math.Exp(theta[3])}
	fit.Outcome = outcome
	fit.judge(edge)
	for _, g := range d.ages {
		fit.Modelled += g.customers * fit.Params.Mean(d.times[g.time])
	}
	return fit
}

// judge tells limits in which the model is still a good one from degenerate
// optima, which fall back.
func (f *PurchaseFit) judge(edge []int) {
	o := &f.Outcome
	limit := func(is bool, text string) {
		if is {
			o.Limits = append(o.Limits, text)
		}
	}
	limit(edge[0] > 0, "r: all customers order at the same rate")
	dropout := f.Params.A / (f.Params.A + f.Params.B)
	limit(dropout < 1e-4, "a/(a+b): nobody drops out")
	limit(dropout >= 1e-4 && (edge[2] > 0 || edge[3] > 0), "a, b: all customers drop out with the same probability")
	reason := ""
	switch {
	case edge[0] < 0:
		reason = "r fell to its lower edge: almost nobody orders again, whom the model cannot tell from the rest"
	case edge[1] < 0 || edge[1] > 0 && edge[0] <= 0:
		reason = "alpha ran to the edge of what is searched"
	case edge[3] < 0 || dropout > 0.99:
		reason = "nearly every customer would drop out after its first repeat order"
	}
	if reason != "" && o.Fallback == "" {
		o.Fallback = "degenerate optimum: " + reason
	}
}
