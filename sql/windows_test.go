package sqlfiles

import (
	"regexp"
	"strings"
	"testing"
)

// knownWindow finds the windows that a feature may not know: if_known(..., h.started_on, 365).
var knownWindow = regexp.MustCompile(`,\s*\w+\.(\w+),\s*([^()]*(?:\(\))?)\)`)

// TestWindowsHaveFlags checks that a window that may reach further back than the records
// has a flag in customer_known, so that a reader of the table sees why it is NULL. What
// customers pay is counted in staging.
func TestWindowsHaveFlags(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, nil)
	flags, _ := s.Get("customer_known")
	group := map[string]string{
		"started_on": "history", "interactions_since": "interactions", "browsing_since": "browsing",
		"campaigns_since": "campaigns", "service_since": "service", "reviews_since": "reviews", "returns_since": "returns",
		"resolutions_since": "resolutions", "payments_since": "payments",
	}
	seen := 0
	credit, _ := s.Get("credit")
	for _, m := range append(s.Layer(Features), credit) {
		for _, call := range strings.Split(m.SQL, "if_known(")[1:] {
			found := knownWindow.FindStringSubmatch(call)
			if found == nil || group[found[1]] == "" {
				t.Errorf("%s: if_known(%.60s...: no window of a known group", m.Path, call)
				continue
			}
			seen++
			days := strings.ReplaceAll(strings.TrimSpace(found[2]), "2 * horizon_days()", "two_horizons")
			if days == "0" {
				continue // ever recorded at all
			}
			if flag := group[found[1]] + "_" + days + "_known"; flags.Sidecar == nil || !hasColumn(flags, flag) {
				t.Errorf("%s: a window of %s days, but no flag %s in customer_known", m.Path, days, flag)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d windows found: the test shows little", seen)
	}
}

func hasColumn(m Model, name string) bool {
	_, ok := m.Sidecar.Column(name)
	return ok
}
