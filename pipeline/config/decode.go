package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder reads the tree of a YAML file into a Config. It notes every problem
// and goes on, and remembers where each key stands for the checks that follow.
type decoder struct {
	file     string
	roots    roots
	lines    []string
	env      Lookup
	problems []Problem
	places   map[string]place // by path
	failed   map[string]bool  // paths that have a problem already
}

// place is a line and a column, counted from 1, in characters.
type place struct{ line, column int }

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// fail reports a value that cannot be used.
func (d *decoder) fail(at place, path, format string, args ...any) {
	d.failed[path] = true
	d.report(at, path, format, args...)
}

func (d *decoder) report(at place, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.file, Line: at.line, Column: at.column,
		Path: path, Message: redact(fmt.Sprintf(format, args...))})
}

// failAt reports a problem with a path, at its place or its nearest parent's.
// A path that could not be used, by itself or with its parent, was reported
// before and is left alone.
func (d *decoder) failAt(path, format string, args ...any) {
	if d.failed[""] {
		return // the file as a whole is not keys and values
	}
	at, found := place{1, 1}, false
	for p := path; p != ""; p = parent(p) {
		if d.failed[p] {
			return
		}
		if here, ok := d.places[p]; ok && !found {
			at, found = here, true
		}
	}
	d.fail(at, path, format, args...)
}

// parent is the path without its last step; "" at the top.
func parent(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

func (d *decoder) has(path string) bool {
	_, ok := d.places[path]
	return ok
}

// defaulter fills a list item before its keys are read.
type defaulter interface{ setDefaults() }

// value reads one node into v. A key without a value keeps its default.
func (d *decoder) value(node ast.Node, at place, path, limits string, v reflect.Value) {
	switch n := node.(type) {
	case nil:
		return
	case *ast.AnchorNode, *ast.AliasNode:
		d.fail(at, path, "anchors and aliases (& and *) are not read here; write the value out")
		return
	case *ast.TagNode:
		d.fail(at, path, "YAML tags (!) are not read here; write the plain value")
		return
	case *ast.NullNode:
		return
	case *ast.MappingNode, *ast.MappingValueNode:
		d.mapping(n.(ast.MapNode), at, path, v)
		return
	case *ast.SequenceNode:
		d.sequence(n, at, path, limits, v)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.fail(at, path, "expected keys and values, got %s", describe(node))
		return
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			d.fail(at, path, "expected %s, got %s", wants(v.Type()), describe(node))
			return
		}
		item := reflect.New(v.Type().Elem()).Elem() // one item stands for a list of one
		d.scalar(node, at, path, limits, item)
		v.Set(reflect.Append(reflect.MakeSlice(v.Type(), 0, 1), item))
		return
	}
	d.scalar(node, at, path, limits, v)
}

// wants describes what a list may be written as.
func wants(t reflect.Type) string {
	if keyField(t.Elem()) >= 0 {
		return "keys and values"
	}
	return "a list"
}

func describe(node ast.Node) string {
	switch n := node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	default:
		text, _ := sourceText(n)
		if text = redact(text); len(text) > 40 {
			text = strings.ToValidUTF8(text[:40], "") + "..."
		}
		return strconv.Quote(text)
	}
}

// mapping reads keys and values into a struct, or into a list whose items are
// named by their key.
func (d *decoder) mapping(m ast.MapNode, at place, path string, v reflect.Value) {
	named := v.Kind() == reflect.Slice && keyField(v.Type().Elem()) >= 0
	if v.Kind() != reflect.Struct && !named {
		want := "a single value"
		if v.Kind() == reflect.Slice {
			want = "a list"
		}
		d.fail(at, path, "expected %s, got keys and values", want)
		return
	}
	seen := map[string]place{}
	for iter := m.MapRange(); iter.Next(); {
		keyAt := placeOf(iter.Key().GetToken())
		key, ok := keyText(iter.Key())
		if !ok {
			d.fail(keyAt, path, "expected a plain key")
			continue
		}
		keyPath := strings.TrimPrefix(path+"."+key, ".")
		if first, twice := seen[key]; twice {
			d.report(keyAt, keyPath, "given twice; the first is on line %d", first.line)
			continue
		}
		seen[key] = keyAt
		valueAt := d.note(keyPath, keyAt, iter.Value())
		if named {
			d.namedItem(iter.Value(), valueAt, keyPath, key, v)
			continue
		}
		d.field(iter.Value(), keyAt, valueAt, path, key, v)
	}
}

// note remembers where path stands: a single value by its own place, keys and
// lists by the place of their key.
func (d *decoder) note(path string, keyAt place, node ast.Node) place {
	at := keyAt
	switch n := node.(type) {
	case nil, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.NullNode:
	default:
		at = placeOf(n.GetToken())
	}
	d.places[path] = at
	return at
}

func (d *decoder) field(node ast.Node, keyAt, valueAt place, path, key string, v reflect.Value) {
	keyPath := strings.TrimPrefix(path+"."+key, ".")
	fs := fields(v.Type())
	for _, f := range fs {
		if f.key == key {
			d.value(node, valueAt, keyPath, f.limits, v.FieldByIndex(f.index))
			return
		}
	}
	names := keyNames(fs)
	d.fail(keyAt, keyPath, "unknown key; expected %s%s", list(names), didYouMean(key, names))
}

func (d *decoder) namedItem(node ast.Node, at place, path, key string, v reflect.Value) {
	item := reflect.New(v.Type().Elem())
	item.Elem().Field(keyField(v.Type().Elem())).SetString(key)
	if def, ok := item.Interface().(defaulter); ok {
		def.setDefaults()
	}
	d.value(node, at, path, "", item.Elem())
	v.Set(reflect.Append(v, item.Elem()))
}

