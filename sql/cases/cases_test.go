package cases

import (
	"slices"
	"strings"
	"testing"
)

const whole = `# What is special.
# In two lines.
model: customer_orders
as_of: 2024-02-29
time_zone: Europe/London
lookback_days: 90

-- settings
margin:
  default_rate: 0.5

-- given orders
order_id,note::VARCHAR
o1,"a, b"

o2,NULL

-- given order_lines
order_id

-- expect
order_id,lines
o1,
`

func TestParse(t *testing.T) {
	t.Parallel()
	c, err := Parse("sql/tests/a.test", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "a" || c.Model != "customer_orders" || c.Line != 3 || c.AsOf != "2024-02-29" || c.About != "What is special.\nIn two lines." {
		t.Errorf("header: %+v", c)
	}
	if want := []Setting{{5, "time_zone: Europe/London"}, {6, "history: {lookback_days: 90}"}, {9, "margin:\n  default_rate: 0.5\n"}}; !slices.Equal(c.Settings, want) {
		t.Errorf("settings: got %+v, want %+v", c.Settings, want)
	}
	if len(c.Given) != 2 || c.Given[1].Table != "order_lines" || len(c.Given[1].Rows) != 0 {
		t.Fatalf("given: %+v", c.Given)
	}
	orders := c.Given[0]
	if orders.Line != 12 || !slices.Equal(orders.Columns, []Column{{"order_id", ""}, {"note", "VARCHAR"}}) || len(orders.Rows) != 2 {
		t.Fatalf("orders: %+v", orders)
	}
	if r := orders.Rows[0]; r.Line != 14 || *r.Values[0] != "o1" || *r.Values[1] != "a, b" {
		t.Errorf("first row: %+v", r)
	}
	if r := orders.Rows[1]; r.Line != 16 || r.Values[1] != nil {
		t.Errorf("second row: %+v", r)
	}
	if e := c.Expect; e.Line != 21 || !slices.Equal(e.Names(), []string{"order_id", "lines"}) || e.Rows[0].Values[1] != nil {
		t.Errorf("expect: %+v", e)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "a.test:1: no model; expected a line such as model: customer_orders\na.test:1: nothing is expected; expected a section that begins with -- expect"},
		{"unknown key", "modle: a\nmodel: a\n-- expect\nb\n", `a.test:1: "modle" is no key of a case; expected model, as_of, time_zone, lookback_days or horizon_days (other settings stand in a section -- settings)`},
		{"no value", "model: a\nas_of:\n-- expect\nb\n", `a.test:2: expected key: value, a comment that begins with #, or a section that begins with --, got "as_of:"`},
		{"no day", "model: a\nas_of: tomorrow\n-- expect\nb\n", `a.test:2: as_of must be a day such as 2024-03-01, got "tomorrow"`},
		{"twice", "model: a\nmodel: b\n-- expect\nb\n", "a.test:2: model is given twice"},
		{"section", "model: a\n-- givne orders\na\n-- expect\nb\n", `a.test:2: "-- givne orders" is no section; expected -- given TABLE, -- settings or -- expect`},
		{"given what", "model: a\n-- given\na\n-- expect\nb\n", `a.test:2: "-- given" is no section; expected -- given TABLE, -- settings or -- expect`},
		{"given twice", "model: a\n-- given b\na\n-- given b\na\n-- expect\nb\n", "a.test:4: b is given on line 2 already"},
		{"expected twice", "model: a\n-- expect\nb\n-- expect\nb\n", "a.test:4: a second section expect; the first is on line 2"},
		{"no columns", "model: a\n-- given b\n\n-- expect\nb\n", "a.test:2: no columns; expected CSV that begins with their names"},
		{"columns", "model: a\n-- expect\nb,b,\n", "a.test:3: column 2 needs a name of its own, got \"b\"\na.test:3: column 3 needs a name of its own, got \"\""},
		{"too few", "model: a\n-- expect\nb,c\n\n1\n", "a.test:5: 1 values for 2 columns"},
		{"quote", "model: a\n-- expect\nb,c\n\"1\n", "a.test:4: this is no CSV: extraneous or missing \" in quoted-field"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("a.test", []byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("model: a\n-- expect\n\"b\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("a.test", src)
		if err != nil {
			return
		}
		for _, s := range append(c.Given, c.Expect) {
			for _, r := range s.Rows {
				if len(r.Values) != len(s.Columns) || r.Line <= s.Line {
					t.Fatalf("row %+v of %+v", r, s)
				}
			}
		}
	})
}

// rows reads "a,1 b,NULL".
func rows(text string) [][]*string {
	var out [][]*string
	for _, r := range strings.Fields(text) {
		out = append(out, values(strings.Split(r, ",")))
	}
	return out
}

func TestDiff(t *testing.T) {
	t.Parallel()
	key := []string{"id"}
	for _, tt := range []struct {
		name      string
		key       []string
		want, got string
		lines     []string
	}{
		{"same", key, "a,1 b,NULL", "b, a,1", nil},
		{"a value", key, "a,1 b,2", "a,1 b,NULL", []string{"id=b: n: expected 2, got NULL"}},
		{"missing and new", key, "a,1", "b,2", []string{"id=a: expected, but there is no such row", "id=b: not expected: n=2"}},
		{"twice", key, "a,1", "a,1 a,2", []string{"id=a: several rows have this key", "id=a: n: expected 1, got 2"}},
		{"expected twice", key, "a,1 a,1", "a,1", []string{"id=a: expected twice in the case"}},
		{"by place", nil, "a,1 b,2", "b,2 a,1", []string{"row 1: id: expected a, got b", "row 1: n: expected 1, got 2", "row 2: id: expected b, got a", "row 2: n: expected 2, got 1"}},
		{"a key that is not expected", []string{"other"}, "a,1 b,2", "a,1", []string{"row 2: expected, but there are only 1: id=b n=2"}},
		{"one too many", nil, "a,1", "a,1 b,2", []string{"row 2: not expected: id=b n=2"}},
	} {
		if lines := Diff([]string{"id", "n"}, tt.key, rows(tt.want), rows(tt.got)); !slices.Equal(lines, tt.lines) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, lines, tt.lines)
		}
	}
	long := strings.TrimSpace(strings.Repeat("a,1 ", 25))
	if lines := Diff([]string{"id", "n"}, nil, rows(long), nil); len(lines) != 21 || lines[20] != "and 5 more" {
		t.Errorf("got %q", lines)
	}
	blank, null := " a", "NULL"
	if lines := Diff([]string{"id"}, nil, [][]*string{{nil}, {nil}}, [][]*string{{&blank}, {&null}}); !slices.Equal(lines, []string{`row 1: id: expected NULL, got " a"`, `row 2: id: expected NULL, got "NULL"`}) {
		t.Errorf("texts: got %q", lines)
	}
}
