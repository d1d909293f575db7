package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// The block of YAML in docs/configuration.md is what a project has that says nothing.
func TestDocumentedMiningIsTheDefault(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(doc), "```yaml\nmining:")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatal("docs/configuration.md has no block of YAML that begins with mining:")
	}
	got := mustParse(t, minimal+"mining:"+block)
	if want := defaultMining(); !reflect.DeepEqual(got.Mining, want) {
		t.Errorf("got  %+v\nwant %+v", got.Mining, want)
	}
}

func TestMiningIsRead(t *testing.T) {
	t.Parallel()
	got := mustParse(t, minimal+`mining:
  tiers: {three: [0.05, 0.5], four: [0.1, 0.2, 0.3, 1.0]}
  classes: 5
  loyalty: {threshold: 0.5}
  grade:
    now: {margin: 0.5, units: 0.5, marketing_cost_ratio: 0}
    future: {tenure: 0, satisfaction: 0, standing: 0}
    letters: {A: 90}
  relationship: [{level: proactive, min_margin: 2.5, max_customers: 7}]
  credit: {days_late: {A: 0, D: 365}, overdue_share: {C: 0.3}}
  alerts: {sensitive_categories: Garden, spend_floor: 0, key_contact_days: 14}
  actions:
    - {name: call, reason: why not, loyal: false, top_category: any, cost: 1.5, change: 1, at_stake: potential_value}
  what_if: {points: []}
`).Mining
	want := defaultMining()
	want.Tiers = Tiers{[]float64{0.05, 0.5}, []float64{0.1, 0.2, 0.3, 1}}
	want.Classes, want.Loyalty.Threshold = 5, 0.5
	want.Grade = Grade{GradeNow{0.5, 0.5, 0}, GradeFuture{}, Letters{90, 60, 40, 20}, 0.05}
	want.Relationship = []Relationship{{"proactive", 2.5, 7}}
	want.Credit = Credit{DaysLate{0, 10, 30, 365}, OverdueShare{0, 0.1, 0.3, 0.5}}
	want.Alerts.SensitiveCategories = []string{"Garden"}
	want.Alerts.SpendFloor, want.Alerts.KeyContactDays = 0, 14
	want.Actions = []Action{{Name: "call", Reason: "why not", Loyal: "false", Contact: true, Cost: 1.5, Change: 1, AtStake: "potential_value"}}
	want.WhatIf.Points = []float64{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// Weights as people write them sum to 1 although floating-point numbers do not.
func TestWeightsMaySumToOneInDecimals(t *testing.T) {
	t.Parallel()
	mustParse(t, minimal+"mining: {grade: {now: {margin: 0.1, units: 0.2, marketing_cost_ratio: 0.3}, future: {tenure: 0.1, satisfaction: 0.1, standing: 0.2}}}\n")
}
