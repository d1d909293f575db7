package main

import (
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

// found is what a look at a database may find.
var found = jobs.SourceState{Source: "shop", Type: "postgres", Report: source.Report{Server: "PostgreSQL 15.18", Tables: []source.TableReport{
	{Table: "orders", Rows: 1234567, Columns: []source.ColumnReport{
		{Name: "order_id", Found: "bigint", Lands: "BIGINT", Expected: "VARCHAR"},
		{Name: "unit_price", Found: "real", Lands: "DOUBLE", Expected: "DECIMAL(18,4)"},
		{Name: "ordered_at", Found: "integer", Lands: "BIGINT", Expected: "TIMESTAMPTZ"},
		{Name: "note\n", Found: "text", Lands: "VARCHAR"},
	}, Problems: []source.Problem{
		{Column: "ordered_at", Found: "integer", Expected: "TIMESTAMPTZ", Suggestion: "to_timestamp(ordered_at) AS ordered_at"},
		{Suggestion: "permission denied for table secrets"},
		{Column: "unit_price", Found: "real", Expected: "DECIMAL(18,4)", Suggestion: "CAST(unit_price AS numeric(18,4)) AS unit_price", Warning: true},
		{Found: "no index that begins with the cursor", Suggestion: "create an index on (updated_at)", Warning: true},
	}},
	{Table: "interactions", Rows: -1, Columns: []source.ColumnReport{{Name: "kind", Found: "text", Lands: "VARCHAR", Expected: "VARCHAR"}}},
}}}

const brief = `source shop (postgres): PostgreSQL 15.18
  orders: 4 columns, about 1,234,567 rows, 2 errors, 2 warnings
    column      found    lands as  expected       problem
    ----------  -------  --------  -------------  -------
    unit_price  real     DOUBLE    DECIMAL(18,4)  warning
    ordered_at  integer  BIGINT    TIMESTAMPTZ    error
    error: column ordered_at, found integer, expected TIMESTAMPTZ
      to_timestamp(ordered_at) AS ordered_at
    error: permission denied for table secrets
    warning: column unit_price, found real, expected DECIMAL(18,4)
      CAST(unit_price AS numeric(18,4)) AS unit_price
    warning: found no index that begins with the cursor
      create an index on (updated_at)
  interactions: 1 column, fine
`

func TestPrintSource(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := printSource(&b, found, false); err != nil {
		t.Fatal(err)
	}
	if b.String() != brief {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), brief)
	}
	b.Reset()
	if err := printSource(&b, found, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`note\n  `, "(rides along)", "order_id    bigint", "kind    text   VARCHAR   VARCHAR"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := printSource(&b, jobs.SourceState{Source: "drop", Report: source.Report{Inputs: 3, New: 1, Bytes: 2_500_000}}, false); err != nil || b.String() != "source drop: 3 files (2.5 MB), 1 of them new\n" {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	missing := jobs.SourceState{Source: "drop", Report: source.Report{Missing: []string{"in/*.csv"}}}
	fine := jobs.SourceState{Source: "ok", Report: source.Report{Tables: []source.TableReport{{Problems: []source.Problem{{Warning: true}}}}}}
	for _, c := range []struct {
		found []jobs.SourceState
		want  string
	}{
		{[]jobs.SourceState{fine}, ""},
		{[]jobs.SourceState{fine, missing}, "source drop: no file matches"},
		{[]jobs.SourceState{found}, "source shop: 2 errors in its mappings"},
	} {
		err := problems(c.found)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || exitCode(err) != exitUsage) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
