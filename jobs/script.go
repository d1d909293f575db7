package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// Script is the SQL of one night as one text for any DuckDB client: the lake as it was at
// the start of the as-of day, the macros, and every staging model, feature file and mart
// in an order that works, as temporary tables. With out it also writes each mart and
// both feature tables there as Parquet, as a night does. It is what a night runs, with
// neither checks nor publication. Tables that mainstay computes in Go, and those of the
// catalogue, are read from the files of a night of that day, so there must have been one.
// With only, it makes just the named tables and models, and what they need; a name that
// is neither gives ErrScope.
func (p *Project) Script(ctx context.Context, asOf pipeline.Day, out string, only ...string) (string, error) {
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if err != nil {
		return "", err
	}
	defer l.Close()
	s := &script{p: p, asOf: asOf, out: out, lake: &lake.Lake{Dir: p.DataDir, Ledger: l}, made: map[string]bool{}}
	if err := s.begin(); err != nil {
		return "", err
	}
	if len(only) > 0 {
		err := s.named(ctx, only)
		return s.text.String(), err
	}
	if err := s.features(ctx); err != nil {
		return "", err
	}
	g, err := p.Graph(nil)
	if err != nil {
		return "", err
	}
	for _, j := range g.Jobs {
		if m, ok := p.Models.Get(j.Name); ok && m.Layer == sqlfiles.Marts {
			if err := s.table(ctx, m); err != nil {
				return "", err
			}
		}
	}
	return s.text.String(), nil
}

// script is a text in the making.
type script struct {
	p    *Project
	asOf pipeline.Day
	out  string // folder for Parquet; "": none
	lake *lake.Lake
	text strings.Builder
	made map[string]bool
}

// begin writes the session's settings and macros.
func (s *script) begin() error {
	prelude, err := s.p.preludeOf(needs{models: s.p.Models.All()}, s.asOf)
	if err != nil {
		return err
	}
	fmt.Fprintf(&s.text, "SET TimeZone = %s;\n%s\n", duck.Quote(string(s.p.Config.TimeZone)), prelude)
	return nil
}

// named makes some tables and models, and what they need.
func (s *script) named(ctx context.Context, names []string) error {
	for _, name := range names {
		m, ok := s.p.Models.Get(name)
		switch {
		case name == customerFeatures || name == customerCategoryFeatures:
			if !s.made[name] {
				if err := s.features(ctx); err != nil {
					return err
				}
			}
			continue
		case !ok || m.Layer == sqlfiles.Labels:
			return fmt.Errorf("%w: %s; expected a feature table, or a SQL model of staging/, features/ or marts/", ErrScope, name)
		case m.Layer == sqlfiles.Marts:
			if err := s.table(ctx, m); err != nil {
				return err
			}
			continue
		}
		n, err := s.p.plan.closure(name)
		if err != nil {
			return err
		}
		if err := s.needed(ctx, n); err != nil {
			return err
		}
		s.write(name, "SELECT * FROM "+duck.Ident(name)+orderBy(m))
	}
	return nil
}

// features makes the two feature tables.
func (s *script) features(ctx context.Context) error {
	var names []string
	for _, m := range s.p.Models.Layer(sqlfiles.Features) {
		names = append(names, m.Name)
	}
	n, err := s.p.plan.closure(append(names, population, crossSellPairs)...)
	if err != nil {
		return err
	}
	if err := s.needed(ctx, n); err != nil {
		return err
	}
	for _, f := range featureTables {
		query, err := s.assemble(ctx, f, n)
		if err != nil {
			return err
		}
		s.create(f.name, query)
		s.write(f.name, "SELECT * FROM "+duck.Ident(f.name))
	}
	return nil
}

// assemble is the SQL of a feature table. DuckDB tells the columns of the feature files,
// from empty tables.
func (s *script) assemble(ctx context.Context, f featureTable, n needs) (query string, err error) {
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	empty := &session{Session: d, plan: s.p.plan, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}, bases: map[string]string{}}
	for _, name := range contract.Names() {
		t, err := s.lake.Table(ctx, name)
		if err != nil {
			return "", err
		}
		empty.bases[name] = t.Select(lake.Window{To: time.Unix(0, 0)}, string(s.p.Config.TimeZone))
	}
	for _, m := range s.p.Models.All() {
		empty.here[m.Name] = m.Layer == sqlfiles.Staging || m.Layer == sqlfiles.Features
	}
	prelude, err := s.p.preludeOf(n, s.asOf)
	if err != nil {
		return "", err
	}
	if err := d.Exec(ctx, prelude); err != nil {
		return "", fmt.Errorf("loading the prelude: %w", err)
	}
	for _, name := range slices.Concat(n.catalogue, n.marts) {
		path, err := s.newest(ctx, name)
		if err != nil {
			return "", err
		}
		if err := d.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s", duck.Ident(name), duck.ReadParquet([]string{path}))); err != nil {
			return "", err
		}
	}
	files, err := s.p.featureFiles(ctx, empty, f, n)
	if err != nil {
		return "", err
	}
	return assembleSQL(f, files), nil
}

