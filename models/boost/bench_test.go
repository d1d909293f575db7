package boost

import (
	"context"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/models"
)

// wide makes rows of 40 features, some of them missing here and there.
func wide(tb testing.TB, rows int) models.Training {
	tb.Helper()
	names, columns := make([]string, 40), make([][]float64, 40)
	labels := make([]bool, rows)
	s := newStream(7, 0, 0)
	for j := range columns {
		names[j] = string(rune('a'+j/26)) + string(rune('a'+j%26))
		columns[j] = make([]float64, rows)
		for i := range rows {
			u := float64(s.at(i*40+j)>>11) * 0x1p-53
			switch {
			case j%4 == 0:
				u = -math.Log(1 - u)
			case j%4 == 1:
				u = math.Floor(10 * u)
			case j%4 == 2 && u < 0.3:
				u = math.NaN()
			}
			columns[j][i] = float64(float32(u))
		}
	}
	for i := range labels {
		x := columns[0][i] - columns[1][i]/5 + columns[3][i]*columns[4][i] - 1
		labels[i] = float64(s.at(-i-2)>>11)*0x1p-53 < sigmoid(x)
	}
	f, err := models.NewFrame(names, columns)
	if err != nil {
		tb.Fatal(err)
	}
	return models.Training{Frame: f, Labels: labels}
}

// cpu reports processor time, which other programs on the machine do not change much.
func cpu(b *testing.B, per int) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	b.ResetTimer()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N*per), "cpu-ns/row") }
}

func BenchmarkFit(b *testing.B) {
	tr := wide(b, 100_000)
	m := New(Params{Rounds: 30, MaxLeaves: 31, MinChildWeight: 1})
	defer cpu(b, 100_000*30)()
	for range b.N {
		if err := m.Fit(context.Background(), tr); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPredict(b *testing.B) {
	tr := wide(b, 100_000)
	m := New(Params{Rounds: 100, MaxLeaves: 31, MinChildWeight: 1})
	if err := m.Fit(context.Background(), tr); err != nil {
		b.Fatal(err)
	}
	defer cpu(b, 100_000)()
	for range b.N {
		if _, err := m.PredictProba(tr.Frame); err != nil {
			b.Fatal(err)
		}
	}
}
