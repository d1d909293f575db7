package jobs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
)

// What is let go by age is not missed: the nights that are kept can be brought back, and
// the next night is the same byte for byte as one that had all of the past.
func TestRetention(t *testing.T) {
	t.Parallel()
	longtest.Thorough(t)
	b := after(t, 30, "2023-04-15")
	b.mustRun("2023-05-20", "") // the month between matures: models learn anew
	all := filepath.Join(t.TempDir(), "all")
	if err := os.CopyFS(all, os.DirFS(b.data)); err != nil {
		t.Fatal(err)
	}
	kept := tables(t, b.data, "2023-05-20")

	b.write("mainstay.yaml", testConfig+"retention: {nights: 1, snapshots: 1, models: 1}\n")
	p := must(jobs.LoadForExtraction(b.dir, ""))
	plan := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, must(day("2023-07-01")), true))
	if len(plan.Old) < 50 || plan.Bytes < 1e5 {
		t.Fatalf("only %d files and %d bytes would go", len(plan.Old), plan.Bytes)
	}
	for _, i := range plan.Old {
		if _, err := os.Stat(filepath.Join(b.data, i.Path)); err != nil {
			t.Errorf("a dry run, and yet: %v", err)
		}
	}
	done := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, must(day("2023-07-01")), false))
	if len(done.Old) != len(plan.Old) || done.Bytes != plan.Bytes {
		t.Errorf("%d files and %d bytes went, %d and %d were told", len(done.Old), done.Bytes, len(plan.Old), plan.Bytes)
	}
	for _, i := range done.Old {
		if _, err := os.Stat(filepath.Join(b.data, i.Path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", i.Path, err)
		}
	}
	if again := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, must(day("2023-07-01")), true)); len(again.Old)+len(again.Files) > 0 {
		t.Errorf("%v and %v would go, although all went", again.Old, again.Files)
	}
	if r := must(jobs.RepairData(b.ctx, b.data, jobs.RepairOptions{DryRun: true})); !r.Whole() || len(r.Remade) > 0 {
		t.Errorf("the data directory is not whole: %+v", r)
	}
	same(t, "the kept day", kept, tables(t, b.data, "2023-05-20"))
	must(jobs.RollBack(b.ctx, b.data, "2023-05-20", nil))
	if _, err := jobs.RollBack(b.ctx, b.data, "2023-04-15", nil); !errors.Is(err, jobs.ErrNoNight) || !strings.Contains(err.Error(), "let go") {
		t.Errorf("a night that was let go is brought back: %v", err)
	}

	b.mustRun("2023-06-03", "")
	b.mustRun("2023-06-03", all)
	same(t, "the next night", tables(t, all, "2023-06-03"), tables(t, b.data, "2023-06-03"))
	if n := len(tables(t, b.data, "2023-05-20")); n != 4 {
		t.Errorf("the night before last has %d tables after the next one, wanted the 4 that later nights read", n)
	}
	if n := len(tables(t, all, "2023-05-20")); n != 4 {
		t.Errorf("and %d in the other directory", n)
	}
}
