package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
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

// RunChild runs a program to its end, with the scheduler's own environment,
// output and error stream. When ctx is done the child is sent SIGTERM and
// RunChild still waits for it to exit, however long that takes: a night that
// publishes must not be cut off. A child that exits with a code other than 0
// gives a *ChildError; one that could not be started, a plain error.
func RunChild(ctx context.Context, exe string, args ...string) error {
	return runChild(ctx, os.Stdout, os.Stderr, exe, args...)
}

func runChild(ctx context.Context, stdout, stderr io.Writer, exe string, args ...string) error {
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = 0 // wait for ever
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

// terminate asks a process to end; where signals do not exist it kills.
func terminate(p *os.Process) error {
	err := p.Signal(syscall.SIGTERM)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return p.Kill()
	}
	return err
}
