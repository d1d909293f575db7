package mysql

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"mysql://u@db/shop":                        "tcp db:3306 shop true",
		"mysql://u:p@db:3307/shop?tls=skip-verify": "tcp db:3307 shop skip-verify",
		"mariadb://u@localhost/shop":               "tcp localhost:3306 shop false",
		"mysql://u@127.0.0.1/shop?ca=/x.pem":       "tcp 127.0.0.1:3306 shop true",
		"mysql://u@[::1]:3306/shop":                "tcp [::1]:3306 shop false",
		"mysql://u@/shop?socket=/run/mysqld.sock":  "unix /run/mysqld.sock shop false",
		"mysql://u@10.0.0.1/shop?tls=false":        "tcp 10.0.0.1:3306 shop false",
	} {
		d, err := New(Options{URL: url})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		a := d.address
		if got := fmt.Sprintf("%s %s %s %s", a.network, a.host, a.database, a.tls); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	for _, url := range []string{"", "postgres://u:geheim@db/x", "mysql://u:geheim@db", "mysql://u:geheim@db/a/b", "mysql://:geheim@db/a", "mysql://u:geheim@db/a?tls=maybe",
		"mysql://u:geheim@db/a?parseTime=1", "mysql://u:geheim%@db/a", "mysql://u:geheim@db:x/a", "mysql://u:geheim@db/a?tls=%"} {
		if _, err := New(Options{URL: url}); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestSecretsStaySecret(t *testing.T) {
	b := setup(t)
	_, url := b.server.Role(t)
	_, password, _ := strings.Cut(strings.TrimPrefix(url, "mysql://"), ":")
	password, _, _ = strings.Cut(password, "@")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("wrong-geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bare := strings.Replace(url, ":"+password+"@", "@", 1)
	for _, o := range []Options{{URL: strings.Replace(url, password, "wrong-geheim", 1)}, {URL: bare, PasswordFile: file}} {
		d, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Connect(t.Context(), relational.Limits{})
		b.fails(err, relational.Denied, "Access denied")
		if strings.Contains(err.Error(), "geheim") {
			t.Error(err)
		}
	}
	if err := os.WriteFile(file, []byte(password+"\r\nrest"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := New(Options{URL: bare, PasswordFile: file})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Connect(t.Context(), relational.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	os.WriteFile(file, nil, 0o600)
	if _, err = d.Connect(t.Context(), relational.Limits{}); err == nil || !strings.Contains(err.Error(), "first line is empty") {
		t.Error(err)
	}
}

func TestPasswordOfTheEnvironment(t *testing.T) {
	t.Setenv("MYSQL_PWD", "from-environment")
	d, err := New(Options{URL: "mysql://u@db/shop"})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := d.config(relational.Limits{}); err != nil || c.Passwd != "from-environment" || c.TLS == nil || c.TLS.InsecureSkipVerify || c.TLS.ServerName != "db" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEncryption(t *testing.T) {
	b := setup(t)
	if b.server.CA == "" {
		t.Skip("the server's certificate is not known")
	}
	bare, _, _ := strings.Cut(b.server.URL, "?")
	for query, want := range map[string]string{
		"?tls=true&ca=" + b.server.CA: "",
		"?ca=" + b.server.CA:          "",
		"?tls=skip-verify":            "",
		"?tls=true":                   "certificate",
		"?tls=true&ca=/nowhere":       "/nowhere",
	} {
		d, err := New(Options{URL: bare + query})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Connect(t.Context(), relational.Limits{})
		if err != nil {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", query, err, want)
			}
			continue
		}
		rows, err := s.(*session).texts(t.Context(), "SHOW STATUS LIKE 'Ssl_cipher'", 2)
		if err != nil || want != "" || rows[0][1] == "" {
			t.Errorf("%s: %q, %v, want %q", query, rows, err, want)
		}
		s.Close()
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	d, err := New(Options{URL: "mysql://u:geheim@127.0.0.1:1/shop"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Connect(t.Context(), relational.Limits{})
	if err == nil || d.Class(err) != relational.Lost || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "connecting to MySQL") {
		t.Error(err)
	}
}
