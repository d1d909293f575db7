package database

import (
	"strconv"
	"time"

	"github.com/mainstay-etl/mainstay/shop"
)

// Rows are written in the text format that COPY and LOAD DATA share: fields parted by
// tabs, \N for NULL.

// ids gives rows the numbers by which others name them, without keeping any: orders
// and interactions are numbered by day, customer and number within the customer's day,
// which also lets them grow over time. Lines are simply counted.
type ids struct{ day int64 }

const (
	perCustomer = 1000 // most orders, and interactions, of a customer on a day
	noID        = -1
)

// newIDs leaves room for so many customers a day.
func newIDs(customers int) ids {
	room := int64(1)
	for room <= int64(customers) {
		room *= 10
	}
	return ids{day: room * perCustomer}
}

// of numbers an order or an interaction. Customer's number is from 0.
func (i ids) of(day, customer, number int) int64 {
	if day < 0 {
		return noID
	}
	return int64(day+1)*i.day + int64(customer+1)*perCustomer + int64(number)
}

// customerID and productID are numbers from 1, those in the ids of the shop's files.
func customerID(number int) int64 { return int64(number) + 1 }

func productID(number int) int64 {
	if number < 0 {
		return noID
	}
	return int64(number) + 1
}

// encoder appends fields to a row.
type encoder struct {
	b    []byte
	day  int64 // of date, since 1970
	date []byte
}

func (e *encoder) start(b []byte) { e.b = b }

// end gives the row with its newline.
func (e *encoder) end() []byte {
	e.b[len(e.b)-1] = '\n' // instead of the last tab
	return e.b
}

func (e *encoder) null() { e.b = append(e.b, `\N`+"\t"...) }

func (e *encoder) int(n int64) { e.b = append(strconv.AppendInt(e.b, n, 10), '\t') }

// optional writes NULL for a number below least.
func (e *encoder) optional(n, least int64) {
	if n < least {
		e.null()
		return
	}
	e.int(n)
}

// text writes NULL for an empty text.
func (e *encoder) text(s string) {
	if s == "" {
		e.null()
		return
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '\t':
			e.b = append(e.b, `\t`...)
		case '\n':
			e.b = append(e.b, `\n`...)
		case '\r':
			e.b = append(e.b, `\r`...)
		case '\\':
			e.b = append(e.b, `\\`...)
		default:
			e.b = append(e.b, c)
		}
	}
	e.b = append(e.b, '\t')
}

// money writes an amount in 1/10,000, which is whole cents and not negative.
func (e *encoder) money(n int64) {
	cents := n / 100
	e.b = append(strconv.AppendInt(e.b, cents/100, 10), '.', byte('0'+cents/10%10), byte('0'+cents%10), '\t')
}

// time writes a moment in UTC.
func (e *encoder) time(seconds, micros int64) {
	day, second := seconds/86400, seconds%86400
	if second < 0 {
		day, second = day-1, second+86400
	}
	if day != e.day || e.date == nil {
		e.day, e.date = day, time.Unix(day*86400, 0).UTC().AppendFormat(e.date[:0], time.DateOnly)
	}
	e.b = append(append(e.b, e.date...), ' ')
	e.two(second/3600, ':')
	e.two(second/60%60, ':')
	e.two(second%60, '.')
	for unit := int64(100000); unit > 0; unit /= 10 {
		e.b = append(e.b, byte('0'+micros/unit%10))
	}
	e.b = append(e.b, '\t')
}

func (e *encoder) two(n int64, then byte) {
	e.b = append(e.b, byte('0'+n/10), byte('0'+n%10), then)
}

// writer is the Recorder that turns a shop's rows into those of the tables.
type writer struct {
	ids                         ids
	end                         int64 // of the shop's time: nothing was changed later
	interacting                 bool  // interactions are wanted
	orders, lines, interactions *feed
	count                       int64 // of lines
	written                     int64 // rows
	row                         encoder
}

// age is how long a row went unchanged after it was made: mostly it never changed.
func age(h uint64, changed float64, most int64) int64 {
	if unit(h) >= changed {
		return 0
	}
	return int64(mix(h) % uint64(most))
}

// touched writes when a row that was made at a moment was last changed.
func (w *writer) touched(at, age int64, h uint64) {
	if at+age >= w.end {
		age = 0
	}
	w.row.time(at+age, int64(mix(h+1)%1e6))
}

// statuses of an order by its age in days.
var statuses = [...]string{"placed", "paid", "packed", "shipped"}

// OrderLine writes a line, and its order with the first of them.
func (w *writer) OrderLine(l *shop.OrderLine) error {
	order := w.ids.of(l.Day, l.Customer, l.Number)
	r := &w.row
	if l.Line == 1 {
		h := mix(uint64(order))
		r.start(w.orders.own)
		r.int(order)
		if l.Guest {
			r.null()
		} else {
			r.int(customerID(l.Customer))
		}
		r.time(l.At, 0)
		status := "delivered"
		if days := (w.end - l.At) / 86400; days < int64(len(statuses)) {
			status = statuses[max(days, 0)]
		}
		r.text(status)
		w.touched(l.At, age(h, .9, 4*86400), h)
		w.written++
		if err := w.orders.put(r.end()); err != nil {
			return err
		}
	}
	w.count++
	w.written++
	h := mix(uint64(order)<<3 + uint64(l.Line))
	r.start(w.lines.own)
	r.int(w.count)
	r.int(order)
	r.int(productID(l.Product))
	r.int(l.Quantity)
	r.money(l.Price)
	r.money(l.Discount)
	w.touched(l.At, age(h, .1, 20*86400), h)
	return w.lines.put(r.end())
}

// Interaction writes an interaction.
func (w *writer) Interaction(i *shop.Interaction) error {
	if !w.interacting {
		return nil
	}
	id := w.ids.of(i.Day, i.Customer, i.Seq)
	r := &w.row
	r.start(w.interactions.own)
	r.int(id)
	if i.Guest {
		r.null()
	} else {
		r.int(customerID(i.Customer))
	}
	r.time(i.At, 0)
	r.text(i.Kind)
	r.text(i.Channel)
	r.optional(w.ids.of(i.OrderDay, i.Customer, i.OrderNumber), 0)
	r.optional(productID(i.Product), 0)
	r.text(i.Category)
	r.optional(i.Quantity, 1)
	if i.Amount == 0 {
		r.null()
	} else {
		r.money(i.Amount)
	}
	r.text(i.Campaign)
	r.optional(w.ids.of(i.AnswersDay, i.Customer, i.AnswersSeq), 0)
	r.optional(int64(i.Rating), 1)
	w.touched(i.At, 0, mix(uint64(id)))
	w.written++
	return w.interactions.put(r.end())
}

// mix is the finalizer of SplitMix64; unit a number from 0 to 1 of it.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }
