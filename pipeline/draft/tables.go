package draft

import (
	"math"
	"slices"
	"strings"
)

// join ties a table to one that is in the FROM clause already.
type join struct {
	table   *Table
	alias   string
	to      string      // alias of the other table
	pairs   [][2]string // column of table, column of the other
	foreign bool        // a foreign key says so; else the names do
	outer   bool
}

// orderTables are the tables that orders are mapped from.
type orderTables struct {
	line    *Table
	flat    bool     // the lines carry customer and date themselves
	refs    []string // columns of line that name the order
	head    *join
	status  *join  // table of orders that flat lines refer to
	joins   []join // product and category, as far as they were found
	product string // column of line
	others  []string
}

// score says how much a table looks like one of order lines; a table below enough does
// not.
const enough = 7

func lineScore(s *Schema, t *Table) float64 {
	name := tokens(t.Name)
	score := size(t)
	_, quantity := lineColumn(t, quantityNames, number)
	_, price := lineColumn(t, unitPriceNames, number)
	_, total := lineColumn(t, lineTotalNames, number)
	_, product := productColumn(t)
	ref, own := len(orderRefs(s, t)) > 0, flat(s, t)
	if eventful(name) && !anyOf(name, lineWords) && !anyOf(name, orderWords) {
		return 0
	}
	if !(quantity || price || total) || !ref && !(product && own) {
		return 0
	}
	for _, x := range []struct {
		is     bool
		points float64
	}{
		{quantity, 3}, {price, 3}, {total && !price, 2}, {product, 3}, {ref, 3},
		{anyOf(name, orderWords), 1}, {anyOf(name, lineWords), 1}, {anyOf(name, orderWords) && anyOf(name, lineWords), 1},
		{own, 1}, {exactly(name, notOrders), -6}, {t.View, -1},
	} {
		if x.is {
			score += x.points
		}
	}
	return score
}

// size is 0 for an empty table and 3 for one of a billion rows.
func size(t *Table) float64 { return math.Log10(float64(max(t.Rows, 0))+1) / 3 }

// lineColumn is find, with a look at columns named lineitem_... first: there the table
// has columns of orders and of lines.
func lineColumn(t *Table, names []string, fits func(Column) bool) (Column, bool) {
	items := Table{Name: t.Name}
	for _, c := range t.Columns {
		if rest, ok := strings.CutPrefix(norm(c.Name), "lineitem_"); ok {
			c.Comment, c.Name = c.Name, rest
			items.Columns = append(items.Columns, c)
		}
	}
	if c, ok := find(&items, names, fits); ok {
		return mustColumn(t, c.Comment), true
	}
	return find(t, names, fits)
}

func mustColumn(t *Table, name string) Column {
	c, _ := t.column(name)
	return c
}

// productColumn is what tells the product of a line: never the line's own number.
func productColumn(t *Table) (Column, bool) {
	return lineColumn(t, productNames, func(c Column) bool { return ident(c) && !alone(t, c.Name) })
}

// alone tells whether a column is the whole primary key.
func alone(t *Table, column string) bool {
	return len(t.Primary) == 1 && t.Primary[0] == column
}

// orderRefs are the columns that name a line's order.
func orderRefs(s *Schema, t *Table) []string {
	for _, f := range t.Foreign {
		if to := s.table(f.Schema, f.Table); to != nil && to != t && ordersByName(to) {
			return f.Columns
		}
	}
	// The key of an order with something behind it is the key of a line.
	for i := range s.Tables {
		if to := &s.Tables[i]; to != t && ordersByName(to) && within(to.Primary, t.Primary) {
			return to.Primary
		}
	}
	if c, ok := find(t, orderRefNames, func(c Column) bool { return ident(c) && !alone(t, c.Name) }); ok {
		return []string{c.Name}
	}
	// An export of a shop: the order's name stands on each of its lines.
	if c, ok := t.column("Name"); ok && anyOf(tokens(t.Name), orderWords) && exported(t) {
		return []string{c.Name}
	}
	return nil
}

func ordersByName(t *Table) bool {
	name := tokens(t.Name)
	return anyOf(name, orderWords) && !exactly(name, notOrders) && !anyOf(name, lineWords)
}

// within tells whether a key of two or more columns is a part of another.
func within(key, of []string) bool {
	return len(key) > 1 && len(key) < len(of) && !slices.ContainsFunc(key, func(c string) bool { return !slices.Contains(of, c) })
}

func exported(t *Table) bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return strings.HasPrefix(norm(c.Name), "lineitem_") })
}

// flat tells whether a table of lines needs no table of orders.
func flat(s *Schema, t *Table) bool {
	_, customer := customerColumn(s, t)
	_, at := find(t, orderedAtNames, when)
	return customer && at
}

// customerColumn is what tells the customer: by its name, else by what it refers to.
func customerColumn(s *Schema, t *Table) (Column, bool) {
	if c, ok := find(t, customerNames, func(c Column) bool { return ident(c) && !alone(t, c.Name) }); ok {
		return c, true
	}
	for _, c := range t.Columns {
		if to, _ := s.foreign(t, c.Name); to != nil && anyOf(tokens(to.Name), customerWords) && !exactly(tokens(to.Name), notOrders) {
			return c, true
		}
	}
	return Column{}, false
}

// findOrders finds the table of order lines and what belongs to it.
func findOrders(s *Schema) *orderTables {
	type scored struct {
		table *Table
		score float64
	}
	var all []scored
	for i := range s.Tables {
		if score := lineScore(s, &s.Tables[i]); score >= enough {
			all = append(all, scored{&s.Tables[i], score})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		if a.score != b.score {
			return int(math.Copysign(1, b.score-a.score))
		}
		return strings.Compare(a.table.full(), b.table.full())
	})
	o := &orderTables{line: all[0].table}
	for _, x := range all[1:] {
		o.others = append(o.others, x.table.full())
	}
	o.refs = orderRefs(s, o.line)
	o.head = findHead(s, o.line, o.refs)
	if o.flat = flat(s, o.line); o.flat {
		o.head, o.status = nil, o.head
	}
	if c, ok := productColumn(o.line); ok {
		o.product = c.Name
		o.joins = findCatalogue(s, o.line, c.Name)
	}
	return o
}

