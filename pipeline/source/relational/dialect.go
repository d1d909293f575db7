package relational

import (
	"context"
	"math/big"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Dialect is what the engine needs to know of a kind of server. Its methods beside
// Connect are pure: they write SQL.
//
// The engine wraps a mapping's SELECT, so that each query reads
//
//	SELECT <Select of each field> FROM (<select>) AS m WHERE <After, AtLeast, ...> ORDER BY <Order> LIMIT <n>
//
// in which the mapping is always named m. Expressions must name columns as m.<column>,
// since a bare name in ORDER BY means the column of the result where there is one.
type Dialect interface {
	// Kind is what messages call the server: "PostgreSQL".
	Kind() string
	// DefaultOverlap is how far a time cursor is read again when the mapping does not
	// say: more where Moment.Open cannot be known.
	DefaultOverlap() time.Duration
	// Connect opens a session. It settles everything that changes how values are
	// written: the zone is UTC, the encoding UTF-8, dates ISO. It may neither write nor
	// wait longer than the limits say. Its errors carry no password.
	Connect(ctx context.Context, l Limits) (Session, error)

	// Select writes a field as the query gives it to Session.Rows: the column itself,
	// or cast to text for a type without a kind of its own.
	Select(f Field) string
	// Order writes the ORDER BY list, ascending. NULLs do not occur.
	Order(fields []Field) string
	// After writes the condition for rows that come strictly after the position in the
	// order of the fields: (a, b) > (x, y).
	After(fields []Field, at []string) string
	// Compare writes a comparison of one field, op being one of =, <, <=, >, >=.
	Compare(f Field, op, value string) string
	// IsNull writes the condition for rows in which the field is NULL, or not.
	IsNull(f Field, null bool) string
	// Extreme writes min or max of a field; Session.Rows reads it as the field itself.
	Extreme(f Field, highest bool) string
	// In writes the condition for rows whose fields equal one of the keys.
	In(fields []Field, keys [][]string) string
	// Digest writes the digest of a row (see source.Digest), an Int; columns of the
	// kind Float are left out by source.Digest.
	Digest(fields []Field) string
	// IntField is the field of an integer expression in a query of the engine's own,
	// such as count(*), max(m.id) or the digest; Session.Rows reads it as an Int.
	IntField(name string) Field

	// Class tells what kind of error a session returned.
	Class(err error) Class
}

// Values in positions, comparisons and keys are text:
//
//	Int, Uint, Decimal  decimal digits: -12, 1.50
//	Bool                1 or 0
//	Text                itself
//	Bytes               hexadecimal digits in lower case
//	Date                2024-03-01
//	Timestamp           2024-03-01 12:30:00.123456
//	Instant             2024-03-01 12:30:00.123456+00
//	an unfit cursor     as the server writes it (what Sink.Unfit was given): infinity
//
// The dialect writes them as literals of the field's type, in a way that leaves an index
// on the column of use.

// Session is one connection, used by one goroutine at a time. What was learned in
// Describe and so on is of the moment; Rows, Estimate and Count after Begin are of the
// snapshot.
//
// A query that is cancelled by a timeout must not lose the snapshot.
type Session interface {
	// Server is what answered, such as "PostgreSQL 15.18".
	Server() string
	// Now tells the server's clock and the transactions that are open, before Begin.
	Now(ctx context.Context) (Moment, error)
	// Begin starts the read-only transaction that all later queries run in, with one
	// snapshot. Moment.Now is not later than the snapshot, and Moment.Open has every
	// transaction that was open when it was taken, as far as the server tells. join
	// names a snapshot that another session exported; "" makes a new one.
	Begin(ctx context.Context, join string) (Moment, error)
	// Export names the snapshot, for sessions that are to join it; "" when the server
	// cannot do that.
	Export(ctx context.Context) (string, error)
	// StillOpen tells which of the transactions that an earlier Moment listed, in this
	// session or another, had not ended at this session's Moment (the one of Begin, or
	// of Now before there is one), under the names that they have now. What it cannot
	// know counts as open.
	StillOpen(open []string) []string
	// Describe gives the columns of a SELECT (the mapping, not wrapped) without running
	// it.
	Describe(ctx context.Context, query string) ([]Field, error)
	// Estimate is the server's guess of the number of rows that a SELECT gives, -1 when
	// it has none. It fails when the rows may not be read.
	Estimate(ctx context.Context, query string) (int64, error)
	// Indexed tells whether an index begins with the fields of a SELECT, in their
	// order. known is false when the server cannot tell, as for an expression.
	Indexed(ctx context.Context, query string, fields []Field) (yes, known bool, err error)
	// Rows runs a query and gives its rows to sink: for each, the values by their
	// position in fields, then EndRow. NULL is given by Sink.Null. An error of EndRow
	// ends the query and is returned; rows given before any error are whole.
	Rows(ctx context.Context, query string, fields []Field, sink Sink) error
	// Close ends the session and its transaction. It may be called again.
	Close() error
}

// Field is one column of a query: how it lands, and what the server calls it.
type Field struct {
	source.Column
	Server string // type as the server writes it: "numeric(12,2)"
	// What the dialect likes to remember. The engine does not look at these.
	Code    uint32 // type
	Mod     int32  // length, precision, ...
	Table   uint32 // table that the column comes from
	Ordinal int32  // number of the column in that table
	Detail  string
}

// Moment is what a server says of one moment.
type Moment struct {
	// Now is the server's clock, microseconds since 1970-01-01 UTC.
	Now int64 `json:"now"`
	// Open names the transactions that were open, for StillOpen. Only the dialect
	// knows what the names mean; they are kept in the tables' states.
	Open []string `json:"open,omitempty"`
}

// Sink takes rows, as landing.Writer does: values by the index of their column, of the
// method that fits the column's kind, then EndRow. No method keeps the bytes that it is
// given, and none but EndRow can fail.
type Sink interface {
	Null(i int)
	Int(i int, v int64)
	Uint(i int, v uint64)
	Bool(i int, v bool)
	Float(i int, v float64)
	Text(i int, v []byte) // also what is no UTF-8: the sink looks
	Blob(i int, v []byte) // a value of the kind Bytes
	// Date takes days since 1970-01-01, also those out of what is represented.
	Date(i int, days int32)
	// Time takes microseconds since 1970-01-01 00:00, local for a Timestamp, UTC for an
	// Instant.
	Time(i int, micros int64)
	// Decimal64 and DecimalBig take a Decimal without its point: 1.50 with scale 2 is
	// 150.
	Decimal64(i int, unscaled int64)
	DecimalBig(i int, unscaled *big.Int)
	// DecimalText takes a Decimal as text: -12.50.
	DecimalText(i int, text []byte)
	// Unfit takes a value that the column's kind cannot represent (infinity, NaN, a
	// zero date), as the server writes it.
	Unfit(i int, raw string)
	EndRow() error
}

// Limits spare the server. Zero values mean the defaults.
type Limits struct {
	QueryTime        time.Duration // that queries aim to stay below; default 5s
	StatementTimeout time.Duration // after which the server ends one; default 60s
	LockTimeout      time.Duration // for waiting on a lock; default 5s
	IdleTimeout      time.Duration // after which the server ends an abandoned transaction; default 1h
	Settle           time.Duration // to wait for open transactions before a first load; default 3s, negative: none
	Connections      int           // at most; default 1
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.QueryTime, 5*time.Second)
	set(&l.StatementTimeout, time.Minute)
	set(&l.LockTimeout, 5*time.Second)
	set(&l.IdleTimeout, time.Hour)
	set(&l.Settle, 3*time.Second)
	l.Connections = max(l.Connections, 1)
	return l
}

// Class is what kind of error a session returned.
type Class int

// The classes of errors.
const (
	Other   Class = iota
	Timeout       // the statement took too long and was ended by the server; the session goes on
	Locked        // waiting for a lock took too long; the session goes on
	Denied        // a privilege is missing
	Absent        // a table or column does not exist
	Lost          // the connection or the snapshot is gone
	Busy          // the server has no room, or ended this for the sake of another
)
