package golearnx

import (
	"math"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// TestBinsAgreeWithThresholds: for every bin, "bin > b" must be "value > cuts[b]".
func TestBinsAgreeWithThresholds(t *testing.T) {
	t.Parallel()
	many := make([]float64, 5000)
	for i := range many {
		many[i] = math.Sqrt(float64((i * 7919) % 4001))
	}
	for name, values := range map[string][]float64{
		"few":        {3, 1, math.NaN(), 2, 2, 1},
		"one":        {4, 4, 4},
		"none":       {math.NaN(), math.NaN()},
		"many":       many,
		"neighbours": {1, math.Nextafter(1, 2), math.Nextafter(1, 0)},
		"extremes":   {math.MaxFloat64, -math.MaxFloat64, 0, math.NaN()},
	} {
		f, err := models.NewFrame([]string{"x"}, [][]float64{values})
		if err != nil {
			t.Fatal(err)
		}
		var present []float64
		for _, v := range values {
			if v == v {
				present = append(present, v)
			}
		}
		cuts := cutPoints(present)
		if len(cuts) > maxBins-1 {
			t.Errorf("%s: %d cuts", name, len(cuts))
		}
		for i, bin := range assignBins(f.Column(0), len(values), cuts) {
			for b, cut := range cuts {
				if (int(bin) > b) != (values[i] > cut) {
					t.Fatalf("%s: value %v is in bin %d, cut %d is %v", name, values[i], bin, b, cut)
				}
			}
		}
	}
}

func TestWeightUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		weights []float64
		want    []uint64
	}{
		{nil, []uint64{1, 1, 1}},
		{[]float64{2.5, 2.5, 2.5}, []uint64{1, 1, 1}},
		{[]float64{1, 2, 0}, []uint64{1, 2, 0}},
	} {
		got := weightUnits(c.weights, 3)
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("units of %v are %v, want %v", c.weights, got, c.want)
				break
			}
		}
	}
	w := make([]float64, 1000)
	for i := range w {
		w[i] = 1e12 / float64(i+1)
	}
	sum := uint64(0)
	for i, u := range weightUnits(w, len(w)) {
		sum += u
		if u == 0 {
			t.Errorf("row %d of weight %v lost all of it", i, w[i])
		}
	}
	if sum*maxDraws > math.MaxUint32 {
		t.Errorf("units sum to %d: they may overflow", sum)
	}
}

func FuzzDecode(f *testing.F) {
	forest := flatForest{
		nodes:  []flatNode{{threshold: 1.5, feature: 0, one: 2}, {feature: -1}, {feature: -1}},
		counts: []classCounts{{4, 6}, {4, 1}, {0, 5}}, roots: []int32{0},
	}
	good := encode([]string{"days"}, forest)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		features, flat, err := decode(b)
		if err != nil {
			return
		}
		row := make([]float64, len(features))
		for _, root := range flat.roots {
			flat.leaf(root, row) // must end, without a panic
		}
		again, _, err := decode(encode(features, flat))
		if err != nil || len(again) != len(features) {
			t.Errorf("what was decoded does not encode: %v", err)
		}
	})
}
