package database

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

func TestSecureConnections(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		if d.CA == "" {
			t.Skip("the server was not started by servers.sh")
		}
		plain, strict := "sslmode=disable", "sslmode=verify-full"
		with := strict + "&sslrootcert=" + d.CA
		encrypted := "SELECT ssl::int, 1 FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
		if d.Kind == dbtest.KindMySQL {
			plain, strict = "tls=false", "tls=true"
			with = strict + "&ca=" + d.CA
			encrypted = "SHOW STATUS LIKE 'Ssl_cipher'"
		}
		open := func(query string) (server, error) {
			p, err := locate(strings.Replace(d.URL, plain, query, 1))
			if err != nil {
				t.Fatal(err)
			}
			return p.connect(t.Context())
		}
		if _, err := open(strict); err == nil {
			t.Error("a certificate of nobody known is taken")
		}
		s, err := open(with)
		if err != nil {
			t.Fatal(err)
		}
		defer s.close()
		if rows, err := s.query(t.Context(), encrypted); err != nil || rows[0][0] == "0" || rows[0][1] == "" {
			t.Errorf("not encrypted: %v, %v", rows, err)
		}
	})
}

func TestSecretsStaySecret(t *testing.T) {
	each(t, func(t *testing.T, d *dbtest.Server) {
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(u.User.Username(), "geheim%x")
		for _, address := range []string{u.String(), strings.Replace(u.String(), "?", "?sslmode=geheim&tls=geheim&", 1), "postgres://a:geheim%x@b/c", "geheim", "mysql://a:geheim@b", ""} {
			_, err := Write(t.Context(), address, small(), Options{})
			if err == nil {
				t.Errorf("a wrong address is taken")
			} else if text := strings.NewReplacer("tls=geheim", "", "sslmode is invalid", "").Replace(err.Error()); strings.Contains(text, "geheim") {
				t.Errorf("the password is in %q", err)
			}
		}
		block, err := Source(u.String(), Options{})
		if err != nil || strings.Contains(block, "geheim") {
			t.Errorf("the password is in the block, or: %v", err)
		}
	})
}

func TestSourceBlock(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"postgres://reader:x@db:5433/shop?sslmode=require":         {"type: postgres", "# postgres://reader@db:5433/shop?sslmode=require\n"},
		"postgres://db/shop?user=reader&password=x&sslmode=prefer": {"# postgres://db/shop?sslmode=prefer&user=reader\n"},
		"mariadb://reader:x@db/shop":                               {"type: mysql", "time_zone: UTC", "# mariadb://reader@db/shop\n"},
	} {
		block, err := Source(address, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, "url: ${SHOP_URL} #", "key: [line_id]", "cursor: updated_at", "interactions:\n        select: |\n          SELECT id")
		for _, text := range want {
			if !strings.Contains(block, text) {
				t.Errorf("%s: no %q in\n%s", address, text, block)
			}
		}
	}
	if block, err := Source("postgres://db/shop", Options{NoInteractions: true}); err != nil || strings.Contains(block, "interactions") {
		t.Errorf("a shop without interactions, %v:\n%s", err, block)
	}
}

func TestPasswordOfTheEnvironment(t *testing.T) {
	for _, kind := range kinds {
		d := dbtest.Of(t, kind)
		u, err := url.Parse(d.URL)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		t.Setenv("PGPASSWORD", password)
		t.Setenv("MYSQL_PWD", password)
		u.User = url.User(u.User.Username())
		if _, err := Write(t.Context(), u.String(), small(), Options{NoInteractions: true}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
