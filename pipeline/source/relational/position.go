package relational

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// cell is one value of a row, kept without an allocation once its buffer has grown.
type cell struct {
	is    cellKind
	n     int64 // of the kinds that fit
	bytes []byte
}

type cellKind int8

const (
	cellNull cellKind = iota
	cellNumber
	cellBytes
	cellDecimalText
	cellUnfit
)

func (c *cell) number(n int64) { c.is, c.n = cellNumber, n }

func (c *cell) text(is cellKind, b []byte) { c.is, c.bytes = is, append(c.bytes[:0], b...) }

func (c *cell) equal(o *cell) bool {
	switch {
	case c.is != o.is:
		return false
	case c.is == cellNumber:
		return c.n == o.n
	}
	return bytes.Equal(c.bytes, o.bytes)
}

// value is the text of a cell of a field, as dialects take it.
func (c *cell) value(col source.Column) string {
	switch c.is {
	case cellNumber:
		return numberText(col, c.n)
	case cellBytes:
		if col.Kind == source.Bytes {
			return hex.EncodeToString(c.bytes)
		}
	}
	return string(c.bytes)
}

const (
	dateLayout = "2006-01-02"
	timeLayout = "2006-01-02 15:04:05.000000"
)

// numberText writes a value that fits in an int64.
func numberText(col source.Column, n int64) string {
	switch col.Kind {
	case source.Uint:
		return strconv.FormatUint(uint64(n), 10)
	case source.Date:
		return time.Unix(n*86400, 0).UTC().Format(dateLayout)
	case source.Timestamp:
		return time.UnixMicro(n).UTC().Format(timeLayout)
	case source.Instant:
		return time.UnixMicro(n).UTC().Format(timeLayout) + "+00"
	case source.Decimal:
		return decimalText(strconv.FormatInt(n, 10), col.Scale)
	}
	return strconv.FormatInt(n, 10)
}

// decimalText puts the point into digits.
func decimalText(digits string, scale int) string {
	if scale == 0 {
		return digits
	}
	digits, negative := strings.CutPrefix(digits, "-")
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	text := digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	if negative {
		text = "-" + text
	}
	return text
}

// capture hands rows on to another sink and remembers the last value of some columns:
// those that the rows are ordered by.
//
// A query asks for one row more than the page has. That row is not handed on: it says
// that there are more, and that the next page does not begin with the same values.
type capture struct {
	Sink
	slots     []int // of each column, -1 for those that are not remembered
	now, last []cell
	limit     int64                        // rows of the page
	rows      int64                        // of the page so far
	more      bool                         // there was one row more
	follows   bool                         // last holds the row before
	check     func(now, last []cell) error // of every row; last is nil for the first
}

// newCapture remembers the columns with the given indices.
func newCapture(columns int, remember []int) *capture {
	c := &capture{slots: make([]int, columns), now: make([]cell, len(remember)), last: make([]cell, len(remember))}
	for i := range c.slots {
		c.slots[i] = -1
	}
	for slot, i := range remember {
		c.slots[i] = slot
	}
	return c
}

// page begins a page of at most limit rows for a sink.
func (c *capture) page(to Sink, limit int) {
	c.Sink, c.limit, c.rows, c.more = to, int64(limit), 0, false
}

// EndRow ends a row.
func (c *capture) EndRow() error {
	if c.check != nil {
		last := c.last
		if !c.follows {
			last = nil
		}
		if err := c.check(c.now, last); err != nil {
			return err
		}
	}
	if c.rows == c.limit {
		c.more = true
		return nil
	}
	c.now, c.last, c.follows = c.last, c.now, true
	err := c.Sink.EndRow()
	if c.rows++; c.rows == c.limit {
		c.Sink = nowhere{}
	}
	return err
}

func (c *capture) Null(i int) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].is = cellNull
	}
	c.Sink.Null(i)
}

func (c *capture) Int(i int, v int64) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(v)
	}
	c.Sink.Int(i, v)
}

func (c *capture) Uint(i int, v uint64) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(int64(v))
	}
	c.Sink.Uint(i, v)
}

func (c *capture) Bool(i int, v bool) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(0)
		if v {
			c.now[s].n = 1
		}
	}
	c.Sink.Bool(i, v)
}

func (c *capture) Text(i int, v []byte) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].text(cellBytes, v)
	}
	c.Sink.Text(i, v)
}

func (c *capture) Blob(i int, v []byte) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].text(cellBytes, v)
	}
	c.Sink.Blob(i, v)
}

func (c *capture) Date(i int, days int32) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(int64(days))
	}
	c.Sink.Date(i, days)
}

func (c *capture) Time(i int, micros int64) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(micros)
	}
	c.Sink.Time(i, micros)
}

func (c *capture) Decimal64(i int, unscaled int64) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].number(unscaled)
	}
	c.Sink.Decimal64(i, unscaled)
}

func (c *capture) DecimalBig(i int, unscaled *big.Int) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].text(cellDecimalText, []byte(unscaled.String()))
	}
	c.Sink.DecimalBig(i, unscaled)
}

func (c *capture) DecimalText(i int, text []byte) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].text(cellBytes, text)
	}
	c.Sink.DecimalText(i, text)
}

func (c *capture) Unfit(i int, raw string) {
	if s := c.slots[i]; s >= 0 {
		c.now[s].text(cellUnfit, []byte(raw))
	}
	c.Sink.Unfit(i, raw)
}

// nowhere takes rows that only the capture before it is interested in.
type nowhere struct{}

func (nowhere) Null(int)                 {}
func (nowhere) Int(int, int64)           {}
func (nowhere) Uint(int, uint64)         {}
func (nowhere) Bool(int, bool)           {}
func (nowhere) Float(int, float64)       {}
func (nowhere) Text(int, []byte)         {}
func (nowhere) Blob(int, []byte)         {}
func (nowhere) Date(int, int32)          {}
func (nowhere) Time(int, int64)          {}
func (nowhere) Decimal64(int, int64)     {}
func (nowhere) DecimalBig(int, *big.Int) {}
func (nowhere) DecimalText(int, []byte)  {}
func (nowhere) Unfit(int, string)        {}
func (nowhere) EndRow() error            { return nil }
