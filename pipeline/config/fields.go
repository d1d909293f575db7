package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key of a struct of the configuration.
type field struct {
	key    string
	index  []int // for reflect's FieldByIndex
	typ    reflect.Type
	limits string // the range tag
	only   string // the sources that have it: files, databases, or "" for all
	result string // the result tag
}

// fields lists the keys of a struct, those of inline structs among them.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		switch key {
		case "-", ",key":
			continue
		case ",inline":
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				inner.only = f.Tag.Get("only")
				out = append(out, inner)
			}
			continue
		}
		out = append(out, field{key: key, index: []int{i}, typ: f.Type,
			limits: f.Tag.Get("range"), only: f.Tag.Get("only"), result: f.Tag.Get("result")})
	}
	return out
}

// keyField finds the field that holds the key when a list of t is written as a
// mapping; -1 if t is an ordinary struct.
func keyField(t reflect.Type) int {
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("yaml") == ",key" {
				return i
			}
		}
	}
	return -1
}

// Keys lists every key that mainstay.yaml may have, in order, as paths such as
// sources[].csv.delimiter; * stands for any name.
func Keys() []string { return keysOf(reflect.TypeFor[Config](), "") }

func keysOf(t reflect.Type, prefix string) []string {
	var out []string
	for _, f := range fields(t) {
		path := strings.TrimPrefix(prefix+"."+f.key, ".")
		out = append(out, path)
		switch inner := f.typ; {
		case inner.Kind() == reflect.Struct:
			out = append(out, keysOf(inner, path)...)
		case inner.Kind() == reflect.Slice && keyField(inner.Elem()) >= 0:
			out = append(out, path+".*")
			out = append(out, keysOf(inner.Elem(), path+".*")...)
		case inner.Kind() == reflect.Slice && inner.Elem().Kind() == reflect.Struct:
			out = append(out, keysOf(inner.Elem(), path+"[]")...)
		}
	}
	return out
}

func keyNames(fs []field) []string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = f.key
	}
	slices.Sort(out)
	return out
}
