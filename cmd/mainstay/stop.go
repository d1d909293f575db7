package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
)

// signalError is why a context ended: the process got a signal.
type signalError struct{ sig os.Signal }

func (e signalError) Error() string { return e.sig.String() }

// Signal lets the scheduler pass it on.
func (e signalError) Signal() os.Signal { return e.sig }

// stopOnSignal returns a context that ends with SIGINT or SIGTERM. A SIGINT after that
// ends the process at once; a SIGTERM does not: a service manager may send it to a whole
// group, and a scheduler then passes it on once more.
func stopOnSignal(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(signalError{<-told})
		signal.Reset(os.Interrupt)
	}()
	return ctx
}

// asStopped marks the error of a command that gave up because ctx ended.
func asStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, pipeline.ErrStopped) {
		return fmt.Errorf("%w: %w", pipeline.ErrStopped, err)
	}
	return err
}

// graceful gives work that is told to stop time to end. stop is closed when ctx ends;
// the context that it returns ends after the grace, or at once when a person pressed
// Ctrl-C. release ends it too.
func graceful(ctx context.Context, grace time.Duration, log *slog.Logger) (work context.Context, stop <-chan struct{}, release func()) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		var sig signalError
		if errors.As(context.Cause(ctx), &sig) && sig.sig == os.Interrupt || grace <= 0 {
			cancel(pipeline.ErrStopped)
			return
		}
		log.Info("told to stop: no further job begins", "grace", grace)
		select {
		case <-time.After(grace):
			cancel(fmt.Errorf("%w, and what ran did not end within the grace of %s", pipeline.ErrStopped, grace))
		case <-work.Done():
		}
	})
	return work, ctx.Done(), func() { unhook(); cancel(nil) }
}
