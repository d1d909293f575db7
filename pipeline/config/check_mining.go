package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// checkMining looks at what the single values of mining cannot tell.
func (d *decoder) checkMining(m *Mining) {
	d.checkTiers(m.Tiers)
	d.checkGrade(m.Grade)
	d.checkCredit(m.Credit)
	d.checkRelationship(m.Relationship)
	d.checkCategories(m.Alerts.SensitiveCategories)
	d.checkActions(m.Actions)
	d.checkPoints(m.WhatIf.Points)
	for _, x := range []struct {
		path  string
		value float64
	}{{"loyalty.threshold", m.Loyalty.Threshold}, {"high_potential.share", m.HighPotential.Share}, {"kpis.top_share", m.KPIs.TopShare}} {
		if x.value == 0 {
			d.failAt("mining."+x.path, "0 would take in everyone or no one; expected a number above 0")
		}
	}
}

func (d *decoder) checkTiers(t Tiers) {
	const three, four = "mining.tiers.three", "mining.tiers.four"
	if len(t.Three) != 2 {
		d.failAt(three, "%s; expected 2 shares of customers: where best ends and where second ends", count(t.Three))
	} else if !rising(t.Three) || t.Three[1] >= 1 {
		d.failAt(three, "%s do not rise from above 0 to below 1; expected shares such as [0.01, 0.20]", numbers(t.Three))
	}
	if len(t.Four) != 4 {
		d.failAt(four, "%s; expected 4 shares of customers: where each tier ends", count(t.Four))
	} else if !rising(t.Four) || t.Four[3] != 1 {
		d.failAt(four, "%s do not rise from above 0 to 1; expected shares such as [0.01, 0.10, 0.60, 1]", numbers(t.Four))
	}
}

// weightsSum is how far from 1 the sum of weights may be: what rounding leaves.
const weightsSum = 1e-9

func (d *decoder) checkGrade(g Grade) {
	const path = "mining.grade"
	if l := g.Letters; l.A <= l.B || l.B <= l.C || l.C <= l.D {
		d.failAt(path+".letters", "A %g, B %g, C %g, D %g do not fall; expected A > B > C > D", l.A, l.B, l.C, l.D)
	}
	for _, p := range []string{"now.margin", "now.units", "now.marketing_cost_ratio", "future.tenure", "future.satisfaction", "future.standing"} {
		if d.failed[path+"."+p] {
			return // the sum means nothing
		}
	}
	sum := g.Now.Margin + g.Now.Units + g.Now.MarketingCostRatio + g.Future.Tenure + g.Future.Satisfaction + g.Future.Standing
	if math.Abs(sum-1) > weightsSum {
		d.failAt(path, "the six weights of now and future sum to %s; they must sum to 1", number(sum))
	}
}

func (d *decoder) checkRelationship(rules []Relationship) {
	const path = "mining.relationship"
	if len(rules) == 0 {
		d.failAt(path, "no rule; expected at least one, such as {level: basic}")
	}
	for i, r := range rules {
		at := fmt.Sprintf("%s[%d]", path, i)
		if r.Level == "" {
			d.failAt(at+".level", "missing; expected %s", list(levels))
		}
		if r.MinMargin == 0 && r.MaxCustomers == 0 && i < len(rules)-1 {
			d.failAt(at, "this rule fits every customer, so the rules after it never count; expected it as the last one")
		}
	}
}

func (d *decoder) checkCategories(categories []string) {
	for i, c := range categories {
		at := fmt.Sprintf("mining.alerts.sensitive_categories[%d]", i)
		if c == "" {
			d.failAt(at, "empty; expected the name of a category")
		} else if first := slices.Index(categories, c); first < i {
			d.failAt(at, "%q is item %d already", c, first+1)
		}
	}
}

var actionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (d *decoder) checkActions(actions []Action) {
	taken := map[string]int{}
	for i, a := range actions {
		at := fmt.Sprintf("mining.actions[%d]", i)
		first, twice := taken[a.Name]
		switch {
		case a.Name == "":
			d.failAt(at+".name", "missing; expected a name such as call_in_person")
		case !actionName.MatchString(a.Name):
			d.failAt(at+".name", "%q is not a name; expected a-z, 0-9 and _, beginning with a letter", a.Name)
		case twice:
			d.failAt(at+".name", "%q is the name of actions[%d] already; expected a name of its own", a.Name, first)
		default:
			taken[a.Name] = i
		}
		if strings.TrimSpace(a.Reason) == "" {
			d.failAt(at+".reason", "missing; expected the reason in words, for the one who does it")
		}
		if a.AtStake == "" {
			d.failAt(at+".at_stake", "missing; expected %s", list(actionBases))
		}
		if a.Change == 0 {
			d.failAt(at+".change", "missing or 0; expected the change in probability that the action brings, above 0 and up to 1")
		}
	}
}

func (d *decoder) checkPoints(points []float64) {
	if len(points) > 0 && !rising(points) {
		d.failAt("mining.what_if.points", "%s do not rise from above 0; expected points such as [1, 3, 5]", numbers(points))
	}
}

// rising tells whether the numbers begin above 0 and each is above the one before.
func rising(xs []float64) bool {
	last := 0.0
	for _, x := range xs {
		if x <= last {
			return false
		}
		last = x
	}
	return true
}

func count(xs []float64) string {
	if len(xs) == 1 {
		return "1 number"
	}
	return fmt.Sprintf("%d numbers", len(xs))
}

func numbers(xs []float64) string {
	out := make([]string, len(xs))
	for i, x := range xs {
		out[i] = number(x)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// number writes a number without the digits that adding floating-point numbers leaves.
func number(x float64) string {
	return strconv.FormatFloat(math.Round(x*1e9)/1e9, 'f', -1, 64)
}
