package jobs

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// catalogueJobs make the project's timeless master data from the whole lake.
func catalogueJobs(p *Project) ([]pipeline.Job, error) {
	return modelJobs(p, sqlfiles.Catalogue, pipeline.Catalogue, true)
}

// martJobs make the tables for people, for the as-of day.
func martJobs(p *Project) ([]pipeline.Job, error) {
	return modelJobs(p, sqlfiles.Marts, pipeline.Mart, false)
}

// modelJobs make one job per SQL model of a layer.
func modelJobs(p *Project, layer sqlfiles.Layer, kind pipeline.Kind, whole bool) ([]pipeline.Job, error) {
	var jobs []pipeline.Job
	for _, m := range p.Models.Layer(layer) {
		n, err := p.plan.closure(m.Name)
		if err != nil {
			return nil, err
		}
		logic, err := p.logic(n, orderBy(m))
		if err != nil {
			return nil, err
		}
		about := ""
		if m.Sidecar != nil {
			about = m.Sidecar.Grain
		}
		jobs = append(jobs, pipeline.Job{
			Name: m.Name, Kind: kind, Needs: n.tables(), Logic: logic, About: about,
			Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
				return p.runModelJob(ctx, r, m, n, view{cutoff: r.Night.AsOf, whole: whole})
			},
		})
	}
	return jobs, nil
}

func (p *Project) runModelJob(ctx context.Context, r *pipeline.Run, m sqlfiles.Model, n needs, v view) (pipeline.Table, error) {
	key, err := p.lakeKey(ctx, r, v, n)
	if err != nil {
		return pipeline.Table{}, err
	}
	dir := filepath.Join("results", m.Name)
	if !v.whole {
		key = append(key, v.cutoff.String())
		dir = filepath.Join(dir, "as_of="+v.cutoff.String())
	}
	part, err := r.Part(ctx, pipeline.PartSpec{Dir: dir, Ext: ".parquet", Key: key}, func(ctx context.Context, path string) (rows int64, err error) {
		s, err := p.open(ctx, r, v, n)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := s.make(ctx, m.Name); err != nil {
			return 0, err
		}
		return s.WriteParquet(ctx, "SELECT * FROM "+duck.Ident(m.Name)+orderBy(m), path)
	})
	if err != nil {
		return pipeline.Table{}, err
	}
	return pipeline.Table{Parts: []pipeline.Part{part}}, nil
}

// orderBy sorts a result by its key, or by all of it where it has none, so that its
// bytes do not depend on how it was computed.
func orderBy(m sqlfiles.Model) string {
	if m.Sidecar != nil && len(m.Sidecar.Key) > 0 {
		return " ORDER BY " + duck.Idents(m.Sidecar.Key)
	}
	return " ORDER BY ALL"
}
