package duck

import (
	"strings"
	"testing"
)

func TestChecks(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	s.must(t, `CREATE TABLE "my t" AS SELECT * FROM (VALUES (1, 'a', 0.5::DOUBLE), (2, 'b', 1.0), (2, NULL, 'nan'), (NULL, 'it''s', NULL)) v(id, "Kind x", p)`)
	s.must(t, `CREATE TABLE others AS SELECT * FROM (VALUES (1), (3), (NULL)) v("my id")`)
	zero, one, half := 0.0, 1.0, 0.5
	cases := []struct {
		check  Check
		name   string
		rows   int64
		sample string
	}{
		{Unique("my t", []string{"id"}), "unique: id", 1, "id=2 times=2"},
		{Unique("my t", []string{"id", "Kind x"}), "unique: id, Kind x", 0, ""},
		{NotNull("my t", "Kind x"), "not null: Kind x", 1, "id=2 Kind x=NULL p=nan"},
		{NotNull("my t", "id"), "not null: id", 1, "id=NULL Kind x=it's p=NULL"},
		{Accepted("my t", "Kind x", []string{"a", "b", "it's"}), "accepted values: Kind x", 0, ""},
		{Accepted("my t", "Kind x", []string{"a"}), "accepted values: Kind x", 2, "Kind x=b"},
		{Accepted("my t", "id", []string{"1", "2"}), "accepted values: id", 0, ""},
		{InRange("my t", "p", &zero, &one), "range: p", 1, "p=nan"},
		{InRange("my t", "p", &one, nil), "range: p", 2, "p=0.5"},
		{InRange("my t", "p", nil, &half), "range: p", 2, "p=1.0"},
		{InRange("my t", "id", nil, nil), "range: id", 0, ""},
		{InRange("my t", "id", &one, &one), "range: id", 2, "id=2"},
		{Holds("my t", "small", "id < 2"), "expression: small", 3, "id=NULL"},
		{Holds("my t", "comment", "id < 9 OR id IS NULL"), "expression: comment", 0, ""},
		{Related("my t", "id", "others", "my id"), "relationships: id in others.my id", 2, "id=2 Kind x=b"},
		{Related("my t", "Kind x", "my t", "Kind x"), "relationships: Kind x in my t.Kind x", 0, ""},
		{Check{Table: "my t", Name: "own", Failing: `SELECT id FROM "my t" WHERE p > 0.7 ORDER BY id`}, "own", 2, "id=2; id=2"},
	}
	checks := make([]Check, len(cases))
	for i, c := range cases {
		checks[i] = c.check
	}
	found, err := s.RunChecks(t.Context(), checks)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		f := found[i]
		if f.Name != c.name || f.Table != "my t" || f.Rows != c.rows || !strings.Contains(f.Sample, c.sample) || (f.Rows == 0) != (f.Sample == "") {
			t.Errorf("%s: got %+v, want %d rows, %q", c.name, f, c.rows, c.sample)
		}
	}
}

func TestCheckSampleIsShort(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	s.must(t, "CREATE TABLE t AS SELECT i, 1 AS a, 2 AS b, 3 AS c, 4 AS d, 5 AS e, 6 AS f, 7 AS g, 8 AS h FROM range(1000) t(i)")
	found, err := s.RunChecks(t.Context(), []Check{Holds("t", "never", "false")})
	if err != nil {
		t.Fatal(err)
	}
	if f := found[0]; f.Rows != 1000 || strings.Count(f.Sample, ";") != 2 || strings.Count(f.Sample, "=") != 24 {
		t.Errorf("got %+v, want 3 rows of 8 columns", f)
	}
}

func TestCheckThatCannotRun(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	s.must(t, "CREATE TABLE t AS SELECT 'x' AS a")
	for _, c := range []Check{NotNull("gone", "a"), NotNull("t", "gone"), Holds("t", "odd", "a +"), InRange("t", "a", nil, nil)} {
		found, err := s.RunChecks(t.Context(), []Check{Unique("t", []string{"a"}), c})
		if err == nil || !strings.Contains(err.Error(), c.Name) || !strings.Contains(err.Error(), c.Table) {
			t.Errorf("%s: got %+v, %v", c.Name, found, err)
		}
	}
}
