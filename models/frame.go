package models

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Column holds one feature. Values are kept as float32 where that loses nothing
// (counts, days, flags) and as float64 elsewhere, so At is always exact. A column
// that came from a joined table keeps that table's values once and an index.
type Column struct {
	narrow []float32
	wide   []float64
	index  []int32
}

// At is the value in row i; NaN means missing.
func (c Column) At(i int) float64 {
	if c.index != nil {
		i = int(c.index[i])
	}
	if c.wide != nil {
		return c.wide[i]
	}
	return float64(c.narrow[i])
}

// AppendTo appends rows [from, to) to dst.
func (c Column) AppendTo(dst []float64, from, to int) []float64 {
	for i := from; i < to; i++ {
		dst = append(dst, c.At(i))
	}
	return dst
}

func (c *Column) push(v float64) {
	if c.wide == nil {
		if n := float32(v); float64(n) == v || v != v {
			c.narrow = append(c.narrow, n)
			return
		}
		c.wide = make([]float64, len(c.narrow), cap(c.narrow)+1)
		for i, n := range c.narrow {
			c.wide[i] = float64(n)
		}
		c.narrow = nil
	}
	c.wide = append(c.wide, v)
}

// Key is a column that names rows, coded by a dictionary.
type Key struct {
	Name  string
	dict  []string
	codes []int32
}

// At is the key of row i.
func (k Key) At(i int) string { return k.dict[k.codes[i]] }

// Codes gives each row a number; two rows have the same number exactly when
// they have the same key.
func (k Key) Codes() []int32 { return k.codes }

// Frame is a table of numeric features with the keys of its rows. It is not
// changed after it was made; the methods that reshape it return a new one.
type Frame struct {
	rows     int
	source   string // file it came from, for errors
	keys     []Key
	features []string
	columns  []Column
}

// NewFrame makes a frame without keys from columns of equal length.
func NewFrame(features []string, columns [][]float64) (*Frame, error) {
	if len(features) != len(columns) {
		return nil, fmt.Errorf("making a frame: %d names for %d columns", len(features), len(columns))
	}
	f := &Frame{source: "memory", features: slices.Clone(features)}
	for j, values := range columns {
		if j == 0 {
			f.rows = len(values)
		}
		if len(values) != f.rows {
			return nil, fmt.Errorf("making a frame: column %s has %d rows, expected %d", features[j], len(values), f.rows)
		}
		var c Column
		for i, v := range values {
			if math.IsInf(v, 0) {
				return nil, fmt.Errorf("making a frame: column %s, row %d is infinite", features[j], i)
			}
			c.push(v)
		}
		f.columns = append(f.columns, c)
	}
	return f, nil
}

// Rows is the number of rows.
func (f *Frame) Rows() int { return f.rows }

// Features are the names of the feature columns, in order.
func (f *Frame) Features() []string { return f.features }

// Column is the j-th feature.
func (f *Frame) Column(j int) Column { return f.columns[j] }

// Keys are the key columns.
func (f *Frame) Keys() []Key { return f.keys }

// Find is the position of a feature, or -1.
func (f *Frame) Find(feature string) int { return slices.Index(f.features, feature) }

// Row appends the features of row i to dst.
func (f *Frame) Row(i int, dst []float64) []float64 {
	for _, c := range f.columns {
		dst = append(dst, c.At(i))
	}
	return dst
}

// CheckFeatures returns an error unless the frame has exactly these features in this order.
func (f *Frame) CheckFeatures(want []string) error {
	if slices.Equal(f.features, want) {
		return nil
	}
	if _, err := f.Project(want); err != nil {
		return err
	}
	return fmt.Errorf("checking the features of %s: they differ from the model's or are in another order; project the frame first", f.source)
}

// Project returns the frame with these features only, in this order.
func (f *Frame) Project(features []string) (*Frame, error) {
	at := make(map[string]int, len(f.features))
	for j, name := range f.features {
		at[name] = j
	}
	p := &Frame{rows: f.rows, source: f.source, keys: f.keys, features: slices.Clone(features)}
	var missing []string
	for _, name := range features {
		j, ok := at[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		p.columns = append(p.columns, f.columns[j])
	}
	if missing != nil {
		return nil, fmt.Errorf("reading features from %s: %w: %s (as a number)", f.source, ErrMissingFeature, strings.Join(missing, ", "))
	}
	return p, nil
}

// Select returns the given rows, in the given order. The dictionaries of keys
// and the values of joined columns are shared, not copied.
func (f *Frame) Select(rows []int32) *Frame {
	s := &Frame{rows: len(rows), source: f.source, features: f.features}
	for _, k := range f.keys {
		s.keys = append(s.keys, Key{Name: k.Name, dict: k.dict, codes: take(k.codes, rows)})
	}
	indexes := map[*int32][]int32{}
	for _, c := range f.columns {
		switch {
		case c.index != nil:
			c.index = once(indexes, c.index, func() []int32 { return take(c.index, rows) })
		case c.wide != nil:
			c.wide = take(c.wide, rows)
		default:
			c.narrow = take(c.narrow, rows)
		}
		s.columns = append(s.columns, c)
	}
	return s
}

func take[T any](from []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = from[r]
	}
	return out
}

// once computes a new index for each distinct old one, so that columns that
// shared an index go on sharing it.
func once(seen map[*int32][]int32, old []int32, build func() []int32) []int32 {
	if len(old) == 0 {
		return old
	}
	if _, ok := seen[&old[0]]; !ok {
		seen[&old[0]] = build()
	}
	return seen[&old[0]]
}
