package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestBestRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scores []float64
		share  float64
		want   string
	}{
		{[]float64{1, 4, 3, 2}, 0.5, "[0 1 1 0]"},
		{[]float64{2, 2, 2, 2}, 0.25, "[0.25 0.25 0.25 0.25]"},
		{[]float64{5, 1, 1, 1}, 0.5, "[1 0.3333333333333333 0.3333333333333333 0.3333333333333333]"},
		{[]float64{1, 2}, 1, "[1 1]"},
		{nil, 0.1, "[]"},
	} {
		if got := fmt.Sprint(BestShare(c.scores, c.share)); got != c.want {
			t.Errorf("best %v of %v: %s, want %s", c.share, c.scores, got, c.want)
		}
	}
	customers := []int32{7, 3, 7, 3, 7, 3, 9}
	if got := fmt.Sprint(BestWithin(customers, []float64{1, 5, 2, 5, 3, 5, 0}, 2)); got != "[0 0.6666666666666666 1 0.6666666666666666 1 0.6666666666666666 1]" {
		t.Errorf("two rows of each customer: %s", got)
	}
}

// TestCapturedIsTheGain compares with the gain table, ties and all, and weights with rows
// that occur as often.
func TestCapturedIsTheGain(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 230
	labels, scores, amounts := make([]bool, n), make([]float64, n), make([]float64, n)
	happened, weights := make([]float64, n), make([]float64, n)
	var repeated, part []float64
	for i := range n {
		labels[i], scores[i], amounts[i], weights[i] = rng.IntN(3) == 0, float64(rng.IntN(25)), float64(rng.IntN(100)), float64(rng.IntN(3))
		if labels[i] {
			happened[i] = amounts[i]
		}
	}
	picked := BestShare(scores, 0.1)
	if got, want := CapturedOf(happened, picked)(nil), Gains(labels, scores, amounts, 10)[0].CapturedAmount; math.Abs(got-want) > 1e-12 {
		t.Errorf("captured %v, the gain table says %v", got, want)
	}
	for i := range n {
		for range int(weights[i]) {
			repeated, part = append(repeated, happened[i]), append(part, picked[i])
		}
	}
	if got, want := CapturedOf(happened, picked)(weights), CapturedOf(repeated, part)(nil); math.Abs(got-want) > 1e-12 {
		t.Errorf("weighted %v, repeated %v", got, want)
	}
	if got, want := SumOf(happened)(weights), SumOf(repeated)(nil); math.Abs(got-want) > 1e-9 {
		t.Errorf("weighted sum %v, repeated %v", got, want)
	}
}
