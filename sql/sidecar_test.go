package sqlfiles

import (
	"reflect"
	"strings"
	"testing"
)

const goodSidecar = `# A comment.
grain: One row per customer.
description: >
  Folded
  text.
key: [customer_id]
topic: orders
columns:
  customer_id:
    meaning: The customer.
  recency_days:
    meaning: "Days since the last order: whole ones."
    missing: without orders
    unit: days
    range: ">= 0"
    source: someone 2005
    default: 0
    say: "last order {value} days ago"
    topic: rhythm of orders
  risk_band:
    meaning: high or low
    default: low
checks:
  - unique: [customer_id]
  - not_null:
      - customer_id
      - recency_days
    severity: warn
  - accepted_values: {column: risk_band, values: [high, low, 1, true]}
  - range: {column: recency_days, min: 0, max: 1.5e3, severity: warn}
  - expression: {name: positive, sql: "recency_days > 0"}
  - relationships: {column: customer_id, to: customer_value, severity: warn}
  - relationships: {column: risk_band, to: bands, field: name}
`

func TestParseSidecar(t *testing.T) {
	t.Parallel()
	got, err := ParseSidecar("a.yml", []byte(goodSidecar))
	if err != nil {
		t.Fatal(err)
	}
	zero, low, lo, hi := "0", "low", 0.0, 1500.0
	want := &Sidecar{
		Path: "a.yml", Grain: "One row per customer.", Description: "Folded text.", Key: []string{"customer_id"}, Topic: "orders",
		Columns: []Column{
			{Name: "customer_id", Meaning: "The customer."},
			{Name: "recency_days", Meaning: "Days since the last order: whole ones.", Missing: "without orders", Unit: "days",
				Range: ">= 0", Source: "someone 2005", Default: &zero, Say: "last order {value} days ago", Topic: "rhythm of orders"},
			{Name: "risk_band", Meaning: "high or low", Default: &low},
		},
		Checks: []Check{
			{Kind: Unique, Columns: []string{"customer_id"}, Severity: SeverityError},
			{Kind: NotNull, Columns: []string{"customer_id", "recency_days"}, Severity: SeverityWarn},
			{Kind: AcceptedValues, Column: "risk_band", Values: []string{"high", "low", "1", "true"}, Severity: SeverityError},
			{Kind: Range, Column: "recency_days", Min: &lo, Max: &hi, Severity: SeverityWarn},
			{Kind: Expression, Name: "positive", SQL: "recency_days > 0", Severity: SeverityError},
			{Kind: Relationships, Column: "customer_id", To: "customer_value", Field: "customer_id", Severity: SeverityWarn},
			{Kind: Relationships, Column: "risk_band", To: "bands", Field: "name", Severity: SeverityError},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c, ok := got.Column("risk_band"); !ok || c.Name != "risk_band" {
		t.Errorf("column risk_band is %+v, %v", c, ok)
	}
	if _, ok := got.Column("nobody"); ok {
		t.Error("found a column that is not there")
	}
}

func TestParseSidecarErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ src, want string }{
		"empty":                 {"", "a.yml:1:1: the sidecar is empty: expected grain, description, key, columns, checks"},
		"only comments":         {"# nothing\n", "a.yml:1:1: the sidecar is empty"},
		"a list":                {"- a\n", "a.yml:1:1: a sidecar must be keys and values, got a list"},
		"a text":                {"hello\n", `a.yml:1:1: a sidecar must be keys and values, got "hello"`},
		"two documents":         {"grain: a\n---\ngrain: b\n", "expected one YAML document, got a second one"},
		"bad syntax":            {"grain: [a\n", "a.yml:1:8: "},
		"a tab":                 {"columns:\n\ta: b\n", "a.yml:2:1: "},
		"key twice":             {"grain: a\ngrain: b\n", "a.yml:2:1: mapping key \"grain\" already defined"},
		"unknown key":           {"grain: a\nkeys: [a]\n", `a.yml:2:1: "keys" is not a key of a sidecar: expected one of checks, columns, description, grain, key, topic`},
		"grain is a list":       {"grain: [a]\n", "a.yml:1:1: grain must be a text, got a list"},
		"grain is nothing":      {"grain:\n", "a.yml:1:1: grain must be a text, got nothing"},
		"key is a text":         {"key: customer_id\n", `a.yml:1:6: key must be a list of columns such as [a, b], got "customer_id"`},
		"key is empty":          {"key: []\n", "a.yml:1:1: key must be a list of columns such as [a, b], got an empty list"},
		"key names twice":       {"key: [a, a]\n", "a.yml:1:10: column a is named twice"},
		"key of lists":          {"key: [[a]]\n", "a.yml:1:1: key must be a list of columns, got a list in it"},
		"key not described":     {"key: [b]\ncolumns:\n  a: {meaning: x}\n", "a.yml:1:7: column b is not described under columns"},
		"columns is a list":     {"columns:\n  - a\n", "a.yml:1:1: columns must be keys and values, got a list"},
		"column is a text":      {"columns:\n  a: text\n", `a.yml:2:6: column a must be keys and values, got "text"`},
		"unknown column key":    {"columns:\n  a:\n    meening: x\n", `a.yml:3:5: "meening" is not a key of column a: expected one of default, meaning, missing, range, say, say_missing, source, topic, unit`},
		"default is nothing":    {"columns:\n  a:\n    default: null\n", "a.yml:3:5: default must be a number, a text, true or false, got nothing; leave it out where unknown stays unknown"},
		"default is infinite":   {"columns:\n  a:\n    default: .inf\n", "a.yml:3:14: default must be a number"},
		"say unquoted":          {"columns:\n  a:\n    say: {value} days\n", "a.yml:3:"},
		"say without quotes":    {"columns:\n  a:\n    say: {value}\n", "a.yml:3:5: say must be a text, got keys and values (a text with { or : needs quotes)"},
		"say another":           {"columns:\n  a:\n    say: \"{days} days\"\n", "a.yml:3:10: say knows the placeholder {value} only, got {days}"},
		"checks is a mapping":   {"checks:\n  unique: [a]\n", "a.yml:1:1: checks must be a list such as - unique: [customer_id], got keys and values"},
		"check is a text":       {"checks:\n  - unique\n", `a.yml:2:5: a check must be keys and values, got "unique"`},
		"unknown check":         {"checks:\n  - uniq: [a]\n", `a.yml:2:5: "uniq" is not a key of a check: expected one of accepted_values, expression, not_null, range, relationships, severity, unique`},
		"two kinds":             {"checks:\n  - unique: [a]\n    not_null: [a]\n", "a.yml:3:5: a check is of one kind, got unique and not_null: make it two items"},
		"no kind":               {"checks:\n  - severity: warn\n", "a check needs one of unique, not_null, accepted_values, range, expression, relationships"},
		"severity":              {"checks:\n  - unique: [a]\n    severity: fatal\n", `a.yml:3:15: severity must be error or warn, got "fatal"`},
		"severity twice":        {"checks:\n  - range: {column: a, min: 1, severity: warn}\n    severity: warn\n", "a.yml:3:5: severity is given twice"},
		"accepted needs values": {"checks:\n  - accepted_values: {column: a}\n", "a.yml:2:5: accepted_values needs column and values"},
		"range needs a column":  {"checks:\n  - range: {min: 1}\n", "a.yml:2:5: range needs column"},
		"range needs bounds":    {"checks:\n  - range: {column: a}\n", "a.yml:2:5: range needs min or max, or both"},
		"range bounds":          {"checks:\n  - range: {column: a, min: 2, max: 1}\n", "a.yml:2:5: range has min 2 above max 1"},
		"range of text":         {"checks:\n  - range: {column: a, min: low}\n", `a.yml:2:29: min must be a number, got "low"`},
		"expression needs sql":  {"checks:\n  - expression: {name: a}\n", "a.yml:2:5: expression needs name and sql"},
		"expression is a text":  {"checks:\n  - expression: a > b\n", `a.yml:2:17: expression must be keys and values, got "a > b"`},
		"relationship to what":  {"checks:\n  - relationships: {column: a, field: b}\n", "a.yml:2:5: relationships needs column and to"},
		"relationship of what":  {"columns:\n  a: {meaning: x}\nchecks:\n  - relationships: {column: b, to: t}\n", "a.yml:4:29: column b is not described under columns"},
		"unknown setting":       {"checks:\n  - range: {column: a, minimum: 1}\n", `a.yml:2:24: "minimum" is not a key of range: expected one of column, max, min, severity`},
		"check not described":   {"columns:\n  a: {meaning: x}\nchecks:\n  - not_null: [a, b]\n", "a.yml:4:19: column b is not described under columns"},
		"anchor":                {"grain: &a text\n", "a.yml:1:8: grain must be a text, got an anchor, alias or tag, which sidecars do not use"},
		"tag":                   {"grain: !!str text\n", "got an anchor, alias or tag"},
		"number as a key":       {"columns:\n  1: {meaning: x}\n", `a.yml:2:3: expected a plain key, got "1"`},
		"several problems":      {"grian: a\nkye: b\n", "a.yml:1:1: \"grian\" is not a key of a sidecar: expected one of checks, columns, description, grain, key, topic\na.yml:2:1: \"kye\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseSidecar("a.yml", []byte(c.src))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, error\n%v\nwant\n%s", s, err, c.want)
			}
		})
	}
}

