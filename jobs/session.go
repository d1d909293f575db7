package jobs

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/contract"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/lake"
	sqlfiles "github.com/mainstay-etl/mainstay/sql"
)

// lakeOf is the lake of a job's night.
func lakeOf(r *pipeline.Run) *lake.Lake {
	return &lake.Lake{Dir: r.Night.Dir, Ledger: r.Night.Ledger}
}

// view says what a session sees of the lake.
type view struct {
	cutoff pipeline.Day
	whole  bool                   // all events, not only those before the cutoff: the catalogue
	lake   map[string]*lake.Table // contract tables to read, where they were gathered
}

// window is the span of event time of a base table in a view: before the cutoff, or,
// for a future_ table, the horizon from the cutoff on.
func (p *Project) window(v view, base string) lake.Window {
	zone := p.Config.Location()
	at := v.cutoff.Start(zone)
	switch {
	case v.whole:
		return lake.Window{}
	case strings.HasPrefix(base, futurePrefix):
		return lake.Window{From: at, To: p.labelEnd(v.cutoff)}
	}
	return lake.Window{To: at}
}

// table is the lake table behind a base table of a session.
func (v view) table(ctx context.Context, r *pipeline.Run, base string) (*lake.Table, error) {
	name := strings.TrimPrefix(base, futurePrefix)
	if t, ok := v.lake[name]; ok {
		return t, nil
	}
	return lakeOf(r).Table(ctx, name)
}

// gathered holds the lake tables of a night that were gathered into one file each.
// Jobs run side by side: the first that needs one makes it, the others wait for it.
type gathered struct {
	mu     sync.Mutex
	tables map[string]*lake.Table
}

// gather reads the lake tables of n once for several sessions of the night.
func (p *Project) gather(ctx context.Context, r *pipeline.Run, n needs) (map[string]*lake.Table, error) {
	p.gathered.mu.Lock()
	defer p.gathered.mu.Unlock()
	dir := filepath.Join(r.Night.Dir, pipeline.ScratchDir, "gathered")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("creating scratch directory: %w", err)
	}
	o, err := p.session(r)
	if err != nil {
		return nil, err
	}
	s, err := duck.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := map[string]*lake.Table{}
	for _, base := range n.base {
		name := strings.TrimPrefix(base, futurePrefix)
		if p.gathered.tables[name] == nil {
			t, err := view{}.table(ctx, r, name)
			if err != nil {
				return nil, err
			}
			if p.gathered.tables[name], err = t.Gather(ctx, s, r.Night.Cutoff(), filepath.Join(dir, name+".parquet")); err != nil {
				return nil, err
			}
		}
		out[name] = p.gathered.tables[name]
	}
	return out, nil
}

// labelEnd is the end of the label window of a cutoff.
func (p *Project) labelEnd(cutoff pipeline.Day) time.Time {
	return cutoff.AddDays(p.Config.History.HorizonDays).Start(p.Config.Location())
}

// quietDays is how long a company may go without any order before mainstay takes it
// that deliveries have stopped, rather than that nobody buys.
const quietDays = 7

// known is the day up to which the night knows what happened: the as-of day, or the
// day of the newest order when that is longer ago than quietDays; the zero day when there
// is no order before the as-of day.
func (p *Project) known(ctx context.Context, r *pipeline.Run) (pipeline.Day, error) {
	orders, err := lakeOf(r).Table(ctx, contract.Orders.Name)
	if err != nil {
		return pipeline.Day{}, err
	}
	s, err := duck.Open(ctx, duck.Options{})
	if err != nil {
		return pipeline.Day{}, err
	}
	defer s.Close()
	at, err := orders.Newest(ctx, s, r.Night.Cutoff())
	if err != nil || at.IsZero() {
		return pipeline.Day{}, err
	}
	if newest := pipeline.DayOf(at, p.Config.Location()); newest.AddDays(quietDays).Before(r.Night.AsOf) {
		return newest, nil
	}
	return r.Night.AsOf, nil
}

// mature tells whether a cutoff's labels are known when what happened is known up to a
// day: else customers would seem to have left because deliveries had stopped.
func (p *Project) mature(cutoff, known pipeline.Day) bool {
	return !known.Before(cutoff.AddDays(p.Config.History.HorizonDays))
}

// session is a DuckDB session that sees the lake and the night as of a cutoff, and the
// models that can be made in it.
type session struct {
	*duck.Session
	plan *plan
	// cutoff is that of the view.
	cutoff pipeline.Day
	here   map[string]bool // models that can be made
	views  map[string]bool // those that are views so far
	made   map[string]bool // those that are tables
	audit  bool            // check every model that is made
	// bases are the contract tables, by name, with the query that reads them from the lake.
	bases map[string]string
	// shared tables of the night's as-of day; nil for other views.
	shared *shared
}

