package modeltest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

func saveAndLoad(t *testing.T, unfit func(uint64) models.Estimator) {
	d, other := Easy(t, 500, 1), Easy(t, 300, 2)
	e := fit(t, unfit(1), d.Training())
	b := saved(t, e)
	loaded := unfit(99)
	if err := loaded.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(saved(t, loaded), b) {
		t.Error("saving a loaded model gives other bytes")
	}
	if !slices.Equal(predict(t, loaded, other.Frame), predict(t, e, other.Frame)) {
		t.Error("a loaded model predicts otherwise")
	}
	if !slices.Equal(loaded.Features(), e.Features()) || loaded.Members() != e.Members() {
		t.Error("a loaded model has other features or members")
	}
	x, y := slices.Repeat([]float64{0}, 6), slices.Repeat([]float64{0}, 6)
	bx, _ := e.Explain(other.Frame, 3, x)
	by, _ := loaded.Explain(other.Frame, 3, y)
	if bx != by || !slices.Equal(x, y) {
		t.Error("a loaded model explains otherwise")
	}
}

// damaged checks that no part of a model loads as a model, and that what one wrong
// byte turns into another model still predicts probabilities.
func damaged(t *testing.T, unfit func(uint64) models.Estimator) {
	d := Easy(t, 300, 1)
	b := saved(t, fit(t, unfit(1), d.Training()))
	corrupt := func(what string, at int, bad []byte) {
		if err := unfit(1).UnmarshalBinary(bad); !errors.Is(err, models.ErrCorrupt) {
			t.Errorf("%s %d of %d: UnmarshalBinary returned %v, want ErrCorrupt", what, at, len(b), err)
		}
	}
	corrupt("longer by a byte than", len(b), append(slices.Clone(b), 0))
	corrupt("text instead of", len(b), []byte("mainstay"))
	corrupt("without the last byte", len(b)-1, b[:len(b)-1])
	step := max(1, len(b)/200)
	for at := 0; at < len(b); at += step {
		corrupt("cut at byte", at, b[:at])
		bad := slices.Clone(b)
		bad[at] ^= 1 << (at / step % 8)
		e := unfit(1)
		if err := e.UnmarshalBinary(bad); err != nil {
			if !errors.Is(err, models.ErrCorrupt) {
				t.Errorf("byte %d of %d differs: UnmarshalBinary returned %v, want ErrCorrupt or nil", at, len(b), err)
			}
			continue
		}
		p, err := e.PredictProba(d.Frame) // an error is right when the byte was in the name of a feature
		for _, v := range p {
			if !(v >= models.MinProba && v <= 1-models.MinProba) {
				t.Fatalf("byte %d of %d differs: the model predicts %v, %v", at, len(b), v, err)
			}
		}
	}
}

func threads(t *testing.T, unfit func(uint64) models.Estimator) {
	tr := Easy(t, 1500, 1).Training()
	tr.Threads = 1
	one := saved(t, fit(t, unfit(1), tr))
	for _, n := range []int{2, 3, 8, 0} {
		tr.Threads = n
		if !bytes.Equal(one, saved(t, fit(t, unfit(1), tr))) {
			t.Errorf("one thread and %d (0: all) give different models", n)
		}
	}
}

func seeds(t *testing.T, unfit func(uint64) models.Estimator) {
	tr := Easy(t, 500, 1).Training()
	if !bytes.Equal(saved(t, fit(t, unfit(7), tr)), saved(t, fit(t, unfit(7), tr))) {
		t.Error("the same seed gives different models")
	}
}
