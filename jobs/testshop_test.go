package jobs_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/shop"
)

// testBundle is a small project over a generated shop.
type testBundle struct {
	t    *testing.T
	ctx  context.Context
	dir  string // project
	data string
}

// The shop of the tests: 14 months, so that some monthly cutoffs are mature.
var (
	shopStart = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	shopEnd   = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	firstAsOf = "2024-02-01"
)

const testConfig = `name: test-shop
data: ./data
time_zone: Europe/London
sources:
  - name: orders
    files: ./incoming/orders/*.csv
    tables:
      orders: {select: SELECT * FROM input}
  - name: interactions
    files: ./incoming/interactions/*.csv
    tables:
      interactions: {select: SELECT * FROM input}
history: {lookback_days: 90, horizon_days: 30, max_cutoffs: 3}
models:
  search: 0
  churn: {trees: 20, max_depth: 6}
  cross_sell: {trees: 10, max_depth: 6}
resources: {workers: 2}
`

func setup(t *testing.T, customers int) *testBundle {
	t.Helper()
	b := &testBundle{t: t, ctx: context.Background(), dir: t.TempDir()}
	b.data = filepath.Join(b.dir, "data")
	b.write("mainstay.yaml", testConfig)
	s := b.shop(customers)
	from, err := time.Parse(time.DateOnly, firstAsOf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteDays(b.ctx, filepath.Join(b.dir, "incoming"), shopStart, from, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// nights are first nights that several tests start from, each run once.
var nights struct {
	sync.Mutex
	dir  string
	made map[string]*sync.Once
}

// nightOf names a project and a data directory: the test program then runs that night
// instead of the tests, as a process of its own.
const nightOf = "MAINSTAY_TEST_NIGHT_OF"

func TestMain(m *testing.M) {
	if night := strings.Split(os.Getenv(nightOf), "\n"); len(night) == 3 {
		p := must(jobs.Load(context.Background(), night[0], night[1]))
		must(jobs.RunNight(context.Background(), p, jobs.Options{AsOf: must(pipeline.ParseDay(night[2])), Watch: silent{}, Log: slog.New(slog.DiscardHandler)}))
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "mainstay-jobs")
	if err != nil {
		panic(err)
	}
	nights.dir, nights.made = dir, map[string]*sync.Once{}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// after is a test's own copy of a project whose first night has been published.
func after(t *testing.T, customers int, asOf string) *testBundle {
	t.Helper()
	name := fmt.Sprintf("%d-%s", customers, asOf)
	nights.Lock()
	once := nights.made[name]
	if once == nil {
		once = new(sync.Once)
		nights.made[name] = once
	}
	nights.Unlock()
	dir := filepath.Join(nights.dir, name)
	once.Do(func() {
		b := setup(t, customers)
		b.mustRun(asOf, "")
		if err := os.CopyFS(dir+".part", os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		must(0, os.Rename(dir+".part", dir))
	})
	b := &testBundle{t: t, ctx: context.Background(), dir: filepath.Join(t.TempDir(), "project")}
	b.data = filepath.Join(b.dir, "data")
	if err := os.CopyFS(b.dir, os.DirFS(dir)); err != nil {
		t.Fatalf("copying the project after its first night: %v", err)
	}
	return b
}

func (b *testBundle) shop(customers int) *shop.Shop {
	b.t.Helper()
	c := shop.Default()
	c.Customers, c.Start, c.End = customers, shopStart, shopEnd
	s, err := shop.New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *testBundle) write(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a night; data "" is the project's own data directory.
func (b *testBundle) run(asOf, data string) (jobs.Outcome, error) {
	b.t.Helper()
	p, err := jobs.Load(b.ctx, b.dir, data)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.runProject(p, asOf)
}

func (b *testBundle) runProject(p *jobs.Project, asOf string) (jobs.Outcome, error) {
	b.t.Helper()
	day, err := pipeline.ParseDay(asOf)
	if err != nil {
		b.t.Fatal(err)
	}
	return jobs.RunNight(b.ctx, p, jobs.Options{AsOf: day, Watch: silent{}, Log: slog.New(slog.DiscardHandler)})
}

func (b *testBundle) mustRun(asOf, data string) jobs.Outcome {
	b.t.Helper()
	out, err := b.run(asOf, data)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// tables reads the published Parquet files of a day.
func tables(t *testing.T, data, asOf string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(data, "tables", "as_of="+asOf, "*.parquet"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no published tables of %s in %s (%v)", asOf, data, err)
	}
	out := map[string]string{}
	for _, p := range paths {
		bytes, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(bytes)
	}
	return out
}

// same compares two sets of files byte for byte.
func same(t *testing.T, what string, a, b map[string]string) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s: %d files against %d", what, len(a), len(b))
	}
	for name, bytes := range a {
		if b[name] != bytes {
			t.Errorf("%s: %s differs", what, name)
		}
	}
}

// silent is an observer that shows nothing.
type silent struct{}

func (silent) NightStarted(*pipeline.Night, []pipeline.Job)         {}
func (silent) JobStarted(pipeline.Job)                              {}
func (silent) JobProgress(pipeline.Job, int, int, string)           {}
func (silent) JobEnded(j pipeline.Job, r ledger.JobResult, _ error) {}
func (silent) NightEnded()                                          {}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprint(err))
	}
	return v
}

func (b *testBundle) load() (*jobs.Project, error) { return jobs.Load(b.ctx, b.dir, "") }
