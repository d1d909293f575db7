package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Notify says whom a night tells how it went.
type Notify struct {
	Timeout  Duration  `yaml:"timeout"` // of one delivery, retries included
	Runbook  string    `yaml:"runbook"` // address of the page whose anchors #exit-1 ... messages link
	Channels []Channel `yaml:"channels"`
	Ping     Ping      `yaml:"ping"`
}

// Channel is one way to tell people. Which keys belong to it depends on its type.
type Channel struct {
	Name string      `yaml:"name"`
	Type ChannelType `yaml:"type"`
	On   []Event     `yaml:"on"`

	URL       Address `yaml:"url"` // webhook and slack; "" when it was given but empty: the channel is off
	URLFile   Path    `yaml:"url_file"`
	Token     Secret  `yaml:"token"` // webhook: sent as Authorization: Bearer
	TokenFile Path    `yaml:"token_file"`

	Server       string   `yaml:"server"` // email: host:port; "" when it was given but empty: the channel is off
	TLS          MailTLS  `yaml:"tls"`
	Username     string   `yaml:"username"`
	Password     Secret   `yaml:"password"`
	PasswordFile Path     `yaml:"password_file"`
	From         string   `yaml:"from"`
	To           []string `yaml:"to"`
}

// Off tells whether the channel was given an empty address: a variable that is empty
// turns a channel off.
func (c Channel) Off() bool {
	if c.Type == ChannelEmail {
		return c.Server == ""
	}
	return c.URL == "" && c.URLFile == ""
}

// Ping is an address that a watcher outside expects to be asked every night, so that
// a night that never started is missed as well.
type Ping struct {
	URL     Address `yaml:"url"`
	URLFile Path    `yaml:"url_file"`
	Fail    bool    `yaml:"fail"` // ask URL/fail when a night fails
}

// Log says how and how much is logged.
type Log struct {
	Format LogFormat `yaml:"format"`
	Level  LogLevel  `yaml:"level"`
}

// Metrics says where Prometheus finds the metrics.
type Metrics struct {
	Textfile Path   `yaml:"textfile"` // written after every night, for node_exporter
	Listen   string `yaml:"listen"`   // address on which `mainstay schedule` serves them
}

// Lineage says where OpenLineage events go.
type Lineage struct {
	File      Path     `yaml:"file"` // a line of JSON per event is appended
	URL       Address  `yaml:"url"`
	URLFile   Path     `yaml:"url_file"`
	Token     Secret   `yaml:"token"`
	TokenFile Path     `yaml:"token_file"`
	Namespace string   `yaml:"namespace"` // of jobs and tables; "" is the project's name
	Timeout   Duration `yaml:"timeout"`   // of one event, and of the wait for the last ones
}

// Publish says where a night's tables go besides the warehouse.
type Publish struct {
	Postgres PublishPostgres `yaml:"postgres"`
}

// PublishPostgres is a PostgreSQL database that gets a night's tables.
type PublishPostgres struct {
	URL          URL      `yaml:"url"` // "": not used
	PasswordFile Path     `yaml:"password_file"`
	Schema       string   `yaml:"schema"`
	Tables       []string `yaml:"tables"` // empty: all that a night publishes
	LockTimeout  Duration `yaml:"lock_timeout"`
	Timeout      Duration `yaml:"timeout"` // of the whole
}

func defaultNotify() Notify {
	return Notify{Timeout: Duration(time.Minute), Runbook: "https://github.com/mainstay-etl/mainstay/blob/main/docs/operations/runbook.md"}
}

func defaultPublish() Publish {
	return Publish{PublishPostgres{Schema: "mainstay", LockTimeout: Duration(10 * time.Second), Timeout: Duration(time.Hour)}}
}

// setDefaults fills a channel before its keys are read.
func (c *Channel) setDefaults() {
	c.On, c.TLS = []Event{OnFailure, OnRecovery, OnWarnings}, StartTLS
}

// ChannelType is the kind of a channel.
type ChannelType string

// The kinds of channels.
const (
	ChannelWebhook ChannelType = "webhook" // a POST of JSON
	ChannelSlack   ChannelType = "slack"   // an incoming webhook of Slack, or of what understands its format
	ChannelEmail   ChannelType = "email"   // SMTP
)

var channelTypes = []string{string(ChannelWebhook), string(ChannelSlack), string(ChannelEmail)}

// UnmarshalText checks that the kind is known.
func (t *ChannelType) UnmarshalText(text []byte) error {
	*t = ChannelType(text)
	return oneOf(string(text), "a kind of channel", channelTypes)
}

// Event is what a channel may be told of.
type Event string

// The events.
const (
	OnFailure  Event = "failure"
	OnRecovery Event = "recovery" // the first good night after a failed one
	OnWarnings Event = "warnings"
)

// UnmarshalText checks that the event is known.
func (e *Event) UnmarshalText(text []byte) error {
	*e = Event(text)
	return oneOf(string(text), "an event", []string{string(OnFailure), string(OnRecovery), string(OnWarnings)})
}

// MailTLS says how a connection to a mail server is encrypted.
type MailTLS string

// The ways to encrypt.
const (
	StartTLS MailTLS = "starttls" // demanded, usually on port 587
	TLS      MailTLS = "tls"      // from the first byte, usually on port 465
	NoTLS    MailTLS = "none"
)

// UnmarshalText checks that the way is known.
func (m *MailTLS) UnmarshalText(text []byte) error {
	*m = MailTLS(text)
	return oneOf(string(text), "a way to encrypt", []string{string(StartTLS), string(TLS), string(NoTLS)})
}

// LogFormat is how log lines look.
type LogFormat string

