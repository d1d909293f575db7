package learn

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/modeltest"
)

// troubled is a made-up shop whose data can go wrong in the ways that gates are for.
// recency_days and orders_30 carry the outcome.
type troubled struct {
	dir       string
	customers int
	// shuffled labels say nothing: each customer gets another's outcome.
	shuffled bool
	// hole is the month (of the cutoff) before which nothing was delivered; 0: none.
	hole int
	// drifted is the month from which on price is counted in another unit; 0: never.
	drifted int
	// trend raises the log-odds of churn by so much each month.
	trend float64
	seed  int
}

func (s troubled) recency(month, c int) float64 {
	r := math.Floor(150 * modeltest.Uniform(s.seed, month, c, 1))
	if month == s.hole {
		r += 30
	}
	return r
}

func (s troubled) orders30(month, c int) float64 {
	if month == s.hole {
		return 0
	}
	return math.Floor(3 * modeltest.Uniform(s.seed, month, c, 2))
}

func (s troubled) price(month, c int) float64 {
	p := 5 + 20*modeltest.Uniform(s.seed, month, c, 3)
	if s.drifted > 0 && month >= s.drifted {
		p *= 100
	}
	return p
}

func (s troubled) churned(month, c int) bool {
	of := c
	if s.shuffled {
		of = int(modeltest.Uniform(s.seed, month, c, 4) * float64(s.customers))
	}
	logit := (s.recency(month, of)-75)/30 - 0.5*s.orders30(month, of) + s.trend*float64(month)
	return modeltest.Uniform(s.seed, month, of, 5) < 1/(1+math.Exp(-logit))
}

// snapshot writes the files of the first day of a month of 2011; months beyond 12 are of
// the years after.
func (s troubled) snapshot(t *testing.T, month int, mature bool) models.Snapshot {
	t.Helper()
	path := func(name string) string { return filepath.Join(s.dir, fmt.Sprintf("%02d-%s.parquet", month, name)) }
	id := models.OutColumn{Name: "customer_id", Text: func(c int) (string, bool) { return fmt.Sprintf("c%05d", c), true }}
	number := func(name string, of func(month, c int) float64) models.OutColumn {
		return models.OutColumn{Name: name, Float: func(c int) (float64, bool) { return of(month, c), true }}
	}
	write := func(path string, columns ...models.OutColumn) {
		if err := models.WriteParquet(path, s.customers, columns); err != nil {
			t.Fatal(err)
		}
	}
	out := models.Snapshot{Cutoff: time.Date(2011, time.Month(month), 1, 0, 0, 0, 0, time.UTC), CustomerFeatures: path("features")}
	write(out.CustomerFeatures, id, number("recency_days", s.recency), number("orders_30", s.orders30), number("price", s.price))
	if mature {
		out.Labels = path("labels")
		write(out.Labels, id, models.OutColumn{Name: "churned", Int: func(c int) (int32, bool) {
			if s.churned(month, c) {
				return 1, true
			}
			return 0, true
		}})
	}
	return out
}

// months are mature snapshots from January on.
func (s troubled) months(t *testing.T, n int) []models.Snapshot {
	t.Helper()
	var out []models.Snapshot
	for m := 1; m <= n; m++ {
		out = append(out, s.snapshot(t, m, true))
	}
	return out
}
