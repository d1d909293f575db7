package shop

import (
	"context"
	"fmt"
	"time"
)

// OrderLine is one line of an order, as numbers. Money is in 1/10,000.
type OrderLine struct {
	Customer int   // number of the customer, from 0
	Day      int   // number of the day on which it was ordered, from 0
	Number   int   // of the order among the customer's of that day, from 1
	Line     int   // within the order, from 1
	At       int64 // Unix seconds
	Product  int   // number of the product, from 0
	Quantity int64 // whole units
	Price    int64 // of one unit
	Discount int64 // off the line
	// Guest says that nobody knows whose order it is: what is wrong with a dirty order
	// where lines cannot be broken. All lines of an order have the same.
	Guest bool
}

// Interaction is anything else that happens, as numbers. Money is in 1/10,000.
type Interaction struct {
	Customer int
	Day      int
	Seq      int // among the customer's of that day, from 1
	At       int64
	Kind     string
	Channel  string // "": none
	// OrderDay and OrderNumber tell the customer's order that it is about; -1: none.
	OrderDay, OrderNumber int
	Product               int    // -1: none
	Category              string // "": none
	Quantity              int64  // 0: none
	Amount                int64  // 0: none
	Campaign              string // "": none
	// AnswersDay and AnswersSeq tell the customer's interaction that it answers; -1: none.
	AnswersDay, AnswersSeq int
	Rating                 int // 0: none
	// Guest says that nobody knows whose it is.
	Guest bool
}

// Product is one thing that the shop sells. Money is in 1/10,000.
type Product struct {
	ID, Name, Category string
	Price              int64 // list price in the first year
	Cost               int64 // 0: not known
}

// Customer is one customer that has joined.
type Customer struct {
	Number int
	ID     string
	Joined time.Time // day, as a UTC midnight
}

// Recorder takes the rows of a shop. What it gets is valid only during the call.
type Recorder interface {
	OrderLine(*OrderLine) error
	Interaction(*Interaction) error
}

// Products lists what the shop sells, by number.
func (s *Shop) Products() []Product {
	out := make([]Product, len(s.goods.products))
	for i, p := range s.goods.products {
		out[i] = Product{ID: p.id, Name: p.name, Category: s.goods.names[p.category], Price: p.price, Cost: p.cost}
	}
	return out
}

// EachCustomer gives the customers that join before the shop's end, by number.
func (s *Shop) EachCustomer(yield func(Customer) error) error {
	if s.next == nobody {
		s.populate(s.cfg.Customers, 1)
	}
	var id []byte
	for i := range s.customers {
		id = appendCustomer(id[:0], i)
		joined := s.cfg.Start.AddDate(0, 0, int(s.customers[i].joined))
		if err := yield(Customer{Number: i, ID: string(id), Joined: joined}); err != nil {
			return err
		}
	}
	return nil
}

// Record gives all rows of the shop's time to r, day by day, and within a day customer
// by customer: the events of WriteDays as something that is no file can take them. The
// only dirt is rows without a customer; a Summary's files and bytes are 0.
func (s *Shop) Record(ctx context.Context, r Recorder, progress func(Progress)) (Summary, error) {
	sum := Summary{From: s.cfg.Start, To: s.cfg.End, Customers: s.cfg.Customers}
	if err := s.skipTo(ctx, 0); err != nil {
		return sum, err
	}
	s.next = nobody // until all went well
	out := &recording{shop: s, sum: &sum, to: r}
	for day := range s.days {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		if err := s.liveDay(day, out); err != nil {
			return sum, fmt.Errorf("writing %s: %w", s.stamps[day].long, err)
		}
		if progress != nil {
			progress(Progress{Day: s.stamps[day].date, Done: day + 1, Total: s.days, Rows: sum.OrderLines.Rows + sum.Interactions.Rows})
		}
	}
	s.next = s.days
	return sum, nil
}

// recording gives rows to a Recorder and counts them.
type recording struct {
	shop        *Shop
	sum         *Summary
	to          Recorder
	line        OrderLine // reused
	interacting Interaction
}

// dirtIn is clean or missingCustomer: other dirt needs files.
func (r *recording) dirtIn(customer, day, a, b int) dirt {
	if d := r.shop.dirtOf(customer, day, a, b, false); d == missingCustomer {
		return d
	}
	return clean
}

func (r *recording) order(l *orderLine) error {
	d := r.dirtIn(l.customer, l.day, l.number, 0)
	if l.line == 1 {
		r.sum.Orders++
	}
	r.sum.OrderLines.add(d)
	r.line = OrderLine{
		Customer: l.customer, Day: l.day, Number: l.number, Line: l.line, At: l.at, Product: l.product,
		Quantity: l.quantity, Price: l.price, Discount: l.discount, Guest: d == missingCustomer,
	}
	return r.to.OrderLine(&r.line)
}

func (r *recording) interaction(i *interaction) error {
	d := r.dirtIn(i.customer, i.day, 1<<20, i.seq)
	r.sum.Interactions.add(d)
	r.interacting = Interaction{
		Customer: i.customer, Day: i.day, Seq: i.seq, At: i.at, Kind: kindNames[i.kind], Channel: channelNames[i.channel],
		OrderDay: i.orderDay, OrderNumber: i.orderNo, Product: i.product, Quantity: i.quantity, Amount: i.amount,
		Campaign: i.campaign, AnswersDay: i.answersDay, AnswersSeq: i.answersSeq, Rating: i.rating, Guest: d == missingCustomer,
	}
	if i.category != none {
		r.interacting.Category = r.shop.goods.names[i.category]
	}
	return r.to.Interaction(&r.interacting)
}
