package models

import "math"

// Column holds one feature in the narrowest form that loses nothing, so At is
// always exact: a byte per row for flags and small counts, float32 for days and
// larger counts, float64 for the rest. A column that came from a joined table
// keeps that table's values once and an index.
type Column struct {
	// One of the three is set.
	tiny   []uint8 // missing: noValue
	narrow []float32
	wide   []float64
	index  []int32
}

// noValue is a missing value in a column of bytes, which so holds 0 to 254.
const noValue = math.MaxUint8

// At is the value in row i; NaN means missing.
func (c Column) At(i int) float64 {
	if c.index != nil {
		i = int(c.index[i])
	}
	switch {
	case c.wide != nil:
		return c.wide[i]
	case c.narrow != nil:
		return float64(c.narrow[i])
	}
	return fromByte[c.tiny[i]]
}

// AppendTo appends rows [from, to) to dst.
func (c Column) AppendTo(dst []float64, from, to int) []float64 {
	for i := from; i < to; i++ {
		dst = append(dst, c.At(i))
	}
	return dst
}

// fromByte is what the bytes of a column mean.
var fromByte = func() (values [math.MaxUint8 + 1]float64) {
	for i := range values {
		values[i] = float64(i)
	}
	values[noValue] = math.NaN()
	return values
}()

// compact copies values into a column.
func compact(values []float64) (c Column) {
	tiny, narrow := true, true
	for _, v := range values {
		if v != v {
			continue
		}
		tiny = tiny && v >= 0 && v < noValue && v == math.Trunc(v) && !math.Signbit(v)
		if narrow = tiny || narrow && float64(float32(v)) == v; !narrow {
			break
		}
	}
	switch {
	case tiny && narrow:
		c.tiny = make([]uint8, len(values))
		for i, v := range values {
			if c.tiny[i] = noValue; v == v {
				c.tiny[i] = uint8(v)
			}
		}
	case narrow:
		c.narrow = make([]float32, len(values))
		for i, v := range values {
			c.narrow[i] = float32(v)
		}
	default:
		c.wide = append(make([]float64, 0, len(values)), values...)
	}
	return c
}

// stored is how many values the column holds; with an index, of the joined table.
func (c Column) stored() int { return len(c.tiny) + len(c.narrow) + len(c.wide) }

// choose returns the column of the given rows. Values of joined columns are shared.
func (c Column) choose(rows []int32, index func(old []int32) []int32) Column {
	switch {
	case c.index != nil:
		c.index = index(c.index)
	case c.wide != nil:
		c.wide = take(c.wide, rows)
	case c.narrow != nil:
		c.narrow = take(c.narrow, rows)
	default:
		c.tiny = take(c.tiny, rows)
	}
	return c
}

func take[T any](from []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}
