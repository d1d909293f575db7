package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
	"github.com/mainstay-etl/mainstay/sql/cases"
)

// BadCaseError says that a case cannot be run as it is written.
type BadCaseError struct{ Err error }

func (e *BadCaseError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *BadCaseError) Unwrap() error { return e.Err }

func badCase(c cases.Case, line int, format string, args ...any) error {
	return &BadCaseError{fmt.Errorf("%s:%d: %w", c.Path, line, fmt.Errorf(format, args...))}
}

// BuiltIns is a project of nothing but mainstay's own models and settings. It has no
// sources and runs no night, but its models can be tested.
func BuiltIns(ctx context.Context) (*Project, error) {
	models, err := sqlfiles.Load(nil)
	if err != nil {
		return nil, err
	}
	return (&Project{Models: models}).withDefaults(ctx)
}

// WithDefaults is the project with the settings that mainstay has by itself: the built-in
// cases are written for them.
func (p *Project) WithDefaults(ctx context.Context) (*Project, error) {
	return (&Project{Models: p.Models}).withDefaults(ctx)
}

func (p *Project) withDefaults(ctx context.Context) (*Project, error) {
	p.Config = config.Default()
	var err error
	p.plan, err = newPlan(ctx, p)
	return p, err
}

// CheckCase tells whether a case fits the project's models, without running it. Its
// error is a *BadCaseError.
func (p *Project) CheckCase(c cases.Case) error {
	if _, err := p.caseSettings(c); err != nil {
		return err
	}
	if _, err := pipeline.ParseDay(c.AsOf); err != nil {
		return badCase(c, 1, "as_of: %w", err)
	}
	if _, ok := p.Models.Get(c.Model); !ok {
		return badCase(c, c.Line, "there is no SQL model %s", c.Model)
	}
	given := map[string]bool{}
	for _, g := range c.Given {
		given[g.Table] = true
	}
	reached := map[string]bool{}
	var missing []string
	var visit func(table string)
	visit = func(table string) {
		if reached[table] {
			return
		}
		reached[table] = true
		if given[table] && table != c.Model || isContract(table) {
			return
		}
		if _, ok := p.Models.Get(table); !ok {
			missing = append(missing, table)
			return
		}
		for _, read := range p.plan.reads[table] {
			visit(read)
		}
	}
	visit(c.Model)
	if len(missing) > 0 {
		slices.Sort(missing)
		return badCase(c, c.Line, "%s needs %s, which no SQL model makes: give rows in a section -- given %s", c.Model, strings.Join(missing, ", "), missing[0])
	}
	for _, g := range c.Given {
		if g.Table == c.Model || !reached[g.Table] && !isContract(g.Table) {
			return badCase(c, g.Line, "%s does not read %s, directly or by way of what it reads", c.Model, g.Table)
		}
	}
	return nil
}

func isContract(table string) bool {
	return slices.Contains(contract.Names(), strings.TrimPrefix(table, futurePrefix))
}

// caseSettings are the project's settings with those that the case changes.
func (p *Project) caseSettings(c cases.Case) (*config.Config, error) {
	settings := p.Config
	for _, s := range c.Settings {
		var err error
		if settings, err = settings.With(c.Path, s.Line, s.YAML); err != nil {
			return nil, &BadCaseError{err}
		}
	}
	return settings, nil
}

