package models

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// written makes a frame by way of a file: customers named by key, two columns.
func written(t *testing.T, keys []string, columns map[string]func(i int) float64, order ...string) *Frame {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.parquet")
	out := []OutColumn{{Name: "customer_id", Text: func(i int) (string, bool) { return keys[i], true }}}
	for _, name := range order {
		out = append(out, OutColumn{Name: name, Float: func(i int) (float64, bool) { v := columns[name](i); return v, v == v }})
	}
	if err := WriteParquet(path, len(keys), out); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFrame(context.Background(), path, "customer_id")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s%03d", prefix, i)
	}
	return out
}

// TestReshape compares Join, Select and Concat with the same done by hand.
func TestReshape(t *testing.T) {
	t.Parallel()
	exact := func(i int) float64 { return float64(i) * 0.1 } // needs float64
	count := func(i int) float64 { return float64(i % 7) }
	gappy := func(i int) float64 {
		if i%4 == 0 {
			return math.NaN()
		}
		return float64(i)
	}
	part := func(prefix string, n int) *Frame {
		customers := written(t, names(prefix, n), map[string]func(int) float64{"spend": exact, "gap": gappy}, "spend", "gap")
		keys := make([]string, 3*n)
		for i := range keys {
			keys[i] = names(prefix, n)[i*5%n]
		}
		f, err := written(t, keys, map[string]func(int) float64{"lift": count}, "lift").Join(customers, "customer_id")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := part("a", 20), part("b", 11)
	a = a.Select([]int32{59, 3, 3, 40, 0})
	both, err := Concat(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if both.Rows() != a.Rows()+b.Rows() {
		t.Fatalf("%d rows", both.Rows())
	}
	for i := range both.Rows() {
		from, at := a, i
		if i >= a.Rows() {
			from, at = b, i-a.Rows()
		}
		if both.KeyOf(i) != from.KeyOf(at) || fmt.Sprint(both.Row(i, nil)) != fmt.Sprint(from.Row(at, nil)) {
			t.Fatalf("row %d: %s %v, want %s %v", i, both.KeyOf(i), both.Row(i, nil), from.KeyOf(at), from.Row(at, nil))
		}
	}
	row := int(59 * 5 % 20)
	if got := a.Row(0, nil); got[0] != count(59) || got[1] != exact(row) || got[2] != gappy(row) && row%4 != 0 {
		t.Errorf("joined row is %v", got)
	}
	for i, c := range both.Keys()[0].Codes() {
		if first := both.Keys()[0].Codes()[0]; (c == first) != (both.KeyOf(i) == both.KeyOf(0)) {
			t.Errorf("the codes of rows 0 and %d do not follow their keys", i)
		}
	}
}

func TestJoinErrors(t *testing.T) {
	t.Parallel()
	one := func(int) float64 { return 1 }
	pairs := written(t, []string{"a", "a", "b"}, map[string]func(int) float64{"x": one}, "x")
	for name, c := range map[string]struct {
		keys   []string
		column string
		want   string
	}{
		"no row":    {[]string{"a"}, "y", `no row for customer_id "b"`},
		"collision": {[]string{"a", "b"}, "x", "both have a column x"},
		"twice":     {[]string{"a", "b", "a"}, "y", `the key "a" occurs twice`},
	} {
		_, err := pairs.Join(written(t, c.keys, map[string]func(int) float64{c.column: one}, c.column), "customer_id")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	one := func(int) float64 { return 1 }
	f := func(keys ...string) *Frame { return written(t, keys, map[string]func(int) float64{"x": one}, "x") }
	for want, other := range map[string]*Frame{
		"[0 1 2]":  f("a", "b", "c"),
		"[2 1 0]":  f("c", "b", "a", "d"),
		"[-1 0 1]": f("b", "c"),
	} {
		got, err := f("a", "b", "c").Match(other)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("matched %v, %v, want %s", got, err, want)
		}
	}
}

func TestProject(t *testing.T) {
	t.Parallel()
	f, err := NewFrame([]string{"a", "b"}, [][]float64{{1}, {2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Project([]string{"b", "c", "d"}); !errors.Is(err, ErrMissingFeature) || !strings.Contains(err.Error(), "c, d") {
		t.Errorf("projecting: %v", err)
	}
	p, err := f.Project([]string{"b"})
	if err != nil || p.Row(0, nil)[0] != 2 {
		t.Errorf("projected %v, %v", p.Row(0, nil), err)
	}
	if _, err := NewFrame([]string{"a"}, [][]float64{{math.Inf(-1)}}); err == nil {
		t.Error("an infinite value was accepted")
	}
}
