package clv

import (
	"testing"
)

// million draws a million customers of up to three years, about a third of whom
// order again.
func million(b *testing.B) []Row {
	return days(random(20), BGNBD{0.35, 8, 0.6, 2.5}, cdnowValue, 1_000_000, 1, 1095)
}

func BenchmarkFitMillion(b *testing.B) {
	rows := million(b)
	for b.Loop() {
		m, err := Fit(rows, Options{})
		if err != nil || m.Purchases.Outcome.Fallback != "" {
			b.Fatal(err, m.Purchases.Outcome)
		}
		b.ReportMetric(float64(m.Purchases.Distinct), "distinct")
		b.ReportMetric(float64(m.Purchases.Outcome.Evaluations), "evaluations")
	}
}

func BenchmarkPredict(b *testing.B) {
	rows := days(random(20), BGNBD{0.35, 8, 0.6, 2.5}, cdnowValue, 20_000, 1, 1095)
	m, err := Fit(rows, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("90 days", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.Predict(rows[i%len(rows)], 90); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("discounted year", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := m.Value(rows[i%len(rows)], 365, 0.1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