// FuzzParseSidecar looks for panics, errors without a place, and results that break
// what readers rely on.
func FuzzParseSidecar(f *testing.F) {
	f.Add([]byte(goodSidecar))
	for _, seed := range []string{"", "grain: a", "key: [a", "checks:\n  - range: {column: a, min: .nan}", "a: &x\n  <<: *x", "? - a\n: b", "checks:\n- {}", "columns: {a: {say: '{'}}", "|\n", "%YAML 1.2\n---\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := ParseSidecar("a.yml", src)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if strings.HasPrefix(line, "a.yml:") {
					return
				}
			}
			t.Fatalf("error without a place: %v", err)
		}
		for _, c := range s.Checks {
			switch {
			case c.Severity != SeverityError && c.Severity != SeverityWarn:
				t.Fatalf("check without severity: %+v", c)
			case (c.Kind == Unique || c.Kind == NotNull) && len(c.Columns) == 0,
				c.Kind == AcceptedValues && (c.Column == "" || len(c.Values) == 0),
				c.Kind == Range && (c.Column == "" || (c.Min == nil && c.Max == nil)),
				c.Kind == Expression && (c.Name == "" || c.SQL == ""),
				c.Kind == Relationships && (c.Column == "" || c.To == "" || c.Field == ""),
				c.Kind == "":
				t.Fatalf("incomplete check: %+v", c)
			}
		}
	})
}
