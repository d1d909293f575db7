package boost

import (
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

func allRows(n int) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

func cutsOf(t *testing.T, values []float64, bins int) []float64 {
	t.Helper()
	return new(cutter).cuts(frame(t, []string{"x"}, values).Column(0), allRows(len(values)), bins)
}

func TestCuts(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	zeros := append(make([]float64, 700), uniform(300, 1)...)
	for _, c := range []struct {
		name   string
		values []float64
		bins   int
		want   []float64 // after the first; nil: see ranges
		ranges int
	}{
		{"nothing", []float64{nan, nan}, 255, []float64{}, 0},
		{"one value", []float64{3, 3, nan}, 255, []float64{}, 0},
		{"both zeros", []float64{0, math.Copysign(0, -1)}, 255, []float64{}, 0},
		{"few values", []float64{2, -1, 2, nan, 5}, 255, []float64{0.5, 3.5}, 0},
		{"neighbours", []float64{1, math.Nextafter(1, 2)}, 255, []float64{1}, 0},
		{"huge", []float64{-math.MaxFloat64 / 2, math.MaxFloat64}, 255, []float64{math.MaxFloat64 / 4}, 0},
		{"many values", uniform(10000, 2), 65, nil, 64},
		{"three bins", uniform(10000, 2), 3, nil, 2},
		{"mostly zero", zeros, 65, nil, 64},
	} {
		got := cutsOf(t, c.values, c.bins)
		if got[0] != belowAll || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: cuts %v", c.name, got)
		}
		if c.want != nil && !slices.Equal(got[1:], c.want) {
			t.Errorf("%s: cuts %v, want %v", c.name, got[1:], c.want)
		}
		if c.ranges > 0 && len(got) != c.ranges {
			t.Errorf("%s: %d ranges, want %d", c.name, len(got), c.ranges)
		}
	}
	// What one value takes is not taken from the others.
	if cuts := cutsOf(t, zeros, 65); cuts[1] > 0.001 || cuts[2] > 0.05 {
		t.Errorf("first cuts %v", cuts[:3])
	}
}

func TestSearcher(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 254; n += 11 {
		values := uniform(n, n)
		slices.Sort(values)
		cuts := append([]float64{belowAll}, values...)[:n]
		s := newSearcher(cuts)
		probe := append(slices.Clone(cuts), uniform(50, 7)...)
		probe = append(probe, math.NaN(), -1, 2, math.MaxFloat64)
		out := make([]uint8, len(probe))
		s.bins(probe, out)
		for i, v := range probe {
			want := sort.Search(n, func(k int) bool { return !(v > cuts[k]) })
			if int(out[i]) != want {
				t.Fatalf("%d cuts: bin of %v is %d, want %d", n, v, out[i], want)
			}
		}
	}
}

func TestRadixSort(t *testing.T) {
	t.Parallel()
	values := []float64{3, -0.5, 0, math.Copysign(0, -1), 1e300, -1e300, 1e-300, 7}
	for i := range 1000 {
		values = append(values, math.Floor(1000*modeltest.Uniform(i, 1))-500)
	}
	var c cutter
	for _, v := range values {
		c.keys = append(c.keys, orderedKey(v))
	}
	c.sort()
	slices.Sort(values)
	for i, k := range c.keys {
		if fromKey(k) != values[i] {
			t.Fatalf("place %d: %v, want %v", i, fromKey(k), values[i])
		}
	}
}

// TestSampleOf counts how often rows are picked: by weight, where there are weights.
func TestSampleOf(t *testing.T) {
	t.Parallel()
	many := allRows(3 * sampleRows)
	if got := sampleOf(many, nil, 1); len(got) != sampleRows || !slices.IsSorted(got) {
		t.Errorf("%d rows of %d", len(got), len(many))
	}
	weights := make([]float64, 1000)
	for i := range weights {
		weights[i] = 0.5 + float64(i%2)
	}
	heavy := 0
	got := sampleOf(allRows(1000), weights, 1)
	for _, i := range got {
		heavy += int(i % 2)
	}
	if share := float64(heavy) / float64(len(got)); math.Abs(share-0.75) > 0.01 {
		t.Errorf("rows with three quarters of the weight are %.3f of the sample", share)
	}
}

// TestRounding: rounded gradients are right on average, and sums keep to their halves.
func TestRounding(t *testing.T) {
	t.Parallel()
	s := newStream(1, forRounding, 0)
	g, h := 0.0, 0.0
	const n = 100_000
	for i := range n {
		p := pack(-2.3, 1.6, s.at(i))
		g, h = g+float64(gradientOf(p)), h+float64(hessianOf(p))
		if gradientOf(p) != -3 && gradientOf(p) != -2 || hessianOf(p) != 1 && hessianOf(p) != 2 {
			t.Fatalf("-2.3 and 1.6 became %d and %d", gradientOf(p), hessianOf(p))
		}
	}
	if math.Abs(g/n+2.3) > 0.01 || math.Abs(h/n-1.6) > 0.01 {
		t.Errorf("on average %v and %v", g/n, h/n)
	}
	team := newTeam(2)
	defer team.dismiss()
	labels := make([]bool, 3*blockRows)
	gr := newGradients(labels, nil, models.Logit(0.01), team)
	for round := range 3 {
		gr.update([]float64{float64(round) * 5}, make([]uint16, len(labels)), s) // ever worse
		sum := uint64(0)
		exact := 0.0
		for i, p := range gr.packed {
			sum += p
			exact += sigmoid(gr.scores[i])
		}
		if got := float64(gradientOf(sum)) * gr.gradientUnit; math.Abs(got/exact-1) > 1e-4 {
			t.Errorf("round %d: gradients sum to %v, want %v", round, got, exact)
		}
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	counts := make([]int, 10)
	for i := range 2000 {
		got := newStream(1, forColumns, i).draw(allRows(10), 3)
		if len(got) != 3 || !slices.IsSorted(got) {
			t.Fatalf("drew %v", got)
		}
		for _, j := range got {
			counts[j]++
		}
	}
	for j, n := range counts {
		if n < 500 || n > 700 {
			t.Errorf("%d was drawn %d times of 2000, expected 600", j, n)
		}
	}
}

func TestTeam(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 5} {
		team := newTeam(size)
		for _, n := range []int{0, 1, 3, 100} {
			done := make([]int, n)
			team.run(n, func(worker, task int) {
				if worker < 0 || worker >= size {
					t.Errorf("worker %d of %d", worker, size)
				}
				done[task]++
			})
			if slices.ContainsFunc(done, func(k int) bool { return k != 1 }) {
				t.Errorf("%d workers, %d tasks: %v", size, n, done)
			}
		}
		team.dismiss()
	}
}
