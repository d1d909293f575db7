package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The scheduler serves its metrics and its health, logs as it is told, and ends when it is
// told to.
func TestScheduleListens(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	shop := filepath.Join(t.TempDir(), "shop")
	if code, _, stderr := run(t, t.TempDir(), "init", shop); code != 0 {
		t.Fatalf("init: exit code %d: %s", code, stderr)
	}
	if code, _, stderr := run(t, shop, "schedule", "--listen", "nowhere"); code != 2 || !strings.Contains(stderr, "listening for Prometheus") {
		t.Errorf("an address that is none: exit code %d: %s", code, stderr)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), path, "schedule", "--project", shop, "--listen", "127.0.0.1:0", "--log-format", "json")
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	address := ""
	lines := bufio.NewScanner(stderr)
	for address == "" && lines.Scan() {
		m := map[string]any{}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("no JSON: %s", lines.Text())
		}
		if m["msg"] == "serving metrics" {
			address, _ = m["address"].(string)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ok\n", "/metrics": `mainstay_schedule_next_timestamp_seconds{project="shop",schedule="`} {
		r, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s %v\n%s", path, r.Status, err, text)
		}
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it did not end")
		_ = c.Process.Kill()
	}
}
