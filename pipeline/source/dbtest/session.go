package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// Session is one connection to a server, used by one goroutine at a time.
type Session struct {
	postgres *pgconn.PgConn // or
	pool     *sql.DB
	mysql    *sql.Conn
}

// open connects to a server.
func open(t testing.TB, kind Kind, address string) *Session {
	t.Helper()
	s, err := connect(kind, address)
	if err != nil {
		t.Fatalf("connecting to the %s server: %v", kind, err)
	}
	return s
}

func connect(kind Kind, address string) (*Session, error) {
	ctx, cancel := within()
	defer cancel()
	if kind == KindPostgres {
		c, err := pgconn.Connect(ctx, address)
		return &Session{postgres: c}, err
	}
	config, err := mysqlConfig(address)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	c, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Session{pool: pool, mysql: c}, nil
}

// DSN turns an address as dbtest gives it, mysql://user:password@host:port/database,
// into what sql.Open("mysql", ...) takes. Several statements may be sent as one.
func DSN(address string) (string, error) {
	c, err := mysqlConfig(address)
	if err != nil {
		return "", err
	}
	return c.FormatDSN(), nil
}

func mysqlConfig(address string) (*mysql.Config, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address of the MySQL server is no URL")
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.Addr = "tcp", u.Host
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	if len(u.Path) > 1 {
		c.DBName = u.Path[1:]
	}
	c.TLSConfig = u.Query().Get("tls")
	c.MultiStatements = true
	c.Logger = log.New(io.Discard, "", 0) // tests break connections on purpose
	return c, nil
}

// Exec runs statements one after the other.
func (s *Session) Exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.try(statement); err != nil {
			t.Fatalf("%v\nin: %.2000s", err, statement)
		}
	}
}

// Try runs a statement that may fail.
func (s *Session) Try(statement string) error { return s.try(statement) }

func (s *Session) try(statement string) error {
	ctx, cancel := within()
	defer cancel()
	if s.postgres != nil {
		_, err := s.postgres.Exec(ctx, statement).ReadAll()
		return err
	}
	_, err := s.mysql.ExecContext(ctx, statement)
	return err
}

// Query gives the rows of a query as the server's text, NULL as "NULL".
func (s *Session) Query(t testing.TB, query string) [][]string {
	t.Helper()
	ctx, cancel := within()
	defer cancel()
	ask := s.queryMySQL
	if s.postgres != nil {
		ask = s.queryPostgres
	}
	rows, err := ask(ctx, query)
	if err != nil {
		t.Fatalf("%v\nin: %.2000s", err, query)
	}
	return rows
}

func (s *Session) queryPostgres(ctx context.Context, query string) ([][]string, error) {
	results, err := s.postgres.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, result := range results {
		for _, values := range result.Rows {
			out = append(out, texts(values))
		}
	}
	return out, nil
}

func (s *Session) queryMySQL(ctx context.Context, query string) ([][]string, error) {
	rows, err := s.mysql.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out [][]string
	for rows.Next() {
		values, targets := make([][]byte, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		out = append(out, texts(values))
	}
	return out, rows.Err()
}

func texts(values [][]byte) []string {
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = "NULL"
		if v != nil {
			row[i] = string(v)
		}
	}
	return row
}

// broken tells that the connection cannot be used any more.
func (s *Session) broken() bool {
	ctx, cancel := within()
	defer cancel()
	if s.postgres != nil {
		return s.postgres.IsClosed() || s.postgres.Ping(ctx) != nil
	}
	return s.mysql.PingContext(ctx) != nil
}

// Close ends the session; an open transaction is rolled back by the server.
func (s *Session) Close() {
	ctx, cancel := within()
	defer cancel()
	if s.postgres != nil {
		s.postgres.Close(ctx)
		return
	}
	s.mysql.Close()
	s.pool.Close()
}
