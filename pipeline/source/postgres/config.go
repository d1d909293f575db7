package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// patience is how long a connection may take to be made, and how long a cancelled
// query may take to end.
const (
	patienceConnect = 15 * time.Second
	patienceCancel  = 5 * time.Second
)

// configOf reads a URL. What the driver says about a URL may quote it, so only our own
// words come back.
func configOf(address string) (*pgconn.Config, error) {
	const want = "expected postgres://user@host:5432/database (special characters in user and password are written as %XX)"
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("url is not the URL of a PostgreSQL database; " + want)
	}
	q := u.Query()
	if u.Host == "" && q.Get("host") == "" || u.User.Username() == "" && q.Get("user") == "" || strings.Trim(u.Path, "/") == "" && q.Get("database") == "" && q.Get("dbname") == "" {
		return nil, errors.New("url names no host, no user or no database; " + want)
	}
	// Said here, so that the environment cannot turn verification off (PGSSLMODE).
	if mode := "verify-full"; q.Get("sslmode") == "" {
		if local(u) {
			mode = "prefer"
		}
		q.Set("sslmode", mode)
		u.RawQuery = q.Encode()
	}
	config, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("url cannot be used: %s; %s", reason(err, u), want)
	}
	config.RuntimeParams["application_name"] = cmp.Or(config.RuntimeParams["application_name"], "mainstay")
	config.RuntimeParams["client_encoding"] = "UTF8"
	if q.Get("options") == "" {
		delete(config.RuntimeParams, "options") // of the environment (PGOPTIONS)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = patienceConnect
	}
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: patienceCancel}
	}
	return config, nil
}

// reason is the innermost error, which says what is wrong and not where, with the
// password taken out in case it does.
func reason(err error, u *url.URL) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	text := err.Error()
	if strings.Contains(text, "://") {
		return "it cannot be understood"
	}
	password, _ := u.User.Password()
	for _, secret := range []string{password, u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// local tells whether every host of a URL is this machine.
func local(u *url.URL) bool {
	hosts := u.Query().Get("host")
	if u.Host != "" {
		hosts = u.Host
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if rest, ok := strings.CutPrefix(host, "["); ok {
			host, _, _ = strings.Cut(rest, "]")
		} else if strings.Count(host, ":") == 1 {
			host, _, _ = strings.Cut(host, ":")
		}
		switch {
		case host == "", host == "localhost", host == "127.0.0.1", host == "::1", filepath.IsAbs(host), strings.HasPrefix(host, "@"):
		default:
			return false
		}
	}
	return true
}

// withPassword is the configuration of one connection.
func (d *Dialect) withPassword() (*pgconn.Config, error) {
	config := d.config.Copy()
	u, err := url.Parse(d.o.URL)
	if err != nil {
		return nil, errors.New("url is not the URL of a PostgreSQL database")
	}
	if _, given := u.User.Password(); given || u.Query().Get("password") != "" || d.o.PasswordFile == "" {
		return config, nil
	}
	text, err := os.ReadFile(d.o.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("reading password_file: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	config.Password = strings.TrimSuffix(line, "\r")
	if config.Password == "" {
		return nil, fmt.Errorf("password_file %s: its first line is empty", d.o.PasswordFile)
	}
	return config, nil
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
func scrub(err error, config *pgconn.Config) error {
	text := strings.ReplaceAll(err.Error(), "\n\t", " ")
	if p := config.Password; p != "" && config.User != p && config.Database != p {
		text = strings.ReplaceAll(text, p, "***")
	}
	return scrubbed{text: text, err: errors.Unwrap(err)}
}
