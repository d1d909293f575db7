package scheduler

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

// usage is what a process holds.
type usage struct{ goroutines, files, heap int }

func used(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{goroutines: runtime.NumGoroutine(), heap: int(m.HeapAlloc)}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.files = len(fds)
	}
	return u
}

// A scheduler that has started 200 nights, each a process, holds no more than one that has
// started 20. Not parallel: other tests would be counted.
func TestNoGrowth(t *testing.T) {
	const first, last = 20, 200
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := plan(t, "often", "* * * * *")
	began, start := time.Now(), time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	var minutes atomic.Int64 // the clock goes on when a night has ended
	ended, measured := make(chan ledger.Slot), make(chan struct{})
	s := &Scheduler{Plans: []schedule.Plan{p}, Dir: quickDir(t), Zone: time.UTC, Log: slog.New(slog.DiscardHandler), look: 2 * time.Millisecond,
		Now: func() time.Time { return start.Add(time.Duration(minutes.Load()) * time.Minute) },
		Run: func(ctx context.Context, _ ledger.Slot) Outcome {
			if err := runChild(ctx, time.Minute, io.Discard, io.Discard, os.Args[0], "-child", "ok"); err != nil {
				return Outcome{Ending: Failed, Code: 1, Note: err.Error()}
			}
			return Outcome{}
		},
		Ended: func(slot ledger.Slot) { ended <- slot; <-measured },
	}
	l, err := ledger.Open(ctx, s.Dir, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddSlots(ctx, p.Name, time.Time{}, start, nil); err != nil { // it was started before
		t.Fatal(err)
	}
	l.Close()
	minutes.Add(1)
	done := make(chan error, 1)
	go func() { done <- s.Loop(ctx) }()
	var early, late usage
	for n := 1; n <= last; n++ {
		slot := <-ended
		if slot.Status != ledger.SlotDone {
			t.Errorf("night %d: %s: %s", n, slot.Status, slot.Note)
		}
		switch n {
		case first:
			early = used(t)
		case last:
			late = used(t)
			cancel()
		}
		minutes.Add(1)
		measured <- struct{}{}
	}
	go func() { // what it still tells while it stops
		for range ended {
			measured <- struct{}{}
		}
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("after %d nights %+v, after %d %+v, in %s", first, early, last, late, time.Since(began).Round(time.Millisecond))
	if late.goroutines > early.goroutines || late.files > early.files {
		t.Errorf("goroutines or open files have grown: %+v after %d nights, %+v after %d", early, first, late, last)
	}
	if grown := late.heap - early.heap; grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes from %d nights to %d", grown, first, last)
	}
}
