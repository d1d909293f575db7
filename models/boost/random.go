package boost

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014). It is written out here
// so that a model's bytes never depend on a library's choice of algorithm.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

const golden = 0x9e3779b97f4a7c15

// What random numbers are for.
const (
	forRounding = iota + 1
	forRows
	forColumns
	forNodeColumns
	forBins
)

// stream is a counter-based generator: number i can be had without those before it, so
// it does not matter who asks first.
type stream uint64

func newStream(seed uint64, purpose, number int) stream {
	return stream(mix(mix(seed+uint64(purpose)*golden) + uint64(number)*golden))
}

func (s stream) at(i int) uint64 { return mix(uint64(s) + uint64(i+1)*golden) }

// draw picks n of the candidates, in their order.
func (s stream) draw(candidates []int32, n int) []int32 {
	out := make([]int32, 0, n)
	for i, c := range candidates {
		left, wanted := uint64(len(candidates)-i), uint64(n-len(out))
		if s.at(i)%left < wanted { // Knuth's algorithm S
			out = append(out, c)
		}
	}
	return out
}
