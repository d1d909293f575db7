package draft

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// eventTable is a table that looks like interactions.
type eventTable struct {
	table    *Table
	score    float64
	customer Column
	at       Column
	kind     Column // zero when the table's name tells it
	implied  string // kind that the table's name means
}

// findEvents finds the tables that look like interactions, the likeliest first.
func findEvents(s *Schema, orders *orderTables) []eventTable {
	var out []eventTable
	for i := range s.Tables {
		t := &s.Tables[i]
		if orders != nil && (t == orders.line || orders.head != nil && t == orders.head.table) {
			continue
		}
		if e, ok := event(s, t); ok {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b eventTable) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return strings.Compare(a.table.full(), b.table.full())
	})
	return out
}

// event looks at one table: what happened to whom, and when?
func event(s *Schema, t *Table) (eventTable, bool) {
	e := eventTable{table: t}
	name := tokens(t.Name)
	named := ""
	for _, w := range name {
		if kind, ok := eventWord(w); ok {
			e.score += 3
			if named = w; kind != "" {
				e.implied = kind
			}
			break
		}
	}
	var ok bool
	if e.customer, ok = customerColumn(s, t); !ok {
		return e, false
	}
	if e.at, ok = find(t, occurredNames, when); !ok {
		return e, false
	}
	kind, hasKind := find(t, kindNames, func(c Column) bool { return ident(c) })
	if hasKind {
		e.kind = kind
		e.score += 2
	}
	switch {
	case !hasKind && e.implied == "", anyOf(name, orderWords), exactly(name, words("quote item line archive backup bak tmp temp old queue setting preference template")):
		return e, false
	case named == "" && !strings.Contains(norm(kind.Name), "event") && !strings.Contains(norm(kind.Name), "action") && !strings.Contains(norm(kind.Name), "activity"):
		return e, false // addresses have a customer, a type and a date too
	}
	e.score += size(t)
	if t.View {
		e.score--
	}
	return e, true
}

// eventWord tells what a word of a table's name means; long ones may have an ending.
func eventWord(w string) (kind string, ok bool) {
	if kind, ok = eventWords[w]; ok {
		return kind, ok
	}
	for _, long := range slices.Sorted(maps.Keys(eventWords)) {
		if len(long) >= 5 && strings.HasPrefix(w, long) {
			return eventWords[long], true
		}
	}
	return "", false
}

func eventful(name []string) bool {
	return slices.ContainsFunc(name, func(w string) bool { _, ok := eventWord(w); return ok })
}

// draftInteractions maps the likeliest table of events.
func draftInteractions(s *Schema, events []eventTable) Mapping {
	e := events[0]
	t := e.table
	b := &builder{s: s, m: Mapping{Table: "interactions"}}
	b.m.About = append(b.m.About, fmt.Sprintf("Each row of %s%s is taken for something that a customer did.", t.full(), rows(t)))
	if len(events) > 1 {
		var others []string
		for _, x := range events[1:] {
			others = append(others, x.table.full())
		}
		b.m.About = append(b.m.About, "These look like interactions too and are not read: "+strings.Join(others, ", ")+". Add them with UNION ALL, or in a source of their own, with a prefix before their numbers so that no two are the same.")
	}
	b.from = append(b.from, fmt.Sprintf("FROM %s AS e", b.tableName(t)))
	given := map[string]string{}
	if len(t.Primary) != 1 {
		if c, ok := find(t, eventIDs, ident); ok {
			b.add("interaction_id", b.col("e", c), "")
			given[c.Name] = "interaction_id"
		}
	}
	b.key(t, "e", "interaction_id", given)
	if len(b.m.Key) == 0 {
		b.eventKey(t)
	}
	b.add("customer_id", b.col("e", e.customer), "")
	if e.customer.Nullable {
		b.ask("rows without customer_id (strangers?) go to quarantine. Leave them out with WHERE %s IS NOT NULL, if they need not be counted.", b.col("e", e.customer))
	}
	sql, about := b.moment(b.col("e", e.at), e.at)
	b.add("occurred_at", sql, "%s%s", e.at.Type, about)
	b.eventKind(e)
	b.eventDetails(t)
	b.cursor(t, "e", nil, e.at, "e")
	return b.finish()
}

func (b *builder) eventKey(t *Table) {
	if !b.has("interaction_id") {
		b.missing("interaction_id", t.full()+" has no primary key; what identifies a row?")
	}
	b.m.Key = []string{"interaction_id"}
	b.m.KeyAbout = "TODO: " + t.full() + " has no primary key and no unique index. Which columns identify a row, and are never NULL?"
}

func (b *builder) eventKind(e eventTable) {
	if e.kind.Name == "" {
		b.add("kind", "'"+e.implied+"'", "by the name of the table")
		return
	}
	b.add("kind", b.col("e", e.kind), "")
	b.ask("kind: the names that features know are visit, view, cart, search, email_sent, email_open, email_click, campaign_sent, coupon_used, support, complaint, complaint_resolved, return, review, call, store_visit. Translate others with CASE %s WHEN '...' THEN 'view' ... END AS kind", b.col("e", e.kind))
}

// eventDetails maps what an interaction may carry.
func (b *builder) eventDetails(t *Table) {
	for _, x := range []struct {
		name  string
		names []string
		fits  func(Column) bool
		scale int // of a number
	}{
		{"channel", channels, isText, 0},
		{"order_id", orderRefNames, ident, 0},
		{"product_id", productNames, ident, 0},
		{"category", categoryNames, isText, 0},
		{"quantity", quantityNames, number, quantityScale},
		{"amount", amounts, number, moneyScale},
		{"campaign_id", campaigns, ident, 0},
		{"reference_id", refIDs, ident, 0},
		{"rating", ratings, number, quantityScale},
	} {
		c, ok := find(t, x.names, func(c Column) bool { return x.fits(c) && !alone(t, c.Name) })
		if !ok || b.outputOf(b.col("e", c)) != "" {
			continue
		}
		sql, about := b.col("e", c), ""
		if x.scale > 0 {
			sql, about = b.exact(sql, c, x.scale)
			about = c.Type + about
		}
		b.add(x.name, sql, "%s", about)
	}
}
