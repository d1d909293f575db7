package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// snapshotJobs make features and labels at every cutoff that the night needs: the
// as-of day, and the first days of the months before it from when enough history was
// known. Cutoffs that an earlier night made are reused.
func snapshotJobs(p *Project) ([]pipeline.Job, error) {
	var jobs []pipeline.Job
	for _, f := range featureTables {
		j, err := featureJob(p, f)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	for _, name := range []string{churnLabels, crossSellLabels} {
		j, err := labelJob(p, name)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// featureTables are the two tables of features.
var featureTables = []featureTable{
	{customerFeatures, population, []string{"customer_id"}, "What the models know of every active customer, as of a cutoff."},
	{customerCategoryFeatures, crossSellPairs, []string{"customer_id", "category"}, "What the models know of every active customer and category not bought lately, as of a cutoff."},
}

// featureTable is a table that feature files join to.
type featureTable struct {
	name  string
	base  string   // staging table with the rows
	key   []string // of the base table; a feature file belongs here when it has just these keys
	about string
}

func featureJob(p *Project, f featureTable) (pipeline.Job, error) {
	names := []string{f.base}
	for _, m := range p.Models.Layer(sqlfiles.Features) {
		names = append(names, m.Name)
	}
	n, err := p.plan.closure(names...)
	if err != nil {
		return pipeline.Job{}, err
	}
	logic, err := p.logic(n)
	if err != nil {
		return pipeline.Job{}, err
	}
	return pipeline.Job{
		Name: f.name, Kind: pipeline.Snapshot, Needs: n.tables(), Logic: logic, About: f.about,
		Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
			cutoffs, err := p.cutoffs(ctx, r)
			if err != nil {
				return pipeline.Table{}, err
			}
			var files []featureFile
			return p.snapshots(ctx, r, cutoffs, n, func(ctx context.Context, s *session, path string) (int64, error) {
				if files == nil { // the same at every cutoff
					if files, err = p.featureFiles(ctx, s, f, n); err != nil {
						return 0, err
					}
				}
				if err := p.makeFeatures(ctx, s, f, files); err != nil {
					return 0, err
				}
				return writeFeatures(ctx, s, f, files, path)
			})
		},
	}, nil
}

func labelJob(p *Project, name string) (pipeline.Job, error) {
	m, ok := p.Models.Get(name)
	if !ok || m.Layer != sqlfiles.Labels {
		return pipeline.Job{}, fmt.Errorf("the SQL model %s must be in labels/", name)
	}
	n, err := p.plan.closure(name)
	if err != nil {
		return pipeline.Job{}, err
	}
	logic, err := p.logic(n)
	if err != nil {
		return pipeline.Job{}, err
	}
	return pipeline.Job{
		Name: name, Kind: pipeline.Snapshot, Needs: n.tables(), Logic: logic, About: "What happened in the horizon after a cutoff.",
		Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
			cutoffs, err := p.cutoffs(ctx, r)
			if err != nil {
				return pipeline.Table{}, err
			}
			known, err := p.known(ctx, r)
			if err != nil {
				return pipeline.Table{}, err
			}
			cutoffs = slices.DeleteFunc(cutoffs, func(d pipeline.Day) bool { return !p.mature(d, known) })
			return p.labels(ctx, r, cutoffs, n, m)
		},
	}, nil
}

// labels makes a label table at mature cutoffs.
func (p *Project) labels(ctx context.Context, r *pipeline.Run, cutoffs []pipeline.Day, n needs, m sqlfiles.Model) (pipeline.Table, error) {
	return p.snapshots(ctx, r, cutoffs, n, func(ctx context.Context, s *session, path string) (int64, error) {
		if err := s.make(ctx, m.Name); err != nil {
			return 0, err
		}
		return s.WriteParquet(ctx, "SELECT * FROM "+duck.Ident(m.Name)+" ORDER BY ALL", path)
	})
}

// cutoffs are the days at which the night needs snapshots, oldest first.
func (p *Project) cutoffs(ctx context.Context, r *pipeline.Run) ([]pipeline.Day, error) {
	if p.only != nil {
		return p.only, nil
	}
	l := lakeOf(r)
	t, err := l.Table(ctx, contract.Orders.Name)
	if err != nil {
		return nil, err
	}
	first := pipeline.DayOf(t.Start(), p.Config.Location()).AddDays(p.Config.History.MinDays)
	months := pipeline.Months(first, r.Night.AsOf)
	if most := p.Config.History.MaxCutoffs; len(months) > most {
		months = months[len(months)-most:]
	}
	if len(months) == 0 || months[len(months)-1] != r.Night.AsOf {
		months = append(months, r.Night.AsOf)
	}
	return months, nil
}

// snapshots makes one part per cutoff, each in a session that sees the lake as of the
// cutoff.
func (p *Project) snapshots(ctx context.Context, r *pipeline.Run, cutoffs []pipeline.Day, n needs, write func(ctx context.Context, s *session, path string) (int64, error)) (pipeline.Table, error) {
	var t pipeline.Table
	specs, missing := make([]pipeline.PartSpec, len(cutoffs)), 0
	for i, cutoff := range cutoffs {
		key, err := p.lakeKey(ctx, r, view{cutoff: cutoff}, n)
		if err != nil {
			return t, err
		}
		// The SQL is in the key, not only in the job's logic: one job may make snapshots
		// of several models.
		specs[i] = pipeline.PartSpec{Dir: filepath.Join("snapshots", r.Job.Name, "cutoff="+cutoff.String()), Ext: ".parquet", Cutoff: cutoff.String(), Key: append(key, n.texts())}
		has, err := r.Has(ctx, specs[i])
		if err != nil {
			return t, err
		}
		if !has {
			missing++
		}
	}
	if missing > 0 && r.Planning() {
		return t, pipeline.ErrPlanned
	}
	var gathered map[string]*lake.Table
	if missing > 1 {
		var err error
		if gathered, err = p.gather(ctx, r, n); err != nil {
			return t, err
		}
	}
	for i, cutoff := range cutoffs {
		r.Progress(i, len(cutoffs), "cutoff "+cutoff.String())
		part, err := r.Part(ctx, specs[i], func(ctx context.Context, path string) (rows int64, err error) {
			s, err := p.open(ctx, r, view{cutoff: cutoff, lake: gathered}, n)
			if err != nil {
				return 0, err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			return write(ctx, s, path)
		})
		if err != nil {
			return t, fmt.Errorf("cutoff %s: %w", cutoff, err)
		}
		t.Parts = append(t.Parts, part)
	}
	t.Note = fmt.Sprintf("%d new of %d cutoffs", missing, len(cutoffs))
	return t, nil
}

// featureFile is a feature model with the columns that it adds.
type featureFile struct {
	model   sqlfiles.Model
	columns []duck.Column // without keys
}

// featureFiles finds the feature files that belong to a table, by the key in their sidecar
// or, without one, by their columns, and makes them.
func (p *Project) featureFiles(ctx context.Context, s *session, f featureTable, n needs) ([]featureFile, error) {
	if slices.ContainsFunc(p.Models.Layer(sqlfiles.Features), func(m sqlfiles.Model) bool { return !keyed(m) }) {
		if err := s.declare(ctx, n.models); err != nil {
			return nil, err
		}
	}
	var out []featureFile
	owner := map[string]string{"as_of": "mainstay itself"} // by lower-case name: SQL does not tell cases apart
	for _, m := range p.Models.Layer(sqlfiles.Features) {
		if keyed(m) {
			if slices.Contains(m.Sidecar.Key, "category") != slices.Contains(f.key, "category") {
				continue
			}
			if err := s.make(ctx, m.Name); err != nil {
				return nil, err
			}
		}
		cols, err := s.Columns(ctx, "SELECT * FROM "+duck.Ident(m.Name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		if ok, err := f.owns(m, cols); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		file := featureFile{model: m}
		for _, c := range cols {
			if slices.Contains(f.key, c.Name) {
				continue
			}
			if other, twice := owner[strings.ToLower(c.Name)]; twice {
				return nil, fmt.Errorf("%s: column %s is also made by %s: names of features are unique", m.Path, c.Name, other)
			}
			owner[strings.ToLower(c.Name)] = m.Path
			file.columns = append(file.columns, c)
		}
		out = append(out, file)
	}
	return out, nil
}

// keyed tells whether a model's sidecar says what tells its rows apart.
func keyed(m sqlfiles.Model) bool { return m.Sidecar != nil && len(m.Sidecar.Key) > 0 }

// keyChecked tells whether a model's own checks, which ran when it was made, hold that
// there is one row per key.
func keyChecked(m sqlfiles.Model, key []string) bool {
	return keyed(m) && slices.Equal(m.Sidecar.Key, key) &&
		!slices.ContainsFunc(m.Sidecar.Checks, func(c sqlfiles.Check) bool { return c.Kind == sqlfiles.Unique && c.Severity == sqlfiles.SeverityWarn })
}

// makeFeatures makes the table that files join to, and the files, and checks them.
func (p *Project) makeFeatures(ctx context.Context, s *session, f featureTable, files []featureFile) error {
	if err := s.make(ctx, f.base); err != nil {
		return err
	}
	for _, file := range files {
		if err := s.make(ctx, file.model.Name); err != nil {
			return err
		}
		if keyChecked(file.model, f.key) {
			continue
		}
		if err := uniqueKey(ctx, s, f, file.model); err != nil {
			return err
		}
	}
	return nil
}

// owns tells whether a feature file's grain is that of the table: customer_id alone,
// or customer_id and category.
func (f featureTable) owns(m sqlfiles.Model, cols []duck.Column) (bool, error) {
	has := func(name string) bool {
		return slices.ContainsFunc(cols, func(c duck.Column) bool { return c.Name == name })
	}
	if !has("customer_id") {
		return false, fmt.Errorf("%s has no column customer_id: a feature file has one row per customer_id, or per customer_id and category", m.Path)
	}
	return has("category") == slices.Contains(f.key, "category"), nil
}

func featureColumn(m sqlfiles.Model, alias string, c duck.Column) string {
	ref := alias + "." + duck.Ident(c.Name)
	if m.Sidecar != nil {
		if col, ok := m.Sidecar.Column(c.Name); ok && col.Default != nil {
			return fmt.Sprintf("coalesce(%s, CAST(%s AS %s)) AS %s", ref, duck.Quote(*col.Default), c.Type, duck.Ident(c.Name))
		}
	}
	return ref + " AS " + duck.Ident(c.Name)
}

// uniqueKey refuses a feature file with two rows for one key: it would double rows.
func uniqueKey(ctx context.Context, s *session, f featureTable, m sqlfiles.Model) error {
	found, err := s.RunChecks(ctx, []duck.Check{duck.Unique(m.Name, f.key)})
	if err != nil {
		return err
	}
	if found[0].Rows > 0 {
		return fmt.Errorf("%s gives several rows for one %s (%s): a feature file has one row per key, so aggregate it", m.Path, strings.Join(f.key, ", "), found[0].Sample)
	}
	return nil
}
