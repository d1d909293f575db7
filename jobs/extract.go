package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// extractJobs take what is new in each source into the lake, one source after the
// other: their batches are numbered, so their order must not vary.
func extractJobs(p *Project) []pipeline.Job {
	var jobs []pipeline.Job
	for _, s := range p.Config.Sources {
		j := pipeline.Job{
			Name: extractName(s), Kind: pipeline.Extract, Reads: true,
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

// tellingRows is how many rows must all be refused before the mapping is suspected: an
// incremental read may bring one row, and that one may be bad.
const tellingRows = 10

func (p *Project) extract(ctx context.Context, r *pipeline.Run, c config.Source) (t pipeline.Table, err error) {
	got, err := p.extractFrom(ctx, r, c, nil)
	if err != nil {
		return t, err
	}
	t.State, t.Warnings = fmt.Sprint(got.Batch), got.Warnings
	for _, a := range got.Accounts {
		t.Volume += a.Read
		if a.Read >= tellingRows && a.Quarantined == a.Read && a.Table != lake.Unparsed {
			t.Warnings = append(t.Warnings, fmt.Sprintf("source %s: all %d rows of %s for table %s went to quarantine: does the mapping fit?", c.Name, a.Read, a.Input.Name, a.Table))
		}
	}
	t.Note = extractNote(got)
	return t, nil
}

// extractFrom reads a source; with a filter, only what was refused before.
func (p *Project) extractFrom(ctx context.Context, r *pipeline.Run, c config.Source, refused *lake.RefusedFilter) (out lake.Extracted, err error) {
	o, err := p.session(r)
	if err != nil {
		return out, err
	}
	src, err := p.newSource(c, o)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(markPassing(src, err), src.Close()) }()
	scratch, err := r.Scratch()
	if err != nil {
		return out, err
	}
	return lake.Extract(ctx, lakeOf(r), src, lake.ExtractOptions{
		AsOf: r.Night.AsOf.String(), Night: r.Night.ID, Scratch: scratch, Session: o, Progress: r.Progress,
		MaxQuarantined: p.Config.Quality.MaxQuarantinedShare, MaxDeleted: p.Config.Quality.MaxDeletedShare, Refused: refused,
	})
}

// extractNote says in a line what an extraction did.
func extractNote(x lake.Extracted) string {
	var sum ledger.Account
	for _, a := range x.Accounts {
		sum.Read, sum.Stored, sum.Duplicates, sum.Quarantined = sum.Read+a.Read, sum.Stored+a.Stored, sum.Duplicates+a.Duplicates, sum.Quarantined+a.Quarantined
		sum.Forgotten += a.Forgotten
	}
	note := fmt.Sprintf("%d new inputs", x.Inputs)
	if sum.Read > 0 {
		note += fmt.Sprintf(", %d rows = %d stored + %d duplicates + %d quarantined", sum.Read, sum.Stored, sum.Duplicates, sum.Quarantined)
	}
	if sum.Forgotten > 0 {
		note += fmt.Sprintf(" + %d forgotten", sum.Forgotten)
	}
	for _, c := range x.Certificates {
		note += fmt.Sprintf("; %s verified: %d rows", c.Table, c.SourceRows)
		if c.Differing+c.Deleted > 0 {
			note += fmt.Sprintf(" (%d read again, %d deleted)", c.Differing, c.Deleted)
		}
	}
	return note
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
