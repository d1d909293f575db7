package source_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/source"
)

func scan(t *testing.T, query string) any {
	t.Helper()
	s, err := duck.Open(context.Background(), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var v any
	if err := s.Scan(context.Background(), query, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The canonical text of every kind, as the documentation of the digest says it.
func TestCanonicalText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		col         source.Column
		value, want string
	}{
		{source.Column{Kind: source.Text}, "'a''b'", "a'b"},
		{source.Column{Kind: source.Text}, "''", ""},
		{source.Column{Kind: source.Int}, "-12", "-12"},
		{source.Column{Kind: source.Uint}, "18446744073709551615", "18446744073709551615"},
		{source.Column{Kind: source.Bool}, "true", "1"},
		{source.Column{Kind: source.Decimal, Precision: 10, Scale: 4}, "1.5", "1.5"},
		{source.Column{Kind: source.Decimal, Precision: 10, Scale: 4}, "-120", "-120"},
		{source.Column{Kind: source.Decimal, Precision: 10, Scale: 0}, "100", "100"},
		{source.Column{Kind: source.Decimal, Precision: 3, Scale: 3}, "0.5", "0.5"},
		{source.Column{Kind: source.Decimal, Precision: 3, Scale: 3}, "-0.001", "-0.001"},
		{source.Column{Kind: source.Decimal, Precision: 38, Scale: 38}, "0", "0"},
		{source.Column{Kind: source.Bytes}, "'\\xAB\\x00'::BLOB", "ab00"},
		{source.Column{Kind: source.Date}, "DATE '1969-12-31'", "-1"},
		{source.Column{Kind: source.Timestamp}, "TIMESTAMP '1970-01-01 00:00:01.000002'", "1000002"},
		{source.Column{Kind: source.Instant}, "TIMESTAMPTZ '1970-01-01 01:00:00+01'", "0"},
	} {
		c.col.Name = "v"
		if got := scan(t, fmt.Sprintf("SELECT %s FROM (SELECT CAST(%s AS %s) AS v)", source.DuckKey([]source.Column{c.col}), c.value, c.col.Type())); got != c.want {
			t.Errorf("%s of type %s: got %v, want %s", c.value, c.col.Type(), got, c.want)
		}
		if back := source.ColumnOf("v", map[string]string{"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}[c.col.Type()]); c.col.Kind == source.Instant && back != c.col {
			t.Errorf("ColumnOf an instant: got %+v", back)
		}
		if back := source.ColumnOf("v", c.col.Type()); c.col.Kind != source.Instant && back != c.col {
			t.Errorf("ColumnOf(%s): got %+v", c.col.Type(), back)
		}
	}
}

// The digest, computed once more by hand.
func TestDuckDigest(t *testing.T) {
	t.Parallel()
	cols := []source.Column{{Name: "b", Kind: source.Decimal, Precision: 9, Scale: 2}, {Name: "a"}, {Name: "f", Kind: source.Float}, {Name: "o'clock", Kind: source.Date}, {Name: "z"}}
	digest := func(b, a, f, d, z, unfit string) any {
		return scan(t, fmt.Sprintf(`SELECT %s FROM (SELECT CAST(%s AS DECIMAL(9,2)) AS b, CAST(%s AS VARCHAR) AS a, %s AS f, CAST(%s AS DATE) AS "o'clock", CAST(%s AS VARCHAR) AS z, %s AS _unfit)`, source.DuckDigest(cols), b, a, f, d, z, unfit))
	}
	number := func(canonical string) int64 {
		sum := fmt.Sprintf("%x", md5.Sum([]byte(canonical)))
		n, err := strconv.ParseInt(sum[:15], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	u := source.UnitSeparator
	for _, c := range []struct {
		got  any
		want string
	}{
		{digest("1.50", "'x'", "2.5", "'1970-01-03'", "NULL", "NULL"), u + "a=x" + u + "b=1.5" + u + "o'clock=2"},
		{digest("1.50", "''", "7.5", "NULL", "NULL", "NULL"), u + "a=" + u + "b=1.5"},
		{digest("NULL", "NULL", "NULL", "NULL", "NULL", "NULL"), ""},
		{digest("1", "'x'", "0", "NULL", "'q'", "chr(31) || 'o''clock=infinity'"), u + "a=x" + u + "b=1" + u + "o'clock=!" + u + "z=q"},
	} {
		if c.got != number(c.want) {
			t.Errorf("%q: got %v, want %d", strings.ReplaceAll(c.want, u, "|"), c.got, number(c.want))
		}
	}
}

// Keys that differ have texts that differ, whatever is in them.
func TestDuckKeyTellsKeysApart(t *testing.T) {
	t.Parallel()
	cols := []source.Column{{Name: "a"}, {Name: "b"}}
	key := func(a, b string) any {
		return scan(t, fmt.Sprintf("SELECT %s FROM (SELECT %s AS a, %s AS b)", source.DuckKey(cols), a, b))
	}
	if one, two := key("'x' || chr(31) || 'y'", "'z'"), key("'x'", "'y' || chr(31) || 'z'"); one == two {
		t.Errorf("both keys read %q", one)
	}
}
