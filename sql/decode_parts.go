package sqlfiles

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

func (d *decoder) describedColumns(v value) []Column {
	var cols []Column
	d.pairs(v.node, v.at, "columns", func(v value) {
		c := Column{Name: v.key}
		d.mapping(v.node, v.at, "column "+v.key, fields{
			"meaning":     func(v value) { c.Meaning = d.text(v) },
			"missing":     func(v value) { c.Missing = d.text(v) },
			"unit":        func(v value) { c.Unit = d.text(v) },
			"range":       func(v value) { c.Range = d.text(v) },
			"source":      func(v value) { c.Source = d.text(v) },
			"default":     func(v value) { c.Default = d.defaultValue(v) },
			"say":         func(v value) { c.Say = d.say(v) },
			"say_missing": func(v value) { c.SayMissing = d.text(v) },
			"topic":       func(v value) { c.Topic = d.text(v) },
		})
		cols = append(cols, c)
	})
	return cols
}

func (d *decoder) defaultValue(v value) *string {
	text, ok := scalar(v.node)
	if !ok {
		d.fail(v.place(), "default must be a number, a text, true or false, got %s; leave it out where unknown stays unknown", describe(v.node))
		return nil
	}
	return &text
}

var placeholder = regexp.MustCompile(`\{[^}]*\}?`)

// say refuses placeholders that nothing fills.
func (d *decoder) say(v value) string {
	text := d.text(v)
	for _, p := range placeholder.FindAllString(text, -1) {
		if p != "{value}" {
			d.fail(v.place(), "say knows the placeholder {value} only, got %s", p)
		}
	}
	return text
}

// checkKinds are the keys of which a check has exactly one.
var checkKinds = []CheckKind{Unique, NotNull, AcceptedValues, Range, Expression, Relationships}

func (d *decoder) checks(v value) []Check {
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok {
		d.fail(v.place(), "checks must be a list such as - unique: [customer_id], got %s", describe(v.node))
		return nil
	}
	var checks []Check
	for _, item := range seq.Values {
		if c, ok := d.check(item, v.at); ok {
			checks = append(checks, c)
		}
	}
	return checks
}

// check reads one item of checks: a kind with its settings, and maybe a severity
// beside or among them.
func (d *decoder) check(n ast.Node, at *token.Token) (Check, bool) {
	c := Check{Severity: SeverityError}
	before, severities := len(d.problems), 0
	severity := func(v value) {
		severities++
		c.Severity = d.severity(v)
		if severities > 1 {
			d.fail(v.at, "severity is given twice")
		}
	}
	known := fields{"severity": severity}
	for _, kind := range checkKinds {
		known[string(kind)] = func(v value) {
			if c.Kind != "" {
				d.fail(v.at, "a check is of one kind, got %s and %s: make it two items", c.Kind, kind)
				return
			}
			c.Kind = kind
			d.settings(&c, v, severity)
		}
	}
	if !d.mapping(n, at, "a check", known) {
		return c, false
	}
	if c.Kind == "" && len(d.problems) == before {
		d.fail(n.GetToken(), "a check needs one of unique, not_null, accepted_values, range, expression, relationships")
	}
	return c, len(d.problems) == before
}

func (d *decoder) severity(v value) Severity {
	s := Severity(d.text(v))
	if !slices.Contains([]Severity{SeverityError, SeverityWarn, ""}, s) {
		d.fail(v.place(), "severity must be error or warn, got %q", string(s))
	}
	return s
}

// settings reads what belongs to a check's kind and tells what is missing.
func (d *decoder) settings(c *Check, v value, severity func(value)) {
	if c.Kind == Unique || c.Kind == NotNull {
		c.Columns = d.columns(v)
		return
	}
	known := fields{"severity": severity}
	var needed []string
	switch c.Kind {
	case AcceptedValues:
		needed = []string{"column", "values"}
		known["values"] = func(v value) {
			d.list(v, "values", func(text string, _ *token.Token) { c.Values = append(c.Values, text) })
		}
	case Range:
		needed = []string{"column"}
		known["min"] = func(v value) { c.Min = d.number(v) }
		known["max"] = func(v value) { c.Max = d.number(v) }
	case Expression:
		needed = []string{"name", "sql"}
		known["name"] = func(v value) { c.Name = d.text(v) }
		known["sql"] = func(v value) { c.SQL = d.text(v) }
	case Relationships:
		needed = []string{"column", "to"}
		known["to"] = func(v value) { c.To = d.text(v) }
		known["field"] = func(v value) { c.Field = d.text(v) }
	}
	if c.Kind != Expression {
		known["column"] = func(v value) { c.Column = d.column(v) }
	}
	seen := map[string]bool{}
	for key, read := range known {
		known[key] = func(v value) { seen[key] = true; read(v) }
	}
	if !d.mapping(v.node, v.at, string(c.Kind), known) {
		return
	}
	for _, key := range needed {
		if !seen[key] {
			d.fail(v.at, "%s needs %s", c.Kind, strings.Join(needed, " and "))
			return
		}
	}
	switch {
	case c.Kind == Range:
		d.bounds(c, v, seen)
	case c.Kind == Relationships && c.Field == "":
		c.Field = c.Column
	}
}

func (d *decoder) bounds(c *Check, v value, seen map[string]bool) {
	if !seen["min"] && !seen["max"] {
		d.fail(v.at, "range needs min or max, or both")
	}
	if c.Min != nil && c.Max != nil && *c.Min > *c.Max {
		d.fail(v.at, "range has min %v above max %v", *c.Min, *c.Max)
	}
}

// crossCheck finds columns that are named but not described. A sidecar that
// describes no column is left alone.
func (d *decoder) crossCheck(s *Sidecar) {
	if len(s.Columns) == 0 {
		return
	}
	for _, r := range d.named {
		if _, ok := s.Column(r.column); !ok {
			d.fail(r.at, "column %s is not described under columns", r.column)
		}
	}
}
