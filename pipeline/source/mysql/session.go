package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// session is one connection and, after Begin, its transaction.
type session struct {
	conn      conn // nil once closed
	config    *mysql.Config
	limits    relational.Limits
	server    string
	id        string // of the connection, to end it from outside
	blind     bool   // may not see transactions
	open      []trx  // at the session's moment
	number    int    // the same
	begun     int    // transactions
	abandoned bool   // a query was cancelled and may go on at the server
}

var errClosed = errors.New("the session is closed")

// settle makes all settings that change what a SELECT gives, or that protect the
// server, whatever the server's own are.
func (s *session) settle(ctx context.Context) error {
	rows, err := s.texts(ctx, "SELECT VERSION(), CONNECTION_ID()", 2)
	if err != nil {
		return err
	}
	version, id := rows[0][0], rows[0][1]
	maria := strings.Contains(version, "MariaDB")
	s.server, s.id = "MySQL "+version, id
	s.number, _ = strconv.Atoi(id)
	if maria {
		s.server = "MariaDB " + strings.TrimPrefix(version, "5.5.5-") // put in front for old clients
	}
	for _, statement := range settings(s.limits, maria) {
		if _, err := s.conn.ExecContext(ctx, statement, nil); err != nil {
			return fmt.Errorf("making the session read-only and its settings known (%s): %w", statement, s.explain(ctx, err))
		}
	}
	_, err = s.texts(ctx, "SELECT 1 FROM information_schema.innodb_trx LIMIT 1", 1)
	var denied *mysql.MySQLError
	if s.blind = err != nil; s.blind && !errors.As(err, &denied) {
		return err
	}
	return nil
}

func settings(l relational.Limits, maria bool) []string {
	statement := orElse(l.StatementTimeout, time.Minute)
	idle, lock := seconds(orElse(l.IdleTimeout, time.Hour)), seconds(orElse(l.LockTimeout, 5*time.Second))
	list := []string{
		"SET NAMES utf8mb4",
		"SET SESSION time_zone = '+00:00'",
		"SET SESSION sql_mode = ''", // zero dates as they are, '' is no NULL, CHAR not padded
		"SET SESSION sql_select_limit = 18446744073709551615, sql_big_selects = 1, autocommit = 1",
		"SET SESSION group_concat_max_len = 1073741824", // cuts off longer texts without an error
		"SET SESSION max_sort_length = 4096",            // longer than the keys of any index; the default sorts by less
		"SET SESSION lc_time_names = 'en_US'",
		fmt.Sprintf("SET SESSION lock_wait_timeout = %d, innodb_lock_wait_timeout = %d", lock, lock),
		fmt.Sprintf("SET SESSION wait_timeout = %d, net_write_timeout = %d", idle, seconds(statement+patienceServer)),
	}
	if maria {
		list = append(list, fmt.Sprintf("SET SESSION max_statement_time = %.3f", statement.Seconds()),
			fmt.Sprintf("SET SESSION idle_transaction_timeout = %d, idle_readonly_transaction_timeout = %d", idle, idle))
	} else {
		list = append(list, fmt.Sprintf("SET SESSION max_execution_time = %d", max(statement.Milliseconds(), 1)))
	}
	return append(list, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

func seconds(d time.Duration) int64 { return max(int64((d+time.Second-1)/time.Second), 1) }

// Server is what answered.
func (s *session) Server() string { return s.server }

// Now tells the server's clock and the transactions that are open.
func (s *session) Now(ctx context.Context) (relational.Moment, error) {
	m, err := s.start(ctx)
	if err != nil {
		return relational.Moment{}, err
	}
	if _, err := s.conn.ExecContext(ctx, "ROLLBACK", nil); err != nil {
		return relational.Moment{}, s.explain(ctx, err)
	}
	return m, nil
}

// Begin starts the transaction. The open ones are listed before and after the snapshot
// is taken: one that commits in between is in the first list, one that begins in the
// second.
func (s *session) Begin(ctx context.Context, join string) (relational.Moment, error) {
	if join != "" {
		return relational.Moment{}, errors.New("this server cannot join the snapshot of another session")
	}
	if s.blind {
		return s.start(ctx)
	}
	first, err := s.Now(ctx)
	if err != nil {
		return relational.Moment{}, err
	}
	before := s.open
	if _, err = s.start(ctx); err != nil {
		return relational.Moment{}, err
	}
	s.open = union(before, s.open)
	return relational.Moment{Now: first.Now, Open: names(s.open)}, nil
}

// start asks for the time, takes a snapshot and lists the transactions.
func (s *session) start(ctx context.Context) (m relational.Moment, err error) {
	if m.Now, err = s.clock(ctx); err != nil {
		return m, err
	}
	if err := s.mark(ctx); err != nil {
		return m, s.explain(ctx, err)
	}
	if _, err := s.conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", nil); err != nil {
		return m, fmt.Errorf("starting the transaction: %w", s.explain(ctx, err))
	}
	if s.blind {
		return m, nil
	}
	s.open, err = s.transactions(ctx)
	m.Open = names(s.open)
	return m, err
}

// clock gives microseconds since 1970-01-01 UTC.
func (s *session) clock(ctx context.Context) (now int64, err error) {
	rows, err := s.texts(ctx, "SELECT TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))", 1)
	if err != nil {
		return 0, fmt.Errorf("asking for the time: %w", err)
	}
	now, ok := parseInt([]byte(rows[0][0]))
	if !ok {
		return 0, fmt.Errorf("asking for the time: the server says %q", rows[0][0])
	}
	return now, nil
}

// Export gives "": snapshots cannot be shared.
func (s *session) Export(context.Context) (string, error) { return "", nil }

// texts gives the rows of a small query as text, NULL as "".
func (s *session) texts(ctx context.Context, query string, columns int) ([][]string, error) {
	var out [][]string
	err := s.each(ctx, query, columns, func(row []driver.Value) error {
		vals := make([]string, len(row))
		for i, v := range row {
			switch v := v.(type) {
			case nil:
			case []byte:
				vals[i] = string(v)
			default:
				vals[i] = fmt.Sprint(v)
			}
		}
		out = append(out, vals)
		return nil
	})
	return out, err
}

// explain gives an error words: the driver has few for a connection that broke.
func (s *session) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.abandoned = true // the driver has closed the connection, but the server does not look
		return fmt.Errorf("query cancelled: %w", context.Cause(ctx))
	}
	err = scrub(err, s.config.Passwd)
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return err
	}
	return fmt.Errorf("the connection to the server broke: it was ended by the server or its administrator, or the network failed: %w", err)
}

// Close ends the session, with whatever it still does at the server.
func (s *session) Close() error {
	if s.conn == nil {
		return nil
	}
	s.conn.Close() // an error tells that it has gone already
	s.conn = nil
	if s.abandoned {
		s.kill()
	}
	return nil
}

// kill ends the connection at the server, if it can: otherwise the statement timeout
// does.
func (s *session) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	c, err := connect(ctx, s.config)
	if err != nil {
		return
	}
	defer c.Close()
	c.ExecContext(ctx, "KILL "+s.id, nil) // gone already: good
}
