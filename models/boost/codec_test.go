package boost

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// FuzzUnmarshal: bytes either are damaged, or load, score, explain and save again
// without trouble.
func FuzzUnmarshal(f *testing.F) {
	d := modeltest.Easy(f, 200, 1)
	for _, p := range []Params{{Rounds: 1, MinChildWeight: 0.1}, {Rounds: 3, MaxLeaves: 3}} {
		f.Add(saved(f, fitted(f, p, d.Training())))
	}
	f.Add([]byte(codecMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(Params{})
		if err := m.UnmarshalBinary(b); err != nil {
			if !errors.Is(err, models.ErrCorrupt) || m.Features() != nil {
				t.Fatalf("UnmarshalBinary returned %v", err)
			}
			return
		}
		again := New(Params{})
		if err := again.UnmarshalBinary(saved(t, m)); err != nil || !bytes.Equal(saved(t, m), saved(t, again)) {
			t.Fatalf("saving and loading again: %v", err)
		}
		columns := make([][]float64, len(m.Features()))
		for j := range columns {
			columns[j] = []float64{float64(j)}
		}
		rows := frame(t, m.Features(), columns...)
		for _, p := range proba(t, m, rows) {
			if !(p >= models.MinProba && p <= 1-models.MinProba) {
				t.Fatalf("probability %v", p)
			}
		}
	})
}
