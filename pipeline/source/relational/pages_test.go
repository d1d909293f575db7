package relational

import (
	"math"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// Pages find the size at which a query takes half of the time that it may, on servers
// of any speed and rows of any width.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		perSecond float64
		width     int64
		low, high int
	}{
		{"fast and narrow", 1e6, 60, mostRows, mostRows},
		{"slow", 1000, 100, 2000, 3000},
		{"very slow", 0.1, 100, 1, 1},
		{"wide", 1e5, 100_000, 300, 336},
		{"rows larger than a page", 1e5, 64 << 20, 1, 1},
	} {
		p := newPages(5 * time.Second)
		for i := range 40 {
			n := p.rows()
			if i > 30 && (n < c.low || n > c.high) {
				t.Errorf("%s: %d rows after %d pages, want %d to %d", c.name, n, i, c.low, c.high)
			}
			p.observe(n, int64(n), int64(n)*c.width, time.Duration(float64(n)/c.perSecond*float64(time.Second)))
		}
	}
}

func TestPagesShrink(t *testing.T) {
	t.Parallel()
	p := newPages(time.Second)
	tries := 0
	for p.shrink(p.rows()) {
		tries++
	}
	if p.rows() != 1 || tries > 10 {
		t.Errorf("%d rows after %d tries", p.rows(), tries)
	}
	p.observe(10, 0, 0, time.Second) // an empty page says nothing
	if p.rows() != 1 {
		t.Errorf("%d rows after an empty page", p.rows())
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	col := source.Column{Kind: source.Int}
	for _, c := range []struct{ low, high int64 }{{1, 1000}, {5, 5}, {0, 3}, {math.MinInt64, math.MaxInt64}, {math.MinInt64, -5}, {-7, 7}} {
		got := spans(col, c.low, c.high, 4)
		if got[0].After != nil || got[len(got)-1].Upto != "" {
			t.Errorf("%v: the ends are not open: %+v", c, got)
		}
		for i := 1; i < len(got); i++ {
			if got[i].After[0] != got[i-1].Upto {
				t.Errorf("%v: a gap: %+v", c, got)
			}
		}
		if want := 4; uint64(c.high)-uint64(c.low) >= 4 && len(got) != want {
			t.Errorf("%v: %d spans", c, len(got))
		}
	}
}

func TestNumberText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		col  source.Column
		n    int64
		want string
	}{
		{source.Column{Kind: source.Int}, math.MinInt64, "-9223372036854775808"},
		{source.Column{Kind: source.Uint}, -1, "18446744073709551615"},
		{source.Column{Kind: source.Decimal, Precision: 9, Scale: 2}, 5, "0.05"},
		{source.Column{Kind: source.Decimal, Precision: 9, Scale: 2}, -150, "-1.50"},
		{source.Column{Kind: source.Decimal, Precision: 9}, -150, "-150"},
		{source.Column{Kind: source.Date}, -719162, "0001-01-01"},
		{source.Column{Kind: source.Timestamp}, -1, "1969-12-31 23:59:59.999999"},
		{source.Column{Kind: source.Instant}, 1, "1970-01-01 00:00:00.000001+00"},
	} {
		if got := numberText(c.col, c.n); got != c.want {
			t.Errorf("%v %d: %s, want %s", c.col, c.n, got, c.want)
		}
	}
}

func TestWidens(t *testing.T) {
	t.Parallel()
	col := func(typ string) source.Column { return seen{Lands: typ}.column() }
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"BIGINT", "BIGINT", true}, {"BIGINT", "VARCHAR", true}, {"VARCHAR", "BIGINT", false},
		{"BIGINT", "DECIMAL(38,10)", true}, {"BIGINT", "DECIMAL(18,0)", false}, {"UBIGINT", "DECIMAL(20,0)", true}, {"UBIGINT", "DECIMAL(20,1)", false},
		{"BIGINT", "UBIGINT", false}, {"UBIGINT", "BIGINT", false},
		{"DECIMAL(12,2)", "DECIMAL(14,4)", true}, {"DECIMAL(12,2)", "DECIMAL(12,3)", false}, {"DECIMAL(12,2)", "DECIMAL(12,1)", false}, {"DECIMAL(12,2)", "BIGINT", false},
		{"DATE", "TIMESTAMP", true}, {"TIMESTAMP", "DATE", false}, {"TIMESTAMP", "TIMESTAMPTZ", false}, {"TIMESTAMPTZ", "TIMESTAMPTZ", true},
		{"DOUBLE", "DECIMAL(38,10)", false}, {"BLOB", "VARCHAR", false}, {"BOOLEAN", "BIGINT", false},
	} {
		if got := widens(col(c.from), col(c.to)); got != c.want {
			t.Errorf("%s to %s: %v", c.from, c.to, got)
		}
	}
}

func TestState(t *testing.T) {
	t.Parallel()
	five := int64(5)
	st := state{Mapping: "abc", Count: 3, Columns: []seen{{"a", "BIGINT", "int"}}, Verified: "2024-01-01",
		Marks: []mark{{Cursor: &five, Now: 7, Open: []string{"x1"}}},
		Pass:  &pass{Load: true, Spans: []span{{After: []string{"1"}, Upto: "9", At: []string{"4"}}, {Done: true}}, Low: "x", Rest: span{At: []string{"a\x1f", "ä", "<&>"}}}}
	again, err := parseState(st.text())
	if err != nil || again.text() != st.text() {
		t.Errorf("%v\n%s\n%s", err, st.text(), again.text())
	}
	if _, err := parseState(`{"v": 99}`); err == nil {
		t.Error("a state of the future was taken")
	}
	if _, err := parseState(`nonsense`); err == nil {
		t.Error("nonsense was taken")
	}
	if st, err := parseState(""); err != nil || st.Count != 0 {
		t.Errorf("%+v %v", st, err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := Table{Select: "SELECT 1 AS id;\n", Key: []string{"id"}}
	for name, o := range map[string]Options{
		"no tables":     {},
		"no select":     {Tables: map[string]Table{"orders": {Select: " ; ", Key: []string{"id"}}}},
		"no key":        {Tables: map[string]Table{"orders": {Select: "SELECT 1"}}},
		"a key twice":   {Tables: map[string]Table{"orders": {Select: "SELECT 1", Key: []string{"a", "a"}}}},
		"unknown table": {Tables: map[string]Table{"nothing": good}},
		"unknown zone":  {TimeZone: "Mars/Base", Tables: map[string]Table{"orders": good}},
		"odd overlap":   {Tables: map[string]Table{"orders": {Select: "SELECT 1", Key: []string{"id"}, Overlap: "soon"}}},
		"minus overlap": {Tables: map[string]Table{"orders": {Select: "SELECT 1", Key: []string{"id"}, Overlap: "-5m"}}},
		"verify before": {Tables: map[string]Table{"orders": {Select: "SELECT 1", Key: []string{"id"}, Verify: -1}}},
	} {
		if _, err := New(o, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s, err := New(Options{Name: "x", Tables: map[string]Table{"orders": good}}, nil)
	if err != nil || s.o.Tables["orders"].Select != "SELECT 1 AS id" {
		t.Errorf("%+v, %v", s, err)
	}
}
