package pipeline

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// job makes a job from "name <- need need".
func job(s string) Job {
	name, needs, _ := strings.Cut(s, " <- ")
	return Job{Name: name, Needs: strings.Fields(needs)}
}

func jobs(specs ...string) []Job {
	out := make([]Job, len(specs))
	for i, s := range specs {
		out[i] = job(s)
	}
	return out
}

func TestNewGraph(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		jobs []Job
		want string // order, or error
	}{
		"none":             {nil, ""},
		"free order stays": {jobs("c", "a", "b"), "c a b"},
		"needs first":      {jobs("mart <- score", "score <- model lake", "model <- lake", "lake"), "lake model score mart"},
		"diamond":          {jobs("d <- b c", "c <- a", "b <- a", "a"), "a b c d"},
		"need twice":       {jobs("b <- a a", "a"), "a b"},
		"unknown need":     {jobs("a", "b <- a gone"), "table b reads gone, which no job makes"},
		"two jobs":         {jobs("a", "b", "a"), "two jobs make the table a"},
		"itself":           {jobs("a <- a"), "tables need each other in a circle: a <- a"},
		"circle":           {jobs("z", "a <- z b", "b <- c", "c <- z b"), "tables need each other in a circle: b <- c <- b"},
	} {
		g, err := NewGraph(c.jobs)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || c.want == "" {
				t.Errorf("%s: got error %v, want %q", name, err, c.want)
			}
			continue
		}
		var names []string
		for _, j := range g.Jobs {
			names = append(names, j.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: got order %q, want %q", name, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	a, b := Part{Cutoff: "2024-01-01", Label: "x", SHA256: "1", Rows: 2}, Part{Cutoff: "2024-01-01", Label: "y", SHA256: "2", Rows: 3}
	tbl := Table{Name: "t", Parts: []Part{a, b}, Volume: 10}
	if tbl.Rows() != 15 {
		t.Errorf("rows: got %d, want 15", tbl.Rows())
	}
	if p, ok := tbl.At("2024-01-01", "y"); !ok || p != b {
		t.Errorf("At: got %v, %v", p, ok)
	}
	if _, ok := tbl.At("2024-01-01", ""); ok {
		t.Error("At found a part that is not there")
	}
	moved := Table{Name: "t", Parts: []Part{a, b}, Note: "other", Volume: 11}
	moved.Parts[0].Path, moved.Parts[1].Reused = "/elsewhere", true
	if moved.Digest() != tbl.Digest() {
		t.Error("the digest must follow content, not place, note or reuse")
	}
	for _, other := range []Table{{Name: "u", Parts: tbl.Parts}, {Name: "t", Parts: tbl.Parts[:1]}, {Name: "t", Parts: tbl.Parts, State: "s"}, {Name: "t", Parts: []Part{b, a}}} {
		if other.Digest() == tbl.Digest() {
			t.Errorf("%+v has the same digest", other)
		}
	}
	if (Table{}).reused() || (Table{Parts: []Part{{Reused: true}, {}}}).reused() || !(Table{Parts: []Part{{Reused: true}}}).reused() {
		t.Error("a table is reused when it has parts and all were there")
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	if Fingerprint(map[string]int{"a": 1, "b": 2}) != Fingerprint(map[string]int{"b": 2, "a": 1}) {
		t.Error("same values, other fingerprint")
	}
	seen := map[string]int{}
	for i, values := range [][]any{{}, {"a"}, {"a", ""}, {"a", "b"}, {"ab"}, {"b", "a"}, {1}, {"1"}, {nil}, {[]string{"a", "b"}}} {
		f := Fingerprint(values...)
		if j, ok := seen[f]; ok {
			t.Errorf("values %d and %d have the same fingerprint", i, j)
		}
		seen[f] = i
	}
	defer func() {
		if p := recover(); p == nil {
			t.Error("a value that JSON cannot hold must panic")
		}
	}()
	Fingerprint(func() {})
}

func TestGraphFor(t *testing.T) {
	t.Parallel()
	g, err := NewGraph(jobs("mart <- score", "score <- model lake", "model <- labels", "labels <- lake", "other <- lake", "lake"))
	if err != nil {
		t.Fatal(err)
	}
	for want, tables := range map[string][]string{"lake labels model score": {"score"}, "lake labels other": {"other", "labels"}, "": {"unknown"}} {
		var got []string
		for _, j := range g.For(tables...).Jobs {
			got = append(got, j.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("for %v: got %v, want %s", tables, got, want)
		}
	}
}

func TestGraphAfter(t *testing.T) {
	t.Parallel()
	g, err := NewGraph(jobs("mart <- score", "score <- model lake", "model <- labels", "labels <- lake", "other <- lake", "lake"))
	if err != nil {
		t.Fatal(err)
	}
	for want, tables := range map[string][]string{"mart score": {"score"}, "mart model other score": {"other", "model"}, "": nil} {
		got := slices.Sorted(maps.Keys(g.After(tables...)))
		if strings.Join(got, " ") != want {
			t.Errorf("after %v: got %v, want %s", tables, got, want)
		}
	}
	if got := g.Missing("mart", "nothing"); len(got) != 1 || got[0] != "nothing" {
		t.Errorf("missing: got %v", got)
	}
}
