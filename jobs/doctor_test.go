package jobs_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// symptoms are what a doctor finds now, by subject: the grade, what was found, the advice.
func (b *testBundle) symptoms(now time.Time) map[string]jobs.Symptom {
	b.t.Helper()
	out := map[string]jobs.Symptom{}
	for _, s := range jobs.Examine(b.ctx, b.dir, b.data, now) {
		if s.Found == "" || strings.Contains(s.Found, "\n") || (s.Grade == jobs.Healthy) != (s.Advice == "") {
			b.t.Errorf("%+v: expected one line, and advice where something is to be done", s)
		}
		out[s.Subject] = s
	}
	return out
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 30, "2023-04-15")
	now := time.Now()
	well := b.symptoms(now)
	for _, subject := range []string{"versions", "configuration", "memory", "data directory", "disk", "ledger", "lease", "clock", "last nights", "warehouse", "missing nights", "leftovers", "source orders", "source interactions"} {
		if s, ok := well[subject]; !ok || s.Grade == jobs.Broken {
			t.Errorf("%s: %+v", subject, s)
		}
	}
	if s := well["ledger"]; s.Grade != jobs.Healthy {
		t.Errorf("ledger: %+v", s)
	}
	if _, err := os.Stat(b.data); err != nil || len(must(filepath.Glob(filepath.Join(b.data, ".doctor-*")))) > 0 {
		t.Errorf("the doctor left something: %v", err)
	}

	config, file := filepath.Join(b.dir, "mainstay.yaml"), filepath.Join(b.data, ledger.FileName)
	hide := func(path string) (mend func()) {
		must(0, os.Rename(path, path+".hidden"))
		return func() { must(0, os.Rename(path+".hidden", path)) }
	}
	attempt := func(asOf, status, problem string) func() (mend func()) {
		return func() func() {
			l := must(ledger.OpenExisting(b.ctx, b.data))
			defer l.Close()
			id := must(l.Begin(b.ctx, ledger.Night{AsOf: asOf}))
			if status != ledger.Running {
				must(0, l.End(b.ctx, ledger.Night{ID: id, AsOf: asOf, Status: status, Error: problem}))
			}
			return func() {}
		}
	}
	for _, c := range []struct {
		name, subject, grade, found string
		harm                        func() (mend func())
		now                         time.Time
	}{
		{"a mistake in the configuration", "configuration", jobs.Broken, "mainstay.yaml:1:7: name", func() func() {
			b.write("mainstay.yaml", strings.Replace(testConfig, "name: test-shop", "name: Test Shop", 1))
			return func() { b.write("mainstay.yaml", testConfig) }
		}, now},
		{"no project", "configuration", jobs.Look, "only the data directory", func() func() { return hide(config) }, now},
		{"sources without files", "source orders", jobs.Broken, "no file matches", func() func() { return hide(filepath.Join(b.dir, "incoming", "orders")) }, now},
		{"a ledger that is gone", "ledger", jobs.Broken, "its redo log is there", func() func() { return hide(file) }, now},
		{"a ledger that was written over", "ledger", jobs.Broken, "", func() func() {
			mend := hide(file)
			must(0, os.WriteFile(file, []byte(strings.Repeat("no ledger at all ", 1000)), 0o600))
			return func() { must(0, os.Remove(file)); mend() }
		}, now},
		{"a warehouse that is gone", "warehouse", jobs.Broken, "no warehouse", func() func() { return hide(filepath.Join(b.data, warehouse.FileName)) }, now},
		{"a ledger that is being examined", "ledger", jobs.Look, "by another process", func() func() {
			lock := must(os.Open(filepath.Join(b.data, ledger.RedoDir, "lock")))
			must(0, syscall.Flock(int(lock.Fd()), syscall.LOCK_SH))
			return func() { must(0, lock.Close()) }
		}, now},
		{"a night that begins", "lease", jobs.Healthy, "night 2023-04-20 runs since", func() func() {
			l := must(ledger.OpenExisting(b.ctx, b.data))
			lease := must(l.Acquire(b.ctx, "night 2023-04-20"))
			return func() { must(0, lease.Release()); must(0, l.Close()) }
		}, now},
		{"a clock that went back", "clock", jobs.Broken, "but a night ended at", func() func() { return func() {} }, now.AddDate(0, 0, -1)},
		{"nothing published for days", "missing nights", jobs.Look, "nothing was published since", func() func() { return func() {} }, now.AddDate(0, 0, 3)},
		{"days without a night", "missing nights", jobs.Look, "5 days by the schedules, from 2023-04-16 to 2023-04-20", attempt("2023-04-20", ledger.Failed, "the disk was full\nmore"), now},
		{"a night that failed", "last nights", jobs.Broken, "failed: the disk was full ...", func() func() { return func() {} }, now},
		{"a night that was interrupted", "last nights", jobs.Look, "of 2023-04-20 was interrupted", attempt("2023-04-20", ledger.Interrupted, ""), now},
		{"a night whose process died", "lease", jobs.Look, "1 nights count as running", attempt("2023-04-20", ledger.Running, ""), now},
	} {
		mend := c.harm()
		if s := b.symptoms(c.now)[c.subject]; s.Grade != c.grade || !strings.Contains(s.Found, c.found) {
			t.Errorf("%s: got %+v, want %s, %q", c.name, s, c.grade, c.found)
		}
		mend()
	}
}
