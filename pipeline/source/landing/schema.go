package landing

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// class says how a column's values are stored.
type class int

const (
	classInt    class = iota // Int
	classUint                // Uint
	classBool                // Bool
	classFloat               // Float
	classText                // Text
	classBytes               // Bytes
	classDate                // Date
	classTime                // Timestamp, Instant
	classDec32               // Decimal of at most 9 digits
	classDec64               // Decimal of at most 18 digits
	classDec128              // Decimal of at most 38 digits
)

func classOf(c source.Column) class {
	switch {
	case c.Kind == source.Decimal && c.Precision <= 9:
		return classDec32
	case c.Kind == source.Decimal && c.Precision <= 18:
		return classDec64
	case c.Kind == source.Decimal:
		return classDec128
	}
	return map[source.Kind]class{
		source.Text: classText, source.Int: classInt, source.Uint: classUint, source.Bool: classBool, source.Float: classFloat,
		source.Bytes: classBytes, source.Date: classDate, source.Timestamp: classTime, source.Instant: classTime,
	}[c.Kind]
}

// group is a row whose columns stand in the order of the mapping, where the library's
// own sorts them by name.
type group struct {
	parquet.Group
	names []string
}

func (g group) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]parquet.Field, len(g.names))
	for i, name := range g.names {
		fields[i] = byName[name]
	}
	return fields
}

func schemaOf(cols []source.Column) (*parquet.Schema, error) {
	g := group{Group: parquet.Group{}}
	for _, c := range cols {
		if c.Kind == source.Decimal && (c.Precision < 1 || c.Precision > 38 || c.Scale < 0 || c.Scale > c.Precision) {
			return nil, fmt.Errorf("column %s: %s is no type that can be stored (1 to 38 digits)", c.Name, c.Type())
		}
		g.Group[c.Name] = parquet.Encoded(parquet.Optional(leaf(c)), &parquet.Plain)
		g.names = append(g.names, c.Name)
	}
	return parquet.NewSchema("landing", g), nil
}

func leaf(c source.Column) parquet.Node {
	switch classOf(c) {
	case classInt:
		return parquet.Int(64)
	case classUint:
		return parquet.Uint(64)
	case classBool:
		return parquet.Leaf(parquet.BooleanType)
	case classFloat:
		return parquet.Leaf(parquet.DoubleType)
	case classBytes:
		return parquet.Leaf(parquet.ByteArrayType)
	case classDate:
		return parquet.Date()
	case classTime:
		return parquet.TimestampAdjusted(parquet.Microsecond, c.Kind == source.Instant)
	case classDec32:
		return parquet.Decimal(c.Scale, c.Precision, parquet.Int32Type)
	case classDec64:
		return parquet.Decimal(c.Scale, c.Precision, parquet.Int64Type)
	case classDec128:
		return parquet.Decimal(c.Scale, c.Precision, parquet.FixedLenByteArrayType(16))
	}
	return parquet.String()
}
