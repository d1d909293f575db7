package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline/config"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/push"
	"github.com/mainstay-etl/mainstay/pipeline/source/postgres"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// pushTarget names PostgreSQL in the ledger.
const pushTarget = "postgres"

// ErrNothingToPush is wrapped by errors about a push that nobody asked for.
var ErrNothingToPush = errors.New("nothing to push")

// PushOptions say how the night that readers see is put into PostgreSQL.
type PushOptions struct {
	Log        *slog.Logger
	Anew       bool // also when it is there already
	AlterTypes bool
}

// Pushed is a night that was put into PostgreSQL.
type Pushed struct {
	ledger.Push
	Notes []string // to read; all of it is there
	Done  bool     // false: there was nothing to do
}

// Push puts the night that readers see into PostgreSQL, as publish.postgres of the
// configuration says, and records in the ledger what became of it. A night that is
// there already is left alone, unless it is wanted anew.
func (p *Project) Push(ctx context.Context, o PushOptions) (out Pushed, err error) {
	c := p.Config.Publish.Postgres
	if c.URL == "" {
		return out, fmt.Errorf("%w: %s names no database under publish.postgres", ErrNothingToPush, config.FileName)
	}
	l, err := ledger.OpenExisting(ctx, p.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, fmt.Errorf("%w: no night was published in %s yet", ErrNothingToPush, p.DataDir)
	}
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	const most = 3 // another night may be published meanwhile
	for range most {
		shown, ok, err := l.Shown(ctx)
		if err != nil {
			return out, err
		}
		if !ok {
			return out, fmt.Errorf("%w: no night was published in %s yet", ErrNothingToPush, p.DataDir)
		}
		last, err := l.Pushes(ctx, 1)
		if err != nil {
			return out, err
		}
		if !o.Anew && len(last) > 0 && last[0].Night == shown.Night && last[0].Error == "" {
			return out, nil
		}
		if out, err = p.pushNight(ctx, l, shown, o); err != nil {
			return out, err
		}
		o.Anew = false
	}
	return out, nil
}

// pushNight puts one night there.
func (p *Project) pushNight(ctx context.Context, l *ledger.Ledger, shown ledger.Publication, o PushOptions) (Pushed, error) {
	c := p.Config.Publish.Postgres
	out := Pushed{Push: ledger.Push{Night: shown.Night, AsOf: shown.AsOf, Target: pushTarget}, Done: true}
	from := time.Now()
	limited, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout))
	defer cancel()
	log := o.Log.With("night", shown.Night, "as_of", shown.AsOf)
	session := duck.Options{Threads: 1}
	p.bound(&session)
	tables, err := p.tablesToPush(ctx, l, shown.Night)
	var got push.Result
	if err == nil {
		got, err = push.Postgres(limited, push.Options{
			Server: postgres.Options{URL: string(c.URL), PasswordFile: string(c.PasswordFile)}, Schema: c.Schema, LockTimeout: time.Duration(c.LockTimeout), AlterTypes: o.AlterTypes,
			Scratch: filepath.Join(p.DataDir, pushScratch), Session: session, Log: log,
		}, push.Night{ID: shown.Night, AsOf: shown.AsOf, Version: Version, Tables: tables})
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("publish.postgres.timeout (%s) is over: %w", c.Timeout, err)
	}
	out.Tables, out.Rows, out.Notes, out.Seconds = got.Tables, got.Rows, got.Notes, time.Since(from).Seconds()
	if err != nil {
		out.Error = err.Error()
		log.Warn("the night was not pushed to PostgreSQL", "error", err, "seconds", out.Seconds)
	} else {
		log.Info("the night was pushed to PostgreSQL", "tables", out.Tables, "rows", out.Rows, "seconds", out.Seconds)
	}
	return out, errors.Join(err, l.RecordPush(context.WithoutCancel(ctx), out.Push))
}

// pushScratch is not below the scratch directory of nights, which the next night sweeps.
const pushScratch = "push.tmp"

// tablesToPush are the published tables of a night, those that the configuration wants.
func (p *Project) tablesToPush(ctx context.Context, l *ledger.Ledger, night int64) ([]push.Table, error) {
	recorded, err := l.NightTables(ctx, night)
	if err != nil {
		return nil, err
	}
	if len(recorded) == 0 {
		return nil, fmt.Errorf("night %d was published by an earlier version of mainstay, which did not keep what its tables are: run it again", night)
	}
	about := map[string]string{}
	if g, err := p.Graph(nil); err == nil {
		for _, j := range g.Jobs {
			about[j.Name] = j.About
		}
	}
	wanted := p.Config.Publish.Postgres.Tables
	var out []push.Table
	for _, t := range recorded {
		if len(wanted) > 0 && !slices.Contains(wanted, t.Name) {
			continue
		}
		path := filepath.Join(p.DataDir, warehouse.TablesDir, warehouse.NightDir(night), t.Name+".parquet")
		if sum, _, err := durable.Digest(path); err != nil {
			return nil, fmt.Errorf("reading table %s of night %d: %w", t.Name, night, err)
		} else if sum != t.SHA256 {
			return nil, fmt.Errorf("table %s of night %d is damaged (%s): run the night again", t.Name, night, path)
		}
		out = append(out, push.Table{Name: t.Name, Parquet: path, About: about[t.Name], Columns: p.columnDocs(t.Name)})
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(out, func(t push.Table) bool { return t.Name == name }) {
			return nil, fmt.Errorf("night %d has no table %s, which publish.postgres.tables names", night, name)
		}
	}
	return out, nil
}

// checkPushTables refuses tables to push that a night does not publish.
func (p *Project) checkPushTables() error {
	if len(p.Config.Publish.Postgres.Tables) == 0 {
		return nil
	}
	g, err := p.Graph(nil)
	if err != nil {
		return err
	}
	var names []string
	for _, j := range g.Jobs {
		if published(j) {
			names = append(names, j.Name)
		}
	}
	for i, t := range p.Config.Publish.Postgres.Tables {
		if !slices.Contains(names, t) {
			slices.Sort(names)
			return fmt.Errorf("%s: publish.postgres.tables[%d]: %q is no table that a night publishes; expected some of %s", filepath.Join(p.Config.ProjectDir, config.FileName), i, t, strings.Join(names, ", "))
		}
	}
	return nil
}
