package database

import (
	"fmt"
	"strings"
)

// The mappings to the contract, in the SQL of PostgreSQL and MySQL both. The joins are
// outer ones so that a line is never lost, and so that MySQL begins with the lines,
// whose order the pages follow.
const (
	ordersMapping = `SELECT l.order_id, l.id AS line_id, o.customer_id, o.ordered_at, l.product_id, p.category,
       l.quantity, l.unit_price, l.discount, p.unit_cost, p.name AS product_name, l.updated_at
FROM order_lines l
LEFT JOIN orders o ON o.id = l.order_id
LEFT JOIN products p ON p.id = l.product_id`
	interactionsMapping = `SELECT id AS interaction_id, customer_id, occurred_at, kind, channel, order_id, product_id, category,
       quantity, amount, campaign_id, answers_id AS reference_id, rating, updated_at
FROM interactions`
)

// Mapping is how a table of the contract is read from the shop's database.
type Mapping struct {
	Table  string // orders or interactions
	Select string // in the dialect of the database
	Key    string // column that identifies a row
	Cursor string // column that grows when a row changes
}

// Mappings are those of both tables; they are the same for every kind of database.
func Mappings() []Mapping {
	return []Mapping{
		{"orders", ordersMapping, "line_id", "updated_at"},
		{"interactions", interactionsMapping, "interaction_id", "updated_at"},
	}
}

// Source is the block of mainstay.yaml that reads the shop that Write wrote. The address
// is left to the environment's SHOP_URL; a comment tells it, without its password.
func Source(address string, o Options) (string, error) {
	p, err := locate(address)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "sources:\n  - name: shop\n    type: %s\n    url: ${SHOP_URL} # %s\n", p.name, p.public())
	if p.name == mysql.name {
		b.WriteString("    time_zone: UTC # a datetime has no zone of its own\n")
	}
	b.WriteString("    tables:\n")
	for _, m := range Mappings() {
		if m.Table == interactionsTable.name && o.NoInteractions {
			continue
		}
		fmt.Fprintf(&b, "      %s:\n        select: |\n", m.Table)
		for line := range strings.Lines(m.Select) {
			b.WriteString("          " + line)
		}
		fmt.Fprintf(&b, "\n        key: [%s]\n        cursor: %s\n", m.Key, m.Cursor)
	}
	return b.String(), nil
}
