package jobs_test

import (
	"strings"
	"testing"
)

func TestRelationshipsLeadBetweenPublishedTables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, to, want string }{
		"to staging":    {"marts/mine", "customer_orders", "relationships to customer_orders, which is no published table"},
		"to nothing":    {"marts/mine", "customer_valeu", "relationships to customer_valeu, which is no published table"},
		"from features": {"features/mine", "customer_value", "those of features/ are not published"},
		"good":          {"marts/mine", "customer_features", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &testBundle{t: t, ctx: t.Context(), dir: t.TempDir()}
			b.write("mainstay.yaml", testConfig)
			b.write("sql/"+c.file+".sql", "SELECT DISTINCT customer_id FROM orders")
			b.write("sql/"+c.file+".yml", "checks: [{relationships: {column: customer_id, to: "+c.to+"}}]\n")
			_, err := b.load()
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
