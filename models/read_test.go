package models

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// writeArrow writes one record whose columns are filled by fill.
func writeArrow(t *testing.T, fields []arrow.Field, fill func(*array.RecordBuilder)) string {
	t.Helper()
	schema := arrow.NewSchema(fields, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	fill(b)
	rec := b.NewRecordBatch()
	defer rec.Release()
	path := filepath.Join(t.TempDir(), "in.parquet")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func field(name string, typ arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: typ, Nullable: true}
}

func TestReadFrameTypes(t *testing.T) {
	t.Parallel()
	path := writeArrow(t, []arrow.Field{
		field("customer_id", arrow.BinaryTypes.String),
		field("orders", arrow.PrimitiveTypes.Int64),
		field("country", arrow.BinaryTypes.String), // text that is no key: left out
		field("spend", &arrow.Decimal128Type{Precision: 18, Scale: 2}),
		field("share", arrow.PrimitiveTypes.Float64),
		field("last_day", arrow.FixedWidthTypes.Date32), // left out
		field("open", arrow.FixedWidthTypes.Boolean),
		field("small", arrow.PrimitiveTypes.Int16),
		field("tags", arrow.ListOf(arrow.PrimitiveTypes.Int32)), // left out
	}, func(b *array.RecordBuilder) {
		b.Field(0).(*array.StringBuilder).AppendValues([]string{"b", "a", "b2"}, nil)
		b.Field(1).(*array.Int64Builder).AppendValues([]int64{1 << 40, 3, 0}, []bool{true, true, false})
		b.Field(2).(*array.StringBuilder).AppendValues([]string{"x", "y", "z"}, nil)
		for _, v := range []int64{12345, -1, 0} {
			b.Field(3).(*array.Decimal128Builder).Append(decimal128.FromI64(v))
		}
		b.Field(4).(*array.Float64Builder).AppendValues([]float64{0.1, math.NaN(), 2}, nil)
		b.Field(5).(*array.Date32Builder).AppendValues([]arrow.Date32{1, 2, 3}, nil)
		b.Field(6).(*array.BooleanBuilder).AppendValues([]bool{true, false, true}, nil)
		b.Field(7).(*array.Int16Builder).AppendValues([]int16{-5, 0, 5}, nil)
		for range 3 {
			b.Field(8).(*array.ListBuilder).AppendNull()
		}
	})
	f, err := ReadFrame(context.Background(), path, "customer_id")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"orders", "spend", "share", "open", "small"}; !slices.Equal(f.Features(), want) {
		t.Fatalf("features %v, want %v", f.Features(), want)
	}
	nan := math.NaN()
	for i, want := range [][]float64{{1 << 40, 123.45, 0.1, 1, -5}, {3, -0.01, nan, 0, 0}, {nan, 0, 2, 1, 5}} {
		got := f.Row(i, nil)
		for j := range want {
			if got[j] != want[j] && (got[j] == got[j] || want[j] == want[j]) {
				t.Errorf("row %d, %s: %v, want %v", i, f.Features()[j], got[j], want[j])
			}
		}
	}
	if f.KeyOf(2) != "b2" || f.Rows() != 3 {
		t.Errorf("key %q, %d rows", f.KeyOf(2), f.Rows())
	}
}

func TestReadFrameErrors(t *testing.T) {
	t.Parallel()
	good := writeArrow(t, []arrow.Field{field("customer_id", arrow.BinaryTypes.String), field("x", arrow.PrimitiveTypes.Float64), field("n", arrow.PrimitiveTypes.Int32)},
		func(b *array.RecordBuilder) {
			b.Field(0).(*array.StringBuilder).AppendValues([]string{"a", ""}, []bool{true, false})
			b.Field(1).(*array.Float64Builder).AppendValues([]float64{1, math.Inf(1)}, nil)
			b.Field(2).(*array.Int32Builder).AppendValues([]int32{1, 2}, nil)
		})
	text := filepath.Join(t.TempDir(), "text.parquet")
	if err := os.WriteFile(text, []byte("customer_id,x\na,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.parquet")
	raw, _ := os.ReadFile(good)
	if err := os.WriteFile(cut, append(raw[:20:20], raw[len(raw)-30:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, c := range []struct{ name, path, key, want string }{
		{"no file", "no.parquet", "customer_id", "no such file"},
		{"no Parquet", text, "customer_id", "no readable Parquet file"},
		{"damaged", cut, "customer_id", "no readable Parquet file"},
		{"no key", good, "customer", "key column customer is missing, found customer_id, x, n"},
		{"key is a number", good, "n", "key column n is int32, expected VARCHAR"},
		{"NULL key", good, "customer_id", "column customer_id, row 1: NULL in a key"},
	} {
		if _, err := ReadFrame(ctx, c.path, c.key); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", c.name, err, c.want)
		}
	}
	if _, err := ReadFrame(ctx, good); err == nil || !strings.Contains(err.Error(), "column x, row 1: infinite") {
		t.Errorf("infinite value: %v", err)
	}
	if _, _, err := ReadLabels(ctx, writeArrow(t, []arrow.Field{field("n", arrow.PrimitiveTypes.Int32)}, func(b *array.RecordBuilder) {
		b.Field(0).(*array.Int32Builder).AppendValues([]int32{1, 2}, nil)
	}), "n"); err == nil || !strings.Contains(err.Error(), "row 1 is 2, expected 0 or 1") {
		t.Errorf("label 2: %v", err)
	}
}

func TestWriteParquet(t *testing.T) {
	t.Parallel()
	const rows = batchRows + 10 // more than one batch
	write := func() (string, []byte) {
		path := filepath.Join(t.TempDir(), "out.parquet")
		err := WriteParquet(path, rows, []OutColumn{
			{Name: "customer_id", Text: func(i int) (string, bool) { return string(rune('a' + i%20)), true }},
			{Name: "p", Float: func(i int) (float64, bool) { return float64(i) / 7, i%3 != 0 }},
			{Name: "rank", Int: func(i int) (int32, bool) { return int32(i), true }},
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return path, raw
	}
	path, a := write()
	if _, b := write(); !bytes.Equal(a, b) {
		t.Error("the same rows give different bytes")
	}
	f, err := ReadFrame(context.Background(), path, "customer_id")
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows() != rows || f.KeyOf(21) != "b" || f.Column(0).At(8) != 8.0/7 || !math.IsNaN(f.Column(0).At(3)) || f.Column(1).At(rows-1) != rows-1 {
		t.Error("what was read is not what was written")
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*.tmp"); left != nil {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestWriteParquetWithoutRows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "empty.parquet")
	err := WriteParquet(path, 0, []OutColumn{{Name: "customer_id", Text: func(int) (string, bool) { return "", true }}})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFrame(context.Background(), path, "customer_id"); err != nil || f.Rows() != 0 {
		t.Errorf("reading back: %v", err)
	}
}
