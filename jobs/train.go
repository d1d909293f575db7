package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/models"
	"github.com/mainstay-etl/mainstay/models/gate"
	"github.com/mainstay-etl/mainstay/models/golearnx"
	"github.com/mainstay-etl/mainstay/models/learn"
	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
)

// modelTrainingJobs learn from all mature snapshots. What a night learned is kept until a
// new snapshot matures or what it learns from changes.
func modelTrainingJobs(p *Project) []pipeline.Job {
	var jobs []pipeline.Job
	for _, pr := range predictions() {
		jobs = append(jobs, pipeline.Job{
			Name: pr.model, Kind: pipeline.Model, Needs: append([]string{pr.labels}, pr.features...),
			Logic: pipeline.Fingerprint(code(), pr.task, p.Config.Models.Seed, p.Config.Models.MaxAUC, p.Config.Models.Search, pr.forest(p.Config.Models), p.Config.History.HorizonDays),
			About: "model: " + pr.about,
			Run:   func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) { return p.train(ctx, r, pr) },
		})
	}
	return jobs
}

// train makes the parts of a model table: which model serves and why, that model, and the
// one just trained where it does not serve.
func (p *Project) train(ctx context.Context, r *pipeline.Run, pr prediction) (pipeline.Table, error) {
	mature, key := p.matureSnapshots(r, pr)
	first, err := p.firstCutoff(ctx, r)
	if err != nil {
		return pipeline.Table{}, err
	}
	basis := pipeline.Fingerprint(r.Job.Logic, key)[:16]
	champion, err := p.champion(ctx, r, pr, basis)
	if err != nil {
		return pipeline.Table{}, err
	}
	t := &training{p: p, r: r, pr: pr, champion: champion, basis: basis}
	t.run = func(ctx context.Context) (*learn.Outcome, error) {
		return learn.Train(ctx, pr.task, mature, p.learnOptions(pr, champion.model, first), func(done, total int) { r.Progress(done, total, "learning") })
	}
	all := slices.Concat(key, []any{champion.sha256, first.String()})
	table, err := t.table(ctx, all)
	if t.stopped != nil {
		err = t.keepStopped(ctx, all, err)
	}
	if champion.warning != "" {
		table.Warnings = append(table.Warnings, champion.warning)
	}
	return table, err
}

// learnOptions are what the configuration says about learning.
func (p *Project) learnOptions(pr prediction, champion *learn.Model, first pipeline.Day) learn.Options {
	f := pr.forest(p.Config.Models)
	if f.MaxRows == 0 {
		f.MaxRows = math.MaxInt
	}
	seed := uint64(p.Config.Models.Seed)
	return learn.Options{
		HorizonDays: p.Config.History.HorizonDays, Seed: seed, MaxAUC: p.Config.Models.MaxAUC, MaxRows: f.MaxRows,
		Forest: &golearnx.Params{Trees: f.Trees, MaxDepth: f.MaxDepth, MinLeaf: f.MinLeaf, Seed: seed},
		Work:   max(p.Config.Models.Search*1e9, 1), Champion: champion, FirstCutoff: first.Start(p.Config.Location()),
	}
}

// firstCutoff is the first day that a snapshot is, or will be, made for.
func (p *Project) firstCutoff(ctx context.Context, r *pipeline.Run) (pipeline.Day, error) {
	orders, err := lakeOf(r).Table(ctx, contract.Orders.Name)
	if err != nil {
		return pipeline.Day{}, err
	}
	enough := pipeline.DayOf(orders.Start(), p.Config.Location()).AddDays(p.Config.History.MinDays)
	return pipeline.Months(enough, enough.AddDays(31))[0], nil
}

// training learns once, when a file of it is asked for, and hands out the files.
type training struct {
	p        *Project
	r        *pipeline.Run
	pr       prediction
	champion champion
	basis    string
	run      func(context.Context) (*learn.Outcome, error)
	outcome  *learn.Outcome
	stopped  *learn.Model // too good to be true
}