// open starts a session that holds what n needs: macros, base tables cut by the view,
// the catalogue and other tables of the night; its models wait for make.
func (p *Project) open(ctx context.Context, r *pipeline.Run, v view, n needs) (*session, error) {
	o, err := p.session(r)
	if err != nil {
		return nil, err
	}
	d, err := duck.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &session{Session: d, plan: p.plan, cutoff: v.cutoff, here: map[string]bool{}, views: map[string]bool{}, made: map[string]bool{}, audit: v.cutoff == r.Night.AsOf}
	if v.cutoff == r.Night.AsOf && !v.whole && p.shared != nil {
		s.shared = p.shared
	}
	if err := p.fill(ctx, s, r, v, n); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (p *Project) fill(ctx context.Context, s *session, r *pipeline.Run, v view, n needs) error {
	prelude, err := p.preludeOf(n, v.cutoff)
	if err != nil {
		return err
	}
	if err := s.Exec(ctx, prelude); err != nil {
		return fmt.Errorf("loading the prelude: %w", err)
	}
	s.bases = map[string]string{}
	for _, base := range n.base {
		t, err := v.table(ctx, r, base)
		if err != nil {
			return err
		}
		s.bases[base] = t.Select(p.window(v, base), string(p.Config.TimeZone))
	}
	for _, name := range slices.Concat(n.catalogue, n.marts) {
		if err := loadNightTable(ctx, s, r, v, name); err != nil {
			return err
		}
	}
	for _, m := range n.models {
		s.here[m.Name] = true
	}
	return nil
}

// declare makes views of models, so that their columns can be asked for before any of
// them is made. It is slower than make: every view that reads views is bound anew.
func (s *session) declare(ctx context.Context, models []sqlfiles.Model) error {
	for _, base := range slices.Sorted(maps.Keys(s.bases)) {
		if err := s.make(ctx, base); err != nil {
			return err
		}
	}
	for _, m := range models {
		if err := s.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS\n%s", duck.Ident(m.Name), body(m))); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		s.views[m.Name] = true
	}
	return nil
}

// make turns a model into a table, after the models that it reads, and checks it by its
// sidecar. Staging models are the same at every cutoff, so they are checked at the
// as-of day only; marts are checked in the warehouse, where a failure can be looked at.
func (s *session) make(ctx context.Context, name string) error {
	if s.made[name] {
		return nil
	}
	_, base := s.bases[name]
	if !base && !s.here[name] {
		return nil
	}
	s.made[name] = true
	if s.views[name] {
		if err := s.Exec(ctx, "DROP VIEW "+duck.Ident(name)); err != nil {
			return err
		}
	}
	m, ok := s.plan.models.Get(name)
	if s.shared != nil && (!ok || m.Layer == sqlfiles.Staging) {
		return s.share(ctx, name)
	}
	return s.build(ctx, name, createTable)
}

// build makes a table by the given statement, after what it reads, and checks it.
func (s *session) build(ctx context.Context, name string, create func(ctx context.Context, s *session, name, query string) error) error {
	if query, ok := s.bases[name]; ok {
		if err := create(ctx, s, name, query); err != nil {
			return fmt.Errorf("reading %s from the lake: %w", name, err)
		}
		return nil
	}
	m, _ := s.plan.models.Get(name)
	for _, read := range s.plan.reads[name] {
		if err := s.make(ctx, read); err != nil {
			return err
		}
	}
	if err := create(ctx, s, name, body(m)); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	if m.Layer == sqlfiles.Marts || m.Layer == sqlfiles.Staging && !s.audit {
		return nil
	}
	return checkModel(ctx, s, m)
}

// body is a model's query without a closing semicolon, on lines of its own: it may
// end in a comment.
func body(m sqlfiles.Model) string {
	return strings.TrimRight(strings.TrimSpace(m.SQL), "; \n") + "\n"
}

func loadNightTable(ctx context.Context, s *session, r *pipeline.Run, v view, name string) error {
	t, ok := r.In[name]
	if !ok {
		return fmt.Errorf("table %s is not there for job %s", name, r.Job.Name)
	}
	part, ok := currentPart(t, v.cutoff)
	if !ok {
		return fmt.Errorf("table %s has nothing for %s", name, v.cutoff)
	}
	return s.Exec(ctx, fmt.Sprintf("CREATE TEMP VIEW %s AS SELECT * FROM %s", duck.Ident(name), duck.ReadParquet([]string{part.Path})))
}

// currentPart is the part of a table for a cutoff, or its only one.
func currentPart(t pipeline.Table, cutoff pipeline.Day) (pipeline.Part, bool) {
	if part, ok := t.At(cutoff.String(), ""); ok {
		return part, true
	}
	return t.At("", "")
}

func createTable(ctx context.Context, s *session, name, query string) error {
	return s.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE %s AS\n%s", duck.Ident(name), query))
}

// lakeKey is what a session's result depends on besides its SQL: the state of each
// lake table in its window and the content of the other tables that it reads.
func (p *Project) lakeKey(ctx context.Context, r *pipeline.Run, v view, n needs) ([]any, error) {
	l := lakeOf(r)
	var key []any
	for _, base := range n.base {
		t, err := l.Table(ctx, strings.TrimPrefix(base, futurePrefix))
		if err != nil {
			return nil, err
		}
		key = append(key, base, t.Digest(p.window(v, base).To))
	}
	for _, name := range slices.Concat(n.catalogue, n.marts) {
		part, _ := currentPart(r.In[name], v.cutoff) // a later cutoff's part changes nothing here
		key = append(key, name, part.SHA256)
	}
	return key, nil
}

// logic is the fingerprint of SQL together with the parameters that its macros carry.
func (p *Project) logic(n needs, more ...any) (string, error) {
	prelude, err := p.preludeOf(n, pipeline.Day{})
	if err != nil {
		return "", err
	}
	return pipeline.Fingerprint(code(), prelude, n.texts(), more), nil
}
