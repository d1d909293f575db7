package landing

import (
	"encoding/binary"
	"math/big"
	"math/bits"

	"github.com/parquet-go/parquet-go"
)

// decimalLimit is ten to the power of a precision, the first number that has too many
// digits.
type decimalLimit struct{ hi, lo uint64 }

func limitOf(precision int) decimalLimit {
	l := decimalLimit{lo: 1}
	for range precision {
		l.hi, l.lo, _ = timesTen(l.hi, l.lo, 0)
	}
	return l
}

func (l decimalLimit) fits64(v int64) bool {
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	return l.fits(0, magnitude)
}

func (l decimalLimit) fits(hi, lo uint64) bool { return hi < l.hi || hi == l.hi && lo < l.lo }

// timesTen gives ten times a number of 128 bits plus a digit; ok is false when it is
// too large.
func timesTen(hi, lo uint64, digit byte) (newHi, newLo uint64, ok bool) {
	over, newLo := bits.Mul64(lo, 10)
	newLo, carry := bits.Add64(newLo, uint64(digit), 0)
	top, newHi := bits.Mul64(hi, 10)
	newHi, carry = bits.Add64(newHi, over, carry)
	return newHi, newLo, top == 0 && carry == 0
}

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// magnitude sets a value of a Decimal column from its absolute value.
func (w *Writer) magnitude(i int, hi, lo uint64, negative bool) {
	c := &w.cols[i]
	if !c.limit.fits(hi, lo) {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], hi)
		binary.BigEndian.PutUint64(b[8:], lo)
		v := new(big.Int).SetBytes(b[:])
		if negative {
			v.Neg(v)
		}
		w.Unfit(i, unscaledText(v, c.Scale))
		return
	}
	if c.class != classDec128 {
		v := int64(lo) // at most 18 digits
		if negative {
			v = -v
		}
		w.Decimal64(i, v)
		return
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	w.decimal128(i, int64(hi), lo)
}

// decimal128 stores a number of up to 38 digits: 16 bytes in two's complement.
func (w *Writer) decimal128(i int, hi int64, lo uint64) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(hi))
	binary.BigEndian.PutUint64(b[8:], lo)
	w.set(i, classDec128, 0, parquet.FixedLenByteArrayValue(w.keep(b[:])))
}

// DecimalText sets a value of a Decimal column from text as servers write it, such as
// -12.50. What is no such number, or has other digits than zeros behind the column's
// scale, or too many before the point, is unfit.
func (w *Writer) DecimalText(i int, text []byte) {
	hi, lo, negative, ok := parseDecimal(text, w.cols[i].Scale)
	if !ok || !w.cols[i].limit.fits(hi, lo) {
		w.Unfit(i, string(text))
		return
	}
	w.magnitude(i, hi, lo, negative)
}

// parseDecimal reads digits with at most one point, and gives the number without its
// point, with scale digits behind it.
func parseDecimal(text []byte, scale int) (hi, lo uint64, negative, ok bool) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative, text = text[0] == '-', text[1:]
	}
	digits, behind, point := 0, 0, false
	for _, b := range text {
		switch {
		case b == '.' && !point:
			point = true
			continue
		case b < '0' || b > '9':
			return 0, 0, false, false
		}
		digits++
		if point {
			if behind++; behind > scale {
				if b != '0' {
					return 0, 0, false, false
				}
				continue
			}
		}
		if hi, lo, ok = timesTen(hi, lo, b-'0'); !ok {
			return 0, 0, false, false
		}
	}
	for ; behind < scale; behind++ {
		if hi, lo, ok = timesTen(hi, lo, 0); !ok {
			return 0, 0, false, false
		}
	}
	return hi, lo, negative, digits > 0
}

// unscaledText writes a number that does not fit as a decimal.
func unscaledText(v *big.Int, scale int) string {
	digits := new(big.Int).Abs(v).String()
	for len(digits) <= scale {
		digits = "0" + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if v.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}
