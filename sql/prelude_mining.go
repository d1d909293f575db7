package sqlfiles

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Mining are the constants and rules of the tables about customers that macros carry.
type Mining struct {
	BestShare, SecondShare float64    // of customers: where the tiers best and second end, 0 to 1
	FourTiers              [4]float64 // where each of the four tiers ends, 0 to 1
	Classes                int        // profit and purchase classes; at least 1
	LoyaltyThreshold       float64    // lowest loyalty index of the loyal, 0 to 1
	HighPotentialShare     float64    // of customers, 0 to 1

	GradeWeights  []GradeWeight
	FinancingRate float64    // cost of money per year while an invoice is unpaid, a share
	Letters       [4]float64 // lowest scores of the grades A to D

	// The highest mean days late and shares overdue of the credit grades A to D.
	CreditDaysLate, CreditOverdueShare [4]float64

	Relationship []RelationshipRule

	SatisfactionLowest float64 // lowest rating of the scale, which a complaint counts as

	NewDays, NewOrders int     // a customer is new for so long and until so many orders
	GrowthShare        float64 // change of revenue beyond which a customer grows or declines
	AtRiskPercentile   float64 // of the gaps between orders, 0 to 1
	MinGaps            int     // fewer gaps of one's own are pooled with everyone's

	AlertSpendZ                float64 // robust z-score of spend
	AlertSpendFloor            float64 // least spread of spend, a share of the median; 0 or more
	ComplaintOpenDays          int
	Complaints, ComplaintsDays int // so many in so many days pile up
	CategoryStoppedDays        int
	KeyContactDays             int // a new key contact is told of for so long
	SensitiveCategories        []string

	MaxContacts     int     // campaign contacts in 30 days
	AbusePercentile float64 // 0 to 1
	AbuseMinCases   int

	Actions []ActionRule

	KPIDays, KPIMonths int       // how far back key figures reach
	TopShare           float64   // of customers, whose share of the margin tells concentration
	WhatIfPoints       []float64 // percentage points of churn

	FeatureWords []FeatureWord // the features of customers that have words
}

// FeatureWord says how a feature of customers is told: see Column.
type FeatureWord struct {
	Feature, Say string
	IsFlag       bool // its unit is yes/no
}

// GradeWeight is the weight of an indicator of the scorecard.
type GradeWeight struct {
	Indicator string
	Weight    float64
}

// RelationshipRule gives a level of relationship to customers with at least MinMargin per
// order, in multiples of the median customer's, of whom there are at most MaxCustomers.
type RelationshipRule struct {
	Level        string
	MinMargin    float64
	MaxCustomers int // 0: no limit
}

// ActionRule says for whom an action is, what it costs and what it changes. Empty
// conditions hold for everyone.
type ActionRule struct {
	Name, Reason     string
	Tiers, RiskBands []string
	Loyal            string // "true", "false" or ""
	Stages, Alerts   []string
	TopCategory      string // "true", "false" or ""
	IsContact        bool   // do_not_contact forbids it
	Cost, Change     float64
	AtStake          string
}

// numbers are all numbers of m, for checks.
func (m Mining) numbers() []float64 {
	out := append([]float64{m.BestShare, m.SecondShare, m.LoyaltyThreshold, m.HighPotentialShare, m.GrowthShare,
		m.AtRiskPercentile, m.AlertSpendZ, m.AlertSpendFloor, m.AbusePercentile, m.TopShare, m.FinancingRate, m.SatisfactionLowest}, m.WhatIfPoints...)
	for _, borders := range [][4]float64{m.FourTiers, m.Letters, m.CreditDaysLate, m.CreditOverdueShare} {
		out = append(out, borders[:]...)
	}
	for _, w := range m.GradeWeights {
		out = append(out, w.Weight)
	}
	for _, r := range m.Relationship {
		out = append(out, r.MinMargin)
	}
	for _, a := range m.Actions {
		out = append(out, a.Cost, a.Change)
	}
	return out
}

// check finds what would give SQL that does not run.
func (m Mining) check() error {
	for _, x := range m.numbers() {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("settings of mining must be finite numbers, got %v", x)
		}
	}
	switch {
	case m.Classes < 1:
		return fmt.Errorf("classes must be at least 1, got %d", m.Classes)
	case len(m.GradeWeights) == 0:
		return fmt.Errorf("the scorecard needs at least one weight")
	case len(m.Relationship) == 0:
		return fmt.Errorf("the relationship level needs at least one rule")
	}
	for _, a := range m.Actions {
		for _, c := range []string{a.Loyal, a.TopCategory} {
			if c != "" && c != "true" && c != "false" {
				return fmt.Errorf("action %s: a condition is true, false or empty, got %q", a.Name, c)
			}
		}
	}
	return nil
}

// What the prelude's text needs to write values as SQL.
var preludeFuncs = map[string]any{
	"decimal":    decimal,
	"text":       quote,
	"texts":      texts,
	"condition":  condition,
	"conditions": conditions,
	"inc":        func(i int) int { return i + 1 },
}

// decimal writes a number without an exponent.
func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func texts(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// conditions writes a list; NULL, which holds for everyone, when it is empty.
func conditions(list []string) string {
	if len(list) == 0 {
		return "NULL"
	}
	return texts(list)
}

func condition(s string) string {
	if s == "" {
		return "NULL"
	}
	return s
}
