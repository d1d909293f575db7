package rows

import (
	"encoding/binary"
	"hash/fnv"
)

// sample says which share of the rows of each outcome is learned from. When there are
// more rows than allowed, the commoner outcome is thinned first, down to half of the
// allowance; a kept row stands for 1/share rows.
type sample struct {
	seed     uint64
	positive float64
	negative float64
}

func newSample(seed uint64, positives, negatives, maxRows int) sample {
	s := sample{seed: seed, positive: 1, negative: 1}
	if positives+negatives <= maxRows {
		return s
	}
	half := float64(maxRows) / 2
	p, n := float64(positives), float64(negatives)
	switch {
	case p <= half:
		s.negative = (float64(maxRows) - p) / n
	case n <= half:
		s.positive = (float64(maxRows) - n) / p
	default:
		s.positive, s.negative = half/p, half/n
	}
	return s
}

// keep decides by a hash of the row's key, so that neither the order of rows nor other
// rows matter.
func (s sample) keep(day, key string, label bool) (weight float64, ok bool) {
	share := s.negative
	if label {
		share = s.positive
	}
	return 1 / share, hash(s.seed, day+"\x00"+key) < share
}

func (s sample) thins() bool { return s.positive != 1 || s.negative != 1 }

func (s sample) of(r Rows, day string) Rows {
	if !s.thins() {
		return r
	}
	var at []int32
	var weights []float64
	for i, l := range r.Labels {
		if w, ok := s.keep(day, r.Frame.KeyOf(i), l); ok {
			at, weights = append(at, int32(i)), append(weights, w)
		}
	}
	out := r.Select(at)
	out.Weights = weights
	return out
}

// hash is a number in [0, 1) that depends on its arguments only.
func hash(seed uint64, name string) float64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	h.Write([]byte(name))
	u := h.Sum64()
	u = (u ^ u>>32) * 0xd6e8feb86659fd93 // FNV alone leaves the upper bits uneven
	u = (u ^ u>>32) * 0xd6e8feb86659fd93
	u ^= u >> 32
	return float64(u>>11) * 0x1p-53
}

// evenRows bounds the rows kept of a cutoff for how its values are spread, when the rows
// to learn from are thinned.
const evenRows = 10_000

// Evenly picks n of rows that are evenly spaced; all of them when there are fewer.
func Evenly(rows, n int) []int32 {
	out := make([]int32, min(rows, n))
	for i := range out {
		out[i] = int32(int64(i) * int64(rows) / int64(len(out)))
	}
	return out
}

// Fold puts each row into one of n parts by its customer, so that all rows of one are
// together, whatever the order of rows.
func (r Rows) Fold(seed uint64, n int) []int {
	out := make([]int, r.Len())
	customers := r.Customers()
	if customers == nil {
		for i := range out {
			out[i] = i % n
		}
		return out
	}
	for i, c := range customers {
		out[i] = int(hash(seed, c) * float64(n))
	}
	return out
}

// Thin keeps about a share of the rows, all rows of a customer together, whatever the
// order of rows. Every row kept counts for as much more, which changes no mean and so no
// weight is touched. A share of 1 keeps all.
func (r Rows) Thin(seed uint64, share float64) Rows {
	customers := r.Customers()
	if share >= 1 || customers == nil {
		return r
	}
	var at []int32
	for i, c := range customers {
		if hash(seed+1, c) < share {
			at = append(at, int32(i))
		}
	}
	return r.Select(at)
}
