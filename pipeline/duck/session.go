// Package duck runs SQL on DuckDB, in process: sessions, running a model into a
// Parquet file, finding the tables that a query reads, checks. It is the only
// importer of the driver and knows nothing of what a table means.
package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	duckdb "github.com/duckdb/duckdb-go/v2"
)

// Options of a session.
type Options struct {
	// Threads that one query may use. 1 is the default and what every job that makes
	// a table uses: with one thread a result cannot depend on scheduling, so the same
	// inputs give the same bytes; cores are used by running jobs side by side.
	Threads int
	// Memory limit in DuckDB's words ("2GB"); "" leaves DuckDB's own (80 % of RAM).
	Memory string
	// Disk is the limit of the temporary files in bytes; 0 leaves DuckDB's own (90 % of
	// what is free).
	Disk int64
	// Frugal gives memory back to the system as soon as it is free, which takes a little
	// time (without it a session keeps what its largest query needed), and lets COPY take
	// ROW_GROUP_SIZE_BYTES. With one thread, rows keep their order all the same.
	Frugal bool
	// TempDir takes what does not fit in memory.
	TempDir string
	// TimeZone reads timestamps that carry none; "" is UTC.
	TimeZone string
	// ReadOnly opens Path without taking its write lock.
	ReadOnly bool
	// Path of a database file; "" is a database in memory.
	Path string
}

// fallback is the memory limit of sessions that name none; "" for DuckDB's own.
var fallback atomic.Value

// Bound sets the memory limit of all later sessions of the process that name none, in
// DuckDB's words.
func Bound(memory string) { fallback.Store(memory) }

// Session is one DuckDB instance with one connection, so that temporary tables,
// macros and settings hold from statement to statement. It is for one goroutine.
type Session struct {
	connector *duckdb.Connector
	db        *sql.DB
	conn      *sql.Conn
	unstable  map[string]bool // functions; nil until they are listed
	macros    map[string]bool // table macros, listed with them
	parsed    struct {        // the query parsed last: several questions are asked of it
		query string
		tree  any
	}
}

// Open starts a session.
func Open(ctx context.Context, o Options) (*Session, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("starting DuckDB: %w", err)
	}
	s := &Session{connector: connector, db: sql.OpenDB(connector)}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("starting DuckDB: %w", err)
	}
	for _, set := range settings(o) {
		if err := s.Exec(ctx, set); err != nil {
			s.Close()
			return nil, err
		}
	}
	if o.Path != "" {
		if err := s.attach(ctx, o); err != nil {
			s.Close()
			return nil, fmt.Errorf("opening DuckDB file %s: %w", o.Path, err)
		}
	}
	return s, nil
}

// attach makes a database file the one that statements mean. The driver could open it
// by its name, but then keeps one instance per name in the process, which goes on
// with the old file after a new one took the name; and it takes ? and % in a name for
// its own.
func (s *Session) attach(ctx context.Context, o Options) error {
	mode := "READ_WRITE"
	if o.ReadOnly {
		mode = "READ_ONLY"
	}
	if err := s.Exec(ctx, fmt.Sprintf("ATTACH %s (%s)", Quote(o.Path), mode)); err != nil {
		return err
	}
	var name string
	if err := s.Scan(ctx, "SELECT database_name FROM duckdb_databases() WHERE path IS NOT NULL AND NOT internal", &name); err != nil {
		return err
	}
	return s.Exec(ctx, "USE "+Ident(name))
}

func settings(o Options) []string {
	threads, zone := max(o.Threads, 1), o.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	set := []string{
		fmt.Sprintf("SET threads = %d", threads),
		"SET TimeZone = " + Quote(zone),
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET preserve_insertion_order = true",
		"SET default_collation = ''",
	}
	if o.Memory == "" {
		o.Memory, _ = fallback.Load().(string)
	}
	if o.Memory != "" {
		set = append(set, "SET memory_limit = "+Quote(o.Memory))
	}
	if o.Frugal {
		set = append(set, "SET allocator_flush_threshold = '1MB'", "SET allocator_bulk_deallocation_flush_threshold = '1MB'", "SET preserve_insertion_order = false")
	}
	if o.TempDir != "" {
		set = append(set, "SET temp_directory = "+Quote(o.TempDir))
		if o.Disk > 0 {
			set = append(set, fmt.Sprintf("SET max_temp_directory_size = '%dB'", o.Disk))
		}
	}
	return set
}

// Close ends the session.
func (s *Session) Close() error {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.db != nil {
		s.db.Close()
	}
	return s.connector.Close()
}

// Exec runs a statement.
func (s *Session) Exec(ctx context.Context, query string) error {
	if _, err := s.conn.ExecContext(ctx, query); err != nil {
		return fmt.Errorf("running SQL: %w\n%s", err, excerpt(query))
	}
	return nil
}

// IsOutOfMemory tells whether an error says that a session's memory limit was too small.
func IsOutOfMemory(err error) bool {
	var d *duckdb.Error
	return errors.As(err, &d) && d.Type == duckdb.ErrorTypeOutOfMemory
}

// Query runs a query and returns its columns and rows as the driver gives them. It is
// for small answers: tables move through Parquet.
func (s *Session) Query(ctx context.Context, query string) (Result, error) {
	var r Result
	return r, s.Each(ctx, query, &r)
}

