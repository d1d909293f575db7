package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// part makes a part of a job and tells whether it was written.
func (b *testBundle) part(j Job, s PartSpec, content string) (p Part, written bool) {
	b.Helper()
	r := &Run{Night: b.night, Job: j}
	defer r.sweep()
	p, err := r.Part(b.Context(), s, func(_ context.Context, path string) (int64, error) {
		written = true
		return int64(len(content)), os.WriteFile(path, []byte(content), 0o600)
	})
	if err != nil {
		b.Fatal(err)
	}
	if p.Reused == written {
		b.Errorf("written %t, but reused %t", written, p.Reused)
	}
	if got, err := os.ReadFile(p.Path); err != nil || !strings.HasPrefix(string(got), content) {
		b.Errorf("file: got %q, %v", got, err)
	}
	return p, written
}

func TestPartIsReusedByKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j, s := Job{Name: "t", Logic: "1"}, PartSpec{Dir: "snapshots/t", Ext: ".x", Cutoff: "2024-01-01", Label: "l", Key: []any{"in", 1}}
	first, written := b.part(j, s, "abc")
	if !written || first.Rows != 3 || first.Cutoff != s.Cutoff || first.Label != "l" || filepath.Dir(first.Path) != filepath.Join(b.night.Dir, s.Dir) || filepath.Ext(first.Path) != ".x" {
		t.Errorf("got %+v", first)
	}
	again, written := b.part(j, s, "abc")
	again.Reused = false
	if written || again != first {
		t.Errorf("same key: written %t, got %+v, want %+v", written, again, first)
	}
	for name, change := range map[string]func(*Job, *PartSpec){
		"name":   func(j *Job, _ *PartSpec) { j.Name = "u" },
		"logic":  func(j *Job, _ *PartSpec) { j.Logic = "2" },
		"input":  func(_ *Job, s *PartSpec) { s.Key = []any{"other", 1} },
		"more":   func(_ *Job, s *PartSpec) { s.Key = []any{"in", 1, nil} },
		"cutoff": func(_ *Job, s *PartSpec) { s.Cutoff = "2024-01-02" },
		"label":  func(_ *Job, s *PartSpec) { s.Label = "" },
	} {
		j, s := j, s
		change(&j, &s)
		if p, written := b.part(j, s, "abc"); !written || p.Path == first.Path {
			t.Errorf("another %s: the part was reused", name)
		}
	}
}

func TestPartIsMadeAgainWhenItsFileIsNotIntact(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(string) error{
		"missing":   os.Remove,
		"truncated": func(p string) error { return os.Truncate(p, 1) },
		"one bit":   func(p string) error { return os.WriteFile(p, []byte("abb"), 0o600) },
		"a folder":  func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p+"x", 0o755)) },
	} {
		b := setup(t)
		j, s := Job{Name: "t"}, PartSpec{Dir: "d", Ext: ".x"}
		first, _ := b.part(j, s, "abc")
		if err := harm(first.Path); err != nil {
			t.Fatal(err)
		}
		second, written := b.part(j, s, "abc")
		if !written || second != first {
			t.Errorf("%s: written %t, got %+v, want %+v", name, written, second, first)
		}
		if !strings.Contains(b.log.String(), "made again") {
			t.Errorf("%s: the log does not tell: %q", name, b.log.String())
		}
		if _, written := b.part(j, s, "abc"); written {
			t.Errorf("%s: the part that was made again is not reused", name)
		}
	}
}

func TestPartThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := errors.New("no")
	ctx, cancel := context.WithCancel(t.Context())
	for name, c := range map[string]struct {
		write func(ctx context.Context, path string) (int64, error)
		want  error
	}{
		"error": {func(_ context.Context, p string) (int64, error) {
			return 0, errors.Join(cause, os.WriteFile(p, nil, 0o600))
		}, cause},
		"no file":  {func(context.Context, string) (int64, error) { return 0, nil }, os.ErrNotExist},
		"canceled": {func(_ context.Context, p string) (int64, error) { cancel(); return 0, os.WriteFile(p, nil, 0o600) }, context.Canceled},
	} {
		cctx := t.Context()
		if name == "canceled" {
			cctx = ctx
		}
		r := &Run{Night: b.night, Job: Job{Name: "t"}}
		if _, err := r.Part(cctx, PartSpec{Dir: "d"}, c.write); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		r.sweep()
		if left, err := filepath.Glob(filepath.Join(b.night.Dir, "d", "*")); err != nil || len(left) > 0 {
			t.Errorf("%s: left %v, %v", name, left, err)
		}
	}
	if _, written := b.part(Job{Name: "t"}, PartSpec{Dir: "d"}, "abc"); !written {
		t.Error("a part that failed is reused")
	}
}

func TestBuildReportsReuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	js := does(jobs("a"), map[string]func(context.Context, *Run) (Table, error){
		"a": func(ctx context.Context, r *Run) (Table, error) {
			p, err := r.Part(ctx, PartSpec{Dir: "d"}, func(_ context.Context, path string) (int64, error) {
				return 5, os.WriteFile(path, []byte("x"), 0o600)
			})
			return Table{Parts: []Part{p}}, err
		},
	})
	for _, want := range []string{"a done 5", "a reused 5"} {
		if _, err := b.build(t.Context(), js); err != nil {
			t.Fatal(err)
		}
		if got := b.recorded(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestScratch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := &Run{Night: b.night, Job: Job{Name: "t"}}
	one, err := r.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	if two, err := r.Scratch(); err != nil || two != one {
		t.Errorf("second call: got %s, %v, want %s", two, err, one)
	}
	if other, err := (&Run{Night: b.night, Job: Job{Name: "t"}}).Scratch(); err != nil || other == one {
		t.Errorf("another run of the job shares its scratch: %s, %v", other, err)
	}
	r.sweep()
	if _, err := os.Stat(one); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the job: %v", err)
	}
	for range 2 { // also when there is nothing to sweep
		if err := SweepScratch(b.night.Dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(b.night.Dir, ScratchDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after sweeping: %v", err)
	}
}
