package boost

import (
	"math"
	"math/bits"

	"github.com/mainstay-etl/mainstay/models"
)

// Bins of a feature: bin 0 is "missing", bin b holds the values in (cuts[b-1], cuts[b]].
// Up to maxBins-1 ranges hold about equally many rows each; a value that has more rows
// than that has a bin of its own.
const maxBins = 255

// belowAll separates missing from every value: cuts[0].
const belowAll = -math.MaxFloat64

// sampleRows is how many rows the cuts are taken from at most: some 400 for each bin.
const sampleRows = 100_000

// sampleOf picks the rows that cuts are taken from: one at random of each stretch of
// equal weight. weights nil: all 1.
func sampleOf(rows []int32, weights []float64, seed uint64) []int32 {
	if weights == nil && len(rows) <= sampleRows {
		return rows
	}
	s := newStream(seed, forBins, 0)
	if weights == nil {
		out := make([]int32, sampleRows)
		for k := range out {
			from, to := k*len(rows)/sampleRows, (k+1)*len(rows)/sampleRows
			out[k] = rows[from+int(s.at(k)%uint64(to-from))]
		}
		return out
	}
	// A row of twice the weight is picked twice as often, also where there are few rows.
	out := make([]int32, min(sampleRows, 16*len(rows)))
	step := float64(len(rows)) / float64(len(out)) // weights have mean 1
	i, end := 0, weights[0]
	for k := range out {
		at := (float64(k) + float64(s.at(k)>>11)*0x1p-53) * step
		for at >= end && i+1 < len(rows) {
			i++
			end += weights[i]
		}
		out[k] = rows[i]
	}
	return out
}

// cutter finds cuts; it holds memory to be used again.
type cutter struct {
	keys, spare []uint64
}

// cuts of a column by the values in these rows, for at most so many bins.
func (c *cutter) cuts(column models.Column, rows []int32, bins int) []float64 {
	c.keys = c.keys[:0]
	for _, i := range rows {
		if v := column.At(int(i)); v == v {
			c.keys = append(c.keys, orderedKey(v))
		}
	}
	c.sort()
	return cutPoints(c.keys, bins-1)
}

// orderedKey maps numbers to integers in the same order, and both zeros to one.
func orderedKey(v float64) uint64 {
	b := math.Float64bits(v + 0)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func fromKey(k uint64) float64 {
	return math.Float64frombits(k ^ (^uint64(int64(k)>>63) | 1<<63))
}

// sort is a radix sort by bytes that leaves out the bytes in which all keys agree: for
// counts and days that is most of them.
func (c *cutter) sort() {
	var differ uint64
	for _, k := range c.keys {
		differ |= k ^ c.keys[0]
	}
	if cap(c.spare) < len(c.keys) {
		c.spare = make([]uint64, len(c.keys))
	}
	from, to := c.keys, c.spare[:len(c.keys)]
	for shift := 0; shift < 64; shift += 8 {
		if uint8(differ>>shift) == 0 {
			continue
		}
		var at [256]int
		for _, k := range from {
			at[uint8(k>>shift)]++
		}
		sum := 0
		for d, n := range at {
			at[d], sum = sum, sum+n
		}
		for _, k := range from {
			d := uint8(k >> shift)
			to[at[d]] = k
			at[d]++
		}
		from, to = to, from
	}
	c.keys, c.spare = from, to
}

// cutPoints cuts sorted keys into at most so many ranges. A range is closed when it has
// its share of the rows that are left.
func cutPoints(keys []uint64, ranges int) []float64 {
	cuts := []float64{belowAll}
	distinct := 1
	for i := 1; i < len(keys); i++ {
		if keys[i] != keys[i-1] {
			distinct++
		}
	}
	all := distinct <= ranges
	for from, i := 0, 1; i < len(keys) && len(cuts) < ranges; i++ {
		if keys[i] == keys[i-1] {
			continue
		}
		left := ranges - len(cuts) + 1
		if here := i - from; all || here*left >= len(keys)-from || fills(keys, i, (len(keys)-from)/left) {
			cuts = append(cuts, between(fromKey(keys[i-1]), fromKey(keys[i])))
			from = i
		}
	}
	return cuts
}

// fills tells whether the value that begins at i fills a range of this size on its own.
func fills(keys []uint64, i, size int) bool {
	return size > 0 && i+size < len(keys) && keys[i+size] == keys[i]
}

// between returns a threshold t with low <= t < high.
func between(low, high float64) float64 {
	if mid := low/2 + high/2; mid >= low && mid < high {
		return mid
	}
	return low
}

// searcher finds the bins of values: the number of cuts below a value. Every search takes
// the same steps, without branches, which nobody could guess: numbers are compared as
// integers, and the cuts are padded to a power of two.
type searcher struct {
	cuts [256]uint64 // as ordered keys
	half uint64
}

func newSearcher(cuts []float64) *searcher {
	s := &searcher{half: 1 << bits.Len(uint(len(cuts)+1)) / 2}
	for i := range s.cuts {
		s.cuts[i] = orderedKey(math.Inf(1))
	}
	for i, c := range cuts {
		s.cuts[i] = orderedKey(c)
	}
	return s
}

// bins writes the bin of each value, 0 for missing. As an ordered key, NaN is above all
// cuts and the padding, of which there is one at least: its search ends at the very top.
func (s *searcher) bins(values []float64, out []uint8) {
	top := 2*s.half - 1
	out = out[:len(values)]
	for i, v := range values {
		key, lo := orderedKey(v), uint64(0)
		for step := s.half; step > 0; step >>= 1 {
			_, less := bits.Sub64(s.cuts[uint8(lo+step-1)], key, 0)
			lo += step & -less
		}
		_, inside := bits.Sub64(lo, top, 0)
		out[i] = uint8(lo & -inside)
	}
}
