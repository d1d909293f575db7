package mysql

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

const (
	patienceConnect = 15 * time.Second
	// patienceServer is what a query may take beyond the statement timeout before the
	// connection counts as dead.
	patienceServer = 30 * time.Second
)

// address is what a URL says.
type address struct {
	network, host  string // "tcp", "db:3306" or "unix", "/run/server.sock"
	name           string // of the server's certificate
	user, password string
	database       string
	tls, ca        string
}

// parseAddress reads a URL. What the standard library says about a URL quotes it, so
// only our own words come back.
func parseAddress(text string) (address, error) {
	const want = "expected mysql://user@host:3306/database (special characters in user and password are written as %XX)"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return address{}, errors.New("url is not the URL of a MySQL database; " + want)
	}
	a := address{network: "tcp", user: u.User.Username(), database: strings.TrimPrefix(u.Path, "/")}
	a.password, _ = u.User.Password()
	if a.user == "" || a.database == "" || strings.Contains(a.database, "/") {
		return address{}, errors.New("url names no user or no database; " + want)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return address{}, errors.New("url has parameters that cannot be understood; " + want)
	}
	a.tls, a.ca = q.Get("tls"), q.Get("ca")
	a.name = cmp.Or(u.Hostname(), "localhost")
	a.host = net.JoinHostPort(a.name, cmp.Or(u.Port(), "3306"))
	local := a.name == "localhost" || a.name == "127.0.0.1" || a.name == "::1"
	if socket := q.Get("socket"); socket != "" {
		a.network, a.host, local = "unix", socket, true
	}
	for name := range q {
		if name != "tls" && name != "ca" && name != "socket" {
			return address{}, fmt.Errorf("url has a parameter %q that is not known; known are tls, ca and socket", name)
		}
	}
	if a.tls == "" {
		a.tls = "true"
		if local && a.ca == "" {
			a.tls = "false"
		}
	}
	if a.tls != "true" && a.tls != "false" && a.tls != "skip-verify" {
		return address{}, fmt.Errorf("url has tls=%s; it can be true, skip-verify or false", a.tls)
	}
	return a, nil
}

// config is the configuration of one connection.
func (d *Dialect) config(l relational.Limits) (*mysql.Config, error) {
	a := d.address
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = a.user, a.network, a.host, a.database
	c.Timeout, c.WriteTimeout = patienceConnect, patienceServer
	if l.StatementTimeout > 0 {
		c.ReadTimeout = l.StatementTimeout + patienceServer
	}
	c.Logger = &mysql.NopLogger{} // what it writes to stderr comes back as errors, too
	c.ConnectionAttributes = "program_name:mainstay"
	var err error
	if c.Passwd, err = d.password(); err != nil {
		return nil, err
	}
	if a.tls == "false" {
		return c, nil
	}
	c.TLS = &tls.Config{ServerName: a.name, InsecureSkipVerify: a.tls == "skip-verify", MinVersion: tls.VersionTLS12}
	if a.ca != "" {
		text, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates that the url names as ca: %w", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s, which the url names as ca, has no certificate in it", a.ca)
		}
	}
	return c, nil
}

func (d *Dialect) password() (string, error) {
	if d.address.password != "" {
		return d.address.password, nil
	}
	if d.o.PasswordFile == "" {
		return os.Getenv("MYSQL_PWD"), nil
	}
	text, err := os.ReadFile(d.o.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("reading password_file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("password_file %s: its first line is empty", d.o.PasswordFile)
	}
	return line, nil
}

// scrubbed is an error whose text has no password.
type scrubbed struct {
	text string
	err  error
}

func (e scrubbed) Error() string { return e.text }
func (e scrubbed) Unwrap() error { return e.err }

// scrub takes the password out of an error's text. The driver does not put it there;
// this makes sure.
func scrub(err error, password string) error {
	if password == "" || !strings.Contains(err.Error(), password) {
		return err
	}
	return scrubbed{text: strings.ReplaceAll(err.Error(), password, "***"), err: err}
}
