package jobs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-etl/mainstay/pipeline"
	"github.com/mainstay-etl/mainstay/pipeline/duck"
	"github.com/mainstay-etl/mainstay/pipeline/durable"
	"github.com/mainstay-etl/mainstay/pipeline/ledger"
	"github.com/mainstay-etl/mainstay/pipeline/warehouse"
)

// shownInstead is the newer day that the warehouse shows, and goes on showing when the
// night is published; "" when there is none.
func shownInstead(ctx context.Context, n *pipeline.Night) (string, error) {
	shown, ok, err := n.Ledger.Shown(ctx)
	if err != nil || !ok || shown.AsOf <= n.AsOf.String() {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(n.Dir, warehouse.FileName)); err != nil {
		return "", nil // it was deleted: any night is better than none
	}
	return shown.AsOf, nil
}

// inPlace tells whether the warehouse is the one with a digest.
func inPlace(dataDir, want string) (bool, error) {
	got, _, err := durable.Digest(filepath.Join(dataDir, warehouse.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return got == want, err
}

// recoverRollback settles a rollback whose process died.
func recoverRollback(ctx context.Context, l *ledger.Ledger, dataDir string) error {
	night, want, ok, err := l.UnsettledRollback(ctx)
	if err != nil || !ok {
		return err
	}
	done, err := inPlace(dataDir, want)
	if err != nil {
		return err
	}
	if done {
		if err := warehouse.LinkDay(dataDir, night.AsOf, night.ID); err != nil {
			return err
		}
	}
	return l.EndBringingBack(ctx, night.ID, done)
}

// ErrNoNight is wrapped by errors about a night that is not there, or not any more.
var ErrNoNight = errors.New("no such published night")

// FindNight finds a published night by its number, or by its as-of day, which means the
// night that the day shows.
func FindNight(ctx context.Context, l *ledger.Ledger, text string) (ledger.Night, error) {
	if id, err := strconv.ParseInt(text, 10, 64); err == nil {
		nights, err := l.Nights(ctx, 0)
		if err != nil {
			return ledger.Night{}, err
		}
		for _, n := range nights {
			if n.ID == id && n.Status == ledger.Published && n.Kind == ledger.KindNight {
				return n, nil
			}
		}
		return ledger.Night{}, fmt.Errorf("%w: %s; `mainstay nights` lists them", ErrNoNight, text)
	}
	day, err := pipeline.ParseDay(text)
	if err != nil {
		return ledger.Night{}, fmt.Errorf("%w: %q is neither a night's number nor a day such as 2024-03-01", ErrNoNight, text)
	}
	nights, err := l.PublishedNights(ctx)
	if err != nil {
		return ledger.Night{}, err
	}
	for _, n := range nights {
		if n.AsOf == day.String() {
			return n, nil
		}
	}
	return ledger.Night{}, fmt.Errorf("%w of %s; `mainstay nights` lists them", ErrNoNight, day)
}

// Rollback says what a rollback did.
type Rollback struct {
	Night  ledger.Night
	Before string   // the day that the warehouse showed before
	Tables int      // that were brought back
	Later  []string // later days whose own links stay as they are
}

// RollBack makes readers see a published night again: its warehouse is built anew from its
// kept Parquet tables, which must be what they were when they were published, and takes
// the place of the warehouse; then the link of its day shows them. It takes the lease. The
// next night is published as usual.
func RollBack(ctx context.Context, dataDir, which string, now func() time.Time) (out Rollback, err error) {
	l, err := ledger.OpenExisting(ctx, dataDir)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if out.Night, err = FindNight(ctx, l, which); err != nil {
		return out, err
	}
	lease, err := l.Acquire(ctx, "rollback to night "+fmt.Sprint(out.Night.ID))
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, lease.Release()) }()
	if err := warehouse.SweepUnpublished(dataDir); err != nil {
		return out, err
	}
	if err := (&Project{DataDir: dataDir}).recover(ctx, l); err != nil {
		return out, err
	}
	if shown, ok, err := l.Shown(ctx); err != nil {
		return out, err
	} else if ok {
		out.Before = shown.AsOf
	}
	tables, rows, err := keptTables(ctx, l, dataDir, out.Night)
	if err != nil {
		return out, err
	}
	out.Tables = len(tables)
	if err := errors.Join(bringBack(ctx, l, dataDir, out.Night, ledger.ForRollback, tables, rows), pipeline.SweepScratch(dataDir)); err != nil {
		return out, err
	}
	nights, err := l.PublishedNights(ctx)
	for _, n := range nights {
		if n.AsOf > out.Night.AsOf {
			out.Later = append(out.Later, n.AsOf)
		}
	}
	return out, err
}

