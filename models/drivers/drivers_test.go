package drivers

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// customers of whom some are inside: more so with a, less so with b; c is noise, d unknown.
func customers(t *testing.T, n int, rng *rand.Rand) (*models.Frame, []bool) {
	t.Helper()
	columns := make([][]float64, 4)
	inside := make([]bool, n)
	for i := range n {
		a, b, c := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
		for j, x := range []float64{a, b, c, math.NaN()} {
			columns[j] = append(columns[j], x)
		}
		inside[i] = 2*a-b+0.5*rng.NormFloat64() > 2
	}
	f, err := models.NewFrame([]string{"a", "b", "c", "d"}, columns)
	if err != nil {
		t.Fatal(err)
	}
	return f, inside
}

func TestFind(t *testing.T) {
	t.Parallel()
	f, inside := customers(t, 3000, rand.New(rand.NewPCG(1, 2)))
	r, err := Find(t.Context(), f, inside, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Drivers) < 2 || len(r.Drivers) > 3 {
		t.Fatalf("got %+v, want a and b, perhaps c: of d nothing is known", r.Drivers)
	}
	a, b := r.Drivers[0], r.Drivers[1]
	if a.Feature != "a" || a.Direction != 1 || b.Feature != "b" || b.Direction != -1 {
		t.Errorf("got %+v, want a, which helps, then b, which hinders", r.Drivers)
	}
	if len(r.Drivers) == 3 && r.Drivers[2].Effect > b.Effect/4 {
		t.Errorf("noise has an effect of %g, where b has %g", r.Drivers[2].Effect, b.Effect)
	}
	if r.AUC < 0.95 || r.AUC > 1 {
		t.Errorf("AUC is %g, want above 0.95", r.AUC)
	}
	if r.N != 2000 || r.Inside < 300 || r.Inside > 600 {
		t.Errorf("learned from %d customers, %d inside", r.N, r.Inside)
	}
	again, err := Find(t.Context(), f, inside, 4)
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Errorf("four threads find %+v, one found %+v (%v)", again, r, err)
	}
}

// What separates nothing gets an AUC that says so.
func TestFindNothing(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	f, _ := customers(t, 3000, rng)
	inside := make([]bool, f.Rows())
	for i := range inside {
		inside[i] = rng.Float64() < 0.1
	}
	r, err := Find(t.Context(), f, inside, 0)
	if err != nil || r.AUC < 0.4 || r.AUC > 0.6 {
		t.Errorf("AUC is %g (%v), want about 0.5", r.AUC, err)
	}
}

func TestFindTooLittle(t *testing.T) {
	t.Parallel()
	f, _ := customers(t, 100, rand.New(rand.NewPCG(5, 6)))
	for _, n := range []int{0, Least - 1, 100 - Least + 1, 100} {
		inside := make([]bool, 100)
		for i := range n {
			inside[i] = true
		}
		if _, err := Find(t.Context(), f, inside, 1); !errors.Is(err, models.ErrTooLittle) {
			t.Errorf("%d of 100 inside: got %v, want ErrTooLittle", n, err)
		}
	}
	if _, err := Find(t.Context(), f, make([]bool, 99), 1); err == nil || errors.Is(err, models.ErrTooLittle) {
		t.Errorf("99 labels for 100 rows: got %v", err)
	}
}
