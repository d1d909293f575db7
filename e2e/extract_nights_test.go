package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/source/dbtest"
)

// After every one of ten nights the lake holds what the shop holds, and the night's
// certificate says so. Small files are merged on the way, under the eyes of a reader.
func TestTenNights(t *testing.T) {
	longtest.Only(t)
	onServers(t, func(t *testing.T, kind dbtest.Kind) {
		s := dbtest.Of(t, kind)
		newShop(t, s, 120, 8)
		p := newProject(t, s, [2]string{"name: shop\n", "name: shop\nmodels: {search: 0, churn: {trees: 20}, cross_sell: {trees: 5}}\n"})
		p.extract(t, 0).ok(t)
		p.holds(t, 0, "the first night")
		all := map[string]int{}
		merged := 0
		for n := 1; n <= 10; n++ {
			count(all, live(t, s, n))
			reader := p.reader(t)
			p.extract(t, n).ok(t)
			p.holds(t, n, day(n).Format("the night of 2006-01-02"))
			reader(day(n).Format("a reader from before the night of 2006-01-02"))
			for path := range p.manifest(t) {
				if strings.HasPrefix(filepath.Base(path), "m") {
					merged++
				}
			}
		}
		for what, n := range all {
			if n == 0 {
				t.Errorf("nothing was %s in ten nights: the test shows less than it says", what)
			}
		}
		if merged == 0 {
			t.Error("no small files were merged in ten nights")
		}
		p.whole(t, "after ten nights")
		if kind == dbtest.KindPostgres {
			p.night(t, 11)
		}
	})
}

// night runs a whole night on the lake that extractions filled.
func (p *project) night(t *testing.T, n int) {
	t.Helper()
	asOf := day(n).Format(time.DateOnly)
	mainstay(t, p.env(), p.args("run", "--as-of", asOf)...).published(t).has(t, "Night "+asOf+" is published")
	p.holds(t, n, "the whole night")
	if got := query(t, p.data, "SELECT count(*), count(DISTINCT as_of), bool_and(matches), bool_and(source_checksum = lake_checksum) FROM row_accounts WHERE kind = 'certificate'"); got != "24,12,true,true" {
		t.Errorf("certificates in row_accounts: %s, want 24 of 12 days that match", got)
	}
	if got := query(t, p.data, "SELECT count(*) > 0 FROM churn_scores"); got != "true" {
		t.Errorf("there are scores: %s", got)
	}
}

// reader begins to read the lake: it knows which files to read, and gets to them when
// the function is called.
func (p *project) reader(t *testing.T) func(when string) {
	t.Helper()
	l := &lake.Lake{Dir: p.data, Ledger: p.ledger(t)}
	table, err := l.Table(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	rows := func(when string) (n int64) {
		t.Helper()
		s, err := duck.Open(context.WithoutCancel(t.Context()), duck.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Scan(t.Context(), "SELECT count(*) FROM ("+table.Select(lake.Window{}, "UTC")+")", &n); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		return n
	}
	before := rows("at first")
	return func(when string) {
		t.Helper()
		if n := rows(when); n != before {
			t.Errorf("%s sees %d rows, at first %d", when, n, before)
		}
	}
}

// What kills left behind goes with gc, and nothing else does.
func (p *project) collectGarbage(t *testing.T) {
	t.Helper()
	before := p.content(t)
	listed := mainstay(t, nil, "gc", "--dry-run", "--data", p.data).ok(t)
	mainstay(t, nil, "gc", "--data", p.data).ok(t)
	mainstay(t, nil, "gc", "--data", p.data).ok(t).has(t, "removed 0 files")
	manifest := p.manifest(t)
	err := filepath.WalkDir(filepath.Join(p.data, "lake"), func(path string, d os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(p.data, path); err == nil && !d.IsDir() && manifest[rel].Path == "" {
			t.Errorf("%s is in no manifest and was not removed", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(p.data, "scratch", "*")); len(left) > 0 {
		t.Errorf("scratch is not swept: %v", left)
	}
	p.whole(t, "after gc")
	sameRows(t, "after gc", p.content(t), before)
	t.Logf("gc removed:\n%s", listed.stdout)
}
