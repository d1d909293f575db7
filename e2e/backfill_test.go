package e2e

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A backfill that is stopped goes on where it was when the same command is run again; what
// is published is not run again, and the warehouse shows the newest day.
func TestBackfill(t *testing.T) {
	t.Parallel()
	dir, data := killProject(t)
	args := []string{"backfill", "--project", dir, "--from", "2023-08-30", "--to", "2023-09-01"}
	mainstay(t, nil, append(args, "--dry-run")...).ok(t).has(t, "2023-08-30  run  not published\n2023-08-31  run  not published\n2023-09-01  run  not published\n")
	c := exec.Command(binary, args...)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said = append(said, lines.Text())
		if strings.HasPrefix(lines.Text(), "1/3  2023-08-30  published") {
			_ = c.Process.Signal(syscall.SIGTERM)
		}
	}
	_ = c.Wait()
	if text := strings.Join(said, "\n"); c.ProcessState.ExitCode() != 5 || !strings.Contains(text, "stopped at 2023-08-31, 1 of 3 days done") {
		t.Fatalf("exit code %d, want 5:\n%s", c.ProcessState.ExitCode(), text)
	}
	r := mainstay(t, nil, args...).published(t)
	r.has(t, "2 days to run, 1 published already", "1/2  2023-08-31  published", "2/2  2023-09-01  published")
	mainstay(t, nil, args...).ok(t).has(t, "0 days to run, 3 published already")
	for _, day := range []string{"2023-08-30", "2023-08-31", "2023-09-01"} {
		files(t, data, day)
	}
	if got := query(t, data, "SELECT max(as_of) FROM customer_features"); got != "2023-09-01" {
		t.Errorf("the warehouse shows %s", got)
	}
	if r := mainstay(t, nil, "nights", "--missing", "--project", dir).ok(t); r.stdout != "" {
		t.Errorf("missing: %s", r.stdout)
	}
	for _, bad := range [][]string{{}, {"--from", "x"}, {"--from", "2023-08-30", "--to", "2023-08-29"}, {"--from", "2023-08-30", "--every", "year"}} {
		if r := mainstay(t, nil, append([]string{"backfill", "--project", dir}, bad...)...); r.code != 2 {
			t.Errorf("%v: exit code %d, want 2", bad, r.code)
		}
	}
}
