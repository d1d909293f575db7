package shop

import (
	"math"
	"testing"
	"unsafe"
)

func TestGammaMoments(t *testing.T) {
	t.Parallel()
	d := newDice()
	d.seed(1, 2)
	const n = 50000
	for _, shape := range []float64{.1, .5, 1, 2.5, 9} {
		sum, squares := 0.0, 0.0
		for range n {
			x := d.gamma(shape)
			sum += x
			squares += x * x
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if math.Abs(mean/shape-1) > .05 || math.Abs(variance/shape-1) > .1 {
			t.Errorf("shape %g: mean %g, variance %g, want both %g", shape, mean, variance, shape)
		}
	}
}

func TestPoissonOnceMore(t *testing.T) {
	t.Parallel()
	d := newDice()
	d.seed(3, 4)
	const n = 50000
	for _, mean := range []float64{.01, .3, 2, 12} {
		sum := 0
		for range n {
			k := d.poissonOnceMore(mean)
			if k < 1 {
				t.Fatalf("drew %d", k)
			}
			sum += k
		}
		want := mean / -math.Expm1(-mean)
		if got := float64(sum) / n; math.Abs(got/want-1) > .02 {
			t.Errorf("mean %g: got %g, want %g", mean, got, want)
		}
	}
}

func TestPick(t *testing.T) {
	t.Parallel()
	d := newDice()
	d.seed(5, 6)
	if got := d.pick([]float64{0, 0}); got != -1 {
		t.Errorf("no weights: got %d, want -1", got)
	}
	var count [3]int
	for range 40000 {
		count[d.pick([]float64{1, 0, 3})]++
	}
	if count[1] != 0 || math.Abs(float64(count[2])/40000-.75) > .01 {
		t.Errorf("weights 1, 0, 3: drew %v", count)
	}
}

func TestHashesDiffer(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for purpose := uint64(1); purpose <= 4; purpose++ {
		for a := range uint64(60) {
			for b := range uint64(60) {
				seen[hash(purpose, a, b)] = true
			}
		}
	}
	if len(seen) != 4*60*60 {
		t.Errorf("%d different hashes, want %d", len(seen), 4*60*60)
	}
}

func TestAppendDecimal(t *testing.T) {
	t.Parallel()
	cases := []struct {
		n     int64
		scale int
		want  string
	}{{0, 0, "0"}, {12, 0, "12"}, {5, 2, "0.05"}, {-5, 2, "-0.05"}, {1995, 2, "19.95"}, {-1200, 2, "-12.00"}, {123456, 4, "12.3456"}}
	for _, c := range cases {
		if got := string(appendDecimal(nil, c.n, c.scale)); got != c.want {
			t.Errorf("%d/10^%d: got %s, want %s", c.n, c.scale, got, c.want)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Mug": "Mug", "Matt, Black Mug": `"Matt, Black Mug"`, `27" Arm`: `"27"" Arm"`} {
		if got := string(quoted(nil, in)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// The memory of a shop is its customers: keep them small.
func TestCustomerSize(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(gate{}) + unsafe.Sizeof(customer{}); got > 208 {
		t.Errorf("a customer takes %d bytes, want at most 208", got)
	}
}
