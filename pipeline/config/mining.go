package config

import "fmt"

// Mining are the constants of the tables about customers: who is best, who is loyal,
// where a customer stands, what to do. docs/configuration.md says what each one means.
type Mining struct {
	Tiers          Tiers          `yaml:"tiers"`
	Classes        int            `yaml:"classes" range:"2..100"` // profit and purchase classes
	Loyalty        Loyalty        `yaml:"loyalty"`
	HighPotential  HighPotential  `yaml:"high_potential"`
	Satisfaction   Satisfaction   `yaml:"satisfaction"`
	Grade          Grade          `yaml:"grade"`
	Credit         Credit         `yaml:"credit"`
	Relationship   []Relationship `yaml:"relationship"` // the first rule that fits decides
	Lifecycle      Lifecycle      `yaml:"lifecycle"`
	Alerts         Alerts         `yaml:"alerts"`
	ContactFatigue ContactFatigue `yaml:"contact_fatigue"`
	Abuse          Abuse          `yaml:"abuse"`
	Actions        []Action       `yaml:"actions"` // in the order that decides between equal gains
	KPIs           KPIs           `yaml:"kpis"`
	WhatIf         WhatIf         `yaml:"what_if"`
}

// Tiers are the borders between tiers of customers, as cumulated shares of customers,
// best first.
type Tiers struct {
	Three []float64 `yaml:"three" range:"0..1"` // ends of best and second; the others are the rest
	Four  []float64 `yaml:"four" range:"0..1"`  // ends of the tiers 1 to 4; the last is 1
}

// Loyalty says from which loyalty index a customer is loyal.
type Loyalty struct {
	Threshold float64 `yaml:"threshold" range:"0..1"`
}

// HighPotential is the share of customers, by potential value, with high potential.
type HighPotential struct {
	Share float64 `yaml:"share" range:"0..1"`
}

// Satisfaction says on what scale customers rate.
type Satisfaction struct {
	// Lowest is the lowest rating of the scale, which a complaint counts as.
	Lowest float64 `yaml:"lowest" range:"-100000..100000"`
}

// Grade is the scorecard: six weights that sum to 1, and the lowest scores of the
// letters; below D it is E.
type Grade struct {
	Now     GradeNow    `yaml:"now"`
	Future  GradeFuture `yaml:"future"`
	Letters Letters     `yaml:"letters"`
	// FinancingRate is what money costs per year, as a share, while an invoice is unpaid.
	FinancingRate float64 `yaml:"financing_rate" range:"0..1"`
}

// GradeNow are the weights of what a customer is worth now.
type GradeNow struct {
	Margin             float64 `yaml:"margin" range:"0..1"`
	Units              float64 `yaml:"units" range:"0..1"`
	MarketingCostRatio float64 `yaml:"marketing_cost_ratio" range:"0..1"`
}

// GradeFuture are the weights of what promises to last.
type GradeFuture struct {
	Tenure       float64 `yaml:"tenure" range:"0..1"`
	Satisfaction float64 `yaml:"satisfaction" range:"0..1"`
	Standing     float64 `yaml:"standing" range:"0..1"`
}

// Letters are the lowest scores of the grades A to D.
type Letters struct {
	A float64 `yaml:"A" range:"0..100"`
	B float64 `yaml:"B" range:"0..100"`
	C float64 `yaml:"C" range:"0..100"`
	D float64 `yaml:"D" range:"0..100"`
}

// Relationship is a rule for the level of relationship that a customer is worth.
type Relationship struct {
	Level Level `yaml:"level"`
	// MinMargin is the lowest margin per order, in multiples of the median customer's.
	MinMargin float64 `yaml:"min_margin" range:"0.."`
	// MaxCustomers is the most customers like this one; 0: no limit.
	MaxCustomers int `yaml:"max_customers" range:"0.."`
}

// Lifecycle sets the borders between stages.
type Lifecycle struct {
	NewDays          int     `yaml:"new_days" range:"1..3650"`
	NewOrders        int     `yaml:"new_orders" range:"1.."`
	Growth           float64 `yaml:"growth" range:"0..100"` // share of the earlier revenue
	AtRiskPercentile float64 `yaml:"at_risk_percentile" range:"0..1"`
	MinGaps          int     `yaml:"min_gaps" range:"1.."` // fewer are pooled with everyone's
}

