// Package dbtest gives tests real database servers: a fresh database on the servers
// whose addresses are in the environment, or a server of the test's own that it may
// kill. servers.sh starts them.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kind is a database product.
type Kind string

// The kinds of servers that there are.
const (
	KindPostgres Kind = "postgres"
	KindMySQL    Kind = "mysql" // MariaDB, where servers.sh starts it
)

// The environment that says where the servers are.
const (
	postgresVariable = "MAINSTAY_TEST_POSTGRES"        // address of an account that may do everything
	mysqlVariable    = "MAINSTAY_TEST_MYSQL"           // the same
	folderVariable   = "MAINSTAY_TEST_SERVERS"         // the folder that servers.sh started them in
	requireVariable  = "MAINSTAY_TEST_REQUIRE_SERVERS" // when 1, tests without servers fail instead of being skipped
)

// patience bounds what a helper's statement may take.
const patience = time.Minute

// Server is a database for one test, empty at first and dropped at its end. Its
// methods end the test on errors and may be called by several goroutines.
type Server struct {
	Kind Kind
	URL  string // of the database, with an account that may do everything
	Name string // of the database
	// CA is a file with the certificate that the server's own is signed by. It is for
	// 127.0.0.1 and localhost. "" when the server was not started by servers.sh.
	CA string

	private *private // nil: the server is shared with other tests
	mu      sync.Mutex
	session *Session // for Exec and Query, opened when first needed
}

// Postgres is a fresh database on the PostgreSQL server of the environment.
func Postgres(t testing.TB) *Server {
	t.Helper()
	return fresh(t, KindPostgres, address(t, KindPostgres), authority())
}

// MySQL is a fresh database on the MySQL or MariaDB server of the environment.
func MySQL(t testing.TB) *Server {
	t.Helper()
	return fresh(t, KindMySQL, address(t, KindMySQL), authority())
}

// Of is a fresh database on the environment's server of a kind.
func Of(t testing.TB, kind Kind) *Server {
	t.Helper()
	return fresh(t, kind, address(t, kind), authority())
}

// address finds a server in the environment. Without one the test is skipped.
func address(t testing.TB, kind Kind) string {
	t.Helper()
	variable := postgresVariable
	if kind == KindMySQL {
		variable = mysqlVariable
	}
	if found := os.Getenv(variable); found != "" {
		return found
	}
	const advice = `%s is not set, so nothing was tested against a real server. Start servers with: eval "$(pipeline/source/dbtest/servers.sh start DIR)"`
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf(advice, variable)
	}
	t.Skipf(advice, variable)
	return ""
}

func authority() string {
	if dir := os.Getenv(folderVariable); dir != "" {
		return dir + "/ca.pem"
	}
	return ""
}

// fresh makes a database on a server and drops it when the test ends.
func fresh(t testing.TB, kind Kind, admin, ca string) *Server {
	t.Helper()
	name := "t_" + strings.ToLower(rand.Text()[:16])
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("the address of the %s server is no URL", kind) // the error would quote the password
	}
	u.Path = "/" + name
	s := &Server{Kind: kind, URL: u.String(), Name: name, CA: ca}
	once(t, kind, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { s.drop(t, admin) })
	return s
}

// drop removes the database with all that uses it.
func (s *Server) drop(t testing.TB, admin string) {
	if s.private != nil {
		return // goes as a whole
	}
	if s.Kind == KindPostgres {
		for _, row := range s.Query(t, "SELECT quote_literal(gid) FROM pg_prepared_xacts WHERE database = current_database()") {
			s.Exec(t, "ROLLBACK PREPARED "+row[0])
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		s.session.Close()
	}
	if s.Kind == KindPostgres {
		once(t, s.Kind, admin, "DROP DATABASE "+s.Name+" WITH (FORCE)")
		return
	}
	c := open(t, s.Kind, admin)
	defer c.Close()
	for _, row := range c.Query(t, "SELECT id FROM information_schema.processlist WHERE db = '"+s.Name+"'") {
		c.try("KILL " + row[0]) // one that has gone by itself is an error
	}
	c.Exec(t, "DROP DATABASE "+s.Name)
}

// once runs statements in a session of their own.
func once(t testing.TB, kind Kind, address string, statements ...string) {
	t.Helper()
	c := open(t, kind, address)
	defer c.Close()
	c.Exec(t, statements...)
}

// Exec runs statements, each in a transaction of its own.
func (s *Server) Exec(t testing.TB, statements ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready(t).Exec(t, statements...)
}

// Query gives the rows of a query as the server's text, NULL as "NULL".
func (s *Server) Query(t testing.TB, query string) [][]string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready(t).Query(t, query)
}

// Value gives the first column of the first row of a query.
func (s *Server) Value(t testing.TB, query string) string {
	t.Helper()
	rows := s.Query(t, query)
	if len(rows) == 0 {
		t.Fatalf("no row: %s", query)
	}
	return rows[0][0]
}

// ready gives the server's own session, anew when the last one broke.
func (s *Server) ready(t testing.TB) *Session {
	t.Helper()
	if s.session == nil || s.session.broken() {
		if s.session != nil {
			s.session.Close()
		}
		s.session = open(t, s.Kind, s.URL)
	}
	return s.session
}

// Session opens a connection of its own, for transactions that stay open. It is closed
// when the test ends.
func (s *Server) Session(t testing.TB) *Session {
	t.Helper()
	c := open(t, s.Kind, s.URL)
	t.Cleanup(c.Close)
	return c
}

// Role makes a login that may connect to the database and nothing more. It gives its
// name as statements write it (GRANT ... TO name) and the URL to connect with. The role
// goes when the test ends.
func (s *Server) Role(t testing.TB) (name, address string) {
	t.Helper()
	login, password := "r_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatalf("the address of the %s server is no URL", s.Kind)
	}
	u.User = url.UserPassword(login, password)
	if s.Kind == KindPostgres {
		s.Exec(t, fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", login, password))
		t.Cleanup(func() { s.Exec(t, "DROP OWNED BY "+login, "DROP ROLE "+login) })
		return login, u.String()
	}
	name = login + "@'%'"
	// Without any privilege in it a MySQL account may not even name the database.
	s.Exec(t, fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s'", name, password),
		fmt.Sprintf("GRANT CREATE TEMPORARY TABLES ON %s.* TO %s", s.Name, name))
	t.Cleanup(func() { s.Exec(t, "DROP USER "+name) })
	return name, u.String()
}

// within gives a context for one statement.
func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}
