package models

import (
	"fmt"
	"testing"
)

// A cutoff may have no row: nobody was active, or nothing is left to offer. Frames
// without rows stack, join and select like any other, wherever they stand.
func TestEmptyFrames(t *testing.T) {
	t.Parallel()
	part := func(prefix string, n int) *Frame {
		keys := names(prefix, n)
		customers := written(t, keys, map[string]func(int) float64{
			"spend": func(i int) float64 { return float64(i) / 10 }, "days": func(i int) float64 { return float64(i) },
		}, "spend", "days")
		f, err := written(t, keys, map[string]func(int) float64{"lift": func(i int) float64 { return float64(i % 3) }}, "lift").Join(customers, "customer_id")
		if err != nil {
			t.Fatalf("joining %d rows: %v", n, err)
		}
		return f
	}
	full, empty := part("a", 7), part("b", 0)
	for name, frames := range map[string][]*Frame{
		"first":    {empty, full, part("c", 4)},
		"in front": {empty, empty, full},
		"between":  {part("c", 4), empty, full},
		"last":     {full, empty},
		"selected": {full.Select(nil), full},
		"all":      {empty, empty},
	} {
		both, err := Concat(frames...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var want []string
		for _, f := range frames {
			for i := range f.Rows() {
				want = append(want, f.KeyOf(i)+fmt.Sprint(f.Row(i, nil)))
			}
		}
		if both.Rows() != len(want) {
			t.Errorf("%s: %d rows, want %d", name, both.Rows(), len(want))
			continue
		}
		for i := range want {
			if got := both.KeyOf(i) + fmt.Sprint(both.Row(i, nil)); got != want[i] {
				t.Errorf("%s, row %d: %s, want %s", name, i, got, want[i])
			}
		}
		if n := len(both.Column(1).index); n != len(want) || n > 0 && &both.Column(1).index[0] != &both.Column(2).index[0] {
			t.Errorf("%s: the joined columns do not share an index of %d rows", name, len(want))
		}
		if none := both.Select(nil); none.Rows() != 0 || len(none.Column(1).AppendTo(nil, 0, none.Rows())) != 0 {
			t.Errorf("%s: no row selected gives %d", name, none.Rows())
		}
	}
}
