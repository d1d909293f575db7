package ledger

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// other writes a lease that another process took.
func (b *testBundle) other(host string, pid int, born string) {
	b.Helper()
	_, err := b.db.Exec(`INSERT OR REPLACE INTO lease (one, holder, host, pid, born, since, seen) VALUES (1, 'night 2024-03-01', ?, ?, ?, ?, ?)`,
		host, pid, born, stamp(b.clock), stamp(b.clock))
	b.must(err)
}

func (b *testBundle) host() string {
	b.Helper()
	h, err := os.Hostname()
	b.must(err)
	return h
}

// mustTake takes the lease and gives it back.
func (b *testBundle) mustTake() {
	b.Helper()
	lease, err := b.Acquire(b.ctx, "the next night")
	b.must(err)
	if h, err := b.Holder(b.ctx); err != nil || h == nil || h.Holder != "the next night" || h.PID != os.Getpid() {
		b.Errorf("holder: got %v, %v", h, err)
	}
	b.must(lease.Release())
	if h, err := b.Holder(b.ctx); err != nil || h != nil {
		b.Errorf("after release: got %v, %v", h, err)
	}
}

// mustBeHeld tries in vain.
func (b *testBundle) mustBeHeld(want string) {
	b.Helper()
	_, err := b.Acquire(b.ctx, "the next night")
	var held *HeldError
	if !errors.As(err, &held) || !strings.Contains(err.Error(), want) {
		b.Errorf("got %v, want a *HeldError with %q", err, want)
	}
	if h, err := b.Holder(b.ctx); err != nil || h == nil || h.Holder != held.Holder {
		b.Errorf("holder: got %v, %v", h, err)
	}
}

// child starts a process that lives until it is stopped.
func child(t *testing.T) (cmd *exec.Cmd, stop func()) {
	t.Helper()
	cmd = exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skipf("no process to start: %v", err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	return cmd, stop
}

func TestLeaseIsTakenAndGivenBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if h, err := b.Holder(b.ctx); err != nil || h != nil {
		t.Errorf("a new ledger: got %v, %v", h, err)
	}
	lease, err := b.Acquire(b.ctx, "night 2024-03-01")
	b.must(err)
	b.mustBeHeld("another night holds this data directory: night 2024-03-01, process ")
	// Another connection sees it too.
	second, err := Open(b.ctx, b.dir, nil)
	b.must(err)
	defer second.Close()
	if _, err := second.Acquire(b.ctx, "x"); err == nil || !strings.Contains(err.Error(), "since 2024-03-01T02:00:00Z") {
		t.Errorf("got %v", err)
	}
	b.must(lease.Release())
	b.mustTake()
}

func TestLeaseOfAProcessOfThisHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cmd, stop := child(t)
	pid := cmd.Process.Pid
	b.other(b.host(), pid, processBorn(pid))
	b.clock = b.clock.Add(24 * time.Hour) // it lives: no clock takes its lease
	b.mustBeHeld("night 2024-03-01, process ")
	stop()
	b.mustTake()
}

// A process that ended and was not waited for is dead as well.
func TestLeaseOfAZombie(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cmd, _ := child(t)
	pid := cmd.Process.Pid
	born := processBorn(pid)
	if born == "" {
		t.Skip("no /proc")
	}
	b.other(b.host(), pid, born)
	b.must(cmd.Process.Kill())
	for range 500 {
		if processBorn(pid) == "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.mustTake()
}

// The number of a dead process may be given to a new one.
func TestLeaseOfAProcessNumberInUseAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cmd, _ := child(t)
	if processBorn(cmd.Process.Pid) == "" {
		t.Skip("no /proc")
	}
	b.other(b.host(), cmd.Process.Pid, "another boot/12345")
	b.mustTake()
}

func TestLeaseOfAnotherHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.other("elsewhere", 1, "x")
	seen := b.clock
	for _, after := range []time.Duration{0, time.Second, LeaseExpiry - time.Microsecond, -time.Hour} {
		b.clock = seen.Add(after)
		b.mustBeHeld("process 1 on elsewhere, since 2024-03-01T02:00:00Z (last seen 2024-03-01T02:00:00Z)")
	}
	b.clock = seen.Add(LeaseExpiry)
	b.mustTake()
}

// A holder that lost its lease must not give back what is another's.
func TestReleaseOfALostLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lease, err := b.Acquire(b.ctx, "slow night")
	b.must(err)
	b.other("elsewhere", 1, "x")
	b.must(lease.Release())
	b.mustBeHeld("on elsewhere")
}

func TestProcessAlive(t *testing.T) {
	t.Parallel()
	if !processAlive(os.Getpid(), processBorn(os.Getpid())) {
		t.Error("this process is dead")
	}
	cmd, stop := child(t)
	born := processBorn(cmd.Process.Pid)
	stop()
	if processAlive(cmd.Process.Pid, born) {
		t.Error("a process that was killed is alive")
	}
}
