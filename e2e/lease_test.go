package e2e

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to make a lease look old

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// halted is a night that was halted at a commit point and can go on.
type halted struct {
	*exec.Cmd
	out bytes.Buffer
}

// halt starts the night on a copy of the data and waits until it has halted itself. It is
// started anew when its heartbeat happens to hold the ledger's lock just then: nobody can
// take over from a process that is halted in there.
func (s crashShop) halt(t *testing.T, at string) (*halted, string) {
	t.Helper()
	for range 5 {
		data := s.copy(t)
		h := &halted{Cmd: exec.Command(binary, "run", "--project", s.dir, "--data", data, "--as-of", crashNight)}
		h.Env = append(os.Environ(), fault.Variable+"=stop:"+at)
		h.Stdout, h.Stderr = &h.out, &h.out
		if err := h.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Process.Kill(); _ = h.Wait() })
		h.wait(t, at)
		if age(t, data) {
			return h, data
		}
		_ = h.Process.Kill()
	}
	t.Fatal("the night holds the ledger's lock whenever it is halted")
	return nil, ""
}

func (h *halted) wait(t *testing.T, at string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.Process.Pid))
		if err != nil {
			t.Skipf("no /proc, so a halted night was not tested: %v", err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(rest, "T") {
			return
		}
		if strings.HasPrefix(rest, "Z") || time.Now().After(deadline) {
			t.Fatalf("the night did not halt at %q", at)
		}
	}
}

// goOn lets it go on and returns its exit code and what it said.
func (h *halted) goOn(t *testing.T) (int, string) {
	t.Helper()
	if err := h.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = h.Wait()
	return h.ProcessState.ExitCode(), h.out.String()
}

// A night that is halted on this machine holds its directory however long that lasts, and
// publishes when it goes on.
func TestHaltedNight(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	s := newCrashShop(t)
	h, data := s.halt(t, "tables gathered")
	r := s.run(t, data)
	if r.code != 3 || !containsAll(r.stderr, "night "+crashNight, fmt.Sprintf("process %d", h.Process.Pid), "since 20") {
		t.Errorf("exit code %d, want 3, who holds the directory and since when: %s", r.code, r.stderr)
	}
	if r := mainstay(t, nil, "repair", "--data", data); r.code == 0 {
		t.Errorf("repaired beside a night: %s", r.stdout)
	}
	if code, out := h.goOn(t); code != 0 && code != 4 {
		t.Errorf("exit code %d: %s", code, out)
	}
	same(t, "a halted night", s.after, files(t, data, crashNight))
}

// age makes the lease look as if its holder had not been seen for long; false when the
// ledger is locked.
func age(t *testing.T, data string) bool {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "ledger.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec("UPDATE lease SET seen = '2020-01-01T00:00:00.000000Z'")
	if err != nil && strings.Contains(err.Error(), "locked") {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		t.Fatalf("%d leases", n)
	}
	return true
}

// A night that was halted for so long that another machine took over commits nothing and
// publishes nothing when it goes on, wherever it was.
func TestNightThatLostItsLease(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	s := newCrashShop(t)
	if out, err := exec.Command("unshare", "-u", "hostname", "elsewhere").CombinedOutput(); err != nil {
		t.Skipf("no other machine can be played here (%v: %s), so a lost lease was not tested: run the test as root", err, out)
	}
	for _, at := range []string{"about to publish", "file in its place", "warehouse built"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			h, data := s.halt(t, at)
			other := exec.Command("unshare", "-u", "sh", "-c", `hostname elsewhere && exec "$@"`, "sh", binary, "run", "--project", s.dir, "--data", data, "--as-of", crashNight)
			out, err := other.CombinedOutput()
			if code := other.ProcessState.ExitCode(); code != 0 && code != 4 {
				t.Fatalf("the other machine did not take over: %v\n%s", err, out)
			}
			seen, err := os.Stat(filepath.Join(data, "warehouse.duckdb"))
			if err != nil {
				t.Fatal(err)
			}
			code, said := h.goOn(t)
			if code != 1 || !strings.Contains(said, "the lease was lost") {
				t.Errorf("exit code %d, want 1 and that the lease was lost: %s", code, said)
			}
			if now, err := os.Stat(filepath.Join(data, "warehouse.duckdb")); err != nil || !os.SameFile(seen, now) {
				t.Errorf("the warehouse was replaced by a night without a lease (%v)", err)
			}
			same(t, "published by the other machine", s.after, files(t, data, crashNight))
			mainstay(t, nil, "repair", "--data", data).ok(t).has(t, "ledger   sound\n")
			s.recovers(t, data, "after a lost lease")
		})
	}
}
