package shop

import (
	"time"
)

// debtor is how a customer on account pays.
type debtor struct {
	onAccount bool
	terms     int     // days to pay
	slack     float64 // mean days after the due day, negative: before it
	defaults  float64 // chance never to pay
}

// debtorOf: companies and one in five of the others buy on account; seven of ten are
// prompt, two are slow, one is bad.
func (s *Shop) debtorOf(customer int) debtor {
	h := hash(forPayment, s.cfg.Seed, uint64(customer))
	d := debtor{terms: 14, slack: -3, defaults: .004}
	if s.profileOf(customer).business {
		d.onAccount, d.terms = true, 30
	} else {
		d.onAccount = unit(h) < .2
	}
	switch kind := unit(mix(h + 1)); {
	case kind < .1:
		d.slack, d.defaults = 32, .12
	case kind < .3:
		d.slack, d.defaults = 7, .02
	}
	return d
}

// paymentRows lives through the shop's time and writes the invoices of the orders.
func (m *master) paymentRows() error {
	c := &cashier{master: m}
	for day := range m.end {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		if err := m.liveDay(day, c); err != nil {
			return err
		}
	}
	return c.settle()
}

// cashier adds up the lines of an order and writes its invoice when the next one begins.
type cashier struct {
	discard
	master *master
	open   bool
	head   orderLine // first line of the order
	amount int64
	slower bool // the customer is about to leave, and pays later
}

func (c *cashier) order(l *orderLine) error {
	if l.line == 1 {
		if err := c.settle(); err != nil {
			return err
		}
		c.open, c.head, c.amount = true, *l, 0
		c.slower = l.day >= int(c.master.customers[l.customer].fade)
	}
	c.amount += l.quantity*l.price - l.discount
	return nil
}

// settle writes the invoice of the order that was added up.
func (c *cashier) settle() error {
	m, l := c.master, &c.head
	d := debtor{}
	if c.open {
		d = m.debtorOf(l.customer)
	}
	c.open = false
	if !d.onAccount || c.amount <= 0 {
		return nil
	}
	h := hash(forPayment, m.cfg.Seed^uint64(l.customer)<<32^uint64(l.day), uint64(l.number))
	issued := l.day + 1
	late := d.slack + 10*(unit(mix(h+1))-.5)
	if c.slower {
		late += 15
	}
	paid := max(issued+d.terms+int(late), issued)
	if unit(mix(h+2)) < d.defaults {
		paid = never
	}
	if !m.within(issued) && (issued >= m.end || !m.within(paid)) {
		return nil
	}
	amount := c.amount
	if unit(mix(h+3)) < .02 {
		amount = amount / 200 * 100 // half of it, so far
	}
	id := m.appendOrder([]byte{'P'}, l.day, l.customer, l.number)
	b := append(appendCustomer([]byte{','}, l.customer), ',')
	b = append(m.appendOrder(b, l.day, l.customer, l.number), ',')
	b = append(m.clock(b, issued, 6, 0), ',')
	b = append(m.cfg.Start.AddDate(0, 0, issued+d.terms).AppendFormat(b, time.DateOnly), ',')
	b = append(appendMoney(b, c.amount), ',')
	if paid < m.end {
		b = append(m.clock(b, paid, 9+int(mix(h+4)%8), int(mix(h+5)%60)), ',')
		b = appendMoney(b, amount)
	} else {
		b = append(b, ',')
	}
	return m.write(id, b, l.customer, l.day, dirtOfPayments+l.number)
}
