package clv

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// ValueFit is the fitted value of an order.
type ValueFit struct {
	Params  GammaGamma `json:"params"` // all zero when nothing was fitted
	Outcome Outcome    `json:"outcome"`
	// Excluded customers had values whose mean was not positive; Gamma-Gamma
	// does not know such, so they are predicted by [Credibility].
	Excluded float64 `json:"excluded"`
	// Correlation of frequency and mean value over customers. The model assumes
	// none; beyond about 0.3 either way its values are biased for frequent buyers.
	Correlation float64 `json:"correlation"`
}

// money is the values of customers with the same number of valued orders and the
// same mean.
type money struct {
	n      int
	mean   float64
	weight float64
}

// ggData is what the likelihood needs, values in units of their mean so that one
// set of starts and edges serves every currency.
type ggData struct {
	rows   []money
	lnMean []float64
	byN    []money // mean unused: weight of each distinct n
	group  []int32 // of each row, into byN
	unit   float64
	weight float64
}

func newGGData(rows []money) *ggData {
	d := &ggData{rows: slices.Clone(rows)}
	slices.SortFunc(d.rows, func(a, b money) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.mean, b.mean)) })
	for _, r := range d.rows {
		d.weight += r.weight
	}
	for _, r := range d.rows {
		d.unit += r.mean * (r.weight / d.weight)
	}
	for i := range d.rows {
		r := &d.rows[i]
		if i == 0 || r.n != d.rows[i-1].n {
			d.byN = append(d.byN, money{n: r.n})
		}
		r.mean = math.Max(r.mean/d.unit, 1e-9) // keeps 1/mean finite
		d.byN[len(d.byN)-1].weight += r.weight
		d.group = append(d.group, int32(len(d.byN)-1))
		d.lnMean = append(d.lnMean, math.Log(r.mean))
	}
	return d
}

// nll is the mean negative log-likelihood and its gradient over (ln p, ln q,
// ln γ). With y = n m and L = ln(1+γ/y), the log-likelihood of a row is
//
//	ln Γ(pn+q)/Γ(pn) - ln Γ(q) + q (ln γ - ln y) - (pn+q) L - ln m
//
// (equation 1a of the paper, rearranged so that nothing large cancels).
func (d *ggData) nll(theta, grad []float64) float64 {
	p, q, v := math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2])
	lgq, _ := math.Lgamma(q)
	psiQ := mathext.Digamma(q)
	var ll, gp, gq, gv float64
	for _, g := range d.byN {
		n := float64(g.n)
		psi := mathext.Digamma(p*n + q)
		ll += g.weight * (lgammaRise(p*n, q) - lgq)
		gp += g.weight * n * (psi - mathext.Digamma(p*n))
		gq += g.weight * (psi - psiQ)
	}
	for i, r := range d.rows {
		n := float64(r.n)
		y := n * r.mean
		l, rel := math.Log1p(v/y), theta[2]-d.lnMean[i]-math.Log(n)
		ll += r.weight * (q*rel - (p*n+q)*l - d.lnMean[i])
		gp -= r.weight * n * l
		gq += r.weight * (rel - l)
		gv += r.weight * (q/v - (p*n+q)/(v+y))
	}
	grad[0], grad[1], grad[2] = -p*gp/d.weight, -q*gq/d.weight, -v*gv/d.weight
	return -ll / d.weight
}

var (
	ggLow  = logs(1e-2, 1e-2, 1e-4)
	ggHigh = logs(1e4, 1e3, 1e4)
)

// fitValues fits Gamma-Gamma to the rows whose mean value is positive. It never
// fails: what keeps the model from being used is in the outcome.
func fitValues(rows []Row, minValued int) ValueFit {
	fit := ValueFit{}
	var used []money
	for _, r := range rows {
		switch {
		case r.Values == 0:
		case r.Value <= 0:
			fit.Excluded += r.weight()
		default:
			used = append(used, money{r.Values, r.Value, r.weight()})
		}
	}
	fit.Correlation = correlation(rows)
	d := newGGData(used)
	fit.Outcome.Customers = d.weight
	if d.weight < float64(minValued) {
		fit.Outcome.Fallback = fmt.Sprintf("customers with a positive value: %.0f; the model needs %d", d.weight, minValued)
		return fit
	}
	if d.spread() < 1e-12 {
		fit.Outcome.Fallback = "all customers have the same mean value"
		return fit
	}
	var starts [][]float64
	for _, s := range []GammaGamma{{6, 4, 0.5}, {1, 3, 2}, {20, 2, 0.05}, {2, 20, 10}} {
		starts = append(starts, logs(s.P, s.Q, s.V))
	}
	theta, edge, outcome := problem{nll: d.nll, lo: ggLow, hi: ggHigh, weight: d.weight}.solve(starts)
	fit.Outcome = outcome
	fit.Params = GammaGamma{math.Exp(theta[0]), math.Exp(theta[1]), math.Exp(theta[2]) * d.unit}
	fit.Outcome.LogLikelihood -= d.weight * math.Log(d.unit)
	fit.judge(edge)
	return fit
}

func (f *ValueFit) judge(edge []int) {
	o := &f.Outcome
	if edge[0] > 0 {
		o.Limits = append(o.Limits, "p: all orders of a customer have the same value")
	}
	if edge[1] > 0 || edge[2] > 0 {
		o.Limits = append(o.Limits, "q, v: all customers have the same mean value")
	}
	reason := ""
	switch {
	case f.Params.Q <= 1.01:
		reason = fmt.Sprintf("q is %.3g; at 1 and below the mean value over customers is infinite", f.Params.Q)
	case edge[0] < 0 || edge[2] < 0 || !f.Params.valid():
		reason = "a parameter fell to the edge of what is searched"
	}
	if reason != "" && o.Fallback == "" {
		o.Fallback = "degenerate optimum: " + reason
	}
}

// spread is the variance of the means, in squares of their mean.
func (d *ggData) spread() float64 {
	s := 0.0
	for _, r := range d.rows {
		s += r.weight / d.weight * (r.mean - 1) * (r.mean - 1)
	}
	return s
}

// correlation of frequency and mean value, over rows with a value; 0 when
// either is constant.
func correlation(rows []Row) float64 {
	var w, mx, my, cxx, cyy, cxy float64
	for _, r := range rows {
		if r.Values == 0 {
			continue
		}
		k := r.weight()
		w += k
		dx, dy := float64(r.Frequency)-mx, r.Value-my
		mx += dx * k / w
		my += dy * k / w
		cxx += k * dx * (float64(r.Frequency) - mx)
		cyy += k * dy * (r.Value - my)
		cxy += k * dx * (r.Value - my)
	}
	if c := cxy / (math.Sqrt(cxx) * math.Sqrt(cyy)); finite(c) {
		return c
	}
	return 0
}
