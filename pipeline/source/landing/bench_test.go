package landing

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

func narrow() []source.Column {
	return []source.Column{
		{Name: "id", Kind: source.Int}, {Name: "customer", Kind: source.Text}, {Name: "at", Kind: source.Instant},
		{Name: "product", Kind: source.Text}, {Name: "quantity", Kind: source.Int}, {Name: "price", Kind: source.Decimal, Precision: 18, Scale: 4},
		{Name: "discount", Kind: source.Decimal, Precision: 18, Scale: 4}, {Name: "day", Kind: source.Date},
	}
}

func BenchmarkNarrow(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "x.parquet"), narrow(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	customer, product := []byte("C000123456"), []byte("P00042")
	for i := 0; b.Loop(); i++ {
		customer[9], customer[8] = byte('0'+i%10), byte('0'+i/10%10)
		product[5] = byte('0' + i%7)
		w.Int(0, int64(i))
		w.Text(1, customer)
		w.Time(2, int64(i)*1e6)
		w.Text(3, product)
		w.Int(4, int64(i%5))
		w.Decimal64(5, int64(i%1000)*10000)
		if i%3 == 0 {
			w.Decimal64(6, 0)
		}
		w.Date(7, int32(i/1000))
		if err := w.EndRow(); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWide(b *testing.B) {
	var cols []source.Column
	for i := range 100 {
		cols = append(cols, source.Column{Name: fmt.Sprintf("c%02d", i), Kind: []source.Kind{source.Int, source.Text, source.Instant, source.Float}[i%4]})
	}
	w, err := Create(filepath.Join(b.TempDir(), "x.parquet"), cols, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	text := []byte("some text of twenty ")
	for i := 0; b.Loop(); i++ {
		for c := range cols {
			switch c % 4 {
			case 0:
				w.Int(c, int64(i))
			case 1:
				w.Text(c, text)
			case 2:
				w.Time(c, int64(i))
			case 3:
				w.Float(c, float64(i))
			}
		}
		if err := w.EndRow(); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
