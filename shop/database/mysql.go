package database

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	driver "github.com/go-sql-driver/mysql"
)

var mysql = dialect{
	name:    "mysql",
	types:   strings.NewReplacer("{id}", "bigint PRIMARY KEY AUTO_INCREMENT", "{time}", "datetime(6)"),
	suffix:  " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='%s'",
	index:   "CREATE INDEX %s ON %s (%s)",
	analyze: "ANALYZE TABLE ",
	open:    openMySQL,
}

const (
	loadBytes   = 64 << 20 // of one LOAD DATA, which is a transaction
	insertBytes = 512 << 10
)

type mysqlServer struct {
	pool   *sql.DB
	conn   *sql.Conn
	infile bool // LOAD DATA LOCAL is allowed
}

func openMySQL(ctx context.Context, u *url.URL) (server, error) {
	config, err := mysqlConfig(u)
	if err != nil {
		return nil, err
	}
	connector, err := driver.NewConnector(config)
	if err != nil {
		return nil, err
	}
	s := &mysqlServer{pool: sql.OpenDB(connector)}
	if s.conn, err = s.pool.Conn(ctx); err == nil {
		err = s.exec(ctx, "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', foreign_key_checks = 0, unique_checks = 0")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	allowed, err := s.query(ctx, "SELECT @@local_infile")
	if err != nil {
		s.close()
		return nil, err
	}
	s.infile = allowed[0][0] == "1"
	return s, nil
}

// mysqlConfig reads an address: mysql://user:password@host:port/database?tls=true&ca=file.
func mysqlConfig(u *url.URL) (*driver.Config, error) {
	c := driver.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = u.User.Username(), "tcp", u.Host, strings.Trim(u.Path, "/")
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	var given bool
	if c.Passwd, given = u.User.Password(); !given {
		c.Passwd = os.Getenv("MYSQL_PWD")
	}
	c.Logger = log.New(io.Discard, "", 0) // what it has to say comes as an error too
	mode := u.Query().Get("tls")
	if mode == "" {
		mode = "true"
		if local(u.Hostname()) {
			mode = "false"
		}
	}
	switch mode {
	case "true", "false", "skip-verify":
		c.TLSConfig = mode
	default:
		return nil, fmt.Errorf("tls=%s in the address is not known: expected true, skip-verify or false", mode)
	}
	if ca := u.Query().Get("ca"); ca != "" && mode == "true" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("reading the certificate authority: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the certificate authority %s holds no certificate", ca)
		}
		c.TLSConfig, c.TLS = "", &tls.Config{RootCAs: roots, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return c, nil
}

func (s *mysqlServer) exec(ctx context.Context, statement string) error {
	_, err := s.conn.ExecContext(ctx, statement)
	return err
}

func (s *mysqlServer) query(ctx context.Context, query string) ([][]string, error) {
	rows, err := s.conn.QueryContext(ctx, query)
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
		values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// readers numbers what LOAD DATA reads: the driver knows readers by name.
var readers atomic.Int64

// load sends the rows with LOAD DATA in parts, or as INSERTs where that is forbidden.
func (s *mysqlServer) load(ctx context.Context, t table, f *feed) error {
	if !s.infile {
		return s.insert(ctx, t, f)
	}
	name := fmt.Sprintf("shop-%d", readers.Add(1))
	driver.RegisterReaderHandler(name, func() io.Reader { return f.part(loadBytes) })
	defer driver.DeregisterReaderHandler(name)
	statement := fmt.Sprintf("LOAD DATA LOCAL INFILE 'Reader::%s' INTO TABLE %s CHARACTER SET utf8mb4 (%s)", name, t.name, t.names())
	for !f.ended() {
		if err := s.exec(ctx, statement); err != nil {
			return err
		}
		// LOAD DATA LOCAL makes do with values that do not fit.
		warnings, err := s.query(ctx, "SHOW WARNINGS LIMIT 1")
		if err != nil {
			return err
		}
		if len(warnings) > 0 {
			return errors.New("the server changed a row: " + strings.Join(warnings[0], " "))
		}
	}
	return nil
}

// insert sends the rows as INSERT statements of many rows.
func (s *mysqlServer) insert(ctx context.Context, t table, f *feed) error {
	statement := make([]byte, 0, 2*insertBytes)
	head := fmt.Appendf(nil, "INSERT INTO %s (%s) VALUES", t.name, t.names())
	send := func() error {
		if len(statement) == 0 {
			return nil
		}
		err := s.exec(ctx, string(statement))
		statement = statement[:0]
		return err
	}
	for !f.ended() {
		for row := range bytes.Lines(f.take()) {
			separator := byte(',')
			if len(statement) == 0 {
				statement, separator = append(statement, head...), ' '
			}
			statement = appendValues(append(statement, separator), bytes.TrimSuffix(row, []byte("\n")))
			if len(statement) >= insertBytes {
				if err := send(); err != nil {
					return err
				}
			}
		}
	}
	return send()
}

// appendValues turns a row of COPY's text format into a row of VALUES. The escapes of
// both are the same, but for the quote.
func appendValues(b, row []byte) []byte {
	b = append(b, '(')
	for i, field := range bytes.Split(row, []byte("\t")) {
		if i > 0 {
			b = append(b, ',')
		}
		if string(field) == `\N` {
			b = append(b, "NULL"...)
			continue
		}
		b = append(b, '\'')
		b = append(b, bytes.ReplaceAll(field, []byte("'"), []byte("''"))...)
		b = append(b, '\'')
	}
	return append(b, ')')
}

func (s *mysqlServer) tables(ctx context.Context, names []string) (map[string]string, error) {
	rows, err := s.query(ctx, "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = database() AND table_name IN ("+list(names)+")")
	return asMap(rows), err
}

func (s *mysqlServer) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.pool.Close()
}
