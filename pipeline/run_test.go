package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// testBundle is a night in a directory of its own, which remembers what its observer
// was told.
type testBundle struct {
	*testing.T
	night *Night
	mu    sync.Mutex
	told  []string
	log   strings.Builder
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{T: t}
	dir := t.TempDir()
	l, err := ledger.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	id, err := l.Begin(t.Context(), ledger.Night{AsOf: "2024-03-01"})
	if err != nil {
		t.Fatal(err)
	}
	b.night = &Night{ID: id, AsOf: day(t, "2024-03-01"), Zone: time.UTC, Dir: dir, Ledger: l, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Watch: b, Workers: 2}
	return b
}

func (b *testBundle) tell(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, fmt.Sprintf(format, args...))
}

func (b *testBundle) NightStarted(_ *Night, jobs []Job) { b.tell("night of %d jobs", len(jobs)) }
func (b *testBundle) JobStarted(j Job)                  { b.tell("start %s", j.Name) }
func (b *testBundle) JobProgress(j Job, done, total int, step string) {
	b.tell("%s %d/%d %s", j.Name, done, total, step)
}
func (b *testBundle) JobEnded(j Job, r ledger.JobResult, err error) {
	b.tell("end %s %s %t", j.Name, r.Status, err != nil)
}
func (b *testBundle) NightEnded() { b.tell("night ended") }

// recorded gives the jobs that the ledger knows, sorted: "name status rows".
func (b *testBundle) recorded() string {
	b.Helper()
	rs, err := b.night.Ledger.Jobs(b.Context(), b.night.ID)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, r := range rs {
		out = append(out, fmt.Sprintf("%s %s %d", r.Name, r.Status, r.Rows))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// does gives jobs something to do.
func does(js []Job, run map[string]func(ctx context.Context, r *Run) (Table, error)) []Job {
	for i := range js {
		js[i].Run = func(context.Context, *Run) (Table, error) { return Table{Volume: 1}, nil }
		if f := run[js[i].Name]; f != nil {
			js[i].Run = f
		}
	}
	return js
}

func (b *testBundle) build(ctx context.Context, js []Job) (Tables, error) {
	b.Helper()
	g, err := NewGraph(js)
	if err != nil {
		b.Fatal(err)
	}
	return b.night.Build(ctx, g)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.night.Workers = 0 // counts as one
	tables, err := b.build(t.Context(), does(jobs("a", "b <- a"), map[string]func(context.Context, *Run) (Table, error){
		"b": func(_ context.Context, r *Run) (Table, error) {
			r.Progress(1, 2, "half")
			if len(r.In) != 1 || r.In["a"].Volume != 1 || r.In["a"].Name != "a" {
				return Table{}, fmt.Errorf("inputs: %+v", r.In)
			}
			return Table{Name: "ignored", Volume: 7, Note: "a note"}, nil
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if tables["b"].Name != "b" || tables["b"].Volume != 7 || len(tables) != 2 {
		t.Errorf("got %+v", tables)
	}
	if got := b.recorded(); got != "a done 1, b done 7" {
		t.Errorf("ledger: got %s", got)
	}
	want := "night of 2 jobs; start a; end a done false; start b; b 1/2 half; end b done false; night ended"
	if got := strings.Join(b.told, "; "); got != want {
		t.Errorf("observer:\n got %s\nwant %s", got, want)
	}
}

func TestBuildRunsSideBySide(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2, 4} {
		b := setup(t)
		b.night.Workers = workers
		var now, most atomic.Int32
		run := map[string]func(context.Context, *Run) (Table, error){}
		js := jobs("a", "b", "c", "d", "e", "f <- a b c d e")
		for _, j := range js {
			run[j.Name] = func(context.Context, *Run) (Table, error) {
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(20 * time.Millisecond)
				now.Add(-1)
				return Table{}, nil
			}
		}
		if _, err := b.build(t.Context(), does(js, run)); err != nil {
			t.Fatal(err)
		}
		if int(most.Load()) != workers {
			t.Errorf("%d workers: %d jobs ran side by side", workers, most.Load())
		}
	}
}

func TestFirstFailureStopsTheRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := errors.New("disk on fire")
	tables, err := b.build(t.Context(), does(jobs("bad", "beside", "after <- bad", "later", "last <- after later"), map[string]func(context.Context, *Run) (Table, error){
		"bad": func(context.Context, *Run) (Table, error) { return Table{Volume: 3}, cause },
		"beside": func(ctx context.Context, _ *Run) (Table, error) {
			<-ctx.Done() // it is told to stop
			return Table{}, ctx.Err()
		},
	}))
	if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "job bad: disk on fire") || tables != nil {
		t.Errorf("got %v, %v", tables, err)
	}
	if errors.Is(err, context.Canceled) {
		t.Errorf("the error must be that of the first failure: %v", err)
	}
	if got, want := b.recorded(), "after skipped 0, bad failed 3, beside skipped 0, last skipped 0, later skipped 0"; got != want {
		t.Errorf("ledger:\n got %s\nwant %s", got, want)
	}
}

func TestPanicIsTheJobsError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var scratch string
	_, err := b.build(t.Context(), does(jobs("bad"), map[string]func(context.Context, *Run) (Table, error){
		"bad": func(_ context.Context, r *Run) (Table, error) {
			scratch, _ = r.Scratch()
			var none []int
			return Table{Volume: int64(none[len(r.In)])}, nil
		},
	}))
	if err == nil || !strings.HasPrefix(err.Error(), "job bad: panic: runtime error: index out of range") || !strings.Contains(err.Error(), "run_test.go") {
		t.Errorf("got %v, want the panic with its stack", err)
	}
	if _, err := os.Stat(scratch); scratch == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("scratch %q was left: %v", scratch, err)
	}
	if got := b.recorded(); got != "bad failed 0" {
		t.Errorf("ledger: got %s", got)
	}
}

func TestCanceledNight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := b.build(ctx, does(jobs("a", "b <- a"), map[string]func(context.Context, *Run) (Table, error){
		"a": func(context.Context, *Run) (Table, error) {
			cancel() // and end as if nothing had happened
			return Table{}, nil
		},
		"b": func(context.Context, *Run) (Table, error) {
			t.Error("a job began after the night was canceled")
			return Table{}, nil
		},
	}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := b.recorded(); got != "a done 0, b skipped 0" {
		t.Errorf("ledger: got %s", got)
	}
}

// A job that never looks at its context delays the end of a failed night but cannot
// outlive it.
func TestBuildWaitsForWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		done := false
		b := &testBundle{T: t}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan outcome)
		go (&Night{Watch: b}).work(ctx, does(jobs("slow"), map[string]func(context.Context, *Run) (Table, error){
			"slow": func(context.Context, *Run) (Table, error) {
				time.Sleep(time.Hour)
				done = true
				return Table{}, nil
			},
		})[0], nil, ended)
		cancel()
		if o := <-ended; !done || o.took != time.Hour {
			t.Errorf("ended after %s, done %t", o.took, done)
		}
	})
}
