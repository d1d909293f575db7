package jobs_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// scoped runs a part of a night.
func (b *testBundle) scoped(asOf string, s jobs.Scope) (jobs.Outcome, error) {
	b.t.Helper()
	return jobs.RunNight(b.ctx, must(b.load()), jobs.Options{AsOf: must(pipeline.ParseDay(asOf)), Scope: s, Watch: silent{}, Log: slog.New(slog.DiscardHandler)})
}

// made lists the tables of a night that have a part that was not reused.
func made(out jobs.Outcome) map[string]bool {
	m := map[string]bool{}
	for name, t := range out.Tables {
		for _, part := range t.Parts {
			m[name] = m[name] || !part.Reused
		}
	}
	return m
}

func TestScopeOfANight(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 300, firstAsOf)
	before := tables(t, b.data, firstAsOf)

	// Learning anew gives the same models, and so the same tables.
	out := must(b.scoped(firstAsOf, jobs.Scope{Retrain: true}))
	got := made(out)
	if !got["churn_model"] || !got["cross_sell_model"] {
		t.Errorf("retrain: the models were reused")
	}
	if got["customer_features"] || got["churn_scores"] {
		t.Errorf("retrain: what comes before the models, and what comes after the same models, is reused; made: %v", got)
	}
	same(t, "retrained", before, tables(t, b.data, firstAsOf))

	out = must(b.scoped(firstAsOf, jobs.Scope{From: []string{"churn_scores"}}))
	got = made(out)
	if !got["churn_scores"] || !got["next_best_action"] || got["churn_predictions"] || got["cross_sell_scores"] {
		t.Errorf("from churn_scores: made %v", got)
	}
	same(t, "made anew", before, tables(t, b.data, firstAsOf))

	// A part of a later night publishes nothing, and the whole night reuses its work.
	warehouse := must(os.ReadFile(filepath.Join(b.data, "warehouse.duckdb")))
	out = must(b.scoped("2024-02-02", jobs.Scope{Only: []string{"churn_scores"}}))
	if out.Partial == "" || out.Tables["churn_scores"].Name == "" || out.Tables["cross_sell_scores"].Name != "" {
		t.Errorf("only churn_scores: %q, %d tables", out.Partial, len(out.Tables))
	}
	if string(must(os.ReadFile(filepath.Join(b.data, "warehouse.duckdb")))) != string(warehouse) {
		t.Error("a partial night replaced the warehouse")
	}
	if _, err := os.Stat(filepath.Join(b.data, "tables", "as_of=2024-02-02")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a partial night published its day: %v", err)
	}
	s := must(duck.Open(b.ctx, duck.Options{Path: filepath.Join(b.data, out.Partial), ReadOnly: true}))
	defer s.Close()
	var n int64
	if err := s.Scan(b.ctx, "SELECT count(*) FROM churn_scores", &n); err != nil || n == 0 {
		t.Errorf("the partial warehouse has %d scores, %v", n, err)
	}
	l := must(ledger.OpenExisting(b.ctx, b.data))
	defer l.Close()
	if nights := must(l.PublishedNights(b.ctx)); len(nights) != 1 {
		t.Errorf("%d days count as published, want 1", len(nights))
	}
	whole := must(b.scoped("2024-02-02", jobs.Scope{}))
	if made(whole)["churn_scores"] {
		t.Error("the whole night did not reuse what the partial one made")
	}
}

func TestScopeNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t, 30)
	p := must(b.load())
	for _, c := range []struct {
		scope jobs.Scope
		want  string
	}{
		{jobs.Scope{Only: []string{"churn_scores", "churn_score"}}, "churn_score ("},
		{jobs.Scope{From: []string{"nothing"}}, "nothing ("},
		{jobs.Scope{Only: []string{"customer_features"}, From: []string{"churn_scores"}}, "churn_scores would not be run"},
	} {
		err := p.CheckScope(c.scope, nil)
		if !errors.Is(err, jobs.ErrScope) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.scope, err, c.want)
		}
	}
	if err := p.CheckScope(jobs.Scope{Only: []string{"churn_scores"}, From: []string{"churn_model"}, Retrain: true}, nil); err != nil {
		t.Error(err)
	}
}

func day(text string) (pipeline.Day, error) { return pipeline.ParseDay(text) }

var quiet = slog.New(slog.DiscardHandler)

// nothing fails the test when there is something at a path.
func (b *testBundle) nothing(path string) {
	b.t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		b.t.Errorf("%s is there: %v", path, err)
	}
}
