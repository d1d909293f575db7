package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/forget"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// Options of a night.
type Options struct {
	AsOf  pipeline.Day
	Today pipeline.Day // by the clock; decides nothing in a job. Zero: it is not known
	Log   *slog.Logger
	Watch pipeline.Observer
	Extra []pipeline.Job   // a company's own jobs
	Scope Scope            // which part of the night is run, and what of it anew
	Now   func() time.Time // stamps the ledger; nil means time.Now
	Stop  <-chan struct{}  // when closed, no further job begins; see pipeline.Night
}

// Outcome is a night that was run.
type Outcome struct {
	Night    int64
	ShownDay string // the newer day that the warehouse goes on showing; "" when it shows this night
	Partial  string // where a run of only some tables left them, relative to the data directory; "" for a whole night
	AsOf     pipeline.Day
	Tables   pipeline.Tables
	Warnings []string // to read; the night is published all the same
	// Continues is the attempt at the same day that did not end well before this one.
	Continues *Continued
	Jobs      []ledger.JobResult   // how each job ended
	Checks    []ledger.CheckResult // what the audit found
}

// RunNight runs one night and publishes it. On any error the last published night
// stays. A *ledger.HeldError means that another night runs on the data directory.
func RunNight(ctx context.Context, p *Project, o Options) (out Outcome, err error) {
	g, renew, err := p.scoped(o.Scope, o.Extra)
	if err != nil {
		return out, err
	}
	kind := ledger.KindNight
	if o.Scope.partial() {
		kind = ledger.KindPartial
	}
	err = p.attempt(ctx, o, kind, func(ctx context.Context, n *pipeline.Night, record *ledger.Night) error {
		n.Renew = renew
		var err error
		out, err = p.buildAndPublish(ctx, n, g, record, o.Scope.Publish)
		return errors.Join(err, out.account(context.WithoutCancel(ctx), n))
	})
	return out, err
}

// attempt does work that changes the data directory: it takes the lease, settles what a
// dead process left, and records in the ledger that the work began and how it ended.
func (p *Project) attempt(ctx context.Context, o Options, kind string, work func(context.Context, *pipeline.Night, *ledger.Night) error) (err error) {
	defer func() { err = diskFull(p.DataDir, err) }()
	l, err := ledger.Open(ctx, p.DataDir, o.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	lease, err := l.Acquire(ctx, kind+" "+o.AsOf.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-lease.Lost():
			cancel(ledger.ErrLeaseLost)
		case <-ctx.Done():
		}
	}()
	if err := errors.Join(warehouse.SweepUnpublished(p.DataDir), pipeline.SweepScratch(p.DataDir)); err != nil {
		return err
	}
	p.gathered.tables = map[string]*lake.Table{}
	p.today = o.Today
	p.shared = newShared(filepath.Join(p.DataDir, pipeline.ScratchDir, "shared"))
	if err := p.recover(ctx, l); err != nil {
		return err
	}
	record := p.record(o.AsOf, kind)
	if p.continues, err = continued(ctx, l, record); err != nil {
		return err
	}
	if p.continues != nil {
		o.Log.Info(p.continues.String())
	}
	if record.ID, err = l.Begin(ctx, record); err != nil {
		return err
	}
	n := &pipeline.Night{ID: record.ID, AsOf: o.AsOf, Zone: p.Config.Location(), Dir: p.DataDir, Ledger: l, Log: o.Log.With("night", record.ID, "as_of", record.AsOf), Watch: o.Watch, Stop: o.Stop, Workers: p.Shares().Workers, LimitsOf: p.limitsOf}
	err = diskFull(p.DataDir, outOfMemory(work(ctx, n, &record)))
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	// The end is recorded even when the night was told to stop.
	end := context.WithoutCancel(ctx)
	record.Status = ledger.Published
	if err != nil {
		record.Status, record.Error = ledger.Failed, err.Error()
		if errors.Is(err, context.Canceled) || errors.Is(err, pipeline.ErrStopped) {
			record.Status = ledger.Interrupted
		}
	}
	err = errors.Join(err, l.End(end, record))
	if errors.Is(l.Confirm(end), ledger.ErrLeaseLost) {
		return err // what is in the scratch directory is another's
	}
	return errors.Join(err, pipeline.SweepScratch(p.DataDir))
}

