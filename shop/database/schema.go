package database

import (
	"context"
	"fmt"
	"strings"
)

// mark is the comment of the tables that Write makes: only those are ever dropped.
const mark = "Synthetic data of mainstay generate"

// table is one table of the shop. The types of columns are those of PostgreSQL and
// MySQL both, but for {id} and {time}.
type table struct {
	name    string
	columns []string // in the order of rows; name first
	indexes []string // columns of each
}

var (
	customersTable = table{"customers", []string{
		"id {id} NOT NULL", "code varchar(16) NOT NULL", "created_at {time} NOT NULL", "updated_at {time}",
	}, []string{"updated_at, id"}}
	productsTable = table{"products", []string{
		"id {id} NOT NULL", "sku varchar(16) NOT NULL", "name varchar(200) NOT NULL", "category varchar(64)",
		"list_price numeric(12,2) NOT NULL", "unit_cost numeric(12,2)", "updated_at {time}",
	}, []string{"updated_at, id"}}
	ordersTable = table{"orders", []string{
		"id {id} NOT NULL", "customer_id bigint", "ordered_at {time} NOT NULL", "status varchar(16) NOT NULL", "updated_at {time}",
	}, []string{"updated_at, id", "customer_id"}}
	linesTable = table{"order_lines", []string{
		"id {id} NOT NULL", "order_id bigint NOT NULL", "product_id bigint NOT NULL", "quantity integer NOT NULL",
		"unit_price numeric(12,2) NOT NULL", "discount numeric(12,2) NOT NULL DEFAULT 0", "updated_at {time}",
	}, []string{"updated_at, id", "order_id"}}
	interactionsTable = table{"interactions", []string{
		"id {id} NOT NULL", "customer_id bigint", "occurred_at {time} NOT NULL", "kind varchar(32) NOT NULL", "channel varchar(16)",
		"order_id bigint", "product_id bigint", "category varchar(64)", "quantity integer", "amount numeric(12,2)",
		"campaign_id varchar(64)", "answers_id bigint", "rating smallint", "updated_at {time}",
	}, []string{"updated_at, id", "customer_id"}}
)

func allTables() []table {
	return []table{customersTable, productsTable, ordersTable, linesTable, interactionsTable}
}

// names lists the columns.
func (t table) names() string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i], _, _ = strings.Cut(c, " ")
	}
	return strings.Join(names, ", ")
}

// create makes empty tables, in place of those of an earlier shop when replace is set.
func (p place) create(ctx context.Context, s server, replace bool) error {
	var names []string
	for _, t := range allTables() {
		names = append(names, t.name)
	}
	found, err := s.tables(ctx, names)
	if err != nil {
		return fmt.Errorf("looking for tables: %w", err)
	}
	for _, name := range names {
		comment, exists := found[name]
		switch {
		case exists && comment != mark:
			return fmt.Errorf("the database has a table %s that is not of a generated shop: use another database, this one is left as it is", name)
		case exists && !replace:
			return fmt.Errorf("the database has a generated shop already (table %s): use --replace to write a new one in its place, or another database", name)
		}
	}
	for _, t := range allTables() {
		if err := p.createTable(ctx, s, t, found); err != nil {
			return fmt.Errorf("creating table %s: %w", t.name, err)
		}
	}
	return nil
}

func (p place) createTable(ctx context.Context, s server, t table, found map[string]string) error {
	var statements []string
	if _, exists := found[t.name]; exists {
		statements = append(statements, "DROP TABLE "+t.name)
	}
	create := fmt.Sprintf("CREATE TABLE %s (\n  %s\n)", t.name, p.types.Replace(strings.Join(t.columns, ",\n  ")))
	if p.suffix != "" {
		create += fmt.Sprintf(p.suffix, mark)
	}
	statements = append(statements, create)
	if p.comment != "" {
		statements = append(statements, fmt.Sprintf(p.comment, t.name, mark))
	}
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// finished completes a loaded table: its key, its indexes, the server's statistics.
func (p place) finished(ctx context.Context, s server, t table) error {
	var statements []string
	for _, format := range []string{p.key, p.next} {
		if format != "" {
			statements = append(statements, fmt.Sprintf(format, t.name))
		}
	}
	for _, columns := range t.indexes {
		name := t.name + "_" + strings.ReplaceAll(columns, ", ", "_") + "_idx"
		statements = append(statements, fmt.Sprintf(p.index, name, t.name, columns))
	}
	statements = append(statements, p.analyze+t.name)
	for _, statement := range statements {
		if err := s.exec(ctx, statement); err != nil {
			return fmt.Errorf("completing table %s: %w", t.name, err)
		}
	}
	return nil
}

// list quotes plain names as a list of texts.
func list(names []string) string { return "'" + strings.Join(names, "', '") + "'" }

// asMap makes a map of rows of two columns.
func asMap(rows [][]string) map[string]string {
	out := map[string]string{}
	for _, row := range rows {
		out[row[0]] = row[1]
	}
	return out
}
