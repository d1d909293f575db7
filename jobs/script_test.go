package jobs_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
)

// The script of a night, run by DuckDB alone, makes the rows that the night published.
func TestScriptMakesTheNightsTables(t *testing.T) {
	t.Parallel()
	b := after(t, 300, firstAsOf)
	p, err := jobs.Load(b.ctx, b.dir, b.data)
	if err != nil {
		t.Fatal(err)
	}
	out, day := t.TempDir(), must(pipeline.ParseDay(firstAsOf))
	text, err := p.Script(b.ctx, day, out)
	if err != nil {
		t.Fatal(err)
	}
	s, err := duck.Open(b.ctx, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Exec(b.ctx, text); err != nil {
		t.Fatal(err)
	}
	files := must(filepath.Glob(filepath.Join(out, "*.parquet")))
	if len(files) < 30 {
		t.Errorf("the script wrote %d tables, want more than 30: %v", len(files), files)
	}
	for _, file := range files {
		table := strings.TrimSuffix(filepath.Base(file), ".parquet")
		a, z := publishedTable(b.data, firstAsOf, table), duck.ReadParquet([]string{file})
		var missing, more int64
		if err := s.Scan(b.ctx, fmt.Sprintf("SELECT (SELECT count(*) FROM (FROM %[1]s EXCEPT ALL FROM %[2]s)), (SELECT count(*) FROM (FROM %[2]s EXCEPT ALL FROM %[1]s))", a, z), &missing, &more); err != nil {
			t.Fatal(err)
		}
		if missing+more > 0 {
			t.Errorf("%s: %d published rows are missing from what the script makes, %d are there besides", table, missing, more)
		}
	}

	part, err := p.Script(b.ctx, day, "", "customer_volume", "value_tiers")
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]bool{"customer_volume": true, "value_tiers": true, "customer_orders": true, "customer_browsing": false, "customer_features": false} {
		if got := strings.Contains(part, "CREATE TEMP TABLE "+duck.Ident(table)); got != want {
			t.Errorf("the script for two tables makes %s: %v, want %v", table, got, want)
		}
	}
	if _, err := p.Script(b.ctx, day, "", "customer_volumes"); !errors.Is(err, jobs.ErrScope) {
		t.Errorf("a table that is not there: got %v, want ErrScope", err)
	}
}
