package models

import (
	"fmt"
	"slices"
	"strings"
)

// Concat stacks frames that have the same features and keys in the same order.
func Concat(frames ...*Frame) (*Frame, error) {
	if len(frames) == 0 {
		return nil, fmt.Errorf("stacking frames: there are none")
	}
	first := frames[0]
	if len(frames) == 1 {
		return first, nil
	}
	out := &Frame{source: first.source, features: first.features}
	for _, f := range frames {
		if !slices.Equal(f.features, first.features) || len(f.keys) != len(first.keys) {
			return nil, fmt.Errorf("stacking frames: the columns of %s differ from those of %s", f.source, first.source)
		}
		out.rows += f.rows
	}
	for k := range first.keys {
		out.keys = append(out.keys, concatKeys(frames, k, out.rows))
	}
	indexes := map[string][]int32{}
	buf := make([]float64, 0, out.rows)
	for j := range first.columns {
		out.columns = append(out.columns, concatColumns(frames, j, out.rows, indexes, buf))
	}
	return out, nil
}

func concatKeys(frames []*Frame, k, rows int) Key {
	out := Key{Name: frames[0].keys[k].Name, codes: make([]int32, 0, rows)}
	at := map[string]int32{}
	for _, f := range frames {
		key := f.keys[k]
		recode := make([]int32, len(key.dict))
		for i := range recode {
			recode[i] = -1
		}
		for _, c := range key.codes {
			if recode[c] < 0 {
				recode[c] = intern(at, &out.dict, key.dict[c])
			}
			out.codes = append(out.codes, recode[c])
		}
	}
	return out
}

func intern(at map[string]int32, dict *[]string, s string) int32 {
	code, ok := at[s]
	if !ok {
		code = int32(len(*dict))
		at[s] = code
		*dict = append(*dict, s)
	}
	return code
}

// concatColumns keeps joined columns joined: their value tables are stacked and
// the indexes shifted. buf is scratch.
func concatColumns(frames []*Frame, j, rows int, indexes map[string][]int32, buf []float64) (out Column) {
	joined := !slices.ContainsFunc(frames, func(f *Frame) bool { return f.columns[j].index == nil })
	for _, f := range frames {
		c, n := f.columns[j], f.rows
		if joined {
			c.index, n = nil, c.stored()
		}
		buf = c.AppendTo(buf, 0, n)
	}
	out = compact(buf)
	if joined {
		shared := sharedBy(frames, j)
		if indexes[shared] == nil {
			indexes[shared] = shiftIndexes(frames, j, rows)
		}
		out.index = indexes[shared]
	}
	return out
}

// sharedBy names the indexes of a joined column in all frames. Columns that share them
// in every frame go on sharing one; a frame without rows has nothing to tell apart.
func sharedBy(frames []*Frame, j int) string {
	var b strings.Builder
	for _, f := range frames {
		if index := f.columns[j].index; len(index) > 0 {
			fmt.Fprintf(&b, "%p", &index[0])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func shiftIndexes(frames []*Frame, j, rows int) []int32 {
	out, shift := make([]int32, 0, rows), int32(0)
	for _, f := range frames {
		c := f.columns[j]
		for _, i := range c.index {
			out = append(out, i+shift)
		}
		shift += int32(c.stored())
	}
	return out
}

// Join adds to each row the features of the row of other that has the same key.
// other has that key only, each value once; its features follow f's own.
func (f *Frame) Join(other *Frame, key string) (*Frame, error) {
	mine := slices.IndexFunc(f.keys, func(k Key) bool { return k.Name == key })
	if mine < 0 || len(other.keys) != 1 || other.keys[0].Name != key {
		return nil, fmt.Errorf("joining %s to %s: both must have the key %s", other.source, f.source, key)
	}
	for _, name := range other.features {
		if f.Find(name) >= 0 {
			return nil, fmt.Errorf("joining %s to %s: both have a column %s; rename one of them", other.source, f.source, name)
		}
	}
	at, err := other.lookup()
	if err != nil {
		return nil, err
	}
	k := f.keys[mine]
	index := make([]int32, f.rows)
	for i, c := range k.codes {
		r, ok := at[k.dict[c]]
		if !ok {
			return nil, fmt.Errorf("joining %s to %s: no row for %s %q", other.source, f.source, key, k.dict[c])
		}
		index[i] = r
	}
	out := *f
	out.features = append(slices.Clone(f.features), other.features...)
	out.columns = slices.Clone(f.columns)
	for _, c := range other.columns {
		if c.index != nil {
			return nil, fmt.Errorf("joining %s to %s: the former is a join itself", other.source, f.source)
		}
		c.index = index
		out.columns = append(out.columns, c)
	}
	return &out, nil
}

// lookup maps the whole key of a row to its number.
func (f *Frame) lookup() (map[string]int32, error) {
	at := make(map[string]int32, f.rows)
	for i := range f.rows {
		k := f.KeyOf(i)
		if _, twice := at[k]; twice {
			return nil, fmt.Errorf("reading %s: the key %q occurs twice", f.source, k)
		}
		at[k] = int32(i)
	}
	return at, nil
}

// KeyOf is the whole key of row i, its parts joined by a NUL character.
func (f *Frame) KeyOf(i int) string {
	if len(f.keys) == 1 {
		return f.keys[0].At(i)
	}
	s := ""
	for j, k := range f.keys {
		if j > 0 {
			s += "\x00"
		}
		s += k.At(i)
	}
	return s
}

// Match finds for each row of f the row of other that has the same key, -1 for none.
func (f *Frame) Match(other *Frame) ([]int32, error) {
	rows := make([]int32, f.rows)
	if f.sameKeys(other) { // the usual case: both files are sorted by key
		for i := range rows {
			rows[i] = int32(i)
		}
		return rows, nil
	}
	at, err := other.lookup()
	if err != nil {
		return nil, err
	}
	for i := range rows {
		r, ok := at[f.KeyOf(i)]
		if !ok {
			r = -1
		}
		rows[i] = r
	}
	return rows, nil
}

func (f *Frame) sameKeys(other *Frame) bool {
	if f.rows != other.rows || len(f.keys) != len(other.keys) {
		return false
	}
	for j, k := range f.keys {
		o := other.keys[j]
		for i := range f.rows {
			if k.At(i) != o.At(i) {
				return false
			}
		}
	}
	return true
}
