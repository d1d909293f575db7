package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// numeric reads the binary form of numerics: digits to the base 10000, the first of
// which counts 10000^weight.
type numeric struct {
	value, part big.Int
}

// Signs of numerics.
const (
	signMinus       = 0x4000
	signNaN         = 0xc000
	signInfinity    = 0xd000
	signMinInfinity = 0xf000
)

var errNumeric = errors.New("a numeric that cannot be read")

var powersOfTen = [...]int64{1, 10, 100, 1000, 10000}

// decode gives a value to sink with scale digits behind the point.
func (n *numeric) decode(sink relational.Sink, i int, v []byte, scale int) error {
	if len(v) < 8 {
		return errNumeric
	}
	digits := int(binary.BigEndian.Uint16(v))
	weight := int(int16(binary.BigEndian.Uint16(v[2:])))
	sign := binary.BigEndian.Uint16(v[4:])
	v = v[8:]
	if len(v) != 2*digits {
		return errNumeric
	}
	switch sign {
	case signNaN:
		sink.Unfit(i, "NaN")
		return nil
	case signInfinity:
		sink.Unfit(i, "Infinity")
		return nil
	case signMinInfinity:
		sink.Unfit(i, "-Infinity")
		return nil
	}
	if digits == 0 {
		sink.Decimal64(i, 0)
		return nil
	}
	// The last digit counts 10000^(weight-digits+1), so that its last decimal place is
	// exp places before (or, below zero, within) the last one that the scale keeps.
	exp := 4*(weight-digits+1) + scale
	if exp <= -4 {
		return fmt.Errorf("%w: it has more digits behind the point than its type allows", errNumeric)
	}
	// A result below 10^18 fits, and so does every step on the way to it.
	if 4*digits+exp <= 18 {
		return decode64(sink, i, v, sign == signMinus, exp)
	}
	return n.decodeBig(sink, i, v, sign == signMinus, exp)
}

func digit(v []byte) int64 { return int64(binary.BigEndian.Uint16(v)) }

func decode64(sink relational.Sink, i int, v []byte, negative bool, exp int) error {
	var out int64
	last := len(v) - 2
	for at := 0; at < last; at += 2 {
		out = out*10000 + digit(v[at:])
	}
	if exp < 0 {
		cut := powersOfTen[-exp]
		if digit(v[last:])%cut != 0 {
			return fmt.Errorf("%w: it has more digits behind the point than its type allows", errNumeric)
		}
		out = out*powersOfTen[4+exp] + digit(v[last:])/cut
	} else {
		out = out*10000 + digit(v[last:])
		for ; exp > 0; exp-- {
			out *= 10
		}
	}
	if negative {
		out = -out
	}
	sink.Decimal64(i, out)
	return nil
}

// decodeBig does the same for any number of digits.
func (n *numeric) decodeBig(sink relational.Sink, i int, v []byte, negative bool, exp int) error {
	if exp > 1000 {
		return errNumeric
	}
	n.value.SetInt64(0)
	for at := 0; at < len(v); at += 2 {
		n.value.Mul(&n.value, n.part.SetInt64(10000))
		n.value.Add(&n.value, n.part.SetInt64(digit(v[at:])))
	}
	for ; exp > 0; exp-- {
		n.value.Mul(&n.value, n.part.SetInt64(10))
	}
	if exp < 0 {
		cut := powersOfTen[-exp]
		if digit(v[len(v)-2:])%cut != 0 {
			return fmt.Errorf("%w: it has more digits behind the point than its type allows", errNumeric)
		}
		n.value.Quo(&n.value, n.part.SetInt64(cut))
	}
	if negative {
		n.value.Neg(&n.value)
	}
	sink.DecimalBig(i, &n.value)
	return nil
}

// dateText is a date that does not fit as the server writes it, from days since
// 2000-01-01.
func dateText(days int32) string {
	switch days {
	case math.MaxInt32:
		return "infinity"
	case math.MinInt32:
		return "-infinity"
	}
	date, era := civil(int64(days))
	return date + era
}

// timeText does the same for a timestamp, from microseconds since then.
func timeText(micros int64, instant bool) string {
	switch micros {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	days, rest := micros/microsOfDay, micros%microsOfDay
	if rest < 0 {
		days, rest = days-1, rest+microsOfDay
	}
	date, era := civil(days)
	text := date + " " + time.UnixMicro(rest).UTC().Format("15:04:05.999999")
	if instant {
		text += "+00"
	}
	return text + era
}

func civil(days int64) (date, era string) {
	t := time.Unix((days+epochDays)*86400, 0).UTC()
	year := t.Year()
	if year < 1 {
		year, era = 1-year, " BC"
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, t.Month(), t.Day()), era
}
