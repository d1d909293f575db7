package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
)

// Work has the grace to end after SIGTERM, and none after Ctrl-C.
func TestGraceful(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sig   os.Signal
		grace time.Duration
		want  time.Duration
		text  string
	}{
		{syscall.SIGTERM, 20 * time.Second, 20 * time.Second, "told to stop, and what ran did not end within the grace of 20s"},
		{syscall.SIGTERM, 0, 0, "told to stop"},
		{os.Interrupt, 20 * time.Second, 0, "told to stop"},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			work, stop, release := graceful(ctx, tt.grace, slog.New(slog.DiscardHandler))
			defer release()
			synctest.Wait()
			if work.Err() != nil {
				t.Fatal("stopped before it was told to")
			}
			told := time.Now()
			cancel(signalError{tt.sig})
			<-stop
			<-work.Done()
			if took := time.Since(told); took != tt.want {
				t.Errorf("%s: had %s, want %s", tt.sig, took, tt.want)
			}
			if err := context.Cause(work); !errors.Is(err, pipeline.ErrStopped) || err.Error() != tt.text {
				t.Errorf("%s: %v", tt.sig, err)
			}
		})
	}
}

// Work that ends within the grace leaves nothing behind (the bubble would not end).
func TestGracefulWorkThatEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, stop, release := graceful(ctx, time.Hour, slog.New(slog.DiscardHandler))
		cancel(signalError{syscall.SIGTERM})
		<-stop
		began := time.Now()
		release()
		synctest.Wait()
		if time.Since(began) != 0 {
			t.Error("the end of the work did not end the grace")
		}
	})
}

func TestAsStopped(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	canceled, plain := fmt.Errorf("reading: %w", context.Canceled), errors.New("plain")
	for _, tt := range []struct {
		ctx  context.Context
		err  error
		want bool
	}{
		{ended, canceled, true}, {ended, pipeline.ErrStopped, true}, {ended, plain, false}, {ended, nil, false},
		{t.Context(), canceled, false}, // nobody told it to stop: something else gave up
	} {
		if got := asStopped(tt.ctx, tt.err); errors.Is(got, pipeline.ErrStopped) != tt.want || tt.err != nil && !strings.Contains(got.Error(), tt.err.Error()) {
			t.Errorf("%v: got %v", tt.err, got)
		}
	}
}
