package clv

import "math"

// GammaGamma holds the parameters of the Gamma-Gamma model: the value of one
// order of a customer is Gamma(P, ν) (mean P/ν), and ν ~ Gamma(Q, V) over
// customers. V is the γ of the paper, in the unit of values.
type GammaGamma struct {
	P float64 `json:"p"`
	Q float64 `json:"q"`
	V float64 `json:"v"`
}

func (g GammaGamma) valid() bool { return g.P > 0 && g.Q > 1 && g.V > 0 && finite(g.P, g.Q, g.V) }

// Mean is the expected value of an order of a customer of whom no value is
// known: pγ/(q-1), for q > 1.
func (g GammaGamma) Mean() float64 { return g.P * g.V / (g.Q - 1) }

// Expected is the expected value of an order of a customer whose n orders had
// the mean value m > 0:
//
//	E[M | m, n] = p (γ + n m) / (p n + q - 1)
//
// a mean of m and [GammaGamma.Mean], with the weights p n and q-1.
func (g GammaGamma) Expected(m float64, n int) float64 {
	k := float64(n)
	return g.P * (g.V + k*m) / (g.P*k + g.Q - 1)
}

// lgammaRise is ln Γ(x+d) - ln Γ(x), without the cancellation of two large numbers.
func lgammaRise(x, d float64) float64 {
	if x < 50 {
		up, _ := math.Lgamma(x + d)
		down, _ := math.Lgamma(x)
		return up - down
	}
	y := x + d // Stirling, in differences
	return (x-0.5)*math.Log1p(d/x) + d*math.Log(y) - d + stirling(y) - stirling(x)
}

func stirling(x float64) float64 {
	i := 1 / x
	s := i * i
	return i * (1.0/12 - s*(1.0/360-s*(1.0/1260-s/1680)))
}
