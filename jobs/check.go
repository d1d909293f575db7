package jobs

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/config"
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
	return src.Check(ctx, known)
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
