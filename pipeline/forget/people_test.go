package forget

import "testing"

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, text         string
		named, mentioned bool
		redacted         string // "": the text as it was
	}{
		{"10", "last order 10 days ago", false, true, ""},
		{"10", "validation 2024-10-01", false, true, ""},
		{"10", "100 of 210", false, false, ""},
		{"10", "customer_id=10 orders=10; customer_id=100", true, true, "customer_id=(forgotten) orders=10; customer_id=100"},
		{"10", `{"customer_id":"10","quantity":"10"}`, true, true, `{"customer_id":"(forgotten)","quantity":"10"}`},
		{"10", `key customer_id "10", came twice`, true, true, `key customer_id "(forgotten)", came twice`},
		{"10", "customer_id=10-3", false, true, ""},
		{"2024-10-01", "orders/2024-10-01.csv", false, true, ""},
		{"17850", "17850 rows", false, true, ""},
		{"C-1", "see C-1", false, true, ""},
		{"C-000123", "C-000123,C-000123 and XC-000123", true, true, "(forgotten),(forgotten) and XC-000123"},
		{"C-000123", "C-0001234", false, false, ""},
		{"O'Brien", "Mrs O'Brien called", true, true, "Mrs (forgotten) called"},
		{`a"b\c"d`, `customer_id=a"b\c"d`, true, true, "customer_id=(forgotten)"},
		{"Anna Jo Berg", "with Anna Jo Berg, again", true, true, "with (forgotten), again"},
		{"Müller", "Müller (Müllerin, Müller)", true, true, "(forgotten) (Müllerin, (forgotten))"},
		{"Muller", "Mu\u0308ller and Muller\u0308", false, false, ""},
		{"forgotten", "it is (forgotten), or forgotten", true, true, "it is ((forgotten)), or (forgotten)"},
		{"(x+y)*z", "by (x+y)*z.", true, true, "by (forgotten)."}, // no expression
	} {
		p := Find([]string{c.id})
		if p.Named(c.text) != c.named || p.Mentioned(c.text) != c.mentioned {
			t.Errorf("%s in %q: named %t, mentioned %t", c.id, c.text, p.Named(c.text), p.Mentioned(c.text))
		}
		want := c.redacted
		if want == "" {
			want = c.text
		}
		if got := p.Redact(c.text); got != want || p.Named(got) {
			t.Errorf("%s in %q: redacted to %q, want %q; named there: %t", c.id, c.text, got, want, p.Named(got))
		}
	}
}

// One that begins with another is found as a whole.
func TestOneWithinAnother(t *testing.T) {
	t.Parallel()
	p := Find([]string{"shop-1", "shop-1-2", "x"})
	if got := p.Redact("shop-1-2 shop-1 x"); got != "(forgotten) (forgotten) x" {
		t.Errorf("got %q", got)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, line, ending string
		named, mentioned bool
	}{
		{"10", `{"n":10}` + "\tabcd1234", ".jsonl", false, false},
		{"10", `["10 days"]`, ".jsonl", false, true},
		{"10", `{"customer_id":10}`, ".jsonl", true, true},
		{"10", `{"detail":"{\"customer_id\":\"10\"}"}`, ".jsonl", true, true},
		{`a"b`, `{"Customer_ID":"a\"b"}`, ".jsonl", true, true},
		{`a<b`, `{"referred_by_customer_id":"a\u003cb"}`, ".jsonl", true, true},
		{"Zoë Ann", `["Zo\u00eb Ann"]`, ".jsonl", true, true},
		{"17850", `  "edge": 17850,`, ".model", false, false},
		{"17850", `  "category": "17850",`, ".model", false, true},
		{"17850", "10:00 17850 rows", ".log", false, true},
		{"C-000123", "10:00 C-000123 has no name", ".log", true, true},
	} {
		if named, mentioned := Find([]string{c.id}).inLine(c.line, c.ending); named != c.named || mentioned != c.mentioned {
			t.Errorf("%s in %s: named %t, mentioned %t", c.id, c.line, named, mentioned)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"lake/orders/day=2024-10/b000001-000001-orders-0.parquet": "lake/orders",
		"tables/.night-000010/churn_reasons.parquet":              "tables/churn_reasons",
		"snapshots/customer_360/cutoff=2024-10-01/ab10.parquet":   "snapshots/customer_360",
		"models/churn/2024-10-01.model":                           "models/churn",
		"push.log":                                                "push.log",
	} {
		if got := kindOf(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
