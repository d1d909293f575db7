package cases

import (
	"fmt"
	"slices"
	"strings"
)

// most is how many differences are shown.
const most = 20

// Diff says how the rows that a model gave differ from those expected, in lines for
// people; nil when they do not. Rows are told apart by the key columns where all of
// them are expected; else they are compared in their order. Both have the columns
// names, in text as the engine writes it; nil is NULL.
func Diff(names, key []string, want, got [][]*string) []string {
	d := &differ{names: names}
	for _, k := range key {
		i := slices.Index(names, k)
		if i < 0 {
			d.key = nil
			break
		}
		d.key = append(d.key, i)
	}
	if len(d.key) > 0 {
		d.byKey(want, got)
	} else {
		d.byPlace(want, got)
	}
	if len(d.lines) > most {
		d.lines = append(d.lines[:most], fmt.Sprintf("and %d more", len(d.lines)-most))
	}
	return d.lines
}

type differ struct {
	names []string
	key   []int
	lines []string
}

func (d *differ) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *differ) byKey(want, got [][]*string) {
	found := map[string][]*string{}
	for _, row := range got {
		k := d.label(row)
		if found[k] != nil {
			d.add("%s: several rows have this key", k)
		}
		found[k] = row
	}
	expected := map[string]bool{}
	for _, row := range want {
		k := d.label(row)
		if expected[k] {
			d.add("%s: expected twice in the case", k)
			continue
		}
		expected[k] = true
		if found[k] == nil {
			d.add("%s: expected, but there is no such row", k)
			continue
		}
		d.columns(k, row, found[k])
	}
	for _, row := range got {
		if k := d.label(row); !expected[k] {
			d.add("%s: not expected: %s", k, d.whole(row))
		}
	}
}

func (d *differ) byPlace(want, got [][]*string) {
	for i := range max(len(want), len(got)) {
		label := fmt.Sprintf("row %d", i+1)
		switch {
		case i >= len(got):
			d.add("%s: expected, but there are only %d: %s", label, len(got), d.whole(want[i]))
		case i >= len(want):
			d.add("%s: not expected: %s", label, d.whole(got[i]))
		default:
			d.columns(label, want[i], got[i])
		}
	}
}

// columns compares two rows column by column.
func (d *differ) columns(label string, want, got []*string) {
	for i, name := range d.names {
		if w, g := show(want[i]), show(got[i]); w != g {
			d.add("%s: %s: expected %s, got %s", label, name, w, g)
		}
	}
}

func (d *differ) label(row []*string) string {
	var out []string
	for _, i := range d.key {
		out = append(out, d.names[i]+"="+show(row[i]))
	}
	return strings.Join(out, " ")
}

func (d *differ) whole(row []*string) string {
	var out []string
	for i, name := range d.names {
		if !slices.Contains(d.key, i) {
			out = append(out, name+"="+show(row[i]))
		}
	}
	return strings.Join(out, " ")
}

func show(v *string) string {
	if v == nil {
		return "NULL"
	}
	if *v == "" || *v == "NULL" || strings.TrimSpace(*v) != *v {
		return fmt.Sprintf("%q", *v)
	}
	return *v
}