// table makes a mart after what it reads.
func (s *script) table(ctx context.Context, m sqlfiles.Model) error {
	if s.made[m.Name] {
		return nil
	}
	n, err := s.p.plan.closure(m.Name)
	if err != nil {
		return err
	}
	if err := s.needed(ctx, n); err != nil {
		return err
	}
	s.write(m.Name, "SELECT * FROM "+duck.Ident(m.Name)+orderBy(m))
	return nil
}

// needed makes what is not there yet.
func (s *script) needed(ctx context.Context, n needs) error {
	for _, name := range slices.Concat(n.catalogue, n.marts) {
		m, ok := s.p.Models.Get(name)
		switch {
		case s.made[name]:
		case ok && m.Layer == sqlfiles.Marts:
			if err := s.table(ctx, m); err != nil {
				return err
			}
		default:
			if err := s.fromNight(ctx, name); err != nil {
				return err
			}
		}
	}
	for _, base := range n.base {
		if s.made[base] {
			continue
		}
		t, err := s.lake.Table(ctx, strings.TrimPrefix(base, futurePrefix))
		if err != nil {
			return err
		}
		s.create(base, t.Select(s.p.window(view{cutoff: s.asOf}, base), string(s.p.Config.TimeZone)))
	}
	for _, m := range n.models {
		if !s.made[m.Name] {
			s.create(m.Name, body(m))
		}
	}
	return nil
}

func (s *script) create(name, query string) {
	s.made[name] = true
	fmt.Fprintf(&s.text, "\nCREATE TEMP TABLE %s AS\n%s;\n", duck.Ident(name), strings.TrimSpace(query))
}

func (s *script) write(name, query string) {
	if s.out != "" {
		fmt.Fprintf(&s.text, "COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd);\n", query, duck.Quote(filepath.Join(s.out, name+".parquet")))
	}
}

// fromNight reads a table that Go makes.
func (s *script) fromNight(ctx context.Context, name string) error {
	path, err := s.newest(ctx, name)
	if err != nil {
		return err
	}
	s.made[name] = true
	fmt.Fprintf(&s.text, "\nCREATE TEMP VIEW %s AS SELECT * FROM %s;\n", duck.Ident(name), duck.ReadParquet([]string{path}))
	return nil
}

// newest is the newest file of a table of the as-of day: the published one where there
// is one.
func (s *script) newest(ctx context.Context, table string) (path string, err error) {
	path = filepath.Join(s.p.DataDir, warehouse.DayDir(s.asOf.String()), table+".parquet")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	path = ""
	var at time.Time
	for _, dir := range []string{filepath.Join("results", table, "as_of="+s.asOf.String()), filepath.Join("snapshots", table, "cutoff="+s.asOf.String()), filepath.Join("results", table)} {
		files, err := filepath.Glob(filepath.Join(s.p.DataDir, dir, "*.parquet"))
		if err != nil {
			return "", err
		}
		for _, f := range files {
			st, err := os.Stat(f)
			if err != nil || !st.ModTime().After(at) {
				continue
			}
			if ok, err := holds(ctx, table, f); err != nil {
				return "", err
			} else if ok {
				path, at = f, st.ModTime()
			}
		}
	}
	if path == "" {
		return "", fmt.Errorf("there is no table %s of %s in %s: mainstay computes it in Go, so run the night of that day first (mainstay run --as-of %s)", table, s.asOf, s.p.DataDir, s.asOf)
	}
	return path, nil
}

// holds tells whether a file is of the table itself: predictions lie beside their reasons.
func holds(ctx context.Context, table, file string) (ok bool, err error) {
	if table != churnPredictions && table != crossSellPredictions {
		return true, nil
	}
	d, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	cols, err := d.Columns(ctx, "SELECT * FROM "+duck.ReadParquet([]string{file}))
	return slices.ContainsFunc(cols, func(c duck.Column) bool { return c.Name == "probability" }), err
}
