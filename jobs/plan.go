package jobs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// Tables that jobs in Go make and SQL models of the marts layer may read.
const (
	customerFeatures         = "customer_features"
	customerCategoryFeatures = "customer_category_features"
	churnPredictions         = "churn_predictions"
	crossSellPredictions     = "cross_sell_predictions"
	churnReasons             = "churn_reasons"
	crossSellReasons         = "cross_sell_reasons"
	churnLabels              = "churn_labels"
	crossSellLabels          = "cross_sell_labels"
	population               = "population"
	crossSellPairs           = "cross_sell_pairs"
)

const futurePrefix = "future_"

// plan knows what every SQL model reads, found in its SQL.
type plan struct {
	models *sqlfiles.Set
	reads  map[string][]string // model -> tables in its SQL
}

// mayRead lists the layers whose models a layer may read, besides the base tables.
var mayRead = map[sqlfiles.Layer][]sqlfiles.Layer{
	sqlfiles.Catalogue: {sqlfiles.Catalogue},
	sqlfiles.Staging:   {sqlfiles.Catalogue, sqlfiles.Staging},
	sqlfiles.Features:  {sqlfiles.Catalogue, sqlfiles.Staging, sqlfiles.Features},
	sqlfiles.Labels:    {sqlfiles.Catalogue, sqlfiles.Staging, sqlfiles.Features},
	sqlfiles.Marts:     {sqlfiles.Catalogue, sqlfiles.Staging, sqlfiles.Marts},
}

// nightTables are what marts may read of the night's other tables.
var nightTables = []string{customerFeatures, customerCategoryFeatures, churnPredictions, crossSellPredictions, churnReasons, crossSellReasons, purchaseProcess, loyaltyCoefficients, valueDriverEffects}

