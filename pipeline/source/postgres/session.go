package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// session is one connection. Everything runs in a read-only transaction: at first one
// that only looks around, after Begin the one with the snapshot. What changes the
// session's behaviour is set for the transaction alone, so that a pooler in between
// does not hand it on to others.
type session struct {
	conn   *pgconn.PgConn
	limits relational.Limits
	// safe is set when there is a savepoint, behind which a query may fail without
	// the loss of the snapshot.
	safe bool
	seen moment
}

const savepoint = "mainstay"

// grace is how much later than the server's own timeout a silent connection is given
// up.
const grace = 30 * time.Second

// look starts the transaction in which every statement sees what is there.
func (s *session) look(ctx context.Context) error {
	return s.start(ctx, "READ COMMITTED", "")
}

func (s *session) start(ctx context.Context, isolation, join string) error {
	s.safe = false
	statements := []string{"BEGIN ISOLATION LEVEL " + isolation + ", READ ONLY"}
	if join != "" {
		statements = append(statements, "SET TRANSACTION SNAPSHOT "+quote(join))
	}
	for _, set := range []string{
		"statement_timeout = " + millis(s.limits.StatementTimeout),
		"lock_timeout = " + millis(s.limits.LockTimeout),
		"idle_in_transaction_session_timeout = " + millis(s.limits.IdleTimeout),
		"max_parallel_workers_per_gather = 0", // a page is small, and other work should keep its cores
		"timezone = 'UTC'", "datestyle = 'ISO, YMD'", "intervalstyle = 'postgres'", "extra_float_digits = 3",
		"bytea_output = 'hex'", "standard_conforming_strings = on", "xmlbinary = 'base64'",
	} {
		statements = append(statements, "SET LOCAL "+set)
	}
	if s.conn.ParameterStatus("server_encoding") == "SQL_ASCII" {
		// The server would refuse whole queries for one text that is no UTF-8.
		statements = append(statements, "SET LOCAL client_encoding = 'SQL_ASCII'")
	}
	return s.exec(ctx, strings.Join(statements, "; "))
}

func millis(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 0), 10) }

// Server is what answered.
func (s *session) Server() string {
	version, _, _ := strings.Cut(s.conn.ParameterStatus("server_version"), " ")
	return "PostgreSQL " + version
}

// major is the server's version, such as 15.
func (s *session) major() int {
	version := s.conn.ParameterStatus("server_version")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	n, _ := strconv.Atoi(version[:max(end, 0)])
	return n
}

// Begin starts the transaction with the snapshot.
func (s *session) Begin(ctx context.Context, join string) (relational.Moment, error) {
	before, err := s.before(ctx)
	if err != nil {
		return relational.Moment{}, fmt.Errorf("looking for open transactions: %w", err)
	}
	if err := s.exec(ctx, "COMMIT"); err != nil {
		return relational.Moment{}, err
	}
	if err := s.start(ctx, "REPEATABLE READ", join); err != nil {
		return relational.Moment{}, fmt.Errorf("beginning the snapshot: %w", err)
	}
	if err := s.see(ctx, &before); err != nil {
		return relational.Moment{}, fmt.Errorf("beginning the snapshot: %w", err)
	}
	after, harmless, err := s.locks(ctx)
	if err != nil {
		return relational.Moment{}, fmt.Errorf("looking for open transactions: %w", err)
	}
	before.complete(harmless)
	before.harmless = append(before.harmless, harmless...)
	s.seen = before
	return relational.Moment{Now: before.now, Open: before.open(after)}, nil
}

// Now tells what is open at the moment.
func (s *session) Now(ctx context.Context) (relational.Moment, error) {
	m, err := s.before(ctx)
	if err == nil {
		err = s.see(ctx, &m)
	}
	if err != nil {
		return relational.Moment{}, fmt.Errorf("looking for open transactions: %w", err)
	}
	s.seen = m
	return relational.Moment{Now: m.now, Open: m.open(nil)}, nil
}

// StillOpen tells which transactions had not ended.
func (s *session) StillOpen(open []string) []string { return s.seen.stillOpen(open) }

// Export names the snapshot.
func (s *session) Export(ctx context.Context) (string, error) {
	if s.safe { // a snapshot cannot be exported behind a savepoint
		if err := s.exec(ctx, "RELEASE SAVEPOINT "+savepoint); err != nil {
			return "", err
		}
		s.safe = false
	}
	result := s.conn.ExecParams(ctx, "SELECT pg_catalog.pg_export_snapshot()", nil, nil, nil, nil).Read()
	if result.Err != nil {
		return "", fmt.Errorf("exporting the snapshot: %w", result.Err)
	}
	return string(result.Rows[0][0]), nil
}

