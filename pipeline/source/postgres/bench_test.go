package postgres_test

import (
	"os"
	"testing"
	"time"
)

// BenchmarkLoad reads a narrow table once per round; b.N does not matter.
func BenchmarkLoad(b *testing.B) {
	x := setup(b)
	x.createOrders()
	const rows = 1_000_000
	x.insert(1, rows, "now()")
	x.srv.Exec(b, "ANALYZE orders")
	dir := b.TempDir()
	start, n := time.Now(), 0
	for b.Loop() {
		x.states = map[string]string{}
		r := x.read()
		for {
			landed, err := r.Next(x.ctx, dir)
			if err != nil {
				break
			}
			n++
			os.Remove(landed.Tables["orders"])
		}
		r.Close()
	}
	b.ReportMetric(float64(b.N)*rows/time.Since(start).Seconds(), "rows/s")
	b.ReportMetric(float64(n)/float64(b.N), "pages")
}
