package scheduler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary play the child.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-child" {
		child(os.Args[2])
	}
	os.Exit(m.Run())
}

func child(what string) {
	switch what {
	case "ok":
		fmt.Println("published")
		os.Exit(0)
	case "warn":
		os.Exit(4)
	case "killed":
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	case "deaf": // hears nothing
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Minute)
	case "pressed": // Ctrl-C
		term := make(chan os.Signal, 1)
		signal.Notify(term, os.Interrupt)
		fmt.Println("ready")
		<-term
		os.Exit(7)
	case "stop", "finish": // wait for SIGTERM, tidy up, leave
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		select {
		case <-term:
		case <-time.After(time.Minute):
			os.Exit(9)
		}
		time.Sleep(50 * time.Millisecond) // the parent must wait for this
		fmt.Println("tidied")
		if what == "finish" {
			os.Exit(0)
		}
		os.Exit(1)
	}
	os.Exit(8)
}

func TestRunChildExitCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what string
		code int
	}{{"ok", 0}, {"warn", 4}, {"killed", -1}}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := runChild(t.Context(), time.Minute, &out, &out, os.Args[0], "-child", tt.what)
			var ended *ChildError
			switch {
			case tt.code == 0 && err != nil:
				t.Fatal(err)
			case tt.code != 0 && !errors.As(err, &ended):
				t.Fatalf("got %v, want a ChildError", err)
			case tt.code != 0 && ended.Code != tt.code:
				t.Fatalf("code %d, want %d", ended.Code, tt.code)
			}
		})
	}
}

func TestRunChildCannotStart(t *testing.T) {
	t.Parallel()
	err := RunChild(t.Context(), time.Minute, t.TempDir()+"/nothing")
	var ended *ChildError
	if err == nil || errors.As(err, &ended) || !strings.Contains(err.Error(), "starting") {
		t.Errorf("got %v", err)
	}
}

// cancelWhenReady cancels once the child has said that it listens.
type cancelWhenReady struct {
	mu     sync.Mutex
	text   bytes.Buffer
	cancel context.CancelFunc
}

func (w *cancelWhenReady) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if strings.Contains(w.text.String(), "ready") {
		w.cancel()
	}
	return len(p), nil
}

func TestRunChildForwardsTheStopAndWaits(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGTERM")
	}
	for what, code := range map[string]int{"stop": 1, "finish": 0} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &cancelWhenReady{cancel: cancel}
			err := runChild(ctx, time.Minute, out, out, os.Args[0], "-child", what)
			if !strings.Contains(out.text.String(), "tidied") {
				t.Errorf("did not wait for the child: %q", out.text.String())
			}
			var ended *ChildError
			if code == 0 && err != nil || code != 0 && (!errors.As(err, &ended) || ended.Code != code) {
				t.Errorf("got %v, want code %d", err, code)
			}
		})
	}
}

func TestRunChildKillsWhatDoesNotStop(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &cancelWhenReady{cancel: cancel}
	err := runChild(ctx, 100*time.Millisecond, out, out, os.Args[0], "-child", "deaf")
	var ended *ChildError
	if !errors.As(err, &ended) || ended.Code != -1 || !strings.Contains(ended.State, "killed") {
		t.Errorf("got %v, want that it was killed", err)
	}
}

// pressed is the cause of a context that ended because a person pressed Ctrl-C.
type pressed struct{ error }

func (pressed) Signal() os.Signal { return os.Interrupt }

func TestRunChildPassesTheSignalOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	out := &cancelWhenReady{cancel: func() { cancel(pressed{errors.New("pressed")}) }}
	err := runChild(ctx, time.Minute, out, out, os.Args[0], "-child", "pressed")
	var ended *ChildError
	if !errors.As(err, &ended) || ended.Code != 7 {
		t.Errorf("got %v, want code 7", err)
	}
}

func TestRunChildStartsNothingOnceStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := RunChild(ctx, time.Minute, os.Args[0], "-child", "ok"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
