package golearnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/mainstay-etl/mainstay/models"
)

// grownForest is a forest of trees that are deep here and shallow there, down to a leaf
// alone, over rows with missing values.
func grownForest(tb testing.TB, rows, trees, depth int) (*Forest, *models.Frame) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	columns, names, labels := make([][]float64, 12), make([]string, 12), make([]bool, rows)
	for j := range columns {
		names[j] = fmt.Sprintf("f%d", j)
		for range rows {
			x := rng.NormFloat64()
			if rng.IntN(8) == 0 {
				x = math.NaN()
			}
			columns[j] = append(columns[j], x)
		}
	}
	for i := range labels {
		labels[i] = columns[0][i]+columns[1][i]*columns[2][i]+rng.NormFloat64() > 0.5
	}
	frame, err := models.NewFrame(names, columns)
	if err != nil {
		tb.Fatal(err)
	}
	f := NewForest(Params{Trees: trees, MaxDepth: depth, MinLeaf: 3, Seed: 4})
	if err := f.Fit(tb.Context(), models.Training{Frame: frame, Labels: labels}); err != nil {
		tb.Fatal(err)
	}
	return f, frame
}

// Rows side by side end where each alone does, to the last bit.
func TestWalkerEqualsFlat(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1, 5, 14} {
		f, frame := grownForest(t, 1000, 20, depth)
		for _, n := range []int{1, side - 1, side, side + 1, 131, 1000} {
			some := make([]int32, n)
			for i := range some {
				some[i] = int32(i)
			}
			part := frame.Select(some)
			got, err := f.PredictProba(part)
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, 1)
			for i := range got {
				if f.flat.predict(part.Row(i, nil), 12, want); got[i] != want[0] {
					t.Fatalf("depth %d, row %d of %d: got %v, want %v", depth, i, n, got[i], want[0])
				}
			}
		}
	}
}

func BenchmarkForestPredict(b *testing.B) {
	f, frame := grownForest(b, 20000, 50, 10)
	b.ResetTimer()
	for b.Loop() {
		if _, err := f.PredictProba(frame); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(frame.Rows())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
