package modeltest

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/models"
)

// Shop makes snapshots of made-up customers as files: recency_days and orders_90
// carry the outcome, gap_mean_days is missing for some, noise says nothing.
// Everything follows from the numbers in it.
type Shop struct {
	Dir       string
	Customers int
	Leak      bool // adds a column leak that knows the outcome
	OneClass  bool // nobody churns
}

var categories = []string{"books", "garden", "toys", "wine"}

// Uniform is a number in [0, 1) that depends on its arguments only.
func Uniform(parts ...int) float64 {
	z := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		z = (z ^ uint64(p)) * 0xbf58476d1ce4e5b9
		z ^= z >> 29
	}
	z *= 0x94d049bb133111eb
	return float64((z^z>>32)>>11) * 0x1p-53
}

func (s Shop) recency(t, c int) float64 { return math.Floor(180 * Uniform(t, c, 1)) }
func (s Shop) orders(t, c int) float64  { return math.Floor(1 + 9*Uniform(t, c, 2)) }

func (s Shop) churned(t, c int) bool {
	logit := (s.recency(t, c)-90)/40 - (s.orders(t, c)-5)/3
	return !s.OneClass && Uniform(t, c, 3) < 1/(1+math.Exp(-logit))
}

func (s Shop) bought(t, c, k int) bool {
	return Uniform(t, c, k, 4) < 0.05+0.02*float64(k)*s.orders(t, c)
}

func text(v func(i int) string) func(int) (string, bool) {
	return func(i int) (string, bool) { return v(i), true }
}

func number(v func(i int) float64) func(int) (float64, bool) {
	return func(i int) (float64, bool) { x := v(i); return x, x == x }
}

func flagOf(b bool) (int32, bool) {
	if b {
		return 1, true
	}
	return 0, true
}

// Snapshot writes the files of one month of 2011. One key (customer_id) makes a
// table of customers with churn as label, two one of customers and categories too.
func (s Shop) Snapshot(tb testing.TB, keys []string, label string, month int, mature bool) models.Snapshot {
	tb.Helper()
	path := func(name string) string {
		return filepath.Join(s.Dir, fmt.Sprintf("%d-%02d-%s.parquet", len(keys), month, name))
	}
	out := models.Snapshot{Cutoff: time.Date(2011, time.Month(month), 1, 0, 0, 0, 0, time.UTC), CustomerFeatures: path("customers")}
	id := func(c int) string { return fmt.Sprintf("c%05d", c) }
	columns := []models.OutColumn{
		{Name: "customer_id", Text: text(id)},
		{Name: "recency_days", Float: number(func(c int) float64 { return s.recency(month, c) })},
		{Name: "orders_90", Float: number(func(c int) float64 { return s.orders(month, c) })},
		{Name: "gap_mean_days", Float: number(func(c int) float64 {
			if s.orders(month, c) < 3 {
				return math.NaN()
			}
			return 180 / s.orders(month, c)
		})},
		{Name: "noise", Float: number(func(c int) float64 { return Uniform(month, c, 5) })},
	}
	if s.Leak {
		columns = append(columns, models.OutColumn{Name: "leak", Int: func(c int) (int32, bool) { return flagOf(s.churned(month, c)) }})
	}
	write := func(path string, rows int, columns ...models.OutColumn) {
		if err := models.WriteParquet(path, rows, columns); err != nil {
			tb.Fatal(err)
		}
	}
	write(out.CustomerFeatures, s.Customers, columns...)
	rows, keyed := s.Customers, columns[:1]
	outcome := func(i int) bool { return s.churned(month, i) }
	if len(keys) == 2 {
		n := len(categories)
		rows = s.Customers * n
		keyed = []models.OutColumn{
			{Name: "customer_id", Text: text(func(i int) string { return id(i / n) })},
			{Name: "category", Text: text(func(i int) string { return categories[i%n] })},
		}
		out.CategoryFeatures = path("pairs")
		write(out.CategoryFeatures, rows, append(keyed, models.OutColumn{
			Name: "owner_share", Float: number(func(i int) float64 { return float64(i%n) / 10 }),
		})...)
		outcome = func(i int) bool { return s.bought(month, i/n, i%n) }
	}
	if mature {
		out.Labels = path("labels")
		write(out.Labels, rows, append(keyed, models.OutColumn{Name: label, Int: func(i int) (int32, bool) { return flagOf(outcome(i)) }})...)
	}
	return out
}

// Year writes snapshots from January on; the outcome of the last one is not known.
func (s Shop) Year(tb testing.TB, keys []string, label string, months int) []models.Snapshot {
	tb.Helper()
	var out []models.Snapshot
	for m := 1; m <= months; m++ {
		out = append(out, s.Snapshot(tb, keys, label, m, m < months))
	}
	return out
}
