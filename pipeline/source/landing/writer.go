// Package landing writes the landing files of databases: Parquet with exactly the
// columns that a source maps, filled value by value, with no more memory than a row
// group takes. It is the only importer of the Parquet library in the engine.
package landing

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// ColRow is the column of the records' numbers, from 1.
const ColRow = "_row"

// Options of a landing file; the zero value is what an extraction uses.
type Options struct {
	// GroupBytes of values end a row group; 0 is 8 MB. A row is never divided, so that
	// a value larger than this makes a row group of its own.
	GroupBytes int64
	// GroupRows end a row group; 0 is 128k.
	GroupRows int64
	// Bare leaves out _row and _unfit: a listing of keys has neither. What is unfit is
	// then an error.
	Bare bool
}

// Writer writes one landing file, row by row: values by the index of their column, in
// any order, then EndRow. A column that gets no value is NULL. A Writer is for one
// goroutine, and methods do not keep the bytes that they are given.
//
// The methods that take values return no error; what went wrong comes back from
// EndRow and Close.
type Writer struct {
	path  string
	file  *os.File
	out   *parquet.GenericWriter[any]
	cols  []column
	bare  bool
	err   error
	rows  int64
	dirty int64 // bytes buffered for the row group at hand
	done  int64 // bytes of values in earlier row groups
	group int64 // rows in the row group at hand

	groupBytes, groupRows int64

	batch int    // rows that cols hold
	most  int    // rows that cols can hold
	arena []byte // bytes of the batch's texts
	unfit []byte // of the row at hand
}

// column buffers the values of one batch of rows; those not set are NULL.
type column struct {
	source.Column
	index  int
	name   string // with UnitSeparator and "=": how _unfit names it
	class  class
	limit  decimalLimit
	values []parquet.Value
	nulls  []parquet.Value
	out    *parquet.ColumnWriter
}

// Create begins a landing file; a file that is there is replaced.
func Create(path string, cols []source.Column, o Options) (*Writer, error) {
	if err := checkNames(cols, o.Bare); err != nil {
		return nil, fmt.Errorf("writing landing file %s: %w", path, err)
	}
	w := &Writer{path: path, bare: o.Bare, groupBytes: o.GroupBytes, groupRows: o.GroupRows}
	if w.groupBytes <= 0 {
		w.groupBytes = 8 << 20
	}
	if w.groupRows <= 0 {
		w.groupRows = 128 << 10
	}
	all := cols
	if !o.Bare {
		all = append(append([]source.Column{}, cols...), source.Column{Name: ColRow, Kind: source.Int}, source.Column{Name: source.ColUnfit})
	}
	schema, err := schemaOf(all)
	if err != nil {
		return nil, fmt.Errorf("writing landing file %s: %w", path, err)
	}
	if w.file, err = os.Create(path); err != nil {
		return nil, fmt.Errorf("writing landing file: %w", err)
	}
	options := []parquet.WriterOption{schema, parquet.Compression(&parquet.Snappy), parquet.DataPageStatistics(false),
		parquet.CreatedBy("mainstay", "1", ""), parquet.WriteBufferSize(256 << 10)}
	for _, c := range all {
		options = append(options, parquet.SkipPageBounds(c.Name)) // nobody looks for single rows here
	}
	w.out = parquet.NewGenericWriter[any](w.file, options...)
	w.most = min(max(batchValues/len(all), 16), 1024)
	for i, out := range w.out.ColumnWriters() {
		w.cols = append(w.cols, newColumn(i, all[i], w.most, out))
	}
	return w, nil
}

// valueOverhead is what the library's buffers hold per value beside the value, NULL or
// not, in bytes.
const valueOverhead = 5

// batchValues fit into the cache of a core, nearly.
const batchValues = 16 << 10

func newColumn(i int, c source.Column, rows int, out *parquet.ColumnWriter) column {
	col := column{Column: c, index: i, name: source.UnitSeparator + c.Name + "=", class: classOf(c), out: out,
		values: make([]parquet.Value, rows), nulls: make([]parquet.Value, rows)}
	if c.Kind == source.Decimal {
		col.limit = limitOf(c.Precision)
	}
	for r := range col.nulls {
		col.nulls[r] = parquet.NullValue().Level(0, 0, i)
	}
	copy(col.values, col.nulls)
	return col
}