// Sink takes a result row by row. Row must not keep vals.
type Sink interface {
	Header(columns, types []string) error
	Row(vals []any) error
	End() error
}

// How the driver gives values that Go has no type for.
type (
	Decimal  = duckdb.Decimal
	Interval = duckdb.Interval
	Map      = duckdb.OrderedMap
	Union    = duckdb.Union
)

// Each runs a query and hands its rows to sink one by one.
func (s *Session) Each(ctx context.Context, query string, sink Sink) error {
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("running SQL: %w\n%s", err, excerpt(query))
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return fmt.Errorf("reading the columns of a result: %w", err)
	}
	names, types := make([]string, len(columns)), make([]string, len(columns))
	vals, ptrs := make([]any, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		names[i], types[i], ptrs[i] = c.Name(), c.DatabaseTypeName(), &vals[i]
	}
	if err := sink.Header(names, types); err != nil {
		return err
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return fmt.Errorf("reading a result: %w", err)
		}
		if err := sink.Row(vals); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("running SQL: %w\n%s", err, excerpt(query))
	}
	return sink.End()
}

// Result is a small query result.
type Result struct {
	Columns []string
	Types   []string
	Rows    [][]any
}

// Header takes the columns.
func (r *Result) Header(columns, types []string) error {
	r.Columns, r.Types = columns, types
	return nil
}

// Row takes a row.
func (r *Result) Row(vals []any) error {
	r.Rows = append(r.Rows, slices.Clone(vals))
	return nil
}

// End does nothing.
func (r *Result) End() error { return nil }

// Scan reads the one row of a query into dest.
func (s *Session) Scan(ctx context.Context, query string, dest ...any) error {
	if err := s.conn.QueryRowContext(ctx, query).Scan(dest...); err != nil {
		return fmt.Errorf("running SQL: %w\n%s", err, excerpt(query))
	}
	return nil
}

// Columns returns the column names and types that a query would give, without
// running it.
func (s *Session) Columns(ctx context.Context, query string) ([]Column, error) {
	r, err := s.Query(ctx, "DESCRIBE "+strings.TrimRight(strings.TrimSpace(query), ";"))
	if err != nil {
		return nil, err
	}
	cols := make([]Column, len(r.Rows))
	for i, row := range r.Rows {
		cols[i] = Column{Name: row[0].(string), Type: row[1].(string)}
	}
	return cols, nil
}

// Column of a table or query.
type Column struct{ Name, Type string }

// Quote writes a SQL string literal.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// File writes the path of one file that is read. DuckDB takes paths as patterns, so
// that a file named sales[1].csv would give the rows of sales1.csv.
func File(path string) string { return Quote(noPattern.Replace(path)) }

var noPattern = strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]")

// Ident writes a quoted SQL identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// Idents writes a list of quoted identifiers.
func Idents(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = Ident(n)
	}
	return strings.Join(quoted, ", ")
}

// ReadParquet writes the table function that reads files. An absent list is an error
// at plan time, so callers give the columns of an empty table themselves.
func ReadParquet(paths []string) string {
	return "read_parquet([" + files(paths) + "], union_by_name = true, hive_partitioning = false)"
}

// ReadAlike is ReadParquet for files that all have the columns of the first, as far as
// they are asked for: they are opened one after the other, so that memory does not grow
// with their number.
func ReadAlike(paths []string) string {
	return "read_parquet([" + files(paths) + "], hive_partitioning = false)"
}

func files(paths []string) string {
	quoted := make([]string, len(paths))
	for i, p := range paths {
		quoted[i] = File(p)
	}
	return strings.Join(quoted, ", ")
}

// excerpt keeps error messages readable: the first lines of a long statement.
func excerpt(query string) string {
	lines := strings.Split(strings.TrimSpace(query), "\n")
	if len(lines) > 12 {
		lines = append(lines[:12], fmt.Sprintf("... (%d more lines)", len(lines)-12))
	}
	out := strings.Join(lines, "\n")
	if len(out) > 1200 {
		out = out[:1200] + " ..."
	}
	return out
}

// WriteParquet writes the rows of a query to a new Parquet file, in the query's
// order, makes sure that they are on disk and reads the footer back. It returns the
// number of rows. The bytes depend on the rows alone.
func (s *Session) WriteParquet(ctx context.Context, query, path string) (int64, error) {
	copyTo := fmt.Sprintf("COPY (\n%s\n) TO %s (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)", strings.TrimRight(strings.TrimSpace(query), ";"), Quote(path))
	if err := s.Exec(ctx, copyTo); err != nil {
		return 0, err
	}
	return s.VerifyParquet(ctx, path)
}

// VerifyParquet syncs a Parquet file to disk and reads its footer back; it returns
// the number of rows that the footer tells.
func (s *Session) VerifyParquet(ctx context.Context, path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", path, err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("syncing %s: %w", path, err)
	}
	var rows int64
	if err := s.Scan(ctx, "SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata("+File(path)+")", &rows); err != nil {
		return 0, fmt.Errorf("reading back %s: %w", path, err)
	}
	return rows, nil
}
