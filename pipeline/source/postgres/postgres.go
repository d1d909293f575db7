// Package postgres reads PostgreSQL: the dialect of the relational engine, on the
// binary protocol. It needs no more than CONNECT on the database, USAGE on the schemas
// and SELECT on the tables of the mapping.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Options say where the server is.
type Options struct {
	// URL such as postgres://reader@db:5432/shop. Without sslmode the server's
	// certificate is verified (verify-full), unless the server is on this machine.
	URL string
	// PasswordFile has the password in its first line. It is read for each connection,
	// and only when the URL has no password; without both PGPASSWORD is used.
	PasswordFile string
}

// Dialect is PostgreSQL's.
type Dialect struct {
	o      Options
	config *pgconn.Config
}

var _ relational.Dialect = (*Dialect)(nil)

// New makes the dialect for a server, without connecting. Its errors do not quote the
// URL.
func New(o Options) (*Dialect, error) {
	config, err := configOf(o.URL)
	if err != nil {
		return nil, err
	}
	return &Dialect{o: o, config: config}, nil
}

// Kind is what messages call the server.
func (d *Dialect) Kind() string { return "PostgreSQL" }

// DefaultOverlap covers clocks that differ; transactions that commit late are known.
func (d *Dialect) DefaultOverlap() time.Duration { return 10 * time.Minute }

// Dial opens a bare connection, with the same care for TLS and for the password as
// every session has. Its errors show no password.
func (d *Dialect) Dial(ctx context.Context) (*pgconn.PgConn, error) {
	config, err := d.withPassword()
	if err != nil {
		return nil, err
	}
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", scrub(err, config))
	}
	return conn, nil
}

// Connect opens a session.
func (d *Dialect) Connect(ctx context.Context, l relational.Limits) (relational.Session, error) {
	conn, err := d.Dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, limits: l}
	if err := s.look(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	return s, nil
}

// Class tells what kind of error a session returned.
func (d *Dialect) Class(err error) relational.Class {
	var file *fs.PathError
	if errors.As(err, &file) {
		return relational.Other // a full disk is a syscall.Errno, which counts as a net.Error too
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var network net.Error
		if errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) {
			return relational.Lost
		}
		return relational.Other
	}
	switch pg.Code {
	case "57014": // query_canceled
		return relational.Timeout
	case "55P03": // lock_not_available
		return relational.Locked
	case "42501": // insufficient_privilege
		return relational.Denied
	case "42P01", "42703", "3F000": // undefined table, column, schema
		return relational.Absent
	case "25P02", "25P03", "25P04", "40001": // transaction aborted, idle too long, conflict with recovery
		return relational.Lost
	case "40P01", "53300", "53400": // deadlock, too many connections, a limit of the server
		return relational.Busy
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "57", "08": // ended by an administrator or a crash; connection
		return relational.Lost
	}
	return relational.Other
}

func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func column(f relational.Field) string { return "m." + ident(f.Name) }

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal leaves the type to what it is compared with, so that an index can be used.
func literal(f relational.Field, v string) string {
	switch f.Kind {
	case source.Bytes:
		return quote(`\x` + v)
	}
	return quote(v)
}

// Select writes a field in the list of a query.
func (d *Dialect) Select(f relational.Field) string {
	if castToText(f) {
		return column(f) + "::text AS " + ident(f.Name)
	}
	return column(f)
}

// Order writes an ORDER BY list.
func (d *Dialect) Order(fields []relational.Field) string { return list(fields) }

func list(fields []relational.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = column(f)
	}
	return strings.Join(names, ", ")
}

func literals(fields []relational.Field, values []string) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = literal(f, values[i])
	}
	return strings.Join(out, ", ")
}

// After writes the condition for rows behind a position.
func (d *Dialect) After(fields []relational.Field, at []string) string {
	return "(" + list(fields) + ") > (" + literals(fields, at) + ")"
}

// Compare writes a comparison.
func (d *Dialect) Compare(f relational.Field, op, value string) string {
	return column(f) + " " + op + " " + literal(f, value)
}

// IsNull writes a test for NULL.
func (d *Dialect) IsNull(f relational.Field, null bool) string {
	if null {
		return column(f) + " IS NULL"
	}
	return column(f) + " IS NOT NULL"
}

// Extreme writes min or max.
func (d *Dialect) Extreme(f relational.Field, highest bool) string {
	if highest {
		return "max(" + column(f) + ")"
	}
	return "min(" + column(f) + ")"
}

// In writes the condition for rows with one of the keys.
func (d *Dialect) In(fields []relational.Field, keys [][]string) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = literals(fields, k)
		if len(fields) > 1 {
			out[i] = "(" + out[i] + ")"
		}
	}
	return "(" + list(fields) + ") IN (" + strings.Join(out, ", ") + ")"
}

// IntField reads an integer expression.
func (d *Dialect) IntField(name string) relational.Field {
	return relational.Field{Column: source.Column{Name: name, Kind: source.Int}, Server: "bigint", Code: oidInt8}
}
