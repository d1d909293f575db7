// Package contract defines the canonical tables that every source maps itself to:
// their columns, types and keys, which rows are refused, and the reasons that
// quarantine gives. Columns that a mapping adds beside these ride along.
package contract

import (
	"fmt"
	"slices"
	"strings"
)

// Type is the type of a contract column, written as DuckDB and Spark SQL write it.
type Type string

// The types of contract columns. Amounts are exact decimals: sums of them do not
// depend on the order of addition.
const (
	Text     Type = "VARCHAR"
	Instant  Type = "TIMESTAMPTZ"
	Date     Type = "DATE" // a day as people write it, in no time zone
	Quantity Type = "DECIMAL(18,3)"
	Money    Type = "DECIMAL(18,4)"
	Score    Type = "DECIMAL(9,3)"
)

// Column is one contract column.
type Column struct {
	Name     string
	Type     Type
	Required bool   // a row without it goes to quarantine
	Default  string // SQL for a value that is missing (may name other columns), "" for none
	Meaning  string
}

// Table is one contract table.
type Table struct {
	Name      string
	Grain     string
	Key       []string // what makes a row the same row; its newest version wins at read
	EventTime string   // the column that says when the row happened
	Columns   []Column
	// Later is set where a row is completed after its event, as an invoice is when it is
	// paid: what was added then is hidden from whoever looks at an earlier time.
	Later *Later
}

// Later says which columns of a row become known after its event. Columns that ride
// along are taken to be among them: nobody says when they were filled.
type Later struct {
	At      string   // column with the time since when they are known; one of Columns
	Columns []string // hidden before it, and where it is missing
}

// Orders is the contract of order lines.
var Orders = Table{
	Name: "orders", Grain: "One row per order line.",
	Key: []string{"order_id", "line_id"}, EventTime: "ordered_at",
	Columns: []Column{
		{"order_id", Text, true, "", "Order that the line belongs to."},
		{"line_id", Text, true, "product_id", "Line within the order; where a source has none, the product stands in."},
		{"customer_id", Text, true, "", "Customer who ordered."},
		{"ordered_at", Instant, true, "", "When the order was placed."},
		{"product_id", Text, true, "", "Product ordered."},
		{"category", Text, false, "", "Category of the product, where the source knows it."},
		{"quantity", Quantity, true, "", "Units ordered."},
		{"unit_price", Money, true, "", "Price of one unit before discount, in the company's currency."},
		{"discount", Money, false, "0", "Amount taken off the whole line, in the company's currency."},
		{"unit_cost", Money, false, "", "Cost of one unit; NULL where unknown (margin is then estimated)."},
	},
}

// Interactions is the contract of everything else that a customer does or that is
// done to one.
var Interactions = Table{
	Name: "interactions", Grain: "One row per interaction.",
	Key: []string{"interaction_id"}, EventTime: "occurred_at",
	Columns: []Column{
		{"interaction_id", Text, true, "", "The interaction."},
		{"customer_id", Text, true, "", "Customer concerned."},
		{"occurred_at", Instant, true, "", "When it happened."},
		{"kind", Text, true, "", "What happened: " + strings.Join(Kinds, ", ") + "; unknown kinds are kept and counted."},
		{"channel", Text, false, "", "Where it happened: web, app, mail, phone, store, ..."},
		{"order_id", Text, false, "", "Order concerned."},
		{"product_id", Text, false, "", "Product concerned."},
		{"category", Text, false, "", "Category concerned."},
		{"quantity", Quantity, false, "", "Units concerned; for a return, units taken back, positive."},
		{"amount", Money, false, "", "Money concerned; for a return, value taken back, positive."},
		{"campaign_id", Text, false, "", "Campaign that it belongs to."},
		{"reference_id", Text, false, "", "Interaction that this one answers: complaint_resolved names its complaint."},
		{"rating", Score, false, "", "Score given in a review or survey."},
	},
}

// Customers is the contract of what a company knows of a customer besides what happened.
// It changes, so a row is a version: it holds from recorded_at until the next one.
var Customers = Table{
	Name: "customers", Grain: "One row per customer and version of what is known of them.",
	Key: []string{"customer_id", "recorded_at"}, EventTime: "recorded_at",
	Columns: []Column{
		{"customer_id", Text, true, "", "The customer, as in orders."},
		{"recorded_at", Instant, true, "", "Since when the rest of the row is known; the next version of the customer takes its place."},
		{"name", Text, false, "", "Name for people to read. Leave it out where it must not be kept."},
		{"segment", Text, false, "", "Segment that the company puts the customer in."},
		{"region", Text, false, "", "Region, such as a sales area or a country."},
		{"standing", Score, false, "", "Importance by the company's own judgement, 0 to 100: for a company its size or name, for a person whatever the company rates."},
		{"key_contact", Text, false, "", "Who at the customer's is talked to; a name or a number."},
		{"key_contact_since", Instant, false, "", "Since when that contact is the one."},
	},
}

// Products is the contract of what a company knows of a product, by version.
var Products = Table{
	Name: "products", Grain: "One row per product and version of what is known of it.",
	Key: []string{"product_id", "recorded_at"}, EventTime: "recorded_at",
	Columns: []Column{
		{"product_id", Text, true, "", "The product, as in orders."},
		{"recorded_at", Instant, true, "", "Since when the rest of the row is known; the next version of the product takes its place."},
		{"name", Text, false, "", "Name for people to read."},
		{"category", Text, false, "", "Category; stands in where no order line of the product gives one."},
		{"list_price", Money, false, "", "Price of one unit as listed, in the company's currency."},
		{"unit_cost", Money, false, "", "Cost of one unit; stands in where an order line gives none."},
	},
}

