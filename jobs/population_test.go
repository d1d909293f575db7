package jobs_test

import "testing"

// A project may say itself whom it scores: with everyone who ordered in a year, customers
// who are lost have scores too, and the night is published.
func TestAPopulationOfOnesOwnIsPublished(t *testing.T) {
	t.Parallel()
	b := setup(t, 60)
	b.write("sql/staging/population.sql", "SELECT DISTINCT customer_id FROM customer_orders WHERE ordered_at >= days_ago(365)\n")
	b.mustRun("2023-07-02", "")
	if n := scan[int64](b, "SELECT count(*) FROM customer_360 WHERE stage = 'lost' AND churn_probability IS NOT NULL"); n == 0 {
		t.Error("no lost customer has a score: the test shows nothing")
	}
	if n := scan[int64](b, "SELECT count(*) FROM customer_360 WHERE churn_probability IS NOT NULL AND last_order_on < as_of - 365"); n != 0 {
		t.Errorf("%d customers outside of the population have a score", n)
	}
}