// The formats.
const (
	LogAuto LogFormat = "auto" // progress on a terminal, else text
	LogText LogFormat = "text" // key=value
	LogJSON LogFormat = "json" // an object per line
)

// UnmarshalText checks that the format is known.
func (f *LogFormat) UnmarshalText(text []byte) error {
	*f = LogFormat(text)
	return oneOf(string(text), "a log format", []string{string(LogAuto), string(LogText), string(LogJSON)})
}

// LogLevel is the least severe level that is logged.
type LogLevel string

// UnmarshalText checks that the level is known.
func (l *LogLevel) UnmarshalText(text []byte) error {
	*l = LogLevel(text)
	return oneOf(string(text), "a log level", []string{"debug", "info", "warn", "error"})
}

// Secret is text that must not be seen: it prints as ***. Convert it to string to use it.
type Secret string

// String, GoString and MarshalText hide the secret: no way of printing shows it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// set reads a secret, which must come from the environment: the file is shared and kept
// in version control.
func (s *Secret) set(e expansion) error {
	if e.literal != "" {
		return errors.New("a secret stands in the file; expected it in a variable such as ${MAINSTAY_TOKEN}, or in a file of its own (see the key that ends in _file)")
	}
	*s = Secret(e.text)
	return nil
}

// Address is an http address in which a part may be secret: it prints without path and
// options. Convert it to string to use it.
type Address string

// String is scheme and host.
func (a Address) String() string {
	if a == "" {
		return ""
	}
	u, err := url.Parse(string(a))
	if err != nil {
		return "***"
	}
	return u.Scheme + "://" + u.Host
}

// GoString is String.
func (a Address) GoString() string { return a.String() }

// MarshalText is String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// set reads an address. Whoever knows the address of a webhook may write to it, so it
// must come from the environment, at least in part.
func (a *Address) set(e expansion) error {
	*a = Address(e.text)
	if e.text == "" {
		return nil // off, or missing, which is said elsewhere
	}
	if e.text == e.literal {
		return errors.New("the address stands in the file (not shown; whoever knows it may write to it); expected it in a variable such as ${MAINSTAY_WEBHOOK}, or in url_file")
	}
	return checkAddress(e.text)
}

// checkAddress checks an http address. Its errors tell nothing of the address.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(text, " \n\r\t") {
		return errors.New("not an address (not shown, it may be secret); expected https://host/path")
	}
	return nil
}

// checkTelling checks the keys about telling people, seeing and publishing elsewhere.
func (d *decoder) checkTelling(c *Config) {
	d.checkLength("notify.timeout", c.Notify.Timeout, time.Second, time.Hour)
	d.checkLength("lineage.timeout", c.Lineage.Timeout, time.Second, time.Hour)
	if err := checkAddress(c.Notify.Runbook); err != nil {
		d.failAt("notify.runbook", "%q is not an address; expected https://host/path of a page", c.Notify.Runbook)
	}
	if _, port, err := net.SplitHostPort(c.Metrics.Listen); c.Metrics.Listen != "" && (err != nil || port == "") {
		d.failAt("metrics.listen", "%q is not an address to listen on; expected one such as :9187 or 127.0.0.1:9187", c.Metrics.Listen)
	}
	taken := map[string]bool{}
	for i := range c.Notify.Channels {
		d.checkChannel(&c.Notify.Channels[i], fmt.Sprintf("notify.channels[%d]", i), taken)
	}
	d.checkOneOf("notify.ping", "url", string(c.Notify.Ping.URL), "url_file", string(c.Notify.Ping.URLFile))
	d.checkOneOf("lineage", "url", string(c.Lineage.URL), "url_file", string(c.Lineage.URLFile))
	d.checkOneOf("lineage", "token", string(c.Lineage.Token), "token_file", string(c.Lineage.TokenFile))
	d.checkPublish(&c.Publish.Postgres)
}

func (d *decoder) checkLength(path string, v Duration, least, most time.Duration) {
	if time.Duration(v) < least || time.Duration(v) > most {
		d.failAt(path, "%s is out of range; expected a length of time from %s to %s", v, short(least), short(most))
	}
}

// checkOneOf refuses two keys that say the same.
func (d *decoder) checkOneOf(path, key, value, fileKey, file string) {
	if value != "" && file != "" {
		d.failAt(path+"."+fileKey, "set, but %s is too; expected one of them", key)
	}
}

func (d *decoder) checkPublish(p *PublishPostgres) {
	const path = "publish.postgres"
	if u, err := parseURL(string(p.URL)); p.URL != "" && err == nil && u.Scheme != "postgres" && u.Scheme != "postgresql" {
		d.failAt(path+".url", "%s:// is no address of PostgreSQL; expected postgres://user@host:port/database", u.Scheme)
	}
	if p.URL.HasPassword() && p.PasswordFile != "" {
		d.failAt(path+".password_file", "set, but the url has a password too; expected one of them")
	}
	if p.Schema == "" || strings.ContainsRune(p.Schema, 0) || len(p.Schema) > 63 || strings.HasPrefix(p.Schema, "pg_") {
		d.failAt(path+".schema", "%q cannot name a schema; expected a name of at most 63 bytes such as mainstay", p.Schema)
	}
	seen := map[string]bool{}
	for i, t := range p.Tables {
		if seen[t] {
			d.failAt(fmt.Sprintf("%s.tables[%d]", path, i), "%q is named twice; expected each table once", t)
		}
		seen[t] = true
	}
	d.checkLength(path+".lock_timeout", p.LockTimeout, 100*time.Millisecond, time.Hour)
	d.checkLength(path+".timeout", p.Timeout, time.Second, 24*time.Hour)
}
