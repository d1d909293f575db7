package pipeline

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A night that is told to stop finishes what runs and begins nothing more; with nothing
// left to begin it goes on to its end.
func TestStoppedNight(t *testing.T) {
	t.Parallel()
	for last, want := range map[string]string{
		"b": "a done 1, b done 1, c skipped 0",
		"c": "a done 1, b done 1, c done 1",
	} {
		t.Run(last, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			stop := make(chan struct{})
			b.night.Stop = stop
			_, err := b.build(t.Context(), does(jobs("a", "b <- a", "c <- b"), map[string]func(context.Context, *Run) (Table, error){
				last: func(ctx context.Context, _ *Run) (Table, error) {
					close(stop)
					return Table{Volume: 1}, ctx.Err()
				},
			}))
			if (last == "b") != errors.Is(err, ErrStopped) {
				t.Errorf("got %v", err)
			}
			if got := b.recorded(); got != want {
				t.Errorf("ledger: got %s, want %s", got, want)
			}
		})
	}
}

// A job that waits to be tried again waits no longer.
func TestStoppedRetry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stop := make(chan struct{})
	b.night.Stop = stop
	b.night.LimitsOf = func(Job) Limits { return Limits{Retries: 3, Backoff: time.Hour} }
	_, err := b.build(t.Context(), does(jobs("a"), map[string]func(context.Context, *Run) (Table, error){
		"a": func(context.Context, *Run) (Table, error) {
			close(stop)
			return Table{}, lostError{}
		},
	}))
	if !errors.Is(err, ErrStopped) || !errors.Is(err, lostError{}) {
		t.Errorf("got %v", err)
	}
	if got := b.recorded(); got != "a skipped 0" {
		t.Errorf("ledger: got %s", got)
	}
}
