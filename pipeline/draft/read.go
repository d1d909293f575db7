package draft

import (
	"context"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Read asks a server for the schema of its database: names, types, keys, indexes and
// estimates of the catalogue, no row of any table.
func Read(ctx context.Context, server relational.Dialect, speaks Dialect) (Schema, error) {
	session, err := server.Connect(ctx, relational.Limits{})
	if err != nil {
		return Schema{}, err
	}
	defer session.Close()
	if _, err := session.Begin(ctx, ""); err != nil {
		return Schema{}, fmt.Errorf("reading schema: %w", err)
	}
	r := &reader{ctx: ctx, server: server, session: session, tables: map[string]*Table{},
		s: Schema{Dialect: speaks, Server: session.Server()}}
	queries := postgresCatalogue
	if speaks == MySQL {
		queries = mysqlCatalogue
	}
	for _, step := range []struct {
		what string
		take func(row []string)
	}{{"database", r.database}, {"tables", r.table}, {"columns", r.column}, {"indexes", r.index}, {"foreign keys", r.foreign}} {
		if err := r.rows(queries[step.what], step.take); err != nil {
			return Schema{}, fmt.Errorf("reading schema, %s: %w", step.what, err)
		}
	}
	for _, id := range r.order {
		if t := r.tables[id]; len(t.Columns) > 0 {
			r.s.Tables = append(r.s.Tables, *t)
		}
	}
	return r.s, nil
}

// reader puts a schema together from rows of the catalogue, in which every value is
// text and a table goes by an id.
type reader struct {
	ctx     context.Context
	server  relational.Dialect
	session relational.Session
	s       Schema
	tables  map[string]*Table
	order   []string
}

// rows runs a query, the way the engine does: the dialect knows how it gives a type.
func (r *reader) rows(query string, take func(row []string)) error {
	fields, err := r.session.Describe(r.ctx, query)
	if err != nil {
		return err
	}
	cols := make([]string, len(fields))
	for i, f := range fields {
		cols[i] = r.server.Select(f)
	}
	return r.session.Rows(r.ctx, "SELECT "+strings.Join(cols, ", ")+" FROM (\n"+query+"\n) AS m", fields, &textSink{row: make([]string, len(fields)), take: take})
}

func (r *reader) database(row []string) { r.s.Database = row[0] }

// table takes id, schema, name, kind (table or view), estimate, comment, readable.
func (r *reader) table(row []string) {
	t := &Table{Schema: row[1], Name: row[2], View: row[3] == "view", Rows: -1, Comment: row[5]}
	switch {
	case strings.ContainsFunc(t.full(), unicode.IsControl):
		return // no name to write into a file
	case row[6] != "1":
		r.s.Hidden = append(r.s.Hidden, t.full())
		return
	}
	if n, err := strconv.ParseFloat(row[4], 64); err == nil && n >= 0 {
		t.Rows = int64(n)
	}
	r.tables[row[0]] = t
	r.order = append(r.order, row[0])
}

// column takes table, name, type as written, type by itself, scale, nullable, numbered,
// comment.
func (r *reader) column(row []string) {
	t := r.tables[row[0]]
	if t == nil || strings.ContainsFunc(row[1], unicode.IsControl) {
		return
	}
	c := Column{Name: row[1], Type: row[2], Kind: kindOf(row[3]), Scale: -1, Nullable: row[5] == "1", Numbered: row[6] == "1", Comment: row[7]}
	if n, err := strconv.Atoi(row[4]); err == nil && c.Kind == Decimal {
		c.Scale = n
	}
	t.Columns = append(t.Columns, c)
}

// index takes table, unique, primary, columns parted by tabs.
func (r *reader) index(row []string) {
	if t := r.tables[row[0]]; t != nil {
		i := Index{Columns: strings.Split(row[3], "\t"), Unique: row[1] == "1"}
		t.Indexes = append(t.Indexes, i)
		if row[2] == "1" {
			t.Primary = i.Columns
		}
	}
}

// foreign takes table, columns parted by tabs, table referred to, its columns.
func (r *reader) foreign(row []string) {
	t, to := r.tables[row[0]], r.tables[row[2]]
	if t != nil && to != nil {
		t.Foreign = append(t.Foreign, Foreign{Columns: strings.Split(row[1], "\t"), Schema: to.Schema, Table: to.Name, References: strings.Split(row[3], "\t")})
	}
}

var postgresCatalogue = map[string]string{
	"database": `SELECT current_database()::text AS name`,
	"tables": `SELECT c.oid::text AS id, CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE n.nspname::text END AS schema, c.relname::text AS name,
  CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END AS kind,
  CASE WHEN c.relkind = 'v' THEN '-1' WHEN c.relkind = 'p' THEN (SELECT coalesce(sum(x.reltuples) FILTER (WHERE x.reltuples >= 0), -1)::text FROM pg_inherits i JOIN pg_class x ON x.oid = i.inhrelid WHERE i.inhparent = c.oid)
    ELSE c.reltuples::text END AS estimate,
  coalesce(obj_description(c.oid, 'pg_class'), '') AS about,
  CASE WHEN has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT') THEN '1' ELSE '0' END AS readable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
ORDER BY n.nspname, c.relname`,
	"columns": `SELECT a.attrelid::text AS id, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
  CASE WHEN b.typtype = 'e' THEN 'enum' ELSE b.typname::text END AS base,
  CASE WHEN greatest(a.atttypmod, t.typtypmod) >= 4 THEN (((greatest(a.atttypmod, t.typtypmod) - 4) & 65535))::text ELSE '' END AS scale,
  CASE WHEN a.attnotnull OR t.typnotnull THEN '0' ELSE '1' END AS nullable,
  CASE WHEN a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' THEN '1' ELSE '0' END AS numbered,
  coalesce(col_description(a.attrelid, a.attnum), '') AS about
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attrelid, a.attnum`,
	// Expressions have no number of a column, and indexes with a WHERE do not hold all rows.
	"indexes": `SELECT i.indrelid::text AS id, CASE WHEN i.indisunique THEN '1' ELSE '0' END AS is_unique, CASE WHEN i.indisprimary THEN '1' ELSE '0' END AS is_primary,
  (SELECT string_agg(a.attname::text, chr(9) ORDER BY k.n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE k.n <= i.indnkeyatts) AS cols
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid`,
	"foreign keys": `SELECT f.conrelid::text AS id,
  (SELECT string_agg(a.attname::text, chr(9) ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.num) AS cols,
  f.confrelid::text AS to_id,
  (SELECT string_agg(a.attname::text, chr(9) ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k(num, n) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.num) AS to_cols
FROM pg_constraint f WHERE f.contype = 'f' ORDER BY f.conrelid, f.conname`,
}

var mysqlCatalogue = map[string]string{
	"database": `SELECT coalesce(database(), '') AS name`,
	"tables": `SELECT TABLE_NAME AS id, '' AS sch, TABLE_NAME AS name, CASE WHEN TABLE_TYPE LIKE '%VIEW%' THEN 'view' ELSE 'table' END AS kind,
  coalesce(CAST(TABLE_ROWS AS CHAR), '-1') AS estimate, coalesce(TABLE_COMMENT, '') AS about, '1' AS readable
FROM information_schema.TABLES WHERE TABLE_SCHEMA = database() ORDER BY TABLE_NAME LIMIT 100000`,
	"columns": `SELECT TABLE_NAME AS id, COLUMN_NAME AS name, CAST(COLUMN_TYPE AS CHAR) AS type,
  CASE WHEN DATA_TYPE = 'timestamp' THEN 'mysql timestamp' ELSE CAST(DATA_TYPE AS CHAR) END AS base, coalesce(CAST(NUMERIC_SCALE AS CHAR), '') AS scale,
  CASE WHEN IS_NULLABLE = 'YES' THEN '1' ELSE '0' END AS nullable, CASE WHEN EXTRA LIKE '%auto_increment%' THEN '1' ELSE '0' END AS numbered,
  CAST(COLUMN_COMMENT AS CHAR) AS about
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = database() ORDER BY TABLE_NAME, ORDINAL_POSITION LIMIT 1000000`,
	"indexes": `SELECT TABLE_NAME AS id, CASE WHEN max(NON_UNIQUE) = 0 THEN '1' ELSE '0' END AS is_unique, CASE WHEN INDEX_NAME = 'PRIMARY' THEN '1' ELSE '0' END AS is_primary,
  group_concat(COLUMN_NAME ORDER BY SEQ_IN_INDEX SEPARATOR '\t') AS cols
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = database()
GROUP BY TABLE_NAME, INDEX_NAME HAVING count(*) = count(COLUMN_NAME) AND max(SUB_PART) IS NULL ORDER BY TABLE_NAME, INDEX_NAME LIMIT 1000000`,
	"foreign keys": `SELECT TABLE_NAME AS id, group_concat(COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR '\t') AS cols, REFERENCED_TABLE_NAME AS to_id,
  group_concat(REFERENCED_COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR '\t') AS to_cols
FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = database() AND REFERENCED_TABLE_SCHEMA = database() AND REFERENCED_TABLE_NAME IS NOT NULL
GROUP BY TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME ORDER BY TABLE_NAME, CONSTRAINT_NAME LIMIT 1000000`,
}

// textSink takes rows as text; NULL is "".
type textSink struct {
	row  []string
	take func([]string)
}

var _ relational.Sink = (*textSink)(nil)

func (s *textSink) Null(i int)                     { s.row[i] = "" }
func (s *textSink) Int(i int, v int64)             { s.row[i] = strconv.FormatInt(v, 10) }
func (s *textSink) Uint(i int, v uint64)           { s.row[i] = strconv.FormatUint(v, 10) }
func (s *textSink) Bool(i int, v bool)             { s.row[i] = strconv.FormatBool(v) }
func (s *textSink) Float(i int, v float64)         { s.row[i] = strconv.FormatFloat(v, 'g', -1, 64) }
func (s *textSink) Text(i int, v []byte)           { s.row[i] = strings.ToValidUTF8(string(v), "?") }
func (s *textSink) Blob(i int, v []byte)           { s.row[i] = strings.ToValidUTF8(string(v), "?") }
func (s *textSink) Date(i int, _ int32)            { s.row[i] = "" }
func (s *textSink) Time(i int, _ int64)            { s.row[i] = "" }
func (s *textSink) Decimal64(i int, v int64)       { s.row[i] = strconv.FormatInt(v, 10) }
func (s *textSink) DecimalBig(i int, v *big.Int)   { s.row[i] = v.String() }
func (s *textSink) DecimalText(i int, text []byte) { s.row[i] = string(text) }
func (s *textSink) Unfit(i int, raw string)        { s.row[i] = raw }
func (s *textSink) EndRow() error                  { s.take(s.row); return nil }
