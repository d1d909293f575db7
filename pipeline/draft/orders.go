package draft

import (
	"fmt"
	"strings"
)

// draftOrders maps the order lines that were found.
func draftOrders(s *Schema, o *orderTables) Mapping {
	b := &builder{s: s, m: Mapping{Table: "orders"}}
	line := o.line
	b.m.About = append(b.m.About, fmt.Sprintf("Each row of %s%s is taken for an order line.", line.full(), rows(line)))
	if len(o.others) > 0 {
		b.m.About = append(b.m.About, "These look like order lines too and are not read: "+strings.Join(o.others, ", ")+".")
	}
	b.from = append(b.from, fmt.Sprintf("FROM %s AS l", b.tableName(line)))
	if o.head != nil {
		b.join(*o.head)
	}
	for _, j := range o.joins {
		b.join(j)
	}
	given := b.orderColumns(o)
	at, atAlias := b.orderedAt(o)
	b.lineColumns(o)
	b.lineKey(o, given)
	b.cursor(line, "l", o.head, at, atAlias)
	b.orderQuestions(o)
	return b.finish()
}

func rows(t *Table) string {
	switch {
	case t.View:
		return " (a view)"
	case t.Rows < 0:
		return ""
	case t.Rows >= 1_500_000:
		return fmt.Sprintf(" (about %.1f million rows)", float64(t.Rows)/1e6)
	case t.Rows >= 1500:
		return fmt.Sprintf(" (about %d thousand rows)", (t.Rows+500)/1000)
	}
	return fmt.Sprintf(" (about %d rows)", t.Rows)
}

// orderColumns maps order, customer and product, and returns the names under which
// columns of the line are given.
func (b *builder) orderColumns(o *orderTables) map[string]string {
	given := map[string]string{}
	switch len(o.refs) {
	case 0:
		b.missing("order_id", "which column of "+o.line.full()+" names the order?")
	case 1:
		b.add("order_id", b.col("l", mustColumn(o.line, o.refs[0])), "")
		given[o.refs[0]] = "order_id"
	default:
		var parts []string
		for _, r := range o.refs {
			parts = append(parts, b.col("l", mustColumn(o.line, r)))
			given[r] = norm(r)
			b.add(norm(r), parts[len(parts)-1], "rides along, as a part of the key")
		}
		b.add("order_id", "concat_ws('-', "+strings.Join(parts, ", ")+")", "together they name the order")
	}
	b.customer(o)
	if o.product != "" {
		b.add("product_id", b.col("l", mustColumn(o.line, o.product)), "")
		given[o.product] = "product_id"
	} else {
		b.missing("product_id", "which column names the product?")
	}
	return given
}

func (b *builder) customer(o *orderTables) {
	alias, t := "l", o.line
	c, ok := customerColumn(b.s, t)
	if o.head != nil {
		if found, there := customerColumn(b.s, o.head.table); there {
			alias, t, c, ok = "o", o.head.table, found, true
		}
	}
	if !ok {
		where := o.line.full()
		if o.head != nil {
			where += " or " + o.head.table.full()
		}
		b.missing("customer_id", "no column of "+where+" looks like the customer; join the table that has it.")
		return
	}
	b.add("customer_id", b.col(alias, c), "")
	switch mail, there := find(t, emails, isText); {
	case there && mail.Name == c.Name:
		b.ask("customer_id is an e-mail address, which ends up in tables and predictions; is there a number instead?")
	case c.Nullable && there:
		b.ask("lines without customer_id (guests?) go to quarantine. This keeps them, by their address: COALESCE(%s, %s) AS customer_id", b.asText(b.col(alias, c)), b.col(alias, mail))
	case c.Nullable:
		b.ask("lines without customer_id (guests?) go to quarantine. Leave them out with WHERE %s IS NOT NULL, if they need not be counted.", b.col(alias, c))
	}
}

func (b *builder) asText(sql string) string {
	if b.s.Dialect == MySQL {
		return "CAST(" + sql + " AS CHAR)"
	}
	return sql + "::text"
}

// orderedAt maps the time of the order and returns its column.
func (b *builder) orderedAt(o *orderTables) (Column, string) {
	try := []struct {
		alias string
		table *Table
	}{{"l", o.line}}
	if o.head != nil {
		try = append([]struct {
			alias string
			table *Table
		}{{"o", o.head.table}}, try...)
	}
	for _, x := range try {
		if c, ok := find(x.table, orderedAtNames, when); ok {
			sql, about := b.moment(b.col(x.alias, c), c)
			b.add("ordered_at", sql, "%s%s", c.Type, about)
			return c, x.alias
		}
	}
	b.missing("ordered_at", "no column looks like the time of the order.")
	return Column{}, ""
}

// lineColumns maps what a line is about: amounts and category.
func (b *builder) lineColumns(o *orderTables) {
	t := o.line
	quantity, hasQuantity := lineColumn(t, quantityNames, number)
	if hasQuantity {
		sql, about := b.exact(b.col("l", quantity), quantity, quantityScale)
		b.add("quantity", sql, "%s%s", quantity.Type, about)
	} else {
		b.add("quantity", "1", "no column looks like it; one unit per line")
		b.ask("quantity: is every line one unit?")
	}
	b.price(t, quantity, hasQuantity)
	if c, ok := find(t, costNames, number); ok {
		sql, about := b.exact(b.col("l", base(t, c)), base(t, c), moneyScale)
		b.add("unit_cost", sql, "%s%s", c.Type, about)
	} else if len(o.joins) > 0 {
		p := o.joins[0]
		if c, ok := find(p.table, costNames, number); ok {
			sql, about := b.exact(b.col(p.alias, c), c, moneyScale)
			b.add("unit_cost", sql, "the cost of today, not of the time of the order%s", about)
		}
	}
	b.category(o)
}

