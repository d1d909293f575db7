package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lostError is an error that can pass.
type lostError struct{}

func (lostError) Error() string { return "connection lost" }
func (lostError) Passing() bool { return true }

// tried runs a job that fails so often with an error, within limits, and tells how often
// and after which waits it was tried.
func tried(t *testing.T, limits Limits, failures int, failure error) (table Table, waits []time.Duration, log string, err error) {
	t.Helper()
	b := setup(t)
	b.night.LimitsOf = func(Job) Limits { return limits }
	synctest.Test(t, func(t *testing.T) {
		last := time.Now()
		j := Job{Name: "t", Run: func(_ context.Context, r *Run) (Table, error) {
			waits = append(waits, time.Since(last))
			last = time.Now()
			if _, err := r.Scratch(); err != nil {
				return Table{}, err
			}
			if len(waits) <= failures {
				return Table{}, fmt.Errorf("reading: %w", failure)
			}
			return Table{Note: "7 files"}, nil
		}}
		table, err = b.night.attempts(t.Context(), j, nil)
	})
	return table, waits, b.log.String(), err
}

func TestErrorsThatPassAreTriedAgain(t *testing.T) {
	t.Parallel()
	limits := Limits{Retries: 3, Backoff: 4 * time.Minute}
	table, waits, log, err := tried(t, limits, 3, lostError{})
	if err != nil || table.Note != "7 files (attempt 4)" {
		t.Errorf("got %+v, %v", table, err)
	}
	if fmt.Sprint(waits) != "[0s 4m0s 8m0s 10m0s]" {
		t.Errorf("waits: %v", waits)
	}
	if strings.Count(log, "tried again") != 3 || !strings.Contains(log, "connection lost") {
		t.Errorf("log: %s", log)
	}
	if _, waits, _, err = tried(t, limits, 9, lostError{}); err == nil || !strings.Contains(err.Error(), "tried 4 times: reading: connection lost") || len(waits) != 4 {
		t.Errorf("too many failures: %v, tried %d times", err, len(waits))
	}
	if _, waits, _, err = tried(t, limits, 9, errors.New("syntax error")); err == nil || err.Error() != "reading: syntax error" || len(waits) != 1 {
		t.Errorf("an error that stays: %v, tried %d times", err, len(waits))
	}
	if _, waits, _, err = tried(t, Limits{}, 9, lostError{}); err == nil || len(waits) != 1 {
		t.Errorf("without retries: %v, tried %d times", err, len(waits))
	}
}

func TestTimeoutOfAJob(t *testing.T) {
	t.Parallel()
	var over *TimeoutError
	_, waits, _, err := tried(t, Limits{Retries: 9, Backoff: time.Minute, Timeout: 2 * time.Minute}, 9, lostError{})
	if !errors.As(err, &over) || len(waits) != 2 || !strings.Contains(err.Error(), "2m0s") || !strings.Contains(err.Error(), "connection lost") {
		t.Errorf("the timeout covers retries: %v, tried %d times", err, len(waits))
	}
	b := setup(t)
	b.night.LimitsOf = func(Job) Limits { return Limits{Timeout: time.Minute} }
	synctest.Test(t, func(t *testing.T) {
		hangs := Job{Name: "t", Run: func(ctx context.Context, _ *Run) (Table, error) {
			<-ctx.Done()
			return Table{}, ctx.Err()
		}}
		if _, err := b.night.attempts(t.Context(), hangs, nil); !errors.As(err, &over) {
			t.Errorf("a job that hangs: %v", err)
		}
		// A night that is stopped is stopped, not timed out.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.night.attempts(ctx, hangs, nil); errors.As(err, &over) || !errors.Is(err, context.Canceled) {
			t.Errorf("a night that was stopped: %v", err)
		}
	})
}
