package models

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows bounds what is decoded at once while reading and writing.
const batchRows = 1 << 16

// ReadFrame reads a Parquet file. The keys must be VARCHAR columns without NULL.
// Every other numeric or boolean column is a feature, in the file's order, NULL
// meaning missing; columns of other types (text, dates, lists) are left out.
// Errors name the file, the column and what was expected.
func ReadFrame(ctx context.Context, path string, keys ...string) (f *Frame, err error) {
	defer func() { // the Parquet library panics on some damaged files
		if r := recover(); r != nil {
			err = fmt.Errorf("reading %s: it is no readable Parquet file: %v", path, r)
		}
	}()
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading features: %w", err)
	}
	pf, err := file.NewParquetReader(in)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("reading %s: it is no readable Parquet file: %w", path, err)
	}
	defer pf.Close()
	rdr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: batchRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", path, err)
	}
	b, err := newFrameBuilder(path, rdr.Manifest.Fields, keys)
	if err != nil {
		return nil, err
	}
	b.reserve(int(pf.NumRows()))
	records, err := rdr.GetRecordReader(ctx, b.leaves, nil)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	defer records.Release()
	for records.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := b.add(records.RecordBatch()); err != nil {
			return nil, err
		}
	}
	if err := records.Err(); err != nil && err != io.EOF {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return b.frame, nil
}

// ReadLabels reads the 0/1 (or boolean) column named label and returns it beside
// the frame of keys; the order is the file's.
func ReadLabels(ctx context.Context, path, label string, keys ...string) (*Frame, []bool, error) {
	f, err := ReadFrame(ctx, path, keys...)
	if err != nil {
		return nil, nil, err
	}
	j := f.Find(label)
	if j < 0 {
		return nil, nil, fmt.Errorf("reading labels from %s: there is no numeric column %s", path, label)
	}
	labels := make([]bool, f.rows)
	for i := range labels {
		switch v := f.columns[j].At(i); v {
		case 0:
		case 1:
			labels[i] = true
		default:
			return nil, nil, fmt.Errorf("reading labels from %s: column %s, row %d is %v, expected 0 or 1", path, label, i, v)
		}
	}
	return f, labels, nil
}

// frameBuilder turns record batches into a frame.
type frameBuilder struct {
	frame  *Frame
	leaves []int // Parquet columns to read
	// slots says what each read column becomes: a key (>= 0: its number) or,
	// counted down from -1, a feature.
	slots []int
	at    []map[string]int32 // dictionary of each key
}

func newFrameBuilder(path string, fields []pqarrow.SchemaField, keys []string) (*frameBuilder, error) {
	b := &frameBuilder{frame: &Frame{source: path, keys: make([]Key, len(keys))}, at: make([]map[string]int32, len(keys))}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Field.Name
		if k := slices.Index(keys, f.Field.Name); k >= 0 {
			if !isText(f.Field.Type) {
				return nil, fmt.Errorf("reading %s: the key column %s is %s, expected VARCHAR", path, f.Field.Name, f.Field.Type)
			}
			b.frame.keys[k].Name = f.Field.Name
			b.at[k] = map[string]int32{}
			b.slots, b.leaves = append(b.slots, k), append(b.leaves, f.ColIndex)
		} else if f.IsLeaf() && isNumber(f.Field.Type) {
			b.slots, b.leaves = append(b.slots, -1-len(b.frame.columns)), append(b.leaves, f.ColIndex)
			b.frame.features = append(b.frame.features, f.Field.Name)
			b.frame.columns = append(b.frame.columns, Column{})
		}
	}
	for k, name := range keys {
		if b.at[k] == nil {
			return nil, fmt.Errorf("reading %s: the key column %s is missing, found %s", path, name, strings.Join(names, ", "))
		}
	}
	return b, nil
}

// reserve makes room for all rows at once, so that growing does not double memory.
func (b *frameBuilder) reserve(rows int) {
	for k := range b.frame.keys {
		b.frame.keys[k].codes = make([]int32, 0, rows)
	}
	for j := range b.frame.columns {
		b.frame.columns[j].narrow = make([]float32, 0, rows)
	}
}

