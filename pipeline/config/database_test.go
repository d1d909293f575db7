package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// database is a file with a source of every database type, none of its keys at its
// default in the first.
const database = `name: shop
sources:
  - name: shop
    type: postgres
    url: ${SHOP_URL}
    schema_changes: freeze
    limits: {query_time: 2s, statement_timeout: 1m30s, lock_timeout: 500ms, connections: 4}
    tables:
      orders: {select: SELECT 1 FROM lines;, key: [order_id, line], cursor: updated_at, overlap: 1d, verify: 7}
      interactions: {select: SELECT 2 FROM events, key: id, cursor: id, overlap: 5000, verify: 0}
  - name: till
    type: mysql
    url: mysql://reader:${PASSWORD}@till/shop?tls=true
    tables:
      orders: {select: SELECT 3 FROM sales, key: [id]}
  - name: depot
    type: postgres
    url: postgres://reader@depot:5433/shop
    password_file: ./secret
    tables:
      orders: {select: SELECT 4 FROM sales, key: [id]}
`

func TestDatabaseSources(t *testing.T) {
	t.Parallel()
	got := mustParse(t, database).Sources
	limits := Limits{Duration(5 * time.Second), Duration(time.Minute), Duration(5 * time.Second), 1}
	want := []Source{
		{Name: "shop", Type: TypePostgres, TimeZone: "UTC", Database: DatabaseSource{
			URL: "postgres://reader:s3cret@db:5432/shop?sslmode=verify-full", SchemaChanges: Freeze,
			Limits: Limits{Duration(2 * time.Second), Duration(90 * time.Second), Duration(500 * time.Millisecond), 4},
		}, Tables: []Table{
			{Name: "interactions", Select: "SELECT 2 FROM events", Key: []string{"id"}, Cursor: "id", Overlap: "5000"},
			{Name: "orders", Select: "SELECT 1 FROM lines", Key: []string{"order_id", "line"}, Cursor: "updated_at", Overlap: "24h0m0s", Verify: 7},
		}},
		{Name: "till", Type: TypeMySQL, TimeZone: "UTC", Database: DatabaseSource{
			URL: "mysql://reader:s3cret@till/shop?tls=true", SchemaChanges: Evolve, Limits: limits,
		}, Tables: []Table{{Name: "orders", Select: "SELECT 3 FROM sales", Key: []string{"id"}, Verify: 1}}},
		{Name: "depot", Type: TypePostgres, TimeZone: "UTC", Database: DatabaseSource{
			URL: "postgres://reader@depot:5433/shop", PasswordFile: "/shop[1]/project/secret", SchemaChanges: Evolve, Limits: limits,
		}, Tables: []Table{{Name: "orders", Select: "SELECT 4 FROM sales", Key: []string{"id"}, Verify: 1}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !got[0].Database.URL.HasPassword() || got[2].Database.URL.HasPassword() {
		t.Error("HasPassword is wrong")
	}
}

// Whatever prints a configuration prints no password, nor does any error.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, database)
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	url := cfg.Sources[0].Database.URL
	for _, text := range []string{string(encoded), fmt.Sprintf("%v %+v %#v %v %q", cfg, *cfg, cfg.Sources, cfg.Sources[1], url), url.String()} {
		if strings.Contains(text, "s3cret") || strings.Contains(text, "reader") {
			t.Errorf("a secret is printed: %s", text)
		}
	}
	if got := url.String(); got != "postgres://db:5432/shop" {
		t.Errorf("printed as %s", got)
	}
	for in, want := range map[URL]string{
		"postgres://reader:s3cret@db/shop?sslmode=require&password=s3cret": "postgres://reader@db/shop?sslmode=require",
		"mysql://db/sh'op": "mysql://db/sh%27op", "s3cret": "***",
	} {
		if got := in.WithoutPassword(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for _, odd := range []URL{"s3cret", "postgres://a:s3/cr#et@db/shop", "postgres://a:s3cret@db:x/shop", "\x00s3cret", ""} {
		if got := odd.String(); got != "***" {
			t.Errorf("%q is printed as %s", string(odd), got)
		}
	}
	golden, err := os.ReadFile(filepath.Join("testdata", "errors", "database_secrets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, errs, _ := strings.Cut(string(golden), separator)
	for _, secret := range []string{"hunter2", "s3", "c#r", "@et"} {
		if strings.Contains(errs, secret) {
			t.Errorf("an error shows %s", secret)
		}
	}
}

func TestDatabaseFingerprint(t *testing.T) {
	t.Parallel()
	base := mustParse(t, database).Fingerprint()
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{"till/shop?tls=true", "elsewhere/shop", true},
		{"./secret", "./other", true},
		{"connections: 4", "connections: 3", true},
		{"key: [id]", "key: id", true},
		{"type: mysql\n", "type: mysql\n    schema_changes: evolve\n", true},
		{"freeze", "evolve", false},
		{"key: [order_id, line]", "key: [line, order_id]", false},
		{"cursor: updated_at", "cursor: changed_at", false},
		{"overlap: 5000", "overlap: 6000", false},
		{"verify: 7", "verify: 8", false},
	} {
		changed := strings.Replace(database, c.old, c.new, 1)
		if changed == database {
			t.Fatalf("%s changes nothing", c.old)
		}
		if got := mustParse(t, changed).Fingerprint(); (got == base) != c.same {
			t.Errorf("%s -> %s: same fingerprint: %t, want %t", c.old, c.new, got == base, c.same)
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in        string
		time      time.Duration
		count     int64
		isT, isN  bool
		malformed bool
	}{
		{in: "10m", time: 10 * time.Minute, isT: true},
		{in: "2d", time: 48 * time.Hour, isT: true},
		{in: "1000", count: 1000, isN: true},
		{in: "0", isT: true, isN: true},
		{in: "0s", isT: true, isN: true},
		{in: "-1", malformed: true}, {in: "-1s", malformed: true}, {in: "1.5", malformed: true},
		{in: "", malformed: true}, {in: "99999999999d", malformed: true}, {in: "300000d", malformed: true},
	} {
		var o Overlap
		if err := o.UnmarshalText([]byte(c.in)); (err != nil) != c.malformed {
			t.Errorf("%q: %v", c.in, err)
		}
		d, isT := o.Time()
		n, isN := o.Count()
		if d != c.time || n != c.count || isT != c.isT || isN != c.isN {
			t.Errorf("%q: time %s %t, count %d %t", c.in, d, isT, n, isN)
		}
	}
}

// No password survives in what parseURL lets through and String prints.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"pw", "a/b", "a@b", "#", "?x", "%", "12/3", "a:b", "]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if len(password) < 3 || strings.Contains("postgres://dbhost:5432/shop postgres://u:@dbhost:5432/shop?password= x ://*** y", password) {
			t.Skip("the rest of the address has it too")
		}
		for _, u := range []string{"postgres://u:" + password + "@dbhost:5432/shop", "postgres://dbhost:5432/shop?password=" + password} {
			if got := URL(u).String(); strings.Contains(got, password) {
				t.Errorf("%q is printed as %q", u, got)
			}
			if got := redact("x " + u + " y"); !strings.ContainsAny(password, " \t\n\r\f\"&") && strings.Contains(got, password) && strings.Contains(u, "@") {
				t.Errorf("%q is redacted as %q", u, got)
			}
		}
	})
}
