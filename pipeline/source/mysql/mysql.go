// Package mysql reads MySQL and MariaDB: the dialect of the relational engine, on the
// text protocol, which writes decimals and zero dates as they are. It needs no more
// than SELECT on the tables of the mapping; with PROCESS it also sees which
// transactions are open.
package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Options say where the server is.
type Options struct {
	// URL such as mysql://reader@db:3306/shop?tls=true&ca=/path/ca.pem. tls is true
	// (the server's certificate is verified, the default unless the server is on this
	// machine), skip-verify or false; ca is a file of certificates to trust in place of
	// the system's; socket is the path of a Unix socket.
	URL string
	// PasswordFile has the password in its first line. It is read for each connection,
	// and only when the URL has no password; without both MYSQL_PWD is used.
	PasswordFile string
}

// Dialect is MySQL's and MariaDB's.
type Dialect struct {
	o       Options
	address address
}

var _ relational.Dialect = (*Dialect)(nil)

// New makes the dialect for a server, without connecting. Its errors do not quote the
// URL.
func New(o Options) (*Dialect, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	return &Dialect{o: o, address: a}, nil
}

// Kind is what messages call the server.
func (d *Dialect) Kind() string { return "MySQL" }

// DefaultOverlap is long, since an ordinary account cannot see open transactions.
func (d *Dialect) DefaultOverlap() time.Duration { return time.Hour }

// Connect opens a session.
func (d *Dialect) Connect(ctx context.Context, l relational.Limits) (relational.Session, error) {
	config, err := d.config(l)
	if err != nil {
		return nil, fmt.Errorf("connecting to MySQL: %w", err)
	}
	// A server that takes the connection and stays silent is no server.
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := connect(patient, config)
	if err != nil {
		if patient.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no answer within %s: is this the address of a MySQL or MariaDB server?", patience)
		}
		return nil, fmt.Errorf("connecting to MySQL at %s: %w", config.Addr, hint(scrub(err, config.Passwd), config))
	}
	s := &session{conn: conn, config: config, limits: l}
	if err := s.settle(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("connecting to MySQL: %w", err)
	}
	return s, nil
}

// patience is how long a connection may take to be made.
const patience = 20 * time.Second

// hint adds what the server does not say: it denies an account that has to use TLS in
// the same words as a wrong password.
func hint(err error, config *mysql.Config) error {
	var server *mysql.MySQLError
	if errors.As(err, &server) && server.Number == 1045 && config.TLSConfig == "" && config.TLS == nil {
		return fmt.Errorf("%w (the connection has no TLS: if the account has to use it, add ?tls=true to the url)", err)
	}
	return err
}

// connect makes a connection without database/sql: its conversions cost an allocation
// and a copy per value.
func connect(ctx context.Context, config *mysql.Config) (conn, error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := c.(conn)
	if !ok {
		c.Close()
		return nil, errors.New("the driver has no queries with a context")
	}
	return full, nil
}

// conn is what we use of a connection.
type conn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
}

// Class tells what kind of error a session returned.
func (d *Dialect) Class(err error) relational.Class {
	var file *fs.PathError
	if errors.As(err, &file) {
		return relational.Other // a full disk is a syscall.Errno, which counts as a net.Error too
	}
	var server *mysql.MySQLError
	if !errors.As(err, &server) {
		var network net.Error
		if errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, mysql.ErrMalformPkt) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
			return relational.Lost
		}
		return relational.Other
	}
	switch server.Number {
	case 1969, 3024, 1028: // max_statement_time, max_execution_time, sort aborted by one of them
		return relational.Timeout
	case 1205, 3572: // lock wait timeout, nowait
		return relational.Locked
	case 1044, 1045, 1142, 1143, 1227, 1345, 1356, 1370: // privileges, also those behind a view
		return relational.Denied
	case 1146, 1054, 1049, 1051: // table, column, database
		return relational.Absent
	case 1927, 1053, 4031, 1213, 1412: // killed, shutdown, idle too long, rolled back, table altered after the snapshot
		return relational.Lost
	case 1040, 1203, 1226, 1135: // too many connections, of all or of one user, no thread
		return relational.Busy
	}
	return relational.Other
}