// Describe gives the columns of a SELECT.
func (s *session) Describe(ctx context.Context, query string) ([]relational.Field, error) {
	if err := s.save(ctx); err != nil {
		return nil, err
	}
	described, err := s.conn.Prepare(ctx, "", "SELECT * FROM ("+query+"\n) AS m", nil)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	if len(described.ParamOIDs) > 0 {
		return nil, errors.New("the select has a parameter ($1), for which there is no value")
	}
	if len(described.Fields) == 0 {
		return nil, errors.New("the select gives no columns")
	}
	var values []string
	for i, f := range described.Fields {
		values = append(values, fmt.Sprintf("(%d, %d::oid, %d::int4)", i, f.DataTypeOID, f.TypeModifier))
	}
	types, err := s.query(ctx, "SELECT pg_catalog.format_type(v.type, v.mod), t.typtype FROM (VALUES "+strings.Join(values, ", ")+
		") AS v (i, type, mod) LEFT JOIN pg_catalog.pg_type t ON t.oid = v.type ORDER BY v.i")
	if err != nil {
		return nil, fmt.Errorf("looking up types: %w", err)
	}
	fields := make([]relational.Field, len(types))
	for i, f := range described.Fields {
		fields[i] = field(f.Name, f.DataTypeOID, f.TypeModifier, types[i][0], types[i][1])
		fields[i].Table, fields[i].Ordinal = f.TableOID, int32(f.TableAttributeNumber)
		switch s.conn.ParameterStatus("server_encoding") {
		case "UTF8", "SQL_ASCII": // the latter hands out what it was given
		default:
			fields[i].Detail += recoded
		}
	}
	return fields, nil
}

// Estimate is the planner's guess. Privileges are looked at on the way.
func (s *session) Estimate(ctx context.Context, query string) (int64, error) {
	rows, err := s.query(ctx, "EXPLAIN (FORMAT JSON) SELECT * FROM ("+query+"\n) AS m")
	if err != nil {
		return -1, err
	}
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	if len(rows) == 0 || json.Unmarshal([]byte(rows[0][0]), &plans) != nil || len(plans) == 0 {
		return -1, nil
	}
	return int64(plans[0].Plan.Rows), nil
}

// Indexed looks for an index on the table that all fields come from.
func (s *session) Indexed(ctx context.Context, _ string, fields []relational.Field) (yes, known bool, err error) {
	var numbers []string
	for _, f := range fields {
		if f.Table == 0 || f.Table != fields[0].Table {
			return false, false, nil
		}
		numbers = append(numbers, strconv.Itoa(int(f.Ordinal)))
	}
	// indkey counts from 0 and holds table columns by number, 0 for expressions.
	begins := fmt.Sprintf("(SELECT array_agg(k.n ORDER BY k.i) FROM unnest(x.indkey) WITH ORDINALITY AS k (n, i) WHERE k.i <= %d) = ARRAY[%s]::int2[]",
		len(numbers), strings.Join(numbers, ", "))
	rows, err := s.query(ctx, fmt.Sprintf(`SELECT count(*) FILTER (WHERE x.indrelid IS NOT NULL AND x.indisvalid AND x.indpred IS NULL AND %s), c.relkind IN ('r', 'p', 'm')
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index x ON x.indrelid = c.oid WHERE c.oid = %d GROUP BY c.relkind`, begins, fields[0].Table))
	if err != nil || len(rows) == 0 {
		return false, false, err
	}
	return rows[0][0] != "0", rows[0][1] == "t", nil
}

// Close ends the session.
func (s *session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patienceCancel)
	defer cancel()
	s.conn.Close(ctx) // what it may complain about is over
	return nil
}

// exec runs statements that give nothing.
func (s *session) exec(ctx context.Context, statements string) error {
	ctx, cancel := s.within(ctx)
	defer cancel()
	return s.conn.Exec(ctx, statements).Close()
}

// query gives a small result as text, NULL as "".
func (s *session) query(ctx context.Context, query string) ([][]string, error) {
	if err := s.save(ctx); err != nil {
		return nil, err
	}
	limited, cancel := s.within(ctx)
	defer cancel()
	result := s.conn.ExecParams(limited, query, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, s.failed(ctx, s.silent(ctx, limited, result.Err))
	}
	out := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, v := range row {
			out[i] = append(out[i], string(v))
		}
	}
	return out, nil
}

// within bounds how long an answer may take, for a network that went silent.
func (s *session) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.limits.StatementTimeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.limits.StatementTimeout+grace)
}

// silent says so when an error comes from a connection that was given up.
func (s *session) silent(ctx, limited context.Context, err error) error {
	if ctx.Err() == nil && limited.Err() != nil {
		s.Close()
		return fmt.Errorf("the server has not answered for %s, although it should end statements after %s; the connection was given up: %w", s.limits.StatementTimeout+grace, s.limits.StatementTimeout, pgconn.ErrConnClosed)
	}
	return err
}

// save makes the savepoint that the next query may fail behind.
func (s *session) save(ctx context.Context) error {
	if s.safe {
		return nil
	}
	if err := s.exec(ctx, "SAVEPOINT "+savepoint); err != nil {
		return err
	}
	s.safe = true
	return nil
}

// failed goes back to the savepoint after an error, and gives the error on.
func (s *session) failed(ctx context.Context, err error) error {
	if !s.conn.IsClosed() && s.conn.TxStatus() == 'E' && s.safe {
		if back := s.exec(ctx, "ROLLBACK TO SAVEPOINT "+savepoint); back != nil {
			return errors.Join(err, back)
		}
	}
	return explained{err}
}

// explained adds to the server's message what else it said.
type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

func (e explained) Error() string {
	var pg *pgconn.PgError
	if !errors.As(e.error, &pg) {
		return e.error.Error()
	}
	text := e.error.Error()
	if pg.Hint != "" {
		text += "; " + pg.Hint
	}
	return text
}