func (p *Project) buildAndPublish(ctx context.Context, n *pipeline.Night, g *pipeline.Graph, record *ledger.Night, anyDay bool) (Outcome, error) {
	out := Outcome{Night: n.ID, AsOf: n.AsOf, Continues: p.continues}
	tables, err := n.Build(ctx, g)
	if err != nil {
		return out, err
	}
	out.Tables = tables
	built, err := p.assembleNight(ctx, n, g, tables)
	if err != nil {
		return out, err
	}
	if built.warnings != "" {
		out.Warnings = append(out.Warnings, built.warnings)
	}
	stopped, err := p.deliveryWarning(ctx, n)
	if err != nil {
		return out, err
	}
	out.Warnings = append(append(out.Warnings, stopped...), p.warnings(tables)...)
	slow, err := p.slowJobs(ctx, n)
	if err != nil {
		return out, err
	}
	out.Warnings = append(out.Warnings, slow...)
	record.Warnings = len(out.Warnings)
	if record.Kind == ledger.KindPartial {
		out.Partial = PartialFile
		return out, built.keepPartial(n.Dir)
	}
	if out.ShownDay, err = shownInstead(ctx, n); err != nil {
		return out, err
	}
	if anyDay {
		out.ShownDay = ""
	}
	ahead, err := p.shownAhead(n.AsOf, out.ShownDay)
	if err != nil {
		return out, err
	}
	if ahead != "" {
		out.Warnings = append(out.Warnings, ahead)
		record.Warnings++
	}
	record.DayOnly, record.Directory = out.ShownDay != "", warehouse.DayDir(n.AsOf.String())
	record.Lake = lakeDigest(&pipeline.Run{In: tables})
	if err := built.publish(ctx, n, *record); err != nil {
		return out, err
	}
	if err := p.tidy(ctx, n, record); err != nil {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the night is published, but tidying the lake failed: %v", err))
	}
	if err := p.keepMetrics(ctx, n, tables); err != nil {
		out.Warnings = append(out.Warnings, fmt.Sprintf("the night is published, but its metrics are not in the ledger: %v", err))
	}
	record.Warnings = len(out.Warnings)
	return out, nil
}

// recover settles a night whose process died after the warehouse was swapped.
func (p *Project) recover(ctx context.Context, l *ledger.Ledger) error {
	if err := errors.Join(recoverRollback(ctx, l, p.DataDir), forget.Settle(ctx, l, p.DataDir)); err != nil {
		return err
	}
	night, want, ok, err := l.Unsettled(ctx)
	if err != nil || !ok {
		return err
	}
	seen := warehouse.Shows(p.DataDir, night.AsOf, night.ID)
	if want != "" {
		seen, err = inPlace(p.DataDir, want)
	}
	if err != nil || !seen {
		return err // when it died before, Begin marks it interrupted
	}
	if err := warehouse.LinkDay(p.DataDir, night.AsOf, night.ID); err != nil {
		return err
	}
	return l.Recover(ctx, night.ID)
}

// deliveryWarning says when the newest order is so old that deliveries seem to have
// stopped.
func (p *Project) deliveryWarning(ctx context.Context, n *pipeline.Night) ([]string, error) {
	known, err := p.known(ctx, &pipeline.Run{Night: n})
	if err != nil || known == n.AsOf {
		return nil, err
	}
	if known.IsZero() {
		return []string{fmt.Sprintf("there is no order before %s: nothing can be learned or scored", n.AsOf)}, nil
	}
	return []string{fmt.Sprintf("the newest order before %s is of %s: have deliveries stopped? What happened after it counts as not known yet, so nothing is learned from it", n.AsOf, known)}, nil
}

// warnings are what the night published but wants read.
func (p *Project) warnings(tables pipeline.Tables) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		out = append(out, tables[name].Warnings...)
	}
	return out
}
