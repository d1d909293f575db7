package models

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
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

// cellsPerGC is after how many values ReadFrame collects garbage. Decoding leaves
// some fifty bytes of it per value, and left alone the collector lets the heap grow
// to twice the frame. A frame has next to no pointers: collecting costs milliseconds.
const cellsPerGC = 1 << 20

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
	// The reader sets aside a batch for every column, full or not.
	batch := max(1, min(batchRows, pf.NumRows()))
	rdr, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: batch}, memory.DefaultAllocator)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of %s: %w", path, err)
	}
	b, err := newFrameBuilder(path, rdr.Manifest.Fields, keys)
	if err != nil {
		return nil, err
	}
	b.frame.rows = int(pf.NumRows())
	decoded := 0
	for _, c := range b.reads {
		if err := b.read(ctx, rdr, c, batch); err != nil {
			return nil, err
		}
		if decoded += b.frame.rows; decoded >= cellsPerGC {
			runtime.GC()
			decoded = 0
		}
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

// frameBuilder reads one column after the other, so that beside the frame itself
// there is one column in memory, and decides the form of a column when it has
// seen all of it.
type frameBuilder struct {
	frame  *Frame
	reads  []columnRead
	values []float64 // of the column being read
}

// columnRead says what a Parquet column becomes.
type columnRead struct {
	name string
	leaf int // its number among the Parquet columns
	key  int // number of the key, -1 for a feature
}

func newFrameBuilder(path string, fields []pqarrow.SchemaField, keys []string) (*frameBuilder, error) {
	b := &frameBuilder{frame: &Frame{source: path, keys: make([]Key, len(keys))}}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Field.Name
		c := columnRead{f.Field.Name, f.ColIndex, slices.Index(keys, f.Field.Name)}
		switch {
		case c.key >= 0 && !isText(f.Field.Type):
			return nil, fmt.Errorf("reading %s: the key column %s is %s, expected VARCHAR", path, c.name, f.Field.Type)
		case c.key >= 0:
			b.frame.keys[c.key].Name = c.name
		case f.IsLeaf() && isNumber(f.Field.Type):
			b.frame.features = append(b.frame.features, c.name)
		default:
			continue
		}
		b.reads = append(b.reads, c)
	}
	for k, name := range keys {
		if b.frame.keys[k].Name == "" {
			return nil, fmt.Errorf("reading %s: the key column %s is missing, found %s", path, name, strings.Join(names, ", "))
		}
	}
	return b, nil
}

// read adds one column to the frame, decoding a batch at a time.
func (b *frameBuilder) read(ctx context.Context, rdr *pqarrow.FileReader, c columnRead, batchRows int64) error {
	column, err := rdr.GetColumn(ctx, c.leaf)
	if err != nil {
		return fmt.Errorf("reading %s: column %s: %w", b.frame.source, c.name, err)
	}
	defer column.Release()
	add, done := b.feature()
	if c.key >= 0 {
		add, done = b.key(&b.frame.keys[c.key])
	}
	for from := 0; from < b.frame.rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, err := column.NextBatch(batchRows)
		if err != nil {
			return fmt.Errorf("reading %s: column %s: %w", b.frame.source, c.name, err)
		}
		if batch.Len() == 0 {
			return fmt.Errorf("reading %s: column %s ends after %d rows, expected %d", b.frame.source, c.name, from, b.frame.rows)
		}
		for _, part := range batch.Chunks() {
			if err := add(from, part); err != nil {
				return fmt.Errorf("reading %s: column %s, %w", b.frame.source, c.name, err)
			}
			from += part.Len()
		}
		batch.Release()
	}
	done()
	return nil
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

// key returns what takes in the batches of a key and what ends it.
func (b *frameBuilder) key(key *Key) (add func(from int, col arrow.Array) error, done func()) {
	at := map[string]int32{}
	key.codes = make([]int32, 0, b.frame.rows)
	return func(from int, col arrow.Array) error {
		text, ok := col.(interface{ Value(int) string })
		if !ok {
			return fmt.Errorf("type %s: expected VARCHAR", col.DataType())
		}
		for i := range col.Len() {
			if col.IsNull(i) {
				return fmt.Errorf("row %d: NULL in a key", from+i)
			}
			v := text.Value(i)
			code, ok := at[v]
			if !ok {
				code = intern(at, &key.dict, strings.Clone(v))
			}
			key.codes = append(key.codes, code)
		}
		return nil
	}, func() {}
}

// feature returns what takes in the batches of a feature and what ends it.
func (b *frameBuilder) feature() (add func(from int, col arrow.Array) error, done func()) {
	if b.values == nil {
		b.values = make([]float64, 0, b.frame.rows)
	}
	b.values = b.values[:0]
	return func(from int, col arrow.Array) error {
		value, err := numbers(col)
		if err != nil {
			return err
		}
		for i := range col.Len() {
			v := math.NaN()
			if col.IsValid(i) {
				v = value(i)
			}
			if math.IsInf(v, 0) {
				return fmt.Errorf("row %d: infinite; divide with safe_div in the SQL", from+i)
			}
			b.values = append(b.values, v)
		}
		return nil
	}, func() { b.frame.columns = append(b.frame.columns, compact(b.values)) }
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
