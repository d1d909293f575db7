package sqlfiles

import (
	"flag"
	"math"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

var goodParams = Params{
	AsOf: "2011-09-01", TimeZone: "Europe/London", LookbackDays: 180, HorizonDays: 90, CrossSellCategoryLimit: 30,
	DefaultMarginRate: 0.3, RiskHigh: 0.7, RiskMedium: 0.4, Mining: goodMining,
}

var goodMining = Mining{
	BestShare: 0.01, SecondShare: 0.2, FourTiers: [4]float64{0.01, 0.1, 0.6, 1}, Classes: 10, LoyaltyThreshold: 0.8, HighPotentialShare: 0.1,
	GradeWeights: []GradeWeight{{"margin", 0.6}, {"tenure", 0.4}}, Letters: [4]float64{80, 60, 40, 20}, FinancingRate: 0.05, SatisfactionLowest: 1,
	CreditDaysLate: [4]float64{3, 10, 30, 60}, CreditOverdueShare: [4]float64{0, 0.1, 0.25, 0.5},
	Relationship: []RelationshipRule{{"partnership", 4, 50}, {"basic", 0, 0}},
	NewDays:      90, NewOrders: 3, GrowthShare: 0.25, AtRiskPercentile: 0.95, MinGaps: 5,
	AlertSpendZ: 3, AlertSpendFloor: 0.1, KeyContactDays: 30, ComplaintOpenDays: 7, Complaints: 3, ComplaintsDays: 90, CategoryStoppedDays: 90, SensitiveCategories: []string{"kid's toys"},
	MaxContacts: 8, AbusePercentile: 0.99, AbuseMinCases: 3,
	Actions: []ActionRule{
		{Name: "call", Reason: "it's time", Tiers: []string{"best", "second"}, RiskBands: []string{"high"}, Loyal: "false", IsContact: true, Cost: 15, Change: 0.1, AtStake: "current_value"},
		{Name: "mend", Reason: "complaint", Stages: []string{"new"}, Alerts: []string{"complaint_open"}, TopCategory: "true", Cost: 0.5, Change: 1, AtStake: "future_value"},
	},
	KPIDays: 365, KPIMonths: 36, TopShare: 0.2, WhatIfPoints: []float64{1, 3, 5},
}

func TestPrelude(t *testing.T) {
	t.Parallel()
	got, err := Prelude(goodParams)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/prelude.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the prelude changed; run go test ./sql -update and look at the difference:\n%s", got)
	}
	for _, macro := range []string{
		"as_of()", "cutoff()", "days_ago(n)", "age_days(ts)", "iso_weekday(ts)", "lookback_days()", "horizon_days()",
		"cross_sell_category_limit()", "default_margin_rate()", "safe_div(a, b)", "risk_high()", "risk_medium()",
	} {
		if !strings.Contains(got, "MACRO "+macro+" AS") {
			t.Errorf("macro %s is missing", macro)
		}
	}
}

func TestPreludeErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Params)
		want   string
	}{
		"day":      {func(p *Params) { p.AsOf = "2011-9-1'" }, "as-of day must be YYYY-MM-DD"},
		"no day":   {func(p *Params) { p.AsOf = "" }, "as-of day must be YYYY-MM-DD"},
		"zone":     {func(p *Params) { p.TimeZone = "x'; DROP" }, "time zone must be a name such as Europe/Berlin"},
		"lookback": {func(p *Params) { p.LookbackDays = 0 }, "lookback days must be at least 1, got 0"},
		"horizon":  {func(p *Params) { p.HorizonDays = -1 }, "horizon days must be at least 1"},
		"limit":    {func(p *Params) { p.CrossSellCategoryLimit = 0 }, "cross-sell category limit must be at least 1"},
		"margin":   {func(p *Params) { p.DefaultMarginRate = 1.1 }, "default margin rate must be from 0 to 1"},
		"high":     {func(p *Params) { p.RiskHigh = 2 }, "risk band high must be from 0 to 1"},
		"classes":  {func(p *Params) { p.Mining.Classes = 0 }, "classes must be at least 1, got 0"},
		"share":    {func(p *Params) { p.Mining.TopShare = math.NaN() }, "settings of mining must be finite numbers, got NaN"},
		"weights":  {func(p *Params) { p.Mining.GradeWeights = nil }, "the scorecard needs at least one weight"},
		"levels":   {func(p *Params) { p.Mining.Relationship = nil }, "the relationship level needs at least one rule"},
		"cost": {func(p *Params) { p.Mining.Actions = []ActionRule{{Cost: math.Inf(1)}} },
			"settings of mining must be finite numbers, got +Inf"},
		"loyal": {func(p *Params) { p.Mining.Actions = []ActionRule{{Name: "call", Loyal: "1; DROP"}} },
			"action call: a condition is true, false or empty"},
		"medium": {func(p *Params) { p.RiskMedium = -0.1 }, "risk band medium must be from 0 to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := goodParams
			c.change(&p)
			if _, err := Prelude(p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDecimalHasNoExponent(t *testing.T) {
	t.Parallel()
	if got := decimal(0.0000001); got != "0.0000001" {
		t.Errorf("got %s", got)
	}
}

// A changed rule for actions concerns only what reads the rules.
func TestPreludeOfIsWhatTheSQLCalls(t *testing.T) {
	t.Parallel()
	of := func(p Params, text string) string {
		t.Helper()
		got, err := PreludeOf(p, text)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	changed := goodParams
	changed.Mining.Actions = nil
	for text, same := range map[string]bool{
		"SELECT cutoff() FROM orders":              true,
		"SELECT grade_letter(1), my_action_rules":  true,
		"SELECT * FROM ACTION_RULES() AS a":        false,
		"SELECT max_contacts(), action_rules () x": false,
	} {
		if got := of(goodParams, text) == of(changed, text); got != same {
			t.Errorf("%s: same prelude %t, want %t", text, got, same)
		}
	}
	zone := goodParams
	zone.TimeZone = "UTC"
	if of(goodParams, "SELECT 1") == of(zone, "SELECT 1") {
		t.Error("the time zone is in the tables that every model reads, whatever it calls")
	}
	whole, err := Prelude(goodParams)
	if err != nil || of(goodParams, whole) != strings.Replace(whole, miningHead, "", 1) {
		t.Errorf("all macros are not the whole prelude (%v)", err)
	}
}

const miningHead = "\n-- The constants and rules of the tables about customers: mining in mainstay.yaml.\n"

// calledMacros does not look into macros for calls of other macros of Mining.
func TestMiningMacrosDoNotCallEachOther(t *testing.T) {
	t.Parallel()
	_, mining, err := goodParams.render()
	if err != nil {
		t.Fatal(err)
	}
	macros := strings.Split(mining, macroStart)[1:]
	for _, macro := range macros {
		_, body, _ := strings.Cut(macro, " AS")
		for _, other := range macros {
			if name, _, _ := strings.Cut(other, "("); strings.Contains(body, name+"(") {
				t.Errorf("%s is called by %s", name, macro)
			}
		}
	}
}
