package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DatabaseSource are the keys of sources of type postgres and mysql.
type DatabaseSource struct {
	URL           URL           `yaml:"url" result:"no"`           // where the rows are is tracked row by row
	PasswordFile  Path          `yaml:"password_file" result:"no"` // its first line is the password; read when connecting
	SchemaChanges SchemaChanges `yaml:"schema_changes" result:"set"`
	Limits        Limits        `yaml:"limits" result:"no"`
}

// Limits say how much a source bears.
type Limits struct {
	QueryTime        Duration `yaml:"query_time"`        // pages are sized so that a query takes about half of it
	StatementTimeout Duration `yaml:"statement_timeout"` // the server cancels what runs longer
	LockTimeout      Duration `yaml:"lock_timeout"`      // and what waits longer for a lock
	Connections      int      `yaml:"connections" range:"1..32"`
}

// defaultDatabase are the keys of a database source that names none.
func defaultDatabase() DatabaseSource {
	return DatabaseSource{SchemaChanges: Evolve, Limits: Limits{
		QueryTime: Duration(5 * time.Second), StatementTimeout: Duration(time.Minute), LockTimeout: Duration(5 * time.Second), Connections: 1,
	}}
}

// SchemaChanges says what happens when the columns that a mapping gives have changed.
type SchemaChanges string

// The policies.
const (
	Evolve SchemaChanges = "evolve" // new columns ride along, wider types widen, what loses something is an error
	Freeze SchemaChanges = "freeze" // any change is an error
)

// UnmarshalText checks that the policy is known.
func (s *SchemaChanges) UnmarshalText(text []byte) error {
	*s = SchemaChanges(text)
	return oneOf(string(text), "a policy", []string{string(Evolve), string(Freeze)})
}

// URL is the address of a database, in which there may be a password: it prints without
// one. Convert it to string to connect.
type URL string

// String is the address without user, password and options.
func (u URL) String() string {
	parsed, err := parseURL(string(u))
	if err != nil {
		return "***"
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.EscapedPath()
}

// GoString and MarshalText are String: no way of printing shows a password.
func (u URL) GoString() string { return strconv.Quote(u.String()) }

// MarshalText is String.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// HasPassword tells whether the address brings a password along.
func (u URL) HasPassword() bool { return passwordIn(string(u)) != "" }

// WithoutPassword is the address to show to whoever gave it: user and options stay.
func (u URL) WithoutPassword() string {
	parsed, err := parseURL(string(u))
	if err != nil {
		return "***"
	}
	if parsed.User != nil {
		parsed.User = url.User(parsed.User.Username())
	}
	options := parsed.Query()
	for name := range options {
		if slices.Contains(secretOptions, strings.ToLower(name)) {
			options.Del(name)
		}
	}
	parsed.RawQuery = options.Encode()
	return strings.ReplaceAll(parsed.String(), "'", "%27")
}

// schemes are those of the database types, the one to write first.
var schemes = map[SourceType][]string{
	TypePostgres: {"postgres", "postgresql"},
	TypeMySQL:    {"mysql", "mariadb"},
}

// parseURL takes an address apart. Its errors tell nothing of the address, in which any
// piece may be a part of a password.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || strings.Contains(u.Path, "@") || u.Fragment != "" || strings.Contains(u.RawQuery, "@"):
		return nil, errors.New("cannot be taken apart (not shown, it may hold a password); expected scheme://user@host:port/database, and %40 for @, %2F for /, %23 for #, %3F for ? in a password")
	case !slices.Contains(slices.Concat(schemes[TypePostgres], schemes[TypeMySQL]), u.Scheme):
		return nil, errors.New("does not begin with postgres:// or mysql:// (not shown, it may hold a password)")
	}
	return u, nil
}

// secretOptions are the options of an address whose values are secret.
var secretOptions = []string{"password", "passwd", "sslpassword"}

var option = regexp.MustCompile(`[?&]([^=&#]*)=([^&#]*)`)

// passwordIn finds the passwords in an address as they are written there; "" when there
// is none. It does not need a well-formed one.
func passwordIn(text string) string {
	_, rest, ok := strings.Cut(text, "://")
	if !ok {
		return ""
	}
	found := ""
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		_, found, _ = strings.Cut(rest[:at], ":")
	}
	for _, m := range option.FindAllStringSubmatch(rest, -1) {
		if name, err := url.QueryUnescape(m[1]); err == nil && slices.Contains(secretOptions, strings.ToLower(name)) {
			found += m[2]
		}
	}
	return found
}

// set reads an address. A password must come from the environment: the file is shared
// and kept in version control.
func (u *URL) set(e expansion) error {
	*u = URL(e.text)
	if passwordIn(e.literal) != "" {
		return errors.New("a password stands in the file; expected it in a variable (${SHOP_URL}, or reader:${SHOP_PASSWORD}@...) or in password_file")
	}
	if e.text == "" {
		return nil // missing, which is said elsewhere
	}
	_, err := parseURL(e.text)
	return err
}

// secretAddress is an address with a password, in any text.
var secretAddress = regexp.MustCompile(`(?i)://[^\s"]*(:[^\s"]*@|[?&](password|passwd|sslpassword)=)[^\s"]*`)

// redact takes addresses with passwords out of a message: one may stand under a wrong
// key.
func redact(message string) string { return secretAddress.ReplaceAllString(message, "://***") }

// Duration is a length of time.
type Duration time.Duration

// UnmarshalText reads a duration such as 5s, 10m, 1h30m or 2d.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a length of time; expected a number and a unit such as 500ms, 5s, 10m or 1h", text)
	}
	*d = Duration(v)
	return nil
}

// String writes the duration as UnmarshalText reads it.
func (d Duration) String() string { return time.Duration(d).String() }

func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > uint64(math.MaxInt64/(24*time.Hour)) {
			return 0, errors.New("no number of days")
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	v, err := time.ParseDuration(text)
	if err == nil && v < 0 {
		err = errors.New("negative")
	}
	return v, err
}

// Overlap is how far an extraction reaches back behind what it has read already: a
// length of time for a cursor that is a time, a count for one that is an integer. ""
// leaves it to the source.
type Overlap string

// UnmarshalText reads a duration or a whole number.
func (o *Overlap) UnmarshalText(text []byte) error {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && n >= 0 {
		*o = Overlap(strconv.FormatInt(n, 10))
		return nil
	}
	v, err := parseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an overlap; expected a length of time such as 10m for a cursor that is a time, or a number such as 1000 for one that is an integer", text)
	}
	*o = Overlap(v.String())
	return nil
}

// Time is the overlap of a cursor that is a time; ok is false when none is given, or one
// that does not fit (0 fits every cursor).
func (o Overlap) Time() (d time.Duration, ok bool) {
	if o == "0" {
		return 0, true
	}
	d, err := time.ParseDuration(string(o))
	return d, err == nil
}

// Count is the overlap of a cursor that is an integer, ok as in Time.
func (o Overlap) Count() (n int64, ok bool) {
	if o == "0s" {
		return 0, true
	}
	n, err := strconv.ParseInt(string(o), 10, 64)
	return n, err == nil
}
