package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
)

// ExtractionOptions choose what an extraction without a night takes.
type ExtractionOptions struct {
	Options
	Sources []string // none means all
}

// Extraction is what an extraction took.
type Extraction struct {
	Night        int64
	Notes        []string // one per source
	Certificates []ledger.Certificate
	Warnings     []string
}

// RunExtraction takes what is new in the sources into the lake and stops there: the
// next night finds it. It takes the lease as a night does.
func RunExtraction(ctx context.Context, p *Project, o ExtractionOptions) (out Extraction, err error) {
	jobs, err := p.extractOnly(o.Sources)
	if err != nil {
		return out, err
	}
	err = p.attempt(ctx, o.Options, ledger.KindExtraction, func(ctx context.Context, n *pipeline.Night, record *ledger.Night) error {
		out.Night = n.ID
		tables, err := n.Build(ctx, &pipeline.Graph{Jobs: jobs})
		if err != nil {
			return err
		}
		for _, j := range jobs {
			out.Notes = append(out.Notes, fmt.Sprintf("%s: %s", strings.TrimPrefix(j.Name, "extract_"), tables[j.Name].Note))
			out.Warnings = append(out.Warnings, tables[j.Name].Warnings...)
		}
		if out.Certificates, err = n.Ledger.Certificates(ctx, n.ID); err != nil {
			return err
		}
		if err := p.tidy(ctx, n, nil); err != nil {
			return err
		}
		record.Warnings = len(out.Warnings)
		return nil
	})
	return out, err
}

// extractOnly are the extract jobs of some sources.
func (p *Project) extractOnly(sources []string) ([]pipeline.Job, error) {
	var names []string
	for _, s := range p.Config.Sources {
		names = append(names, s.Name)
	}
	for _, s := range sources {
		if !slices.Contains(names, s) {
			return nil, fmt.Errorf("%q is no source of this project; it has %s", s, strings.Join(names, ", "))
		}
	}
	var jobs []pipeline.Job
	for i, j := range extractJobs(p) {
		if len(sources) == 0 || slices.Contains(sources, names[i]) {
			j.Needs = nil
			if len(jobs) > 0 {
				j.Needs = []string{jobs[len(jobs)-1].Name}
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// ReplayOptions choose which refused rows are tried again; empty fields mean all.
type ReplayOptions struct {
	Options
	lake.RefusedFilter
}

// ReplayOutcome says what became of rows that were tried again.
type ReplayOutcome struct {
	Tried                                 int64 // refused rows chosen
	Read, Stored, Duplicates, Quarantined int64
	Warnings                              []string
}

// Replay reads the inputs of refused rows again, so that those whose cause is gone (a
// mapping that was mended, a row that was corrected) reach the lake. Files are read as
// a whole, of databases just the rows. The next night finds what was stored.
func Replay(ctx context.Context, p *Project, o ReplayOptions) (out ReplayOutcome, err error) {
	var sources []string
	if o.Source != "" {
		sources = []string{o.Source}
	}
	if _, err := p.extractOnly(sources); err != nil {
		return out, err
	}
	err = p.attempt(ctx, o.Options, ledger.KindExtraction, func(ctx context.Context, n *pipeline.Night, record *ledger.Night) error {
		for _, c := range p.Config.Sources {
			if o.Source != "" && o.Source != c.Name {
				continue
			}
			filter := o.RefusedFilter
			filter.Source = c.Name
			r := &pipeline.Run{Night: n, Job: pipeline.Job{Name: extractName(c), Kind: pipeline.Extract}}
			got, err := p.extractFrom(ctx, r, c, &filter)
			if err != nil {
				return err
			}
			out.Tried += got.Tried
			out.Warnings = append(out.Warnings, got.Warnings...)
			for _, a := range got.Accounts {
				out.Read, out.Stored, out.Duplicates, out.Quarantined = out.Read+a.Read, out.Stored+a.Stored, out.Duplicates+a.Duplicates, out.Quarantined+a.Quarantined
			}
		}
		return nil
	})
	return out, err
}
