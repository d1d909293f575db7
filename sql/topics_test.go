package sqlfiles

import (
	"cmp"
	"testing"
)

// Facts that are the same in other words are of one topic, so that a customer's three
// reasons are three.
func TestSameFactSameTopic(t *testing.T) {
	t.Parallel()
	s, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	topics := map[string]string{}
	for _, m := range s.Layer(Features) {
		for _, c := range m.Sidecar.Columns {
			topics[c.Name] = cmp.Or(c.Topic, m.Sidecar.Topic, m.Name)
		}
	}
	for _, same := range [][]string{
		{"days_since_interaction", "days_since_browsing", "days_since_visit"},
		{"recency_days", "overdue_ratio_typical", "p_no_order_h"},
		{"orders_90", "order_days_90"}, {"contacts_30", "campaigns_30"}, {"complaints_all", "complaints_180"},
		{"discount_share", "discount_share_180"}, {"last_rating", "rating_mean"}, {"owned_category_count", "categories_180"},
	} {
		for _, name := range same {
			if topics[name] == "" || topics[name] != topics[same[0]] {
				t.Errorf("the topic of %s is %q, of %s %q", name, topics[name], same[0], topics[same[0]])
			}
		}
	}
	if topics["days_since_browsing"] == topics["visits_30"] || topics["recency_days"] == topics["spend_90"] {
		t.Error("different facts are of one topic")
	}
}
