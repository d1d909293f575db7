package jobs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/source"
	"github.com/mainstay-etl/mainstay/pipeline/source/files"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// SourceState says what a source holds now.
type SourceState struct {
	Source  string
	Inputs  int   // in all
	New     int   // new or changed since the last extraction
	Bytes   int64 // of all inputs
	Missing []string
}

// CheckSources looks at every source without taking anything from it.
func (p *Project) CheckSources(ctx context.Context) ([]SourceState, error) {
	var out []SourceState
	for _, c := range p.Config.Sources {
		s, err := p.checkSource(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (p *Project) checkSource(ctx context.Context, c config.Source) (SourceState, error) {
	state := SourceState{Source: c.Name}
	src, err := newSource(c, duck.Options{})
	if err != nil {
		return state, err
	}
	defer src.Close()
	known, err := p.knownInputs(ctx, c.Name)
	if err != nil {
		return state, err
	}
	fresh, err := src.Inputs(ctx, known)
	if err != nil {
		return state, err
	}
	state.New = len(fresh)
	if f, ok := src.(*files.Source); ok {
		state.Missing = f.Missing()
		paths, err := f.Paths()
		if err != nil {
			return state, err
		}
		for _, path := range paths {
			st, err := os.Stat(path)
			if err != nil {
				return state, fmt.Errorf("source %s: looking at file: %w", c.Name, err)
			}
			state.Inputs++
			state.Bytes += st.Size()
		}
	}
	return state, nil
}

// knownInputs tells what was extracted before, if a night ever ran.
func (p *Project) knownInputs(ctx context.Context, name string) (source.Known, error) {
	byName := map[string]source.Input{}
	if _, err := os.Stat(filepath.Join(p.DataDir, ledger.FileName)); err == nil {
		l, err := ledger.OpenExisting(ctx, p.DataDir)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		inputs, err := l.Inputs(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, in := range inputs {
			byName[in.Name] = source.Input{Name: in.Name, Version: in.Version, Size: in.Size, ModifiedAt: in.ModifiedAt}
		}
	}
	return func(name string) (source.Input, bool) {
		in, ok := byName[name]
		return in, ok
	}, nil
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
