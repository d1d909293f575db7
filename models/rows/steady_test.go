package rows

import (
	"math"
	"slices"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// TestSteady: a feature that one cutoff does not know, or has one value of, is not learned
// from, wherever that cutoff stands; what varies everywhere is, missing values or not.
func TestSteady(t *testing.T) {
	t.Parallel()
	const n = 150
	nan := math.NaN()
	part := func(rows int, late, flag func(i int) float64) Part {
		names := []string{"recency", "spend_180", "history_known", "sometimes"}
		columns := make([][]float64, len(names))
		for i := range rows {
			sometimes := 1.0
			if i%2 == 0 {
				sometimes = nan
			}
			for k, v := range []float64{float64(i), late(i), flag(i), sometimes} {
				columns[k] = append(columns[k], v)
			}
		}
		f, err := models.NewFrame(names, columns)
		if err != nil {
			t.Fatal(err)
		}
		return Part{Rows: Rows{Frame: f, Labels: make([]bool, rows)}, Even: f, Read: rows}
	}
	varies := func(i int) float64 { return float64(i % 3) }
	always := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	for name, c := range map[string]struct {
		parts   []Part
		want    []string
		dropped int // when that is more than what is told
	}{
		"unknown early":      {[]Part{part(n, always(nan), always(0)), part(n, varies, always(1))}, []string{"spend_180", "history_known"}, 0},
		"unknown late":       {[]Part{part(n, varies, varies), part(n, always(nan), varies)}, []string{"spend_180"}, 0},
		"all known":          {[]Part{part(n, varies, varies), part(n, varies, varies)}, nil, 0},
		"never known":        {[]Part{part(n, always(nan), varies), part(n, always(nan), varies)}, nil, 1},
		"hardly anyone then": {[]Part{part(20, always(nan), always(0)), part(n, varies, varies)}, nil, 0},
	} {
		kept, aside, err := Steady(c.parts)
		if err != nil || !slices.Equal(aside, c.want) {
			t.Errorf("%s: set aside %v, want %v (%v)", name, aside, c.want, err)
			continue
		}
		for i, p := range kept {
			if got := p.Rows.Frame.Features(); len(got) != 4-max(len(c.want), c.dropped) || got[0] != "recency" || p.Even != c.parts[i].Even {
				t.Errorf("%s, part %d: features %v", name, i, got)
			}
		}
	}
}
