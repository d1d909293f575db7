package draft

import (
	"fmt"
	"slices"
	"strings"
)

// Mapping is the draft of one table of the contract.
type Mapping struct {
	Table  string // of the contract
	Select string // with comments, ready to run
	Key    []string
	Cursor string // "" for none
	// About is what somebody should know before using it, one paragraph each.
	About                 []string
	KeyAbout, CursorAbout string
	utc                   bool // times without a zone are in UTC, by their names
	local                 bool // event times carry no zone
}

// output is a column of the SELECT.
type output struct {
	name, sql string
	about     string
}

// builder collects a SELECT.
type builder struct {
	s     *Schema
	m     Mapping
	out   []output
	todos []string // columns that were not found
	asked []string // what cannot be told from a schema
	from  []string
	where []string
}

// col writes a column of the table with an alias.
func (b *builder) col(alias string, c Column) string { return alias + "." + b.s.Dialect.ident(c.Name) }

func (b *builder) add(name, sql, about string, args ...any) {
	b.out = append(b.out, output{name, sql, fmt.Sprintf(about, args...)})
}

// missing notes a required column that was not found: the check then says that it is.
func (b *builder) missing(name, about string) {
	b.todos = append(b.todos, fmt.Sprintf("TODO %s: %s", name, about))
}

// ask notes a question; its line in the SELECT is a comment.
func (b *builder) ask(format string, args ...any) {
	b.asked = append(b.asked, "TODO "+fmt.Sprintf(format, args...))
}

func (b *builder) has(name string) bool {
	return slices.ContainsFunc(b.out, func(o output) bool { return o.name == name })
}

// tableName writes a table in FROM.
func (b *builder) tableName(t *Table) string {
	name := b.s.Dialect.ident(t.Name)
	if t.Schema != "" {
		name = b.s.Dialect.ident(t.Schema) + "." + name
	}
	return name
}

func (b *builder) join(j join) {
	kind := "JOIN"
	if j.outer {
		kind = "LEFT JOIN"
	}
	var on []string
	for _, p := range j.pairs {
		on = append(on, fmt.Sprintf("%s.%s = %s.%s", j.alias, b.s.Dialect.ident(p[0]), j.to, b.s.Dialect.ident(p[1])))
	}
	why := "joined by name, there is no foreign key"
	if j.foreign {
		why = "by foreign key"
	}
	// The comment stands before it: nothing may follow the SELECT's last word.
	b.from = append(b.from, "-- "+why, fmt.Sprintf("%s %s AS %s ON %s", kind, b.tableName(j.table), j.alias, strings.Join(on, " AND ")))
}

// moneyScale and quantityScale are what the contract keeps.
const (
	moneyScale    = 4
	quantityScale = 3
)

// exact writes a number so that it fits the contract's decimals, where its own type does
// not.
func (b *builder) exact(sql string, c Column, scale int) (string, string) {
	if _, hundredths := unit(norm(c.Name)); hundredths {
		return b.decimal(sql+" / 100.0", scale), "; counted in hundredths"
	}
	switch {
	case c.Kind == Int, c.Kind == Decimal && 0 <= c.Scale && c.Scale <= scale:
		return sql, ""
	case c.Kind == Float:
		return b.decimal(sql, scale), "; " + c.Type + " is not exact, so it is rounded"
	}
	return b.decimal(sql, scale), fmt.Sprintf("; rounded, the contract keeps %d decimals", scale)
}

func (b *builder) decimal(sql string, scale int) string {
	typ := "numeric"
	if b.s.Dialect == MySQL {
		typ = "DECIMAL"
	}
	return fmt.Sprintf("CAST(%s AS %s(18,%d))", sql, typ, scale)
}

// moment writes a time, and a reason to look at it.
func (b *builder) moment(sql string, c Column) (string, string) {
	name := norm(c.Name)
	utc := strings.HasSuffix(name, "_gmt") || strings.HasSuffix(name, "_utc")
	switch c.Kind {
	case Int:
		if b.s.Dialect == MySQL {
			b.m.utc, b.m.local = true, true
			return "FROM_UNIXTIME(" + sql + ")", "; taken for seconds since 1970"
		}
		return "to_timestamp(" + sql + ")", "; taken for seconds since 1970"
	case LocalTime:
		b.m.local = true
		b.m.utc = b.m.utc || utc
		if utc {
			return sql, "; its name says UTC, see time_zone"
		}
		return sql, "; carries no zone, see time_zone"
	case Date:
		b.m.local = true
		return sql, "; a day without a time of day"
	}
	return sql, ""
}

// finish writes the SELECT.
func (b *builder) finish() Mapping {
	var s strings.Builder
	s.WriteString("SELECT\n")
	for _, a := range append(b.todos, b.asked...) {
		for _, line := range wrap(a, 92) {
			s.WriteString("  -- " + clean(line) + "\n")
		}
	}
	width := 0
	texts := make([]string, len(b.out))
	for i, o := range b.out {
		texts[i] = o.sql
		if name := b.s.Dialect.ident(o.name); !strings.HasSuffix(o.sql, "."+name) {
			texts[i] += " AS " + name
		}
		if i < len(b.out)-1 {
			texts[i] += ","
		}
		width = max(width, min(len(texts[i]), 64))
	}
	for i, o := range b.out {
		line := "  " + texts[i]
		if o.about != "" {
			line = fmt.Sprintf("  %-*s  -- %s", width, texts[i], clean(o.about))
		}
		s.WriteString(line + "\n")
	}
	s.WriteString(strings.Join(b.from, "\n") + "\n")
	if len(b.where) > 0 {
		s.WriteString("WHERE " + strings.Join(b.where, " AND ") + "\n")
	}
	b.m.Select = s.String()
	return b.m
}

