package models

import (
	"math"
	"slices"
	"testing"
)

// TestColumnsAreExact: whatever the form, the same bits come back, in as few bytes
// as can hold them; also after Select and Concat, which choose the form again.
func TestColumnsAreExact(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	const tiny, narrow, wide = 1, 4, 8
	for name, c := range map[string]struct {
		values []float64
		bytes  int
	}{
		"flags":             {[]float64{0, 1, 1, 0}, tiny},
		"always missing":    {[]float64{nan, nan, nan}, tiny},
		"counts to 254":     {[]float64{0, 254, nan, 7}, tiny},
		"255 means missing": {[]float64{0, 255, nan}, narrow},
		"below zero":        {[]float64{3, -1}, narrow},
		"minus zero":        {[]float64{3, math.Copysign(0, -1)}, narrow},
		"halves":            {[]float64{0.5, nan, 2}, narrow},
		"2^24":              {[]float64{1 << 24, 0}, narrow},
		"2^24 and one":      {[]float64{1<<24 + 1, 0}, wide},
		"tenths":            {[]float64{0, 0, 0.1, nan}, wide},
		"beyond float32":    {[]float64{1e300, 1}, wide},
		"tiny fractions":    {[]float64{1e-300, 1}, wide},
		"a count late":      {[]float64{0.25, nan, 1, 2}, narrow},
		"no rows":           {[]float64{}, tiny},
	} {
		f, err := NewFrame([]string{"x"}, [][]float64{c.values})
		if err != nil {
			t.Fatal(err)
		}
		col := f.Column(0)
		if got := len(col.tiny)*tiny + len(col.narrow)*narrow + len(col.wide)*wide; got != c.bytes*len(c.values) {
			t.Errorf("%s: takes %d bytes for %d rows, expected %d each", name, got, len(c.values), c.bytes)
		}
		turned := make([]int32, len(c.values))
		for i := range turned {
			turned[i] = int32(len(turned) - 1 - i)
		}
		other, _ := NewFrame([]string{"x"}, [][]float64{{0.1, nan, 3}})
		both, err := Concat(f.Select(turned), other)
		if err != nil {
			t.Fatal(err)
		}
		backwards := slices.Clone(c.values)
		slices.Reverse(backwards)
		mustHold(t, name, f, c.values)
		mustHold(t, name+", backwards", f.Select(turned), backwards)
		mustHold(t, name+", stacked", both, append(backwards, 0.1, nan, 3))
	}
}

func mustHold(t *testing.T, name string, f *Frame, want []float64) {
	t.Helper()
	if f.Rows() != len(want) {
		t.Fatalf("%s: %d rows, want %d", name, f.Rows(), len(want))
	}
	for i, w := range want {
		got := f.Column(0).At(i)
		if math.Float64bits(got) != math.Float64bits(w) && !(math.IsNaN(got) && math.IsNaN(w)) {
			t.Errorf("%s: row %d is %v, want %v", name, i, got, w)
		}
	}
}