// keptTables are the Parquet tables of a published night, each proved by its digest, with
// their rows.
func keptTables(ctx context.Context, l *ledger.Ledger, dataDir string, n ledger.Night) ([]warehouse.Table, map[string]int64, error) {
	dir := filepath.Join(dataDir, warehouse.TablesDir, warehouse.NightDir(n.ID))
	paths, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(paths) == 0 {
		return nil, nil, errors.Join(err, fmt.Errorf("%w: the tables of night %d are not kept any more in %s; `mainstay run --as-of %s --publish` makes that day anew", ErrNoNight, n.ID, dir, n.AsOf))
	}
	retired, err := l.RetiredNights(ctx)
	if err != nil {
		return nil, nil, err
	}
	if at, ok := retired[n.ID]; ok {
		return nil, nil, fmt.Errorf("%w: night %d was let go on %s (retention.nights in mainstay.yaml), only a few of its tables are left; `mainstay run --as-of %s --publish` makes that day anew", ErrNoNight, n.ID, at.Format(time.DateOnly), n.AsOf)
	}
	known, err := l.NightTables(ctx, n.ID)
	if err != nil {
		return nil, nil, err
	}
	var out []warehouse.Table
	rows := map[string]int64{}
	for _, t := range known {
		path := filepath.Join(dir, t.Name+".parquet")
		sum, _, err := durable.Digest(path)
		if err != nil || sum != t.SHA256 {
			return nil, nil, errors.Join(err, fmt.Errorf("%s is not what night %d published: bring another night back, or restore the file from a backup; `mainstay run --as-of %s --publish` makes that day anew", path, n.ID, n.AsOf))
		}
		out, rows[t.Name] = append(out, warehouse.Table{Name: t.Name, Parquet: path}), t.Rows
	}
	if len(known) == 0 { // a night of before tables were recorded
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".parquet")
			sum, _, err := durable.Digest(path)
			if err != nil {
				return nil, nil, err
			}
			a, ok, err := l.ArtifactOf(ctx, "", sum) // a table may be a file of another job
			if err != nil {
				return nil, nil, err
			}
			if !ok {
				return nil, nil, fmt.Errorf("%s is no file that the ledger knows: it was changed since night %d; `mainstay run --as-of %s --publish` makes that day anew", path, n.ID, n.AsOf)
			}
			out, rows[name] = append(out, warehouse.Table{Name: name, Parquet: path}), a.Rows
		}
	}
	return out, rows, nil
}

// bringBack builds the warehouse of a night beside the published one and swaps it in. why
// is ledger.ForRollback or ForForgetting.
func bringBack(ctx context.Context, l *ledger.Ledger, dataDir string, n ledger.Night, why string, tables []warehouse.Table, rows map[string]int64) error {
	if err := recordComments(ctx, dataDir, tables); err != nil {
		return err
	}
	var checks []duck.Check
	for _, t := range tables {
		checks = append(checks, duck.Check{Name: "rows as published", Table: t.Name, Severity: severityError,
			Failing: fmt.Sprintf("SELECT count(*) AS rows_now FROM %s HAVING count(*) <> %d", duck.Ident(t.Name), rows[t.Name])})
	}
	next, err := warehouse.NextFile(dataDir)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dataDir, pipeline.ScratchDir, "rollback")
	found, err := warehouse.Build(ctx, next, duck.Options{TempDir: tmp}, tables, checks)
	if err != nil {
		return errors.Join(fmt.Errorf("building the warehouse of night %d: %w", n.ID, err), os.RemoveAll(next), os.RemoveAll(next+".wal"))
	}
	if failures := warehouse.Failures(found, severityError); failures != "" {
		return errors.Join(fmt.Errorf("the warehouse of night %d is not what was published; nothing was changed:\n%s", n.ID, failures), os.Remove(next))
	}
	sum, _, err := durable.Digest(next)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	ctx = context.WithoutCancel(ctx) // from here on it is done, whatever is asked
	if err := warehouse.StageDay(dataDir, n.ID); err != nil {
		return err
	}
	if err := l.BringingBack(ctx, n.ID, ledger.BroughtBackFile{SHA256: sum, Why: why}); err != nil {
		return err
	}
	if err := durable.Move(next, filepath.Join(dataDir, warehouse.FileName)); err != nil {
		return err
	}
	if err := warehouse.ShowDay(dataDir, n.AsOf, n.ID); err != nil {
		return err
	}
	return l.EndBringingBack(ctx, n.ID, true)
}

// recordComments takes what tables and columns mean from the warehouse in place, if there
// is one: bringing a night back must not need a project that can be loaded.
func recordComments(ctx context.Context, dataDir string, tables []warehouse.Table) error {
	if _, err := os.Stat(filepath.Join(dataDir, warehouse.FileName)); err != nil {
		return nil
	}
	s, err := warehouse.Open(ctx, dataDir)
	if err != nil {
		return nil // it may be what is to be replaced because it is damaged
	}
	defer s.Close()
	about, err := s.Query(ctx, "SELECT table_name, '', comment FROM duckdb_tables() WHERE comment IS NOT NULL UNION ALL SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL")
	if err != nil {
		return fmt.Errorf("reading the comments of the warehouse: %w", err)
	}
	for _, row := range about.Rows {
		table, column, text := row[0].(string), row[1].(string), row[2].(string)
		i := slices.IndexFunc(tables, func(t warehouse.Table) bool { return t.Name == table })
		switch {
		case i < 0:
		case column == "":
			tables[i].About = text
		default:
			if tables[i].Columns == nil {
				tables[i].Columns = map[string]string{}
			}
			tables[i].Columns[column] = text
		}
	}
	return nil
}
