package shop

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// Shop is a simulated shop. It is not safe for concurrent use.
type Shop struct {
	cfg       Config
	days      int
	goods     *catalogue
	calendar  *calendar
	stamps    []stamp
	dice      *dice
	scale     float64 // on purchase rates, to meet Config.Orders
	gates     []gate
	customers []customer
	next      int // first day not lived yet; nobody: not born or unclear
}

// Progress is how far a call has come.
type Progress struct {
	Day         time.Time // last finished day, as a UTC midnight
	Done, Total int       // days
	Rows        int64     // written so far, all tables
}

// Counts accounts for the rows of one table's files:
// Rows = Valid + Duplicates + MissingCustomer + BadQuantity.
type Counts struct {
	Rows            int64 `json:"rows"`             // lines in the files, without headers
	Valid           int64 `json:"valid"`            // sound rows, each key once
	Duplicates      int64 `json:"duplicates"`       // exact copies of a valid row, right after it
	MissingCustomer int64 `json:"missing_customer"` // no customer_id
	BadQuantity     int64 `json:"bad_quantity"`     // quantity is no number; orders in CSV only
}

func (c *Counts) add(d dirt) {
	c.Rows++
	switch d {
	case missingCustomer:
		c.MissingCustomer++
	case badQuantity:
		c.BadQuantity++
	case duplicate:
		c.Rows++
		c.Valid++
		c.Duplicates++
	default:
		c.Valid++
	}
}

// Summary is what a call has written.
type Summary struct {
	From         time.Time `json:"from"` // first day
	To           time.Time `json:"to"`   // day after the last
	Customers    int       `json:"customers"`
	Orders       int64     `json:"orders"`      // distinct orders, dirty or not
	OrderLines   Counts    `json:"order_lines"` // of the table orders
	Interactions Counts    `json:"interactions"`
	Files        int       `json:"files"`
	Bytes        int64     `json:"bytes"`
}

// Generate writes the whole shop, all days and the truth, into dir. The
// directory is made if need be; files of the same names are replaced.
// progress, if not nil, is called after each day.
func Generate(ctx context.Context, cfg Config, dir string, progress func(Progress)) (Summary, error) {
	s, err := New(cfg)
	if err != nil {
		return Summary{}, err
	}
	sum, err := s.WriteDays(ctx, dir, s.cfg.Start, s.cfg.End, progress)
	if err != nil {
		return sum, err
	}
	return sum, s.WriteTruth(ctx, dir)
}

// New prepares a shop. It reports a Config that is not valid.
func New(cfg Config) (*Shop, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Shop{cfg: cfg, days: daysBetween(cfg.Start, cfg.End), dice: newDice(), scale: 1, next: nobody}
	s.goods = newCatalogue(cfg, s.dice)
	var err error
	if s.calendar, err = newCalendar(cfg); err != nil {
		return nil, fmt.Errorf("loading time zone %q: %w", cfg.TimeZone, err)
	}
	s.stamps = newStamps(s.calendar, s.days)
	if cfg.Orders > 0 {
		if err := s.meetOrders(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Config is the shop's Config with its defaults filled in.
func (s *Shop) Config() Config { return s.cfg }

// Names of the folders and files below the directory.
const (
	ordersTable       = "orders"
	interactionsTable = "interactions"
	truthFolder       = "truth"
)

// WriteDays writes the days [from, to) of the shop into dir: orders and
// interactions. A day's rows do not depend on which calls wrote the days
// before it; those are lived through again if need be, which is several times
// faster than writing them. Consecutive calls go on where the last one ended.
// A file that is there under the same name is replaced; it is an error if dir
// holds one of these days in a file of another name.
func (s *Shop) WriteDays(ctx context.Context, dir string, from, to time.Time, progress func(Progress)) (Summary, error) {
	from, to = dateOf(from), dateOf(to)
	sum := Summary{From: from, To: to, Customers: s.cfg.Customers}
	first, end := daysBetween(s.cfg.Start, from), daysBetween(s.cfg.Start, to)
	if first < 0 || end > s.days || first >= end {
		return sum, fmt.Errorf("writing days: [%s, %s) is not a part of the shop's time [%s, %s)", from.Format(time.DateOnly),
			to.Format(time.DateOnly), s.cfg.Start.Format(time.DateOnly), s.cfg.End.Format(time.DateOnly))
	}
	periods := s.periods(first, end)
	for _, table := range []string{ordersTable, interactionsTable} {
		if err := s.refuseOverlap(filepath.Join(dir, table), periods); err != nil {
			return sum, err
		}
	}
	if err := s.skipTo(ctx, first); err != nil {
		return sum, err
	}
	s.next = nobody // until all went well
	for _, p := range periods {
		if err := s.writePeriod(ctx, dir, p, &sum, func(day int) {
			if progress != nil {
				rows := sum.OrderLines.Rows + sum.Interactions.Rows
				progress(Progress{Day: s.stamps[day].date, Done: day + 1 - first, Total: end - first, Rows: rows})
			}
		}); err != nil {
			return sum, err
		}
	}
	s.next = end
	return sum, nil
}

// skipTo lives through the days before day without writing them.
func (s *Shop) skipTo(ctx context.Context, day int) error {
	if s.next == nobody || s.next > day {
		s.populate(s.cfg.Customers, 1)
	}
	for s.next < day {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.liveDay(s.next, discard{}); err != nil {
			return err
		}
		s.next++
	}
	return nil
}

// populate brings every step-th customer to life, n in all.
func (s *Shop) populate(n, step int) {
	if len(s.gates) != n {
		s.gates, s.customers = make([]gate, n), make([]customer, n)
	}
	for i := range n {
		s.gates[i], s.customers[i] = s.born(i*step, s.scale)
	}
	s.next = 0
}

// counter counts orders.
type counter struct {
	discard
	orders int
}

func (c *counter) order(l *orderLine) error {
	if l.line == 1 {
		c.orders++
	}
	return nil
}

// meetOrders finds the scale of purchase rates that gives about
// Config.Orders orders, by living the lives of up to 2,000 customers.
func (s *Shop) meetOrders() error {
	n := min(s.cfg.Customers, 2000)
	want := float64(s.cfg.Orders) * float64(n) / float64(s.cfg.Customers)
	for range 3 {
		s.populate(n, s.cfg.Customers/n)
		var c counter
		for day := range s.days {
			if err := s.liveDay(day, &c); err != nil {
				return err
			}
		}
		s.scale *= want / float64(max(c.orders, 1))
	}
	s.gates, s.customers, s.next = nil, nil, nobody
	return nil
}