// findHead finds the table of orders that the lines refer to.
func findHead(s *Schema, line *Table, refs []string) *join {
	var best *join
	bestScore := 6.0
	for i := range s.Tables {
		t := &s.Tables[i]
		if t == line {
			continue
		}
		j := tie(s, line, t, refs)
		if j == nil {
			continue
		}
		name := tokens(t.Name)
		score := size(t)
		_, customer := customerColumn(s, t)
		_, at := find(t, orderedAtNames, when)
		for _, x := range []struct {
			is     bool
			points float64
		}{
			{j.foreign, 3}, {customer, 3}, {at, 3}, {anyOf(name, orderWords), 2},
			{exactly(name, notOrders), -4}, {anyOf(name, lineWords), -2}, {t.View, -1},
		} {
			if x.is {
				score += x.points
			}
		}
		if score > bestScore {
			best, bestScore = j, score
		}
	}
	if best != nil {
		best.alias, best.to = "o", "l"
	}
	return best
}

// tie joins t to a table that refers to it: by a foreign key, else by the name of the
// referring columns.
func tie(s *Schema, from, t *Table, refs []string) *join {
	if len(refs) == 0 {
		return nil
	}
	for _, f := range from.Foreign {
		if s.table(f.Schema, f.Table) != t || !slices.Equal(f.Columns, refs) {
			continue
		}
		j := &join{table: t, foreign: true}
		for i, c := range f.Columns {
			j.pairs = append(j.pairs, [2]string{f.References[i], c})
		}
		return j
	}
	if slices.Equal(t.Primary, refs) && len(refs) > 1 {
		j := &join{table: t}
		for _, c := range refs {
			j.pairs = append(j.pairs, [2]string{c, c})
		}
		return j
	}
	ref := refs[0]
	if to, _ := s.foreign(from, ref); to != nil || len(refs) > 1 {
		return nil // it refers to another table
	}
	c, _ := from.column(ref)
	for _, form := range bare(from, ref) {
		if slices.ContainsFunc(t.Columns, func(x Column) bool { return norm(x.Name) == form && !unique(t, x.Name) }) {
			continue // it refers to the same thing, many times
		}
		for _, other := range t.Columns {
			if norm(other.Name) == form && comparable(c, other) && unique(t, other.Name) {
				return &join{table: t, pairs: [][2]string{{other.Name, ref}}}
			}
		}
		if len(t.Primary) == 1 && comparable(c, mustColumn(t, t.Primary[0])) && calledAfter(form, t) {
			return &join{table: t, pairs: [][2]string{{t.Primary[0], ref}}}
		}
	}
	return nil
}

// comparable tells whether columns can be compared by = in every dialect.
func comparable(a, b Column) bool {
	return a.Kind == b.Kind || number(a) && number(b)
}

func unique(t *Table, column string) bool {
	return slices.ContainsFunc(t.Indexes, func(i Index) bool { return i.Unique && len(i.Columns) == 1 && i.Columns[0] == column })
}

// calledAfter tells whether a column such as order_id names a table such as orders or
// wp_wc_orders.
func calledAfter(column string, t *Table) bool {
	parts := strings.Split(column, "_")
	var stem []string
	for _, p := range parts {
		if !idWords[p] {
			stem = append(stem, singular(p))
		}
	}
	name := tokens(t.Name)
	return len(stem) > 0 && len(stem) < len(parts) && len(stem) <= len(name) && slices.Equal(stem, name[len(name)-len(stem):])
}

var idWords = words("id no nr num number key code uuid ref")

// findCatalogue finds the tables of products and categories, as far as they tell the
// category of a line.
func findCatalogue(s *Schema, line *Table, product string) []join {
	if _, ok := lineColumn(line, categoryNames, isCategory); ok {
		return nil
	}
	var joins []join
	at, column, to := line, product, "l"
	for _, alias := range []string{"p", "q"} {
		j := refers(s, at, column, productWords)
		if j == nil {
			return joins
		}
		j.alias, j.to, j.outer = alias, to, true
		joins = append(joins, *j)
		at, to = j.table, alias
		if c, ok := find(at, categoryNames, func(c Column) bool { return ident(c) && !alone(at, c.Name) }); ok {
			if k := refers(s, at, c.Name, categoryWords); k != nil && k.table != line {
				if _, ok := find(k.table, labelNames, isText); ok {
					k.alias, k.to, k.outer = "c", alias, true
					joins = append(joins, *k)
				}
			}
			return joins
		}
		next, ok := find(at, productNames, func(c Column) bool { return ident(c) && !alone(at, c.Name) })
		if !ok {
			break
		}
		column = next.Name
	}
	return nil // they tell no category
}

// refers finds the table that a column names one row of, if its name has one of the
// words.
func refers(s *Schema, from *Table, column string, of map[string]bool) *join {
	for i := range s.Tables {
		t := &s.Tables[i]
		if t == from {
			continue
		}
		if j := tie(s, from, t, []string{column}); j != nil && (j.foreign || anyOf(tokens(t.Name), of)) {
			return j
		}
	}
	return nil
}

func isText(c Column) bool { return c.Kind == Text }

// isCategory is for lines: a shop's product_type there says how it is sold.
func isCategory(c Column) bool { return c.Kind == Text && norm(c.Name) != "product_type" }
