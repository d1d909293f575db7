package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

func TestInitFromDatabase(t *testing.T) {
	t.Parallel()
	for _, kind := range []dbtest.Kind{dbtest.KindPostgres, dbtest.KindMySQL} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			db := dbtest.Of(t, kind)
			db.Exec(t, "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, created_at timestamp NOT NULL, status varchar(10))",
				"CREATE TABLE order_items (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id), product_id bigint NOT NULL, quantity int NOT NULL, price decimal(12,2) NOT NULL)")
			dir := filepath.Join(t.TempDir(), "Corner Shop")
			var b strings.Builder
			if err := runInit(t.Context(), &b, dir, initOptions{from: db.URL}); err != nil {
				t.Fatal(err)
			}
			variable := strings.ToUpper(db.Name) + "_URL"
			for _, want := range []string{"orders: order_items\n", "interactions: not found\n", "export " + variable + "='" + string(kind) + "://", "The password was on the command line", "mainstay check --verbose --project " + dir} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%q is not in\n%s", want, b.String())
				}
			}
			text, err := os.ReadFile(filepath.Join(dir, config.FileName))
			if err != nil {
				t.Fatal(err)
			}
			secret := db.URL[strings.Index(db.URL, "://")+3 : strings.Index(db.URL, "@")]
			_, secret, _ = strings.Cut(secret, ":")
			if strings.Contains(string(text), secret) || strings.Contains(b.String(), secret) {
				t.Error("the password is written")
			}
			cfg, err := config.Load(dir, func(name string) (string, bool) { return db.URL, name == variable })
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Name != "corner-shop" || string(cfg.Sources[0].Type) != string(kind) {
				t.Errorf("%s, %s", cfg.Name, cfg.Sources[0].Type)
			}
			if err := runInit(t.Context(), &b, dir, initOptions{from: db.URL}); exitCode(err) != exitUsage {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

func TestInitUsage(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	for _, c := range []struct {
		o    initOptions
		code int
		want string
	}{
		{initOptions{from: "MAINSTAY_NO_SUCH_VARIABLE"}, exitUsage, "MAINSTAY_NO_SUCH_VARIABLE is not set"},
		{initOptions{from: "oracle://reader:s3cret@db/shop"}, exitUsage, "expected postgres://"},
		{initOptions{from: "postgres://reader:s3/c#ret@db/shop"}, exitUsage, "--from: "},
		{initOptions{from: "mysql://reader:s3cret@127.0.0.1:1/shop"}, exitFailed, "connecting to MySQL"},
		{initOptions{from: "postgres://reader:s3cret@127.0.0.1:1/shop"}, exitFailed, "connecting to PostgreSQL"},
		{initOptions{passwordFile: "x"}, exitUsage, "--password-file belongs to --from"},
	} {
		var b strings.Builder
		err := runInit(t.Context(), &b, dir, c.o)
		if err == nil || exitCode(err) != c.code || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3") {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("bad usage left a folder")
	}
}
