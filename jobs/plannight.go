package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// Plan is what a night would do.
type Plan struct {
	AsOf    pipeline.Day
	Partial bool
	Sources []string // what is new in each, in words
	Jobs    []PlannedJob
}

// PlannedJob is a planned job with its reason in words.
type PlannedJob struct {
	pipeline.PlannedJob
	Why string
}

// Plan tells what a night would make and what it would reuse, and why. Nothing is read from
// the sources and nothing is written: the plan is that of the lake as it is, and what new
// rows change comes on top.
func (p *Project) Plan(ctx context.Context, asOf pipeline.Day, s Scope, extra []pipeline.Job) (plan Plan, err error) {
	g, renew, err := p.scoped(s, extra)
	if err != nil {
		return plan, err
	}
	plan.AsOf, plan.Partial = asOf, s.partial()
	for _, c := range p.Config.Sources {
		plan.Sources = append(plan.Sources, p.lookAt(ctx, c))
	}
	if _, err := os.Stat(filepath.Join(p.DataDir, ledger.FileName)); errors.Is(err, os.ErrNotExist) {
		for _, j := range g.Jobs {
			plan.Jobs = append(plan.Jobs, firstOf(j))
		}
		return plan, nil
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return plan, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	n := &pipeline.Night{AsOf: asOf, Zone: p.Config.Location(), Dir: p.DataDir, Ledger: l, Log: slog.New(slog.DiscardHandler), Workers: 1, Renew: renew}
	planned, err := n.Plan(ctx, g)
	if err != nil {
		return plan, err
	}
	nights, err := l.Nights(ctx, 0)
	if err != nil {
		return plan, err
	}
	byID := map[int64]ledger.Night{}
	for _, n := range nights {
		byID[n.ID] = n
	}
	now := p.record(asOf, ledger.KindNight)
	for _, j := range planned {
		plan.Jobs = append(plan.Jobs, PlannedJob{j, why(j, byID[j.Last], now)})
	}
	return plan, nil
}

// firstOf is a job of a project that no night was ever run of.
func firstOf(j pipeline.Job) PlannedJob {
	out := PlannedJob{PlannedJob: pipeline.PlannedJob{Job: j, Fate: pipeline.FateMake, Cause: pipeline.CauseFirst, Rows: -1, Bytes: -1}, Why: "no night was run yet"}
	if j.Reads {
		out.Fate, out.Cause, out.Why = pipeline.FateRead, "", "reads what is new in the source"
	}
	return out
}

// lookAt says in a line what is new in a source, as far as that can be told without
// reading it.
func (p *Project) lookAt(ctx context.Context, c config.Source) string {
	r, err := p.checkSource(ctx, c)
	switch {
	case err != nil:
		text, _, _ := strings.Cut(err.Error(), "\n")
		return fmt.Sprintf("%s: cannot be looked at: %s", c.Name, text)
	case r.Server != "":
		return fmt.Sprintf("%s: a database, whose new and changed rows are found when it is read", c.Name)
	case r.New == 0:
		return fmt.Sprintf("%s: nothing new in %d files", c.Name, r.Inputs)
	}
	return fmt.Sprintf("%s: %d of %d files are new or have changed", c.Name, r.New, r.Inputs)
}

// why says in words why a job would make something; last is the night that made what it
// cannot reuse.
func why(j pipeline.PlannedJob, last, now ledger.Night) string {
	if j.Fate == pipeline.FateRead {
		return "reads what is new in the source"
	}
	if j.Fate == pipeline.FateUnknown {
		text, _, _ := strings.Cut(j.Err.Error(), "\n")
		return "cannot be told: " + text
	}
	switch j.Cause {
	case pipeline.CauseFirst:
		return "not made for this day yet"
	case pipeline.CauseAsked:
		return "asked for"
	case pipeline.CauseGone:
		return "its file is gone"
	case pipeline.CauseInputs:
		return "what it reads has changed since night " + fmt.Sprint(j.Last)
	case pipeline.CauseNeeds:
		if more := len(j.Needs) - 3; more > 1 {
			return fmt.Sprintf("reads %s and %d more that are made", strings.Join(j.Needs[:3], ", "), more)
		}
		return "reads " + strings.Join(j.Needs, ", ") + ", made anew"
	case pipeline.CauseLogic:
		if what := differences(last, now); len(what) > 0 {
			return changed(what) + " since night " + fmt.Sprint(j.Last)
		}
		return "what it does has changed since night " + fmt.Sprint(j.Last)
	}
	return ""
}
