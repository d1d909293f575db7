package scheduler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// ChildError says how a child process ended when it did not exit with 0.
type ChildError struct {
	// Code is the exit code, or -1 if a signal ended the child.
	Code int
	// State is the operating system's description, such as "exit status 1"
	// or "signal: killed".
	State string
}

// Error describes how the child ended.
func (e *ChildError) Error() string { return "child process: " + e.State }

// Signaller is a cause of a context's end that names a signal, to be passed on to a
// child in the place of SIGTERM.
type Signaller interface{ Signal() os.Signal }

// RunChild runs a program to its end, with the scheduler's own environment, output and
// error stream, in a process group of its own: a key pressed in a terminal stops the
// scheduler alone, which then stops the child. When ctx is done the child is sent
// SIGTERM, or the signal that the cause names; when it has not ended after patience it
// is killed. A child that exits with a code other than 0 gives a *ChildError; one that
// could not be started, a plain error.
func RunChild(ctx context.Context, patience time.Duration, exe string, args ...string) error {
	return runChild(ctx, patience, os.Stdout, os.Stderr, exe, args...)
}

func runChild(ctx context.Context, patience time.Duration, stdout, stderr io.Writer, exe string, args ...string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("starting %s: %w", exe, err)
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(stopSignal(ctx)) }
	cmd.WaitDelay = max(patience, time.Millisecond) // 0 would be for ever
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", exe, err)
	}
	err := cmd.Wait()
	switch state := cmd.ProcessState; {
	case state == nil:
		return fmt.Errorf("waiting for %s: %w", exe, err)
	case !state.Success():
		return &ChildError{Code: state.ExitCode(), State: state.String()}
	case err != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("waiting for %s: %w", exe, err)
	}
	return nil // exited with 0, even if asked to stop meanwhile
}

func stopSignal(ctx context.Context) os.Signal {
	if s, ok := context.Cause(ctx).(Signaller); ok {
		return s.Signal()
	}
	return syscall.SIGTERM
}
