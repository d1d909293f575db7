package sqlfiles

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/parser"
)

// Sidecar says what a model's table means and what must hold for it. It is the file
// NAME.yml beside NAME.sql.
type Sidecar struct {
	Path        string
	Grain       string // what one row is: "One row per customer."
	Description string
	Key         []string // columns that tell rows apart; none for a table of one row
	// Topic is what the features of the file tell of, unless a column says otherwise; of a
	// topic one feature becomes a reason. "" is the name of the file.
	Topic   string
	Columns []Column // in the order of the file
	Checks  []Check  // in the order of the file
}

// Column describes a column. All texts may be empty.
type Column struct {
	Name    string
	Meaning string
	Missing string // when the value is NULL: "with one order day"
	Unit    string
	Range   string // in words: ">= 0", "0 to 1"
	Source  string // of the method: a paper or a formula
	// Default replaces NULL where a feature file has no row for a customer; nil
	// means that unknown stays unknown. It is the text of a value.
	Default *string
	// Say is the fact in a salesperson's words, with {value} for the value:
	// "last order {value} days ago".
	Say string
	// SayMissing is what a NULL says, in the same words: "no visits known in the last 90
	// days". Without it people read that the meaning is not known.
	SayMissing string
	// Topic groups features that tell the same story, across files: "last contact".
	Topic string
}

// Column finds a described column.
func (s *Sidecar) Column(name string) (Column, bool) {
	for _, c := range s.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// Warnings are the checks that do not hold a night back.
func (s *Sidecar) Warnings() []Check {
	var out []Check
	for _, c := range s.Checks {
		if c.Severity == SeverityWarn {
			out = append(out, c)
		}
	}
	return out
}

// CheckKind tells what a check expects.
type CheckKind string

// The kinds of checks, by their key in the sidecar.
const (
	Unique         CheckKind = "unique"          // Columns together occur once
	NotNull        CheckKind = "not_null"        // each of Columns has a value
	AcceptedValues CheckKind = "accepted_values" // Column has one of Values
	Range          CheckKind = "range"           // Column is within Min and Max
	Expression     CheckKind = "expression"      // SQL is true in every row
	Relationships  CheckKind = "relationships"   // Column's values occur in Field of the table To
)

// Severity tells what a failed check does.
type Severity string

// Severities.
const (
	SeverityError Severity = "error" // the night is not published
	SeverityWarn  Severity = "warn"  // it is published, with a warning
)

// Check is one expectation about a table. Which fields are set depends on its kind.
type Check struct {
	Kind     CheckKind
	Columns  []string // unique, not_null
	Column   string   // accepted_values, range, relationships
	Values   []string // accepted_values, as text
	Min, Max *float64 // range, both inclusive; nil is open, one is set
	Name     string   // expression
	SQL      string   // expression: a condition
	To       string   // relationships: a published table
	Field    string   // relationships: its column; the same name as Column unless given
	Severity Severity
}

// ParseSidecar reads a sidecar strictly: unknown keys, wrong kinds of values and
// columns that are not described are errors. The error has one line per problem, each
// with path:line:column and what was expected.
func ParseSidecar(path string, src []byte) (s *Sidecar, err error) {
	d := &decoder{path: path}
	defer func() {
		// The YAML library panics on some malformed input.
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("%s:1:1: this is not readable as YAML (%v)", path, r)
		}
	}()
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, d.syntax(err)
	}
	s = &Sidecar{Path: path}
	d.document(file, s)
	d.crossCheck(s)
	if len(d.problems) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(d.problems, "\n"))
	}
	return s, nil
}
