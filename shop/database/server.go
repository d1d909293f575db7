package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// server is one connection to a database, in UTC, used by one goroutine at a time.
type server interface {
	// exec runs a statement.
	exec(ctx context.Context, statement string) error
	// query gives rows as text; NULL is "".
	query(ctx context.Context, query string) ([][]string, error)
	// load puts all rows of a feed into a table, which is empty.
	load(ctx context.Context, t table, f *feed) error
	// tables tells the comments of those of the tables that exist.
	tables(ctx context.Context, names []string) (map[string]string, error)
	close()
}

// dialect is a kind of server.
type dialect struct {
	name    string // as mainstay.yaml calls it
	types   *strings.Replacer
	comment string // statement that marks a table, or "" when suffix does
	suffix  string // of CREATE TABLE
	key     string // statement that adds the primary key to a loaded table, or ""
	next    string // statement that makes the server number on behind the highest id, or ""
	index   string // statement that adds an index
	analyze string // statement that gathers statistics, before the name
	open    func(ctx context.Context, u *url.URL) (server, error)
}

// place is where a shop lives: a database of a server.
type place struct {
	*dialect
	url *url.URL
}

// locate reads the address of a database.
func locate(address string) (place, error) {
	u, err := url.Parse(address)
	if err != nil { // its text would quote the address with the password
		return place{}, errors.New("the address of the database is no URL: expected postgres://user@host:port/database or mysql://user@host:port/database")
	}
	switch u.Scheme {
	case "postgres", "postgresql":
		return place{&postgres, u}, nil
	case "mysql", "mariadb":
		if strings.Trim(u.Path, "/") == "" {
			return place{}, errors.New("the address names no database: expected mysql://user@host:port/database")
		}
		return place{&mysql, u}, nil
	}
	return place{}, fmt.Errorf("databases of kind %q are not known: the address must begin with postgres:// or mysql://", u.Scheme)
}

// connect opens a connection.
func (p place) connect(ctx context.Context) (server, error) {
	s, err := p.open(ctx, p.url)
	if err != nil {
		return nil, fmt.Errorf("connecting to the %s database: %w", p.name, err)
	}
	return s, nil
}

// local tells whether a host is this machine, where TLS protects nothing.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}

// public is the address without its password, to be shown.
func (p place) public() string {
	u := *p.url
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	q := u.Query()
	if q.Has("password") {
		q.Del("password")
		u.RawQuery = q.Encode()
	}
	return u.String()
}
