package jobs_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// stopsAfter ends a night once a job has ended.
type stopsAfter struct {
	silent
	job  string
	stop context.CancelFunc
}

func (s stopsAfter) JobEnded(j pipeline.Job, _ ledger.JobResult, _ error) {
	if j.Name == s.job {
		s.stop()
	}
}

// A night that was interrupted goes on where it was, and says so; when something changed,
// it says what.
func TestInterruptedNightGoesOn(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 30, "2023-04-15")
	stopped := func() {
		ctx, stop := context.WithCancel(b.ctx)
		defer stop()
		if _, err := jobs.RunNight(ctx, must(b.load()), jobs.Options{AsOf: must(day("2023-04-16")), Watch: stopsAfter{job: "customer_features", stop: stop}, Log: quiet}); err == nil {
			t.Fatal("the night was not stopped")
		}
	}
	stopped()
	var log strings.Builder
	o := jobs.Options{AsOf: must(day("2023-04-16")), Watch: silent{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	plan := must(must(b.load()).Plan(b.ctx, o.AsOf, jobs.Scope{}, nil))
	out := must(jobs.RunNight(b.ctx, must(b.load()), o))
	if c := out.Continues; c == nil || c.Night != 2 || c.Status != ledger.Interrupted || len(c.Changed) != 0 || !strings.Contains(log.String(), "continues night 2, which was interrupted") {
		t.Errorf("got %+v; log: %s", c, log.String())
	}
	if got := made(out); got["customer_features"] || !got["churn_scores"] || out.Reused() == 0 {
		t.Errorf("reused %d tables; customer_features, which was finished, was made again: %t", out.Reused(), got["customer_features"])
	}
	planKept(t, plan, out)

	// The same day again continues nothing: the last attempt ended well.
	stopped2 := must(jobs.RunNight(b.ctx, must(b.load()), o))
	if stopped2.Continues != nil {
		t.Errorf("after a night that ended well: %+v", stopped2.Continues)
	}
	b.write("mainstay.yaml", strings.Replace(testConfig, "horizon_days: 30", "horizon_days: 31", 1))
	stopped()
	b.write("mainstay.yaml", strings.Replace(testConfig, "horizon_days: 30", "horizon_days: 32", 1))
	b.write("sql/marts/extra.sql", "SELECT customer_id, 1 AS one FROM customer_features\n")
	plan = must(must(b.load()).Plan(b.ctx, o.AsOf, jobs.Scope{}, nil))
	out = must(jobs.RunNight(b.ctx, must(b.load()), o))
	if c := out.Continues; c == nil || !slices.Equal(c.Changed, []string{"mainstay.yaml", "the SQL"}) || !strings.Contains(log.String(), "mainstay.yaml and the SQL have changed since") {
		t.Errorf("got %+v; log: %s", c, log.String())
	}
	planKept(t, plan, out)
	for _, j := range plan.Jobs {
		if j.Job.Name == "purchase_process" && !strings.HasPrefix(j.Why, "mainstay.yaml") {
			t.Errorf("purchase_process: %q", j.Why)
		}
		if j.Job.Name == "extra" && j.Fate != pipeline.FateMake {
			t.Errorf("extra: %+v", j)
		}
	}
}

// planKept compares what was planned with what was done, while the sources gave nothing
// new: what was to be reused was, and what was made was planned.
func planKept(t *testing.T, plan jobs.Plan, out jobs.Outcome) {
	t.Helper()
	ended := map[string]string{}
	for _, j := range out.Jobs {
		ended[j.Name] = j.Status
	}
	reuse := 0
	for _, j := range plan.Jobs {
		switch {
		case j.Job.Kind == pipeline.Extract:
		case j.Fate == pipeline.FateReuse && len(out.Tables[j.Job.Name].Parts) > 0:
			if reuse++; ended[j.Job.Name] != ledger.JobReused {
				t.Errorf("%s was to be reused and is %s", j.Job.Name, ended[j.Job.Name])
			}
		case j.Fate == pipeline.FateMake && j.New > 0:
			if ended[j.Job.Name] != ledger.JobDone {
				t.Errorf("%s was to be made (%s) and is %s", j.Job.Name, j.Why, ended[j.Job.Name])
			}
		case j.Fate == pipeline.FateUnknown:
			t.Errorf("%s: %v", j.Job.Name, j.Err)
		}
	}
	if reuse == 0 || len(plan.Jobs) != len(out.Jobs) {
		t.Errorf("%d of %d planned tables are reused, %d were run: the test shows nothing", reuse, len(plan.Jobs), len(out.Jobs))
	}
}

// A plan of a project that never ran reads and writes nothing.
func TestPlanOfAFirstNight(t *testing.T) {
	t.Parallel()
	b := setup(t, 30)
	plan := must(must(b.load()).Plan(b.ctx, must(day(firstAsOf)), jobs.Scope{Only: []string{"churn_scores"}}, nil))
	if len(plan.Jobs) < 10 || !plan.Partial || !strings.Contains(strings.Join(plan.Sources, " "), "files are new") {
		t.Errorf("got %d jobs, sources %q", len(plan.Jobs), plan.Sources)
	}
	for _, j := range plan.Jobs {
		if j.Fate != pipeline.FateMake && j.Fate != pipeline.FateRead || j.Rows != -1 {
			t.Errorf("%s: %+v", j.Job.Name, j)
		}
	}
	b.nothing(b.data)
}
