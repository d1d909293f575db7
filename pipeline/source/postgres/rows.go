package postgres

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/relational"
)

// Rows runs a query and gives its rows to sink. Values go from the connection's buffer
// into the sink without an allocation.
func (s *session) Rows(ctx context.Context, query string, fields []relational.Field, sink relational.Sink) error {
	if err := s.save(ctx); err != nil {
		return err
	}
	limited, cancel := s.within(ctx)
	defer cancel()
	result := s.conn.ExecParams(limited, query, nil, nil, nil, []int16{1})
	d := newDecoder(fields, sink)
	for result.NextRow() {
		if err := d.row(result.Values()); err != nil {
			cancel() // the rest of the rows is not worth waiting for
			result.Close()
			return err
		}
	}
	if _, err := result.Close(); err != nil {
		return s.failed(ctx, s.silent(ctx, limited, err))
	}
	return nil
}

// decoder turns the values of rows into those of a sink.
type decoder struct {
	fields  []relational.Field
	kinds   []coding
	sink    relational.Sink
	numeric numeric
	text    [36]byte
}

// coding is how a field's binary values are read.
type coding int

const (
	asText coding = iota
	asInt2
	asInt4
	asInt8
	asOid
	asBool
	asFloat4
	asFloat8
	asBytes
	asDate
	asTimestamp
	asInstant
	asNumeric
	asUUID
	asJSONB
)

var codings = map[uint32]coding{
	oidInt2: asInt2, oidInt4: asInt4, oidInt8: asInt8, oidOid: asOid, oidBool: asBool, oidFloat4: asFloat4, oidFloat8: asFloat8,
	oidBytea: asBytes, oidDate: asDate, oidTimestamp: asTimestamp, oidTimestamptz: asInstant, oidNumeric: asNumeric, oidUUID: asUUID, oidJSONB: asJSONB,
}

func newDecoder(fields []relational.Field, sink relational.Sink) *decoder {
	d := &decoder{fields: fields, sink: sink, kinds: make([]coding, len(fields))}
	for i, f := range fields {
		if !castToText(f) {
			d.kinds[i] = codings[f.Code]
		}
	}
	return d
}

// sizes that values of a coding have, 0 for those of any size.
var sizes = [...]int{asInt2: 2, asInt4: 4, asInt8: 8, asOid: 4, asBool: 1, asFloat4: 4, asFloat8: 8, asDate: 4, asTimestamp: 8, asInstant: 8, asUUID: 16, asJSONB: 0}

func (d *decoder) row(values [][]byte) error {
	if len(values) != len(d.fields) {
		return fmt.Errorf("a row has %d values, expected %d", len(values), len(d.fields))
	}
	for i, v := range values {
		if v == nil {
			d.sink.Null(i)
			continue
		}
		if size := sizes[d.kinds[i]]; size != 0 && len(v) != size {
			return fmt.Errorf("column %s: a %s of %d bytes, expected %d", d.fields[i].Name, d.fields[i].Server, len(v), size)
		}
		if err := d.value(i, v); err != nil {
			return fmt.Errorf("column %s: %w", d.fields[i].Name, err)
		}
	}
	return d.sink.EndRow()
}

func (d *decoder) value(i int, v []byte) error {
	big := binary.BigEndian
	switch d.kinds[i] {
	case asText:
		d.sink.Text(i, v)
	case asInt2:
		d.sink.Int(i, int64(int16(big.Uint16(v))))
	case asInt4:
		d.sink.Int(i, int64(int32(big.Uint32(v))))
	case asInt8:
		d.sink.Int(i, int64(big.Uint64(v)))
	case asOid:
		d.sink.Int(i, int64(big.Uint32(v)))
	case asBool:
		d.sink.Bool(i, v[0] != 0)
	case asFloat4:
		d.sink.Float(i, float64(math.Float32frombits(big.Uint32(v))))
	case asFloat8:
		d.sink.Float(i, math.Float64frombits(big.Uint64(v)))
	case asBytes:
		d.sink.Blob(i, v)
	case asDate:
		d.date(i, int32(big.Uint32(v)))
	case asTimestamp, asInstant:
		d.time(i, int64(big.Uint64(v)))
	case asNumeric:
		return d.numeric.decode(d.sink, i, v, d.fields[i].Scale)
	case asUUID:
		d.sink.Text(i, d.uuid(v))
	case asJSONB:
		if len(v) == 0 || v[0] != 1 {
			return fmt.Errorf("a jsonb of an unknown version")
		}
		d.sink.Text(i, v[1:])
	}
	return nil
}

func (d *decoder) uuid(v []byte) []byte {
	t := d.text[:]
	hex.Encode(t[0:8], v[0:4])
	hex.Encode(t[9:13], v[4:6])
	hex.Encode(t[14:18], v[6:8])
	hex.Encode(t[19:23], v[8:10])
	hex.Encode(t[24:36], v[10:16])
	t[8], t[13], t[18], t[23] = '-', '-', '-', '-'
	return t
}

// PostgreSQL counts days and microseconds from 2000-01-01.
const (
	epochDays   = 10957
	microsOfDay = 86400e6
	epochMicros = epochDays * microsOfDay

	// what is represented, see source.Earliest and source.Latest, from 2000-01-01
	earliestDay = -719162 - epochDays
	latestDay   = 2932897 - epochDays
)

func (d *decoder) date(i int, days int32) {
	if days < earliestDay || days >= latestDay {
		d.sink.Unfit(i, dateText(days))
		return
	}
	d.sink.Date(i, days+epochDays)
}

func (d *decoder) time(i int, micros int64) {
	if micros < earliestDay*microsOfDay || micros >= latestDay*microsOfDay {
		d.sink.Unfit(i, timeText(micros, d.fields[i].Kind == source.Instant))
		return
	}
	d.sink.Time(i, micros+epochMicros)
}
