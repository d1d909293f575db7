package models

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

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
		for i, v := range values {
			if math.IsInf(v, 0) {
				return nil, fmt.Errorf("making a frame: column %s, row %d is infinite", features[j], i)
			}
		}
		f.columns = append(f.columns, compact(values))
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
		s.columns = append(s.columns, c.choose(rows, func(old []int32) []int32 {
			return once(indexes, old, func() []int32 { return take(old, rows) })
		}))
	}
	return s
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
