package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// testBundle is a ledger with a clock that the test sets.
type testBundle struct {
	*testing.T
	*Ledger
	dir   string
	ctx   context.Context
	clock time.Time
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{T: t, dir: t.TempDir(), ctx: t.Context(), clock: time.Date(2024, 3, 1, 2, 0, 0, 123000, time.UTC)}
	var err error
	if b.Ledger, err = Open(b.ctx, b.dir, func() time.Time { return b.clock }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Ledger.Close() })
	return b
}

func (b *testBundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *testBundle) begin(asOf string) int64 {
	b.Helper()
	id, err := b.Begin(b.ctx, Night{AsOf: asOf, Version: "0.1", Config: "c0ffee"})
	b.must(err)
	return id
}

func (b *testBundle) nights() string {
	b.Helper()
	ns, err := b.Nights(b.ctx, 0)
	b.must(err)
	var out []string
	for _, n := range ns {
		out = append(out, fmt.Sprintf("%d %s %s", n.ID, n.AsOf, n.Status))
	}
	return strings.Join(out, ", ")
}

func TestNightsLifecycle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.begin("2024-03-01")
	started := b.clock
	b.clock = b.clock.Add(time.Hour)
	b.must(b.End(b.ctx, Night{ID: one, AsOf: "2024-03-01", Status: Published, Lake: "1a4e", Directory: "tables/x", Warnings: 2}))
	ns, err := b.Nights(b.ctx, 0)
	b.must(err)
	host, _ := os.Hostname()
	want := Night{ID: one, AsOf: "2024-03-01", Status: Published, StartedAt: started, FinishedAt: b.clock, Host: host, PID: os.Getpid(), Version: "0.1", Config: "c0ffee", Lake: "1a4e", Directory: "tables/x", Warnings: 2, Kind: KindNight}
	if !reflect.DeepEqual(ns, []Night{want}) {
		t.Errorf("got %+v\nwant %+v", ns, want)
	}
	// A night that never ended is interrupted once the next begins, and only then.
	b.begin("2024-03-02")
	if got := b.nights(); got != "2 2024-03-02 running, 1 2024-03-01 published" {
		t.Errorf("got %s", got)
	}
	b.clock = b.clock.Add(time.Hour)
	three := b.begin("2024-03-02")
	if got := b.nights(); got != "3 2024-03-02 running, 2 2024-03-02 interrupted, 1 2024-03-01 published" {
		t.Errorf("got %s", got)
	}
	ns, err = b.Nights(b.ctx, 2)
	b.must(err)
	if len(ns) != 2 || !ns[1].FinishedAt.Equal(b.clock) || ns[1].Error == "" || !ns[0].FinishedAt.IsZero() {
		t.Errorf("got %+v", ns)
	}
	if err := b.End(b.ctx, Night{ID: three, AsOf: "2024-03-02", Status: "odd"}); err == nil || !strings.Contains(err.Error(), "recording the end of night 2024-03-02") {
		t.Errorf("an unknown status: got %v", err)
	}
}

func TestPublishedNights(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, n := range []Night{
		{AsOf: "2024-03-02", Status: Published}, {AsOf: "2024-03-01", Status: Published}, {AsOf: "2024-03-01", Status: Published},
		{AsOf: "2024-03-01", Status: Failed, Error: "no"}, {AsOf: "2024-03-03", Status: Failed}, {AsOf: "2024-02-01", Status: Published},
	} {
		n.ID = b.begin(n.AsOf)
		b.must(b.End(b.ctx, n))
	}
	b.begin("2024-03-02")
	ns, err := b.PublishedNights(b.ctx)
	b.must(err)
	var got []string
	for _, n := range ns {
		got = append(got, fmt.Sprintf("%s=%d", n.AsOf, n.ID))
	}
	if s := strings.Join(got, " "); s != "2024-02-01=6 2024-03-01=3 2024-03-02=1" {
		t.Errorf("got %s", s)
	}
}

func TestJobsAndChecks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := b.begin("2024-03-01")
	jobs := []JobResult{{"b", JobDone, 5, 1.5, "a note"}, {"a", JobFailed, 0, 0, "why"}, {"c", JobSkipped, 0, 0, ""}}
	for _, j := range jobs {
		b.must(b.RecordJob(b.ctx, n, j))
	}
	if got, err := b.Jobs(b.ctx, n); err != nil || !reflect.DeepEqual(got, jobs) {
		t.Errorf("jobs: got %v, %v", got, err)
	}
	if err := b.RecordJob(b.ctx, n+1, jobs[0]); err == nil {
		t.Error("a job of a night that does not exist was recorded")
	}
	checks := []CheckResult{{"t", "a", "error", 0, ""}, {"t", "b", "warn", 3, "x=1"}}
	b.must(b.RecordChecks(b.ctx, n, []CheckResult{checks[1], checks[0]}))
	b.must(b.RecordChecks(b.ctx, n, checks)) // again, as after a crash
	if got, err := b.Checks(b.ctx, n); err != nil || !reflect.DeepEqual(got, checks) {
		t.Errorf("checks: got %v, %v", got, err)
	}
	if got, err := b.Checks(b.ctx, n+1); err != nil || got != nil {
		t.Errorf("another night's checks: got %v, %v", got, err)
	}
}

func TestArtifacts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, ok, err := b.Artifact(b.ctx, "k"); ok || err != nil {
		t.Errorf("nothing committed: got %t, %v", ok, err)
	}
	a := Artifact{Key: "k", Table: "t", Path: "d/f", SHA256: "5a", Bytes: 10, Rows: 2, Night: b.begin("2024-03-01")}
	for _, path := range []string{"d/f", "d/g"} { // the second takes the place of the first
		a.Path = path
		b.must(b.CommitArtifact(b.ctx, a))
		if got, ok, err := b.Artifact(b.ctx, "k"); !ok || err != nil || got != a {
			t.Errorf("got %+v, %t, %v", got, ok, err)
		}
	}
	a.Night = 99
	if err := b.CommitArtifact(b.ctx, a); err == nil || !strings.Contains(err.Error(), "committing d/g") {
		t.Errorf("a night that does not exist: got %v", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.begin("2024-03-01")
	if _, err := b.db.Exec(fmt.Sprintf("PRAGMA user_version = %d", Version+1)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(b.ctx, b.dir, nil)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(b.dir, FileName)) || !strings.Contains(err.Error(), "run the newer mainstay") {
		t.Errorf("got %v", err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20c?d#e", "it's [1]")
	if _, err := OpenExisting(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no ledger in "+dir) {
		t.Errorf("nothing there: got %v", err)
	}
	l, err := Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Errorf("the ledger is elsewhere: %v", err)
	}
	again, err := OpenExisting(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("no ledger ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, nil); err == nil || !strings.Contains(err.Error(), "opening ledger "+dir) {
		t.Errorf("not a ledger: got %v", err)
	}
}

// Nights that start at the same moment on a new data directory all get a ledger.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			l, err := Open(t.Context(), dir, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			if _, err := l.Begin(t.Context(), Night{AsOf: "2024-03-01"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestStamps(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 3, 1, 2, 0, 0, 123456789, time.FixedZone("", 3600))
	s, _ := stamp(at).(string)
	if s != "2024-03-01T01:00:00.123456Z" {
		t.Errorf("got %s", s)
	}
	if got := parseStamp(sql.NullString{String: s, Valid: true}); !got.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("got %s back", got)
	}
	if stamp(time.Time{}) != nil || !parseStamp(sql.NullString{}).IsZero() || !parseStamp(sql.NullString{String: "x", Valid: true}).IsZero() {
		t.Error("no time must stay no time")
	}
}
