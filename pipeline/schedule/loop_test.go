package schedule

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// fakeClock jumps to the moment that is waited for and stops the loop at end.
type fakeClock struct {
	now, end time.Time
	stop     context.CancelFunc
	late     time.Duration // how late Wait wakes up, once
}

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Wait(ctx context.Context, until time.Time) error {
	if until.After(c.end) {
		c.stop()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if until.After(c.now) {
		c.now = until
	}
	c.now, c.late = c.now.Add(c.late), 0
	return nil
}

type loopBundle struct {
	clock *fakeClock
	log   *bytes.Buffer
	ran   []string
}

// runLoop runs a daily 02:00 loop over five days; night is what a night does.
func runLoop(t *testing.T, late time.Duration, night func(ctx context.Context, b *loopBundle) error) *loopBundle {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := &loopBundle{clock: &fakeClock{now: start, end: start.AddDate(0, 0, 5), stop: cancel, late: late}, log: &bytes.Buffer{}}
	err := Loop(ctx, b.clock, mustParse(t, "0 2 * * *", "UTC"), func(ctx context.Context, slot time.Time) error {
		b.ran = append(b.ran, slot.Format("01-02T15"))
		return night(ctx, b)
	}, slog.New(slog.NewTextHandler(b.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *loopBundle) wantRan(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(b.ran, " "); got != want {
		t.Errorf("ran %q, want %q\n%s", got, want, b.log)
	}
}

func TestLoopRunsEverySlotOnce(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 0, func(_ context.Context, b *loopBundle) error {
		b.clock.now = b.clock.now.Add(time.Hour)
		return nil
	})
	b.wantRan(t, "01-01T02 01-02T02 01-03T02 01-04T02 01-05T02")
}

func TestLoopSkipsSlotsOfALongNight(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 0, func(_ context.Context, b *loopBundle) error {
		if len(b.ran) == 1 {
			b.clock.now = b.clock.now.Add(50 * time.Hour)
		}
		return nil
	})
	b.wantRan(t, "01-01T02 01-04T02 01-05T02")
	if n := strings.Count(b.log.String(), "still running"); n != 2 {
		t.Errorf("%d skips logged, want 2\n%s", n, b.log)
	}
}

func TestLoopGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 0, func(context.Context, *loopBundle) error { return &ChildError{Code: 1, State: "exit status 1"} })
	b.wantRan(t, "01-01T02 01-02T02 01-03T02 01-04T02 01-05T02")
	if !strings.Contains(b.log.String(), "exit status 1") {
		t.Errorf("failure not logged\n%s", b.log)
	}
}

func TestLoopRunsOnlyTheLatestAfterSleep(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 49*time.Hour, func(context.Context, *loopBundle) error { return nil })
	b.wantRan(t, "01-03T02 01-04T02 01-05T02")
	if n := strings.Count(b.log.String(), "backfill"); n != 2 {
		t.Errorf("%d skips logged, want 2\n%s", n, b.log)
	}
}

func TestLoopDoesNotRepeatWhenTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 0, func(_ context.Context, b *loopBundle) error {
		if len(b.ran) == 1 {
			b.clock.now = b.clock.now.Add(-time.Hour)
		}
		return nil
	})
	b.wantRan(t, "01-01T02 01-02T02 01-03T02 01-04T02 01-05T02")
}

func TestLoopStopsAfterTheNightThatRuns(t *testing.T) {
	t.Parallel()
	b := runLoop(t, 0, func(ctx context.Context, b *loopBundle) error {
		if len(b.ran) == 2 {
			b.clock.stop()
			<-ctx.Done()
		}
		return nil
	})
	b.wantRan(t, "01-01T02 01-02T02")
	if !strings.Contains(b.log.String(), "schedule stopped") {
		t.Errorf("stop not logged\n%s", b.log)
	}
}

func TestLoopWithoutSlots(t *testing.T) {
	t.Parallel()
	clock := &fakeClock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	err := Loop(t.Context(), clock, Schedule{}, nil, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "no slot") {
		t.Errorf("got %v", err)
	}
}

func TestSystemClockWait(t *testing.T) {
	t.Parallel()
	clock := SystemClock()
	if err := clock.Wait(t.Context(), clock.Now().Add(5*time.Millisecond)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(5*time.Millisecond, cancel)
	if err := clock.Wait(ctx, clock.Now().Add(time.Hour)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}