// base is the twin of an amount in the company's own currency, where a shop keeps both.
func base(t *Table, c Column) Column {
	twins := 0
	for _, x := range t.Columns {
		if _, ok := t.column("base_" + x.Name); ok {
			twins++
		}
	}
	if b, ok := t.column("base_" + c.Name); ok && twins > 1 {
		return b
	}
	return c
}

func (b *builder) price(t *Table, quantity Column, hasQuantity bool) {
	if c, ok := lineColumn(t, unitPriceNames, number); ok {
		c = base(t, c)
		sql, about := b.exact(b.col("l", c), c, moneyScale)
		b.add("unit_price", sql, "%s%s", c.Type, about)
		b.discount(t, quantity, hasQuantity, c)
		return
	}
	c, ok := lineColumn(t, lineTotalNames, number)
	if !ok {
		b.missing("unit_price", "no column of "+t.full()+" looks like the price of one unit.")
		return
	}
	c = base(t, c)
	sql := b.col("l", c)
	if _, hundredths := unit(norm(c.Name)); hundredths {
		sql += " / 100.0"
	}
	if hasQuantity {
		sql += " / NULLIF(" + b.col("l", quantity) + ", 0)"
	}
	b.add("unit_price", b.decimal(sql, moneyScale), "%s of the line, by its quantity", c.Name)
	if c, ok := lineColumn(t, discountNames, number); ok {
		b.ask("discount: there is %s. It is not mapped: if %s is the amount before it, add it AS discount.", c.Name, sql)
	}
}

func (b *builder) discount(t *Table, quantity Column, hasQuantity bool, price Column) {
	if c, ok := lineColumn(t, discountNames, number); ok {
		c = base(t, c)
		sql, about := b.exact(b.col("l", c), c, moneyScale)
		b.add("discount", sql, "%s%s", c.Type, about)
		if c.Kind == Float || c.Scale > moneyScale {
			b.ask("discount: is %s the amount taken off the line, or a share such as 0.15? A share needs %s", c.Name, b.share(c, quantity, hasQuantity, price, "1"))
		}
		return
	}
	if c, ok := lineColumn(t, discountRateNames, number); ok {
		whole := "100.0"
		if strings.Contains(norm(c.Name), "rate") || strings.Contains(norm(c.Name), "ratio") {
			whole = "1"
		}
		b.add("discount", b.share(c, quantity, hasQuantity, price, whole), "%s of the line, as an amount", c.Name)
		b.ask("discount: %s is taken for a share of %s.", c.Name, strings.TrimSuffix(whole, ".0"))
	}
}

func (b *builder) share(c, quantity Column, hasQuantity bool, price Column, whole string) string {
	sql := b.col("l", price)
	if _, hundredths := unit(norm(price.Name)); hundredths {
		sql += " / 100.0"
	}
	if hasQuantity {
		sql = b.col("l", quantity) + " * " + sql
	}
	sql += " * " + b.col("l", c)
	if whole != "1" {
		sql += " / " + whole
	}
	return b.decimal(sql, moneyScale)
}

func (b *builder) category(o *orderTables) {
	if c, ok := lineColumn(o.line, categoryNames, isCategory); ok {
		b.add("category", b.col("l", c), "")
		return
	}
	if n := len(o.joins); n > 0 {
		last := o.joins[n-1]
		names := categoryNames
		if last.alias == "c" {
			names = labelNames
		}
		if c, ok := find(last.table, names, func(c Column) bool { return ident(c) && !alone(last.table, c.Name) }); ok {
			b.add("category", b.col(last.alias, c), "as it is today; a change of it is found by the nightly comparison")
			return
		}
	}
	b.ask("category: not found. Cross-selling needs it: join what tells the category of a product, at most one row per product.")
}

// lineKey maps the line's own number and names the key.
func (b *builder) lineKey(o *orderTables, given map[string]string) {
	b.key(o.line, "l", "line_id", given)
	if len(b.m.Key) > 0 {
		return
	}
	for _, name := range []string{"order_id", "line_id", "product_id"} {
		if b.has(name) && len(b.m.Key) < 2 {
			b.m.Key = append(b.m.Key, name)
		}
	}
	if len(b.m.Key) == 0 {
		b.m.Key = []string{"order_id"}
	}
	b.m.KeyAbout = "TODO: " + o.line.full() + " has no primary key and no unique index. Do these columns identify a row, and are they never NULL?"
}

// orderQuestions asks what a schema cannot tell.
func (b *builder) orderQuestions(o *orderTables) {
	if c, ok := find(o.line, parentIDs, ident); ok {
		b.where = append(b.where, b.col("l", c)+" IS NULL")
		b.ask("WHERE: lines with %s are taken for parts of a bundle, whose own line has the price. Right?", c.Name)
	}
	alias, t := "l", o.line
	if o.head != nil {
		alias, t = "o", o.head.table
	}
	if c, ok := find(t, statuses, nil); !ok && o.status != nil {
		if c, ok := find(o.status.table, statuses, nil); ok {
			b.ask("WHERE: %s.%s tells the status of an order. Join it, to leave out what was never bought (cancelled, unpaid, carts).", o.status.table.full(), c.Name)
		}
	} else if ok {
		b.ask("WHERE: %s tells the status of an order. Leave out what was never bought (cancelled, unpaid, carts).", b.col(alias, c))
	}
	if !b.has("customer_id") || o.head != nil || o.flat {
		return
	}
	b.ask("no table of orders was found; is anything missing?")
}
