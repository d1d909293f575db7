package e2e

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
)

// killProject is a project with eight months of a small shop.
func killProject(t *testing.T) (dir, data string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "shop")
	data = filepath.Join(dir, "data")
	initProject(t, dir)
	incoming := filepath.Join(dir, "incoming")
	mainstay(t, nil, "generate", "--dir", incoming, "--customers", "100", "--start", "2023-01-01", "--end", "2023-09-01").ok(t)
	return dir, data
}

// A killed night leaves the last published one readable, and the next run gives what a
// night without the kill gives.
func TestKilledNight(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	dir, data := killProject(t)
	mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-09-01").published(t)
	before := files(t, data, "2023-09-01")
	// More files, so that the next night extracts, too: October of another shop.
	mainstay(t, nil, "generate", "--dir", filepath.Join(dir, "incoming"), "--seed", "2", "--customers", "100", "--start", "2023-09-01", "--end", "2023-11-01", "--truth=false").ok(t)
	calm := filepath.Join(t.TempDir(), "calm")
	copyTree(t, data, calm)
	from := time.Now()
	mainstay(t, nil, "run", "--project", dir, "--data", calm, "--as-of", "2023-11-01").published(t)
	whole := time.Since(from)
	want := files(t, calm, "2023-11-01")

	// What one killed run finished the next one finds, so the moments grow.
	killed := 0
	for _, share := range []float64{0.03, 0.1, 0.2, 0.35} {
		after := time.Duration(share * float64(whole))
		if kill(t, after, "run", "--project", dir, "--as-of", "2023-11-01") {
			killed++
		}
		if got := query(t, data, "SELECT count(*) FROM churn_scores"); got == "" || got == "0" {
			t.Fatalf("killed after %v: the warehouse gives %q", after, got)
		}
		same(t, "the night before", before, files(t, data, "2023-09-01"))
	}
	if killed == 0 {
		t.Error("every night ended before it was killed: the test shows nothing")
	}
	r := mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-11-01").published(t)
	r.has(t, "This night went on from night ", " (interrupted): ")
	if !strings.Contains(r.stderr, "which was interrupted: what it finished is reused") {
		t.Errorf("nothing says that the night goes on: %s", r.stderr)
	}
	same(t, "after the kills", want, files(t, data, "2023-11-01"))
	mainstay(t, nil, "nights", "--data", data).ok(t).has(t, "interrupted")
	if left, _ := filepath.Glob(filepath.Join(data, "scratch", "*")); len(left) > 0 {
		t.Errorf("scratch is not swept: %v", left)
	}
}

// kill starts the binary and kills it after a while; false when it ended before.
func kill(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	c := exec.Command(binary, args...)
	var stderr bytes.Buffer
	c.Stdout, c.Stderr = &stderr, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = c.Process.Kill() })
	err := c.Wait()
	timer.Stop()
	if err == nil || c.ProcessState.ExitCode() == 4 { // published, with or without warnings
		return false
	}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		t.Fatalf("the night failed by itself: %v\n%s", err, stderr.String())
	}
	return true
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copying: %v\n%s", err, out)
	}
}

// Two nights on one data directory: the second one is told who holds it. The first is
// halted where it is, so that it cannot end meanwhile.
func TestTwoNights(t *testing.T) {
	t.Parallel()
	dir, data := killProject(t)
	c := exec.Command(binary, "run", "--project", dir, "--as-of", "2023-08-01")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if r := mainstay(t, nil, "nights", "--data", data); strings.Contains(r.stdout, "running now: night 2023-08-01") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first night never held the directory")
		}
	}
	var r result
	for range 3 { // it may be halted just while it writes the ledger
		if err := c.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if r = mainstay(t, nil, "run", "--project", dir, "--as-of", "2023-07-01"); r.code == 3 {
			break
		}
		_ = c.Process.Signal(syscall.SIGCONT)
		time.Sleep(100 * time.Millisecond)
	}
	if r.code != 3 || !strings.Contains(r.stderr, "night 2023-08-01") || !strings.Contains(r.stderr, "process") {
		t.Errorf("exit code %d, want 3 and who holds the directory: %s", r.code, r.stderr)
	}
}
