package ledger

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// other writes a lease that another process took.
func (b *testBundle) other(host string, pid int, born string) {
	b.Helper()
	_, err := b.db.DB.Exec(`INSERT OR REPLACE INTO lease (one, holder, host, pid, born, since, seen) VALUES (1, 'night 2024-03-01', ?, ?, ?, ?, ?)`,
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
	b.other(b.host(), cmd.Process.Pid, where()+"/12345")
	b.mustTake()
}

func TestLeaseOfAnotherHost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.watch = time.Millisecond
	b.other("elsewhere", 1, "x")
	seen := b.clock
	for _, after := range []time.Duration{0, time.Second, LeaseExpiry - time.Microsecond, -LeaseExpiry + time.Microsecond} {
		b.clock = seen.Add(after)
		b.mustBeHeld("process 1 on elsewhere, since 2024-03-01T02:00:00Z (last seen 2024-03-01T02:00:00Z)")
	}
	for _, after := range []time.Duration{LeaseExpiry, 24 * time.Hour, -LeaseExpiry, -24 * time.Hour} {
		b.clock = seen
		b.other("elsewhere", 1, "x")
		b.clock = seen.Add(after)
		b.mustTake()
	}
}

// The clock of another machine may be wrong: a holder that says that it lives is not
// taken for dead, whatever time it says.
func TestLeaseOfAHostWithAnotherClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-100 * time.Hour, -LeaseExpiry, LeaseExpiry, 100 * time.Hour} {
		b := setup(t)
		b.watch = 300 * time.Millisecond
		b.other("elsewhere", 1, "x")
		seen := b.clock
		b.clock = seen.Add(skew)
		over, beats := make(chan struct{}), make(chan error, 1)
		go func() {
			var err error
			for n := 1; err == nil; n++ {
				err = b.transact(b.ctx, func(tx *sql.Tx) error {
					_, err := tx.Exec(`UPDATE lease SET seen = ?`, stamp(seen.Add(time.Duration(n)*time.Second)))
					return err
				})
				select {
				case <-over:
					beats <- err
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
			beats <- err
		}()
		_, err := b.Acquire(b.ctx, "the next night")
		close(over)
		b.must(<-beats)
		var held *HeldError
		if !errors.As(err, &held) || held.Host != "elsewhere" {
			t.Errorf("clock %v ahead: got %v, want a *HeldError", skew, err)
		}
	}
}

// In another container of this machine, with the same name, no process can be looked at.
func TestLeaseOfAnotherContainer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if where() == "" {
		t.Skip("no /proc")
	}
	boot, _, _ := strings.Cut(where(), "/")
	b.other(b.host(), 1, boot+"/1/77")
	b.mustBeHeld("process 1 on")
}

// Two machines on a shared disk may have one name: the lease of the other is not taken for
// one of before a restart of this one. It is watched, as that of any other machine is.
func TestLeaseOfAMachineOfTheSameName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if where() == "" {
		t.Skip("no /proc")
	}
	b.watch = time.Millisecond
	_, space, _ := strings.Cut(where(), "/")
	space, _, _ = strings.Cut(space, "@")
	for _, place := range []string{space, space + "@another machine"} {
		b.other(b.host(), os.Getpid(), "another boot/"+place+"/77")
		seen := b.clock
		b.mustBeHeld("process")
		b.clock = seen.Add(LeaseExpiry)
		b.mustTake()
		b.clock = seen
	}
}

func TestLookable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		born, from string
		want       bool
	}{
		{"", "", true},
		{"", "b1/1", false},
		{"b1/1/77", "", false},
		{"b1/1/77", "b1/1", true},
		{"b1/1/77", "b1/2", false}, // another container
		{"b1/1/77", "b2/1", false}, // restarted, or another machine
		{"b1/1@m/77", "b1/1@m", true},
		{"b1/1@m/77", "b2/1@m", true}, // restarted
		{"b1/1@m/77", "b2/1@n", false},
		{"b1/1@m/77", "b2/1", false},
		{"b1/1/77", "b2/1@m", false},
		{"b1/1/77", "b1/1@m", false}, // written by an older mainstay
	} {
		if got := lookable(c.born, c.from); got != c.want {
			t.Errorf("%q from %q: %t", c.born, c.from, got)
		}
	}
}

func TestMachine(t *testing.T) {
	t.Parallel()
	make := func(id string, cards map[string]string) string {
		root := t.TempDir()
		put := func(name, text string) {
			path := filepath.Join(root, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		put("etc/machine-id", id)
		put("sys/class/net/lo/address", "00:00:00:00:00:00\n") // no device: not a card
		for name, address := range cards {
			put("sys/class/net/"+name+"/address", address+"\n")
			put("sys/class/net/"+name+"/device/vendor", "x")
		}
		return machine(root)
	}
	id := strings.Repeat("0a", 16) + "\n"
	one := make(id, map[string]string{"eth0": "52:54:00:00:00:01"})
	if again := make(id, map[string]string{"eth0": "52:54:00:00:00:01"}); one == "" || again != one {
		t.Errorf("the same machine: %q, then %q", one, again)
	}
	for what, other := range map[string]string{
		"a copy with a card of its own": make(id, map[string]string{"eth0": "52:54:00:00:00:02"}),
		"another id":                    make(strings.Repeat("0b", 16)+"\n", map[string]string{"eth0": "52:54:00:00:00:01"}),
		"one more card":                 make(id, map[string]string{"eth0": "52:54:00:00:00:01", "eth1": "52:54:00:00:00:03"}),
	} {
		if other == one || other == "" {
			t.Errorf("%s: %q", what, other)
		}
	}
	for what, none := range map[string]string{
		"no card":             make(id, nil),
		"an id that is none":  make("uninitialized\n", map[string]string{"eth0": "52:54:00:00:00:01"}),
		"an id that is empty": make("", map[string]string{"eth0": "52:54:00:00:00:01"}),
	} {
		if none != "" {
			t.Errorf("%s: %q", what, none)
		}
	}
}

// A holder that lost its lease commits nothing any more, by whatever method.
func TestFence(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lease, err := b.Acquire(b.ctx, "slow night")
	b.must(err)
	id := b.begin("2024-03-01")
	b.must(b.Confirm(b.ctx))
	next, err := Open(b.ctx, b.dir, nil)
	b.must(err)
	defer next.Close()
	next.db.DB.Exec(`DELETE FROM lease`) // what a machine does that takes this one for dead
	taken, err := next.Acquire(b.ctx, "the next night")
	b.must(err)
	for what, err := range map[string]error{
		"artifact":   b.CommitArtifact(b.ctx, Artifact{Key: "k", Night: id}),
		"batch":      b.CommitBatch(b.ctx, Batch{ID: 1, Source: "s", Night: id}),
		"job":        b.RecordJob(b.ctx, id, JobResult{Name: "j", Status: JobDone}),
		"checks":     b.RecordChecks(b.ctx, id, nil),
		"publishing": b.Publishing(b.ctx, Night{ID: id}, "w", nil),
		"end":        b.End(b.ctx, Night{ID: id, Status: Published}),
		"confirm":    b.Confirm(b.ctx),
	} {
		if !errors.Is(err, ErrLeaseLost) {
			t.Errorf("%s: got %v, want ErrLeaseLost", what, err)
		}
	}
	b.must(next.CommitArtifact(b.ctx, Artifact{Key: "k", Night: id}))
	b.must(lease.Release())
	b.must(next.Confirm(b.ctx))
	b.must(taken.Release())
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
