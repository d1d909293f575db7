package landing

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// The dates and times that are represented, see source.Earliest and source.Latest.
const (
	MinDays   int32 = -719162 // 0001-01-01
	EndDays   int32 = 2932897 // 10000-01-01, the first that is not
	MinMicros       = int64(MinDays) * 86400e6
	EndMicros       = int64(EndDays) * 86400e6
)

// set stores a value of the row at hand, if the column takes values like it.
func (w *Writer) set(i int, c class, size int64, v parquet.Value) {
	col := &w.cols[i]
	if col.class != c {
		w.fail(fmt.Errorf("writing landing file %s: column %s is %s and takes no such value", w.path, col.Name, col.Type()))
		return
	}
	col.values[w.batch] = v.Level(0, 1, i)
	w.dirty += size
}

// Null makes a value NULL, as one that is never set is.
func (w *Writer) Null(i int) { w.cols[i].values[w.batch] = w.cols[i].nulls[0] }

// Int sets a value of an Int column.
func (w *Writer) Int(i int, v int64) { w.set(i, classInt, 8, parquet.Int64Value(v)) }

// Uint sets a value of a Uint column.
func (w *Writer) Uint(i int, v uint64) { w.set(i, classUint, 8, parquet.Int64Value(int64(v))) }

// Bool sets a value of a Bool column.
func (w *Writer) Bool(i int, v bool) { w.set(i, classBool, 1, parquet.BooleanValue(v)) }

// Float sets a value of a Float column; NaN and the infinities are fine.
func (w *Writer) Float(i int, v float64) { w.set(i, classFloat, 8, parquet.DoubleValue(v)) }

// Text sets a value of a Text column. What is no UTF-8 is unfit, and noted as its
// bytes in hexadecimal.
func (w *Writer) Text(i int, v []byte) {
	if !utf8.Valid(v) {
		w.Unfit(i, hexText(v))
		return
	}
	w.set(i, classText, 0, parquet.ByteArrayValue(w.keep(v)))
}

// Blob sets a value of a Bytes column.
func (w *Writer) Blob(i int, v []byte) {
	w.set(i, classBytes, 0, parquet.ByteArrayValue(w.keep(v)))
}

// Date sets a value of a Date column, in days since 1970-01-01. One outside of what is
// represented is unfit.
func (w *Writer) Date(i int, days int32) {
	if days < MinDays || days >= EndDays {
		w.Unfit(i, time.Unix(int64(days)*86400, 0).UTC().Format(time.DateOnly))
		return
	}
	w.set(i, classDate, 4, parquet.Int32Value(days))
}

// Time sets a value of a Timestamp or Instant column, in microseconds since
// 1970-01-01 00:00 local time or UTC. One outside of what is represented is unfit.
func (w *Writer) Time(i int, micros int64) {
	if micros < MinMicros || micros >= EndMicros {
		w.Unfit(i, time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05.999999"))
		return
	}
	w.set(i, classTime, 8, parquet.Int64Value(micros))
}

// Unfit makes a value NULL that could not be represented, and notes it as the server
// wrote it (see source.ColUnfit).
func (w *Writer) Unfit(i int, raw string) {
	if w.bare {
		w.fail(fmt.Errorf("writing landing file %s: column %s cannot hold %.100q", w.path, w.cols[i].Name, raw))
		return
	}
	w.Null(i)
	if !utf8.ValidString(raw) || strings.Contains(raw, source.UnitSeparator) {
		raw = hexText([]byte(raw)) // it would break the note itself
	}
	w.unfit = append(append(w.unfit, w.cols[i].name...), raw...)
}

func hexText(b []byte) string { return `\x` + hex.EncodeToString(b) }

// Decimal64 sets a value of a Decimal column, without its point: 1.50 with scale 2 is
// 150. One with too many digits is unfit.
func (w *Writer) Decimal64(i int, unscaled int64) {
	c := &w.cols[i]
	switch {
	case !c.limit.fits64(unscaled):
		w.Unfit(i, unscaledText(big.NewInt(unscaled), c.Scale))
	case c.class == classDec32:
		w.set(i, classDec32, 4, parquet.Int32Value(int32(unscaled)))
	case c.class == classDec64:
		w.set(i, classDec64, 8, parquet.Int64Value(unscaled))
	default:
		w.decimal128(i, unscaled>>63, uint64(unscaled))
	}
}

// DecimalBig is Decimal64 for any number of digits.
func (w *Writer) DecimalBig(i int, unscaled *big.Int) {
	if unscaled.IsInt64() {
		w.Decimal64(i, unscaled.Int64())
		return
	}
	var magnitude [16]byte
	c := &w.cols[i]
	if unscaled.BitLen() > 127 {
		w.Unfit(i, unscaledText(unscaled, c.Scale))
		return
	}
	unscaled.FillBytes(magnitude[:])
	hi, lo := be64(magnitude[:8]), be64(magnitude[8:])
	w.magnitude(i, hi, lo, unscaled.Sign() < 0)
}
