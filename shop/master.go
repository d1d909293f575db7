package shop

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"
)

// Names of the folders that WriteMaster fills.
const (
	customersTable = "customers"
	productsTable  = "products"
	paymentsTable  = "payments"
)

const (
	customersHeader = "customer_id,recorded_at,name,segment,region,standing,key_contact,key_contact_since\n"
	productsHeader  = "product_id,recorded_at,name,category,list_price,unit_cost\n"
	paymentsHeader  = "payment_id,customer_id,order_id,issued_at,due_on,amount,paid_at,paid_amount\n"
)

// MasterSummary is what WriteMaster has written. Its Counts have no bad quantities; a
// missing customer is, of products, a missing product.
type MasterSummary struct {
	Customers Counts `json:"customers"`
	Products  Counts `json:"products"`
	Payments  Counts `json:"payments"`
	Files     int    `json:"files"`
	Bytes     int64  `json:"bytes"`
}

// WriteMaster writes what the shop's other systems know of the days [from, to): versions
// of customers and products recorded in it (of the days before the start too, when from
// is the start), and invoices that were issued or paid in it, as they stand when it ends.
// Files are CSV, one per table, named by the last day. Consecutive spans fit together: a
// reader that takes the newest row of each key sees the same as from one span.
func (s *Shop) WriteMaster(ctx context.Context, dir string, from, to time.Time) (MasterSummary, error) {
	var sum MasterSummary
	first, end := daysBetween(s.cfg.Start, dateOf(from)), daysBetween(s.cfg.Start, dateOf(to))
	if first < 0 || end > s.days || first >= end {
		return sum, fmt.Errorf("writing master data: [%s, %s) is not a part of the shop's time [%s, %s)", from.Format(time.DateOnly),
			to.Format(time.DateOnly), s.cfg.Start.Format(time.DateOnly), s.cfg.End.Format(time.DateOnly))
	}
	life, err := New(s.cfg) // lived through by itself: s goes on where it was
	if err != nil {
		return sum, err
	}
	life.populate(life.cfg.Customers, 1)
	m := &master{Shop: life, ctx: ctx, first: first, end: end, folder: dir, sum: &sum}
	if first == 0 {
		m.first = -1 << 15 // nothing is older
	}
	for _, t := range []struct {
		table, header string
		counts        *Counts
		rows          func() error
	}{
		{customersTable, customersHeader, &sum.Customers, m.customerRows},
		{productsTable, productsHeader, &sum.Products, m.productRows},
		{paymentsTable, paymentsHeader, &sum.Payments, m.paymentRows},
	} {
		if err := m.file(t.table, t.header, t.counts, t.rows); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// master writes the master data of the days [first, end).
type master struct {
	*Shop
	ctx        context.Context
	first, end int
	folder     string
	sum        *MasterSummary
	out        io.Writer // of the table that is being written
	counts     *Counts
	row        []byte
}

// file writes one table's file.
func (m *master) file(table, header string, counts *Counts, rows func() error) error {
	d, err := newDraft(filepath.Join(m.folder, table, m.stamps[m.end-1].long+".csv"), false)
	if err != nil {
		return err
	}
	defer d.abort()
	m.out, m.counts = d, counts
	if _, err := io.WriteString(d, header); err != nil {
		return fmt.Errorf("writing %s: %w", d.path, err)
	}
	if err := rows(); err != nil {
		return fmt.Errorf("writing %s: %w", d.path, err)
	}
	n, err := d.commit()
	m.sum.Files++
	m.sum.Bytes += n
	return err
}

// within tells whether a day belongs to the span.
func (m *master) within(day int) bool { return day >= m.first && day < m.end }

// write writes a row that begins with an id: of dirty rows it is missing or the row comes
// twice. What is wrong with a row follows from the numbers that identify it.
func (m *master) write(id []byte, rest []byte, a, b, c int) error {
	d := m.dirtOf(a, b, c, 1, false)
	m.counts.add(d)
	m.row = m.row[:0]
	if d != missingCustomer {
		m.row = append(m.row, id...)
	}
	m.row = append(append(m.row, rest...), '\n')
	for range map[bool]int{true: 2, false: 1}[d == duplicate] {
		if _, err := m.out.Write(m.row); err != nil {
			return err
		}
	}
	return nil
}

// clock writes an hour of a day, which may be before the shop's start.
func (m *master) clock(b []byte, day, hour, minute int) []byte {
	y, month, d := m.cfg.Start.AddDate(0, 0, day).Date()
	return time.Date(y, month, d, hour, minute, 0, 0, m.calendar.loc).AppendFormat(b, "2006-01-02T15:04:05Z07:00")
}

// Number spaces of dirt, away from those of orders and interactions.
const (
	dirtOfCustomers = 2<<20 + iota
	dirtOfProducts
	dirtOfPayments
)

var (
	regions    = []string{"North", "East", "South", "West", "Abroad"}
	givenNames = []string{"Ada", "Bela", "Chloe", "Dario", "Emil", "Fatou", "Grace", "Henrik", "Ines", "Jonas", "Kemal", "Lea"}
	surnames   = []string{"Abel", "Brandt", "Costa", "Duval", "Eriksen", "Fischer", "Garcia", "Hoffmann", "Ito", "Jansen", "Kowalski", "Larsen"}
	keyPeople  = []string{"A. Weber", "B. Novak", "C. Moreau", "D. Silva", "E. Lind", "F. Rossi"}
)

// profile is what the shop's people know of a customer by hash.
type profile struct {
	business bool
	region   int
	contact  int
	standing int
}

func (s *Shop) profileOf(customer int) profile {
	h := hash(forMaster, s.cfg.Seed, uint64(customer))
	// People's judgement follows what a customer buys, roughly.
	busy := float64(s.customers[customer].orderRate) * 365 / 12
	return profile{
		business: unit(h) < .2, region: int(mix(h+1) % uint64(len(regions))), contact: int(mix(h+2) % uint64(len(keyPeople))),
		standing: min(max(int(25+25*busy+40*(unit(mix(h+3))-.5)), 0), 100),
	}
}

// customerRows writes a version when a customer joins, and for one in six another when
// it moves or is given another contact.
func (m *master) customerRows() error {
	for i := range m.customers {
		joined := int(m.customers[i].joined)
		p, h := m.profileOf(i), hash(forMaster, m.cfg.Seed^1<<63, uint64(i))
		since := joined
		if err := m.customerRow(i, 1, joined, since, p); err != nil {
			return err
		}
		if unit(h) >= 1.0/6 {
			continue
		}
		begin := max(joined, 0) + 1
		changed := begin + int(unit(mix(h+1))*float64(max(m.days-begin, 1)))
		if p.business && mix(h+2)%2 == 0 {
			p.contact = (p.contact + 1) % len(keyPeople)
			since = changed
		} else {
			p.region = (p.region + 1) % len(regions)
		}
		if err := m.customerRow(i, 2, changed, since, p); err != nil {
			return err
		}
	}
	return m.ctx.Err()
}

func (m *master) customerRow(customer, version, day, since int, p profile) error {
	if !m.within(day) {
		return nil
	}
	h := hash(forMaster, m.cfg.Seed^2<<62, uint64(customer))
	given, family := givenNames[h%uint64(len(givenNames))], surnames[mix(h)%uint64(len(surnames))]
	b := m.clock([]byte{','}, day, 8, 30)
	if p.business {
		b = append(quoted(append(b, ','), family+", "+given+" & Co"), ",business,"...)
	} else {
		b = append(append(append(b, ','), given+" "+family...), ",private,"...)
	}
	b = append(append(b, regions[p.region]...), ',')
	if p.business {
		b = append(strconv.AppendInt(b, int64(p.standing), 10), ',')
		b = append(append(b, keyPeople[p.contact]...), ',')
		b = m.clock(b, since, 8, 30)
	} else {
		b = append(b, ",,"...)
	}
	return m.write(appendCustomer(nil, customer), b, customer, version, dirtOfCustomers)
}

// productRows writes a version when a product is listed, a month before the start, and
// one for each year's prices. Of costs that the orders leave out, half are known here.
func (m *master) productRows() error {
	for i := range m.goods.products {
		p := &m.goods.products[i]
		cost := p.cost
		if h := hash(forMaster, m.cfg.Seed^3<<62, uint64(i)); cost == 0 && h%2 == 0 {
			cost = p.price * 55 / 100 / 100 * 100
		}
		for year := 0; year*365 < m.days; year++ {
			day := year * 365
			t := today{no: day}
			if year == 0 {
				day = -30
			}
			if !m.within(day) {
				continue
			}
			b := m.clock([]byte{','}, day, 6, 0)
			b = append(append(quoted(append(b, ','), p.name), ','), m.goods.names[p.category]...)
			b = append(appendMoney(append(b, ','), m.priceOn(i, &t)), ',')
			if cost != 0 {
				b = appendMoney(b, cost)
			}
			if err := m.write([]byte(p.id), b, i, year, dirtOfProducts); err != nil {
				return err
			}
		}
	}
	return m.ctx.Err()
}