// checkNames refuses columns that DuckDB or the text of _unfit could mistake for each
// other.
func checkNames(cols []source.Column, bare bool) error {
	if len(cols) == 0 {
		return errors.New("no columns")
	}
	seen := map[string]string{}
	if !bare {
		seen[ColRow], seen[source.ColUnfit] = ColRow, source.ColUnfit
	}
	for _, c := range cols {
		folded := strings.ToLower(c.Name)
		if other, ok := seen[folded]; ok {
			return fmt.Errorf("columns %q and %q differ in case at most: give one of them another name in the select", other, c.Name)
		}
		if c.Name == "" || strings.ContainsAny(c.Name, source.UnitSeparator+"=") {
			return fmt.Errorf("column %q: a name that is empty or has %q or %q in it does not work: give it another name in the select", c.Name, "=", source.UnitSeparator)
		}
		seen[folded] = c.Name
	}
	return nil
}

// Rows ended so far.
func (w *Writer) Rows() int64 { return w.rows }

// Bytes of values so far, those in buffers included.
func (w *Writer) Bytes() int64 { return w.done + w.dirty }

// EndRow ends the row at hand. After an error nothing more can be written.
func (w *Writer) EndRow() error {
	if w.err != nil {
		return w.err
	}
	w.rows++
	if !w.bare {
		n := len(w.cols)
		w.cols[n-2].values[w.batch] = parquet.Int64Value(w.rows).Level(0, 1, n-2)
		if len(w.unfit) > 0 {
			w.cols[n-1].values[w.batch] = parquet.ByteArrayValue(w.keep(w.unfit)).Level(0, 1, n-1)
			w.unfit = w.unfit[:0]
		}
		w.dirty += 8
	}
	w.batch++
	w.group++
	held := w.dirty + w.group*int64(len(w.cols))*valueOverhead
	full := held >= w.groupBytes || w.group >= w.groupRows
	if full || w.batch == w.most || len(w.arena) >= arenaBytes {
		w.flush(full)
	}
	return w.err
}

// flush hands the batch to the Parquet writer, and ends the row group if it is full.
// The library answers some mistakes with a panic, which must not end the process.
func (w *Writer) flush(group bool) {
	defer func() {
		if r := recover(); r != nil {
			w.fail(fmt.Errorf("writing landing file %s: %v", w.path, r))
		}
	}()
	for i := range w.cols {
		c := &w.cols[i]
		if w.batch == 0 {
			break
		}
		if _, err := c.out.WriteRowValues(c.values[:w.batch]); err != nil {
			w.fail(fmt.Errorf("writing landing file %s, column %s: %w", w.path, c.Name, err))
			return
		}
		copy(c.values[:w.batch], c.nulls)
	}
	w.batch = 0
	if w.arena = w.arena[:0]; cap(w.arena) > 4*arenaBytes {
		w.arena = nil
	}
	if !group {
		return
	}
	if err := w.out.Flush(); err != nil {
		w.fail(fmt.Errorf("writing landing file %s: %w", w.path, err))
	}
	w.done, w.dirty, w.group = w.done+w.dirty, 0, 0
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Close ends the file. It is not synced: landing files are scratch. After an error
// the file is of no use.
func (w *Writer) Close() error {
	if w.file == nil {
		return w.err
	}
	if w.err == nil {
		w.flush(true)
	}
	if w.err == nil {
		if err := w.out.Close(); err != nil {
			w.fail(fmt.Errorf("writing landing file %s: %w", w.path, err))
		}
	}
	if err := w.file.Close(); err != nil {
		w.fail(fmt.Errorf("writing landing file: %w", err))
	}
	w.file = nil
	return w.err
}

// arenaBytes of texts end a batch.
const arenaBytes = 256 << 10

// keep copies bytes to where they stay until the batch is written. When the arena
// grows, the values before stay where they are.
func (w *Writer) keep(b []byte) []byte {
	at := len(w.arena)
	w.arena = append(w.arena, b...)
	w.dirty += int64(len(b)) + 4
	return w.arena[at:len(w.arena):len(w.arena)]
}