// RunCase runs a case that CheckCase takes and says how the rows differ from those
// expected; nil when they do not. It works in dir, which is the case's own. A
// *BadCaseError is the case's fault, any other that of a model.
func (p *Project) RunCase(ctx context.Context, c cases.Case, dir string) (diff []string, err error) {
	r := caseRun{Case: c, dir: dir}
	if r.settings, err = p.caseSettings(c); err != nil {
		return nil, err
	}
	if r.model, _ = p.Models.Get(c.Model); r.model.Name == "" {
		return nil, badCase(c, c.Line, "there is no SQL model %s", c.Model)
	}
	cutoff, err := pipeline.ParseDay(c.AsOf)
	if err != nil {
		return nil, badCase(c, 1, "as_of: %w", err)
	}
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	r.session = &session{Session: d, plan: p.plan, cutoff: cutoff, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}}
	prelude, err := sqlfiles.Prelude(p.params(r.settings, c.AsOf))
	if err != nil {
		return nil, &BadCaseError{fmt.Errorf("%s: %w", c.Path, err)}
	}
	if err := d.Exec(ctx, prelude); err != nil {
		return nil, fmt.Errorf("loading the prelude: %w", err)
	}
	if err := r.fill(ctx); err != nil {
		return nil, err
	}
	if err := r.make(ctx, c.Model); err != nil {
		return nil, err
	}
	return r.compare(ctx)
}

// caseRun is one case in a session.
type caseRun struct {
	cases.Case
	*session
	settings *config.Config
	model    sqlfiles.Model
	dir      string
}

// fill makes the given tables; what is not given is empty (contract) or computed.
func (r *caseRun) fill(ctx context.Context) error {
	given := map[string]bool{}
	for i, g := range r.Given {
		given[g.Table] = true
		query, err := r.givenSQL(g, filepath.Join(r.dir, fmt.Sprintf("given-%d.csv", i)))
		if err != nil {
			return err
		}
		if err := createTable(ctx, r.session, g.Table, query); err != nil {
			return badCase(r.Case, g.Line, "given %s: %w", g.Table, err)
		}
	}
	for _, t := range contract.Tables() {
		for _, name := range []string{t.Name, futurePrefix + t.Name} {
			if !given[name] {
				if err := createTable(ctx, r.session, name, r.contractSQL(t, cases.Section{Table: name})); err != nil {
					return err
				}
			}
		}
	}
	for _, m := range r.plan.models.All() {
		r.here[m.Name] = !given[m.Name]
	}
	return nil
}

// compare casts the expected values to the types of the model's columns, so that 1.50
// and 1.5 are the same money, and compares.
func (r *caseRun) compare(ctx context.Context) ([]string, error) {
	cols, err := r.Columns(ctx, "SELECT * FROM "+duck.Ident(r.Model))
	if err != nil {
		return nil, err
	}
	names := r.Expect.Names()
	casts := make([]string, len(names))
	for i, name := range names {
		at := slices.IndexFunc(cols, func(c duck.Column) bool { return c.Name == name })
		if at < 0 {
			return nil, badCase(r.Case, r.Expect.Line+1, "%s has no column %s", r.Model, name)
		}
		casts[i] = fmt.Sprintf("CAST(%s AS %s) AS %s", duck.Ident(name), cols[at].Type, duck.Ident(name))
	}
	want, err := asText(ctx, r.session, fmt.Sprintf("SELECT %s FROM %s", strings.Join(casts, ", "), textRows(r.Expect)))
	if err != nil {
		return nil, badCase(r.Case, r.Expect.Line, "expected rows: %w", err)
	}
	got, err := asText(ctx, r.session, fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s%s)", duck.Idents(names), duck.Ident(r.Model), orderBy(r.model)))
	if err != nil {
		return nil, err
	}
	var key []string
	if r.model.Sidecar != nil {
		key = r.model.Sidecar.Key
	}
	return cases.Diff(names, key, want, got), nil
}

// asText gives the rows of a query as text.
func asText(ctx context.Context, s *session, query string) ([][]*string, error) {
	found, err := s.Query(ctx, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ("+query+")")
	if err != nil {
		return nil, err
	}
	out := make([][]*string, len(found.Rows))
	for i, row := range found.Rows {
		out[i] = make([]*string, len(row))
		for k, v := range row {
			if text, ok := v.(string); ok {
				out[i][k] = &text
			}
		}
	}
	return out, nil
}
