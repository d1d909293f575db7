package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/files"
)

// extractJobs take what is new in each source into the lake, one source after the
// other: their batches are numbered, so their order must not vary.
func extractJobs(p *Project) []pipeline.Job {
	var jobs []pipeline.Job
	for _, s := range p.Config.Sources {
		j := pipeline.Job{
			Name: extractName(s), Kind: pipeline.Extract,
			About: fmt.Sprintf("new rows of source %s, by way of its mapping", s.Name),
			Run:   func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) { return p.extract(ctx, r, s) },
		}
		if len(jobs) > 0 {
			j.Needs = []string{jobs[len(jobs)-1].Name}
		}
		jobs = append(jobs, j)
	}
	return jobs
}

func extractName(s config.Source) string { return "extract_" + s.Name }

func (p *Project) extract(ctx context.Context, r *pipeline.Run, c config.Source) (t pipeline.Table, err error) {
	src, err := p.source(r, c)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	scratch, err := r.Scratch()
	if err != nil {
		return t, err
	}
	o, err := p.session(r)
	if err != nil {
		return t, err
	}
	l := lakeOf(r)
	batch, err := lake.Extract(ctx, l, src, lake.ExtractOptions{
		AsOf: r.Night.AsOf.String(), Night: r.Night.ID, Scratch: scratch, Session: o, Progress: r.Progress,
		MaxQuarantined: p.Config.Quality.MaxQuarantinedShare,
	})
	if err != nil {
		return t, err
	}
	t.State = fmt.Sprint(batch.ID)
	if f, ok := src.(*files.Source); ok && len(f.Missing()) > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("source %s: no file matches %q: is the folder there, and readable?", c.Name, f.Missing()))
	}
	for _, a := range batch.Accounts {
		t.Volume += a.Read
		if a.Read > 0 && a.Quarantined == a.Read && a.Table != lake.Unparsed {
			t.Warnings = append(t.Warnings, fmt.Sprintf("source %s: all %d rows of %s for table %s went to quarantine: does the mapping fit the file?", c.Name, a.Read, a.Input.Name, a.Table))
		}
	}
	t.Note = fmt.Sprintf("%d new inputs", len(batch.Inputs))
	return t, nil
}

// source makes the configured source.
func (p *Project) source(r *pipeline.Run, c config.Source) (source.Source, error) {
	o, err := p.session(r)
	if err != nil {
		return nil, err
	}
	return newSource(c, o)
}

func newSource(c config.Source, o duck.Options) (source.Source, error) {
	switch c.Type {
	case config.TypeFiles:
		selects := map[string]string{}
		for _, t := range c.Tables {
			selects[t.Name] = t.Select
		}
		return files.New(files.Options{
			Name: c.Name, Globs: c.Files.Patterns(), Format: files.Format(c.Files.Format), TimeZone: string(c.TimeZone), Selects: selects, Session: o,
			CSV: files.CSVOptions{Delimiter: c.Files.CSV.Delimiter, Quote: c.Files.CSV.Quote, Header: c.Files.CSV.Header, NullStrings: c.Files.CSV.NullStrings},
		})
	}
	return nil, fmt.Errorf("source %s: no source of type %q in this mainstay", c.Name, c.Type)
}

// lakeJobs are the contract tables as the rest of the night sees them: the lake after
// all sources were read.
func lakeJobs(p *Project) []pipeline.Job {
	var after []string
	for _, s := range p.Config.Sources {
		after = append(after, extractName(s))
	}
	var jobs []pipeline.Job
	for _, c := range contract.Tables() {
		jobs = append(jobs, pipeline.Job{
			Name: c.Name, Kind: pipeline.Extract, Needs: after, About: c.Grain,
			Run: func(ctx context.Context, r *pipeline.Run) (pipeline.Table, error) {
				l := lakeOf(r)
				t, err := l.Table(ctx, c.Name)
				if err != nil {
					return pipeline.Table{}, err
				}
				out := pipeline.Table{State: t.Digest(r.Night.Cutoff()), Note: fmt.Sprintf("%d files in the lake", len(t.Files))}
				for _, f := range t.Files {
					out.Volume += f.Rows
				}
				if c.Name == contract.Orders.Name && out.Volume == 0 {
					return out, errors.New("the lake holds no orders: the sources gave no row that the contract takes (see `mainstay nights` for the row accounts, and check the sources' files and mappings)")
				}
				return out, nil
			},
		})
	}
	return jobs
}