// sequence reads a list; it replaces a default list.
func (d *decoder) sequence(n *ast.SequenceNode, at place, path, limits string, v reflect.Value) {
	if v.Kind() != reflect.Slice || keyField(v.Type().Elem()) >= 0 {
		want := "a single value"
		if v.Kind() != reflect.String && (v.Kind() == reflect.Struct || v.Kind() == reflect.Slice) {
			want = "keys and values"
		}
		d.fail(at, path, "expected %s, got a list", want)
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Values))
	for i, node := range n.Values {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		itemAt := d.itemPlace(itemPath, at, node)
		item := reflect.New(v.Type().Elem())
		if def, ok := item.Interface().(defaulter); ok {
			def.setDefaults()
		}
		if null, ok := node.(*ast.NullNode); ok && item.Elem().Kind() == reflect.String {
			d.scalar(null, itemAt, itemPath, limits, item.Elem())
		} else {
			d.value(node, itemAt, itemPath, limits, item.Elem())
		}
		out = reflect.Append(out, item.Elem())
	}
	v.Set(out)
}

// itemPlace is the place of a list item: of keys and values, the first key.
func (d *decoder) itemPlace(path string, at place, node ast.Node) place {
	switch n := node.(type) {
	case nil:
	case *ast.MappingValueNode:
		at = placeOf(n.Key.GetToken())
	case *ast.MappingNode:
		if at = placeOf(n.GetToken()); len(n.Values) > 0 && !n.IsFlowStyle {
			at = placeOf(n.Values[0].Key.GetToken())
		}
	default:
		at = placeOf(n.GetToken())
	}
	d.places[path] = at
	return at
}

// scalar reads a single value: it expands variables, then reads the text as
// the type asks.
func (d *decoder) scalar(node ast.Node, at place, path, limits string, v reflect.Value) {
	source, ok := sourceText(node)
	if !ok {
		d.fail(at, path, "expected a single value, got %s", describe(node))
		return
	}
	e := expand(source, d.env)
	for _, m := range e.mistakes {
		d.fail(d.locate(at, m.source), path, "%s", m.message)
	}
	if len(e.mistakes) > 0 {
		return
	}
	if err := d.set(v, e, limits); err != nil {
		d.fail(at, path, "%s", err)
	}
}

// set reads text into v. Its errors say what was expected.
func (d *decoder) set(v reflect.Value, e expansion, limits string) error {
	if s, ok := v.Addr().Interface().(interface{ set(expansion) error }); ok {
		return s.set(e) // an error of a secret must not quote it
	}
	if !utf8.ValidString(e.text) || strings.ContainsRune(e.text, 0) {
		return fmt.Errorf("%q is not text; expected valid UTF-8 without zero bytes", e.text)
	}
	switch p := v.Addr().Interface().(type) {
	case *Path:
		*p = d.roots.path(e.text, e.leads)
		return nil
	case *Glob:
		*p = d.roots.glob(e.text, e.leads)
		return nil
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(e.text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(e.text)
	case reflect.Bool:
		b, ok := map[string]bool{"true": true, "false": false}[strings.ToLower(e.text)]
		if !ok {
			return fmt.Errorf("%q is neither true nor false; expected one of them", e.text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(e.text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number; expected one %s", e.text, span(limits))
		}
		v.SetInt(n)
		return inRange(float64(n), e.text, limits)
	case reflect.Float64:
		f, err := strconv.ParseFloat(e.text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a number; expected one %s", e.text, span(limits))
		}
		v.SetFloat(f)
		return inRange(f, e.text, limits)
	default:
		panic("config: no reader for " + v.Type().String()) // a new kind of key: a test reaches this
	}
	return nil
}

// inRange checks a number against a range tag such as 1..10 or 0.. .
func inRange(n float64, text, limits string) error {
	low, high, _ := strings.Cut(limits, "..")
	lowest, _ := strconv.ParseFloat(low, 64)
	highest, err := strconv.ParseFloat(high, 64)
	if n < lowest || err == nil && n > highest {
		return fmt.Errorf("%s is out of range; expected a number %s", text, span(limits))
	}
	return nil
}

func span(limits string) string {
	low, high, _ := strings.Cut(limits, "..")
	if high == "" {
		return "of at least " + low
	}
	return "from " + low + " to " + high
}

// keyText is the text of a key; keys are not expanded.
func keyText(key ast.MapKeyNode) (string, bool) {
	if k, ok := key.(*ast.MappingKeyNode); ok {
		return sourceText(k.Value)
	}
	if _, ok := key.(*ast.MergeKeyNode); ok {
		return "<<", true // reported as an unknown key
	}
	return sourceText(key)
}

// sourceText is a scalar as it stands in the file: what YAML takes for a
// number or a null is text here until the type of its key says otherwise.
func sourceText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		if n.Value == nil {
			return "", true
		}
		return n.Value.Value, true
	case *ast.NullNode:
		if n.Token == nil || n.Token.Type == token.ImplicitNullType {
			return "", false
		}
		return n.Token.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		if t := n.GetToken(); t != nil {
			return t.Value, true
		}
	}
	return "", false
}

// locate finds where a piece of a scalar stands in the file, from the place
// where the scalar begins; that place itself if it cannot be found, as when an
// escape breaks the piece up.
func (d *decoder) locate(at place, piece string) place {
	piece, _, _ = strings.Cut(piece, "\n")
	for line := at.line; line <= len(d.lines); line++ {
		runes, from := []rune(d.lines[line-1]), 0
		if line == at.line {
			from = min(at.column-1, len(runes))
		}
		if i := strings.Index(string(runes[from:]), piece); i >= 0 && piece != "" {
			return place{line, from + utf8.RuneCountInString(string(runes[from:])[:i]) + 1}
		}
	}
	return at
}
