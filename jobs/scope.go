package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// Scope says which part of a night is run, and what of it is made anew although it could
// be reused. The zero value is a whole night that reuses what it can.
type Scope struct {
	// Only names tables: just these and what they need are made and audited, and nothing
	// is published.
	Only []string
	// From names tables: these and all that come after them are made anew.
	From []string
	// Retrain learns the models anew.
	Retrain bool
	// Publish lets an older day take the place of a newer one in the warehouse.
	Publish bool
}

// ErrScope is wrapped by errors about a Scope that names what is not there.
var ErrScope = errors.New("no such table")

// partial tells whether the night is not a whole one.
func (s Scope) partial() bool { return len(s.Only) > 0 }

// PartialFile is the warehouse that a run of only some tables leaves in the data
// directory, to look into.
const PartialFile = warehouse.FileName + ".partial"

// scoped is the part of a night's graph that a scope runs, and the jobs that make their
// files anew.
func (p *Project) scoped(s Scope, extra []pipeline.Job) (g *pipeline.Graph, renew map[string]bool, err error) {
	if g, err = p.Graph(extra); err != nil {
		return nil, nil, err
	}
	for _, names := range [][]string{s.Only, s.From} {
		if missing := g.Missing(names...); len(missing) > 0 {
			return nil, nil, fmt.Errorf("%w in a night of this project: %s (`mainstay jobs` lists them)", ErrScope, strings.Join(missing, ", "))
		}
	}
	renew = g.After(s.From...)
	if s.Retrain {
		for _, pr := range predictions() {
			renew[pr.model] = true
		}
	}
	if s.partial() {
		g = g.For(s.Only...)
		if missing := g.Missing(s.From...); len(missing) > 0 {
			return nil, nil, fmt.Errorf("%w among what %s needs: %s would not be run, so it cannot be begun from", ErrScope, strings.Join(s.Only, ", "), strings.Join(missing, ", "))
		}
	}
	return g, renew, nil
}

// CheckScope tells whether a night of the project has all that a scope names.
func (p *Project) CheckScope(s Scope, extra []pipeline.Job) error {
	_, _, err := p.scoped(s, extra)
	return err
}

// keepPartial keeps what a partial run built where nobody takes it for the warehouse.
func (c candidate) keepPartial(dataDir string) error {
	if len(c.tables) == 0 {
		return os.Remove(c.warehouse)
	}
	return durable.Move(c.warehouse, filepath.Join(dataDir, PartialFile))
}

// checksAmong are the checks of a table that can be run where only some tables are.
func (p *Project) checksAmong(table string, here map[string]bool) []duck.Check {
	s, ok := p.sidecar(table)
	if !ok {
		return nil
	}
	s.Checks = slices.DeleteFunc(slices.Clone(s.Checks), func(c sqlfiles.Check) bool { return c.Kind == sqlfiles.Relationships && !here[c.To] })
	return sidecarChecks(table, s)
}
