package clv

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrBadRow is wrapped by the errors about rows that no customer can have.
var ErrBadRow = errors.New("no customer can look like this")

// maxDays bounds ages; it keeps three fields of a row in one sort key.
const maxDays = 1<<21 - 1

// maxValue bounds values, so that sums of squares stay finite.
const maxValue = 1e15

// week is the number of days of the time unit of the fitted parameters, the unit
// of the published ones.
const week = 7.0

// Row is what the models see of a customer at a cutoff, or of several customers
// that look the same. Days are whole days; several orders of one day are one.
type Row struct {
	Frequency int // x: days with an order after the first such day
	Recency   int // t_x: days from the first order day to the last
	Age       int // T: days from the first order day to the cutoff
	// Second is the days from the first order day to the second, 0 when there
	// was none or it is not known. It sharpens what is known of one-time buyers.
	Second int
	// Value is the mean value (revenue or margin) of Values order days. The
	// Gamma-Gamma literature takes the repeat orders (Values = Frequency); to
	// learn from first orders too, take all (Values = Frequency + 1). Do the same
	// for every row. Values = 0: no value is known.
	Value  float64
	Values int
	Count  int // customers that look like this; 0 counts as 1
}

// Summary is the past of a customer in the terms of a table of order days.
// Days are day numbers from any fixed day; the cutoff is the first day not seen.
type Summary struct {
	First, Last, Cutoff int
	Second              int // the second order day; First when unknown or none
	Days                int // distinct days with an order, the first included
	// RepeatValue is the sum of values on all order days but the first.
	RepeatValue float64
}

// Row derives the models' row: x = Days-1, t_x = Last-First, T = Cutoff-First,
// and the mean of RepeatValue over x. The first order's value is left out, as in
// Fader and Hardie, since first orders often differ.
func (s Summary) Row() (Row, error) {
	r := Row{Frequency: s.Days - 1, Recency: s.Last - s.First, Age: s.Cutoff - s.First, Second: s.Second - s.First, Count: 1}
	if s.Days < 1 {
		return r, fmt.Errorf("%w: %d order days", ErrBadRow, s.Days)
	}
	if r.Frequency > 0 {
		r.Value, r.Values = s.RepeatValue/float64(r.Frequency), r.Frequency
	}
	return r, r.Check()
}

// Order is one order, or the part of one, by day number.
type Order struct {
	Day   int
	Value float64
}

// FromOrders builds the row of a customer from its orders in any order. Orders
// of the cutoff day and later are not seen; orders of one day are added up. A
// customer with no order before the cutoff has no row: ok is false.
func FromOrders(orders []Order, cutoff int) (r Row, ok bool, err error) {
	past := slices.DeleteFunc(slices.Clone(orders), func(o Order) bool { return o.Day >= cutoff })
	if len(past) == 0 {
		return Row{}, false, nil
	}
	slices.SortFunc(past, func(a, b Order) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Value, b.Value)) })
	s := Summary{First: past[0].Day, Second: past[0].Day, Last: past[len(past)-1].Day, Cutoff: cutoff}
	for i, o := range past {
		if i == 0 || o.Day != past[i-1].Day {
			if s.Days++; s.Days == 2 {
				s.Second = o.Day
			}
		}
		if o.Day != s.First {
			s.RepeatValue += o.Value
		}
	}
	r, err = s.Row()
	return r, err == nil, err
}

// Check reports what cannot be; the error wraps [ErrBadRow].
func (r Row) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrBadRow}, args...)...)
	}
	switch {
	case r.Frequency < 0 || r.Recency < 0 || r.Age < 0 || r.Count < 0 || r.Values < 0 || r.Second < 0:
		return bad("a negative number in %+v", r)
	case r.Age > maxDays:
		return bad("an age of %d days", r.Age)
	case r.Recency > r.Age:
		return bad("the last order came %d days after the first, the cutoff only %d", r.Recency, r.Age)
	case r.Frequency > r.Recency:
		return bad("%d order days within %d days after the first", r.Frequency, r.Recency)
	case r.Frequency == 0 && (r.Recency > 0 || r.Second > 0):
		return bad("one order day, but a last or second one %d days later", max(r.Recency, r.Second))
	case r.Second > r.Recency || r.Frequency == 1 && r.Second != 0 && r.Second != r.Recency:
		return bad("the second order came after %d days, the last after %d", r.Second, r.Recency)
	case r.Values > r.Frequency+1:
		return bad("values of %d order days, of which there are %d", r.Values, r.Frequency+1)
	case !(math.Abs(r.Value) <= maxValue):
		return bad("a value of %v", r.Value)
	}
	return nil
}

func (r Row) weight() float64 { return float64(max(r.Count, 1)) }

func (r Row) silence() int { return r.Age - r.Recency }

// firstGap is the days to the second order; when it is not known, the mean gap.
func (r Row) firstGap() float64 {
	if r.Second > 0 {
		return float64(r.Second)
	}
	return float64(r.Recency) / float64(r.Frequency)
}

// obs is a distinct (x, t_x, T) with the customers that have it; times in weeks.
type obs struct {
	x      int
	tx, t  float64
	weight float64
}

// aggregate merges rows of equal (x, t_x, T), in their order. In whole days a
// million customers have far fewer distinct rows, and the likelihood of equal
// rows is the same number: this is what makes a fit fast, without approximation.
func aggregate(rows []Row) []obs {
	type keyed struct{ key, n uint64 }
	keys := make([]keyed, len(rows))
	for i, r := range rows {
		keys[i] = keyed{uint64(r.Frequency)<<42 | uint64(r.Age)<<21 | uint64(r.Recency), uint64(max(r.Count, 1))}
	}
	slices.SortFunc(keys, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	n := 0 // distinct ones
	for i, k := range keys {
		if i > 0 && k.key == keys[n-1].key {
			keys[n-1].n += k.n
			continue
		}
		keys[n] = k
		n++
	}
	out := make([]obs, n)
	for i, k := range keys[:n] {
		out[i] = obs{int(k.key >> 42), float64(k.key&maxDays) / week, float64(k.key>>21&maxDays) / week, float64(k.n)}
	}
	return out
}
