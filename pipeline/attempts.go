package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound one job of a night. The zero value does not limit it and tries it once.
type Limits struct {
	// Timeout is how long the job may take, all attempts and the waits between them
	// included; 0 means as long as it needs.
	Timeout time.Duration
	// Retries is how often the job is tried again after an error that can pass.
	Retries int
	// Backoff is the wait before the first retry; each further one waits twice as long, at
	// most MaxBackoff.
	Backoff time.Duration
}

// MaxBackoff is the longest wait between two attempts.
const MaxBackoff = 10 * time.Minute

// Passing tells whether an error says of itself that its cause can pass without anybody's
// doing, such as a connection that was lost: it, or one that it wraps, has a method
// Passing() bool that returns true.
func Passing(err error) bool {
	var p interface {
		error
		Passing() bool
	}
	return errors.As(err, &p) && p.Passing()
}

// TimeoutError says that a job took longer than it may.
type TimeoutError struct {
	Limit time.Duration
	Err   error // what the job said when it was stopped
}

// Error names the limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("it was stopped after %s, which is its limit (jobs.timeout): %v", e.Limit, e.Err)
}

// Unwrap is what the job said.
func (e *TimeoutError) Unwrap() error { return e.Err }

// attempts runs a job within its limits, again after errors that can pass. A job may be run
// again by its contract; each attempt has a scratch directory of its own.
func (n *Night) attempts(ctx context.Context, j Job, in Tables) (Table, error) {
	var limits Limits
	if n.LimitsOf != nil {
		limits = n.LimitsOf(j)
	}
	if limits.Timeout > 0 {
		over := &TimeoutError{Limit: limits.Timeout}
		limited, cancel := context.WithTimeoutCause(ctx, limits.Timeout, over)
		defer cancel()
		t, err := n.retried(limited, j, in, limits)
		if err != nil && context.Cause(limited) == over && ctx.Err() == nil {
			over.Err = err
			return t, over
		}
		return t, err
	}
	return n.retried(ctx, j, in, limits)
}

func (n *Night) retried(ctx context.Context, j Job, in Tables, limits Limits) (Table, error) {
	wait := limits.Backoff
	for attempt := 1; ; attempt++ {
		t, err := n.once(ctx, j, in)
		switch {
		case err == nil && attempt > 1:
			t.Note = fmt.Sprintf("%s (attempt %d)", t.Note, attempt)
			return t, nil
		case err == nil, ctx.Err() != nil, !Passing(err):
			return t, err
		case attempt > limits.Retries:
			if attempt > 1 {
				err = fmt.Errorf("tried %d times: %w", attempt, err)
			}
			return t, err
		}
		n.Log.Warn("a job failed in a way that can pass and is tried again", "job", j.Name, "attempt", attempt, "wait", wait, "error", err)
		select {
		case <-ctx.Done():
			return t, errors.Join(ctx.Err(), err)
		case <-n.Stop:
			return t, errors.Join(ErrStopped, err)
		case <-time.After(wait):
		}
		wait = min(2*wait, MaxBackoff)
	}
}

// once runs a job once.
func (n *Night) once(ctx context.Context, j Job, in Tables) (Table, error) {
	r := &Run{Night: n, Job: j, In: in}
	defer r.sweep()
	return j.Run(ctx, r)
}
