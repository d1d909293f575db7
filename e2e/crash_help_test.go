package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mainstay-etl/mainstay/pipeline/fault"
)

// crashConfig makes nights short: few cutoffs, small models.
const crashConfig = `name: crash
data: ./data
time_zone: UTC
sources:
  - name: orders
    files: ./incoming/orders/*.csv
    tables:
      orders: {select: SELECT * FROM input}
  - name: interactions
    files: ./incoming/interactions/*.csv
    tables:
      interactions: {select: SELECT * FROM input}
history: {lookback_days: 60, horizon_days: 14, min_days: 45, max_cutoffs: 3}
models:
  search: 0
  churn: {trees: 5, max_depth: 4, min_leaf: 5}
  cross_sell: {trees: 3, max_depth: 4, min_leaf: 5}
resources: {workers: 2}
`

// The night that is disturbed, and the one before it.
const crashNight, crashBefore = "2023-06-09", "2023-06-02"

// crashShop is a project whose next night has something of everything to do: files to
// extract, a snapshot to make, a model to learn, scores to grade, small lake files to merge
// and others to sweep.
type crashShop struct {
	dir    string
	base   string            // data directory before the night
	calm   string            // after an undisturbed one
	before map[string]string // published tables of the day before
	after  map[string]string // of the night
	// What the warehouses of base and calm answer to truth.
	truthBefore, truthAfter string
}

// truth asks a warehouse for its day, and for what must fit that day, in one query.
const truth = `SELECT (SELECT max(as_of)::VARCHAR FROM nights) AS as_of, (SELECT count(*) FROM nights) AS nights,
    (SELECT md5(string_agg(t::VARCHAR, ';' ORDER BY t::VARCHAR)) FROM churn_scores AS t) AS scores,
    (SELECT md5(string_agg(t::VARCHAR, ';' ORDER BY t::VARCHAR)) FROM customer_features AS t) AS features,
    (SELECT md5(string_agg(t::VARCHAR, ';' ORDER BY t::VARCHAR)) FROM row_accounts AS t) AS accounts`

var theCrashShop struct {
	once sync.Once
	shop crashShop
	ok   bool
}

// newCrashShop makes the shop once for all tests. Its nights are run in copies of base.
func newCrashShop(t *testing.T) crashShop {
	t.Helper()
	c := &theCrashShop
	c.once.Do(func() {
		c.shop = makeCrashShop(t, filepath.Join(filepath.Dir(binary), "crash"))
		c.ok = true
	})
	if !c.ok {
		t.Fatal("the shop could not be made, see another test")
	}
	return c.shop
}

