package push

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// column is a column of a file.
type column struct {
	name string
	from string // its type in DuckDB
}

// plain are the types of PostgreSQL that take what DuckDB writes as it is.
var plain = map[string]string{
	"BOOLEAN": "boolean",
	"TINYINT": "smallint", "UTINYINT": "smallint", "SMALLINT": "smallint",
	"USMALLINT": "integer", "INTEGER": "integer",
	"UINTEGER": "bigint", "BIGINT": "bigint",
	"UBIGINT": "numeric(20,0)", "HUGEINT": "numeric(39,0)", "UHUGEINT": "numeric(39,0)",
	"FLOAT": "real", "DOUBLE": "double precision",
	"DATE": "date", "TIME": "time without time zone", "INTERVAL": "interval", "UUID": "uuid",
	"TIMESTAMP": "timestamp without time zone", "TIMESTAMP_S": "timestamp without time zone", "TIMESTAMP_MS": "timestamp without time zone", "TIMESTAMP_NS": "timestamp without time zone",
	"TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
	"BLOB":                     "bytea",
}

// to is its type in PostgreSQL: what has no counterpart is text, and what is made of
// parts is JSON.
func (c column) to() string {
	if t, ok := plain[c.from]; ok {
		return t
	}
	if rest, ok := strings.CutPrefix(c.from, "DECIMAL("); ok {
		return "numeric(" + strings.ReplaceAll(rest, " ", "")
	}
	if c.nested() {
		return "jsonb"
	}
	return "text"
}

func (c column) nested() bool {
	return c.from == "JSON" || strings.HasSuffix(c.from, "]") || slices.ContainsFunc([]string{"STRUCT(", "MAP(", "UNION("}, func(p string) bool { return strings.HasPrefix(c.from, p) })
}

// expr gives the column as text that PostgreSQL reads.
func (c column) expr() string {
	name := duck.Ident(c.name)
	switch {
	case c.from == "BLOB":
		return `'\x' || hex(` + name + ")"
	case c.from == "TIMESTAMP_NS": // PostgreSQL counts microseconds
		return name + "::TIMESTAMP"
	case c.nested():
		return "to_json(" + name + ")"
	}
	return name
}

// maxName is how long a name may be in PostgreSQL, in bytes.
const maxName = 63

// columns reads the columns of a file.
func (p *pusher) columns(ctx context.Context, t Table) ([]column, error) {
	found, err := p.duck.Columns(ctx, "SELECT * FROM "+duck.ReadParquet([]string{t.Parquet}))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.Parquet, err)
	}
	if t.Name == Bookkeeping || len(t.Name) > maxName {
		return nil, fmt.Errorf("PostgreSQL cannot take a table of this name: leave it out of publish.postgres.tables")
	}
	out := make([]column, len(found))
	for i, c := range found {
		if len(c.Name) > maxName {
			return nil, fmt.Errorf("column %s: its name has more than %d bytes, which PostgreSQL cannot take: leave the table out of publish.postgres.tables", c.Name, maxName)
		}
		out[i] = column{c.Name, c.Type}
	}
	return out, nil
}

// shape makes the table fit the columns: it is made when it is missing, and gets the
// columns that it lacks; for that it waits for readers of the table, no longer than the lock
// timeout, and they wait for it from then on. Columns that a night does not have any more stay, empty.
func (p *pusher) shape(ctx context.Context, t Table, columns []column) error {
	rows, err := p.query(ctx, `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attgenerated <> '' FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = `+duck.Quote(p.o.Schema)+" AND c.relname = "+duck.Quote(t.Name)+" AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum")
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return p.create(ctx, t, columns)
	}
	there := map[string]string{}
	for _, r := range rows {
		there[r[0]] = r[1]
	}
	for _, c := range columns {
		got, ok := there[c.name]
		switch {
		case !ok:
			err = p.exec(ctx, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", p.name(t.Name), duck.Ident(c.name), c.to()))
			if err == nil {
				err = p.comment(ctx, t, c.name)
			}
		case got != c.to() && p.o.AlterTypes:
			err = p.exec(ctx, fmt.Sprintf("DELETE FROM %s; ALTER TABLE %[1]s ALTER COLUMN %s TYPE %s USING NULL", p.name(t.Name), duck.Ident(c.name), c.to()))
		case got != c.to():
			err = fmt.Errorf("it is %s there and %s in the night: `mainstay publish push --alter-types` changes it; do that while nobody reads in a long transaction, which would find the table empty", got, c.to())
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	for _, r := range rows {
		if r[2] == "f" && !slices.ContainsFunc(columns, func(c column) bool { return c.name == r[0] }) {
			p.r.Notes = append(p.r.Notes, fmt.Sprintf("column %s of %s in PostgreSQL is not in the night any more and is empty: drop it", r[0], p.name(t.Name)))
		}
	}
	return nil
}

func (p *pusher) create(ctx context.Context, t Table, columns []column) error {
	defs := make([]string, len(columns))
	for i, c := range columns {
		defs[i] = duck.Ident(c.name) + " " + c.to()
	}
	if err := p.exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", p.name(t.Name), strings.Join(defs, ", "))); err != nil {
		return err
	}
	if t.About != "" {
		if err := p.exec(ctx, fmt.Sprintf("COMMENT ON TABLE %s IS %s", p.name(t.Name), literal(t.About))); err != nil {
			return err
		}
	}
	for _, c := range columns {
		if err := p.comment(ctx, t, c.name); err != nil {
			return err
		}
	}
	return nil
}

func (p *pusher) comment(ctx context.Context, t Table, column string) error {
	if t.Columns[column] == "" {
		return nil
	}
	return p.exec(ctx, fmt.Sprintf("COMMENT ON COLUMN %s.%s IS %s", p.name(t.Name), duck.Ident(column), literal(t.Columns[column])))
}

// literal is a text that is safe whatever standard_conforming_strings says.
func literal(s string) string {
	if !strings.Contains(s, `\`) {
		return duck.Quote(s)
	}
	return "E" + duck.Quote(strings.ReplaceAll(s, `\`, `\\`))
}
