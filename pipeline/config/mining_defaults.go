package config

// defaultMining are the constants of the tables about customers when the file says
// nothing. docs/configuration.md shows them as a block of YAML, and a test keeps it true.
func defaultMining() Mining {
	return Mining{
		Tiers:         Tiers{Three: []float64{0.01, 0.20}, Four: []float64{0.01, 0.10, 0.60, 1}},
		Classes:       10,
		Loyalty:       Loyalty{Threshold: 0.8},
		HighPotential: HighPotential{Share: 0.10},
		Satisfaction:  Satisfaction{Lowest: 1},
		Grade: Grade{
			Now:     GradeNow{Margin: 0.30, Units: 0.10, MarketingCostRatio: 0.10},
			Future:  GradeFuture{Tenure: 0.15, Satisfaction: 0.20, Standing: 0.15},
			Letters: Letters{A: 80, B: 60, C: 40, D: 20}, FinancingRate: 0.05,
		},
		Relationship: defaultRelationship(),
		Lifecycle:    Lifecycle{NewDays: 90, NewOrders: 3, Growth: 0.25, AtRiskPercentile: 0.95, MinGaps: 5},
		Credit:       defaultCredit(),
		Alerts: Alerts{SpendZ: 3, SpendFloor: 0.10, ComplaintOpenDays: 7, Complaints: 3, ComplaintsDays: 90, KeyContactDays: 30,
			SensitiveCategories: []string{}, CategoryStoppedDays: 90},
		ContactFatigue: ContactFatigue{MaxContacts: 8},
		Abuse:          Abuse{Percentile: 0.99, MinCases: 3},
		Actions:        defaultActions(),
		KPIs:           KPIs{Days: 365, Months: 36, TopShare: 0.20},
		WhatIf:         WhatIf{Points: []float64{1, 3, 5}},
	}
}

// defaultRelationship is Kotler's table of margin against the number of customers.
func defaultRelationship() []Relationship {
	return []Relationship{
		{Level: "partnership", MinMargin: 4, MaxCustomers: 50},
		{Level: "proactive", MinMargin: 4, MaxCustomers: 500},
		{Level: "accountable", MinMargin: 4},
		{Level: "proactive", MinMargin: 1, MaxCustomers: 50},
		{Level: "accountable", MinMargin: 1, MaxCustomers: 500},
		{Level: "reactive", MinMargin: 1},
		{Level: "reactive", MinMargin: 0.25, MaxCustomers: 500},
		{Level: "basic"},
	}
}

func defaultActions() []Action {
	return []Action{
		{Name: "solve_complaint", Reason: "a complaint has been open too long: solve it and say so",
			Alerts: []Alert{"complaint_open", "complaints_piling_up"}, Cost: 10, Change: 0.15, AtStake: "future_value"},
		{Name: "meet_new_contact", Reason: "the key contact changed: introduce yourself",
			Alerts: []Alert{"key_contact_changed"}, Contact: true, Cost: 20, Change: 0.10, AtStake: "future_value"},
		{Name: "call_in_person", Reason: "one of the best customers is about to leave: call in person",
			Tiers: []Tier{"best", "second"}, Risk: []Risk{"high", "medium"}, Contact: true, Cost: 15, Change: 0.10, AtStake: "current_value"},
		{Name: "win_back_offer", Reason: "used to buy and stopped: offer a reason to come back",
			Stages: []Stage{"at_risk", "lost"}, Contact: true, Cost: 5, Change: 0.04, AtStake: "future_value"},
		{Name: "stop_the_decline", Reason: "buys less than before: ask what changed",
			Stages: []Stage{"declining"}, Contact: true, Cost: 4, Change: 0.05, AtStake: "current_value"},
		{Name: "offer_category", Reason: "likely to buy a category that it does not buy from us yet",
			TopCategory: "true", Contact: true, Cost: 1, Change: 0.02, AtStake: "top_category_margin"},
		{Name: "welcome", Reason: "new: help with the second and third order",
			Stages: []Stage{"new"}, Contact: true, Cost: 0.5, Change: 0.05, AtStake: "current_value"},
		{Name: "thank_loyal", Reason: "loyal: thank, and ask for a recommendation",
			Loyal: "true", Contact: true, Cost: 2, Change: 0.02, AtStake: "current_value"},
	}
}
