// Package cases reads SQL unit cases: text files that say which rows are given and
// which a model must make of them, and it says in words how rows differ. It is text
// only; who runs a case binds it to an engine.
package cases

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// Ending is that of the name of a case file.
const Ending = ".test"

// DefaultAsOf is the as-of day of a case that names none.
const DefaultAsOf = "2024-03-01"

// Case is one case file.
type Case struct {
	Path     string // for messages
	Name     string // of the file, without its ending
	About    string // the comment that it begins with
	Model    string // under test
	Line     int    // on which the model is named
	AsOf     string // YYYY-MM-DD
	Settings []Setting
	Given    []Section
	Expect   Section
}

// Setting is a part of a configuration, in YAML, and the line on which it begins.
type Setting struct {
	Line int
	YAML string
}

// Section is a table in CSV.
type Section struct {
	Table   string
	Line    int // of its title
	Columns []Column
	Rows    []Row
}

// Column is one column of a section. Its type is what stands behind :: in the header,
// or "" where nothing does.
type Column struct{ Name, Type string }

// Row is one row and the line on which it begins. A value that is empty or NULL is nil.
type Row struct {
	Line   int
	Values []*string
}

// Names are the names of the columns.
func (s Section) Names() []string {
	out := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = c.Name
	}
	return out
}

// Has tells whether a section gives a column.
func (s Section) Has(column string) bool {
	for _, c := range s.Columns {
		if c.Name == column {
			return true
		}
	}
	return false
}

// Parse reads a case file strictly. An error has one line per problem, each with path
// and line.
func Parse(file string, src []byte) (Case, error) {
	c := Case{Path: file, Name: strings.TrimSuffix(path.Base(file), Ending), AsOf: DefaultAsOf}
	p := &parser{path: file}
	head, sections := split(strings.ReplaceAll(string(src), "\r\n", "\n"))
	p.header(head, &c)
	for _, s := range sections {
		p.section(s, &c)
	}
	if c.Model == "" {
		p.fail(1, "no model; expected a line such as model: customer_orders")
	}
	if c.Expect.Line == 0 {
		p.fail(1, "nothing is expected; expected a section that begins with -- expect")
	}
	return c, errors.Join(p.problems...)
}

// part is a run of lines under a title; the first has none.
type part struct {
	title string
	line  int // of the title
	body  string
}

func split(text string) (head part, sections []part) {
	lines := strings.Split(text, "\n")
	var parts []part
	current, begin := part{line: 0}, 0
	for i, line := range append(lines, "-- ") {
		if !strings.HasPrefix(line, "-- ") {
			continue
		}
		current.body = strings.Join(lines[begin:min(i, len(lines))], "\n")
		parts = append(parts, current)
		current, begin = part{title: strings.TrimSpace(line[len("-- "):]), line: i + 1}, min(i+1, len(lines))
	}
	return parts[0], parts[1:]
}

type parser struct {
	path     string
	problems []error
}

func (p *parser) fail(line int, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s:%d: %s", p.path, line, fmt.Sprintf(format, args...)))
}

var dayPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// short are settings that a header may name by themselves.
var short = map[string]string{
	"time_zone":     "time_zone: %s",
	"lookback_days": "history: {lookback_days: %s}",
	"horizon_days":  "history: {horizon_days: %s}",
}

// header reads the comment and the keys before the first section.
func (p *parser) header(head part, c *Case) {
	var about []string
	seen := map[string]bool{}
	for i, line := range strings.Split(head.body, "\n") {
		number := i + 1
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			about = append(about, strings.TrimSpace(comment))
			continue
		}
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !ok || value == "":
			p.fail(number, "expected key: value, a comment that begins with #, or a section that begins with --, got %q", line)
		case seen[key]:
			p.fail(number, "%s is given twice", key)
		case key == "model":
			c.Model, c.Line = value, number
		case key == "as_of" && !dayPattern.MatchString(value):
			p.fail(number, "as_of must be a day such as %s, got %q", DefaultAsOf, value)
		case key == "as_of":
			c.AsOf = value
		case short[key] != "":
			c.Settings = append(c.Settings, Setting{number, fmt.Sprintf(short[key], value)})
		default:
			p.fail(number, "%q is no key of a case; expected model, as_of, time_zone, lookback_days or horizon_days (other settings stand in a section -- settings)", key)
		}
		seen[key] = true
	}
	c.About = strings.TrimSpace(strings.Join(about, "\n"))
}

func (p *parser) section(s part, c *Case) {
	kind, table, _ := strings.Cut(s.title, " ")
	table = strings.TrimSpace(table)
	switch {
	case kind == "settings" && table == "":
		c.Settings = append(c.Settings, Setting{s.line + 1, s.body})
	case kind == "given" && table != "":
		for _, g := range c.Given {
			if g.Table == table {
				p.fail(s.line, "%s is given on line %d already", table, g.Line)
			}
		}
		c.Given = append(c.Given, p.rows(s, table))
	case kind == "expect" && table == "":
		if c.Expect.Line > 0 {
			p.fail(s.line, "a second section expect; the first is on line %d", c.Expect.Line)
		}
		c.Expect = p.rows(s, c.Model)
	default:
		p.fail(s.line, "%q is no section; expected -- given TABLE, -- settings or -- expect", "-- "+s.title)
	}
}

// rows reads the CSV of a section.
func (p *parser) rows(s part, table string) Section {
	out := Section{Table: table, Line: s.line}
	r := csv.NewReader(strings.NewReader(s.body))
	r.FieldsPerRecord = -1
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			p.fail(s.line+bad.Line, "this is no CSV: %v", bad.Err)
			return out
		}
		at, _ := r.FieldPos(0)
		if out.Columns == nil {
			out.Columns = p.columns(record, s.line+at)
			continue
		}
		if len(record) != len(out.Columns) {
			p.fail(s.line+at, "%d values for %d columns", len(record), len(out.Columns))
			continue
		}
		out.Rows = append(out.Rows, Row{s.line + at, values(record)})
	}
	if out.Columns == nil {
		p.fail(s.line, "no columns; expected CSV that begins with their names")
	}
	return out
}

func (p *parser) columns(record []string, line int) []Column {
	out := make([]Column, len(record))
	seen := map[string]bool{}
	for i, name := range record {
		name, typ, _ := strings.Cut(name, "::")
		out[i] = Column{strings.TrimSpace(name), strings.TrimSpace(typ)}
		if out[i].Name == "" || seen[out[i].Name] {
			p.fail(line, "column %d needs a name of its own, got %q", i+1, out[i].Name)
		}
		seen[out[i].Name] = true
	}
	return out
}

func values(record []string) []*string {
	out := make([]*string, len(record))
	for i, v := range record {
		if v != "" && v != "NULL" {
			out[i] = &record[i]
		}
	}
	return out
}
