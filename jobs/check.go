package jobs

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// SourceState says what a look at a source found.
type SourceState struct {
	Source, Type string
	source.Report
}

// CheckSources looks at every source without taking anything from it.
func (p *Project) CheckSources(ctx context.Context) ([]SourceState, error) {
	var out []SourceState
	for _, c := range p.Config.Sources {
		r, err := p.checkSource(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, SourceState{Source: c.Name, Type: string(c.Type), Report: r})
	}
	return out, nil
}

func (p *Project) checkSource(ctx context.Context, c config.Source) (source.Report, error) {
	src, err := p.newSource(c, duck.Options{})
	if err != nil {
		return source.Report{}, err
	}
	defer src.Close()
	known, err := p.knownInputs(ctx, c.Name)
	if err != nil {
		return source.Report{}, err
	}
	report, err := src.Check(ctx, known)
	if err != nil {
		return report, err
	}
	return report, addTimeless(ctx, &report, c)
}

// addTimeless warns of versions that all carry one and the same time: what is known
// today then counts as known for ever. A mapping that DuckDB cannot read, in a server's
// own dialect, is passed over.
func addTimeless(ctx context.Context, report *source.Report, c config.Source) error {
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, t := range c.Tables {
		table, err := contract.Lookup(t.Name)
		if err != nil || !slices.Contains(table.Key, table.EventTime) {
			continue
		}
		if constants, err := s.Constants(ctx, t.Select); err != nil || !slices.Contains(constants, table.EventTime) {
			continue
		}
		i := slices.IndexFunc(report.Tables, func(r source.TableReport) bool { return r.Table == t.Name })
		if i < 0 {
			report.Tables, i = append(report.Tables, source.TableReport{Table: t.Name, Rows: -1}), len(report.Tables)
		}
		report.Tables[i].Problems = append(report.Tables[i].Problems, source.Problem{Column: table.EventTime, Warning: true, Found: "a constant",
			Suggestion: "today's values will count as known for ever, in every snapshot of the past; leave out columns that change because of what customers do, or map the time since when a value holds"})
	}
	return nil
}

// knownInputs tells what was extracted before, if a night ever ran.
func (p *Project) knownInputs(ctx context.Context, name string) (source.Known, error) {
	known := source.Nothing("")
	if _, err := os.Stat(filepath.Join(p.DataDir, ledger.FileName)); err != nil {
		return known, nil
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return known, err
	}
	defer l.Close()
	inputs, err := l.Inputs(ctx, name)
	if err != nil {
		return known, err
	}
	states, err := l.States(ctx, name)
	if err != nil {
		return known, err
	}
	byName := map[string]source.Input{}
	for _, in := range inputs {
		byName[in.Name] = source.Input{Name: in.Name, Version: in.Version, Size: in.Size, ModifiedAt: in.ModifiedAt}
	}
	known.Input = func(name string) (source.Input, bool) {
		in, ok := byName[name]
		return in, ok
	}
	known.State = func(table string) string { return states[table] }
	return known, nil
}

// OwnModels counts the project's own SQL models.
func (p *Project) OwnModels() int {
	n := 0
	for _, m := range p.Models.All() {
		if m.Origin != sqlfiles.BuiltIn {
			n++
		}
	}
	return n
}
