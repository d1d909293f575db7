// Package draft looks at the schema of a database and drafts how mainstay could read it:
// a mainstay.yaml with the mapping to the contract, in which every guess is explained.
// The guessing (For) is a pure function of a Schema.
package draft

import (
	"slices"
	"strings"
)

// Dialect is the SQL that a database speaks.
type Dialect string

// The dialects; the names are those of the source types of mainstay.yaml.
const (
	Postgres Dialect = "postgres"
	MySQL    Dialect = "mysql"
)

// Schema is what a database says of its tables.
type Schema struct {
	Dialect  Dialect
	Server   string // such as "PostgreSQL 15.18"
	Database string
	Tables   []Table
	// Hidden names the tables that the account may not read.
	Hidden []string
}

// Table is a table or view.
type Table struct {
	Schema  string // "" where the name alone finds it
	Name    string
	Comment string
	Rows    int64 // the server's estimate; -1 when it has none
	View    bool
	Columns []Column
	Primary []string // columns of the primary key, in its order
	Indexes []Index  // the primary key's among them
	Foreign []Foreign
}

// Index is an index on plain columns of all rows.
type Index struct {
	Columns []string
	Unique  bool
}

// Foreign is a foreign key.
type Foreign struct {
	Columns    []string
	Schema     string // of Table, as in Table.Schema
	Table      string
	References []string
}

// Kind is what a column's values are, as far as a mapping cares.
type Kind int

// The kinds.
const (
	Other Kind = iota
	Text
	Int
	Decimal
	Float
	Bool
	Date
	Moment    // a time with a zone
	LocalTime // a time without one
)

// Column is a column of a table.
type Column struct {
	Name     string
	Type     string // as the server writes it
	Kind     Kind
	Scale    int // of a Decimal; -1 when it has none of its own
	Nullable bool
	Numbered bool // the server numbers it: serial, identity, auto_increment
	Comment  string
}

func (t Table) column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// indexed tells whether an index begins with a column.
func (t Table) indexed(column string) bool {
	return slices.ContainsFunc(t.Indexes, func(i Index) bool { return i.Columns[0] == column })
}

// foreign finds what a column alone refers to.
func (s *Schema) foreign(t *Table, column string) (*Table, string) {
	for _, f := range t.Foreign {
		if len(f.Columns) == 1 && f.Columns[0] == column {
			if to := s.table(f.Schema, f.Table); to != nil {
				return to, f.References[0]
			}
		}
	}
	return nil, ""
}

func (s *Schema) table(schema, name string) *Table {
	for i := range s.Tables {
		if t := &s.Tables[i]; t.Schema == schema && t.Name == name {
			return t
		}
	}
	return nil
}

// full is the table's name as people write it.
func (t Table) full() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// ident quotes a name where it needs quotes.
func (d Dialect) ident(name string) string {
	plain := name != "" && !reserved[strings.ToLower(name)] && !strings.ContainsFunc(name, func(r rune) bool {
		lower := 'a' <= r && r <= 'z' || r == '_' || '0' <= r && r <= '9'
		return !lower && (d == Postgres || r < 'A' || r > 'Z')
	}) && (name[0] < '0' || name[0] > '9')
	switch {
	case plain:
		return name
	case d == MySQL:
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// reserved are the words that tables and columns of shops are called, and SQL keeps for
// itself.
var reserved = words(`order group user desc date time timestamp select from where key index table column values value
check default limit offset end case when then else primary references foreign rank rows row groups system union all
and or not null in is as on using to between like left right full inner outer cross natural both leading trailing
condition status_code interval position option require returns usage signal lateral window recursive of function
empty except intersect array analyze analyse any asc authorization collate constraint create distinct do false true
fetch for grant having initially into only placing session_user some symmetric unique variadic with`)

func words(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(text) {
		out[w] = true
	}
	return out
}

// kindOf reads the name of a type without its length, of either dialect.
func kindOf(typ string) Kind {
	switch strings.ToLower(typ) {
	case "int2", "int4", "int8", "oid", "smallint", "integer", "bigint", "tinyint", "mediumint", "int", "year":
		return Int
	case "numeric", "decimal":
		return Decimal
	case "float4", "float8", "real", "double precision", "float", "double":
		return Float
	case "text", "varchar", "bpchar", "char", "name", "citext", "uuid", "enum", "character varying", "character", "tinytext", "mediumtext", "longtext":
		return Text
	case "bool", "boolean":
		return Bool
	case "date":
		return Date
	case "timestamptz", "timestamp with time zone":
		return Moment
	case "timestamp", "timestamp without time zone", "datetime":
		return LocalTime
	case "mysql timestamp":
		return Moment
	}
	return Other
}
