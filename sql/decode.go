package sqlfiles

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// decoder walks the tree of a sidecar, notes every problem and goes on.
type decoder struct {
	path     string
	problems []string
	named    []reference // columns that key and checks name
}

// reference is a column named at a place.
type reference struct {
	column string
	at     *token.Token
}

func (d *decoder) fail(at *token.Token, format string, args ...any) {
	line, column := 1, 1
	if at != nil && at.Position != nil {
		line, column = max(at.Position.Line, 1), max(at.Position.Column, 1)
	}
	d.problems = append(d.problems, fmt.Sprintf("%s:%d:%d: %s", d.path, line, column, fmt.Sprintf(format, args...)))
}

func (d *decoder) syntax(err error) error {
	var y yaml.Error
	if !errors.As(err, &y) {
		return fmt.Errorf("%s:1:1: reading YAML: %w", d.path, err)
	}
	d.fail(y.GetToken(), "%s", y.GetMessage())
	return errors.New(d.problems[0])
}

func (d *decoder) document(file *ast.File, s *Sidecar) {
	var body ast.Node
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil {
			continue
		}
		if body != nil {
			d.fail(doc.Body.GetToken(), "expected one YAML document, got a second one")
			return
		}
		body = doc.Body
	}
	if body == nil {
		d.fail(nil, "the sidecar is empty: expected grain, description, key, columns, checks")
		return
	}
	d.mapping(body, body.GetToken(), "a sidecar", fields{
		"grain":       func(v value) { s.Grain = d.text(v) },
		"description": func(v value) { s.Description = d.text(v) },
		"key":         func(v value) { s.Key = d.columns(v) },
		"topic":       func(v value) { s.Topic = d.text(v) },
		"columns":     func(v value) { s.Columns = d.describedColumns(v) },
		"checks":      func(v value) { s.Checks = d.checks(v) },
	})
}

// value is a node and the key that it belongs to.
type value struct {
	key  string
	at   *token.Token // of the key
	node ast.Node
}

// place is where a problem with the value is shown: the value if it is on its own.
func (v value) place() *token.Token {
	switch v.node.(type) {
	case nil, *ast.NullNode, ast.MapNode, *ast.SequenceNode:
		return v.at
	}
	return v.node.GetToken()
}

// fields are the known keys of a mapping and what to do with their values.
type fields map[string]func(value)

// mapping hands each key of a mapping to its field. It tells whether it is one.
func (d *decoder) mapping(n ast.Node, at *token.Token, what string, known fields) bool {
	return d.pairs(n, at, what, func(v value) {
		read, ok := known[v.key]
		if !ok {
			names := make([]string, 0, len(known))
			for k := range known {
				names = append(names, k)
			}
			slices.Sort(names)
			d.fail(v.at, "%q is not a key of %s: expected one of %s", v.key, what, strings.Join(names, ", "))
			return
		}
		read(v)
	})
}

func (d *decoder) pairs(n ast.Node, at *token.Token, what string, each func(value)) bool {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.fail(value{at: at, node: n}.place(), "%s must be keys and values, got %s", what, describe(n))
		return false
	}
	for it := m.MapRange(); it.Next(); {
		k := it.Key()
		if _, plain := k.(*ast.StringNode); !plain {
			d.fail(k.GetToken(), "expected a plain key, got %q", k.GetToken().Value)
			continue
		}
		each(value{key: k.GetToken().Value, at: k.GetToken(), node: it.Value()})
	}
	return true
}

// scalar is the text of a single value; ok is false if it is none.
func scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value), true
	case *ast.IntegerNode:
		return fmt.Sprint(n.Value), true
	case *ast.FloatNode:
		return strconv.FormatFloat(n.Value, 'g', -1, 64), !math.IsInf(n.Value, 0) && !math.IsNaN(n.Value)
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value), true
	}
	return "", false
}

func (d *decoder) text(v value) string {
	text, ok := scalar(v.node)
	if !ok || strings.TrimSpace(text) == "" {
		d.fail(v.place(), "%s must be a text, got %s", v.key, describe(v.node))
		return ""
	}
	return strings.TrimSpace(text)
}

func (d *decoder) number(v value) *float64 {
	var x float64
	switch n := v.node.(type) {
	case *ast.IntegerNode:
		x, _ = strconv.ParseFloat(fmt.Sprint(n.Value), 64)
	case *ast.FloatNode:
		x = n.Value
	default:
		d.fail(v.place(), "%s must be a number, got %s", v.key, describe(v.node))
		return nil
	}
	return &x
}

// list reads a list of single values.
func (d *decoder) list(v value, what string, each func(text string, at *token.Token)) {
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok || len(seq.Values) == 0 {
		d.fail(v.place(), "%s must be a list of %s such as [a, b], got %s", v.key, what, describe(v.node))
		return
	}
	for _, item := range seq.Values {
		text, ok := scalar(item)
		if !ok || text == "" {
			d.fail(value{at: v.at, node: item}.place(), "%s must be a list of %s, got %s in it", v.key, what, describe(item))
			continue
		}
		each(text, item.GetToken())
	}
}

// columns reads a list of names of columns.
func (d *decoder) columns(v value) []string {
	var names []string
	d.list(v, "columns", func(text string, at *token.Token) {
		if slices.Contains(names, text) {
			d.fail(at, "column %s is named twice", text)
			return
		}
		names = append(names, text)
		d.named = append(d.named, reference{text, at})
	})
	return names
}

func (d *decoder) column(v value) string {
	name := d.text(v)
	if name != "" {
		d.named = append(d.named, reference{name, v.place()})
	}
	return name
}

// describe says what a node is, for messages.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case ast.MapNode:
		return "keys and values (a text with { or : needs quotes)"
	case *ast.SequenceNode:
		if len(n.Values) == 0 {
			return "an empty list"
		}
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag, which sidecars do not use"
	}
	text, _ := scalar(n)
	if text == "" {
		text = n.GetToken().Value
	}
	if r := []rune(text); len(r) > 40 {
		text = string(r[:40]) + "..."
	}
	return strconv.Quote(text)
}
