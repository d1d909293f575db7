package jobs_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/shop"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// featureKeys are the tables of features, with their keys.
var featureKeys = map[string][]string{
	"customer_features":          {"customer_id"},
	"customer_category_features": {"customer_id", "category"},
}

// Every feature by its name: deleting what happened at or after the cutoff changes none.
// A session cannot see the future, so the one way for it into a feature is the catalogue,
// which sees the whole lake: a leak planted there must be found. And no feature may be
// NULL in every row, or the test would compare nothing.
func TestNoFeatureKnowsTheFuture(t *testing.T) {
	t.Parallel()
	b := setupYears(t, 100)
	b.write("sql/catalogue/line_counts.sql", "SELECT customer_id, count(*) AS lines FROM orders GROUP BY customer_id\n")
	b.write("sql/features/leak.sql", "SELECT customer_id, lines AS lines_in_all_time FROM line_counts\n")
	const cutoff = "2023-12-01"
	with, altered, without := b.data, t.TempDir(), t.TempDir()
	b.mustRun(cutoff, with)
	b.alterFiles(cutoff)
	b.mustRun(cutoff, altered)
	b.cutFiles(cutoff)
	b.mustRun(cutoff, without)

	planted := map[string][]string{"customer_features": {"lines_in_all_time"}}
	for table, key := range featureKeys {
		for future, other := range map[string]string{"without the future": without, "with another future": altered} {
			c := b.compare(table, key, publishedTable(with, cutoff, table), publishedTable(other, cutoff, table))
			if !slices.Equal(c.changed, planted[table]) {
				t.Errorf("%s: %s other values in %q, want %q: the planted leak", table, future, c.changed, planted[table])
			}
			for _, name := range builtInFeatures(t, key) {
				if !slices.Contains(c.filled, name) {
					t.Errorf("%s.%s is missing, or NULL in every row: it was not compared", table, name)
				}
			}
		}
	}
}

// The same moments are on other days elsewhere: features follow the business time zone,
// and so does the cutoff.
func TestFeaturesFollowTheTimeZone(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := &testBundle{t: t, ctx: context.Background(), dir: t.TempDir()}
	b.write("incoming/interactions/own.csv", "interaction_id,customer_id,occurred_at,kind\n")
	b.write("incoming/orders/own.csv", `order_id,line_id,customer_id,ordered_at,product_id,category,quantity,unit_price
o1,1,c1,2024-01-07T20:00:00Z,p1,toys,1,10
o2,1,c1,2024-01-08T08:00:00Z,p1,toys,1,10
o3,1,c2,2024-01-31T11:30:00Z,p1,toys,1,10
`)
	for zone, want := range map[string]string{
		// Sunday 20:00, Monday 08:00; c2 ordered on the eve of the as-of day.
		"Europe/London": "c1: 2 days, weekend 0.5, evening 0.5, recency 24; c2: 1 days, weekend 0.0, evening 0.0, recency 1",
		// Monday 09:00 and 21:00; c2 orders on the as-of day, which is not over yet.
		"Pacific/Auckland": "c1: 1 days, weekend 0.0, evening 0.5, recency 24",
	} {
		b.write("mainstay.yaml", strings.Replace(testConfig, "Europe/London", zone, 1))
		b.data = t.TempDir()
		b.mustRun(firstAsOf, b.data)
		got := scan[string](b, `SELECT string_agg(customer_id || ': ' || order_days || ' days, weekend ' || weekend_orders_share ||
			', evening ' || evening_orders_share || ', recency ' || recency_days, '; ' ORDER BY customer_id) FROM customer_features`)
		if got != want {
			t.Errorf("%s: got %s, want %s", zone, got, want)
		}
	}
}

// setupYears is a project with two years of a shop, so that the longest windows are known.
// It learns nothing: no cutoff but the as-of day is made.
func setupYears(t *testing.T, customers int) *testBundle {
	t.Helper()
	b := &testBundle{t: t, ctx: context.Background(), dir: t.TempDir()}
	b.data = filepath.Join(b.dir, "data")
	b.write("mainstay.yaml", strings.Replace(testConfig, "max_cutoffs: 3", "min_days: 3650", 1))
	c := shop.Default()
	c.Customers = customers
	c.Start, c.End = shopStart.AddDate(-1, 0, 0), shopEnd
	s, err := shop.New(c)
	if err != nil {
		t.Fatal(err)
	}
	to := must(time.Parse(time.DateOnly, firstAsOf))
	if _, err := s.WriteDays(b.ctx, filepath.Join(b.dir, "incoming"), c.Start, to, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// publishedTable is a published table of a day, as a relation.
func publishedTable(data, asOf, table string) string {
	return duck.ReadParquet([]string{filepath.Join(data, "tables", "as_of="+asOf, table+".parquet")})
}

// comparison tells in which columns two tables differ, and which ones have values at all.
type comparison struct{ changed, filled []string }

// compare compares two tables column by column, on rows with the same key.
func (b *testBundle) compare(table string, key []string, left, right string) comparison {
	b.t.Helper()
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	var alone, c = int64(0), comparison{}
	both := fmt.Sprintf("%s AS a FULL JOIN %s AS b USING (%s)", left, right, duck.Idents(key))
	if err := s.Scan(b.ctx, "SELECT count(*) FROM "+both+" WHERE a.as_of IS NULL OR b.as_of IS NULL", &alone); err != nil || alone > 0 {
		b.t.Errorf("%s: %d rows are in one table only (%v)", table, alone, err)
	}
	for _, col := range must(s.Columns(b.ctx, "SELECT * FROM "+left)) {
		if slices.Contains(key, col.Name) {
			continue
		}
		var changed, filled int64
		name := duck.Ident(col.Name)
		if err := s.Scan(b.ctx, fmt.Sprintf("SELECT count(*) FILTER (WHERE a.%s IS DISTINCT FROM b.%s), count(a.%s) FROM %s", name, name, name, both), &changed, &filled); err != nil {
			b.t.Fatal(err)
		}
		if changed > 0 {
			c.changed = append(c.changed, col.Name)
		}
		if filled > 0 {
			c.filled = append(c.filled, col.Name)
		}
	}
	return c
}

// builtInFeatures are the names of the features with a key, as their sidecars list them,
// without those of contract tables that a generated shop does not give.
func builtInFeatures(t *testing.T, key []string) []string {
	t.Helper()
	models := must(sqlfiles.Load(nil))
	var names []string
	for _, m := range models.Layer(sqlfiles.Features) {
		if slices.Contains([]string{"customer_credit", "customer_profile"}, m.Name) || !slices.Equal(m.Sidecar.Key, key) {
			continue
		}
		for _, col := range m.Sidecar.Columns {
			if !slices.Contains(key, col.Name) {
				names = append(names, col.Name)
			}
		}
	}
	return names
}
