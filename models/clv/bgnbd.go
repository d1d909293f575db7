package clv

import "math"

// BGNBD holds the parameters of the BG/NBD model. Times given to its methods are
// in the unit of Alpha (weeks, in what [Fit] returns): x repeat orders, the last
// of them at tx after the first order, seen until age t; 0 <= tx <= t, and tx = 0
// when x = 0. Every positive parameter is allowed; a+b < 1 and a = 1, where the
// textbook form of the expectation is 0/0 or divides by zero, are nothing special.
type BGNBD struct {
	R     float64 `json:"r"`     // shape of the order rate over customers
	Alpha float64 `json:"alpha"` // its rate: the mean order rate is R/Alpha per unit of time
	A     float64 `json:"a"`     // dropout after an order: Beta(A, B) over customers,
	B     float64 `json:"b"`     // mean A/(A+B)
}

func (m BGNBD) valid() bool {
	for _, v := range []float64{m.R, m.Alpha, m.A, m.B} {
		if !(v > 0) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// dropoutOdds is the logarithm of the odds that a customer has dropped out:
//
//	ln a/(b+x-1) + (r+x) ln((α+T)/(α+t_x))
func (m BGNBD) dropoutOdds(x int, tx, t float64) float64 {
	n := float64(max(x, 1))
	return math.Log(m.A) - math.Log(m.B+n-1) + (m.R+float64(x))*math.Log1p((t-tx)/(m.Alpha+tx))
}

// PAlive is P(alive at T | x, t_x, T):
//
//	1                                                  for x = 0
//	1 / (1 + a/(b+x-1) ((α+T)/(α+t_x))^(r+x))           for x > 0
//
// It is 1 for one-time buyers by the construction of the model; see the package
// documentation for what not to do with it.
func (m BGNBD) PAlive(x int, tx, t float64) float64 {
	if x == 0 {
		return 1
	}
	return sigmoid(-m.dropoutOdds(x, tx, t))
}

// PAliveConservative is PAlive, except that one-time buyers too may have dropped
// out, right after their first order, with the dropout distribution of repeat
// orders (the assumption of MBG/NBD, with the parameters of this model):
//
//	1 / (1 + a/b ((α+T)/α)^r)                          for x = 0
func (m BGNBD) PAliveConservative(x int, tx, t float64) float64 {
	return sigmoid(-m.dropoutOdds(x, tx, t))
}

// PNoOrder is P(no order in (T, T+h] | x, t_x, T). A customer who is alive at T
// can drop out only at an order, and its rate is Gamma(r+x, α+T), so
//
//	1 - P(alive) (1 - ((α+T)/(α+T+h))^(r+x))
func (m BGNBD) PNoOrder(x int, tx, t, h float64) float64 {
	orders := -math.Expm1(-(m.R + float64(x)) * math.Log1p(h/(m.Alpha+t)))
	return 1 - m.PAlive(x, tx, t)*orders
}

// Expected is E[orders in (T, T+h] | x, t_x, T] = P(alive) times
//
//	(a+b+x-1)/(a-1) (1 - ((α+T)/(α+T+h))^(r+x) 2F1(r+x, b+x; a+b+x-1; h/(α+T+h)))
//
// computed as [ordersAlive] does.
func (m BGNBD) Expected(x int, tx, t, h float64) float64 {
	return m.PAlive(x, tx, t) * ordersAlive(m.R+float64(x), h/(m.Alpha+t), m.A, m.B+float64(x))
}

// Mean is E[X(t)], the repeat orders to expect of a new customer within t.
func (m BGNBD) Mean(t float64) float64 { return ordersAlive(m.R, t/m.Alpha, m.A, m.B) }

// ordersAlive is the expected number of orders of a living customer whose rate
// is Gamma(shape, rate) and whose dropout is Beta(a, b), within u*rate of time:
//
//	(a+b-1)/(a-1) (1 - (1+u)^-shape 2F1(shape, b; a+b-1; u/(1+u)))
//
// That form is 0/0 at a = 1 and fails at a+b <= 1. Expanding the power inside
// the expectation over p gives the same number as a sum of positive terms,
//
//	Σ_n P(N = n) Σ_{k<n} (b)_k/(a+b)_k,   N ~ NegBin(shape, u/(1+u)):
//
// N orders would come without dropout, and the k-th of them is preceded by k
// chances to drop out. Nothing cancels. (1+u)^-shape may underflow, so its
// logarithm is kept aside and the terms are rescaled on the way.
func ordersAlive(shape, u, a, b float64) float64 {
	if u <= 0 {
		return 0
	}
	const big, tiny = 1e200, 1e-200
	z := u / (1 + u)
	scale := -shape * math.Log1p(u)              // logarithm of what w and sum are multiplied by
	w, survive, inner, sum := 1.0, 1.0, 0.0, 0.0 // P(N = n), (b)_n/(a+b)_n, Σ_{k<n}, the result
	for n := 0.0; n < 1e8; n++ {
		sum += w * inner
		ratio := z * (shape + n) / (n + 1)
		if ratio < 1 && w*(inner+1)*ratio <= 1e-16*(1-ratio)*(1-ratio)*sum {
			break
		}
		w *= ratio
		inner += survive
		survive *= (b + n) / (a + b + n)
		if w > big || sum > big {
			w, sum, scale = w*tiny, sum*tiny, scale-math.Log(tiny)
		}
	}
	return sum * math.Exp(scale)
}

// sigmoid is 1/(1+e^-v), exact to rounding in both tails.
func sigmoid(v float64) float64 {
	if v >= 0 {
		return 1 / (1 + math.Exp(-v))
	}
	e := math.Exp(v)
	return e / (1 + e)
}
