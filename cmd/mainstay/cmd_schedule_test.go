package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/scheduler"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	stopping, cancel := context.WithCancel(t.Context())
	cancel()
	child := func(code int, state string) error { return &scheduler.ChildError{Code: code, State: state} }
	for _, tt := range []struct {
		ctx    context.Context
		err    error
		ending scheduler.Ending
		code   int
		note   string
	}{
		{t.Context(), nil, scheduler.Done, 0, ""},
		{t.Context(), child(4, "exit status 4"), scheduler.Done, 4, "with warnings to read"},
		{t.Context(), child(1, "exit status 1"), scheduler.Failed, 1, ""},
		{t.Context(), child(2, "exit status 2"), scheduler.Failed, 2, "bad usage or configuration; nothing was started"},
		{t.Context(), child(3, "exit status 3"), scheduler.Busy, 3, ""},
		{t.Context(), child(5, "exit status 5"), scheduler.Stopped, 5, "stopped by a signal"},
		{t.Context(), child(-1, "signal: killed"), scheduler.Failed, -1, "signal: killed"},
		{stopping, child(-1, "signal: killed"), scheduler.Stopped, -1, "signal: killed"},
		{stopping, child(1, "exit status 1"), scheduler.Failed, 1, ""},
		{t.Context(), errors.New("no such file"), scheduler.Failed, -1, "no such file"},
		{stopping, context.Canceled, scheduler.Stopped, -1, ""},
	} {
		if got := outcomeOf(tt.ctx, tt.err); got != (scheduler.Outcome{Ending: tt.ending, Code: tt.code, Note: tt.note}) {
			t.Errorf("%v: got %+v", tt.err, got)
		}
	}
}

// What a scheduler starts is a command line that the program takes.
func TestChildArgs(t *testing.T) {
	t.Parallel()
	for work, want := range map[string]string{
		ledger.WorkNight:   "run --project /p --data /d --as-of 2024-03-01",
		ledger.WorkRetrain: "run --project /p --data /d --as-of 2024-03-01 --retrain",
		ledger.WorkExtract: "extract --project /p --data /d --as-of 2024-03-01",
	} {
		args := childArgs(ledger.Slot{Work: work, AsOf: "2024-03-01"}, "/p", "/d")
		if got := strings.Join(args, " "); got != want {
			t.Errorf("%s: got %s", work, got)
		}
		c, rest, err := newRootCommand().Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ParseFlags(rest); err != nil || c.Name() != args[0] {
			t.Errorf("%s: %v", work, err)
		}
	}
}

func scheduleProject(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const text = `name: shop
time_zone: Asia/Kolkata
sources: [{name: shop, files: "*.csv", tables: {orders: {select: SELECT * FROM input}}}]
schedules:
  - {name: nightly, cron: "0 2 * * *"}
  - {name: hourly, cron: "30 * * * *", run: extract, time_zone: UTC, jitter: 20m}
`
	if err := os.WriteFile(filepath.Join(dir, "mainstay.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func scheduleCommand(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := newRootCommand()
	c.SetArgs(append([]string{"schedule"}, args...))
	c.SetOut(&out)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The next slots of all schedules come in the order of time, with their as-of days.
func TestScheduleNext(t *testing.T) {
	t.Parallel()
	p, err := loadSchedules(projectFlags{project: scheduleProject(t)})
	if err != nil {
		t.Fatal(err)
	}
	slots, err := nextSlots(p.Config, "here", time.Date(2024, 3, 1, 19, 0, 0, 0, time.UTC), 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range slots {
		got = append(got, s.at.UTC().Format("02T15:04 ")+s.schedule+" "+s.asOf)
		if late := s.starts.Sub(s.at); late < 0 || late >= 20*time.Minute || s.schedule == "nightly" && late != 0 {
			t.Errorf("%s starts %s late", s.schedule, late)
		}
	}
	// 01:00 in Kolkata is 19:30 of the day before; 02:00 is 20:30.
	want := "01T19:30 hourly 2024-03-02, 01T20:30 nightly 2024-03-02, 01T20:30 hourly 2024-03-02, 01T21:30 hourly 2024-03-02"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if out := scheduleCommand(t, "--project", scheduleProject(t), "--next", "30"); strings.Count(out, "\n") != 30 || !strings.Contains(out, "  night 20") || !strings.Contains(out, "(hourly)") {
		t.Errorf("got\n%s", out)
	}
}

func TestScheduleStatus(t *testing.T) {
	t.Parallel()
	dir := scheduleProject(t)
	if out := scheduleCommand(t, "status", "--project", dir); strings.Count(out, "comes") != 5 || strings.Contains(out, "done") {
		t.Errorf("before the first start:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Error("looking made the data directory")
	}
	at := time.Now().Add(-time.Hour).Truncate(time.Minute)
	l, err := ledger.Open(t.Context(), filepath.Join(dir, "data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.AddSlots(t.Context(), "nightly", time.Time{}, time.Now(), []ledger.Slot{
		{Schedule: "nightly", At: at.Add(-time.Hour), AsOf: "2024-03-01", Work: ledger.WorkNight, Starts: at, Status: ledger.SlotSkipped, Note: "missed: as it were", Missed: true},
		{Schedule: "nightly", At: at, AsOf: "2024-03-02", Work: ledger.WorkNight, Starts: at, Status: ledger.SlotWaiting, Missed: true},
	}); err != nil {
		t.Fatal(err)
	}
	s, ok, err := l.ClaimSlot(t.Context(), []string{"nightly"})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	s.Status, s.ExitCode, s.Note = ledger.SlotDone, 4, "with warnings to read"
	if err := l.EndSlot(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(scheduleCommand(t, "status", "--project", dir), "\n")
	for i, want := range [][]string{
		{"SCHEDULE", "STATUS", "EXIT", "NOTE"},
		{"nightly", "2024-03-01", "skipped ", "missed: as it were"},
		{"nightly", "2024-03-02", "done (late)", " 4 ", "with warnings to read"},
		{"comes"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d lacks %q: %s", i, w, lines[i])
			}
		}
	}
	if out := scheduleCommand(t, "status", "--project", dir, "--limit", "1"); strings.Contains(out, "2024-03-01") || !strings.Contains(out, "2024-03-02") {
		t.Errorf("--limit 1:\n%s", out)
	}
}
