// Package database writes the synthetic shop into a database, as a real shop would keep
// it, and lets it live on from day to day.
//
//	customers     (id, code, created_at, updated_at)
//	products      (id, sku, name, category, list_price, unit_cost, updated_at)
//	orders        (id, customer_id, ordered_at, status, updated_at)
//	order_lines   (id, order_id, product_id, quantity, unit_price, discount, updated_at)
//	interactions  (id, customer_id, occurred_at, kind, channel, order_id, product_id, category,
//	              quantity, amount, campaign_id, answers_id, rating, updated_at)
//
// Every table has its id as primary key and an index on (updated_at, id); orders and
// interactions have one on customer_id, order_lines on order_id. Ids grow over time.
// customer_id and product_id are the numbers in the ids of the shop's files: 42 is
// C000042. Times are timestamptz in PostgreSQL, and datetime(6) in UTC in MySQL. The dirt
// of a shop in a database is orders and interactions without a customer.
//
// The same shop.Config gives the same rows, in every kind of database.
package database

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mainstay-etl/mainstay/shop"
)

// Options say how a shop is written.
type Options struct {
	// Replace drops the tables of an earlier generated shop. Tables of anybody else are
	// never dropped.
	Replace bool
	// NoInteractions leaves the table of interactions empty, which is most of the rows.
	NoInteractions bool
	// Progress, if not nil, is called after each day.
	Progress func(shop.Progress)
}

// Write writes the whole shop of a Config into a database: postgres://user@host:port/name
// or mysql://user@host:port/name. A password that is not in the address is taken from
// PGPASSWORD or MYSQL_PWD. The connection is secured (sslmode=verify-full, tls=true)
// unless the address says otherwise or names this machine. It needs four connections.
//
// Format, Gzip and FilePer of the Config mean nothing here. What was written when Write
// ends with an error is to be replaced.
func Write(ctx context.Context, address string, cfg shop.Config, o Options) (shop.Summary, error) {
	p, err := locate(address)
	if err != nil {
		return shop.Summary{}, err
	}
	return p.write(ctx, cfg, o)
}

func (p place) write(ctx context.Context, cfg shop.Config, o Options) (shop.Summary, error) {
	s, err := shop.New(cfg)
	if err != nil {
		return shop.Summary{}, err
	}
	admin, err := p.connect(ctx)
	if err != nil {
		return shop.Summary{}, err
	}
	defer admin.close()
	if err := p.create(ctx, admin, o.Replace); err != nil {
		return shop.Summary{}, err
	}
	if err := p.fill(ctx, func(_ context.Context, begin beginner) error {
		return errors.Join(writeProducts(begin(productsTable), s), writeCustomers(begin(customersTable), s))
	}); err != nil {
		return shop.Summary{}, err
	}
	var sum shop.Summary
	err = p.fill(ctx, func(ctx context.Context, begin beginner) (err error) {
		w := &writer{ids: newIDs(s.Config().Customers), end: s.Config().End.Unix(), interacting: !o.NoInteractions}
		w.orders, w.lines = begin(ordersTable), begin(linesTable)
		feeds := []*feed{w.orders, w.lines}
		if w.interacting {
			w.interactions = begin(interactionsTable)
			feeds = append(feeds, w.interactions)
		} else if err := begin(interactionsTable).end(); err != nil {
			return err
		}
		show := func(p shop.Progress) {
			if o.Progress != nil {
				p.Rows = w.written
				o.Progress(p)
			}
		}
		if sum, err = s.Record(ctx, w, show); err != nil {
			return err
		}
		for _, f := range feeds {
			if err := f.end(); err != nil {
				return err
			}
		}
		return nil
	})
	if o.NoInteractions {
		sum.Interactions = shop.Counts{}
	}
	return sum, err
}

// beginner begins the loading of a table.
type beginner func(t table) *feed

// fill runs what makes rows beside what loads them, and completes the tables.
func (p place) fill(ctx context.Context, produce func(ctx context.Context, begin beginner) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var loaders sync.WaitGroup
	begin := func(t table) *feed {
		f := newFeed(ctx)
		loaders.Go(func() {
			if err := p.loadTable(ctx, t, f); err != nil {
				cancel(err) // the first to fail is the cause
			}
		})
		return f
	}
	if err := produce(ctx, begin); err != nil {
		cancel(err)
	}
	loaders.Wait()
	return context.Cause(ctx)
}

// loadTable loads and completes one table, over a connection of its own.
func (p place) loadTable(ctx context.Context, t table, f *feed) error {
	s, err := p.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	// Not before there are rows: a COPY that waits for its client holds up others, such
	// as a DROP DATABASE.
	f.ended()
	if err := s.load(ctx, t, f); err != nil {
		return fmt.Errorf("loading table %s: %w", t.name, err)
	}
	if f.err != nil {
		return f.err
	}
	return p.finished(ctx, s, t)
}

func writeProducts(f *feed, s *shop.Shop) error {
	var r encoder
	for i, p := range s.Products() {
		r.start(f.own)
		r.int(productID(i))
		r.text(p.ID)
		r.text(p.Name)
		r.text(p.Category)
		r.money(p.Price)
		if p.Cost == 0 {
			r.null()
		} else {
			r.money(p.Cost)
		}
		r.time(s.Config().Start.Unix(), 0)
		if err := f.put(r.end()); err != nil {
			return err
		}
	}
	return f.end()
}

func writeCustomers(f *feed, s *shop.Shop) error {
	var r encoder
	if err := s.EachCustomer(func(c shop.Customer) error {
		r.start(f.own)
		r.int(customerID(c.Number))
		r.text(c.ID)
		r.time(c.Joined.Unix(), 0)
		r.time(c.Joined.Unix(), 0)
		return f.put(r.end())
	}); err != nil {
		return err
	}
	return f.end()
}
