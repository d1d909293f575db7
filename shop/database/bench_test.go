package database

import (
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
	"github.com/mainstay-etl/mainstay/shop"
)

// BenchmarkWrite writes about 100,000 order lines and 480,000 interactions.
func BenchmarkWrite(b *testing.B) {
	for _, kind := range []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL} {
		for name, o := range map[string]Options{"orders": {Replace: true, NoInteractions: true}, "all": {Replace: true}} {
			b.Run(string(kind)+"/"+name, func(b *testing.B) {
				d := dbtest.Of(b, kind)
				cfg := shop.Default()
				cfg.Orders = 50_000
				var rows, lines int64
				for b.Loop() {
					sum, err := Write(b.Context(), d.URL, cfg, o)
					if err != nil {
						b.Fatal(err)
					}
					lines += sum.OrderLines.Rows
					rows += sum.Orders + sum.OrderLines.Rows + sum.Interactions.Rows
				}
				b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
			})
		}
	}
}