func (t *training) table(ctx context.Context, key []any) (pipeline.Table, error) {
	var out pipeline.Table
	about, err := t.part(ctx, servicePart, ".json", key, t.writeService)
	if err != nil {
		return out, err
	}
	out.Parts = append(out.Parts, about)
	s, err := readService(about.Path)
	if err != nil {
		return out, err
	}
	for _, f := range s.Verdict.Findings {
		if f.Severity != gate.Info {
			out.Warnings = append(out.Warnings, t.pr.task.Name+": "+f.Message)
		}
	}
	if s.Use == gate.UseNone {
		out.Note = "no model yet"
		return out, nil
	}
	serving, err := t.part(ctx, "", ".model", slices.Concat(key, []any{s.Version}), func(ctx context.Context, path string) (int64, error) { return t.writeServing(ctx, path, s.Version) })
	if err != nil {
		return out, err
	}
	out.Parts = append(out.Parts, serving)
	out.Note = s.Use + " serves, version " + s.Version
	if s.Challenger != "" && s.Use != gate.UseChallenger {
		part, err := t.part(ctx, challengerPart, ".model", key, func(ctx context.Context, path string) (int64, error) {
			return t.save(ctx, path, func(o *learn.Outcome) *learn.Model { return o.Challenger })
		})
		if err != nil {
			return out, err
		}
		out.Parts = append(out.Parts, part)
	}
	return out, nil
}

func (t *training) part(ctx context.Context, label, ext string, key []any, write func(context.Context, string) (int64, error)) (pipeline.Part, error) {
	return t.r.Part(ctx, pipeline.PartSpec{Dir: filepath.Join("models", t.pr.task.Name), Ext: ext, Label: label, Key: key}, write)
}

// learned is the outcome; it is learned at most once per night.
func (t *training) learned(ctx context.Context) (*learn.Outcome, error) {
	if t.outcome == nil {
		o, err := t.run(ctx)
		if errors.Is(err, models.ErrTooGood) && o != nil {
			t.stopped = o.Challenger
		}
		if err != nil {
			return nil, err
		}
		t.outcome = o
	}
	return t.outcome, nil
}

// keepStopped keeps the model that ended the night, so that there is something to look at.
// No night scores with it: none is published with it.
func (t *training) keepStopped(ctx context.Context, key []any, why error) error {
	_, err := t.part(ctx, stoppedPart, ".model", key, func(_ context.Context, path string) (int64, error) {
		return int64(t.stopped.Header.Rows), t.stopped.Save(path)
	})
	if err != nil {
		return errors.Join(why, err)
	}
	return fmt.Errorf("%w. `mainstay models show %s` tells what it goes by", why, t.stopped.Header.Version)
}

func (t *training) writeService(ctx context.Context, path string) (int64, error) {
	o, err := t.learned(ctx)
	if err != nil {
		return 0, err
	}
	s := service{Use: o.Verdict.Use, Basis: t.basis, Verdict: o.Verdict}
	if o.Challenger != nil {
		s.Challenger = o.Challenger.Header.Version
	}
	if t.champion.model != nil {
		s.Champion = t.champion.model.Header.Version
	}
	if m := o.Serve(t.champion.model); m != nil {
		s.Version = m.Header.Version
	}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return 0, fmt.Errorf("writing which model serves: %w", err)
	}
	return 1, os.WriteFile(path, append(text, '\n'), 0o644)
}

// writeServing writes the model that scores. A champion's file is copied as it is: it
// keeps its version and its bytes. When a crash came between deciding and this, the model
// is learned again and must be the same.
func (t *training) writeServing(ctx context.Context, path, version string) (int64, error) {
	o, err := t.learned(ctx)
	if err != nil {
		return 0, err
	}
	if m := o.Serve(t.champion.model); m == nil || m.Header.Version != version {
		return 0, fmt.Errorf("learning %s again gave another model than version %s, which was to serve: this is a bug, the same rows must give the same model", t.pr.task.Name, version)
	}
	if o.Verdict.Use == gate.UseChampion {
		b, err := os.ReadFile(t.champion.path)
		if err != nil {
			return 0, fmt.Errorf("keeping the model in service: %w", err)
		}
		return int64(t.champion.model.Header.Rows), os.WriteFile(path, b, 0o644)
	}
	return t.save(ctx, path, func(o *learn.Outcome) *learn.Model { return o.Serve(t.champion.model) })
}

func (t *training) save(ctx context.Context, path string, pick func(*learn.Outcome) *learn.Model) (int64, error) {
	o, err := t.learned(ctx)
	if err != nil {
		return 0, err
	}
	m := pick(o)
	return int64(m.Header.Rows), m.Save(path)
}
