package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Draft is a mainstay.yaml to start from.
type Draft struct {
	YAML  string
	Todos int // guesses that need a person
	// Found says per contract table which table it is mapped from; "" for none.
	Found map[string]string
}

// Options name what a draft is for.
type Options struct {
	Project  string // name of the project
	Source   string // name of the source
	Variable string // of the environment, that holds the address of the database
}

// For drafts a mainstay.yaml that reads a database. It never fails: what it cannot guess
// is a TODO in the draft.
func For(s Schema, o Options) Draft {
	d := Draft{Found: map[string]string{"orders": "", "interactions": ""}}
	var tables []Mapping
	orders := findOrders(&s)
	if orders != nil {
		tables = append(tables, draftOrders(&s, orders))
		d.Found["orders"] = orders.line.full()
	}
	if events := findEvents(&s, orders); len(events) > 0 {
		tables = append(tables, draftInteractions(&s, events))
		d.Found["interactions"] = events[0].table.full()
	}
	if orders == nil {
		tables = append([]Mapping{noOrders()}, tables...)
	}
	d.YAML = write(&s, o, tables, orders != nil)
	d.Todos = strings.Count(d.YAML, "# TODO") + strings.Count(d.YAML, "-- TODO")
	return d
}

// noOrders is what a draft has in place of orders that were not found.
func noOrders() Mapping {
	return Mapping{
		Table: "orders", Key: []string{"line_id"},
		About: []string{"TODO: no table looks like order lines. The tables that there are stand at the end of this file."},
		Select: `SELECT
  TODO AS order_id,
  TODO AS line_id,
  TODO AS customer_id,
  TODO AS ordered_at,
  TODO AS product_id,
  TODO AS category,
  TODO AS quantity,
  TODO AS unit_price
FROM TODO
`,
		KeyAbout:    "TODO: the columns that identify a row.",
		CursorAbout: "TODO: a column that grows when a row is added or changed; without one every night compares all rows.",
	}
}

// write puts the file together.
func write(s *Schema, o Options, tables []Mapping, found bool) string {
	var b strings.Builder
	comment(&b, "", fmt.Sprintf("Drafted by `mainstay init --from` after a look at the schema of the database %s (%s): names, types, keys and indexes, no row. Every guess is explained; look at those with TODO, then run `mainstay check`.", s.Database, s.Server))
	comment(&b, "", "This file has what differs from the defaults. Reference: docs/configuration.md and docs/sources/"+string(s.Dialect)+".md of mainstay.")
	fmt.Fprintf(&b, "name: %s\n\n", o.Project)
	comment(&b, "", "TODO: the time zone of the business, such as Europe/London: where a day starts.")
	b.WriteString("time_zone: UTC\n\nsources:\n")
	fmt.Fprintf(&b, "  - name: %s\n    type: %s\n", o.Source, s.Dialect)
	comment(&b, "    ", fmt.Sprintf("The address, %s://USER@HOST:PORT/%s, is in the environment. So may be its password (user:password@), percent-encoded; or it is in a file, see password_file, or in %s.", s.Dialect, s.Database, passwordVariable[s.Dialect]))
	fmt.Fprintf(&b, "    url: ${%s}\n", o.Variable)
	comment(&b, "    ", "password_file: ./secret")
	zone(&b, tables)
	b.WriteString("    tables:\n")
	for _, t := range tables {
		writeTable(&b, t)
	}
	if len(s.Hidden) > 0 {
		comment(&b, "", "The account may not read these tables, so nothing is known of them: "+strings.Join(s.Hidden, ", ")+".")
	}
	if !found {
		inventory(&b, s)
	}
	return b.String()
}

var passwordVariable = map[Dialect]string{Postgres: "PGPASSWORD", MySQL: "MYSQL_PWD"}

// zone writes the source's time zone where times carry none.
func zone(b *strings.Builder, tables []Mapping) {
	utc := slices.ContainsFunc(tables, func(m Mapping) bool { return m.utc })
	local := slices.ContainsFunc(tables, func(m Mapping) bool { return m.local })
	switch {
	case utc:
		comment(b, "    ", "Of times that carry no zone; those of this database say UTC in their names, or count seconds.")
		b.WriteString("    time_zone: UTC\n")
	case local:
		comment(b, "    ", "TODO: the zone that the application writes its times in; the database does not say.")
		b.WriteString("    time_zone: UTC\n")
	}
}

func writeTable(b *strings.Builder, t Mapping) {
	for _, a := range t.About {
		comment(b, "      ", a)
	}
	fmt.Fprintf(b, "      %s:\n        select: |\n", t.Table)
	for line := range strings.Lines(strings.ReplaceAll(t.Select, "$", "$$")) {
		b.WriteString("          " + line)
	}
	if !strings.HasPrefix(t.KeyAbout, "TODO") {
		t.KeyAbout = "The columns of the SELECT that identify a row: " + t.KeyAbout + "."
	}
	comment(b, "        ", t.KeyAbout)
	var key []string
	for _, k := range t.Key {
		key = append(key, quoted(k))
	}
	fmt.Fprintf(b, "        key: [%s]\n", strings.Join(key, ", "))
	comment(b, "        ", t.CursorAbout)
	if t.Cursor != "" {
		fmt.Fprintf(b, "        cursor: %s\n", quoted(t.Cursor))
	}
}

var plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func quoted(name string) string {
	if plain.MatchString(name) && name != "null" {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(name)) + `"`
}

// inventory lists the tables, for whoever writes the mapping.
func inventory(b *strings.Builder, s *Schema) {
	b.WriteString("\n# The tables of the database:\n")
	for i := range s.Tables {
		t := &s.Tables[i]
		var cols []string
		for _, c := range t.Columns {
			cols = append(cols, c.Name+" "+c.Type)
		}
		comment(b, "", fmt.Sprintf("%s%s: %s", t.full(), rows(t), strings.Join(cols, ", ")))
	}
}

// comment writes a paragraph as a YAML comment.
func comment(b *strings.Builder, indent, text string) {
	for _, line := range wrap(clean(text), 96-len(indent)) {
		fmt.Fprintf(b, "%s# %s\n", indent, strings.TrimSpace(line))
	}
}
