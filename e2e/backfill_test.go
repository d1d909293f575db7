package e2e

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/mainstay-etl/mainstay/longtest"
)

// A backfill that is stopped goes on where it was when the same command is run again; what
// is published is not run again, and the warehouse shows the newest day.
func TestBackfill(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
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
	// Two of them compared, and one brought back.
	r = mainstay(t, nil, "publish", "diff", "2023-08-30", "2023-09-01", "--project", dir, "--json").ok(t)
	var d struct {
		From, To struct {
			Night int64
			AsOf  string `json:"as_of"`
		}
		Tables []struct {
			Table          string
			Added, Removed int64
			RowsFrom       int64 `json:"rows_from"`
			RowsTo         int64 `json:"rows_to"`
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || d.From.Night != 1 || d.To.AsOf != "2023-09-01" || len(d.Tables) == 0 {
		t.Errorf("diff: %v: %s", err, r.stdout)
	}
	for _, x := range d.Tables {
		if x.RowsTo-x.RowsFrom != x.Added-x.Removed {
			t.Errorf("%+v does not add up", x)
		}
	}
	mainstay(t, nil, "publish", "diff", "1", "2023-09-01", "--project", dir).ok(t).has(t, "from night 1 of 2023-08-30 to night ", "TABLE ", "customer_360 ", "without a difference")
	mainstay(t, nil, "publish", "rollback", "1", "--data", data, "--project", "/nowhere").ok(t).has(t, "Readers see night 1 of 2023-08-30 again", "the warehouse showed 2023-09-01", "2023-08-31, 2023-09-01")
	if got := query(t, data, "SELECT max(as_of) FROM customer_features"); got != "2023-08-30" {
		t.Errorf("after the rollback the warehouse shows %s", got)
	}
	mainstay(t, nil, "nights", "--project", dir).ok(t).has(t, "day, warehouse")
	if r := mainstay(t, nil, "publish", "rollback", "99", "--data", data); r.code != 2 {
		t.Errorf("a night that is not there: exit code %d, want 2: %s", r.code, r.stderr)
	}
	for _, bad := range [][]string{{}, {"--from", "x"}, {"--from", "2023-08-30", "--to", "2023-08-29"}, {"--from", "2023-08-30", "--every", "year"}} {
		if r := mainstay(t, nil, append([]string{"backfill", "--project", dir}, bad...)...); r.code != 2 {
			t.Errorf("%v: exit code %d, want 2", bad, r.code)
		}
	}
}
