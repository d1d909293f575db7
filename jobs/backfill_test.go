package jobs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/schedule"
)

func TestBackfillDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, every, want string }{
		{"2024-02-27", "2024-03-02", jobs.EveryDay, "[2024-02-27 2024-02-28 2024-02-29 2024-03-01 2024-03-02]"},
		{"2024-02-27", "2024-02-27", jobs.EveryDay, "[2024-02-27]"},
		{"2024-02-27", "2024-03-13", jobs.EveryWeek, "[2024-02-27 2024-03-05 2024-03-12]"},
		{"2024-01-15", "2024-04-01", jobs.EveryMonth, "[2024-02-01 2024-03-01 2024-04-01]"},
		{"2024-01-15", "2024-01-20", jobs.EveryMonth, ""},
		{"2024-01-15", "2024-01-14", jobs.EveryDay, ""},
		{"2024-01-15", "2024-01-16", "year", ""},
	} {
		days, err := jobs.BackfillDays(must(day(c.from)), must(day(c.to)), c.every)
		if got := fmt.Sprint(days); (err != nil) != (c.want == "") || err == nil && got != c.want {
			t.Errorf("%+v: got %s, %v", c, got, err)
		}
	}
}

func TestMissingDays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	zone := must(time.LoadLocation("Europe/London"))
	plan := func(cron string, work schedule.Work) schedule.Plan {
		return schedule.Plan{Name: cron, When: must(schedule.Parse(cron, zone)), Work: work}
	}
	l := must(ledger.Open(ctx, t.TempDir(), nil))
	defer l.Close()
	daily := []schedule.Plan{plan("0 2 * * *", schedule.Night), plan("0 * * * *", schedule.Extract)}
	if days := must(jobs.MissingDays(ctx, l, daily, zone, pipeline.Day{})); len(days) != 0 {
		t.Errorf("before any night: %v", days)
	}
	for _, n := range []struct{ asOf, kind, status string }{
		{"2024-03-28", ledger.KindNight, ledger.Failed}, // before the first one that was published
		{"2024-03-29", ledger.KindNight, ledger.Published},
		{"2024-03-30", ledger.KindExtraction, ledger.Published},
		{"2024-03-31", ledger.KindNight, ledger.Published}, // the clocks change: 01:00 to 02:00 is skipped
		{"2024-04-01", ledger.KindPartial, ledger.Published},
		{"2024-04-02", ledger.KindNight, ledger.Failed},
		{"2024-04-03", ledger.KindNight, ledger.Published},
		{"2024-04-04", ledger.KindNight, ledger.Interrupted},
	} {
		id := must(l.Begin(ctx, ledger.Night{AsOf: n.asOf, Kind: n.kind}))
		must(0, l.End(ctx, ledger.Night{ID: id, AsOf: n.asOf, Status: n.status}))
	}
	for _, c := range []struct {
		plans []schedule.Plan
		want  string
	}{
		{daily, "[2024-03-30 2024-04-01 2024-04-02 2024-04-04]"},
		{[]schedule.Plan{plan("30 1 * * mon-fri", schedule.Night)}, "[2024-04-01 2024-04-02 2024-04-04]"},
		{[]schedule.Plan{plan("0 2 * * sat", schedule.Retrain)}, "[2024-03-30]"},
		{[]schedule.Plan{plan("0 * * * *", schedule.Extract)}, "[]"},
	} {
		if got := fmt.Sprint(must(jobs.MissingDays(ctx, l, c.plans, zone, must(day("2024-04-09"))))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.plans[0].Name, got, c.want)
		}
	}

	// A night of the future makes no day missing that has not come yet.
	id := must(l.Begin(ctx, ledger.Night{AsOf: "2062-01-01", Kind: ledger.KindNight}))
	must(0, l.End(ctx, ledger.Night{ID: id, AsOf: "2062-01-01", Status: ledger.Published}))
	if got := fmt.Sprint(must(jobs.MissingDays(ctx, l, daily, zone, must(day("2024-04-05"))))); got != "[2024-03-30 2024-04-01 2024-04-02 2024-04-04 2024-04-05]" {
		t.Errorf("after a night of the future: %s", got)
	}
}
