package linear

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/models"
)

// A saved model: unsigned varints for counts, 8 bytes little endian for numbers.
//
//	"LIN1", intercept, number of features, each:
//	  length and bytes of its name
//	  a byte: 1 has a value input, 2 has a flag input, 4 takes the logarithm
//	  with a value input: low, high, mean, sd, coefficient
//	  with a flag input: rate, sd, coefficient
const codecMagic = "LIN1"

const (
	bitValue = 1 << iota
	bitFlag
	bitLog
)

// numbers are the fields that a column writes, in order.
func (c *column) numbers() []*float64 {
	var out []*float64
	if c.useValue {
		out = append(out, &c.low, &c.high, &c.mean, &c.sd, &c.coef)
	}
	if c.useFlag {
		out = append(out, &c.rate, &c.flagSD, &c.flagCoef)
	}
	return out
}

// MarshalBinary writes features, columns and coefficients.
func (m *Model) MarshalBinary() ([]byte, error) {
	if m.features == nil {
		return nil, fmt.Errorf("saving a linear model: %w", models.ErrNotFitted)
	}
	b := binary.LittleEndian.AppendUint64([]byte(codecMagic), math.Float64bits(m.intercept))
	b = binary.AppendUvarint(b, uint64(len(m.features)))
	for j, name := range m.features {
		c := m.columns[j]
		b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		b = append(b, c.bits())
		for _, v := range c.numbers() {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(*v))
		}
	}
	return b, nil
}

func (c *column) bits() (b byte) {
	if c.useValue {
		b |= bitValue
	}
	if c.useFlag {
		b |= bitFlag
	}
	if c.log {
		b |= bitLog
	}
	return b
}

// UnmarshalBinary restores what MarshalBinary wrote.
func (m *Model) UnmarshalBinary(b []byte) error {
	r := reader{b: b}
	loaded := Model{params: m.params}
	if string(r.take(uint64(len(codecMagic)))) != codecMagic {
		r.fail("it does not begin with " + codecMagic)
	}
	loaded.intercept = r.number()
	for n := r.count(); n > 0 && r.err == nil; n-- {
		loaded.features = append(loaded.features, string(r.take(r.count())))
		loaded.columns = append(loaded.columns, r.column())
	}
	if len(r.b) > 0 || len(loaded.features) == 0 {
		r.fail("no features, or bytes left over")
	}
	if r.err != nil {
		return fmt.Errorf("loading a linear model: %w", r.err)
	}
	*m = loaded
	return nil
}

// reader reads with one sticky error.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", models.ErrCorrupt, what)
	}
	r.b = nil
}

func (r *reader) take(n uint64) []byte {
	if uint64(len(r.b)) < n {
		r.fail("it ends too early")
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) count() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(len(r.b)) {
		r.fail("a count is out of range")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) number() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail("a number is not finite")
	}
	return v
}

func (r *reader) column() (c column) {
	bits := r.take(1)
	if bits == nil {
		return c
	}
	c.useValue, c.useFlag, c.log = bits[0]&bitValue != 0, bits[0]&bitFlag != 0, bits[0]&bitLog != 0
	for _, v := range c.numbers() {
		*v = r.number()
	}
	switch {
	case bits[0] >= bitLog<<1 || c.log && (!c.useValue || c.low < 0):
		r.fail("a column has an unknown form")
	case c.useValue && !(c.sd > 0 && c.low <= c.high), c.useFlag && !(c.flagSD > 0):
		r.fail("a column has impossible limits")
	}
	return c
}