func isText(t arrow.DataType) bool {
	return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING
}

func isNumber(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.BOOL, arrow.FLOAT32, arrow.FLOAT64, arrow.DECIMAL32, arrow.DECIMAL64, arrow.DECIMAL128, arrow.DECIMAL256:
		return true
	}
	return arrow.IsInteger(t.ID())
}

func (b *frameBuilder) add(rec arrow.RecordBatch) error {
	for i, slot := range b.slots {
		var err error
		if slot >= 0 {
			err = b.addKey(slot, rec.Column(i))
		} else {
			err = b.addFeature(-1-slot, rec.Column(i))
		}
		if err != nil {
			return fmt.Errorf("reading %s: column %s, %w", b.frame.source, rec.ColumnName(i), err)
		}
	}
	b.frame.rows += int(rec.NumRows())
	return nil
}

func (b *frameBuilder) addKey(k int, col arrow.Array) error {
	text, ok := col.(interface{ Value(int) string })
	if !ok {
		return fmt.Errorf("type %s: expected VARCHAR", col.DataType())
	}
	key := &b.frame.keys[k]
	for i := range col.Len() {
		if col.IsNull(i) {
			return fmt.Errorf("row %d: NULL in a key", b.frame.rows+i)
		}
		v := text.Value(i)
		code, ok := b.at[k][v]
		if !ok {
			code = intern(b.at[k], &key.dict, strings.Clone(v))
		}
		key.codes = append(key.codes, code)
	}
	return nil
}

func (b *frameBuilder) addFeature(j int, col arrow.Array) error {
	value, err := numbers(col)
	if err != nil {
		return err
	}
	c := &b.frame.columns[j]
	for i := range col.Len() {
		v := math.NaN()
		if col.IsValid(i) {
			v = value(i)
		}
		if math.IsInf(v, 0) {
			return fmt.Errorf("row %d: infinite; divide with safe_div in the SQL", b.frame.rows+i)
		}
		c.push(v)
	}
	return nil
}

// numbers returns a reader of a numeric or boolean array.
func numbers(col arrow.Array) (func(int) float64, error) {
	switch a := col.(type) {
	case *array.Boolean:
		return func(i int) float64 {
			if a.Value(i) {
				return 1
			}
			return 0
		}, nil
	case *array.Float32:
		return asFloat(a.Value), nil
	case *array.Float64:
		return a.Value, nil
	case *array.Int8:
		return asFloat(a.Value), nil
	case *array.Int16:
		return asFloat(a.Value), nil
	case *array.Int32:
		return asFloat(a.Value), nil
	case *array.Int64:
		return asFloat(a.Value), nil
	case *array.Uint8:
		return asFloat(a.Value), nil
	case *array.Uint16:
		return asFloat(a.Value), nil
	case *array.Uint32:
		return asFloat(a.Value), nil
	case *array.Uint64:
		return asFloat(a.Value), nil
	}
	return decimals(col)
}

func asFloat[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32](value func(int) T) func(int) float64 {
	return func(i int) float64 { return float64(value(i)) }
}

func decimals(col arrow.Array) (func(int) float64, error) {
	t, ok := col.DataType().(arrow.DecimalType)
	if !ok {
		return nil, fmt.Errorf("type %s: expected a number or a boolean", col.DataType())
	}
	scale, unit := t.GetScale(), math.Pow10(int(t.GetScale()))
	switch a := col.(type) {
	case *array.Decimal32:
		return func(i int) float64 { return float64(a.Value(i)) / unit }, nil
	case *array.Decimal64:
		return func(i int) float64 { return float64(a.Value(i)) / unit }, nil
	case *array.Decimal128:
		return func(i int) float64 {
			v := a.Value(i)
			if small := int64(v.LowBits()); v.HighBits() == small>>63 { // one correctly rounded division
				return float64(small) / unit
			}
			return v.ToFloat64(scale)
		}, nil
	case *array.Decimal256:
		return func(i int) float64 { return a.Value(i).ToFloat64(scale) }, nil
	}
	return nil, fmt.Errorf("type %s: expected a number or a boolean", col.DataType())
}