// Alerts says when something about a customer wants a look.
type Alerts struct {
	SpendZ              float64  `yaml:"spend_z" range:"0..100"`
	SpendFloor          float64  `yaml:"spend_floor" range:"0..10"` // least spread, a share of the median
	ComplaintOpenDays   int      `yaml:"complaint_open_days" range:"0..3650"`
	Complaints          int      `yaml:"complaints" range:"1.."`
	ComplaintsDays      int      `yaml:"complaints_days" range:"1..3650"`
	KeyContactDays      int      `yaml:"key_contact_days" range:"1..3650"` // for how long a new contact is told of
	SensitiveCategories []string `yaml:"sensitive_categories"`
	// CategoryStoppedDays is for how long a sensitive category must not have been bought.
	CategoryStoppedDays int `yaml:"category_stopped_days" range:"1..3650"`
}

// ContactFatigue says when a customer has been contacted enough.
type ContactFatigue struct {
	MaxContacts int `yaml:"max_contacts" range:"0.."` // campaign contacts in 30 days
}

// Abuse says when complaints or refunds are suspicious.
type Abuse struct {
	Percentile float64 `yaml:"percentile" range:"0..1"`
	MinCases   int     `yaml:"min_cases" range:"1.."`
}

// Action is something that can be done for a customer, and for whom. A condition that
// is left out holds for everyone.
type Action struct {
	Name        string     `yaml:"name"`
	Reason      string     `yaml:"reason"`
	Tiers       []Tier     `yaml:"tiers"`
	Risk        []Risk     `yaml:"risk"`
	Loyal       YesNo      `yaml:"loyal"`
	Stages      []Stage    `yaml:"stages"`
	Alerts      []Alert    `yaml:"alerts"`
	TopCategory YesNo      `yaml:"top_category"`
	Contact     bool       `yaml:"contact"` // reaches out, so do_not_contact forbids it
	Cost        float64    `yaml:"cost" range:"0.."`
	Change      float64    `yaml:"change" range:"0..1"`
	AtStake     ActionBase `yaml:"at_stake"`
}

// setDefaults fills an action before its keys are read.
func (a *Action) setDefaults() { a.Contact = true }

// KPIs sets how far back the tables of key figures reach.
type KPIs struct {
	Days     int     `yaml:"days" range:"1..3650"`
	Months   int     `yaml:"months" range:"1..240"`
	TopShare float64 `yaml:"top_share" range:"0..1"`
}

// WhatIf are the points by which churn is imagined lower.
type WhatIf struct {
	Points []float64 `yaml:"points" range:"0..100"`
}

// Words that rules use. The tables about customers have the same ones.
type (
	Level      string // of a relationship
	Tier       string // of three
	Risk       string // band
	Stage      string // of the lifecycle
	Alert      string // kind
	ActionBase string // what an action puts its change on
)

var (
	levels      = []string{"basic", "reactive", "accountable", "proactive", "partnership"}
	tiers       = []string{"best", "second", "rest"}
	risks       = []string{"high", "medium", "low"}
	stages      = []string{"prospect", "new", "growing", "stable", "declining", "at_risk", "lost", "won_back"}
	alerts      = []string{"spend_drop", "spend_rise", "overdue", "complaint_open", "complaints_piling_up", "key_contact_changed", "sensitive_category_stopped"}
	actionBases = []string{"current_value", "potential_value", "future_value", "top_category_margin"}
)

// UnmarshalText checks that the level is known.
func (l *Level) UnmarshalText(text []byte) error {
	*l = Level(text)
	return oneOf(string(text), "a level of relationship", levels)
}

// UnmarshalText checks that the tier is known.
func (t *Tier) UnmarshalText(text []byte) error {
	*t = Tier(text)
	return oneOf(string(text), "a tier", tiers)
}

// UnmarshalText checks that the band is known.
func (r *Risk) UnmarshalText(text []byte) error {
	*r = Risk(text)
	return oneOf(string(text), "a risk band", risks)
}

// UnmarshalText checks that the stage is known.
func (s *Stage) UnmarshalText(text []byte) error {
	*s = Stage(text)
	return oneOf(string(text), "a lifecycle stage", stages)
}

// UnmarshalText checks that the alert is known.
func (a *Alert) UnmarshalText(text []byte) error {
	*a = Alert(text)
	return oneOf(string(text), "an alert", alerts)
}

// UnmarshalText checks that the value is known.
func (b *ActionBase) UnmarshalText(text []byte) error {
	*b = ActionBase(text)
	return oneOf(string(text), "a value at stake", actionBases)
}

// YesNo is a condition: true, false, or any ("").
type YesNo string

// UnmarshalText reads true, false or any.
func (y *YesNo) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "true", "false":
		*y = YesNo(s)
	case "any":
		*y = ""
	default:
		return fmt.Errorf("%q is neither true nor false; expected true, false or any", s)
	}
	return nil
}
