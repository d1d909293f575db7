package shop

import (
	"errors"
	"fmt"
	"time"
)

// Format is the file format that the shop's data is written in.
type Format string

// The formats that the shop can write.
const (
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Period is how much time one data file holds.
type Period string

// The periods of one data file.
const (
	// Day writes one file per table and day: orders/2024-03-01.csv.
	Day Period = "day"
	// Month bundles the days of a month that a call covers whole (as far as
	// the shop is open in it) in one file, orders/2024-03.csv, and writes the
	// days of other months one by one. So a history can be bundled while the
	// days that follow it arrive as daily files.
	Month Period = "month"
)

// Config says which shop to simulate. All of it except Format, Gzip, FilePer
// and DirtShare shapes the events; the same Config gives the same bytes. Start
// from Default.
type Config struct {
	// Customers is how many customers the shop has over its whole time. 0:
	// one for every ten orders when Orders is set, else 2,500.
	Customers int
	// Orders is about how many orders to write between Start and End (within
	// a tenth for shops of some size). Customers' purchase rates are scaled to
	// meet it. 0: customers buy 12 times a year on average.
	Orders int
	// Seed picks one of the possible shops.
	Seed uint64
	// Start and End are calendar days in TimeZone; only the date is used. The
	// shop is open on [Start, End). Both shape the shop (new customers join
	// over the whole time), so a shop that will grow by days needs its final
	// End from the beginning; write fewer days with Shop.WriteDays.
	Start, End time.Time
	// TimeZone is the IANA name of the shop's time zone. Opening hours, days
	// and file names are local. Default UTC.
	TimeZone string
	// Categories is how many product categories there are, 4 to 20.
	Categories int
	// Products is how many products there are over all categories, from two
	// per category to 60,000.
	Products int
	// Format of all files: CSV or Parquet.
	Format Format
	// Gzip compresses CSV files and appends .gz to their names.
	Gzip bool
	// FilePer is the time that one file holds: Day or Month.
	FilePer Period
	// DirtShare is the share of broken rows, 0 to 0.5; see Counts for what
	// they look like.
	DirtShare float64
}

// Default is the shop of the demo: 2,500 customers, two years, 16 categories,
// 800 products, 0.5 % dirty rows, monthly CSV files.
func Default() Config {
	return Config{
		Customers:  2500,
		Seed:       1,
		Start:      time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC),
		End:        time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC),
		TimeZone:   "UTC",
		Categories: 16,
		Products:   800,
		Format:     CSV,
		FilePer:    Month,
		DirtShare:  0.005,
	}
}

// Limits of a Config.
const (
	minCategories  = 4
	maxCategories  = 20
	maxProducts    = 60000
	maxCustomers   = 50_000_000
	maxDays        = 30000 // days are kept in 16 bits per customer
	maxDirtShare   = 0.5
	maxOrdersADay  = 5.0 // mean per customer, see Config.Validate
	ordersPerHead  = 10  // customers when only the orders are given
	defaultPopulus = 2500
)

// withDefaults fills what may be left zero.
func (c Config) withDefaults() Config {
	d := Default()
	if c.Customers == 0 {
		c.Customers = defaultPopulus
		if c.Orders > 0 {
			c.Customers = max(1, c.Orders/ordersPerHead)
		}
	}
	if c.Start.IsZero() {
		c.Start = d.Start
	}
	if c.End.IsZero() {
		c.End = d.End
	}
	if c.TimeZone == "" {
		c.TimeZone = d.TimeZone
	}
	if c.Categories == 0 {
		c.Categories = d.Categories
	}
	if c.Products == 0 {
		c.Products = d.Products
	}
	if c.Format == "" {
		c.Format = d.Format
	}
	if c.FilePer == "" {
		c.FilePer = d.FilePer
	}
	c.Start, c.End = dateOf(c.Start), dateOf(c.End)
	return c
}

// Validate reports everything that is wrong with c. Zero fields that have a
// default are fine.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(c.Customers > 0 && c.Customers <= maxCustomers, "customers is %d: want 1 to %d", c.Customers, maxCustomers)
	bad(c.Orders >= 0, "orders is %d: want 0 (from customers) or more", c.Orders)
	bad(c.Start.Before(c.End), "start %s is not before end %s", c.Start.Format(time.DateOnly), c.End.Format(time.DateOnly))
	days := daysBetween(c.Start, c.End)
	bad(days <= maxDays, "start to end is %d days: want at most %d", days, maxDays)
	_, err := time.LoadLocation(c.TimeZone)
	bad(err == nil, "time zone %q is not known: want an IANA name such as Europe/Berlin", c.TimeZone)
	bad(c.Categories >= minCategories && c.Categories <= maxCategories, "categories is %d: want %d to %d", c.Categories, minCategories, maxCategories)
	bad(c.Products >= 2*c.Categories && c.Products <= maxProducts, "products is %d: want %d (two per category) to %d", c.Products, 2*c.Categories, maxProducts)
	bad(c.Format == CSV || c.Format == Parquet, "format is %q: want %q or %q", c.Format, CSV, Parquet)
	bad(!c.Gzip || c.Format == CSV, "gzip is for CSV only: Parquet files are compressed inside")
	bad(c.FilePer == Day || c.FilePer == Month, "file per is %q: want %q or %q", c.FilePer, Day, Month)
	bad(c.DirtShare >= 0 && c.DirtShare <= maxDirtShare, "dirt share is %g: want 0 to %g", c.DirtShare, maxDirtShare)
	if len(errs) == 0 {
		perDay := float64(c.Orders) / float64(c.Customers) / float64(days)
		bad(perDay <= maxOrdersADay, "orders is %d: that is %.1f per customer and day, want at most %g; ask for more customers or days", c.Orders, perDay, maxOrdersADay)
	}
	if len(errs) > 0 {
		return fmt.Errorf("checking the shop's settings: %w", errors.Join(errs...))
	}
	return nil
}

// dateOf keeps the date of t, as a UTC midnight.
func dateOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// daysBetween counts the days from a to b, both UTC midnights.
func daysBetween(a, b time.Time) int {
	return int(b.Unix()/86400 - a.Unix()/86400)
}