// Payments is the contract of invoices and how they were paid. The row is written when
// the invoice is issued and again when it is paid.
var Payments = Table{
	Name: "payments", Grain: "One row per invoice.",
	Key: []string{"payment_id"}, EventTime: "issued_at",
	Columns: []Column{
		{"payment_id", Text, true, "", "The invoice."},
		{"customer_id", Text, true, "", "Customer who owes it."},
		{"order_id", Text, false, "", "Order that it is for."},
		{"issued_at", Instant, true, "", "When it was issued."},
		{"due_on", Date, false, "", "Last day on which it is paid in time; what is unpaid without one is never overdue."},
		{"amount", Money, true, "", "What is owed, as issued."},
		{"paid_at", Instant, false, "", "When it was paid, or the last part of it so far; hidden from those who look at an earlier time."},
		{"paid_amount", Money, false, "", "What was paid by then; with paid_at alone, all of it."},
	},
	Later: &Later{At: "paid_at", Columns: []string{"paid_at", "paid_amount"}},
}

// Kinds are the interaction kinds that features know.
var Kinds = []string{"visit", "view", "cart", "search", "email_sent", "email_open", "email_click", "campaign_sent",
	"coupon_used", "support", "complaint", "complaint_resolved", "return", "review", "call", "store_visit"}

// Tables are all contract tables, in the order in which they are extracted.
// Only orders must have rows.
func Tables() []Table { return []Table{Orders, Interactions, Customers, Products, Payments} }

// Names are the names of all contract tables.
func Names() []string {
	var names []string
	for _, t := range Tables() {
		names = append(names, t.Name)
	}
	return names
}

// Times and days are within [Table.Earliest, Latest). What lies outside stands for "no date"
// (0001-01-01, 1753-01-01, 1899-12-30, 1900-01-01, the Unix epoch, infinity), in whatever time
// zone it was midnight, and is refused: a single such row would say that history begins there.
const (
	earliestEvent   = "1970-01-02" // in UTC: by then the epoch's midnight is past in every time zone
	earliestVersion = "1900-01-01"
	Latest          = "2200-01-01"
)

// Earliest is the first day, in UTC, that a column of type Instant or Date may name. A version
// of master data may begin long ago: the epoch there says that something was known for ever.
func (t Table) Earliest(column string) string {
	if column == t.EventTime && slices.Contains(t.Key, column) {
		return earliestVersion
	}
	return earliestEvent
}

// Lookup returns the contract table with that name.
func Lookup(name string) (Table, error) {
	for _, t := range Tables() {
		if t.Name == name {
			return t, nil
		}
	}
	return Table{}, fmt.Errorf("%q is no contract table; expected one of %s", name, strings.Join(Names(), ", "))
}

// Column returns the contract column with that name.
func (t Table) Column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// KeyHas tells whether columns belong to the key, so that rows that differ in them
// differ in the key.
func (t Table) KeyHas(columns []string) bool {
	for _, c := range columns {
		if !slices.Contains(t.Key, c) {
			return false
		}
	}
	return len(columns) > 0
}

// Person is the column with the id of the person that a row is about; "" where there is
// none.
func (t Table) Person() string {
	if _, ok := t.Column("customer_id"); ok {
		return "customer_id"
	}
	return ""
}

// Place are the columns that say where a row lies: its event time and its key.
func (t Table) Place() []Column {
	var out []Column
	for _, c := range t.Columns {
		if c.Name == t.EventTime || slices.Contains(t.Key, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// Reasons for quarantine. A reason about a column carries its name:
// "missing_customer_id", "bad_quantity".
const (
	// ReasonMissing: a required column is NULL or empty.
	ReasonMissing = "missing_"
	// ReasonBad: a value that is not of the column's type.
	ReasonBad = "bad_"
	// ReasonMalformed: a record that could not be taken apart into columns.
	ReasonMalformed = "malformed_record"
	// ReasonUnfit: a value of a database that Parquet cannot represent, such as
	// infinity as a date; storing the row without it would alter it.
	ReasonUnfit = "unrepresentable_value"
	// ReasonForgotten: a row of a person who is to be forgotten. It is no reason for
	// quarantine: the row is left out, and counted.
	ReasonForgotten = "forgotten"
)

// Reasons lists every reason that a row of the table can be refused for, in the
// order in which they are looked for: the first one that applies is given.
func (t Table) Reasons() []string {
	reasons := []string{ReasonMalformed, ReasonUnfit}
	for _, c := range t.Columns {
		if c.Required {
			reasons = append(reasons, ReasonMissing+c.Name)
		}
		if c.Type != Text {
			reasons = append(reasons, ReasonBad+c.Name)
		}
	}
	return reasons
}

// Columns that mainstay itself adds to every row, in landing files and in the lake.
const (
	ColInput = "_input" // id of the input that the row came from (ledger, inputs)
	ColRow   = "_row"   // number of the record within its input, from 1
	ColBatch = "_batch" // extraction that stored it; the newest wins

	// Of rows from a database only:
	ColKey     = "_pk"      // source and key of the row there
	ColHash    = "_hash"    // digest of the row as the source gave it; NULL for a tombstone
	ColDeleted = "_deleted" // whether this is a tombstone: the row is no longer there
)