func makeCrashShop(t *testing.T, dir string) crashShop {
	t.Helper()
	s := crashShop{dir: dir, base: filepath.Join(dir, "base"), calm: filepath.Join(dir, "calm")}
	months, days := filepath.Join(dir, "incoming"), filepath.Join(dir, "later")
	mainstay(t, nil, "generate", "--dir", months, "--customers", "60", "--start", "2023-02-01", "--end", "2023-06-01", "--truth=false").ok(t)
	mainstay(t, nil, "generate", "--dir", days, "--customers", "60", "--seed", "2", "--start", "2023-06-01", "--end", "2023-06-20", "--file-per", "day", "--truth=false").ok(t)
	if err := os.WriteFile(filepath.Join(dir, "mainstay.yaml"), []byte(crashConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	s.deliver(t, "2023-06-01")
	mainstay(t, nil, "run", "--project", dir, "--data", s.base, "--as-of", crashBefore).published(t)
	for day := 2; day <= 7; day++ { // a lake file each, to be merged once there are eight
		s.deliver(t, fmt.Sprintf("2023-06-%02d", day))
		mainstay(t, nil, "extract", "--project", dir, "--data", s.base, "--as-of", crashBefore).ok(t)
	}
	found, _ := filepath.Glob(filepath.Join(s.base, "lake", "orders", "*", "*.parquet"))
	copyTree(t, found[0], filepath.Join(filepath.Dir(found[0]), "b000099-000099-orders-0000.parquet")) // as a crash leaves it
	s.deliver(t, "2023-06-08")
	copyTree(t, s.base, s.calm)
	s.run(t, s.calm).published(t)
	s.before, s.after = files(t, s.base, crashBefore), files(t, s.calm, crashNight)
	s.truthBefore, s.truthAfter = query(t, s.base, truth), query(t, s.calm, truth)
	for _, data := range []string{s.base, s.calm} {
		if n := query(t, data, "SELECT count(*) FROM churn_scores"); n == "0" {
			t.Fatal("a night without scores shows little")
		}
	}
	return s
}

// deliver puts the files of a day where the next extraction finds them.
func (s crashShop) deliver(t *testing.T, day string) {
	t.Helper()
	for _, table := range []string{"orders", "interactions"} {
		copyTree(t, filepath.Join(s.dir, "later", table, day+".csv"), filepath.Join(s.dir, "incoming", table, day+".csv"))
	}
}

// project is a copy of the project, so that other files may be delivered to it.
func (s crashShop) project(t *testing.T) crashShop {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"mainstay.yaml", "incoming", "later"} {
		copyTree(t, filepath.Join(s.dir, name), filepath.Join(dir, name))
	}
	s.dir = dir
	return s
}

// run runs the night on a data directory.
func (s crashShop) run(t *testing.T, data string, env ...string) result {
	t.Helper()
	return mainstay(t, env, "run", "--project", s.dir, "--data", data, "--as-of", crashNight)
}

// copy is a data directory of the test's own, as it is before the night.
func (s crashShop) copy(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	copyTree(t, s.base, data)
	return data
}

// points are the names of the commit points that the night passes, in order.
func (s crashShop) points(t *testing.T) []string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "points")
	s.run(t, s.copy(t), fault.Variable+"=count:"+list).published(t)
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// dies runs the night with a fault that kills it, and says whether it did.
func (s crashShop) dies(t *testing.T, data, at string) bool {
	t.Helper()
	c := exec.Command(binary, "run", "--project", s.dir, "--data", data, "--as-of", crashNight)
	c.Env = append(os.Environ(), fault.Variable+"=kill:"+at)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() && status.ExitStatus() != 0 && status.ExitStatus() != 4 {
		t.Fatalf("at %s the night failed by itself: %s", at, out.String())
	}
	return status.Signaled()
}

// readable fails the test unless readers see one of the two nights, whole, in the
// warehouse, and the night before in its Parquet files.
func (s crashShop) readable(t *testing.T, data, when string) {
	t.Helper()
	same(t, when+": the night before", s.before, files(t, data, crashBefore))
	if got := query(t, data, truth); got != s.truthBefore && got != s.truthAfter {
		t.Errorf("%s: the warehouse shows %s, neither the night before (%s) nor the new one (%s)", when, got, s.truthBefore, s.truthAfter)
	}
}

// recovers runs the night once more and compares it with the undisturbed one.
func (s crashShop) recovers(t *testing.T, data, when string) {
	t.Helper()
	r := s.run(t, data)
	if r.code != 0 && r.code != 4 {
		t.Errorf("%s: the next night ends with exit code %d: %s", when, r.code, r.stderr)
		return
	}
	same(t, when, s.after, files(t, data, crashNight))
	same(t, when+": the night before", s.before, files(t, data, crashBefore))
	if got := query(t, data, truth); got != s.truthAfter {
		t.Errorf("%s: the warehouse shows %s, without it %s", when, got, s.truthAfter)
	}
	left, _ := filepath.Glob(filepath.Join(data, "scratch", "*"))
	next, _ := filepath.Glob(filepath.Join(data, "*.next*"))
	if left = append(left, next...); len(left) > 0 {
		t.Errorf("%s: left behind: %v", when, left)
	}
}
