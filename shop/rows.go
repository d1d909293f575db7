package shop

import "strconv"

// none stands for "no such thing" in the numbers of a row.
const none = -1

// orderLine is one line of an order, before it is written. Money is in
// 1/10,000, quantities are whole units.
type orderLine struct {
	customer, day int
	number        int // of the order among the customer's of that day
	line          int // from 1
	at            int64
	product       int
	quantity      int64
	price         int64 // per unit
	discount      int64 // off the line
	cost          int64 // per unit; 0: not known
}

// interaction is anything else, before it is written.
type interaction struct {
	customer, day int
	seq           int // among the customer's of that day, from 1
	at            int64
	kind          kind
	channel       channel
	orderDay      int // none: no order
	orderNo       int
	product       int // or none
	category      int // or none
	quantity      int64
	amount        int64
	campaign      string
	answersDay    int // none: answers no other interaction
	answersSeq    int
	rating        int // 0: none
}

// sink takes rows in the order in which they are made. What it gets is only
// valid during the call.
type sink interface {
	order(*orderLine) error
	interaction(*interaction) error
}

// discard is the sink of days that are only lived through.
type discard struct{}

func (discard) order(*orderLine) error         { return nil }
func (discard) interaction(*interaction) error { return nil }

// appendPadded writes n with at least w digits.
func appendPadded(b []byte, n uint64, w int) []byte {
	var buf [20]byte
	t := strconv.AppendUint(buf[:0], n, 10)
	for i := len(t); i < w; i++ {
		b = append(b, '0')
	}
	return append(b, t...)
}

// Ids say whom and when they belong to, so that a later row can name an
// earlier one without anything having been kept:
// C000042, O-240301-000042-1, I-240301-000042-07.

func appendCustomer(b []byte, customer int) []byte {
	return appendPadded(append(b, 'C'), uint64(customer)+1, 6)
}

func (s *Shop) appendOrder(b []byte, day, customer, number int) []byte {
	b = append(append(b, "O-"...), s.stamps[day].short...)
	b = appendPadded(append(b, '-'), uint64(customer)+1, 6)
	return appendPadded(append(b, '-'), uint64(number), 1)
}

func (s *Shop) appendInteraction(b []byte, day, customer, seq int) []byte {
	b = append(append(b, "I-"...), s.stamps[day].short...)
	b = appendPadded(append(b, '-'), uint64(customer)+1, 6)
	return appendPadded(append(b, '-'), uint64(seq), 2)
}

// appendDecimal writes n/10^scale exactly.
func appendDecimal(b []byte, n int64, scale int) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	unit := int64(1)
	for range scale {
		unit *= 10
	}
	b = strconv.AppendInt(b, n/unit, 10)
	if scale == 0 {
		return b
	}
	return appendPadded(append(b, '.'), uint64(n%unit), scale)
}