// clean keeps a comment on its line, and out of the way of ${...} in mainstay.yaml.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, text)
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > width {
			lines = append(lines, line)
			line = "  "
		} else if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

// key chooses the columns that identify a row of the table behind the alias. own is the
// output that takes a single column: line_id or interaction_id.
func (b *builder) key(t *Table, alias, own string, given map[string]string) {
	cols, about := t.Primary, "primary key of "+t.full()
	if len(cols) == 0 {
		for _, i := range t.Indexes {
			nullable := slices.ContainsFunc(i.Columns, func(c string) bool { return mustColumn(t, c).Nullable })
			if i.Unique && !nullable && !slices.ContainsFunc(i.Columns, func(c string) bool { return mustColumn(t, c).Kind == Float }) {
				cols, about = i.Columns, "unique index of "+t.full()
				break
			}
		}
	}
	var rest []string
	for _, c := range cols {
		if name, ok := given[c]; ok {
			b.m.Key = append(b.m.Key, name)
		} else {
			rest = append(rest, c)
		}
	}
	for _, c := range rest {
		name := own
		if len(rest) > 1 || b.has(own) {
			name = norm(c)
			for b.has(name) || name == "" {
				name += "_key"
			}
		}
		b.add(name, b.col(alias, mustColumn(t, c)), "%s", about)
		b.m.Key = append(b.m.Key, name)
	}
	if len(rest) > 1 && !b.has(own) {
		var parts []string
		for _, c := range rest {
			parts = append(parts, b.col(alias, mustColumn(t, c)))
		}
		b.add(own, "concat_ws('-', "+strings.Join(parts, ", ")+")", "together they tell the rows of one key apart")
	}
	b.m.KeyAbout = about
}

// cursor chooses what tells new and changed rows.
func (b *builder) cursor(t *Table, alias string, head *join, at Column, atAlias string) {
	own, ownOK := find(t, updatedNames, when)
	if ownOK && t.indexed(own.Name) {
		b.cursorColumn(alias, own, fmt.Sprintf("grows when a row of %s is added or changed, and has an index.", t.full()))
		return
	}
	if head != nil {
		if c, ok := find(head.table, updatedNames, when); ok && head.table.indexed(c.Name) {
			b.cursorColumn(head.alias, c, fmt.Sprintf("grows when a row of %s is added or changed, and has an index. A line that is changed without its order is found by the nightly comparison.", head.table.full()))
			return
		}
	}
	if i := slices.IndexFunc(b.out, func(o output) bool {
		c := strings.TrimPrefix(o.sql, alias+".")
		return len(t.Primary) == 1 && c == b.s.Dialect.ident(t.Primary[0]) && mustColumn(t, t.Primary[0]).Kind == Int
	}); i >= 0 {
		b.m.Cursor = b.out[i].name
		b.m.CursorAbout = "A guess: rows look append-only (an integer key, and no indexed time of change), so a night reads those with higher keys. Rows that change or go are found by the nightly comparison."
		if ownOK {
			b.m.CursorAbout = fmt.Sprintf("New rows are read by their key; rows that change or go are found by the nightly comparison. With an index on %s.%s, that column would be the better cursor: add it to the SELECT and name it here.", t.full(), own.Name)
		}
		return
	}
	if atAlias != "" && timely(at) {
		owner := t
		if head != nil && atAlias == head.alias {
			owner = head.table
		}
		if owner.indexed(at.Name) {
			name := b.outputOf(b.col(atAlias, at))
			b.m.Cursor = name
			b.m.CursorAbout = "A guess: rows look append-only (no time of change), so a night reads the latest ones. Rows that change or go are found by the nightly comparison."
			return
		}
	}
	b.m.CursorAbout = "No cursor: nothing with an index tells new and changed rows, so every night compares all rows with the lake. That is exact, and slow on large tables. With an index on a time of change, add that column to the SELECT and name it here: cursor: updated_at"
	if ownOK {
		b.m.CursorAbout = fmt.Sprintf("No cursor: %s.%s has no index, so every night compares all rows with the lake. That is exact, and slow on large tables. With an index on it, add the column to the SELECT and name it here: cursor: %s", t.full(), own.Name, own.Name)
	}
}

func (b *builder) outputOf(sql string) string {
	for _, o := range b.out {
		if o.sql == sql {
			return o.name
		}
	}
	return ""
}

func (b *builder) cursorColumn(alias string, c Column, about string) {
	sql := b.col(alias, c)
	name := b.outputOf(sql)
	if name == "" {
		name = "updated_at"
		b.add(name, sql, "rides along, as the cursor")
	}
	b.m.Cursor = name
	b.m.CursorAbout = strings.ToUpper(about[:1]) + about[1:]
	if c.Nullable {
		b.m.CursorAbout += " Rows in which it is NULL are read every night."
	}
}
