package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
)

// memoryGroup makes a control group with a memory limit and returns the file to which the
// processes in it are written; the test is skipped where that cannot be done.
func memoryGroup(t *testing.T, bytes int64) (procs string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Skipf("NOT TESTED in a control group: %v", err)
	}
	why := "no memory controller is mounted"
	for _, line := range strings.Split(string(mounts), "\n") {
		before, after, _ := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(kind) < 3 {
			continue
		}
		limit := ""
		controllers, _ := os.ReadFile(filepath.Join(mount[4], "cgroup.subtree_control"))
		switch {
		case kind[0] == "cgroup" && strings.Contains(","+kind[2]+",", ",memory,"):
			limit = "memory.limit_in_bytes"
		case kind[0] == "cgroup2" && strings.Contains(string(controllers), "memory"):
			limit = "memory.max"
		default:
			continue
		}
		dir := filepath.Join(mount[4], fmt.Sprintf("mainstay-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			why = err.Error()
			continue
		}
		t.Cleanup(func() {
			for range 50 { // the kernel lets go of the last process a moment later
				if os.Remove(dir) == nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
		if err := os.WriteFile(filepath.Join(dir, limit), fmt.Appendf(nil, "%d", bytes), 0o644); err != nil {
			why = err.Error()
			continue
		}
		procs := filepath.Join(dir, "cgroup.procs")
		if out, err := exec.Command("sh", "-c", "echo $$ > "+procs).CombinedOutput(); err != nil {
			why = string(out)
			continue
		}
		return procs
	}
	t.Skipf("NOT TESTED in a control group: %s", why)
	return ""
}

// A night in a control group with little memory keeps to it, and publishes the very bytes
// that it publishes without one.
func TestMemoryOfAControlGroup(t *testing.T) {
	longtest.Thorough(t)
	t.Parallel()
	const limit = 640 << 20
	procs := memoryGroup(t, limit)
	dir, data := killProject(t)
	inside := func(args ...string) result {
		t.Helper()
		c := exec.Command("sh", append([]string{"-c", `echo $$ > "$0" && exec "$@"`, procs, binary}, args...)...)
		var stdout, stderr strings.Builder
		c.Stdout, c.Stderr = &stdout, &stderr
		_ = c.Run() // how it ended is in the state
		return result{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	inside("doctor", "--project", dir).ok(t).has(t, "640 MiB may be used (the control group says so)", "384 MiB for SQL, for 1 jobs side by side")
	mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-09-01").published(t)
	small := filepath.Join(t.TempDir(), "small")
	inside("run", "--project", dir, "--data", small, "--as-of", "2023-09-01").published(t)
	same(t, "in a control group", files(t, data, "2023-09-01"), files(t, small, "2023-09-01"))
}
