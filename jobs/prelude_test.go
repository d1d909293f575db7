package jobs

import (
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// preludeSession is a session with the macros of a configuration.
func preludeSession(t *testing.T, c *config.Config) *duck.Session {
	t.Helper()
	s, err := duck.Open(t.Context(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	prelude, err := sqlfiles.Prelude(preludeParams(c, "2024-03-01"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), prelude); err != nil {
		t.Fatal(err)
	}
	return s
}

func answer(t *testing.T, s *duck.Session, query string) string {
	t.Helper()
	r, err := s.Query(t.Context(), "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ("+query+")")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var rows []string
	for _, row := range r.Rows {
		var cells []string
		for _, v := range row {
			cell, ok := v.(string)
			if !ok {
				cell = "NULL"
			}
			cells = append(cells, cell)
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return strings.Join(rows, "; ")
}

// The macros run on DuckDB and give what is configured.
func TestPreludeGivesTheConfiguration(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Mining.Alerts.SensitiveCategories = []string{"toys", "kid's"}
	s := preludeSession(t, c)
	for query, want := range map[string]string{
		"SELECT tier_best_share() AS a, tier_second_share() AS b, class_count() AS c, loyalty_threshold() AS d, high_potential_share() AS e": "0.010000 0.200000 10 0.8 0.100000",
		"FROM four_tiers() ORDER BY tier": "1 0.010000; 2 0.100000; 3 0.600000; 4 1.000000",
		"SELECT new_days() AS a, new_orders() AS b, growth_share() AS c, at_risk_percentile() AS d, min_gaps() AS e":                                               "90 3 0.25 0.95 5",
		"SELECT alert_spend_floor() AS a, alert_key_contact_days() AS b":                                                                                           "0.1 30",
		"SELECT credit_letter(x, y) AS a FROM (VALUES (3.0, 0.0), (3.1, 0.0), (0.0, 0.1), (10.5, 0.1), (30.5, 0.0), (0.0, 0.6), (NULL, NULL)) AS t(x, y)":          "A; B; B; C; D; E; NULL",
		"SELECT probability_words(x) AS a FROM (VALUES (0.0), (0.0049), (0.005), (0.125), (0.9949), (0.995), (1.0), (NULL)) AS t(x)":                               "<1 %; <1 %; 1 %; 13 %; 99 %; >99 %; >99 %; NULL",
		"SELECT alert_spend_z() AS a, alert_complaint_open_days() AS b, alert_complaints() AS c, alert_complaints_days() AS d, alert_category_stopped_days() AS e": "3.0 7 3 90 90",
		"FROM sensitive_categories()":                                                                                                                       "toys; kid's",
		"SELECT satisfaction_lowest() AS a":                                                                                                                 "1.000",
		"SELECT max_contacts() AS a, abuse_percentile() AS b, abuse_min_cases() AS c":                                                                       "8 0.99 3",
		"SELECT kpi_days() AS a, kpi_months() AS b, top_share() AS c":                                                                                       "365 36 0.200000",
		"FROM what_if_points()":                                                                                                                             "1.0; 3.0; 5.0",
		"SELECT grade_weight('margin') AS a, grade_weight('other') AS b":                                                                                    "0.300000 NULL",
		"SELECT grade_letter(x) AS a FROM (VALUES (80), (79.99), (60), (40), (20), (0), (NULL)) AS t(x)":                                                    "A; B; B; C; D; E; NULL",
		"FROM relationship_rules() WHERE priority IN (1, 8) ORDER BY priority":                                                                              "1 partnership 4.0 50; 8 basic 0.0 NULL",
		"SELECT count(*) AS n, min(priority) AS a, max(priority) AS b FROM action_rules()":                                                                  "8 1 8",
		"SELECT * EXCLUDE (reason) FROM action_rules() WHERE action = 'call_in_person'":                                                                     "3 call_in_person [best, second] [high, medium] NULL NULL NULL NULL true 15.00 0.1 current_value",
		"SELECT rule_holds(NULL, 'a') AS a, rule_holds(['a', 'b'], 'b') AS b, rule_holds(['a'], 'b') AS c, rule_holds(['a'], NULL) AS d":                    "true true false false",
		"SELECT rule_holds_any(NULL, ['a']) AS a, rule_holds_any(['a'], ['b', 'a']) AS b, rule_holds_any(['a'], []) AS c, rule_holds_any(['a'], NULL) AS d": "true true false false",
	} {
		if got := answer(t, s, query); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

// Rules and lists that are empty give no row, with the same columns.
func TestPreludeWithoutRules(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Mining.Actions, c.Mining.WhatIf.Points = nil, nil
	s := preludeSession(t, c)
	for _, query := range []string{"SELECT action, tiers, cost FROM action_rules()", "SELECT points FROM what_if_points()", "SELECT category FROM sensitive_categories()"} {
		if got := answer(t, s, query); got != "" {
			t.Errorf("%s: got %q, want no rows", query, got)
		}
	}
}
