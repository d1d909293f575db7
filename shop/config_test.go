package shop

import (
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	cases := []struct {
		name string
		edit func(*Config)
		want string // part of the error; empty: valid
	}{
		{"default", func(*Config) {}, ""},
		{"zero", func(c *Config) { *c = Config{} }, ""},
		{"negative customers", func(c *Config) { c.Customers = -1 }, "customers is -1"},
		{"negative orders", func(c *Config) { c.Orders = -5 }, "orders is -5"},
		{"backwards", func(c *Config) { c.Start, c.End = day(2024, 5, 1), day(2024, 5, 1) }, "start 2024-05-01 is not before end 2024-05-01"},
		{"too long", func(c *Config) { c.Start = day(1800, 1, 1) }, "want at most 30000"},
		{"zone", func(c *Config) { c.TimeZone = "Mars/Olympus" }, `time zone "Mars/Olympus" is not known`},
		{"few categories", func(c *Config) { c.Categories = 3 }, "categories is 3: want 4 to 20"},
		{"many categories", func(c *Config) { c.Categories = 21 }, "categories is 21"},
		{"few products", func(c *Config) { c.Products = 31 }, "products is 31: want 32"},
		{"format", func(c *Config) { c.Format = "xml" }, `format is "xml"`},
		{"zipped parquet", func(c *Config) { c.Format, c.Gzip = Parquet, true }, "gzip is for CSV only"},
		{"period", func(c *Config) { c.FilePer = "week" }, `file per is "week"`},
		{"dirt", func(c *Config) { c.DirtShare = .6 }, "dirt share is 0.6: want 0 to 0.5"},
		{"rate", func(c *Config) { c.Customers, c.Orders = 10, 1_000_000 }, "per customer and day"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := Default()
			c.edit(&cfg)
			err := cfg.Validate()
			if c.want == "" {
				if err != nil {
					t.Fatalf("got %v, want no error", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want ...%s...", err, c.want)
			}
			if _, err := New(cfg); err == nil {
				t.Fatal("New took it")
			}
		})
	}
}

func TestValidateReportsAll(t *testing.T) {
	t.Parallel()
	err := Config{Customers: -1, Format: "xml", Categories: 99}.Validate()
	for _, want := range []string{"customers", "format", "categories"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestCustomersFromOrders(t *testing.T) {
	t.Parallel()
	if got := (Config{Orders: 5000}).withDefaults().Customers; got != 500 {
		t.Errorf("got %d customers, want 500", got)
	}
}
