package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// started is a mainstay that goes on. It writes to a file: a pipe would stay open for as
// long as its children live.
type started struct {
	*exec.Cmd
	log  string
	done chan error
}

func (s *started) out(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &started{Cmd: exec.Command(binary, args...), log: f.Name(), done: make(chan error, 1)}
	s.Stdout, s.Stderr = f, f
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.Wait() }()
	t.Cleanup(func() { _ = s.Process.Kill() })
	return s
}

// end sends a signal and returns the exit code (-1 for a signal) and how long it took.
func (s *started) end(t *testing.T, sig os.Signal) (code int, took time.Duration) {
	t.Helper()
	from := time.Now()
	if err := s.Process.Signal(sig); err != nil {
		t.Fatalf("it had ended by itself: %v\n%s", err, s.out(t))
	}
	select {
	case <-s.done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%v did not end it", sig)
	}
	return s.ProcessState.ExitCode(), time.Since(from)
}

// ledgerOf opens the ledger of a data directory for a moment.
func ledgerOf[T any](t *testing.T, data string, ask func(context.Context, *ledger.Ledger) (T, error)) T {
	t.Helper()
	l, err := ledger.Open(t.Context(), data, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	answer, err := ask(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func slotsOf(t *testing.T, data string) []ledger.Slot {
	t.Helper()
	return ledgerOf(t, data, func(ctx context.Context, l *ledger.Ledger) ([]ledger.Slot, error) { return l.Slots(ctx, 0) })
}

func nightsOf(t *testing.T, data string) []ledger.Night {
	t.Helper()
	return ledgerOf(t, data, func(ctx context.Context, l *ledger.Ledger) ([]ledger.Night, error) { return l.Nights(ctx, 0) })
}

// until waits for something, for some minutes at most.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// clean fails the test when an interrupted night left something behind.
func clean(t *testing.T, data, how string) {
	t.Helper()
	if got := nightsOf(t, data)[0]; got.Status != ledger.Interrupted || !strings.Contains(got.Error, "told to stop") {
		t.Errorf("%s: the ledger says %s: %s", how, got.Status, got.Error)
	}
	if held := ledgerOf(t, data, func(ctx context.Context, l *ledger.Ledger) (*ledger.HeldError, error) { return l.Holder(ctx) }); held != nil {
		t.Errorf("%s: the lease is held: %v", how, held)
	}
	if _, err := os.Stat(filepath.Join(data, "scratch")); !os.IsNotExist(err) {
		t.Errorf("%s: scratch is not swept (%v)", how, err)
	}
}

// graceProject is a small project whose nights are given a second to end.
func graceProject(t *testing.T) (dir, data string) {
	t.Helper()
	dir, data = killProject(t)
	path := filepath.Join(dir, "mainstay.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mended := strings.Replace(string(text), "# grace: 20s", "grace: 1s", 1)
	if mended == string(text) {
		t.Fatal("the new project does not show grace")
	}
	if err := os.WriteFile(path, []byte(mended), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, data
}

// A night that is told to stop ends soon and cleanly, and the next run goes on.
func TestStoppedNight(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	dir, data := graceProject(t)
	for _, stop := range []struct {
		sig     os.Signal
		job     string // it is stopped once this one is done
		longest time.Duration
	}{
		{syscall.SIGTERM, "extract_orders", 20 * time.Second},
		{os.Interrupt, "churn_labels", 20 * time.Second},
	} {
		night := start(t, "run", "--project", dir, "--as-of", "2023-09-01", "--log-format", "text")
		until(t, stop.job, func() bool {
			if nights := nightsOf(t, data); len(nights) == 0 || nights[0].Status != ledger.Running {
				return false
			}
			jobs := ledgerOf(t, data, func(ctx context.Context, l *ledger.Ledger) ([]ledger.JobResult, error) {
				return l.Jobs(ctx, nightsOf(t, data)[0].ID)
			})
			for _, j := range jobs {
				if j.Name == stop.job {
					return true
				}
			}
			return false
		})
		code, took := night.end(t, stop.sig)
		t.Logf("%v after %s: exit code %d after %s", stop.sig, stop.job, code, took)
		if code != 5 || took > stop.longest || !strings.Contains(night.out(t), "interrupted") {
			t.Errorf("%v: exit code %d after %s, want 5 within %s\n%s", stop.sig, code, took, stop.longest, night.out(t))
		}
		clean(t, data, stop.sig.String())
	}
	mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-09-01").published(t)
}

// A scheduler catches up what was missed in order. Stopped, it stops its night and the
// next one goes on with it; killed, its night goes on and is not run again.
func TestSchedule(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	dir, data := graceProject(t)
	from := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(3 * time.Hour) // behind the slot of that day
	ledgerOf(t, data, func(ctx context.Context, l *ledger.Ledger) (bool, error) {
		return l.AddSlots(ctx, "night", time.Time{}, from, nil)
	})
	days := []string{from.AddDate(0, 0, 1).Format(time.DateOnly), from.AddDate(0, 0, 2).Format(time.DateOnly)}
	status := func(day string) string {
		for _, s := range slotsOf(t, data) {
			if s.AsOf == day {
				return s.Status
			}
		}
		return ""
	}
	began := func(day string) bool {
		nights := nightsOf(t, data)
		return len(nights) > 0 && nights[0].AsOf == day && nights[0].Status == ledger.Running
	}

	s := start(t, "schedule", "--project", dir)
	until(t, "the first night", func() bool { return began(days[0]) })
	if code, took := s.end(t, syscall.SIGTERM); code != 0 || took > 30*time.Second {
		t.Errorf("SIGTERM: exit code %d after %s\n%s", code, took, s.out(t))
	}
	clean(t, data, "a scheduler that was stopped")
	if got := status(days[0]); got != ledger.SlotWaiting {
		t.Errorf("the slot of the stopped night is %s", got)
	}
	mainstay(t, nil, "schedule", "status", "--project", dir).ok(t).has(t, "waiting (late)", "it goes on when a scheduler starts", "comes")

	s = start(t, "schedule", "--project", dir)
	until(t, "the second night", func() bool { return began(days[1]) })
	if got := status(days[0]); got != ledger.SlotDone {
		t.Errorf("the first slot is %s when the second runs", got)
	}
	if code, _ := s.end(t, syscall.SIGKILL); code != -1 {
		t.Errorf("SIGKILL: exit code %d", code)
	}
	if !began(days[1]) {
		t.Error("the night ended with its scheduler")
	}
	s = start(t, "schedule", "--project", dir)
	until(t, "the end of all slots", func() bool {
		for _, s := range slotsOf(t, data) {
			if s.Status != ledger.SlotDone {
				return false
			}
		}
		return true
	})
	if code, _ := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d", code)
	}
	var ran []string
	for _, n := range nightsOf(t, data) {
		ran = append([]string{n.AsOf + " " + n.Status}, ran...)
	}
	want := []string{days[0] + " interrupted", days[0] + " published", days[1] + " published"}
	if len(ran) < len(want) || strings.Join(ran[:len(want)], ", ") != strings.Join(want, ", ") {
		t.Errorf("nights: %v, want %v", ran, want)
	}
	mainstay(t, nil, "schedule", "status", "--project", dir).ok(t).has(t, "its scheduler ended before it did")
}
