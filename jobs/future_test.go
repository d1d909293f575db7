package jobs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-etl/mainstay/jobs"
	"github.com/mainstay-etl/mainstay/longtest"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// saysFuture wants to be told that readers see 2023-04-15 although it is the tenth, and that
// they are not when it is the fifteenth.
func (b *testBundle) saysFuture(out jobs.Outcome) {
	b.t.Helper()
	const want = "the warehouse shows 2023-04-15, a day after today (2023-04-10)"
	if !slices.ContainsFunc(out.Warnings, func(w string) bool {
		return strings.Contains(w, want) && strings.Contains(w, "`mainstay publish rollback 2023-04-10`")
	}) {
		b.t.Errorf("no warning of a day of the future: %q", out.Warnings)
	}
	l := must(ledger.OpenExisting(b.ctx, b.data))
	if n := must(l.Nights(b.ctx, 1))[0]; n.Warnings != len(out.Warnings) {
		b.t.Errorf("the ledger has %d warnings, the outcome %d", n.Warnings, len(out.Warnings))
	}
	must(0, l.Close())
	// Noon of the fifteenth in London, and half an hour before it begins there.
	if s, ok := b.symptoms(time.Date(2023, 4, 15, 12, 0, 0, 0, time.UTC))["shown day"]; ok {
		b.t.Errorf("the day that it is: %+v", s)
	}
	if s := b.symptoms(time.Date(2023, 4, 14, 22, 30, 0, 0, time.UTC))["shown day"]; s.Grade != jobs.Broken || !strings.Contains(s.Found, "of 2023-04-15, a day after today (2023-04-14)") || !strings.Contains(s.Advice, "mainstay publish rollback") {
		b.t.Errorf("half an hour before the day begins: %+v", s)
	}
}

// A night of the future, which a clock that was ahead has left, makes nothing old.
func TestRetentionBesideTheFuture(t *testing.T) {
	t.Parallel()
	longtest.Only(t)
	b := after(t, 30, "2023-04-15")
	b.write("mainstay.yaml", testConfig+"retention: {nights: 1, snapshots: 1, lake_days: 400}\n")
	p := must(jobs.LoadForExtraction(b.dir, ""))
	before := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, must(day("2023-04-15")), true))
	l := must(ledger.OpenExisting(b.ctx, b.data))
	id := must(l.Begin(b.ctx, ledger.Night{AsOf: "2062-01-01", Kind: ledger.KindNight}))
	must(0, l.End(b.ctx, ledger.Night{ID: id, AsOf: "2062-01-01", Kind: ledger.KindNight, Status: ledger.Published}))
	must(0, l.Close())
	all := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, pipeline.Day{}, true))
	known := must(jobs.CollectGarbage(b.ctx, b.data, p.Config, must(day("2023-04-15")), true))
	if len(known.Old) != len(before.Old) || len(all.Old) <= len(known.Old)+10 {
		t.Errorf("%d files are old; beside a night of 2062 %d, and %d without knowing which day it is", len(before.Old), len(known.Old), len(all.Old))
	}
}
