package models

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// OutColumn is one column to write. Exactly one of Text, Float and Int is set;
// it gives the value of a row, false for NULL.
type OutColumn struct {
	Name  string
	Text  func(row int) (string, bool)
	Float func(row int) (float64, bool)
	Int   func(row int) (int32, bool)
}

// WriteParquet writes rows 0 to rows-1 as a Parquet file whose bytes depend on
// the values alone, and moves it to path when it is whole and synced.
func WriteParquet(path string, rows int, columns []OutColumn) error {
	return WriteWhole(path, func(w io.Writer) error {
		fields := make([]arrow.Field, len(columns))
		for i, c := range columns {
			fields[i] = arrow.Field{Name: c.Name, Type: c.arrowType(), Nullable: true}
		}
		schema := arrow.NewSchema(fields, nil)
		props := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy), parquet.WithCreatedBy("mainstay"))
		pw, err := pqarrow.NewFileWriter(schema, struct{ io.Writer }{w}, props, pqarrow.DefaultWriterProps())
		if err != nil {
			return err
		}
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		for from := 0; from < rows; from += batchRows {
			for i, c := range columns {
				c.fill(b.Field(i), from, min(from+batchRows, rows))
			}
			rec := b.NewRecordBatch()
			err := pw.Write(rec)
			rec.Release()
			if err != nil {
				return err
			}
		}
		return pw.Close()
	})
}

func (c OutColumn) arrowType() arrow.DataType {
	switch {
	case c.Text != nil:
		return arrow.BinaryTypes.String
	case c.Float != nil:
		return arrow.PrimitiveTypes.Float64
	default:
		return arrow.PrimitiveTypes.Int32
	}
}

func (c OutColumn) fill(b array.Builder, from, to int) {
	for i := from; i < to; i++ {
		ok := false
		switch b := b.(type) {
		case *array.StringBuilder:
			var v string
			if v, ok = c.Text(i); ok {
				b.Append(v)
			}
		case *array.Float64Builder:
			var v float64
			if v, ok = c.Float(i); ok {
				b.Append(v)
			}
		case *array.Int32Builder:
			var v int32
			if v, ok = c.Int(i); ok {
				b.Append(v)
			}
		}
		if !ok {
			b.AppendNull()
		}
	}
}

// WriteWhole writes a file so that path holds either what it held before or all
// of the new content: a temporary sibling is written, synced and renamed.
func WriteWhole(path string, write func(io.Writer) error) (err error) {
	tmp := path + ".tmp"
	out, err := os.Create(tmp)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			out.Close()
			os.Remove(tmp)
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	w := bufio.NewWriterSize(out, 1<<20)
	if err = write(w); err != nil {
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
