package shop

import (
	"math"
	"math/rand/v2"
)

// Purposes keep the random numbers of different decisions apart.
const (
	forCustomer uint64 = iota + 1
	forDay
	forCampaign
	forMailing
	forContactLevel
	forLull
	forCatalogue
	forDirt
	forMaster
	forPayment
)

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of
// x moves every bit of the result.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// hash makes one random number of a purpose and what it is drawn for. It is
// the counter-based generator of the shop: no number depends on which were
// drawn before.
func hash(purpose, a, b uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	return mix(mix(mix(purpose*golden+a)+golden) + b*golden)
}

// unit turns a hash into a float in [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// dice draws from distributions; seed before use.
type dice struct {
	pcg rand.PCG
	*rand.Rand
}

func newDice() *dice {
	d := &dice{}
	d.Rand = rand.New(&d.pcg)
	return d
}

// seed makes the following draws a function of a and b alone.
func (d *dice) seed(a, b uint64) { d.pcg.Seed(a, b) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return d.Float64() < p }

// between is an integer in [lo, hi], both possible.
func (d *dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

// gamma draws from Gamma(shape, 1): Marsaglia and Tsang (2000), with their
// boost below shape 1.
func (d *dice) gamma(shape float64) float64 {
	boost := 1.0
	if shape < 1 {
		boost = math.Pow(1-d.Float64(), 1/shape)
		shape++
	}
	m := shape - 1.0/3
	c := 1 / math.Sqrt(9*m)
	for {
		x := d.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-d.Float64()) < 0.5*x*x+m-m*v+m*math.Log(v) {
			return boost * m * v
		}
	}
}

// poissonOnceMore draws from Poisson(mean) given that it is at least 1: the
// first arrival falls inside the unit interval, the others follow it.
func (d *dice) poissonOnceMore(mean float64) int {
	at := -math.Log(1-d.Float64()*(-math.Expm1(-mean))) / mean
	n := 1
	for {
		at += d.ExpFloat64() / mean
		if at >= 1 {
			return n
		}
		n++
	}
}

// pick draws an index with probability proportional to its weight; -1 if all
// weights are 0.
func (d *dice) pick(weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	if total <= 0 {
		return -1
	}
	x := d.Float64() * total
	last := -1
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		last = i
		if x -= w; x < 0 {
			return i
		}
	}
	return last
}
