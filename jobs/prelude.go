package jobs

import (
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// prelude writes the macros of a session at a cutoff.
func (p *Project) prelude(cutoff pipeline.Day) (string, error) {
	return sqlfiles.Prelude(p.params(p.Config, cutoff.String()))
}

// preludeOf is the part of the prelude on which models can depend: for a session, and for
// a fingerprint.
func (p *Project) preludeOf(n needs, cutoff pipeline.Day) (string, error) {
	var texts []string
	for _, m := range n.models {
		texts = append(texts, m.SQL)
		if m.Sidecar != nil {
			for _, c := range m.Sidecar.Checks {
				texts = append(texts, c.SQL)
			}
		}
	}
	return sqlfiles.PreludeOf(p.params(p.Config, cutoff.String()), texts...)
}

// params are those of a configuration, with the words of the project's features.
func (p *Project) params(c *config.Config, asOf string) sqlfiles.Params {
	params := preludeParams(c, asOf)
	params.Mining.FeatureWords = p.featureWords()
	return params
}

// preludeParams hands a configuration to the macros.
func preludeParams(c *config.Config, asOf string) sqlfiles.Params {
	return sqlfiles.Params{
		AsOf: asOf, TimeZone: string(c.TimeZone),
		LookbackDays: c.History.LookbackDays, HorizonDays: c.History.HorizonDays,
		CrossSellCategoryLimit: c.CrossSell.Categories, DefaultMarginRate: c.Margin.DefaultRate,
		RiskHigh: c.RiskBands.High, RiskMedium: c.RiskBands.Medium,
		Mining: miningParams(c.Mining),
	}
}

func miningParams(m config.Mining) sqlfiles.Mining {
	g := m.Grade
	out := sqlfiles.Mining{
		BestShare: m.Tiers.Three[0], SecondShare: m.Tiers.Three[1], FourTiers: [4]float64(m.Tiers.Four),
		Classes: m.Classes, LoyaltyThreshold: m.Loyalty.Threshold, HighPotentialShare: m.HighPotential.Share,
		GradeWeights: []sqlfiles.GradeWeight{
			{Indicator: "margin", Weight: g.Now.Margin}, {Indicator: "units", Weight: g.Now.Units},
			{Indicator: "marketing_cost_ratio", Weight: g.Now.MarketingCostRatio}, {Indicator: "tenure", Weight: g.Future.Tenure},
			{Indicator: "satisfaction", Weight: g.Future.Satisfaction}, {Indicator: "standing", Weight: g.Future.Standing},
		},
		Letters:       [4]float64{g.Letters.A, g.Letters.B, g.Letters.C, g.Letters.D},
		FinancingRate: g.FinancingRate, SatisfactionLowest: m.Satisfaction.Lowest,
		CreditDaysLate: m.Credit.DaysLate.Bands(), CreditOverdueShare: m.Credit.OverdueShare.Bands(),
		NewDays: m.Lifecycle.NewDays, NewOrders: m.Lifecycle.NewOrders, GrowthShare: m.Lifecycle.Growth,
		AtRiskPercentile: m.Lifecycle.AtRiskPercentile, MinGaps: m.Lifecycle.MinGaps,
		AlertSpendZ: m.Alerts.SpendZ, AlertSpendFloor: m.Alerts.SpendFloor, KeyContactDays: m.Alerts.KeyContactDays, ComplaintOpenDays: m.Alerts.ComplaintOpenDays,
		Complaints: m.Alerts.Complaints, ComplaintsDays: m.Alerts.ComplaintsDays,
		CategoryStoppedDays: m.Alerts.CategoryStoppedDays, SensitiveCategories: m.Alerts.SensitiveCategories,
		MaxContacts: m.ContactFatigue.MaxContacts, AbusePercentile: m.Abuse.Percentile, AbuseMinCases: m.Abuse.MinCases,
		KPIDays: m.KPIs.Days, KPIMonths: m.KPIs.Months, TopShare: m.KPIs.TopShare, WhatIfPoints: m.WhatIf.Points,
	}
	for _, r := range m.Relationship {
		out.Relationship = append(out.Relationship, sqlfiles.RelationshipRule{Level: string(r.Level), MinMargin: r.MinMargin, MaxCustomers: r.MaxCustomers})
	}
	for _, a := range m.Actions {
		out.Actions = append(out.Actions, sqlfiles.ActionRule{
			Name: a.Name, Reason: a.Reason, Tiers: words(a.Tiers), RiskBands: words(a.Risk), Loyal: string(a.Loyal),
			Stages: words(a.Stages), Alerts: words(a.Alerts), TopCategory: string(a.TopCategory),
			IsContact: a.Contact, Cost: a.Cost, Change: a.Change, AtStake: string(a.AtStake),
		})
	}
	return out
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}