func newPlan(ctx context.Context, p *Project) (*plan, error) {
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	pl := &plan{models: p.Models, reads: map[string][]string{}}
	settings := config.Default()
	if p.Config != nil {
		settings = p.Config
		if err := checkMappings(ctx, s, p.Config); err != nil {
			return nil, err
		}
	}
	// Models may call the prelude's macros, and must call no other table function.
	prelude, err := sqlfiles.Prelude(preludeParams(settings, pipeline.Day{}.String()))
	if err != nil {
		return nil, err
	}
	if err := s.Exec(ctx, prelude); err != nil {
		return nil, fmt.Errorf("loading the prelude: %w", err)
	}
	for _, m := range p.Models.All() {
		reads, err := s.Tables(ctx, m.SQL)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		pl.reads[m.Name] = reads
		hidden, err := s.Hidden(ctx, m.SQL)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		if len(hidden) > 0 {
			return nil, fmt.Errorf("%s uses %s: a model is made of the night's tables alone, so that the same night gives the same table; use as_of() and cutoff() for the time, and a source for files", m.Path, strings.Join(hidden, ", "))
		}
	}
	for _, m := range p.Models.Layer(sqlfiles.Features) {
		if err := warnsWhere(m); err != nil {
			return nil, err
		}
	}
	for _, m := range p.Models.All() {
		for _, table := range pl.reads[m.Name] {
			if err := pl.allowed(m, table); err != nil {
				return nil, err
			}
		}
		if err := pl.checkRelationships(m); err != nil {
			return nil, err
		}
	}
	for _, m := range p.Models.All() {
		if _, err := pl.closure(m.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return pl, nil
}

// warnsWhere refuses a feature file whose checks warn and whose key does not tell which
// of the two published tables they are about.
func warnsWhere(m sqlfiles.Model) error {
	if m.Sidecar == nil || len(m.Sidecar.Warnings()) == 0 {
		return nil
	}
	if key := m.Sidecar.Key; slices.Equal(key, []string{"customer_id"}) || slices.Equal(key, []string{"customer_id", "category"}) {
		return nil
	}
	return fmt.Errorf("%s: it has a check with severity warn, which runs on the published table: expected key: [customer_id] or key: [customer_id, category], to tell which", m.Sidecar.Path)
}

// checkMappings makes sure that every mapping of files is one SELECT that reads input.
// A database's is in the server's dialect: the server checks it.
func checkMappings(ctx context.Context, s *duck.Session, c *config.Config) error {
	for _, src := range c.Sources {
		if src.Type != config.TypeFiles {
			continue
		}
		for _, t := range src.Tables {
			where := fmt.Sprintf("%s: source %s, table %s: select", filepath.Join(c.ProjectDir, config.FileName), src.Name, t.Name)
			reads, err := s.Tables(ctx, t.Select)
			if err != nil {
				return fmt.Errorf("%s: %w", where, err)
			}
			if !slices.Equal(reads, []string{"input"}) {
				return fmt.Errorf("%s: it reads %v; expected a SELECT from input, which is the file", where, reads)
			}
		}
	}
	return nil
}

// allowed tells whether a model may read a table: a layer sees only what exists
// before it, and only labels see the future.
func (pl *plan) allowed(m sqlfiles.Model, table string) error {
	if slices.Contains(contract.Names(), table) {
		return nil
	}
	if base, ok := strings.CutPrefix(table, futurePrefix); ok && slices.Contains(contract.Names(), base) {
		if m.Layer == sqlfiles.Labels {
			return nil
		}
		return fmt.Errorf("%s reads %s: only models in labels/ may look past the cutoff", m.Path, table)
	}
	if m.Layer == sqlfiles.Marts && slices.Contains(nightTables, table) || m.Layer == sqlfiles.Features && table == purchaseProcess {
		return nil
	}
	other, ok := pl.models.Get(table)
	if !ok {
		return fmt.Errorf("%s reads %s, which is neither a contract table (%s) nor a SQL model", m.Path, table, strings.Join(contract.Names(), ", "))
	}
	if !slices.Contains(mayRead[m.Layer], other.Layer) {
		return fmt.Errorf("%s (layer %s) reads %s, which is in layer %s: it may read %v", m.Path, m.Layer, table, other.Layer, mayRead[m.Layer])
	}
	return nil
}

// needs is what a set of models needs to run in one session.
type needs struct {
	models    []sqlfiles.Model // staging, features and labels, each after what it reads
	catalogue []string         // tables made by jobs of their own
	marts     []string         // other marts and tables of the night
	base      []string         // contract tables, with future_ ones
}

// closure collects what the named models need, themselves last.
func (pl *plan) closure(names ...string) (needs, error) {
	var n needs
	state := map[string]int{}
	var visit func(name string, top bool) error
	visit = func(name string, top bool) error {
		switch state[name] {
		case 1:
			return fmt.Errorf("models read each other in a circle, through %s", name)
		case 2:
			return nil
		}
		state[name] = 1
		defer func() { state[name] = 2 }()
		m, ok := pl.models.Get(name)
		switch {
		case slices.Contains(nightTables, name), ok && m.Layer == sqlfiles.Marts && !top:
			n.marts = append(n.marts, name)
			return nil
		case !ok:
			n.base = append(n.base, name)
			return nil
		case m.Layer == sqlfiles.Catalogue && !top:
			n.catalogue = append(n.catalogue, name)
			return nil
		}
		for _, table := range pl.reads[name] {
			if err := visit(table, false); err != nil {
				return err
			}
		}
		n.models = append(n.models, m)
		return nil
	}
	for _, name := range names {
		if err := visit(name, true); err != nil {
			return n, err
		}
	}
	slices.Sort(n.base)
	slices.Sort(n.catalogue)
	slices.Sort(n.marts)
	return n, nil
}

// tables are the names of jobs that a session with these needs depends on.
func (n needs) tables() []string {
	var out []string
	for _, b := range n.base {
		out = append(out, strings.TrimPrefix(b, futurePrefix))
	}
	out = slices.Concat(out, n.catalogue, n.marts)
	slices.Sort(out)
	return slices.Compact(out)
}

// texts are the SQL of all models and what their sidecars say (defaults, checks), for a
// fingerprint.
func (n needs) texts() []any {
	var out []any
	for _, m := range n.models {
		out = append(out, m.Name, m.Layer, m.SQL, m.Sidecar)
	}
	return out
}
