package golearnx

import "math/bits"

// rng is SplitMix64 (Steele, Lea, Flood 2014). It is written out here so that a
// model's bytes never depend on a library's choice of algorithm.
type rng struct{ state uint64 }

func newRNG(seed, stream uint64) rng {
	r := rng{state: seed}
	r.state = r.next() ^ (stream+1)*0x9e3779b97f4a7c15
	r.next()
	return r
}

func (r *rng) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number in [0, n); its bias (under n/2^64) does not matter here.
func (r *rng) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}
